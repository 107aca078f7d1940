// SPDX-License-Identifier: Apache-2.0
// Ends by force: kill and exit signals against idle, queued, busy and stuck processes, what becomes of their calls, and
// that a process that was taken out of its handler has no effect any more.
#include "probe_engine.h"

#include <sched.h>

// A worker held inside a handler, so that what is sent meanwhile stays queued.
typedef struct {
    probe_world_t world;
    probe_gate_t gate;
    mt_pid_t holder;
} held_t;

static void hold(held_t *held) {
    *held = (held_t){0};
    probe_open(&held->world, 1);
    held->holder = probe_spawn(&held->world, NULL);
    probe_cast(held->holder, probe_block_on, (uint64_t)&held->gate, 0);
    EXPECT(probe_gate_wait(&held->gate));
}

MT_CHECK(kill_idle_and_queued) {
    held_t held;
    hold(&held);
    probe_gate_open(&held.gate);
    mt_pid_t idle = probe_spawn(&held.world, NULL);
    mt_runtime_wait_idle(held.world.runtime);
    EXPECT(mt_process_kill(mt_thread_self(), idle));
    uint64_t number = probe_join(idle);
    EXPECT(number == 1 || number == UINT64_MAX);
    probe_close(&held.world);
}

// The only worker is held: messages, then a kill, wait together. Death discards the queue and answers its calls.
MT_CHECK(kill_answers_what_is_queued) {
    held_t held;
    hold(&held);
    mt_reply_ref_t calls[10], watches[3], start = mt_reply_arm(mt_thread_self(), 0, 0, MT_FOREVER);
    mt_pid_t pid;
    EXPECT(probe_spawn_async(&held.world, NULL, start, &pid) == MT_OK);
    for (uint32_t i = 0; i < 10; i++) calls[i] = probe_call_begin(pid, probe_answer, 0, 0);
    for (uint32_t i = 0; i < 100; i++) EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK);
    for (uint32_t i = 0; i < 3; i++) {
        watches[i] = mt_reply_arm(mt_thread_self(), 0, pid, MT_FOREVER);
        EXPECT(mt_process_watch(mt_thread_self(), pid, watches[i]) == MT_OK);
    }
    EXPECT(mt_process_kill(mt_thread_self(), pid) && mt_process_kill(mt_thread_self(), pid));
    EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK); // killed, not ended: accepted, then discarded
    probe_gate_open(&held.gate);
    uint64_t number = 0;
    EXPECT(probe_call_end(start, MT_FOREVER, &number) == MT_REPLY_EXITED && number == 1); // before its init
    for (uint32_t i = 0; i < 10; i++)
        EXPECT(probe_call_end(calls[i], MT_FOREVER, &number) == MT_REPLY_EXITED && number == 1);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(probe_call_end(watches[i], MT_FOREVER, &number) == MT_REPLY_EXITED && number == 1);
    mt_runtime_wait_idle(held.world.runtime);
    mt_statistics_t statistics;
    mt_runtime_statistics(held.world.runtime, &statistics);
    EXPECT(statistics.discarded == 111 && statistics.dead_letters[MT_DEAD_RECEIVER_ENDED] == 111);
    probe_close(&held.world);
}

MT_CHECK(kill_before_init) {
    held_t held;
    hold(&held);
    mt_a64_t ran = {0};
    mt_reply_ref_t start = mt_reply_arm(mt_thread_self(), 0, 0, MT_FOREVER);
    const mt_name_t *name = mt_name_intern("unborn", 6);
    probe_spec_t spec = {.name = name, .init = probe_add_to, .a = (uint64_t)&ran, .b = 1};
    mt_pid_t pid;
    EXPECT(probe_spawn_async(&held.world, &spec, start, &pid) == MT_OK && mt_pid_is_alive(pid));
    EXPECT(probe_exit(pid, 6));
    probe_gate_open(&held.gate);
    uint64_t number = 0;
    EXPECT(probe_call_end(start, MT_FOREVER, &number) == MT_REPLY_EXITED && number == 6);
    EXPECT(mt_a64_load_acq(&ran) == 0 && mt_names_lookup(mt_runtime_names(held.world.runtime), name) == 0);
    probe_close(&held.world);
}

