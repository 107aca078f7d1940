// SPDX-License-Identifier: Apache-2.0
// A process that runs inside of the one that waits for its start: at once where it would run next, not at all where it
// would not, never without end, and exactly once.
#include "probe_engine.h"

static mt_a32_t begun, nested, nested_most;

static mt_pid_t spawn(probe_world_t *world, probe_action_t init, uint64_t a, uint64_t b) {
    probe_spec_t spec = {.init = init, .a = a, .b = b};
    mt_pid_t pid = 0;
    EXPECT(probe_spawn_async(world, &spec, 0, &pid) == MT_OK);
    return pid;
}

// The init of an inner process.
static void begin(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state, (void)a, (void)b;
    mt_a32_add(&begun, 1);
}

typedef struct {
    probe_world_t *world;
    mt_a32_t at_once, later, is_mine;
} starter_t;

// Starts one, and finds it begun when mt_run_woken returns, unless another was woken since.
static void start_one(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state;
    starter_t *starter = (starter_t *)a;
    mt_frame_t *frame = slice->thread->frame;
    uint32_t before = mt_a32_load_acq(&begun);
    mt_pid_t pid = spawn(starter->world, begin, 0, 0);
    if (b) spawn(starter->world, begin, 0, 0);
    mt_run_woken(slice->thread, pid);
    mt_a32_add(mt_a32_load_acq(&begun) == before + 1 ? &starter->at_once : &starter->later, 1);
    mt_a32_add(&starter->is_mine, slice->thread->frame == frame && mt_thread_current_pid() == state->pid);
}

MT_CHECK(inner_run_at_once) {
    probe_world_t world;
    probe_open(&world, 1);
    starter_t starter = {.world = &world};
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_a32_store_rel(&begun, 0);
    for (uint32_t i = 0; i < 10; i++) EXPECT(probe_cast(pid, start_one, (uint64_t)&starter, i % 2) == MT_OK);
    EXPECT(probe_wait_word32(&starter.is_mine, 10) && probe_wait_word32(&begun, 15));
    EXPECT(mt_a32_load_acq(&starter.at_once) == 5 && mt_a32_load_acq(&starter.later) == 5);
    // On a thread without a context nothing runs.
    mt_run_woken(mt_thread_self(), pid);
    probe_close(&world);
}

// Starts one that does the same, so many deep.
static void start_deeper(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state;
    mt_a32_add(&begun, 1);
    uint32_t depth = mt_a32_add(&nested, 1) + 1;
    if (depth > mt_a32_load_acq(&nested_most)) mt_a32_store_rel(&nested_most, depth);
    if (b) mt_run_woken(slice->thread, spawn((probe_world_t *)a, start_deeper, a, b - 1));
    mt_a32_add(&nested, -1u);
}

MT_CHECK(inner_run_depth) {
    enum { DEPTH = 100 };
    probe_world_t world;
    probe_open(&world, 1);
    mt_a32_store_rel(&begun, 0);
    spawn(&world, start_deeper, (uint64_t)&world, DEPTH);
    EXPECT(probe_wait_word32(&begun, DEPTH + 1));
    EXPECT(mt_a32_load_acq(&nested_most) == 17);
    probe_close(&world);
}

typedef struct {
    probe_world_t *world;
    probe_gate_t gate;
    mt_a32_t is_back;
} blocking_t;

static void begin_blocking(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    EXPECT(probe_gate_enter_politely(slice->thread, &((blocking_t *)a)->gate));
}

static void start_blocking(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    blocking_t *blocking = (blocking_t *)a;
    mt_run_woken(slice->thread, spawn(blocking->world, begin_blocking, a, 0));
    // Without a context, but with its process: what it sends goes out.
    EXPECT(mt_thread_current_pid() == state->pid);
    EXPECT(probe_cast(state->pid, probe_count, 1, 0) == MT_OK);
    mt_a32_store_rel(&blocking->is_back, 1);
}

// The thread gives its context away inside: others go on, and who waits comes back without it.
MT_CHECK(inner_run_that_blocks) {
    probe_world_t world;
    probe_open(&world, 1);
    blocking_t blocking = {.world = &world};
    mt_pid_t pid = probe_spawn(&world, NULL), quiet = probe_spawn(&world, NULL);
    EXPECT(probe_cast(pid, start_blocking, (uint64_t)&blocking, 0) == MT_OK);
    EXPECT(probe_gate_wait(&blocking.gate));
    EXPECT(probe_call(quiet, probe_answer, 1, 0, NULL) == MT_REPLY_VALUE);
    EXPECT(mt_a32_load_acq(&blocking.is_back) == 0);
    probe_gate_open(&blocking.gate);
    uint64_t value = 0;
    EXPECT(probe_wait_word32(&blocking.is_back, 1));
    EXPECT(probe_call(pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
    probe_close(&world);
}

static void begin_and_end(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)b;
    mt_a64_add_rlx((mt_a64_t *)a, 1);
    probe_stop_async(state->pid, 3, 0);
}

typedef struct {
    probe_world_t *world;
    mt_a64_t started, begun;
} storm_t;

static void start_and_go_on(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    storm_t *storm = (storm_t *)a;
    if (mt_check_time_is_up()) return;
    mt_a64_add_rlx(&storm->started, 1);
    mt_run_woken(slice->thread, spawn(storm->world, begin_and_end, (uint64_t)&storm->begun, 0));
    probe_cast(state->pid, start_and_go_on, a, b);
}

// Thieves, who take what a starter is about to run itself: each begins once.
MT_CHECK(inner_run_hammer) {
    probe_world_t world;
    probe_open(&world, 3);
    storm_t storm = {.world = &world};
    mt_check_begin_hammer();
    for (uint32_t i = 0; i < 4; i++) probe_cast(probe_spawn(&world, NULL), start_and_go_on, (uint64_t)&storm, 0);
    while (!mt_check_time_is_up()) sched_yield();
    mt_runtime_wait_idle(world.runtime);
    EXPECT(mt_a64_load_rlx(&storm.started) == mt_a64_load_rlx(&storm.begun));
    mt_check_figure("inner starts", (double)mt_a64_load_rlx(&storm.started) / 1e3, "thousand");
    probe_close(&world);
}
