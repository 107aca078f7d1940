// SPDX-License-Identifier: Apache-2.0
// Interning: text -> mt_name_t, process-wide. The only file that knows liburcu.
//
// A hash table that only grows. Finders walk it inside a read section, which the library asks of everyone whose table
// may be resized; an entry is never removed, so a pointer to it outlives the section. Two threads that miss the same
// text both build an entry; cds_lfht_add_unique lets one in, the other, which nobody else has seen, is freed at once.
//
//                    find            add                 grow
//     find           no exclusion    no exclusion        read section
//     add                            add_unique decides  read section
//     grow                                               mutex; the second does not wait
//
// The thread whose entry fills the table doubles it. The library could do that by itself (CDS_LFHT_AUTO_RESIZE), in a
// thread of its own that never ends, cannot be refused without an abort, and frees what other threads allocated by an
// order that ThreadSanitizer cannot see.
#include "martlet/memory.h"
#include "martlet/names.h"
#include "rcu_shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 256u // 4 KiB; names are few

// A text as the table compares it.
typedef struct {
    const char *bytes;
    size_t length;
} text_t;

typedef struct {
    struct cds_lfht_node node; // the library's
    mt_name_t name;            // constant once the entry is in the table
    char text[];
} entry_t;

// The table, from the first intern to the end of the program: names are never given back.
static mt_aptr_t table_pointer;
static pthread_mutex_t table_change = PTHREAD_MUTEX_INITIALIZER; // creation and growth
// What the table was last asked to have; written under table_change. A wrong look costs a lock, nothing else.
static mt_a32_t buckets = {BUCKETS_FIRST};
// Ids given out. An entry that lost the race gives its id back unless a later one is already out: dense but for races.
static mt_a32_t ids_taken;

static struct cds_lfht *table_get(void) {
    // acquire: pairs with the release below; weaker, the table's own fields may be missed.
    struct cds_lfht *table = mt_aptr_load_acq(&table_pointer);
    if (MT_LIKELY(table)) return table;
    pthread_mutex_lock(&table_change);
    // relaxed: the mutex orders the creators.
    table = mt_aptr_load_rlx(&table_pointer);
    if (!table) {
        if (!mt_alloc_refused()) table = cds_lfht_new_flavor(BUCKETS_FIRST, BUCKETS_FIRST, 0, 0, &urcu_bp_flavor, NULL);
        // release: publishes the table; pairs with the acquire above.
        if (table) mt_aptr_store_rel(&table_pointer, table);
    }
    pthread_mutex_unlock(&table_change);
    return table;
}

// Doubles the table when ids outnumber its buckets, so that a bucket has one entry on average. Outside read sections.
static void table_grow(struct cds_lfht *table, uint32_t id) {
    // relaxed: only when to grow depends on it. trylock: whoever finds a growth under way goes on, the next id asks
    // again.
    if (MT_LIKELY(id < mt_a32_load_rlx(&buckets)) || pthread_mutex_trylock(&table_change) != 0) return;
    uint32_t wanted = mt_a32_load_rlx(&buckets);
    // Refused: longer chains, until another id asks. The library itself would end the program.
    if (id >= wanted && !mt_alloc_refused()) {
        while (wanted <= id) wanted *= 2;
        cds_lfht_resize(table, wanted);
        mt_a32_store_rlx(&buckets, wanted);
    }
    pthread_mutex_unlock(&table_change);
}

// FNV-1a, then a mix, because the table's buckets are the low bits.
static unsigned long hash_of(text_t text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.bytes[i]) * UINT64_C(0x100000001b3);
    }
    return (unsigned long)(hash ^ (hash >> 32));
}

static entry_t *entry_of(struct cds_lfht_node *node) { return caa_container_of(node, entry_t, node); }

// Called by the library inside our read section: reads constants, calls nothing.
static int entry_matches(struct cds_lfht_node *node, const void *key) {
    MT__RCU_ACQUIRE(node); // pairs with MT__RCU_PUBLISH in insert
    const mt_name_t *name = &entry_of(node)->name;
    const text_t *text = key;
    return name->length == text->length && memcmp(name->text, text->bytes, text->length) == 0;
}

static const mt_name_t *find(struct cds_lfht *table, unsigned long hash, text_t text) {
    struct cds_lfht_iter position;
    mt__rcu_read_lock();
    cds_lfht_lookup(table, hash, entry_matches, &text, &position);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&position);
    mt__rcu_read_unlock();
    return node ? &entry_of(node)->name : NULL;
}

static bool id_take(uint32_t *id) {
    // relaxed: an id orders nothing, the entry that carries it is published by the table.
    uint32_t taken = mt_a32_load_rlx(&ids_taken);
    do {
        if (taken == MT_NAMES_MAX) return false;
    } while (!mt_a32_cas(&ids_taken, &taken, taken + 1));
    *id = taken;
    return true;
}

// Finding the count at id + 1 means that no later id is in use: such an id keeps the count above itself for ever.
static void id_give_back(uint32_t id) {
    uint32_t expected = id + 1;
    (void)mt_a32_cas(&ids_taken, &expected, id);
}

static entry_t *entry_make(text_t text) {
    entry_t *entry = mt_alloc_zeroed(sizeof *entry + text.length + 1); // zeroed: a 0 ends the text
    if (!entry) return NULL;
    if (text.length) memcpy(entry->text, text.bytes, text.length);
    entry->name.text = entry->text;
    entry->name.length = (uint32_t)text.length;
    if (id_take(&entry->name.id)) return entry;
    free(entry);
    return NULL;
}

static const mt_name_t *insert(struct cds_lfht *table, unsigned long hash, text_t text) {
    entry_t *entry = entry_make(text);
    if (!entry) return NULL;
    cds_lfht_node_init(&entry->node);
    MT__RCU_PUBLISH(&entry->node); // pairs with MT__RCU_ACQUIRE in entry_matches
    mt__rcu_read_lock();
    struct cds_lfht_node *node = cds_lfht_add_unique(table, hash, entry_matches, &text, &entry->node);
    mt__rcu_read_unlock();
    if (node == &entry->node) {
        table_grow(table, entry->name.id);
        return &entry->name;
    }
    id_give_back(entry->name.id);
    free(entry);
    return &entry_of(node)->name;
}

const mt_name_t *mt_name_intern(const char *utf8, size_t length) {
    if (length > MT_NAME_LENGTH_MAX) return NULL;
    struct cds_lfht *table = table_get();
    if (!table) return NULL;
    const text_t text = {.bytes = utf8, .length = length};
    const unsigned long hash = hash_of(text);
    const mt_name_t *found = find(table, hash, text);
    return found ? found : insert(table, hash, text);
}

bool mt_rcu_is_reading(void) { return MT__RCU_DEPTH() != 0; }
