// SPDX-License-Identifier: Apache-2.0
// The scheduler as processes see it: turns are shared, blocked threads are stood in for, no wake-up is lost, a cut
// queue waits apart, and a runtime stops with work still queued.
#include "probe_engine.h"

#include <sched.h>

// Sends itself the next message until the word a says that it is enough.
static void run_for_ever(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice;
    state->count++;
    if (mt_a32_load_acq((const mt_a32_t *)a) == 0) probe_cast(b ? b : state->pid, run_for_ever, a, b ? state->pid : 0);
}

// Two hot processes, then two that keep each other hot through run-next, and a quiet one: it gets its turn.
MT_CHECK(scheduler_budget) {
    for (uint32_t round = 0; round < 2; round++) {
        probe_world_t world;
        probe_open(&world, 1);
        mt_a32_t enough = {0};
        mt_pid_t hot[2], quiet = probe_spawn(&world, NULL);
        for (uint32_t i = 0; i < 2; i++) hot[i] = probe_spawn(&world, NULL);
        for (uint32_t i = 0; i < 2; i++)
            for (uint32_t burst = 0; burst < 300; burst++)
                probe_cast(hot[i], run_for_ever, (uint64_t)&enough, round ? hot[1 - i] : 0);
        uint64_t worst = 0, value;
        for (uint32_t i = 0; i < 50; i++) {
            uint64_t begin = mt_check_now_ns();
            EXPECT(probe_call(quiet, probe_answer, i, 0, &value) == MT_REPLY_VALUE && value == i);
            uint64_t took = mt_check_now_ns() - begin;
            worst = took > worst ? took : worst;
        }
        mt_check_figure("worst call beside two hot processes", (double)worst / 1e6, "ms");
        EXPECT(worst < UINT64_C(2000000000)); // a turn is 1 ms; the machine is shared
        mt_a32_store_rel(&enough, 1);
        probe_close(&world);
    }
}

// Sends to the other, which sends back, until the count in a is used up.
static void send_back(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice;
    if (mt_a64_add_rlx((mt_a64_t *)a, -1) > 1) probe_cast(b, send_back, a, state->pid);
}

// A chain that uses up one turn after the other, with nothing beside it: the other worker is let sleep.
MT_CHECK(scheduler_alone_wakes_nobody) {
    enum { MESSAGES = 200000 };
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = probe_spawn(&world, NULL), b = probe_spawn(&world, NULL);
    mt_runtime_wait_idle(world.runtime);
    mt_statistics_t before, after;
    mt_runtime_statistics(world.runtime, &before);
    mt_a64_t left = {MESSAGES};
    probe_cast(a, send_back, (uint64_t)&left, b);
    mt_runtime_wait_idle(world.runtime);
    mt_runtime_statistics(world.runtime, &after);
    EXPECT(mt_a64_load_acq(&left) == 0);
    mt_check_figure("parks in 200 thousand messages", (double)(after.parks - before.parks), "");
    EXPECT(after.parks - before.parks < MESSAGES / 128 / 4); // a wake at the end of each turn would be 1,562
    probe_close(&world);
}

typedef struct {
    probe_gate_t gate;
    mt_a32_t refused;
} blocking_t;

static void block_politely(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    blocking_t *blocking = (blocking_t *)a;
    if (!probe_gate_enter_politely(slice->thread, &blocking->gate)) mt_a32_add(&blocking->refused, 1);
}

