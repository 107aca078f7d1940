// SPDX-License-Identifier: Apache-2.0
// The steps of a deterministic run. One thread has the worker's context and runs this loop; a handler that blocks for a
// reply hands the context to another thread, which goes on with the loop until it chooses to give it back: threads are
// stacks here, only one of them runs.
//
//     loop:  collect what the last step made runnable -> choose -> run one message, one job, one timer
//            nothing: release a fault's room, else move the time, else wait for the outside, else stuck
#include "context.h"
#include "deterministic.h"
#include "martlet/call.h"
#include "martlet/slice.h"

#include <stdlib.h>

#define ITEMS_INITIAL 64u
// Real time in which something outside may still wake a run that stands still. Nothing outside belongs to a run, so
// this only delays the report of a deadlock; long enough for a loaded machine to schedule a thread.
#define OUTSIDE_NS UINT64_C(1000000000)
// How often a run that stands still looks after threads that wait for the outside.
#define LOOK_NS UINT64_C(1000000)
// After the warning a run may use so many steps to end.
#define STEPS_TO_END UINT64_C(10000000)
// Shown in the trace where a process has no message: its end, or a wake-up in vain.
#define NO_MESSAGE 255u

// What a step ran, for the trace.
enum { STEP_PROCESS = 1, STEP_JOB, STEP_TIMER, STEP_THREAD, STEP_IDLE };

bool mt__deterministic_has_room(mt_deterministic_t *run) {
    if (run->count < run->capacity) return true;
    uint32_t capacity = run->capacity ? run->capacity * 2 : ITEMS_INITIAL;
    mt_item_t *grown = mt_alloc_grown(run->items, capacity * sizeof *grown);
    if (!grown) return false;
    run->items = grown;
    run->capacity = capacity;
    return true;
}

void mt__deterministic_collect(mt_deterministic_t *run) {
    mt_worker_t *worker = run->runtime->workers[0];
    // Without memory the rest stays where it is, and is found later.
    while (mt__deterministic_has_room(run)) {
        mt_item_t item = mt__run_next_take(worker);
        if (!item) item = mt__ring_take(worker);
        if (!item) item = mt__inject_take(run->runtime);
        if (!item) item = mt__stall_take(run->runtime);
        if (!item) return;
        if (!(item & MT_ITEM_JOB)) mt__census_meet(&run->census, (mt_slot_t *)item);
        run->items[run->count++] = item;
    }
}

// The kind of the message that a process in a queue will take next, and its generation. Its owner is this thread.
static uint32_t peek(mt_slot_t *slot, uint32_t *generation) {
    mt_bounded_head_t *bounded = mt_credit_of(slot, slot->generation);
    bool is_locked = bounded && mt_credit_policy(bounded) == MT_POLICY_DROP_OLDEST;
    if (is_locked) mt_credit_pop_lock(bounded); // a sender from outside may move the tail
    // acquire: as in mt_mailbox_pop.
    const mt_node_t *next = (mt_node_t *)mt_aptr_load_acq(&slot->tail->next);
    uint32_t kind = next ? next->kind : NO_MESSAGE;
    *generation = next ? next->generation : 0;
    if (is_locked) mt_credit_pop_unlock(bounded);
    return kind;
}

static void run_process(mt_deterministic_t *run, mt_thread_t *thread, mt_slot_t *slot, uint64_t choice) {
    mt_worker_t *worker = mt__context_of(thread);
    uint32_t generation = 0;
    uint32_t kind = peek(slot, &generation);
    uint64_t ordinal = mt__census_meet(&run->census, slot);
    mt__deterministic_note(run, (uint64_t)STEP_PROCESS << 60 | choice, ordinal << 8 | kind);
    const mt_class_t *klass = slot->generation ? mt_aptr_load_rlx(&slot->klass) : NULL;
    bool is_user = kind >= MT_KIND_CALL && kind <= MT_KIND_TICK;
    if (klass && klass->is_server && is_user && generation == slot->generation &&
        mt__faults_before_message(run, thread, slot)) {
        run->items[run->count++] = (mt_item_t)slot; // it was taken out of there just now
        return;
    }
    mt_a64_store_rlx(&worker->running_pid, mt__pid_to_run(slot));
    mt_a64_store_rlx(&worker->turn_start_ns, mt__now(run->runtime));
    // One message a step: who runs between two of them is a choice.
    uint32_t budget = 1;
    mt_slice_run(thread, slot, &budget);
    mt__census_meet(&run->census, slot);
}

