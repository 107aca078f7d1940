// SPDX-License-Identifier: Apache-2.0
// What a thread of the runtime does: find something to run, run a turn, and wait as a spare when it lost its context.
//
// A worker is a context (ring, run-next, nursery); a runner is a thread. A runner whose handler is about to block gives
// its context to a spare runner and goes on without one: what it wakes goes to the inject queue, and when its slice
// ends it becomes a spare itself.
#include "martlet/slice.h"
#include "runtime_state.h"

#include <stdlib.h>

// Every so many looks the inject queue comes first, so that a busy ring cannot starve it. A prime, as in other
// schedulers, so that it does not beat with a program's own rhythm.
#define INJECT_FIRST_EVERY 61u
// How long a searcher looks before it parks: about what a wake-up costs.
#define SEARCH_MAX_NS UINT64_C(20000)
// A victim's run-next is left to it until its turn has stood still so long.
#define RUN_NEXT_PATIENCE_NS UINT64_C(20000)
// Batches of expired timers a busy worker takes between two turns.
#define TIMER_BATCHES 8u

void mt_submit_last(mt_thread_t *thread, mt_slot_t *slot) {
    mt_runtime_t *runtime = mt_runtime_of(slot);
    if (thread->worker && thread->worker->runtime == runtime) mt__ring_put(thread->worker, (mt_item_t)slot);
    else mt__inject(runtime, (mt_item_t)slot);
    mt__notify(runtime);
}

static void submit(mt_worker_t *worker, mt_runtime_t *runtime, mt_item_t item) {
    if (worker && worker->runtime == runtime) {
        // A bare run-next put wakes nobody: this worker runs it when the handler returns.
        mt_item_t displaced = mt__run_next_put(worker, item);
        if (!displaced) return;
        mt__ring_put(worker, displaced);
    } else {
        mt__inject(runtime, item);
    }
    mt__notify(runtime);
}

void mt_submit(mt_thread_t *thread, mt_slot_t *slot) {
    mt_runtime_t *runtime = mt_runtime_of(slot);
    submit(thread->worker, runtime, (mt_item_t)slot);
    // acquire: pairs with the exchange in mt_runtime_stop. A stop that is missed here drains after this
    // submit: both take the lock of the inject queue.
    if (MT_UNLIKELY(mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED)) mt__drain_stopped(runtime);
}

bool mt_submit_job(mt_runtime_t *runtime, void *job) {
    // acquire: pairs with the exchange in mt_runtime_stop.
    if (MT_UNLIKELY(mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED)) return false;
    mt_thread_t *thread = mt_thread_current;
    submit(thread ? thread->worker : NULL, runtime, (mt_item_t)job | MT_ITEM_JOB);
    return true;
}

static void run_item(mt_thread_t *thread, mt_worker_t *worker, mt_item_t item) {
    uint32_t budget = worker->budget;
    if (item & MT_ITEM_JOB) {
        mt_a64_store_rlx(&worker->running_pid, 0);
        budget -= budget > 0;
        worker->budget = budget;
        mt_hooks.run_job((void *)(item & ~MT_ITEM_JOB), worker->runtime->config.context);
        return;
    }
    mt_slot_t *slot = (mt_slot_t *)item;
    mt_a64_store_rlx(&worker->running_pid, mt_slot_pid(slot, slot->generation));
    mt_slice_run(thread, slot, &budget);
    if (MT_LIKELY(thread->worker == worker)) worker->budget = budget;
}

// Between turns: deadlines that wait in the nursery and timers that nobody drives.
static void tend_timers(mt_worker_t *worker, uint64_t now) {
    mt_runtime_t *runtime = worker->runtime;
    mt__nursery_age(worker, now);
    if (!runtime->env.is_virtual && mt_timers_next_due(runtime->timers) <= now)
        mt_timers_expire(runtime->timers, now, TIMER_BATCHES);
}

static mt_item_t find_local(mt_worker_t *worker) {
    mt_runtime_t *runtime = worker->runtime;
    mt_item_t item = 0;
    if (++worker->find_count % INJECT_FIRST_EVERY == 0) item = mt__inject_take(runtime);
    if (!item) item = mt__run_next_take(worker);
    if (!item) item = mt__ring_take(worker);
    if (!item) item = mt__inject_take_batch(worker);
    if (!item) item = mt__stall_take(runtime);
    return item;
}

// Runs an item, what it woke and what else waits here, within one budget: so a fan-out of single messages pays for the
// clock and the timers once in a budget, not once a process.
static void run_turn(mt_thread_t *thread, mt_worker_t *worker, mt_item_t item) {
    mt_runtime_t *runtime = worker->runtime;
    uint64_t now = mt__now(runtime);
    worker->budget = runtime->config.run_budget;
    // release: thieves and the monitor that see the new count see the new start.
    mt_a64_store_rlx(&worker->turn_start_ns, now);
    mt_a32_store_rel(&worker->turns, mt_a32_load_rlx(&worker->turns) + 1);
    tend_timers(worker, now);
    while (item) {
        run_item(thread, worker, item);
        if (thread->worker != worker) return; // given away while the handler blocked
        if (worker->budget == 0) {
            item = mt__run_next_take(worker);
            if (item) {
                mt__ring_put(worker, item);
                mt__notify(runtime);
            }
            break;
        }
        item = find_local(worker);
    }
    mt_a64_store_rlx(&worker->turn_start_ns, 0);
}

