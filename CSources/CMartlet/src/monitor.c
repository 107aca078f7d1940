// SPDX-License-Identifier: Apache-2.0
// The monitor thread: one a runtime, the last resort of everything that is normally done in passing. It looks each 1 to
// 10 ms and sleeps without a timeout once all workers have slept for a while.
//
//   a turn stands still with work behind it      -> notify: a thief may come for it
//   a handler longer than stand_in_after         -> another thread takes over its worker's queue (runner.c)
//   a handler longer than the stall limit        -> report, once a turn
//   timers overdue, nobody drives                -> drive
//   kills and exits that met a busy process      -> take it now that its handler runs
//   the coarse clock of message ages             -> refresh
#include "martlet/process.h"
#include "runtime_state.h"

#include <stdlib.h>

#define LOOK_MIN_NS UINT64_C(1000000)
#define LOOK_MAX_NS UINT64_C(10000000)
// Looks with every worker asleep before the monitor sleeps too: cheap against waking it for every burst.
#define QUIET_LOOKS_MAX 20u
// Timers later than this have no driver that works.
#define OVERDUE_NS UINT64_C(2000000)
#define TIMER_BATCHES 8u
// A turn that lasts so long is watched from now on at the shortest interval: turns end after 1 ms, if handlers let
// them.
#define LONG_TURN_NS UINT64_C(2000000)

void mt__monitor_wake(mt_runtime_t *runtime) {
    // acq_rel: release publishes what the monitor shall look at (a retry); pairs with its exchange.
    mt_a32_xchg(&runtime->monitor_token, 1);
    mt_env_system.unpark(NULL, &runtime->monitor_token, 1);
}

void mt__retry_later(mt_runtime_t *runtime, mt_pid_t pid) {
    pthread_mutex_lock(&runtime->retry_mutex);
    if (runtime->retry_count == runtime->retry_capacity) {
        uint32_t capacity = runtime->retry_capacity ? runtime->retry_capacity * 2 : MT_RETRIES_INITIAL;
        mt_pid_t *grown = mt_alloc_grown(runtime->retries, capacity * sizeof *grown);
        if (grown) {
            runtime->retries = grown;
            runtime->retry_capacity = capacity;
        }
    }
    // Without memory the kill still happens, when the handler ends by itself.
    if (runtime->retry_count < runtime->retry_capacity) runtime->retries[runtime->retry_count++] = pid;
    mt_a32_store_rel(&runtime->retry_pending, runtime->retry_count);
    pthread_mutex_unlock(&runtime->retry_mutex);
    mt__monitor_wake(runtime);
}

// Takes happen with no lock held: a submit to a stopped runtime runs the process here. Others append meanwhile; only
// this thread removes.
void mt__retry_kills(mt_runtime_t *runtime, mt_thread_t *thread) {
    for (uint32_t i = 0; i < mt_a32_load_acq(&runtime->retry_pending);) {
        pthread_mutex_lock(&runtime->retry_mutex);
        mt_pid_t pid = runtime->retries[i];
        pthread_mutex_unlock(&runtime->retry_mutex);
        if (!mt_process_take(thread, pid)) {
            i++;
            continue;
        }
        pthread_mutex_lock(&runtime->retry_mutex);
        runtime->retries[i] = runtime->retries[--runtime->retry_count];
        mt_a32_store_rel(&runtime->retry_pending, runtime->retry_count);
        pthread_mutex_unlock(&runtime->retry_mutex);
    }
}

// Noted by index, for it has no generation before its first message is taken: the process that is there now.
static mt_pid_t now_of(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    // acquire: by rule; who it is may have changed, which the reporter finds out.
    return slot ? mt_slot_pid(slot, mt_life_generation(mt_a64_load_acq(&slot->life))) : 0;
}

static void report_stall(mt_runtime_t *runtime, mt_worker_t *worker, uint32_t turn, uint64_t elapsed) {
    mt_pid_t pid = mt_a64_load_rlx(&worker->running_pid);
    if (!pid || worker->reported_turns == turn || !mt_hooks.stalled) return;
    worker->reported_turns = turn;
    mt_hooks.stalled(runtime->config.context, now_of(pid), elapsed);
}

// The handlers whose worker has gone on without them.
static void report_stuck(mt_runtime_t *runtime, uint64_t now) {
    if (mt_a32_load_acq(&runtime->stuck) == 0) return; // acquire: by rule; only this thread adds to it
    uint64_t elapsed = 0;
    for (mt_pid_t pid; (pid = mt__stuck_unreported(runtime, now, &elapsed));)
        if (mt_hooks.stalled) mt_hooks.stalled(runtime->config.context, now_of(pid), elapsed);
}

// What one look has found: whether a thief could help, and whether the next look should come soon.
typedef struct {
    bool wants_help, is_urgent;
} mt_findings_t;