// Killed inside its handler: its end does not wait for it, its caller hears of it, and what the handler does afterwards
// has no effect, not even when the slot has a new process.
MT_CHECK(kill_fences_a_stuck_handler) {
    probe_world_t world;
    probe_open(&world, 2);
    uint64_t value = 0;
    for (uint32_t round = 0; round < 20; round++) {
        probe_gate_t gate = {0};
        mt_pid_t target = probe_spawn(&world, NULL), victim = probe_spawn(&world, NULL);
        mt_reply_ref_t running = probe_call_begin(victim, probe_block_on, (uint64_t)&gate, target);
        mt_reply_ref_t queued = probe_call_begin(victim, probe_answer, 0, 0);
        EXPECT(probe_gate_wait(&gate));
        uint64_t begin = mt_check_now_ns();
        if (round % 2) EXPECT(mt_process_kill(mt_thread_self(), victim));
        else EXPECT(probe_exit(victim, 8)); // an exit waits a moment for the handler, then takes it likewise
        EXPECT(probe_call_end(running, MT_FOREVER, &value) == MT_REPLY_EXITED && value == (round % 2 ? 1 : 8));
        EXPECT(probe_call_end(queued, MT_FOREVER, &value) == MT_REPLY_EXITED && value == (round % 2 ? 1 : 8));
        EXPECT(mt_check_now_ns() - begin < 1000000000 && !mt_pid_is_alive(victim));
        mt_pid_t next = probe_spawn(&world, NULL); // perhaps in the same slot
        EXPECT(probe_call(next, probe_answer, 1, 0, &value) == MT_REPLY_VALUE && value == 1);
        probe_gate_open(&gate);
        mt_runtime_wait_idle(world.runtime); // the stuck thread is back
        EXPECT(probe_call(target, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 0);
        EXPECT(probe_call(next, probe_answer, 2, 0, &value) == MT_REPLY_VALUE && value == 2);
        EXPECT(probe_stop(target, 3) && probe_stop(next, 3));
    }
    probe_close(&world);
}

// Sends until it has no effect any more, never more than a few thousand ahead of the receiver.
static void send_for_ever(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)slice;
    const mt_a64_t *received = (const mt_a64_t *)b;
    uint64_t sent = 0;
    while (sent > mt_a64_load_acq(received) + 4096 || probe_cast(a, probe_add_to, b, 1) == MT_OK) {
        if (sent <= mt_a64_load_acq(received) + 4096) sent++;
        else sched_yield();
    }
}

