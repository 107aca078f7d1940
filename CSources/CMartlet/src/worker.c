// SPDX-License-Identifier: Apache-2.0
// What a thread of the runtime does with a worker's context: submit, find something to run, run a turn. Where contexts
// and threads meet and part: runner.c.
#include "martlet/slice.h"

#include "context.h"
#include "forked.h"
#include "runtime_state.h"

// Every so many looks the inject queue comes first, so that a busy ring cannot starve it. A prime, as in other
// schedulers, so that it does not beat with a program's own rhythm.
#define INJECT_FIRST_EVERY 61u
// How long a searcher looks before it parks: about what a wake-up costs.
#define SEARCH_MAX_NS UINT64_C(20000)
// A victim's run-next is left to it until its turn has stood still so long.
#define RUN_NEXT_PATIENCE_NS UINT64_C(20000)
// Processes that run inside of each other: a tree so deep is started without suspending.
#define INNER_RUNS_MAX 16u
// Batches of expired timers a busy worker takes between two turns.
#define TIMER_BATCHES 8u

// Whether nothing else waits for this worker: what it queues it runs next itself, and no help is called for it. Not
// from within a handler (mt_run_woken), which may go on for long.
static bool is_alone(const mt_thread_t *thread, const mt_worker_t *worker) {
    // relaxed: who queues something else meanwhile notifies for itself.
    return !thread->inner_runs && mt__ring_is_empty(worker) && !mt_a32_load_rlx(&worker->runtime->inject_count);
}

void mt_submit_last(mt_thread_t *thread, mt_slot_t *slot) {
    mt_runtime_t *runtime = mt_runtime_of(slot);
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    bool is_ours = worker && worker->runtime == runtime, is_next = is_ours && is_alone(thread, worker);
    if (is_ours) mt__ring_put(worker, (mt_item_t)slot);
    else mt__inject(runtime, (mt_item_t)slot);
    mt__context_leave(thread, before);
    if (!is_next) mt__notify(runtime);
}

static void submit(mt_thread_t *thread, mt_runtime_t *runtime, mt_item_t item) {
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    if (MT_LIKELY(worker && worker->runtime == runtime)) {
        mt_item_t displaced = mt__run_next_put(worker, item);
        if (displaced) mt__ring_put(worker, displaced);
        mt__context_leave(thread, before);
        // A bare run-next put wakes nobody: this worker runs it when the handler returns.
        if (!displaced) return;
    } else {
        mt__context_leave(thread, before);
        mt__inject(runtime, item);
    }
    mt__notify(runtime);
}

void mt_submit(mt_thread_t *thread, mt_slot_t *slot) {
    mt_runtime_t *runtime = mt_runtime_of(slot);
    submit(thread, runtime, (mt_item_t)slot);
    // acquire: pairs with the exchange in mt_runtime_stop. A stop that is missed here drains after this
    // submit: both take the lock of the inject queue.
    if (MT_UNLIKELY(mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED)) mt__drain_stopped(runtime);
}

bool mt_submit_job(mt_runtime_t *runtime, void *job) {
    // acquire: pairs with the exchange in mt_runtime_stop.
    if (MT_UNLIKELY(mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED)) return false;
    mt_item_t item = (mt_item_t)job | MT_ITEM_JOB;
    mt_thread_t *thread = mt_thread_current;
    if (thread) {
        submit(thread, runtime, item);
    } else {
        mt__forked_check();
        mt__inject(runtime, item);
        mt__notify(runtime);
    }
    return true;
}

