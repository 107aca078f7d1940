// SPDX-License-Identifier: Apache-2.0
// The scheduler with its real parts: the ring and run-next between an owner and thieves; workers that search, park and
// wake (worker.c, park.c, queue.c as they are) with jobs from outside; a parked worker that drives the timers; a worker
// that blocks and gives its context away. Every item runs once; a lost wake-up is a deadlock.
#include "world.h"

#include "runtime_state.h"

#define ITEMS 8

static mt_runtime_t *runtime;
static uint32_t ran[ITEMS + 1]; // plain: of each item, by who has it
static mt_a32_t started_count;

static void start(uint32_t workers, uint32_t spares, uint32_t threads) {
    runtime = world_runtime(workers, spares, threads);
    MODEL_NAME(runtime->idle);
    MODEL_NAME(runtime->inject_count);
    MODEL_NAME(runtime->lock);
    MODEL_NAME(runtime->driver);
    MODEL_NAME(runtime->state);
    for (uint32_t i = 0; i < workers; i++) {
        MODEL_NAME(runtime->workers[i]->ring_head);
        MODEL_NAME(runtime->workers[i]->ring_tail);
        MODEL_NAME(runtime->workers[i]->run_next);
        MODEL_NAME(runtime->workers[i]->token);
    }
}

static void check_each_once(uint32_t count) {
    for (uint32_t i = 1; i <= count; i++) MODEL_EXPECT(ran[i] == 1);
}

// --- The ring: items are numbers << 3 --------------------------------------------------------------------------------

static void run_number(mt_item_t item) {
    if (item) ran[item >> 3]++;
}

// Full, and gone round: head and tail are past the first cell.
static void setup_ring(void) {
    start(3, 0, 3);
    for (uint32_t i = 0; i < 3; i++) {
        mt__ring_put(runtime->workers[0], 8);
        mt__ring_take(runtime->workers[0]);
    }
    for (uint32_t i = 1; i <= MT_RING_SIZE; i++) mt__ring_put(runtime->workers[0], i << 3);
}

static void take_all(mt_worker_t *worker) {
    for (mt_item_t item; (item = mt__ring_take(worker));) run_number(item);
}

static void owner_and_thieves(uint32_t thread) {
    world_enter();
    mt_worker_t *self = runtime->workers[thread - 1];
    if (thread > 1) {
        run_number(mt__ring_steal(self, runtime->workers[0]));
    } else {
        run_number(mt__ring_take(self));
        run_number(mt__ring_take(self));
        mt__ring_put(self, 5 << 3);
        mt__ring_put(self, 6 << 3);
        run_number(mt__ring_take(self));
    }
}

static void check_ring(void) {
    world_enter();
    for (uint32_t i = 0; i < 3; i++) take_all(runtime->workers[i]);
    for (mt_item_t item; (item = mt__inject_take(runtime));) run_number(item);
    check_each_once(6);
}

MODEL_PROGRAM(scheduler_ring, .setup = setup_ring, .body = owner_and_thieves, .finish = check_ring, .threads = 3);

// --- Run-next: the thief's CAS is that of steal_from_all -------------------------------------------------------------

static void setup_run_next(void) { start(1, 0, 3); }

static void run_next_and_thieves(uint32_t thread) {
    world_enter();
    mt_worker_t *worker = runtime->workers[0];
    if (thread > 1) {
        void *next = mt_aptr_load_acq(&worker->run_next);
        if (next && mt_aptr_cas(&worker->run_next, &next, NULL)) run_number((mt_item_t)next);
        return;
    }
    for (uint64_t i = 1; i <= 2; i++) run_number(mt__run_next_put(worker, i << 3));
    run_number(mt__run_next_take(worker));
    run_number(mt__run_next_put(worker, 3 << 3));
}

static void check_run_next(void) {
    run_number(mt__run_next_take(runtime->workers[0]));
    check_each_once(3);
}

MODEL_PROGRAM(scheduler_run_next, .setup = setup_run_next, .body = run_next_and_thieves, .finish = check_run_next,
              .threads = 3);

// --- Submit and park: two workers, jobs from outside -----------------------------------------------------------------

typedef struct job {
    uint64_t link;
    uint32_t number;
} job_t;
static job_t jobs[ITEMS] __attribute__((aligned(16)));
static uint32_t job_count;
static bool jobs_meet; // each goes on when all have begun: a missing hand-on is a deadlock

