// SPDX-License-Identifier: Apache-2.0
// Starting and stopping a runtime, and the small questions about one.
#include "martlet/runtime.h"

#include "context.h"
#include "forked.h"
#include "martlet/request.h"
#include "martlet/slice.h"
#include "martlet/tie.h"
#include "runtime_state.h"

#include <stdlib.h>

#define TIMER_SHARDS_PER_WORKER 4u
#define WORKERS_MAX 1024u
#define REPLIES_MAX (1u << 24)
#define TIMERS_MAX (1u << 25)
#define STALL_PAUSE_NS UINT64_C(50000)

static mt_status_t init_regions(void) {
    mt_status_t status =
        mt_region_init(&mt_slots, "process slots", sizeof(mt_slot_t), offsetof(mt_slot_t, free_link), MT_SLOTS_MAX + 1);
    if (status == MT_OK)
        status = mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link),
                                REPLIES_MAX);
    if (status == MT_OK)
        status = mt_region_init(&mt_timer_items, "timers", MT_TIMER_ITEM_SIZE, MT_TIMER_ITEM_LINK, TIMERS_MAX);
    if (status == MT_OK)
        status = mt_region_init(&mt_ties, "ties", sizeof(mt_tie_t), offsetof(mt_tie_t, free_link), MT_TIES_MAX);
    if (status == MT_OK)
        status = mt_region_init(&mt_requests, "requests", sizeof(mt_request_t), offsetof(mt_request_t, free_link),
                                MT_REQUESTS_MAX);
    return status;
}

static bool is_valid(const mt_config_t *config) {
    return config->workers >= 1 && config->workers <= WORKERS_MAX && config->run_budget >= 1 && config->tick_ns >= 1 &&
           config->processes_max >= 1 && config->processes_max <= MT_SLOTS_MAX && config->env.now_ns &&
           (!config->deterministic || config->workers == 1);
}

static void free_workers(mt_runtime_t *runtime) {
    for (uint32_t i = 0; runtime->workers && i < runtime->config.workers; i++) {
        if (runtime->workers[i]) free(runtime->workers[i]->nursery);
        free(runtime->workers[i]);
    }
    free(runtime->workers);
    runtime->workers = NULL;
}

static mt_status_t make_workers(mt_runtime_t *runtime) {
    runtime->workers = mt_alloc_zeroed(runtime->config.workers * sizeof *runtime->workers);
    if (!runtime->workers) return MT_NO_MEMORY;
    for (uint32_t i = 0; i < runtime->config.workers; i++) {
        mt_worker_t *worker = mt_alloc_lines(sizeof *worker);
        if (!worker) return MT_NO_MEMORY;
        worker->number = i;
        worker->runtime = runtime;
        worker->random = runtime->env.random(runtime->env.context);
        runtime->workers[i] = worker;
        worker->nursery = mt_alloc_zeroed(MT_NURSERY_SIZE * sizeof *worker->nursery);
        if (!worker->nursery) return MT_NO_MEMORY;
        worker->nursery_capacity = MT_NURSERY_SIZE;
    }
    return MT_OK;
}

static void wait_for_threads(mt_runtime_t *runtime, uint64_t deadline_ns) {
    for (;;) {
        // acquire: pairs with the decrement at the end of each thread: what they did is over.
        uint32_t alive = mt_a32_load_acq(&runtime->threads);
        if (alive == 0) return;
        if (!mt_env_system.park(NULL, &runtime->threads, alive, deadline_ns)) return;
    }
}

static void wake_everybody(mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->lock);
    // A start that failed half-way has fewer.
    for (uint32_t i = 0; i < runtime->config.workers && runtime->workers[i]; i++) {
        mt_a32_xchg(&runtime->workers[i]->token, 1);
        runtime->env.unpark(runtime->env.context, &runtime->workers[i]->token, 1);
    }
    for (mt_runner_t *spare = runtime->spares; spare; spare = spare->next_spare) {
        mt_a32_xchg(&spare->token, 1);
        runtime->env.unpark(runtime->env.context, &spare->token, 1);
    }
    pthread_mutex_unlock(&runtime->lock);
    mt__monitor_wake(runtime);
}

static mt_status_t start_threads(mt_runtime_t *runtime) {
    mt_status_t status = MT_OK;
    for (uint32_t i = 0; i < runtime->config.workers && status == MT_OK; i++) {
        status = mt__runner_start(runtime, runtime->workers[i]);
        if (status == MT_OK) runtime->runner_count++;
    }
    // The loop of a deterministic runtime does what the monitor does elsewhere.
    if (status != MT_OK || runtime->deterministic) return status;
    runtime->monitor_thread = mt__thread_reserve(runtime);
    if (!runtime->monitor_thread) return MT_NO_MEMORY;
    mt_a32_add(&runtime->threads, 1);
    status = runtime->env.thread_start(runtime->env.context, "martlet-monitor", mt__monitor_main, runtime,
                                       &runtime->monitor_handle);
    if (status == MT_OK) return MT_OK;
    mt_a32_add(&runtime->threads, (uint32_t)-1);
    mt_thread_give_back(runtime->monitor_thread);
    return status;
}

