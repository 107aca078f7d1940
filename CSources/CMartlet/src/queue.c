// SPDX-License-Identifier: Apache-2.0
// Where runnable things wait: a worker's ring and run-next slot, the runtime's inject queue and stall list.
//
//   ring        owner puts at tail, owner and thieves take at head by CAS; a cell is read before the CAS
//   run_next    owner puts; owner and thieves take by exchange or CAS; a thief only ever turns it to 0
//   inject      FIFO through the items' own links, a mutex: from outside, and the ring's overflow
//   stall list  processes whose queue is cut by a preempted producer, looked at once a turn
//
// Checked with its mutants (an owner that takes by store, a cell read after the CAS, run-next put by store):
// Documentation/design/scheduler.md.
#include "runtime_state.h"

static uint64_t *link_of(mt_item_t item) {
    if (item & MT_ITEM_JOB) return (uint64_t *)((item & ~MT_ITEM_BITS) + mt_hooks.job_link_offset);
    return &((mt_slot_t *)item)->run_link;
}

// A list of items, first to last, to the end of the inject queue.
static void inject_list(mt_runtime_t *runtime, mt_item_t first, mt_item_t last, uint32_t count) {
    pthread_mutex_lock(&runtime->lock);
    *link_of(last) = 0;
    if (runtime->inject_last) *link_of(runtime->inject_last) = first;
    else runtime->inject_first = first;
    runtime->inject_last = last;
    // sc: Dekker with the last searcher. Submit: {count; load idle}. Searcher: {idle; load count} (park.c).
    mt_a32_add_sc(&runtime->inject_count, count);
    pthread_mutex_unlock(&runtime->lock);
}

void mt__inject(mt_runtime_t *runtime, mt_item_t item) { inject_list(runtime, item, item, 1); }

mt_item_t mt__inject_take(mt_runtime_t *runtime) {
    if (mt_a32_load_acq(&runtime->inject_count) == 0) return 0; // a guess; who adds also notifies
    pthread_mutex_lock(&runtime->lock);
    mt_item_t item = runtime->inject_first;
    if (item) {
        runtime->inject_first = *link_of(item);
        if (!runtime->inject_first) runtime->inject_last = 0;
        // sc: by rule for the count.
        mt_a32_add_sc(&runtime->inject_count, (uint32_t)-1);
    }
    pthread_mutex_unlock(&runtime->lock);
    return item;
}

// At most half a ring in one hold, and not more than this worker's share: the others are on their way.
#define INJECT_BATCH (MT_RING_SIZE / 2)

mt_item_t mt__inject_take_batch(mt_worker_t *worker) {
    mt_runtime_t *runtime = worker->runtime;
    // acquire: as above.
    if (mt_a32_load_acq(&runtime->inject_count) == 0) return 0;
    uint32_t tail = mt_a32_load_rlx(&worker->ring_tail); // only this thread writes it
    // acquire: as in ring_put: the thieves have read the cells that are written here.
    uint32_t room = MT_RING_SIZE - (tail - mt_a32_load_acq(&worker->ring_head));
    pthread_mutex_lock(&runtime->lock);
    // relaxed: written under the lock.
    uint32_t share = mt_a32_load_rlx(&runtime->inject_count) / runtime->config.workers + 1;
    if (share > room) share = room;
    if (share > INJECT_BATCH) share = INJECT_BATCH;
    mt_item_t first = runtime->inject_first;
    mt_item_t next = first ? *link_of(first) : 0;
    uint32_t taken = first != 0;
    for (; next && taken < share; taken++) {
        mt_a64_store_rlx(&worker->cells[(tail + taken - 1) % MT_RING_SIZE], next);
        next = *link_of(next);
    }
    runtime->inject_first = next;
    if (!next) runtime->inject_last = 0;
    // sc: by rule for the count.
    if (taken) mt_a32_add_sc(&runtime->inject_count, -taken);
    pthread_mutex_unlock(&runtime->lock);
    // sc: as in ring_put; the last searcher finds them here or in the inject queue.
    if (taken > 1) {
        mt_a32_store_sc(&worker->ring_tail, tail + taken - 1);
        mt__notify(runtime); // between the two places a searcher may have missed them
    }
    return first;
}

// The ring is full: its older half goes to the inject queue, in order, in one piece.
static void spill(mt_worker_t *worker) {
    mt_item_t first = 0, last = 0;
    uint32_t count = 0;
    while (count < MT_RING_SIZE / 2) {
        mt_item_t item = mt__ring_take(worker);
        if (!item) break;
        if (last) *link_of(last) = item;
        else first = item;
        last = item;
        count++;
    }
    if (count) inject_list(worker->runtime, first, last, count);
}

void mt__ring_put(mt_worker_t *worker, mt_item_t item) {
    uint32_t tail = mt_a32_load_rlx(&worker->ring_tail); // only this thread writes it
    // acquire: pairs with the thief's CAS of head: its reads of the cells are over before a cell is written again.
    if (tail - mt_a32_load_acq(&worker->ring_head) >= MT_RING_SIZE) spill(worker);
    mt_a64_store_rlx(&worker->cells[tail % MT_RING_SIZE], item);
    // sc: publishes the cell; Dekker with the last searcher: {tail; load idle} against {idle; load tail} (park.c).
    mt_a32_store_sc(&worker->ring_tail, tail + 1);
}