// One look at every other worker. In the last round also at run-next of those whose turn stands still.
static mt_item_t steal_from_all(mt_worker_t *worker, bool is_last_round) {
    mt_runtime_t *runtime = worker->runtime;
    uint32_t count = runtime->config.workers;
    worker->random = worker->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t start = (uint32_t)(worker->random >> 33) % count;
    for (uint32_t i = 0; i < count; i++) {
        mt_worker_t *victim = runtime->workers[(start + i) % count];
        if (victim == worker) continue;
        mt_item_t item = mt__ring_steal(worker, victim);
        if (item) return item;
        if (!is_last_round) continue;
        // acquire: by rule; the CAS below decides.
        void *next = mt_aptr_load_acq(&victim->run_next);
        uint64_t since = mt_a64_load_rlx(&victim->turn_start_ns);
        if (!next || !since || mt__now(runtime) < since + RUN_NEXT_PATIENCE_NS) continue;
        // acquire: pairs with run_next_put's release. Fails when the owner took it: it is being run.
        if (mt_aptr_cas(&victim->run_next, &next, NULL)) return (mt_item_t)next;
    }
    return 0;
}

// One thread at a time searches. True: this one may.
static bool begin_search(mt_worker_t *worker) {
    if (worker->is_searching) return true;
    mt_runtime_t *runtime = worker->runtime;
    // sc: by rule for `idle`; the CAS below decides.
    uint64_t idle = mt_a64_load_sc(&runtime->idle);
    // Only a searcher excuses from searching: a CAS that lost to a worker that parks or wakes is tried again. Two
    // workers that give up for each other would both park without the second look.
    while (!(idle >> 32) && !worker->is_searching)
        worker->is_searching = mt_a64_cas_sc(&runtime->idle, &idle, idle + (UINT64_C(1) << 32));
    return worker->is_searching;
}

// The searcher found something: who comes after it must search, if there may be more.
static void end_search(mt_worker_t *worker) {
    if (!worker->is_searching) return;
    worker->is_searching = false;
    // sc: Dekker with submit, which woke nobody while this worker searched.
    uint64_t before = mt_a64_add_sc(&worker->runtime->idle, -(UINT64_C(1) << 32));
    if (before >> 32 == 1 && mt__has_work(worker->runtime)) mt__notify(worker->runtime);
}

static mt_item_t search(mt_worker_t *worker) {
    if (!begin_search(worker)) return 0;
    mt_runtime_t *runtime = worker->runtime;
    uint64_t until = mt__now(runtime) + SEARCH_MAX_NS;
    for (bool is_last = false;;) {
        mt_item_t item = steal_from_all(worker, is_last);
        if (!item) item = find_local(worker);
        if (item || is_last) return item;
        for (int spin = 0; spin < 32; spin++) mt_cpu_relax();
        is_last = runtime->env.is_virtual || mt__now(runtime) >= until;
    }
}

static mt_item_t find_work(mt_worker_t *worker) {
    mt_runtime_t *runtime = worker->runtime;
    // acquire: pairs with the exchange in mt_runtime_stop: what the closer did.
    while (mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED) {
        mt_item_t item = find_local(worker);
        if (!item) item = search(worker);
        if (item) {
            end_search(worker);
            // sc: Dekker with the monitor: {idle; load deep} against {deep; load idle}. Nobody notified it when a timer
            // woke this worker; a long handler is its business.
            if (MT_UNLIKELY(mt_a32_load_sc(&runtime->monitor_is_deep))) mt__monitor_wake(runtime);
            return item;
        }
        mt__park(worker);
        mt__nursery_age(worker, mt__now(runtime));
        if (!runtime->env.is_virtual && mt_timers_next_due(runtime->timers) <= mt__now(runtime)) {
            // A storm is for everybody: after some batches the rest is left to the next look, and another may help.
            mt_timers_expire(runtime->timers, mt__now(runtime), TIMER_BATCHES);
        }
    }
    return 0;
}

// Waits for a context. NULL: the runtime stops.
static mt_worker_t *wait_as_spare(mt_runner_t *runner) {
    mt_runtime_t *runtime = runner->runtime;
    // acquire: pairs with the exchange in mt__context_give: the context that was given; with wake_everybody: the stop.
    while (mt_a32_load_acq(&runner->token) == 0) {
        if (mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED) return NULL;
        runtime->env.park(runtime->env.context, &runner->token, 0, MT_FOREVER);
    }
    pthread_mutex_lock(&runtime->lock);
    mt_worker_t *worker = runner->worker;
    runner->worker = NULL;
    mt_a32_store_rlx(&runner->token, 0);
    pthread_mutex_unlock(&runtime->lock);
    return worker;
}

