// SPDX-License-Identifier: Apache-2.0
// Sleeping and waking: notify, park, and the timer driver.
//
// `idle` = searching:32 | parked:32. A wake-up costs more than a thousand messages, so one thread at a time searches
// for work: submit wakes somebody only while nobody searches, and the last searcher that finds work wakes the next.
//
//   submit                      last searcher before it parks
//     store to a queue (sc)       idle: parked + 1, searching - 1 (sc)
//     load idle (sc)              load every queue (sc)              at least one of the two sees the other
//
//   arm a timer                 driver
//     due (sc)                    driver deadline (sc)
//     load driver (sc)            load due (sc)                      timer.h has this pair
#include "forked.h"
#include "runtime_state.h"

#define SEARCHING UINT64_C(0x100000000)
#define PARKED_MASK UINT64_C(0xFFFFFFFF)
// Sleep of a worker while stalled processes wait: enough for the producer to get the processor.
#define STALL_SLEEP_NS UINT64_C(50000)

void mt__notify(mt_runtime_t *runtime) {
    // sc: Dekker, see above. A shared read: no contention in a fan-out.
    uint64_t idle = mt_a64_load_sc(&runtime->idle);
    if (idle >= SEARCHING || (idle & PARKED_MASK) == 0) return;
    pthread_mutex_lock(&runtime->lock);
    mt_worker_t *worker = NULL;
    // sc: by rule; again, now that nobody parks or is notified beside us.
    idle = mt_a64_load_sc(&runtime->idle);
    if (idle < SEARCHING && (idle & PARKED_MASK) != 0 && (worker = runtime->parked)) {
        runtime->parked = worker->next_parked;
        worker->is_parked = false;
        mt_a64_add_sc(&runtime->idle, SEARCHING - 1);
    }
    pthread_mutex_unlock(&runtime->lock);
    if (!worker) return;
    // acq_rel: by rule; the queues ordered the work already.
    mt_a32_xchg(&worker->token, 1);
    runtime->env.unpark(runtime->env.context, &worker->token, 1);
}

void mt__wake_driver(void *raw) {
    mt_runtime_t *runtime = raw;
    // acquire: pairs with the CAS in mt__park. The driver's instant is published after the CAS and taken back
    // before the store of NULL: whoever has to wake it finds it.
    mt_worker_t *driver = mt_aptr_load_acq(&runtime->driver);
    if (!driver) return; // on its way out: it looks at the timers before it sleeps again
    mt_a32_xchg(&driver->token, 1);
    runtime->env.unpark(runtime->env.context, &driver->token, 1);
}

bool mt__has_work(mt_runtime_t *runtime) {
    // sc: the second look of the last searcher, see above.
    if (mt_a32_load_sc(&runtime->inject_count)) return true;
    for (uint32_t i = 0; i < runtime->config.workers; i++) {
        const mt_worker_t *worker = runtime->workers[i];
        if (!mt__ring_is_empty(worker) || mt_aptr_load_sc(&worker->run_next)) return true;
    }
    return false;
}

// Somebody waits until all workers sleep: tell them to look.
void mt__tell_idle(mt_runtime_t *runtime) {
    if (MT_LIKELY(mt_a32_load_sc(&runtime->idle_waiters) == 0)) return;
    // acq_rel: by rule; before the wake, so that a waiter that has looked already does not sleep.
    mt_a32_add(&runtime->idle_epoch, 1);
    mt_env_system.unpark(NULL, &runtime->idle_epoch, UINT32_MAX >> 1);
}

void mt__enter_parked(mt_worker_t *worker, bool *was_last_searcher) {
    mt_runtime_t *runtime = worker->runtime;
    pthread_mutex_lock(&runtime->lock);
    // sc: Dekker with submit and with mt_runtime_wait_idle, see above.
    uint64_t before = mt_a64_add_sc(&runtime->idle, worker->is_searching ? 1 - SEARCHING : 1);
    worker->is_parked = true;
    worker->next_parked = runtime->parked;
    runtime->parked = worker;
    pthread_mutex_unlock(&runtime->lock);
    // Also who did not search: it may have left that to a searcher that found its work and looked for sleepers before
    // this one was among them.
    *was_last_searcher = before / SEARCHING == (worker->is_searching ? 1 : 0);
    worker->is_searching = false;
}

// Off the stack if still on it; else the notifier has made this worker a searcher.
void mt__leave_parked(mt_worker_t *worker) {
    mt_runtime_t *runtime = worker->runtime;
    pthread_mutex_lock(&runtime->lock);
    if (worker->is_parked) {
        mt_worker_t **place = &runtime->parked;
        while (*place != worker) place = &(*place)->next_parked;
        *place = worker->next_parked;
        worker->is_parked = false;
        mt_a64_add_sc(&runtime->idle, (uint64_t)-1);
    } else {
        worker->is_searching = true;
    }
    pthread_mutex_unlock(&runtime->lock);
}

