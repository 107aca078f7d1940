// SPDX-License-Identifier: Apache-2.0
// One record for each OS thread that uses the core: its magazines and what other modules keep by thread. Not a thread
// abstraction; threads start through env.h.
//
// A record is type-stable: when its thread ends, its stock goes back to the depots and the record to a free list for
// the next thread. So a pointer to a record never dangles, and sums over all records (mt_thread_for_each) stay exact.
//
// A destructor of the thread's other keys may attach it again after its record went; pthreads then runs ours once more.
// fork: a child, once its parent has started a runtime, must not use the core; attaching ends it with a message
// (src/forked.c).
#ifndef MARTLET_THREAD_H
#define MARTLET_THREAD_H

#include "atomic.h"
#include "magazine.h"
#include "status.h"

// Size classes of message nodes; see pool.h.
#define MT_NODE_CLASSES 5

struct mt_frame;
struct mt_worker;

typedef struct mt_thread mt_thread_t;
struct mt_thread {
    // Touched by the thread alone; NULL at attach.
    struct mt_frame *frame;           // innermost handler on this thread's stack
    struct mt_runtime *runtime;       // whose worker or spare this thread is, for life
    struct mt_runtime *detached_from; // the runtime whose context this thread gave away when it blocked
    void *stats_runtime;              // cache of the statistics: whose ...
    void *stats;                      // ... and where
    // The worker's context this thread runs, and who may touch it (src/context.h).
    mt_aptr_t worker;   // mt_worker_t; the thread writes, the monitor reads
    mt_a64_t is_inside; // the thread writes, the monitor reads
    mt_a32_t claim;     // CAS by both
    // The reply slot this thread of a runtime blocks on, 0: none; the thread writes, mt_runtime_is_idle reads.
    mt_a64_t waits_for;
    mt_aptr_t waits_in; // that runtime
    mt_a64_t reading;   // ticket of the read section it is in, 0: none (grace.h); the thread writes, anyone reads
    // The language's, touched by the thread alone: tasks of its that wait here for work, and the one whose next job
    // this thread runs itself instead of queueing it.
    void *idle_carriers;
    void *lingering_carrier; // one without work that runs this worker's turn (mt_linger), NULL: none
    void *starting_carrier;
    void *starting_job;
    uint32_t idle_carrier_count;
    uint32_t inner_runs; // processes that run inside of what waits for them (mt_run_woken), on this thread's stack
    mt_node_magazine_t nodes[MT_NODE_CLASSES];
    mt_magazine_t slots;    // of mt_slots
    mt_magazine_t replies;  // of mt_replies
    mt_magazine_t timers;   // of mt_timer_items
    mt_magazine_t requests; // of mt_requests
    mt_magazine_t ties;     // of mt_ties
    // Written at attach and detach.
    mt_a32_t attached;      // 1: some thread owns the record
    uint32_t number;        // 1, 2, ... in order of creation
    mt_thread_t *next;      // in the list of all records; constant once published
    mt_thread_t *next_free; // guarded by thread.c's mutex
    void *stats_spare;      // a block of counters for when memory is out; the thread's alone; NULL: it is in use
    unsigned char pad[64];  // the next allocation's first line is somebody else's
};

// This thread's record; NULL before attach and after detach. initial-exec: one load instead of a call.
extern _Thread_local mt_thread_t *mt_thread_current __attribute__((tls_model("initial-exec")));

// Gives the calling thread a record, until it ends. NULL: out of memory. Blocks briefly.
mt_thread_t *mt_thread_attach(void);

// A record for a thread that is still to be started, so that it cannot miss one: mt_thread_adopt makes it that
// thread's, mt_thread_give_back undoes this. NULL: out of memory. Any thread; blocks briefly.
mt_thread_t *mt_thread_reserve(void);
void mt_thread_give_back(mt_thread_t *thread);
// Makes it the calling thread's, which has none, until that thread calls mt_thread_detach.
void mt_thread_adopt(mt_thread_t *thread);

// The calling thread's record, attached at first use. NULL: out of memory. Wait-free but for the first use.
static inline mt_thread_t *mt_thread_self(void) {
    mt_thread_t *thread = mt_thread_current;
    return MT_LIKELY(thread != NULL) ? thread : mt_thread_attach();
}

// Whether the caller is the main thread of the OS process.
bool mt_thread_is_main(void);

// Gives the record back before the thread ends; nothing if it has none. The key's destructor calls it.
void mt_thread_detach(void);

// Gives all free memory in the thread's magazines back to the depots. `thread` is the caller's own. Blocks briefly.
void mt_thread_trim(mt_thread_t *thread);

// Calls visitor with every record there ever was, attached or not. The visitor reads atomics only. Any thread, no lock.
void mt_thread_for_each(void (*visitor)(void *context, mt_thread_t *thread), void *context);

// Asserts the invariants of the record lists. Nothing may attach or detach meanwhile.
void mt_thread_check(void);

#endif