MT_CHECK(scheduler_blocking_and_its_limit) {
    enum { SPARES = 3 };
    probe_world_t world;
    mt_config_t config = probe_config(1);
    config.spares_max = SPARES;
    probe_open_with(&world, &config);
    for (uint32_t round = 0; round < 3; round++) { // threads that come back are spares of the next round
        blocking_t blocking = {0};
        mt_pid_t pids[SPARES + 2], quiet = probe_spawn(&world, NULL);
        for (uint32_t i = 0; i < SPARES + 2; i++) {
            pids[i] = probe_spawn(&world, NULL);
            EXPECT(probe_cast(pids[i], block_politely, (uint64_t)&blocking, 0) == MT_OK);
            EXPECT(probe_cast(pids[i], probe_count, 1, 0) == MT_OK);
            EXPECT(probe_call(quiet, probe_answer, 1, 0, NULL) == MT_REPLY_VALUE); // the context went on
        }
        EXPECT(probe_wait_word32(&blocking.refused, 2) && probe_wait_word32(&blocking.gate.inside, SPARES));
        EXPECT(mt_a32_load_acq(&blocking.gate.inside) == SPARES);
        mt_runtime_wait_idle(world.runtime); // blocked threads do not count
        probe_gate_open(&blocking.gate);
        uint64_t value = 0;
        for (uint32_t i = 0; i < SPARES + 2; i++)
            EXPECT(probe_call(pids[i], probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
        for (uint32_t i = 0; i < SPARES + 2; i++) EXPECT(probe_stop(pids[i], 3));
        mt_runtime_wait_idle(world.runtime);
    }
    probe_close(&world);
}

// Calls from outside with gaps of all lengths around the search and the sleep of the workers, while timers wake them
// too.
typedef struct {
    probe_world_t *world;
    mt_pid_t pids[8];
    mt_a64_t calls;
} pingpong_t;

static uint64_t no_fire(mt_timer_event_t *event, uint64_t now_ns) {
    (void)event;
    return now_ns;
}
static void no_drop(mt_timer_event_t *event) { (void)event; }
static const mt_timer_ops_t wake_ops = {.fire = no_fire, .drop = no_drop};

static void pingpong_body(void *raw, uint32_t number) {
    pingpong_t *pingpong = raw;
    uint64_t random = number, calls = 0;
    mt_a32_t nobody = {0};
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        mt_reply_ref_t ref = probe_call_begin(pingpong->pids[bits % 8], probe_answer, calls, 0);
        mt_reply_kind_t kind = probe_call_end(ref, mt_check_now_ns() + PROBE_WAIT_NS, NULL);
        EXPECT(kind == MT_REPLY_VALUE); // a timeout: nobody was woken
        if (kind != MT_REPLY_VALUE) break;
        calls++;
        if (bits / 8 % 4 == 0) mt_env_system.park(NULL, &nobody, 0, mt_check_now_ns() + bits % 3000000);
        else
            for (uint32_t spin = bits / 32 % 20000; spin; spin--) mt_cpu_relax();
    }
    mt_a64_add_rlx(&pingpong->calls, calls);
}

MT_CHECK(scheduler_hammer_no_lost_wakeup) {
    probe_world_t world;
    probe_open(&world, 3);
    pingpong_t pingpong = {.world = &world};
    for (uint32_t i = 0; i < 8; i++) pingpong.pids[i] = probe_spawn(&world, NULL);
    uint64_t ref = 0;
    EXPECT(mt_timed_call(mt_thread_self(), world.runtime, 1000000, 1000000, MT_TIMER_FIXED_RATE, &wake_ops, NULL,
                         &ref) == MT_OK);
    mt_check_begin_hammer();
    mt_check_run_threads(2, pingpong_body, &pingpong);
    EXPECT(mt_timers_cancel(ref, NULL) || !mt_timers_remaining(ref, NULL));
    mt_check_figure("calls", (double)mt_a64_load_rlx(&pingpong.calls) / 1e3, "thousand");
    probe_close(&world);
}

// A handler that a timer woke, long and in the driver's thread: other timers fire all the same.
static uint64_t open_gate(mt_timer_event_t *event, uint64_t now_ns) {
    (void)now_ns;
    probe_gate_open(event->payload);
    return MT_TIMER_END;
}
static const mt_timer_ops_t gate_ops = {.fire = open_gate, .drop = no_drop};

static bool is_deep(void *raw) { return mt_a32_load_acq(&((mt_runtime_t *)raw)->monitor_is_deep) != 0; }

MT_CHECK(scheduler_timers_behind_a_long_handler) {
    probe_world_t world;
    probe_open(&world, 2);
    probe_gate_t gate = {0};
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_thread_t *thread = mt_thread_self();
    uint64_t ref;
    EXPECT(mt_timed_send(thread, world.runtime, 600000000, pid,
                         probe_message(MT_KIND_CAST, probe_block_on, (uint64_t)&gate, 0), &ref) == MT_OK);
    EXPECT(mt_timed_call(thread, world.runtime, 620000000, 0, 0, &gate_ops, &gate, &ref) == MT_OK);
    mt_runtime_wait_idle(world.runtime);
    EXPECT(probe_eventually(is_deep, world.runtime)); // everything sleeps
    EXPECT(probe_gate_wait(&gate) && probe_wait_word32(&gate.key, 1));
    probe_gate_open(&gate);
    probe_close(&world);
}

// --- Cut queues and the end ------------------------------------------------------------------------------------------

static void check_stalled(probe_world_t *world, const probe_spec_t *spec) {
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t pid = probe_spawn(world, spec), other = probe_spawn(world, NULL);
    mt_runtime_wait_idle(world->runtime);
    // A producer that was stopped between its exchange and its store.
    mt_slot_t *slot = mt_slot_of(pid);
    mt_node_t *node = probe_message(MT_KIND_SIGNAL, NULL, 0, 0);
    node->generation = mt_pid_generation(pid) + 1; // counts as a dead letter; its content does not matter
    mt_aptr_store_rlx(&node->next, NULL);
    uint64_t previous = mt_a64_xchg(&slot->head, (uint64_t)node);
    EXPECT(previous & MT_HEAD_IDLE);
    mt_submit(thread, slot);
    EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK);
    if (!spec) EXPECT(probe_wait_word32(&world->runtime->stalled_count, 1)); // apart, and looked at now and then
    EXPECT(probe_call(other, probe_answer, 1, 0, NULL) == MT_REPLY_VALUE);
    EXPECT(!mt_runtime_is_idle(world->runtime));
    mt_aptr_store_rel(&((mt_node_t *)(previous & ~MT_HEAD_BITS))->next, node);
    uint64_t value = 0;
    EXPECT(probe_call(pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
    mt_runtime_wait_idle(world->runtime);
    mt_process_check(slot);
}

MT_CHECK(scheduler_half_linked_queue) {
    const probe_spec_t displacing = {.capacity = 8, .policy = MT_POLICY_DROP_OLDEST};
    probe_world_t world;
    probe_open(&world, 2);
    check_stalled(&world, NULL);
    check_stalled(&world, &displacing);
    probe_close(&world);
    probe_open_virtual(&world, 1);
    check_stalled(&world, NULL);
    probe_close(&world);
}

// The only worker is stuck in a handler when the runtime stops: what is queued ends on the stopper's thread, the stuck
// thread is left behind, and a second stop finds it gone.
MT_CHECK(scheduler_stop_with_queued_work) {
    probe_world_t world;
    probe_open(&world, 1);
    probe_gate_t gate = {0};
    mt_pid_t stuck = probe_spawn(&world, NULL), pids[50];
    EXPECT(probe_cast(stuck, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    mt_reply_ref_t calls[50];
    for (uint32_t i = 0; i < 50; i++) {
        EXPECT(probe_spawn_async(&world, NULL, 0, &pids[i]) == MT_OK);
        calls[i] = probe_call_begin(pids[i], probe_answer, 0, 0);
    }
    mt_runtime_close(world.runtime);
    for (uint32_t i = 0; i < 50; i++) EXPECT(mt_process_kill(mt_thread_self(), pids[i]));
    EXPECT(mt_process_kill(mt_thread_self(), stuck));
    EXPECT(mt_runtime_stop(world.runtime, mt_check_now_ns() + 50000000) == 1);
    for (uint32_t i = 0; i < 50; i++) EXPECT(probe_call_end(calls[i], MT_FOREVER, NULL) == MT_REPLY_EXITED);
    EXPECT(probe_cast(pids[0], probe_count, 1, 0) == MT_NO_PROCESS && !mt_pid_is_alive(stuck));
    probe_gate_open(&gate);
    EXPECT(mt_runtime_stop(world.runtime, MT_FOREVER) == 0);
    mt_statistics_t statistics;
    mt_runtime_statistics(world.runtime, &statistics);
    EXPECT(statistics.processes == 0 &&
           statistics.sent == statistics.handled + statistics.refused + statistics.discarded);
    mt_runtime_release(world.runtime);
    EXPECT(mt_a64_load_acq(&probe_made) == mt_a64_load_acq(&probe_ended) && mt_a64_load_acq(&probe_states) == 0);
}
