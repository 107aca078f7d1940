// SPDX-License-Identifier: Apache-2.0
// The rare half of contexts: accepting, giving away, taking, and who lost one.
#include "context.h"

void mt__context_accept(mt_thread_t *thread, mt_runner_t *runner, mt_worker_t *worker) {
    // relaxed: nobody looks at this thread before holder is stored.
    mt_a64_store_rlx(&thread->is_inside, MT_CONTEXT_INSIDE);
    mt_aptr_store_rlx(&thread->worker, worker);
    // release: inside before it can be claimed, and the runner's thread; pairs with the load in mt__stand_in.
    mt_aptr_store_rel(&worker->holder, runner);
}

mt_worker_t *mt__context_detach(mt_thread_t *thread) {
    mt_worker_t *worker = mt__context_of(thread);
    if (!worker) return NULL;
    // relaxed: a monitor that still believes in this holder finds it inside, or without this context.
    mt_aptr_store_rlx(&worker->holder, NULL);
    mt_aptr_store_rlx(&thread->worker, NULL);
    thread->detached_from = worker->runtime;
    return worker;
}

mt_worker_t *mt__context_dispute(mt_thread_t *thread) {
    mt_worker_t *worker = mt__context_of(thread);
    uint32_t claim = MT_CLAIM_WANTED;
    // acq_rel: one of this and the CAS in mt__context_take wins. NONE found: the monitor has given up.
    if (mt_a32_cas(&thread->claim, &claim, MT_CLAIM_NONE) || claim == MT_CLAIM_NONE) return worker;
    MT_ASSERT(claim == MT_CLAIM_TAKEN);
    // relaxed: the monitor has done with this thread until it holds a context again.
    mt_aptr_store_rlx(&thread->worker, NULL);
    mt_a32_store_rlx(&thread->claim, MT_CLAIM_NONE);
    thread->detached_from = worker->runtime;
    return NULL;
}

bool mt__context_take(mt_worker_t *worker, mt_thread_t *thread) {
    uint32_t claim = MT_CLAIM_NONE;
    // sc: the store of the rare side. A CAS: a claim of another runtime's monitor, on a record that has changed hands,
    // is not ours to overwrite.
    if (!mt_a32_cas_sc(&thread->claim, &claim, MT_CLAIM_WANTED)) return false;
    mt_barrier_heavy();
    // sc: the load of the rare side. acquire: pairs with the release in mt__context_leave: all it did to the context.
    bool is_outside = mt_a64_load_sc(&thread->is_inside) == MT_CONTEXT_OUTSIDE && mt__context_of(thread) == worker;
    claim = MT_CLAIM_WANTED;
    // acq_rel: the thread that came in since then has changed it.
    if (!mt_a32_cas(&thread->claim, &claim, is_outside ? MT_CLAIM_TAKEN : MT_CLAIM_NONE) || !is_outside) return false;
    // relaxed: published with the context (runner.c).
    mt_aptr_store_rlx(&worker->holder, NULL);
    mt_a64_store_rlx(&worker->turn_start_ns, 0);
    return true;
}
