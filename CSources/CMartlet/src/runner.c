// SPDX-License-Identifier: Apache-2.0
// The threads of a runtime. A worker is a context (ring, run-next, nursery); a runner is a thread: it runs a context,
// or waits as a spare for one.
//
//     spare --given a context--> runs it --blocks politely: gives it to a spare--> without one --slice ends--> spare
//                                        --stuck: the monitor gives it to a spare--^
//
// A runner without a context finishes its slice; what it wakes goes to the inject queue. Blocking politely is
// mt_block_begin; what is stuck is found by the monitor thread (monitor.c), and how the context is taken from a thread
// that may come back at any time stands in context.h.
#include "martlet/phase.h"

#include "context.h"
#include "runtime_state.h"

#include <stdlib.h>

// Waits for a context. NULL: the runtime stops.
static mt_worker_t *wait_as_spare(mt_runner_t *runner) {
    mt_runtime_t *runtime = runner->runtime;
    // acquire: pairs with the exchange in mt__spare_give: the context that was given; with wake_everybody: the stop.
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

static void push_spare(mt_runner_t *runner) {
    mt_runtime_t *runtime = runner->runtime;
    pthread_mutex_lock(&runtime->lock);
    // acq_rel: by rule; the lock guards the rest.
    if (runner->stuck_since_ns) mt_a32_add(&runtime->stuck, (uint32_t)-1);
    runner->stuck_since_ns = 0;
    runner->next_spare = runtime->spares;
    runtime->spares = runner;
    pthread_mutex_unlock(&runtime->lock);
}

// Its slice is over and its context is another's.
static void become_spare(mt_runner_t *runner, mt_thread_t *thread) {
    mt_runtime_t *runtime = runner->runtime;
    thread->detached_from = NULL;
    push_spare(runner);
    // sc: Dekker with mt_runtime_wait_idle: {detached; load waiters} against {waiters; load detached}.
    mt_a32_add_sc(&runtime->detached, (uint32_t)-1);
    mt__tell_idle(runtime);
}

static void runner_main(void *raw) {
    mt_runner_t *runner = raw;
    mt_runtime_t *runtime = runner->runtime;
    mt_thread_t *thread = runner->thread;
    mt_thread_adopt(thread);
    thread->runtime = runtime;
    for (mt_worker_t *worker; (worker = wait_as_spare(runner));) {
        mt__context_accept(thread, runner, worker);
        if (runtime->deterministic) mt__deterministic_main(runtime->deterministic, thread);
        else mt__worker_run(thread, worker);
        if (mt__context_detach(thread)) break; // it still has it: the runtime stops
        mt__context_leave(thread, MT_CONTEXT_OUTSIDE);
        become_spare(runner, thread);
        if (runtime->deterministic) mt__deterministic_pass(runtime->deterministic);
    }
    mt__context_leave(thread, MT_CONTEXT_OUTSIDE);
    if (thread->idle_carriers) mt_hooks.end_carriers(thread);
    mt_thread_detach();
    // release: all this thread did, for who stops the runtime; pairs with the acquire in wait_for_threads.
    mt_a32_add(&runtime->threads, (uint32_t)-1);
    mt_env_system.unpark(NULL, &runtime->threads, UINT32_MAX >> 1);
}

mt_thread_t *mt__thread_reserve(mt_runtime_t *runtime) {
    mt_thread_t *thread = mt_thread_reserve();
    if (!thread || mt__stats_reserve(thread, runtime)) return thread;
    mt_thread_give_back(thread);
    return NULL;
}

// A thread for the context, or for none: then it waits for mt__spare_give, in no list yet. NULL: no memory, no thread.
static mt_runner_t *start(mt_runtime_t *runtime, mt_worker_t *worker, mt_status_t *status) {
    mt_runner_t *runner = mt_alloc_zeroed(sizeof *runner);
    mt_thread_t *thread = runner ? mt__thread_reserve(runtime) : NULL;
    *status = MT_NO_MEMORY;
    if (!thread) {
        free(runner);
        return NULL;
    }
    runner->runtime = runtime;
    runner->thread = thread;
    runner->worker = worker;
    mt_a32_store_rlx(&runner->token, worker != NULL);
    // acq_rel: by rule; before the thread can count itself out.
    mt_a32_add(&runtime->threads, 1);
    *status = runtime->env.thread_start(runtime->env.context, "martlet", runner_main, runner, &runner->handle);
    if (*status != MT_OK) {
        mt_a32_add(&runtime->threads, (uint32_t)-1);
        mt_thread_give_back(thread);
        free(runner);
        return NULL;
    }
    pthread_mutex_lock(&runtime->lock);
    runner->next = runtime->runners;
    runtime->runners = runner;
    pthread_mutex_unlock(&runtime->lock);
    return runner;
}

mt_status_t mt__runner_start(mt_runtime_t *runtime, mt_worker_t *worker) {
    mt_status_t status;
    start(runtime, worker, &status);
    return status;
}

mt_runner_t *mt__spare_obtain(mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->lock);
    mt_runner_t *spare = runtime->spares;
    bool may_start = !spare && runtime->runner_count < runtime->config.workers + runtime->config.spares_max;
    if (spare) runtime->spares = spare->next_spare;
    else if (may_start) runtime->runner_count++;
    pthread_mutex_unlock(&runtime->lock);
    if (spare || !may_start) return spare;
    mt_status_t status;
    spare = start(runtime, NULL, &status);
    if (spare) return spare;
    pthread_mutex_lock(&runtime->lock);
    runtime->runner_count--;
    pthread_mutex_unlock(&runtime->lock);
    return NULL;
}

