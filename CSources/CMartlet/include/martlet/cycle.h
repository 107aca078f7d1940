// SPDX-License-Identifier: Apache-2.0
// Call cycles: a wait that would wait for itself fails before it begins, and names every process on the way. Not a
// deadlock detector: what is found is what is asked through reply slots by processes that wait.
//
//     A --call--> B --call--> C --call--> A         each arrow an edge: the slot of the process that waits holds the
//     A.edge      B.edge      C.edge                handle of the reply slot it waits on
//
// Overview. The edge of a process is the reply slot it waits on (slot->edge). It is live while that slot is ARMED at
// that generation, names this process as its caller, and is not DEFERRED (its handler returned: anyone may answer).
// So an edge ends with its slot, and nobody clears it.
//
// Contract. Who is about to wait publishes its edge and walks from whom it asks, before the request is pushed and after
// every check that may refuse it: an edge means a real wait. A caller that is no process publishes nothing. A handler
// in place publishes nothing either: when something on the thread's chain of frames is about to sleep, every process
// below it waits too, and the whole chain is published.
//
// Why it is correct. Edges are published and read seq_cst: of a cycle's edges the last one is published after all the
// others, and its walk comes after that: it sees them all. Handles never come back: an edge seen in two walks existed
// all the time between, so edges that two walks agree on existed together. Of several discoverers the mutex and the
// third walk leave one. Checked with its mutants, what is not covered: Documentation/design/cycles.md.
#ifndef MARTLET_CYCLE_H
#define MARTLET_CYCLE_H

#include "phase.h"
#include "reply.h"

// A walk longer than this gives up, counted: the wait begins, and its timeout is what is left.
#define MT_CYCLE_STEPS_MAX 1024u

// Who waits for whom: pids[0] is who would have waited, each waits for the next, the last for the first.
typedef struct mt_cycle {
    uint32_t count;
    mt_pid_t pids[];
} mt_cycle_t;

bool mt__cycle_enter(mt_thread_t *thread, mt_pid_t owner, mt_reply_ref_t ref);

// This thread is about to wait on `ref`, which it armed: for a thread that runs handlers, all of them; `owner` is the
// process whose task runs on the thread, below them, 0: none. False: it would wait for itself, and the slot is done
// with MT_REPLY_CYCLE: send nothing. Lock-free unless a cycle was found. The caller.
static inline bool mt_cycle_enter(mt_thread_t *thread, mt_pid_t owner, mt_reply_ref_t ref) {
    if (MT_LIKELY(!thread->frame && !owner)) return true;
    return mt__cycle_enter(thread, owner, ref);
}

// The same for a task that suspends: the thread goes on, only the process `owner` waits.
bool mt_cycle_enter_task(mt_pid_t owner, mt_reply_ref_t ref);

// Who waits for a start says so before the new process runs; then nothing can be closed yet, so there is no walk.
typedef enum __attribute__((enum_extensibility(closed))) mt_waits {
    MT_WAITS_NOBODY MT_SWIFT("nobody"),
    MT_WAITS_THREAD MT_SWIFT("thread"), // all that runs on the thread, and the owner of its task
    MT_WAITS_TASK MT_SWIFT("task"),     // the owner alone
} mt_waits_t;
void mt__cycle_start(mt_thread_t *thread, mt_waits_t waits, mt_pid_t owner, mt_reply_ref_t ref, mt_pid_t pid);

// Frees what a frame needed to be an edge after it had answered. The thread of the frame, at its end.
void mt__cycle_end_stand_in(mt_frame_t *frame, mt_thread_t *thread);

// What a slot that is done with MT_REPLY_CYCLE holds; NULL: no memory for it. To be freed with mt_cycle_free. Caller.
mt_cycle_t *mt_cycle_take(mt_reply_ref_t ref);
void mt_cycle_free(mt_cycle_t *cycle);
static inline mt_pid_t mt_cycle_pid(const mt_cycle_t *cycle, uint32_t index) { return cycle->pids[index]; }

// Walks that gave up, in this OS process.
uint64_t mt_cycle_given_up(void);

#endif