// Nobody has seen it, and its threads have ended.
static void undo_start(mt_runtime_t *runtime) {
    mt_runtime_stop(runtime, MT_FOREVER);
    mt_runtime_release(runtime);
    if (runtime->deterministic) mt__deterministic_disown(runtime->deterministic);
    mt__stats_free(runtime);
    pthread_mutex_destroy(&runtime->lock);
    pthread_mutex_destroy(&runtime->retry_mutex);
    pthread_mutex_destroy(&runtime->stats_mutex);
    free(runtime);
}

// Every runtime there ever was: a late sender may hold one, and a leak checker must find it.
static void keep(mt_runtime_t *runtime) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static mt_runtime_t *all; // guarded by the mutex
    pthread_mutex_lock(&mutex);
    runtime->next_runtime = all;
    all = runtime;
    pthread_mutex_unlock(&mutex);
}

static mt_status_t make_timers(mt_runtime_t *runtime) {
    if (runtime->deterministic) return mt__deterministic_adopt(runtime->deterministic, runtime);
    return mt_timers_create(&runtime->env, TIMER_SHARDS_PER_WORKER * runtime->config.workers, runtime->config.tick_ns,
                            mt__wake_driver, runtime, &runtime->timers);
}

mt_status_t mt_runtime_start(const mt_config_t *config, mt_runtime_t **out) {
    mt__forked_check();
    if (!is_valid(config)) return MT_INVALID;
    mt__forked_watch();
    mt_barrier_init();
    mt_status_t status = init_regions();
    if (status != MT_OK) return status;
    mt_runtime_t *runtime = mt_alloc_lines(sizeof *runtime);
    if (!runtime) return MT_NO_MEMORY;
    runtime->config = *config;
    runtime->env = config->env;
    runtime->deterministic = config->deterministic;
    pthread_mutex_init(&runtime->lock, NULL);
    pthread_mutex_init(&runtime->retry_mutex, NULL);
    pthread_mutex_init(&runtime->stats_mutex, NULL);
    mt_a32_store_rlx(&runtime->coarse_ms, (uint32_t)(mt__now(runtime) / 1000000));
    status = make_workers(runtime);
    if (status == MT_OK) status = make_timers(runtime);
    if (status == MT_OK) status = mt_names_create(mt_pid_is_alive, &runtime->names);
    if (status == MT_OK) status = start_threads(runtime);
    if (status != MT_OK) {
        undo_start(runtime);
        return status;
    }
    keep(runtime);
    *out = runtime;
    return MT_OK;
}

bool mt_runtime_close(mt_runtime_t *runtime) {
    mt__forked_check();
    uint32_t running = MT_RUNTIME_RUNNING;
    // sc: Dekker with mt_process_spawn: {state; load processes} against {processes; load state}.
    return mt_a32_cas_sc(&runtime->state, &running, MT_RUNTIME_CLOSED);
}

// A process has ended, or was counted and not born: both may be what wait_empty waits for.
void mt__uncount_process(mt_runtime_t *runtime) {
    // sc: {processes; load state} against the closer's {state; look at processes}: one of the two sees the other.
    // release: what ended before the last process is seen by who waits for the end of all.
    if (mt_a32_add_sc(&runtime->processes, (uint32_t)-1) == 1 && mt_a32_load_sc(&runtime->state) != MT_RUNTIME_RUNNING)
        mt_env_system.unpark(NULL, &runtime->processes, UINT32_MAX >> 1);
}

bool mt_runtime_wait_empty(mt_runtime_t *runtime, uint64_t deadline_ns) {
    for (;;) {
        // sc: Dekker with mt__uncount_process; acquire: what the ended ones did.
        uint32_t left = mt_a32_load_sc(&runtime->processes);
        if (left == 0) return true;
        if (!mt_env_system.park(NULL, &runtime->processes, left, deadline_ns)) return false;
    }
}

// All threads have ended, or this one need not wait for them.
static void join_threads(mt_runtime_t *runtime) {
    while (runtime->runners) {
        mt_runner_t *runner = runtime->runners;
        runtime->runners = runner->next;
        if (!runtime->is_detached) runtime->env.thread_join(runtime->env.context, runner->handle);
        free(runner);
    }
    if (runtime->monitor_handle && !runtime->is_detached)
        runtime->env.thread_join(runtime->env.context, runtime->monitor_handle);
    runtime->monitor_handle = 0;
}

// Some thread is inside user code, perhaps for ever: nobody will join any of them.
static void detach_threads(mt_runtime_t *runtime) {
    if (runtime->is_detached) return;
    runtime->is_detached = true;
    for (mt_runner_t *runner = runtime->runners; runner; runner = runner->next)
        runtime->env.thread_detach(runtime->env.context, runner->handle);
    if (runtime->monitor_handle) runtime->env.thread_detach(runtime->env.context, runtime->monitor_handle);
}