static void become_spare(mt_runner_t *runner) {
    mt_runtime_t *runtime = runner->runtime;
    pthread_mutex_lock(&runtime->lock);
    runner->next_spare = runtime->spares;
    runtime->spares = runner;
    pthread_mutex_unlock(&runtime->lock);
    // sc: Dekker with mt_runtime_wait_idle: {detached; load waiters} against {waiters; load detached}.
    mt_a32_add_sc(&runtime->detached, (uint32_t)-1);
    mt__tell_idle(runtime);
}

void mt__runner_main(void *raw) {
    mt_runner_t *runner = raw;
    mt_runtime_t *runtime = runner->runtime;
    mt_thread_t *thread = mt_thread_self();
    if (!thread) MT_FATAL("no memory for the record of a worker thread");
    thread->runtime = runtime;
    mt_worker_t *worker = wait_as_spare(runner);
    while (worker) {
        thread->worker = worker;
        if (runtime->deterministic) mt__deterministic_main(runtime->deterministic, thread);
        while (thread->worker && !runtime->deterministic) {
            mt_item_t item = find_work(worker);
            if (!item) break;
            run_turn(thread, worker, item);
        }
        if (thread->worker) break; // stopped
        thread->detached_from = NULL;
        become_spare(runner);
        if (runtime->deterministic) mt__deterministic_pass(runtime->deterministic);
        worker = wait_as_spare(runner);
    }
    thread->worker = NULL;
    // release: all this thread did, for who stops the runtime; pairs with the acquire in wait_for_threads.
    mt_a32_add(&runtime->threads, (uint32_t)-1);
    mt_env_system.unpark(NULL, &runtime->threads, UINT32_MAX >> 1);
}

mt_status_t mt__runner_start(mt_runtime_t *runtime, mt_worker_t *worker) {
    mt_runner_t *runner = mt_alloc_zeroed(sizeof *runner);
    if (!runner) return MT_NO_MEMORY;
    runner->runtime = runtime;
    runner->worker = worker;
    mt_a32_store_rlx(&runner->token, 1);
    // acq_rel: by rule; before the thread can count itself out.
    mt_a32_add(&runtime->threads, 1);
    mt_status_t status =
        runtime->env.thread_start(runtime->env.context, "martlet", mt__runner_main, runner, &runner->handle);
    if (status != MT_OK) {
        mt_a32_add(&runtime->threads, (uint32_t)-1);
        free(runner);
        return status;
    }
    pthread_mutex_lock(&runtime->lock);
    runner->next = runtime->runners;
    runtime->runners = runner;
    pthread_mutex_unlock(&runtime->lock);
    return MT_OK;
}

bool mt__context_give(mt_runtime_t *runtime, mt_worker_t *worker) {
    pthread_mutex_lock(&runtime->lock);
    mt_runner_t *spare = runtime->spares;
    bool may_start = !spare && runtime->runner_count < runtime->config.workers + runtime->config.spares_max;
    if (spare) {
        runtime->spares = spare->next_spare;
        spare->worker = worker;
    } else if (may_start) {
        runtime->runner_count++;
    }
    pthread_mutex_unlock(&runtime->lock);
    if (spare) {
        // release: the context; pairs with the acquire in wait_as_spare.
        mt_a32_xchg(&spare->token, 1);
        runtime->env.unpark(runtime->env.context, &spare->token, 1);
        return true;
    }
    if (!may_start) return false;
    if (mt__runner_start(runtime, worker) == MT_OK) return true;
    pthread_mutex_lock(&runtime->lock);
    runtime->runner_count--;
    pthread_mutex_unlock(&runtime->lock);
    return false;
}

bool mt_block_begin(mt_thread_t *thread) {
    mt_worker_t *worker = thread->worker;
    if (!worker) {
        if (thread->detached_from) {
            // sc: as in become_spare.
            mt_a32_add_sc(&thread->detached_from->detached, (uint32_t)-1);
            mt__tell_idle(thread->detached_from);
        }
        return true;
    }
    mt_runtime_t *runtime = worker->runtime;
    // One thread at a time: the whole runtime waits with this one.
    if (MT_UNLIKELY(runtime->deterministic)) return true;
    uint64_t turn_start_ns = mt_a64_load_rlx(&worker->turn_start_ns); // this thread's own
    mt_a64_store_rlx(&worker->turn_start_ns, 0);
    thread->worker = NULL;
    thread->detached_from = runtime;
    if (mt__context_give(runtime, worker)) return true;
    mt_a64_store_rlx(&worker->turn_start_ns, turn_start_ns);
    thread->worker = worker;
    thread->detached_from = NULL;
    return false;
}

void mt_block_end(mt_thread_t *thread) {
    // sc: by rule for `detached`; user code runs again.
    if (thread->detached_from) mt_a32_add_sc(&thread->detached_from->detached, 1);
}
