// SPDX-License-Identifier: Apache-2.0
// Who may touch a worker's context (ring, run-next, nursery, budget): the thread that runs it, while it is inside; the
// monitor thread, which takes it from a thread that stays in user code for too long and gives it to another. Not how
// threads wait for contexts: runner.c.
//
//     thread: is_inside   1 ---- run an item ----> 0 ---- submit, arm a deadline: 1, then 0 ----> 1
//     thread: claim       NONE --monitor--> WANTED --monitor: was outside--> TAKEN --thread: noticed--> NONE
//                           ^------- thread came in, or monitor found it inside ---'
//
// Overview. A thread is inside whenever it works on its context, outside while it runs a slice or a job: a handler that
// blocks is outside. What user code does there (a send, a resumed task, a deadline) comes inside for a moment.
//
// Why it is correct. Coming in is a store of is_inside and a load of claim, taking is a CAS of claim and a load of
// is_inside, with the asymmetric barrier (barrier.h): at least one of the two sees the other. A thread that sees WANTED
// and the monitor that saw nobody inside decide it by CAS of claim, once. A thread that comes in and finds TAKEN has
// lost its context for good and goes on without one, as one that blocked politely does. The monitor compares the
// context after the barrier: a thread that got another one meanwhile cannot have stayed outside, and its CAS of claim
// shows. Each thread has one claim and each runtime one monitor; a monitor that finds another's claim leaves.
//
// What breaks without it: the ring's tail, run-next and the nursery have one writer, and would have two.
#ifndef MARTLET_SRC_CONTEXT_H
#define MARTLET_SRC_CONTEXT_H

#include "martlet/barrier.h"
#include "runtime_state.h"

#define MT_CONTEXT_OUTSIDE UINT64_C(0)
#define MT_CONTEXT_INSIDE UINT64_C(1)

#define MT_CLAIM_NONE 0u
#define MT_CLAIM_WANTED 1u
#define MT_CLAIM_TAKEN 2u

// The context this thread believes to have. A guess but inside; its memory outlives the thread.
static inline mt_worker_t *mt__context_of(const mt_thread_t *thread) {
    return (mt_worker_t *)mt_aptr_load_rlx(&thread->worker);
}

// A thread that comes in finds a claim: the context it keeps, or NULL when it was taken. Its own thread.
mt_worker_t *mt__context_dispute(mt_thread_t *thread);

// Comes inside. The context, NULL: this thread has none (any more). `before` is for mt__context_leave, which must
// follow in any case; pairs may be nested. Own thread, wait-free.
static inline mt_worker_t *mt__context_enter(mt_thread_t *thread, uint64_t *before) {
    mt_worker_t *worker = mt__context_of(thread);
    *before = mt_a64_load_rlx(&thread->is_inside); // only this thread writes it
    if (!worker || *before != MT_CONTEXT_OUTSIDE) return worker;
    // The hot side's store, then its load (sc): pairs with the CAS, the barrier and the load in mt__context_take.
    mt_barrier_store(&thread->is_inside, MT_CONTEXT_INSIDE);
    if (MT_LIKELY(mt_a32_load_sc(&thread->claim) == MT_CLAIM_NONE)) return worker;
    return mt__context_dispute(thread);
}

// Goes back to where it was: `before` of mt__context_enter, or MT_CONTEXT_OUTSIDE. Own thread, wait-free.
static inline void mt__context_leave(mt_thread_t *thread, uint64_t before) {
    // release: what was done to the context, for the thread it may be given to; pairs with the load in
    // mt__context_take.
    mt_a64_store_rel(&thread->is_inside, before);
}

// Gives a thread without a context this one; it is inside. The thread itself.
void mt__context_accept(mt_thread_t *thread, mt_runner_t *runner, mt_worker_t *worker);
// Parts the thread from its context, which goes to somebody else; NULL: it has none. It is inside. The thread itself.
mt_worker_t *mt__context_detach(mt_thread_t *thread);
// Takes a context from the thread that is believed to run it, if that one does and is outside: it belongs to the caller
// then. False: nothing changed. The monitor thread of the runtime; some microseconds.
bool mt__context_take(mt_worker_t *worker, mt_thread_t *thread);

#endif
