// SPDX-License-Identifier: Apache-2.0
// The process slot: what a pid leads to. Slots are type-stable: one table for the whole OS process, never freed, so an
// old pid is always safe to look at; the generation in `life` says whose slot it is now. Why no read section and no
// grace period: Documentation/adr/0003-process-table-and-rcu.md.
//
// Not here: the queue itself (mailbox.h), who may run user code (phase.h), birth and death (process.h).
#ifndef MARTLET_SLOT_H
#define MARTLET_SLOT_H

#include "node.h"
#include "region.h"

//   pid    63           32 31            0
//          | generation   |    index     |          0 is no process
typedef uint64_t mt_pid_t;

static inline mt_pid_t mt_pid_make(uint32_t generation, uint32_t index) { return (uint64_t)generation << 32 | index; }
static inline uint32_t mt_pid_index(mt_pid_t pid) { return (uint32_t)pid; }
static inline uint32_t mt_pid_generation(mt_pid_t pid) { return (uint32_t)(pid >> 32); }

// `life`: generation:32 | leaves:16 | flags:16. FREE (no flag) -> LIVE -> DYING -> FREE of the next generation.
// `leaves` counts the handlers that ended while their process was doomed (phase.h).
#define MT_LIFE_LIVE 1u     // accepts messages
#define MT_LIFE_DYING 2u    // the exit protocol has begun: senders get MT_NO_PROCESS
#define MT_LIFE_TRAP 4u     // exit signals become messages
#define MT_LIFE_KILL 8u     // killed: the owner's next look ends it
#define MT_LIFE_EXIT 16u    // an untrapped exit signal waits in `exits`
#define MT_LIFE_FENCE 32u   // somebody wants to take it out of its handler: no effect any more
#define MT_LIFE_TAKEN 64u   // taken: the handler's thread has lost it
#define MT_LIFE_BACK 128u   // ... and that thread came back
#define MT_LIFE_HELD 256u   // over, but for that thread, which will put the slot on the free list
#define MT_LIFE_SYSTEM 512u // commands wait in `system`
#define MT_LIFE_ASIDE 1024u // suspended, or messages wait aside (system.h): the owner goes the long way
#define MT_LIFE_LINK 2048u  // beside EXIT: a signal in `exits` is a link's
#define MT_LIFE_ALIAS 2048u // no process: an alias of one (alias.h)
#define MT_LIFE_LEAVE 0x10000u
#define MT_LIFE_LEAVES 0xFFFF0000u
// A running handler has no effect; and whose process it is must be looked at when the handler ends.
#define MT_LIFE_FENCED (MT_LIFE_KILL | MT_LIFE_FENCE | MT_LIFE_TAKEN | MT_LIFE_HELD)
#define MT_LIFE_DOOMED (MT_LIFE_FENCED | MT_LIFE_EXIT)

static inline uint64_t mt_life_make(uint32_t generation, uint32_t flags) { return (uint64_t)generation << 32 | flags; }
static inline uint32_t mt_life_generation(uint64_t life) { return (uint32_t)(life >> 32); }
// Over, or told to end: the owner's next look runs the exit.
static inline bool mt_life_is_lethal(uint64_t life, uint32_t generation) {
    return mt_life_generation(life) != generation || !(life & MT_LIFE_LIVE) || life & MT_LIFE_DOOMED;
}
// LIVE at that generation, and nothing asks for its end or for another look.
static inline bool mt_life_is_calm(uint64_t life, uint32_t generation) {
    return (life & ~(uint64_t)MT_LIFE_TRAP) == mt_life_make(generation, MT_LIFE_LIVE);
}

// `phase`: generation:32 | who may touch the owner's side while user code runs (phase.h).
#define MT_PHASE_OUT 0u  // not in a slice
#define MT_PHASE_BUSY 1u // runtime code works on the owner's side
#define MT_PHASE_IN 2u   // user code runs, the owner's side is at rest

struct mt_runtime;
struct mt_aside;
struct mt_class;
struct mt_bounded;
struct mt_deferred;
struct mt_name;

