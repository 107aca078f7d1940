// SPDX-License-Identifier: Apache-2.0
// A runtime on virtual time: deadlines of calls, messages after a delay and idle times come exactly when the clock says
// so, and a clock that has passed something makes nobody spin.
#include "probe_engine.h"

#define MS UINT64_C(1000000)

static void move_to(probe_world_t *world, uint64_t now_ns) {
    mt_virtual_clock_set(&world->clock, now_ns);
    mt_runtime_drive_timers(world->runtime);
    mt_runtime_wait_idle(world->runtime);
}

MT_CHECK(virtual_deadlines) {
    probe_world_t world;
    probe_open_virtual(&world, 2);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_a64_t refs[20] = {0};
    mt_reply_ref_t calls[20];
    for (uint64_t i = 0; i < 20; i++) { // calls that nobody answers, each with a later deadline
        calls[i] = probe_call_begin(pid, probe_keep_call, (uint64_t)&refs[i], 0);
        mt_deadline_arm(thread, world.runtime, calls[i], (i + 1) * 10 * MS);
    }
    mt_runtime_wait_idle(world.runtime);
    for (uint64_t i = 0; i < 20; i++) {
        move_to(&world, (i + 1) * 10 * MS - 1);
        EXPECT(mt_reply_is_armed(calls[i]));
        if (i % 4 == 3) { // answered just in time: the deadline is stale, or dropped
            probe_reply_with(thread, mt_a64_load_acq(&refs[i]), i);
            mt_deadline_cancel(calls[i]);
        }
        move_to(&world, (i + 1) * 10 * MS);
        EXPECT(mt_reply_is_done(calls[i]));
        probe_reply_with(thread, mt_a64_load_acq(&refs[i]), 99); // late: vanishes
        uint64_t value = 0;
        EXPECT(probe_call_end(calls[i], MT_FOREVER, &value) == (i % 4 == 3 ? MT_REPLY_VALUE : MT_REPLY_TIMEOUT));
        if (i % 4 == 3) EXPECT(value == i);
    }
    probe_close(&world);
}

// A request whose caller has given up is skipped.
MT_CHECK(virtual_expired_requests) {
    probe_world_t world;
    probe_open_virtual(&world, 1);
    probe_gate_t gate = {0};
    mt_pid_t pid = probe_spawn(&world, NULL);
    EXPECT(probe_cast(pid, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    mt_a64_t ran = {0};
    mt_reply_ref_t call = probe_call_begin(pid, probe_add_to, (uint64_t)&ran, 1);
    mt_deadline_arm(mt_thread_self(), world.runtime, call, 5 * MS);
    mt_virtual_clock_set(&world.clock, 5 * MS);
    mt_runtime_drive_timers(world.runtime);
    EXPECT(probe_call_end(call, MT_FOREVER, NULL) == MT_REPLY_TIMEOUT);
    probe_gate_open(&gate);
    mt_runtime_wait_idle(world.runtime);
    mt_statistics_t statistics;
    mt_runtime_statistics(world.runtime, &statistics);
    EXPECT(mt_a64_load_acq(&ran) == 0 && statistics.dead_letters[MT_DEAD_EXPIRED] == 1);
    probe_close(&world);
}

static void arm_self(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    uint64_t ref = 0;
    mt_node_t *node = probe_message(MT_KIND_CAST, probe_add_to, a, 1);
    EXPECT(mt_timed_send(slice->thread, mt_runtime_of(slice->slot), b, state->pid, node, &ref) == MT_OK);
}

MT_CHECK(virtual_timed_messages) {
    probe_world_t world;
    probe_open_virtual(&world, 2);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t pid = probe_spawn(&world, NULL), mortal = probe_spawn(&world, NULL);
    mt_a64_t fired = {0}, own = {0};
    uint64_t refs[10];
    for (uint64_t i = 0; i < 10; i++) {
        mt_node_t *node = probe_message(MT_KIND_CAST, probe_add_to, (uint64_t)&fired, 1);
        EXPECT(mt_timed_send(thread, world.runtime, (i + 1) * MS, i == 9 ? mortal : pid, node, &refs[i]) == MT_OK);
    }
    uint64_t left = 0;
    EXPECT(mt_timers_cancel(refs[4], &left) && left == 5 * MS && !mt_timers_cancel(refs[4], NULL));
    EXPECT(probe_cast(pid, arm_self, (uint64_t)&own, 3 * MS) == MT_OK);
    EXPECT(probe_cast(mortal, arm_self, (uint64_t)&own, 3 * MS) == MT_OK); // dies with its process
    mt_runtime_wait_idle(world.runtime);
    EXPECT(probe_stop(mortal, 3));
    for (uint64_t i = 0; i < 9; i++) {
        move_to(&world, (i + 1) * MS - 1);
        EXPECT(mt_a64_load_acq(&fired) == i - (i > 4));
        move_to(&world, (i + 1) * MS);
        EXPECT(mt_a64_load_acq(&fired) == i + 1 - (i >= 4));
        EXPECT(mt_a64_load_acq(&own) == (i >= 2));
    }
    move_to(&world, 100 * MS); // the last one meets a dead process: refused and counted
    mt_statistics_t statistics;
    mt_runtime_statistics(world.runtime, &statistics);
    EXPECT(mt_a64_load_acq(&fired) == 8 && statistics.refused == 1 && statistics.timers == 0);
    probe_close(&world);
}

// What a process owes itself comes to a full mailbox, and is not displaced; one owed to a dead process is dropped.
MT_CHECK(virtual_owed_messages) {
    static const mt_policy_t policies[] = {MT_POLICY_REJECT, MT_POLICY_DROP_OLDEST};
    for (size_t i = 0; i < 2; i++) {
        probe_world_t world;
        probe_open_virtual(&world, 1);
        mt_thread_t *thread = mt_thread_self();
        mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){.capacity = 2, .policy = policies[i]});
        probe_gate_t gate = {0};
        mt_a64_t owed = {0}, sent = {0};
        EXPECT(probe_cast(pid, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
        uint64_t refs[3];
        for (uint64_t k = 0; k < 3; k++) {
            mt_node_t *node = probe_message(MT_KIND_CAST, probe_add_to, (uint64_t)&owed, 1);
            EXPECT(mt_timed_owe(thread, world.runtime, (k ? k : 1) * MS, pid, node, &refs[k]) == MT_OK);
        }
        mt_virtual_clock_set(&world.clock, MS);
        mt_runtime_drive_timers(world.runtime);
        for (int k = 0; k < 4; k++) probe_cast(pid, probe_add_to, (uint64_t)&sent, 1);
        probe_gate_open(&gate);
        mt_runtime_wait_idle(world.runtime);
        EXPECT(mt_a64_load_acq(&owed) == 2 && mt_a64_load_acq(&sent) == 2);
        EXPECT(probe_stop(pid, 3));
        move_to(&world, 10 * MS); // not its timer: it lives on, and finds nobody
        mt_statistics_t statistics;
        mt_runtime_statistics(world.runtime, &statistics);
        EXPECT(mt_a64_load_acq(&owed) == 2 && statistics.timers == 0);
        EXPECT(statistics.sent == statistics.handled + statistics.refused + statistics.discarded);
        probe_close(&world);
    }
}

static void arm_idle(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    // Engines arm it in BUSY, between handlers; here inside one, on the same thread, while nobody kills.
    EXPECT(mt_slice_arm_idle(slice, a) == MT_OK);
}

static void report_timeouts(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)a, (void)b;
    probe_reply_with(slice->thread, slice->reply, state->timeouts);
}

static void disarm_idle(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)a, (void)b, (void)state;
    mt_slice_disarm_idle(slice);
}