// Sleeps until a token comes, the deadline passes, or a stalled process is worth a look. False: time is up.
static bool sleep_once(mt_worker_t *worker, uint64_t deadline_ns) {
    mt_runtime_t *runtime = worker->runtime;
    // relaxed: who puts a process on the stall list parks after it, and looks.
    if (MT_LIKELY(mt_a32_load_rlx(&runtime->stalled_count) == 0))
        return runtime->env.park(runtime->env.context, &worker->token, 0, deadline_ns);
    // The system's clock also for a virtual runtime: what is waited for is a thread, not an instant.
    uint64_t soon = mt_env_system.now_ns(NULL) + STALL_SLEEP_NS;
    if (!runtime->env.is_virtual && deadline_ns < soon) soon = deadline_ns;
    return mt_env_system.park(NULL, &worker->token, 0, soon);
}

void mt__park(mt_worker_t *worker) {
    mt_runtime_t *runtime = worker->runtime;
    // Completing a call puts its waiter in run-next, where nobody else looks.
    if (MT_UNLIKELY(mt_aptr_load_rlx(&worker->run_next) != NULL)) return;
    bool was_last_searcher = false;
    mt__enter_parked(worker, &was_last_searcher);
    if (was_last_searcher && mt__has_work(runtime)) mt__notify(runtime);
    void *nobody = NULL;
    // Virtual time has no driver: who moves the clock fires what is due.
    bool is_driver = !runtime->env.is_virtual && mt_aptr_cas(&runtime->driver, &nobody, worker);
    uint64_t deadline = is_driver ? mt_timers_driver_enter(runtime->timers) : MT_FOREVER;
    uint64_t nursery = mt__nursery_deadline(worker);
    if (nursery < deadline) deadline = nursery;
    mt__tell_idle(runtime);
    mt_a64_bump(&mt_stats(mt_thread_current, runtime)->parks, 1);
    // acquire: pairs with the exchange in mt__notify and the others that wake; state with mt_runtime_stop.
    while (mt_a32_load_acq(&worker->token) == 0 && mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED) {
        if (!sleep_once(worker, deadline)) break;
    }
    if (is_driver) {
        mt_timers_driver_leave(runtime->timers);
        // release: the next driver comes after this one took its instant back.
        mt_aptr_store_rel(&runtime->driver, NULL);
    }
    mt__leave_parked(worker);
    // A token that comes after this wakes the next sleep early: it looks and sleeps again.
    mt_a32_xchg(&worker->token, 0);
}

typedef struct {
    mt_runtime_t *runtime;
    bool is_there;
} sleepers_t;

// A thread of the runtime that blocked in a call and was answered: it will run, and nobody counts it yet.
static void is_about_to_run(void *raw, mt_thread_t *thread) {
    sleepers_t *sleepers = raw;
    // acquire: pairs with the releases in mt_call_wait_blocking: whose thread it is, and that it counts as running.
    mt_reply_ref_t ref = mt_a64_load_acq(&thread->waits_for);
    bool is_ours = ref && mt_aptr_load_rlx(&thread->waits_in) == sleepers->runtime; // published before waits_for
    if (is_ours && !mt_reply_is_armed(ref)) sleepers->is_there = true;
}

// In this order, see mt_runtime_wait_idle: the contexts first, then the threads without one.
bool mt_runtime_is_idle(mt_runtime_t *runtime) {
    // sc: the waiter's half of the Dekker pair with mt__tell_idle.
    if ((mt_a64_load_sc(&runtime->idle) & PARKED_MASK) != runtime->config.workers || mt__has_work(runtime))
        return false;
    if (mt_a32_load_sc(&runtime->stalled_count)) return false;
    sleepers_t sleepers = {.runtime = runtime};
    mt_thread_for_each(is_about_to_run, &sleepers);
    return !sleepers.is_there && mt_a32_load_sc(&runtime->detached) == 0;
}

// Why it is correct: when all contexts were parked, whoever ran without one is still counted, or became a spare or
// blocked since, which moves the epoch; who was blocked and answered is seen so, or counted. So with the epoch as it
// was before the look, there was an instant at which nobody ran.
void mt_runtime_wait_idle(mt_runtime_t *runtime) {
    mt__forked_check();
    // sc: Dekker with mt__tell_idle: {waiters; load idle} against {idle; load waiters}.
    mt_a32_add_sc(&runtime->idle_waiters, 1);
    for (;;) {
        // acquire: pairs with mt__tell_idle; read before the look, so that a change after it ends the sleep.
        uint32_t epoch = mt_a32_load_acq(&runtime->idle_epoch);
        bool is_idle = mt_runtime_is_idle(runtime);
        if (mt_a32_load_acq(&runtime->idle_epoch) != epoch) continue;
        if (is_idle) break;
        mt_env_system.park(NULL, &runtime->idle_epoch, epoch, MT_FOREVER);
    }
    mt_a32_add_sc(&runtime->idle_waiters, (uint32_t)-1);
}