static void run_job(mt_deterministic_t *run, mt_thread_t *thread, mt_item_t item, uint64_t choice) {
    mt__deterministic_note(run, (uint64_t)STEP_JOB << 60 | choice, 0);
    mt_a64_store_rlx(&mt__context_of(thread)->running_pid, 0);
    mt_hooks.run_job((void *)(item & ~MT_ITEM_JOB), run->runtime->config.context);
}

static uint32_t count_ready(const mt_deterministic_t *run) {
    uint32_t ready = 0;
    for (const mt_blocked_t *blocked = run->blocked; blocked; blocked = blocked->next)
        ready += mt_reply_is_done(blocked->ref);
    return ready;
}

// The n-th of those whose reply has come leaves the list; it gets the context when this step is over.
static void choose_thread(mt_deterministic_t *run, uint32_t n) {
    for (mt_blocked_t **place = &run->blocked; *place; place = &(*place)->next) {
        if (!mt_reply_is_done((*place)->ref) || n-- > 0) continue;
        run->chosen = *place;
        *place = run->chosen->next;
        return;
    }
}

// One step. False: nothing is runnable.
static bool step(mt_deterministic_t *run, mt_thread_t *thread) {
    mt_runtime_t *runtime = run->runtime;
    mt__deterministic_collect(run);
    // What the monitor does elsewhere.
    if (mt_a32_load_rlx(&runtime->retry_pending)) {
        mt__retry_kills(runtime, thread);
        mt__deterministic_collect(run);
    }
    // Between runs the clock is nobody's.
    bool is_due = run->is_running && mt_timers_next_due(runtime->timers) <= mt__now(runtime);
    uint32_t ready = count_ready(run);
    uint32_t count = run->count + ready + is_due;
    if (!count) return false;
    uint32_t pick = mt__deterministic_below(run, count);
    uint64_t choice = (uint64_t)pick << 30 | count;
    run->steps++;
    if (pick < run->count) {
        mt_item_t item = run->items[pick];
        // In place of a shift: the order of the rest is as arbitrary as the choice.
        run->items[pick] = run->items[--run->count];
        if (item & MT_ITEM_JOB) run_job(run, thread, item, choice);
        else run_process(run, thread, (mt_slot_t *)item, choice);
    } else if (pick < run->count + ready) {
        mt__deterministic_note(run, (uint64_t)STEP_THREAD << 60 | choice, 0);
        choose_thread(run, pick - run->count);
    } else {
        uint32_t fired = mt_timers_expire(runtime->timers, mt__now(runtime), 1);
        mt__deterministic_note(run, (uint64_t)STEP_TIMER << 60 | choice, fired);
    }
    return true;
}

// Nothing is runnable: time passes. False: there is nothing to wait for.
static bool move_time(mt_deterministic_t *run) {
    if (!run->is_running) return false;
    if (mt__faults_release(run)) return true;
    mt_idle_waiter_t *waiter = run->waiters;
    uint64_t due = mt_timers_next_due(run->runtime->timers);
    if (due != MT_FOREVER && (!waiter || due <= waiter->until_ns)) {
        mt__deterministic_set_time(run, due);
        return true;
    }
    if (!waiter) return false;
    run->waiters = waiter->next;
    mt__deterministic_set_time(run, waiter->until_ns);
    mt__deterministic_note(run, (uint64_t)STEP_IDLE << 60, 0);
    void *continuation = waiter->continuation;
    free(waiter);
    mt_hooks.resume(continuation);
    return true;
}

// While this thread runs, it counts as searching: a submit wakes nobody.
static void begin_running(mt_worker_t *worker) {
    if (worker->is_searching) return;
    worker->is_searching = true;
    // sc: by rule for `idle`.
    mt_a64_add_sc(&worker->runtime->idle, UINT64_C(1) << 32);
}