MT_CHECK(virtual_idle_timeout) {
    probe_world_t world;
    probe_open_virtual(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL);
    uint64_t value = 0;
    EXPECT(probe_cast(pid, arm_idle, 10 * MS, 0) == MT_OK);
    mt_runtime_wait_idle(world.runtime);
    move_to(&world, 10 * MS - 1);
    EXPECT(probe_call(pid, report_timeouts, 0, 0, &value) == MT_REPLY_VALUE && value == 0);
    move_to(&world, 10 * MS);
    EXPECT(probe_call(pid, report_timeouts, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
    EXPECT(probe_cast(pid, disarm_idle, 0, 0) == MT_OK && probe_cast(pid, arm_idle, 20 * MS, 0) == MT_OK);
    EXPECT(probe_cast(pid, disarm_idle, 0, 0) == MT_OK);
    mt_runtime_wait_idle(world.runtime);
    move_to(&world, 30 * MS);
    EXPECT(probe_call(pid, report_timeouts, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
    probe_close(&world);
}

// The clock has passed a timer that nobody has driven yet: workers sleep all the same.
MT_CHECK(virtual_overdue_timers_let_workers_sleep) {
    probe_world_t world;
    probe_open_virtual(&world, 2);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_a64_t fired = {0};
    uint64_t ref;
    mt_node_t *node = probe_message(MT_KIND_CAST, probe_add_to, (uint64_t)&fired, 1);
    EXPECT(mt_timed_send(mt_thread_self(), world.runtime, MS, pid, node, &ref) == MT_OK);
    mt_virtual_clock_set(&world.clock, 2 * MS);
    for (uint32_t i = 0; i < 20; i++) {
        EXPECT(probe_call(pid, probe_answer, i, 0, NULL) == MT_REPLY_VALUE);
        mt_runtime_wait_idle(world.runtime);
    }
    mt_statistics_t before, after;
    mt_runtime_statistics(world.runtime, &before);
    mt_a32_t nobody = {0};
    mt_env_system.park(NULL, &nobody, 0, mt_check_now_ns() + 20 * MS); // what they do when nobody asks for anything
    mt_runtime_statistics(world.runtime, &after);
    EXPECT(after.parks - before.parks < 10 && mt_a64_load_acq(&fired) == 0);
    move_to(&world, 2 * MS);
    EXPECT(mt_a64_load_acq(&fired) == 1);
    probe_close(&world);
}
