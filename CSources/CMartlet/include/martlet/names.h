// SPDX-License-Identifier: Apache-2.0
// Names: interned strings, process-wide, and the processes registered under them, per runtime.
//
// Overview. A name is interned once and for ever: its text becomes a pointer with a small dense id. A runtime keeps one
// word a name, the pid registered there now, in an array indexed by that id; so a lookup is three dependent loads, no
// hash, no lock, no read section. Documentation/design/names.md draws it, adr/0003 says why not a hash table a runtime.
//
//     "counter" --intern (cds_lfht, RCU)--> mt_name_t {id 5} --segments[5 >> 10]--> cells[5 & 1023] {pid, name}
//
// Contract. A registration is {name, pid}; pid is {generation:32 | index:32} and never 0, since generations begin at 1.
// At most one process holds a name. A holder that died is no holder: the next registration takes its place, cleaned up
// or not. A lookup may return a pid that died since: using the pid tells.
//
// Concurrent operations: mt_name_intern, mt_names_register, _unregister, _lookup and _for_each, any mix, any threads.
// mt_names_create and _destroy: alone on their table.
//
// What this is not: the Registry with dynamic keys and values. Interned text is never given back: intern names that the
// program chooses, never text that a stranger can choose.
#ifndef MARTLET_NAMES_H
#define MARTLET_NAMES_H

#include "atomic.h"
#include "status.h"

#define MT_NAME_LENGTH_MAX 4096  // bytes; a longer name is a mistake, not a name
#define MT_NAMES_SEGMENT_BITS 10 // 1,024 cells of 16 bytes: what a runtime pays for its first name
#define MT_NAMES_SEGMENTS_MAX 4096
// Names of the whole program, 4 million: four times what a BEAM allows in atoms. A limit, since text is never freed.
#define MT_NAMES_MAX ((uint32_t)MT_NAMES_SEGMENTS_MAX << MT_NAMES_SEGMENT_BITS)

// An interned name: equal text, equal pointer. Immutable, never freed.
typedef struct mt_name {
    const char *text; // UTF-8, a 0 follows
    uint32_t length;  // bytes of text
    uint32_t id;      // dense from 0, below MT_NAMES_MAX
} mt_name_t;

// The one entry of this text, which is copied; NULL when memory or the names are exhausted or the text is longer than
// MT_NAME_LENGTH_MAX. Any thread, outside read sections. Lock-free once a name of the program exists; the first blocks.
const mt_name_t *mt_name_intern(const char *utf8, size_t length);

// The text, followed by a 0; its bytes in *length unless that is NULL. Any thread, wait-free.
static inline const char *mt_name_text(const mt_name_t *name, size_t *length) {
    if (length) *length = name->length;
    return name->text;
}

// The dense id. Any thread, wait-free.
static inline uint32_t mt_name_id(const mt_name_t *name) { return name->id; }

// Where one runtime says who holds one name.
typedef struct mt_names_cell {
    mt_a64_t pid;   // 0: nobody. Changed by CAS alone, by anyone
    mt_aptr_t name; // the mt_name_t, stored before the first pid and always the same
} mt_names_cell_t;

_Static_assert(sizeof(mt_names_cell_t) == 16, "four cells to a cache line");

// The registrations of a runtime. Opaque but for the inline lookup.
typedef struct mt_names {
    bool (*is_alive)(uint64_t pid);
    mt_aptr_t segments[MT_NAMES_SEGMENTS_MAX]; // of mt_names_cell_t, NULL until needed, then constant
} mt_names_t;

// An empty table. is_alive says whether the pid's incarnation lives; once false for a pid it stays false. It is called
// with no lock held, from register, and may be called for any pid that was registered. MT_OK or MT_NO_MEMORY.
mt_status_t mt_names_create(bool (*is_alive)(uint64_t pid), mt_names_t **names);

// Frees the table. No other thread uses it any more; registrations left are forgotten. NULL is allowed.
void mt_names_destroy(mt_names_t *names);

// Registers pid under name. MT_OK; MT_NAME_TAKEN with the living holder in *holder (pid itself when it holds the name
// already); MT_NO_MEMORY. *holder is 0 unless MT_NAME_TAKEN. Any thread, lock-free but for the allocator.
mt_status_t mt_names_register(mt_names_t *names, const mt_name_t *name, uint64_t pid, uint64_t *holder);

// Frees the name if pid holds it; false, and nothing changed, when another does or nobody. Any thread, wait-free.
bool mt_names_unregister(mt_names_t *names, const mt_name_t *name, uint64_t pid);

// The pid registered under name, 0 for none; it may have died since. Any thread, wait-free.
static inline uint64_t mt_names_lookup(const mt_names_t *names, const mt_name_t *name) {
    // acquire: pairs with the CAS that publishes a segment in names.c:cell_make; weaker, its zeroed cells may be
    // missed.
    const mt_names_cell_t *segment =
        (const mt_names_cell_t *)mt_aptr_load_acq(&names->segments[name->id >> MT_NAMES_SEGMENT_BITS]);
    if (MT_UNLIKELY(!segment)) return 0;
    // acquire: pairs with the CAS in mt_names_register; who finds the pid finds its slot in that incarnation. Weaker, a
    // send by a fresh name could read the slot's life of before and answer noProcess for a living process.
    return mt_a64_load_acq(&segment[name->id & ((1u << MT_NAMES_SEGMENT_BITS) - 1)].pid);
}

// Calls visit for each registration in the order of ids, dead holders included: each that stands during the whole call
// is visited once, others perhaps. The visitor may register and unregister. Any thread, no lock or read section is
// held.
void mt_names_for_each(const mt_names_t *names, void (*visit)(void *context, const mt_name_t *name, uint64_t pid),
                       void *context);

// Whether the calling thread is inside an RCU read section; always false unless built with MT_CHECKED. For
// MT_DEBUG_ASSERT before code of the user runs. Any thread, wait-free.
bool mt_rcu_is_reading(void);

#endif