static void run_job(void *raw, void *context) {
    (void)context;
    const job_t *job = raw;
    ran[job->number]++;
    mt_a32_add(&started_count, 1);
    if (!jobs_meet) return;
    while (mt_a32_load_acq(&started_count) < job_count) MODEL_AWAIT(started_count, 1);
}

static void prepare_jobs(uint32_t count, bool meet) {
    mt_hooks.run_job = run_job;
    mt_hooks.job_link_offset = offsetof(job_t, link);
    job_count = count;
    jobs_meet = meet;
    for (uint32_t i = 0; i < count; i++) jobs[i].number = i + 1;
    MODEL_NAME(started_count);
}

static void run_worker(uint32_t number) { world_become(model_started(number)); }

static void setup_park(void) {
    start(2, 0, 3);
    prepare_jobs(2, true);
}

static void park_and_submit(uint32_t thread) {
    if (thread < 3) {
        run_worker(thread - 1);
        return;
    }
    world_enter()->runtime = NULL;
    mt_submit_job(runtime, &jobs[0]);
    mt_submit_job(runtime, &jobs[1]);
}

static void check_jobs(void) { check_each_once(job_count); }

MODEL_PROGRAM(scheduler_park, .setup = setup_park, .body = park_and_submit, .finish = check_jobs, .threads = 3,
              .daemons = 3u << 1);

// One worker that parks with a timeout, since it drives a timer; a job from outside; both must happen.
static mt_a32_t fired;

static uint64_t on_timer(mt_timer_event_t *event, uint64_t now_ns) {
    MODEL_EXPECT(now_ns >= event->when_ns);
    mt_a32_add(&fired, 1);
    return MT_TIMER_END;
}
static void on_drop(mt_timer_event_t *event) { (void)event; }
static const mt_timer_ops_t timer_ops = {.fire = on_timer, .drop = on_drop};

static void arm_in(uint64_t delay_ns) {
    mt_timer_spec_t spec = {.ops = &timer_ops, .when_ns = mt_env_system_now() + delay_ns};
    uint64_t ref;
    MT_ASSERT(mt_timers_arm(runtime->timers, &spec, NULL, &ref) == MT_OK);
}

static void setup_driver(void) {
    start(1, 0, 3);
    prepare_jobs(1, false);
    arm_in(5000000);
}

static void driver_job_and_armer(uint32_t thread) {
    if (thread == 1) {
        run_worker(0);
        return;
    }
    world_enter()->runtime = NULL;
    if (thread == 2) mt_submit_job(runtime, &jobs[0]);
    else arm_in(1000000);
}

static void check_driver(void) {
    check_jobs();
    MODEL_EXPECT(mt_a32_load_acq(&fired) == 2);
}

MODEL_PROGRAM(scheduler_driver, .setup = setup_driver, .body = driver_job_and_armer, .finish = check_driver,
              .threads = 3, .daemons = 1u << 1, .time_passes = true);

// The only worker blocks in a job; a spare thread takes its context over and runs the other job, for which it waits.
static void run_blocking_job(void *raw, void *context) {
    (void)context;
    const job_t *job = raw;
    ran[job->number]++;
    if (job->number == 2) {
        mt_a32_xchg(&started_count, 1);
        mt_env_system.unpark(NULL, &started_count, 1);
        return;
    }
    mt_thread_t *self = mt_thread_current;
    MODEL_EXPECT(mt_block_begin(self));
    while (!mt_a32_load_acq(&started_count)) mt_env_system.park(NULL, &started_count, 0, MT_FOREVER);
    mt_block_end(self);
}

static void setup_block(void) {
    start(1, 1, 3);
    prepare_jobs(2, false);
    mt_hooks.run_job = run_blocking_job;
    mt_submit_job(runtime, &jobs[0]);
}

static void block_and_hand_over(uint32_t thread) {
    world_enter()->runtime = NULL;
    if (thread == 1) run_worker(0);
    if (thread == 3) mt_submit_job(runtime, &jobs[1]);
    if (thread != 2) return;
    // Setup started the worker and the monitor; the spare is the third.
    world_become(model_await_started(2));
}

static void check_block(void) {
    check_jobs();
    MODEL_EXPECT(mt_a32_load_acq(&runtime->detached) == 0);
}

MODEL_PROGRAM(scheduler_block, .setup = setup_block, .body = block_and_hand_over, .finish = check_block, .threads = 3,
              .daemons = 3u << 1);