void mt__spare_give(mt_runner_t *spare, mt_worker_t *worker) {
    mt_runtime_t *runtime = spare->runtime;
    spare->worker = worker; // plain: in no list, it is ours; the token publishes it
    // release: the context; pairs with the acquire in wait_as_spare.
    mt_a32_xchg(&spare->token, 1);
    runtime->env.unpark(runtime->env.context, &spare->token, 1);
}

void mt__spare_put_back(mt_runner_t *spare) {
    mt_runtime_t *runtime = spare->runtime;
    push_spare(spare);
    // acquire: pairs with the exchange in mt_runtime_stop. A stop whose walk over the spares came before the push is
    // seen here: both hold the lock.
    if (mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED) return;
    mt_a32_xchg(&spare->token, 1);
    runtime->env.unpark(runtime->env.context, &spare->token, 1);
}

bool mt_block_begin(mt_thread_t *thread) {
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    if (!worker) {
        mt__context_leave(thread, before);
        if (thread->detached_from) {
            // sc: as in become_spare.
            mt_a32_add_sc(&thread->detached_from->detached, (uint32_t)-1);
            mt__tell_idle(thread->detached_from);
        }
        return true;
    }
    if (MT_UNLIKELY(worker->runtime->deterministic)) {
        // One thread at a time: the whole runtime waits with this one.
        mt__context_leave(thread, before);
        return true;
    }
    // Inside until the context is given: starting a thread takes longer than the monitor's patience at times.
    mt_runner_t *spare = mt__spare_obtain(worker->runtime);
    if (spare) {
        mt_frame_t *frame = thread->frame;
        // relaxed: for reports, which look at the phase first.
        uint32_t since_ms = (uint32_t)(mt_a64_load_rlx(&worker->turn_start_ns) / 1000000);
        if (frame) mt_a32_store_rlx(&frame->slot->running_since, since_ms + !since_ms);
        mt_a64_store_rlx(&worker->turn_start_ns, 0);
        mt__context_detach(thread);
        mt__spare_give(spare, worker);
    }
    mt__context_leave(thread, before);
    return spare != NULL;
}

void mt_block_end(mt_thread_t *thread) {
    // sc: by rule for `detached`; user code runs again.
    if (thread->detached_from) mt_a32_add_sc(&thread->detached_from->detached, 1);
}

// What the monitor reports of a thread whose context it takes. Guarded by the lock; 0 takes it back.
static void mark_stuck(mt_runner_t *runner, uint64_t since_ns, mt_pid_t pid, bool is_reported) {
    mt_runtime_t *runtime = runner->runtime;
    pthread_mutex_lock(&runtime->lock);
    if ((runner->stuck_since_ns != 0) != (since_ns != 0)) mt_a32_add(&runtime->stuck, since_ns ? 1 : (uint32_t)-1);
    runner->stuck_since_ns = since_ns;
    runner->stuck_pid = pid;
    runner->is_reported = is_reported;
    pthread_mutex_unlock(&runtime->lock);
}

bool mt__stand_in(mt_worker_t *worker, uint64_t since_ns, bool is_reported) {
    mt_runtime_t *runtime = worker->runtime;
    // acquire: pairs with the release in mt__context_accept: the thread of the runner.
    mt_runner_t *runner = mt_aptr_load_acq(&worker->holder);
    if (!runner) return false; // on its way from one thread to another
    mt_runner_t *spare = mt__spare_obtain(runtime);
    if (!spare) return false; // the limit, or no thread to be had: the next look asks again
    // Both before the take: the thread may notice and become a spare at once.
    mark_stuck(runner, since_ns, mt_a64_load_rlx(&worker->running_pid), is_reported);
    // sc: as in become_spare, which takes it back.
    mt_a32_add_sc(&runtime->detached, 1);
    bool is_ours = mt__context_take(worker, runner->thread);
    if (is_ours) {
        mt__spare_give(spare, worker);
    } else {
        mark_stuck(runner, 0, 0, false);
        mt_a32_add_sc(&runtime->detached, (uint32_t)-1);
        mt__tell_idle(runtime);
        mt__spare_put_back(spare);
    }
    return is_ours;
}

mt_pid_t mt__stuck_unreported(mt_runtime_t *runtime, uint64_t now_ns, uint64_t *elapsed_ns) {
    mt_pid_t pid = 0;
    pthread_mutex_lock(&runtime->lock);
    for (mt_runner_t *runner = runtime->runners; runner && !pid; runner = runner->next) {
        uint64_t since = runner->stuck_since_ns;
        if (!since || runner->is_reported || now_ns - since < runtime->config.stall_limit_ns) continue;
        runner->is_reported = true;
        pid = runner->stuck_pid;
        *elapsed_ns = now_ns - since;
    }
    pthread_mutex_unlock(&runtime->lock);
    return pid;
}