typedef struct mt_slot {
    // Line 0: written by senders at every message; the consumer comes here only when it believes the queue is empty.
    mt_a64_t head;          // mailbox: last node | MT_HEAD_IDLE | MT_HEAD_SIGNAL; xchg and CAS by anyone
    mt_aptr_t stub_next;    // mailbox: the stub node is this one word (a node's first field)
    mt_aptr_t exits;        // stack of exit records: CAS push by anyone, xchg by the owner
    uint64_t run_link;      // inject queue and stall list; whoever holds the slot's ownership writes it
    uint64_t free_link;     // region.h's free list
    void *pending;          // plain, owner, cold: what a caller's thread left for a worker (engine's)
    mt_a64_t handled;       // messages handled so far; owner writes once a slice, as it comes to release; reports read
    mt_a32_t running_since; // ms; of a handler that gave its worker away to block: when its turn began, 0: none
    uint32_t stalls;        // plain, owner, cold: stalls in a row

    // Line 1: the owner's, hot.
    mt_a64_t phase;               // owner stores, a killer reads
    mt_a64_t edge;                // reply slot the process waits on; written by the owner, read by anyone
    mt_node_t *tail;              // plain: mailbox consumer side
    uint32_t generation;          // plain: of the incarnation in place, 0 when none
    mt_a32_t activity;            // owner stores, anyone reads: MT_ACTIVITY_*
    mt_aptr_t klass;              // mt_class_t that runs it; owner writes, reports read
    void *state;                  // plain: the engine's
    mt_a64_t current_call;        // owner stores, reports read: what user code is busy with (slice.h, mt_doing_make)
    struct mt_deferred *deferred; // plain: calls whose handler returned without an answer

    // Line 2: read by senders and the consumer at every message, so written rarely. Apart from head: a consumer that
    // reads life beside a head that senders exchange waits for the line at every message (cast 190 -> 90 ns on two
    // cores).
    mt_a64_t life;       // CAS by anyone, generation-checked
    mt_aptr_t bounded;   // credits (credit.h); set once for ever by the first bounded spawn
    mt_aptr_t runtime;   // of the current incarnation; written by spawn before LIVE, outlives its processes
    void *last_reason;   // plain, owner: why last_generation ended, a reason object
    mt_aptr_t name;      // mt_name_t it is registered under; owner writes, reports read
    uint64_t idle_timer; // plain, owner: armed by wait(idle:), 0 if not
    mt_a64_t parent;     // who started it, 0 if no process did; owner writes, reports read
    uint32_t timers;     // guarded by its timer shard: list of the timers it owns
    uint32_t flags;      // plain, owner: MT_SLOT_*

    // Line 3: no message comes here: ties to other processes, the system lane, and what reports read. Where each of a
    // thousand processes gets a message in its turn, a line more is a miss more for each.
    mt_aptr_t system;         // stack of commands: CAS push by anyone, xchg by the owner
    uint32_t links;           // guarded by the slot's tie lock (tie.h): lists of ties
    uint32_t link_count;      // the same
    uint32_t watching;        // the same: monitors that this process set
    uint32_t watched_by;      // the same: monitors set on it
    uint32_t watcher_count;   // the same
    mt_a32_t length;          // of an unbounded queue, at least, then; owner, when a budget ends; an alias: its number
    uint32_t idle_arming;     // plain, owner: number of the last idle arming; an older TIMEOUT message is stale
    uint32_t last_generation; // plain, owner: of the incarnation before, for the drain
    mt_aptr_t label;          // mt_label_t for humans; the process writes under the lock of labels (report.h)
    uint32_t high_water;      // plain, owner: queued messages that are reported, 0: none
    mt_a32_t oldest;          // tick of the oldest message when a budget last ended, 0: the queue was emptied since
    struct mt_aside *aside;   // plain, owner: what the system lane keeps (system.h), NULL for most
} mt_slot_t;

_Static_assert(sizeof(mt_slot_t) == 256, "four cache lines");
_Static_assert(offsetof(mt_slot_t, phase) == 64 && offsetof(mt_slot_t, life) == 128, "lines by writer");
_Static_assert(offsetof(mt_slot_t, system) == 192, "the rare line");

#define MT_SLOT_RETIRED 1u    // on the free list
#define MT_SLOT_HIBERNATED 2u // gave memory back; cleared by the next message
#define MT_SLOT_MEASURED 4u   // `length` and `oldest` say something

#define MT_ACTIVITY_WAITING 0u
#define MT_ACTIVITY_RUNNING 1u
#define MT_ACTIVITY_HIBERNATING 2u
#define MT_ACTIVITY_STARTING 4u // running its init
#define MT_ACTIVITY_SUSPENDED 3u

// At most this many processes live at once in one OS process.
#define MT_SLOTS_MAX (1u << 24)

// The slot of a pid, NULL for a pid that no spawn ever returned. Any thread, wait-free.
static inline mt_slot_t *mt_slot_of(mt_pid_t pid) {
    uint32_t index = mt_pid_index(pid);
    if (MT_UNLIKELY(!mt_region_contains_index(&mt_slots, index))) return NULL;
    return (mt_slot_t *)mt_region_at(&mt_slots, index);
}

static inline mt_pid_t mt_slot_pid(const mt_slot_t *slot, uint32_t generation) {
    return mt_pid_make(generation, mt_region_index(&mt_slots, slot));
}

// Who started the incarnation in place, 0: no process. Any thread; a hint but for its owner.
static inline mt_pid_t mt_slot_parent(const mt_slot_t *slot) { return mt_a64_load_rlx(&slot->parent); }

// Whether anything of the process is left: alive, or its end is under way. Any thread, wait-free.
static inline bool mt_pid_is_there(mt_pid_t pid) {
    const mt_slot_t *slot = mt_slot_of(pid);
    // acquire: as in mt_pid_is_alive.
    uint64_t life = slot ? mt_a64_load_acq(&slot->life) : 0;
    return !((life ^ pid) >> 32) && life & (MT_LIFE_LIVE | MT_LIFE_DYING);
}

// Whether the process has not begun to end. Only a hint. Any thread, wait-free.
static inline bool mt_pid_is_alive(mt_pid_t pid) {
    const mt_slot_t *slot = mt_slot_of(pid);
    // acquire: pairs with the release of `life` in mt_process_spawn, so that a live answer shows a made process.
    uint64_t life = slot ? mt_a64_load_acq(&slot->life) : 0;
    return mt_life_generation(life) == mt_pid_generation(pid) && (life & MT_LIFE_LIVE);
}

#endif