// The slot that is likely to run next: two lines that are cold in a fan-out. A stale cell is harmless.
static void prefetch(mt_item_t item) {
    if (item & MT_ITEM_JOB) return;
    __builtin_prefetch((const void *)item, 1);
    __builtin_prefetch((const void *)(item + MT_CACHE_LINE), 1); // of a number: a cell never used holds 0
}

mt_item_t mt__ring_take(mt_worker_t *worker) {
    // acquire: by rule; the CAS decides.
    uint32_t head = mt_a32_load_acq(&worker->ring_head);
    for (;;) {
        // acquire: pairs with ring_put's store: the cell.
        if (head == mt_a32_load_acq(&worker->ring_tail)) return 0;
        mt_item_t item = mt_a64_load_rlx(&worker->cells[head % MT_RING_SIZE]); // before the CAS that frees the cell
        if (mt_a32_cas(&worker->ring_head, &head, head + 1)) {
            prefetch(mt_a64_load_rlx(&worker->cells[(head + 1) % MT_RING_SIZE]));
            return item;
        }
    }
}

mt_item_t mt__ring_steal(mt_worker_t *thief, mt_worker_t *victim) {
    // acquire: before the tail, so that it is not ahead of it; the CAS decides.
    uint32_t head = mt_a32_load_acq(&victim->ring_head);
    for (;;) {
        // acquire: pairs with ring_put's store: the cells.
        uint32_t count = mt_a32_load_acq(&victim->ring_tail) - head;
        if (count == 0 || count > MT_RING_SIZE) return 0; // a head read long ago: the next look finds better
        count -= count / 2;
        mt_item_t first = mt_a64_load_rlx(&victim->cells[head % MT_RING_SIZE]);
        // Copied into free cells of the own ring, shown only when the CAS says that they are ours.
        uint32_t tail = mt_a32_load_rlx(&thief->ring_tail);
        uint32_t room = MT_RING_SIZE - (tail - mt_a32_load_acq(&thief->ring_head));
        if (count - 1 > room) count = room + 1;
        for (uint32_t i = 1; i < count; i++) {
            mt_item_t item = mt_a64_load_rlx(&victim->cells[(head + i) % MT_RING_SIZE]);
            mt_a64_store_rlx(&thief->cells[(tail + i - 1) % MT_RING_SIZE], item);
        }
        // acq_rel: one claim for all; on failure the copies are forgotten.
        if (!mt_a32_cas(&victim->ring_head, &head, head + count)) continue;
        if (count > 1) mt_a32_store_sc(&thief->ring_tail, tail + count - 1);
        mt_a64_bump(&mt_stats(mt_thread_current, thief->runtime)->steals, count);
        return first;
    }
}

bool mt__ring_is_empty(const mt_worker_t *worker) {
    // sc: the last searcher's second look, Dekker with ring_put.
    return mt_a32_load_sc(&worker->ring_head) == mt_a32_load_sc(&worker->ring_tail);
}

mt_item_t mt__run_next_put(mt_worker_t *worker, mt_item_t item) {
    // relaxed: only this thread puts; a thief can only make it NULL.
    if (!mt_aptr_load_rlx(&worker->run_next)) {
        // release: what the item's new owner reads; pairs with the taker's exchange.
        mt_aptr_store_rel(&worker->run_next, (void *)item);
        return 0;
    }
    // acq_rel: release publishes the item; acquire: the displaced one, though it was our own.
    return (mt_item_t)mt_aptr_xchg(&worker->run_next, (void *)item);
}

mt_item_t mt__run_next_take(mt_worker_t *worker) {
    if (!mt_aptr_load_rlx(&worker->run_next)) return 0;
    // acquire: pairs with run_next_put; an RMW, since a thief takes it by CAS.
    return (mt_item_t)mt_aptr_xchg(&worker->run_next, NULL);
}

bool mt__stall_add(mt_runtime_t *runtime, mt_slot_t *slot) {
    pthread_mutex_lock(&runtime->lock);
    uint32_t count = mt_a32_load_rlx(&runtime->stalled_count);
    bool fits = count < MT_STALLED_MAX;
    if (fits) {
        runtime->stalled[count] = slot;
        // release: by rule; the lock orders the list, others read the count as a hint.
        mt_a32_store_rel(&runtime->stalled_count, count + 1);
    }
    pthread_mutex_unlock(&runtime->lock);
    return fits;
}

mt_item_t mt__stall_take(mt_runtime_t *runtime) {
    // relaxed: a hint; who parks with a stalled process sleeps with a timeout.
    if (MT_LIKELY(mt_a32_load_rlx(&runtime->stalled_count) == 0)) return 0;
    mt_slot_t *found = NULL;
    pthread_mutex_lock(&runtime->lock);
    uint32_t count = mt_a32_load_rlx(&runtime->stalled_count);
    for (uint32_t i = 0; i < count && !found; i++) {
        // acquire: pairs with the late link of the push that was cut. Plain tail: the list owns the slot, under the
        // lock.
        if (!mt_aptr_load_acq(&runtime->stalled[i]->tail->next)) continue;
        found = runtime->stalled[i];
        runtime->stalled[i] = runtime->stalled[count - 1];
        mt_a32_store_rel(&runtime->stalled_count, count - 1);
    }
    pthread_mutex_unlock(&runtime->lock);
    return (mt_item_t)found;
}