// Runs one item. False: the context went to another thread meanwhile; touch nothing of it. In the loop of a turn for
// every message; mt_linger, its other user, is no reason to make it a call there.
__attribute__((always_inline)) static inline bool run_item(mt_thread_t *thread, mt_worker_t *worker, mt_item_t item) {
    uint32_t budget = worker->budget;
    bool is_job = item & MT_ITEM_JOB;
    mt_slot_t *slot = (mt_slot_t *)item;
    mt_a64_store_rlx(&worker->running_pid, is_job ? 0 : mt__pid_to_run(slot));
    mt__context_leave(thread, MT_CONTEXT_OUTSIDE); // user code runs from here on, for who knows how long
    if (is_job) {
        mt_hooks.run_job((void *)(item & ~MT_ITEM_JOB), worker->runtime->config.context);
        budget -= budget > 0;
    } else {
        mt_slice_run(thread, slot, &budget);
    }
    uint64_t before;
    if (MT_UNLIKELY(mt__context_enter(thread, &before) != worker)) return false;
    // What ran inside it (mt_linger) has used of the same turn.
    if (budget < worker->budget) worker->budget = budget;
    return true;
}

// Between turns: deadlines that wait in the nursery and timers that nobody drives.
static void tend_timers(mt_worker_t *worker, uint64_t now) {
    mt_runtime_t *runtime = worker->runtime;
    mt__nursery_age(worker, now);
    if (!runtime->env.is_virtual && mt_timers_next_due(runtime->timers) <= now)
        mt_timers_expire(runtime->timers, now, TIMER_BATCHES);
}

__attribute__((always_inline)) static inline mt_item_t find_local(mt_worker_t *worker) {
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
        if (!run_item(thread, worker, item)) return;
        if (worker->budget == 0) {
            // What was woken last goes behind the others, if there are any.
            item = is_alone(thread, worker) ? 0 : mt__run_next_take(worker);
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

void mt_linger(mt_thread_t *thread, void *carrier, uint32_t budget) {
    // Who waits below (mt_run_woken) waits for one process, not for a turn.
    if (thread->lingering_carrier || thread->inner_runs) return;
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    if (!worker || worker->runtime->deterministic) {
        mt__context_leave(thread, before);
        return;
    }
    thread->lingering_carrier = carrier;
    if (budget < worker->budget) worker->budget = budget;
    mt_frame_t *frame = thread->frame;
    thread->frame = NULL; // what runs now is no part of the process below
    while (worker->budget) {
        mt_item_t item = find_local(worker);
        if (!item || !run_item(thread, worker, item) || !thread->lingering_carrier) break;
    }
    thread->lingering_carrier = NULL;
    thread->frame = frame;
    mt__context_leave(thread, before);
}

void mt_run_woken(mt_thread_t *thread, mt_pid_t pid) {
    if (thread->inner_runs == INNER_RUNS_MAX) return;
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    void *next = mt_slot_of(pid);
    // acquire: pairs with the put's release, as in mt__run_next_take; fails when a thief has it, or another was woken
    // since.
    if (next && worker && !worker->runtime->deterministic && worker->budget &&
        mt_aptr_cas(&worker->run_next, &next, NULL)) {
        mt_frame_t *frame = thread->frame;
        void *lingering = thread->lingering_carrier;
        uint64_t running = mt_a64_load_rlx(&worker->running_pid);
        thread->frame = NULL;             // as in mt_linger
        thread->lingering_carrier = NULL; // it would get the process when this has returned: too late
        thread->inner_runs++;
        // relaxed: for reports.
        if (run_item(thread, worker, (mt_item_t)next)) mt_a64_store_rlx(&worker->running_pid, running);
        thread->inner_runs--;
        thread->lingering_carrier = lingering;
        thread->frame = frame;
    }
    mt__context_leave(thread, before);
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
            if (MT_UNLIKELY(mt_a32_load_sc(&runtime->monitor_is_deep))) {
                // relaxed: clocks of reports. Messages that came before this were stamped with the time of the sleep.
                uint32_t now_ms = (uint32_t)(mt__now(runtime) / 1000000);
                mt_a32_store_rlx(&runtime->coarse_ms, now_ms);
                mt_a32_store_rlx(&runtime->woken_ms, now_ms);
                mt__monitor_wake(runtime);
            }
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

void mt__worker_run(mt_thread_t *thread, mt_worker_t *worker) {
    while (mt__context_of(thread)) {
        mt_item_t item = find_work(worker);
        if (!item) return;
        run_turn(thread, worker, item);
    }
}