// A handler that never ends but for the kill, sending all the time: after the caller heard of the end, nothing comes.
MT_CHECK(kill_is_before_down) {
    probe_world_t world;
    probe_open(&world, 2);
    for (uint32_t round = 0; round < 10; round++) {
        mt_pid_t target = probe_spawn(&world, NULL), victim = probe_spawn(&world, NULL);
        mt_a64_t count = {0};
        mt_reply_ref_t call = probe_call_begin(victim, send_for_ever, target, (uint64_t)&count);
        EXPECT(probe_wait_word(&count, 1000));
        EXPECT(mt_process_kill(mt_thread_self(), victim));
        EXPECT(probe_call_end(call, MT_FOREVER, NULL) == MT_REPLY_EXITED);
        EXPECT(probe_call(target, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE); // behind all that was sent before
        uint64_t seen = mt_a64_load_acq(&count);
        mt_runtime_wait_idle(world.runtime);
        EXPECT(mt_a64_load_acq(&count) == seen);
        EXPECT(probe_stop(target, 3));
    }
    probe_close(&world);
}

MT_CHECK(exit_signals) {
    held_t held;
    hold(&held);
    mt_pid_t pids[4];
    for (uint32_t i = 0; i < 4; i++) {
        probe_spec_t spec = {.traps_exits = i == 3};
        EXPECT(probe_spawn_async(&held.world, &spec, 0, &pids[i]) == MT_OK);
    }
    mt_reply_ref_t watches[3];
    for (uint32_t i = 0; i < 3; i++) {
        watches[i] = mt_reply_arm(mt_thread_self(), 0, pids[i], MT_FOREVER);
        EXPECT(mt_process_watch(mt_thread_self(), pids[i], watches[i]) == MT_OK);
    }
    EXPECT(probe_exit(pids[0], 5) && probe_exit(pids[0], 6));                     // the oldest counts
    EXPECT(probe_exit(pids[1], 5) && mt_process_kill(mt_thread_self(), pids[1])); // a kill is a kill
    EXPECT(mt_process_kill(mt_thread_self(), pids[2]) && probe_exit(pids[2], 5));
    for (uint32_t i = 0; i < 100; i++) EXPECT(probe_exit(pids[3], 5)); // to a process that traps: a message
    probe_gate_open(&held.gate);
    uint64_t number = 0;
    EXPECT(probe_call_end(watches[0], MT_FOREVER, &number) == MT_REPLY_EXITED && number == 5);
    EXPECT(probe_call_end(watches[1], MT_FOREVER, &number) == MT_REPLY_EXITED && number == 1);
    EXPECT(probe_call_end(watches[2], MT_FOREVER, &number) == MT_REPLY_EXITED && number == 1);
    EXPECT(probe_call(pids[3], probe_answer, 4, 0, &number) == MT_REPLY_VALUE && number == 4);
    probe_close(&held.world);
}

// Signals that come when the process has just ended leave nothing behind.
typedef struct {
    mt_a64_t pid;
    mt_a32_t ended;
} target_t;

static void signal_body(void *raw, uint32_t number) {
    target_t *target = raw;
    while (!mt_a32_load_acq(&target->ended)) {
        mt_pid_t pid = mt_a64_load_acq(&target->pid);
        if (number % 2) probe_exit(pid, 5);
        else mt_process_kill(mt_thread_self(), pid);
    }
}

typedef struct {
    target_t target;
    probe_world_t *world;
} victims_t;

static void victims_body(void *raw, uint32_t number) {
    victims_t *victims = raw;
    if (number) {
        signal_body(&victims->target, number);
        return;
    }
    while (!mt_check_time_is_up()) {
        mt_reply_kind_t kind;
        mt_status_t status;
        mt_pid_t pid = probe_spawn_answer(victims->world, NULL, &kind, &status);
        EXPECT(status == MT_OK && (kind == MT_REPLY_VALUE || kind == MT_REPLY_EXITED));
        if (!pid) continue;
        mt_a64_store_rel(&victims->target.pid, pid);
        mt_reply_kind_t called = probe_call(pid, probe_answer, 0, 0, NULL);
        EXPECT(called == MT_REPLY_VALUE || called == MT_REPLY_EXITED || called == MT_REPLY_NO_PROCESS);
        uint64_t reason = probe_join(pid);
        EXPECT(reason == 1 || reason == 5 || reason == UINT64_MAX);
    }
    mt_a32_store_rel(&victims->target.ended, 1);
}

MT_CHECK(exit_hammer_late_signals) {
    probe_world_t world;
    probe_open(&world, 2);
    victims_t victims = {.world = &world};
    mt_check_begin_hammer();
    mt_check_run_threads(3, victims_body, &victims);
    probe_close(&world);
}

MT_CHECK(kill_deferred_calls) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_a64_t refs[20] = {0};
    mt_reply_ref_t calls[20];
    uint64_t value = 0;
    for (uint32_t i = 0; i < 20; i++) {
        calls[i] = probe_call_begin(pid, probe_keep_call, (uint64_t)&refs[i], 0);
        probe_wait_word(&refs[i], 1);
        if (i % 2) probe_reply_with(mt_thread_self(), mt_a64_load_acq(&refs[i]), i); // from any thread, later
        if (i % 2) EXPECT(probe_call_end(calls[i], MT_FOREVER, &value) == MT_REPLY_VALUE && value == i);
    }
    EXPECT(mt_process_kill(mt_thread_self(), pid));
    for (uint32_t i = 0; i < 20; i += 2)
        EXPECT(probe_call_end(calls[i], MT_FOREVER, &value) == MT_REPLY_EXITED && value == 1);
    probe_close(&world);
}
