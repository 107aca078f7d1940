// SPDX-License-Identifier: Apache-2.0
// Handlers that block without saying so: another thread takes over their worker's queue, deadlines and timers, within a
// limit; the thread comes back as a spare; whatever it did meanwhile was done without the context.
#include "probe_engine.h"

#include "context.h"

#define SOON_NS UINT64_C(5000000)
#define NOT_STOLEN_NS UINT64_C(200000000) // far enough from now for the nursery (deadline.c)

static mt_config_t stand_in_config(uint32_t workers, uint32_t spares) {
    mt_config_t config = probe_config(workers);
    config.spares_max = spares;
    config.stand_in_after_ns = SOON_NS;
    return config;
}

static uint32_t runners_of(mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->lock);
    uint32_t count = runtime->runner_count;
    pthread_mutex_unlock(&runtime->lock);
    return count;
}

static bool nobody_is_stuck(void *raw) { return mt_a32_load_acq(&((mt_runtime_t *)raw)->stuck) == 0; }

// F16: as many handlers as there are workers, and more, sleep; the others are served.
MT_CHECK(stand_in_for_every_worker) {
    enum { WORKERS = 2, STUCK = 6, CALLS = 200 };
    probe_world_t world;
    mt_config_t config = stand_in_config(WORKERS, STUCK);
    probe_open_with(&world, &config);
    for (uint32_t round = 0; round < 3; round++) { // threads that come back are the spares of the next round
        probe_gate_t gate = {0};
        mt_pid_t stuck[STUCK], quiet = probe_spawn(&world, NULL);
        for (uint32_t i = 0; i < STUCK; i++) {
            stuck[i] = probe_spawn(&world, NULL);
            EXPECT(probe_cast(stuck[i], probe_block_on, (uint64_t)&gate, quiet) == MT_OK);
        }
        EXPECT(probe_wait_word32(&gate.inside, STUCK)); // more than there are workers
        uint64_t worst = 0;
        for (uint32_t i = 0; i < CALLS; i++) {
            uint64_t begin = mt_check_now_ns();
            EXPECT(probe_call(quiet, probe_answer, i, 0, NULL) == MT_REPLY_VALUE);
            uint64_t took = mt_check_now_ns() - begin;
            worst = took > worst ? took : worst;
        }
        mt_check_figure("worst call beside blocked workers", (double)worst / 1e6, "ms");
        EXPECT(!mt_runtime_is_idle(world.runtime)); // user code runs, if it calls that running
        probe_gate_open(&gate);
        mt_runtime_wait_idle(world.runtime);
        uint64_t count = 0;
        EXPECT(probe_call(quiet, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == STUCK);
        EXPECT(runners_of(world.runtime) <= WORKERS + STUCK);
        EXPECT(probe_eventually(nobody_is_stuck, world.runtime));
    }
    probe_close(&world);
}

// At the limit the last worker stays where it is, and goes on when its handler ends.
MT_CHECK(stand_in_has_a_limit) {
    probe_world_t world;
    mt_config_t config = stand_in_config(1, 2);
    probe_open_with(&world, &config);
    probe_gate_t gate = {0};
    mt_pid_t stuck[3];
    for (uint32_t i = 0; i < 3; i++) {
        stuck[i] = probe_spawn(&world, NULL);
        EXPECT(probe_cast(stuck[i], probe_block_on, (uint64_t)&gate, 0) == MT_OK);
        EXPECT(probe_wait_word32(&gate.inside, i + 1));
    }
    mt_pid_t quiet;
    EXPECT(probe_spawn_async(&world, NULL, 0, &quiet) == MT_OK);
    mt_reply_ref_t call = probe_call_begin(quiet, probe_answer, 1, 0);
    mt_a32_t nobody = {0};
    uint64_t until = mt_check_now_ns() + 10 * SOON_NS;
    while (mt_env_system.park(NULL, &nobody, 0, until)) continue; // the monitor has had its looks
    EXPECT(!mt_reply_is_done(call) && runners_of(world.runtime) == 3);
    probe_gate_open(&gate);
    EXPECT(probe_call_end(call, MT_FOREVER, NULL) == MT_REPLY_VALUE);
    probe_close(&world);
}

// --- What was the stuck thread's alone -------------------------------------------------------------------------------

typedef struct {
    probe_gate_t gate;
    mt_runtime_t *runtime;
    mt_reply_ref_t ref;
    mt_pid_t other;
    mt_a32_t polite;
} late_t;

static void arm_and_block(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    late_t *late = (late_t *)a;
    EXPECT(mt_deadline_has_nursery(slice->thread, late->runtime));
    mt_deadline_arm(slice->thread, late->runtime, late->ref, mt_check_now_ns() + NOT_STOLEN_NS);
    for (uint32_t i = 0; i < 10; i++) probe_cast(late->other, probe_count, 1, 0); // run-next, which wakes nobody
    probe_gate_enter(&late->gate);
}

// A deadline in the nursery and a process in run-next of a worker that is stuck.
MT_CHECK(stand_in_keeps_deadlines_and_run_next) {
    probe_world_t world;
    mt_config_t config = stand_in_config(1, 1);
    probe_open_with(&world, &config);
    late_t late = {.runtime = world.runtime, .other = probe_spawn(&world, NULL)};
    mt_pid_t stuck = probe_spawn(&world, NULL);
    late.ref = mt_reply_arm(mt_thread_self(), 0, stuck, MT_FOREVER);
    EXPECT(probe_cast(stuck, arm_and_block, (uint64_t)&late, 0) == MT_OK);
    EXPECT(probe_call_end(late.ref, mt_check_now_ns() + PROBE_WAIT_NS, NULL) == MT_REPLY_TIMEOUT);
    uint64_t count = 0;
    EXPECT(probe_call(late.other, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == 10);
    probe_gate_open(&late.gate);
    probe_close(&world);
}

// Blocks, and when it has lost its context does all that would have used it.
static void block_then_act(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    late_t *late = (late_t *)a;
    probe_gate_enter(&late->gate);
    mt_thread_t *thread = slice->thread;
    for (uint32_t i = 0; i < 1000; i++) probe_cast(late->other, probe_count, 1, 0);
    // It came inside if one of them woke the other process, else at the next thing it does.
    probe_cast(state->pid, probe_count, 1, 0);
    mt_deadline_arm(thread, late->runtime, late->ref, mt_check_now_ns() + NOT_STOLEN_NS); // in the wheel
    EXPECT(mt__context_of(thread) == NULL); // it noticed, by now at the latest
    EXPECT(mt_block_begin(thread));
    mt_a32_add(&late->polite, 1);
    mt_env_system.unpark(NULL, &late->polite, 1);
    while (mt_a32_load_acq(&late->polite) == 1) mt_env_system.park(NULL, &late->polite, 1, MT_FOREVER);
    mt_block_end(thread);
}

MT_CHECK(stand_in_leaves_the_stuck_thread_without) {
    probe_world_t world;
    mt_config_t config = stand_in_config(1, 1);
    probe_open_with(&world, &config);
    late_t late = {.runtime = world.runtime, .other = probe_spawn(&world, NULL)};
    mt_pid_t stuck = probe_spawn(&world, NULL);
    late.ref = mt_reply_arm(mt_thread_self(), 0, stuck, MT_FOREVER);
    EXPECT(probe_cast(stuck, block_then_act, (uint64_t)&late, 0) == MT_OK && probe_gate_wait(&late.gate));
    EXPECT(probe_call(late.other, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE); // the context went on
    probe_gate_open(&late.gate);
    EXPECT(probe_wait_word32(&late.polite, 1));
    mt_runtime_wait_idle(world.runtime); // a thread that blocks politely does not count
    uint64_t count = 0;
    EXPECT(probe_call(late.other, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == 1000);
    EXPECT(probe_call_end(late.ref, mt_check_now_ns() + PROBE_WAIT_NS, NULL) == MT_REPLY_TIMEOUT);
    mt_a32_add(&late.polite, 1);
    mt_env_system.unpark(NULL, &late.polite, 1);
    EXPECT(probe_call(stuck, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == 1);
    mt_runtime_wait_idle(world.runtime);
    probe_close(&world);
}

// --- The watchdog, the kill, the end ---------------------------------------------------------------------------------

static mt_a32_t reports;
static mt_a64_t reported_pid;
static void note_report(void *context, uint64_t pid, uint64_t elapsed_ns) {
    (void)context;
    EXPECT(elapsed_ns >= 4 * SOON_NS);
    mt_a64_store_rlx(&reported_pid, pid);
    mt_a32_add(&reports, 1);
}

static void open_reporting(probe_world_t *world, uint32_t workers) {
    mt_config_t config = stand_in_config(workers, 2);
    config.stall_limit_ns = 4 * SOON_NS;
    mt_a32_store_rlx(&reports, 0);
    mt_hooks.stalled = note_report;
    probe_open_with(world, &config);
}

// Its worker has gone on, with all of them asleep: the report comes all the same, once; then it is killed.
MT_CHECK(stand_in_reports_and_kills) {
    probe_world_t world;
    open_reporting(&world, 2);
    probe_gate_t gate = {0};
    mt_pid_t stuck = probe_spawn(&world, NULL), other = probe_spawn(&world, NULL);
    uint64_t begin = mt_check_now_ns();
    EXPECT(probe_cast(stuck, probe_block_on, (uint64_t)&gate, other) == MT_OK && probe_gate_wait(&gate));
    EXPECT(probe_wait_word32(&reports, 1) && mt_a64_load_rlx(&reported_pid) == stuck);
    mt_check_figure("report of a handler over 20 ms", (double)(mt_check_now_ns() - begin) / 1e6, "ms");
    EXPECT(mt_a32_load_acq(&world.runtime->stuck) == 1);
    begin = mt_check_now_ns();
    EXPECT(mt_process_kill(mt_thread_self(), stuck) && probe_join(stuck) <= UINT64_MAX);
    mt_check_figure("kill of a stuck handler", (double)(mt_check_now_ns() - begin) / 1e6, "ms");
    probe_gate_open(&gate);
    EXPECT(probe_eventually(nobody_is_stuck, world.runtime));
    EXPECT(mt_a32_load_acq(&reports) == 1);
    uint64_t count = 1;
    EXPECT(probe_call(other, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == 0); // no effect after its end
    probe_close(&world);
    mt_hooks.stalled = NULL;
}

// A handler in the first slice of its process, whose slot had nobody when the slice began.
MT_CHECK(stand_in_reports_an_init) {
    probe_world_t world;
    open_reporting(&world, 1);
    probe_gate_t gate = {0};
    mt_pid_t pid = 0;
    const probe_spec_t spec = {.init = probe_block_on, .a = (uint64_t)&gate};
    EXPECT(probe_spawn_async(&world, &spec, 0, &pid) == MT_OK && probe_gate_wait(&gate));
    EXPECT(probe_wait_word32(&reports, 1) && mt_a64_load_rlx(&reported_pid) == pid);
    probe_gate_open(&gate);
    EXPECT(probe_eventually(nobody_is_stuck, world.runtime));
    probe_close(&world);
    mt_hooks.stalled = NULL;
}

MT_CHECK(stand_in_and_a_stop) {
    probe_world_t world;
    mt_config_t config = stand_in_config(1, 2);
    probe_open_with(&world, &config);
    probe_gate_t gate = {0};
    mt_pid_t stuck = probe_spawn(&world, NULL), other = probe_spawn(&world, NULL);
    EXPECT(probe_cast(stuck, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    EXPECT(probe_call(other, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE);
    mt_runtime_close(world.runtime);
    EXPECT(mt_process_kill(mt_thread_self(), stuck) && mt_process_kill(mt_thread_self(), other));
    EXPECT(mt_runtime_wait_empty(world.runtime, mt_check_now_ns() + PROBE_WAIT_NS));
    EXPECT(mt_runtime_stop(world.runtime, mt_check_now_ns() + SOON_NS) == 1); // the stuck thread is left behind
    probe_gate_open(&gate);
    EXPECT(mt_runtime_stop(world.runtime, MT_FOREVER) == 0);
    mt_runtime_release(world.runtime);
    EXPECT(mt_a64_load_acq(&probe_made) == mt_a64_load_acq(&probe_ended) && mt_a64_load_acq(&probe_states) == 0);
}

// --- Hammer ----------------------------------------------------------------------------------------------------------

#define HAMMERED 32u

typedef struct {
    probe_world_t world;
    mt_pid_t pids[HAMMERED];
    mt_a64_t takes, tries, sent, seen;
    mt_a32_t over;
} hammer_t;

// A handler that sends, arms a deadline, blocks politely now and then, and takes its time between.
static void act_at_random(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state;
    hammer_t *hammer = (hammer_t *)a;
    uint64_t random = b;
    mt_a64_add_rlx(&hammer->seen, 1);
    for (uint32_t spin = mt_check_random(&random) % 400; spin; spin--) mt_cpu_relax();
    uint32_t bits = mt_check_random(&random);
    if (bits % 8 == 0 && mt_block_begin(slice->thread)) mt_block_end(slice->thread);
    if (bits % 8 == 1) {
        mt_reply_ref_t ref = mt_reply_arm(slice->thread, 0, hammer->pids[0], MT_FOREVER);
        mt_deadline_arm(slice->thread, hammer->world.runtime, ref, mt_check_now_ns() + PROBE_WAIT_NS);
        EXPECT(mt_reply_complete(ref, MT_REPLY_CANCELLED));
        mt_deadline_cancel(ref);
        mt_reply_free(slice->thread, ref);
    }
    if (mt_a32_load_acq(&hammer->over)) return;
    mt_a64_add_rlx(&hammer->sent, 1);
    probe_cast(hammer->pids[bits / 8 % HAMMERED], act_at_random, a, random);
}

// In the monitor's place: it is told never to take.
static void take_all_the_time(void *raw, uint32_t number) {
    hammer_t *hammer = raw;
    mt_runtime_t *runtime = hammer->world.runtime;
    uint64_t random = number, tries = 0, takes = 0;
    // Until it took one, however slow the machine: a hammer that takes nothing shows nothing.
    uint64_t until = mt_check_now_ns() + PROBE_WAIT_NS;
    while (!mt_check_time_is_up() || (takes == 0 && mt_check_now_ns() < until)) {
        mt_worker_t *worker = runtime->workers[mt_check_random(&random) % runtime->config.workers];
        takes += mt__stand_in(worker, mt_check_now_ns(), true);
        tries++;
    }
    mt_a64_add_rlx(&hammer->tries, tries);
    mt_a64_add_rlx(&hammer->takes, takes);
    mt_a32_add(&hammer->over, 1);
}

MT_CHECK(stand_in_hammer_takes) {
    hammer_t hammer = {0};
    mt_config_t config = probe_config(2);
    config.spares_max = 6;
    probe_open_with(&hammer.world, &config);
    for (uint32_t i = 0; i < HAMMERED; i++) hammer.pids[i] = probe_spawn(&hammer.world, NULL);
    for (uint32_t i = 0; i < HAMMERED; i++) {
        mt_a64_add_rlx(&hammer.sent, 1);
        probe_cast(hammer.pids[i], act_at_random, (uint64_t)&hammer, i);
    }
    mt_check_begin_hammer();
    mt_check_run_threads(1, take_all_the_time, &hammer);
    // A thread that blocks politely does not count as running, also just before it says that it goes on.
    uint64_t until = mt_check_now_ns() + PROBE_WAIT_NS;
    do mt_runtime_wait_idle(hammer.world.runtime);
    while (mt_a64_load_acq(&hammer.sent) != mt_a64_load_acq(&hammer.seen) && mt_check_now_ns() < until);
    EXPECT(mt_a64_load_rlx(&hammer.sent) == mt_a64_load_rlx(&hammer.seen));
    EXPECT(mt_a64_load_rlx(&hammer.takes) > 0 && mt_a32_load_acq(&hammer.world.runtime->stuck) == 0);
    EXPECT(runners_of(hammer.world.runtime) <= 8);
    mt_check_figure("handlers", (double)mt_a64_load_rlx(&hammer.seen) / 1e3, "thousand");
    mt_check_figure("contexts taken", (double)mt_a64_load_rlx(&hammer.takes), "");
    mt_check_figure("of tries", (double)mt_a64_load_rlx(&hammer.tries), "");
    probe_close(&hammer.world);
}