static void drain_item(mt_thread_t *thread, mt_item_t item) {
    if (item & MT_ITEM_JOB) {
        mt_hooks.orphan_job((void *)(item & ~MT_ITEM_JOB));
        return;
    }
    uint32_t budget = UINT32_MAX;
    mt_slice_run(thread, (mt_slot_t *)item, &budget);
}

void mt__drain_stopped(mt_runtime_t *runtime) {
    mt_thread_t *thread = mt_thread_self();
    // The runtime's own workers end by themselves: who stops it drains.
    const mt_worker_t *worker = thread ? mt__context_of(thread) : NULL;
    if (!thread || (worker && worker->runtime == runtime)) return;
    for (mt_item_t item; (item = mt__inject_take(runtime)) || (item = mt__stall_take(runtime));)
        drain_item(thread, item);
}

// What the workers left in their own queues; they have ended.
static void drain_workers(mt_runtime_t *runtime) {
    mt_thread_t *thread = mt_thread_self();
    for (uint32_t i = 0; thread && runtime->workers && i < runtime->config.workers && runtime->workers[i]; i++) {
        mt_worker_t *worker = runtime->workers[i];
        for (mt_item_t item; (item = mt__run_next_take(worker)) || (item = mt__ring_take(worker));)
            drain_item(thread, item);
    }
}

uint32_t mt_runtime_stop(mt_runtime_t *runtime, uint64_t deadline_ns) {
    mt__forked_check();
    // release: what the closer did; workers see it before they end.
    mt_a32_xchg(&runtime->state, MT_RUNTIME_STOPPED);
    if (runtime->workers) wake_everybody(runtime);
    wait_for_threads(runtime, deadline_ns);
    // acquire: as in wait_for_threads.
    uint32_t left_behind = mt_a32_load_acq(&runtime->threads);
    if (left_behind == 0) join_threads(runtime);
    else detach_threads(runtime);
    // What is still queued belongs to dead processes, and to tasks that must go on elsewhere.
    if (left_behind == 0) drain_workers(runtime);
    mt__drain_stopped(runtime);
    // A producer between its exchange and its store: it needs the processor, and nothing else.
    mt_a32_t nobody = {0};
    while (!left_behind && mt_a32_load_acq(&runtime->stalled_count)) {
        mt_env_system.park(NULL, &nobody, 0, mt_env_system.now_ns(NULL) + STALL_PAUSE_NS);
        mt__drain_stopped(runtime);
    }
    // A thread that is still inside user code may come back at any time: what it touches stays.
    if (left_behind) return left_behind;
    // The pointer stays: who is slow to arm is told that the shards are shut.
    if (runtime->timers && !runtime->timers_ended) mt_timers_destroy(runtime->timers);
    runtime->timers_ended = true;
    pthread_mutex_lock(&runtime->retry_mutex);
    free(runtime->retries);
    runtime->retries = NULL;
    runtime->retry_count = runtime->retry_capacity = 0;
    pthread_mutex_unlock(&runtime->retry_mutex);
    free_workers(runtime);
    return 0;
}

void mt_runtime_release(mt_runtime_t *runtime) {
    // acquire: as in wait_for_threads.
    if (mt_a32_load_acq(&runtime->threads)) return;
    mt_names_destroy(runtime->names);
    runtime->names = NULL;
}

const mt_env_t *mt_runtime_env(const mt_runtime_t *runtime) { return &runtime->env; }
mt_timers_t *mt_runtime_timers(mt_runtime_t *runtime) { return runtime->timers; }
mt_names_t *mt_runtime_names(mt_runtime_t *runtime) { return runtime->names; }
void *mt_runtime_context(const mt_runtime_t *runtime) { return runtime->config.context; }

uint64_t mt_runtime_now_upper(const mt_runtime_t *runtime) {
    if (runtime->env.now_ns != mt_env_system.now_ns) return mt__now(runtime);
    return mt_env_now_upper();
}

uint32_t mt_runtime_tick(const mt_runtime_t *runtime) { return mt_a32_load_rlx(&runtime->coarse_ms); }

void mt_runtime_for_each(mt_runtime_t *runtime, void (*visit)(void *context, mt_pid_t pid), void *context) {
    for (uint32_t index = 1; mt_region_contains_index(&mt_slots, index); index++) {
        mt_slot_t *slot = (mt_slot_t *)mt_region_at(&mt_slots, index);
        // acquire: pairs with the release of LIVE in mt_process_spawn: the runtime.
        uint64_t life = mt_a64_load_acq(&slot->life);
        if (life & MT_LIFE_LIVE && mt_runtime_of(slot) == runtime)
            visit(context, mt_pid_make(mt_life_generation(life), index));
    }
}