// Sleeps until something comes from another thread, or the runtime stops. False: nothing came in the time that the
// outside is given.
static bool wait_outside(mt_deterministic_t *run, mt_worker_t *worker) {
    mt_runtime_t *runtime = run->runtime;
    uint64_t deadline = run->is_running ? mt_env_system.now_ns(NULL) + OUTSIDE_NS : MT_FOREVER;
    bool was_last_searcher = false;
    mt__enter_parked(worker, &was_last_searcher);
    // sc within: the second look of the last searcher (park.c).
    bool came = mt__has_work(runtime);
    if (!came) mt__tell_idle(runtime);
    while (!came) {
        uint64_t now = mt_env_system.now_ns(NULL);
        if (now >= deadline) break;
        bool must_look = run->blocked || mt_a32_load_rlx(&runtime->stalled_count);
        uint64_t until = must_look && now + LOOK_NS < deadline ? now + LOOK_NS : deadline;
        mt_env_system.park(NULL, &worker->token, 0, until);
        // acquire: pairs with the exchange in mt__notify and in wake_everybody; state with mt_runtime_stop.
        came = mt_a32_load_acq(&worker->token) || mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED ||
               count_ready(run) || mt_a32_load_rlx(&runtime->stalled_count);
    }
    mt__leave_parked(worker);
    // A token that comes after this wakes the next sleep early.
    mt_a32_xchg(&worker->token, 0);
    begin_running(worker);
    return came;
}

static void report(mt_deterministic_t *run, mt_stuck_t why) {
    bool is_last = run->is_warned;
    run->is_warned = true;
    run->steps_max = run->steps + STEPS_TO_END;
    if (run->ops.stuck) run->ops.stuck(run->ops.context, why, is_last);
}

void mt__deterministic_main(mt_deterministic_t *run, mt_thread_t *thread) {
    mt_runtime_t *runtime = run->runtime;
    // Inside its context all the time: no monitor wants it.
    mt_worker_t *worker = mt__context_of(thread);
    begin_running(worker);
    // acquire: pairs with the exchange in mt_runtime_stop: what the closer did.
    while (mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED) {
        if (!step(run, thread) && !move_time(run) && !wait_outside(run, worker)) report(run, MT_STUCK_DEADLOCK);
        if (run->is_running && run->steps >= run->steps_max) report(run, MT_STUCK_ENDLESS);
        if (!run->chosen) continue;
        mt__context_detach(thread);
        // sc: by rule for `detached`; pairs with become_spare, which counts this thread out.
        mt_a32_add_sc(&runtime->detached, 1);
        return;
    }
    // What is left goes where the one who stops the runtime drains it.
    while (run->count) mt__inject(runtime, run->items[--run->count]);
}

void mt__deterministic_pass(mt_deterministic_t *run) {
    mt_blocked_t *chosen = run->chosen;
    run->chosen = NULL;
    // release: everything up to here, for the thread that goes on; pairs with the acquire in mt__deterministic_wait.
    mt_a32_xchg(&chosen->token, 1);
    mt_env_system.unpark(NULL, &chosen->token, 1);
}

bool mt__deterministic_wait(mt_thread_t *thread, mt_reply_ref_t ref) {
    mt_worker_t *worker = mt__context_of(thread);
    mt_deterministic_t *run = worker->runtime->deterministic;
    if (mt_reply_is_done(ref)) return true;
    mt_runner_t *spare = mt__spare_obtain(worker->runtime);
    if (!spare) {
        mt_reply_complete(ref, MT_REPLY_OVERLOADED);
        return false;
    }
    mt_blocked_t blocked = {.ref = ref};
    mt_blocked_t **place = &run->blocked;
    while (*place) place = &(*place)->next;
    *place = &blocked;
    // relaxed: this thread's own.
    mt_runner_t *holder = mt_aptr_load_rlx(&worker->holder);
    mt__context_detach(thread);
    mt__spare_give(spare, worker);
    // acquire: pairs with mt__deterministic_pass: all that ran meanwhile.
    while (mt_a32_load_acq(&blocked.token) == 0) mt_env_system.park(NULL, &blocked.token, 0, MT_FOREVER);
    mt__context_accept(thread, holder, worker);
    thread->detached_from = NULL;
    return true;
}

void mt_deterministic_drain_dead(mt_deterministic_t *run) {
    mt_thread_t *thread = mt_thread_self();
    for (bool any = true; any;) {
        any = false;
        mt__deterministic_collect(run);
        for (uint32_t i = 0; i < run->count && !any; i++) {
            if (run->items[i] & MT_ITEM_JOB) continue;
            mt_slot_t *slot = (mt_slot_t *)run->items[i];
            // acquire: by rule; a spawn since then has its INIT in this queue.
            if (slot->generation || mt_a64_load_acq(&slot->life) & MT_LIFE_LIVE) continue;
            run->items[i] = run->items[--run->count];
            uint32_t budget = UINT32_MAX;
            mt_slice_run(thread, slot, &budget);
            any = true;
        }
    }
}