static void watch_worker(mt_runtime_t *runtime, mt_worker_t *worker, uint64_t now, mt_findings_t *findings) {
    // acquire: pairs with the release in run_turn: the start of that turn or a later one.
    uint32_t turn = mt_a32_load_acq(&worker->turns);
    uint64_t since = mt_a64_load_rlx(&worker->turn_start_ns);
    uint64_t elapsed = since && now > since ? now - since : 0;
    bool stands_still = since && turn == worker->seen_turns;
    worker->seen_turns = turn;
    if (!stands_still && elapsed < LONG_TURN_NS) return;
    if (!mt__ring_is_empty(worker) || mt_aptr_load_acq(&worker->run_next)) findings->wants_help = true;
    if (elapsed >= runtime->config.stall_limit_ns) report_stall(runtime, worker, turn, elapsed);
    // Whatever waits behind it, also what nobody could steal: deadlines in its nursery, its share of the timers. In
    // virtual time a handler takes no time. Over the limit of threads the looks need not be many.
    if (runtime->env.is_virtual || runtime->config.stand_in_after_ns == MT_FOREVER) return;
    bool is_due = elapsed >= runtime->config.stand_in_after_ns;
    bool is_over = is_due && mt__stand_in(worker, since, worker->reported_turns == turn);
    findings->is_urgent |= !is_over && elapsed < 2 * runtime->config.stand_in_after_ns;
}

// True: every worker sleeps and nothing waits for the monitor.
static bool look(mt_runtime_t *runtime, mt_thread_t *thread, bool *is_urgent) {
    uint64_t now = mt__now(runtime);
    mt_a32_store_rlx(&runtime->coarse_ms, (uint32_t)(now / 1000000));
    mt__retry_kills(runtime, thread);
    mt_findings_t findings = {0};
    for (uint32_t i = 0; i < runtime->config.workers; i++) watch_worker(runtime, runtime->workers[i], now, &findings);
    report_stuck(runtime, now);
    // A stalled process whose worker is busy: another may look.
    if (findings.wants_help || mt_a32_load_rlx(&runtime->stalled_count)) mt__notify(runtime);
    uint64_t due = mt_timers_next_due(runtime->timers);
    if (!runtime->env.is_virtual && due < now && now - due > OVERDUE_NS)
        mt_timers_expire(runtime->timers, now, TIMER_BATCHES);
    // acquire: as in retry_kills.
    *is_urgent = findings.is_urgent || mt_a32_load_acq(&runtime->retry_pending) != 0;
    // sc, acquire: hints; the look before the deep sleep decides. The watchdog looks after stuck handlers until they
    // end.
    return (uint32_t)mt_a64_load_sc(&runtime->idle) == runtime->config.workers && !*is_urgent &&
           mt_a32_load_acq(&runtime->stuck) == 0;
}

void mt__monitor_main(void *raw) {
    mt_runtime_t *runtime = raw;
    mt_thread_t *thread = runtime->monitor_thread;
    mt_thread_adopt(thread);
    uint64_t pause = LOOK_MIN_NS;
    uint32_t quiet_looks = 0;
    // acquire: pairs with the exchange in mt_runtime_stop.
    while (mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED) {
        bool is_urgent;
        bool is_quiet = look(runtime, thread, &is_urgent);
        quiet_looks = is_quiet ? quiet_looks + 1 : 0;
        pause = is_urgent ? LOOK_MIN_NS : pause * 2 < LOOK_MAX_NS ? pause * 2 : LOOK_MAX_NS;
        bool deep = quiet_looks > QUIET_LOOKS_MAX;
        if (deep) {
            // sc: Dekker with a worker that finds work: {idle; load deep} against {deep; load idle}.
            mt_a32_store_sc(&runtime->monitor_is_deep, 1);
            if ((uint32_t)mt_a64_load_sc(&runtime->idle) != runtime->config.workers) deep = false;
        }
        // The system's clock also for a virtual runtime: the monitor watches threads, not processes.
        uint64_t until = deep ? MT_FOREVER : mt_env_system.now_ns(NULL) + pause;
        if (mt_a32_load_acq(&runtime->monitor_token) == 0) mt_env_system.park(NULL, &runtime->monitor_token, 0, until);
        // acq_rel: acquire pairs with mt__monitor_wake.
        if (mt_a32_xchg(&runtime->monitor_token, 0)) {
            pause = LOOK_MIN_NS / 2;
            quiet_looks = 0;
        }
        // release: by rule; a wake that is not needed is all it can cost.
        mt_a32_store_rel(&runtime->monitor_is_deep, 0);
    }
    mt_thread_detach();
    // release: all this thread did; pairs with the acquire in wait_for_threads.
    mt_a32_add(&runtime->threads, (uint32_t)-1);
    mt_env_system.unpark(NULL, &runtime->threads, UINT32_MAX >> 1);
}
