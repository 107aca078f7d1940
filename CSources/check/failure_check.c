// SPDX-License-Identifier: Apache-2.0
// Refused allocations under spawn, send, watch, deadlines, signals and deferred calls: each says so, nothing is lost.
#include "probe_engine.h"

#include <stdlib.h>

#define ENOUGH 200000u // of anything: more than a thread's stock

// From here every refill is refused, and stocks are small.
static void begin_refusing(void) {
    mt_thread_trim(mt_thread_self());
    mt_pool_trim();
    mt_alloc_fail_at(1, UINT64_MAX);
}
static void end_refusing(void) { mt_alloc_fail_at(0, 0); }

// The only worker is held, so that what is sent stays and uses memory up.
typedef struct {
    probe_world_t world;
    probe_gate_t gate;
    mt_pid_t pid, holder;
} held_t;

static void hold(held_t *held) {
    *held = (held_t){0};
    probe_open(&held->world, 1);
    held->pid = probe_spawn(&held->world, NULL);
    held->holder = probe_spawn(&held->world, NULL);
    EXPECT(probe_cast(held->holder, probe_block_on, (uint64_t)&held->gate, 0) == MT_OK);
    EXPECT(probe_gate_wait(&held->gate));
}

MT_CHECK(failure_send_and_call) {
    held_t held;
    hold(&held);
    begin_refusing();
    mt_status_t status = MT_OK;
    uint64_t sent = 0, value = 0;
    while (status == MT_OK && sent < ENOUGH) sent += (status = probe_cast(held.pid, probe_count, 1, 0)) == MT_OK;
    EXPECT(status == MT_NO_MEMORY && probe_call_begin(held.pid, probe_answer, 0, 0) == 0);
    end_refusing();
    probe_gate_open(&held.gate);
    EXPECT(probe_call(held.pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == sent);
    probe_close(&held.world);
}

MT_CHECK(failure_watch) {
    held_t held;
    hold(&held);
    static mt_reply_ref_t refs[ENOUGH];
    uint32_t watches = 0;
    for (uint32_t i = 0; i < 1000; i++) refs[i] = mt_reply_arm(mt_thread_self(), 0, held.pid, MT_FOREVER);
    begin_refusing();
    while (watches < 1000 && mt_process_watch(mt_thread_self(), held.pid, refs[watches]) == MT_OK) watches++;
    EXPECT(watches < 1000 && mt_process_watch(mt_thread_self(), held.pid, refs[watches]) == MT_NO_MEMORY);
    // A signal without memory for its reason is as lethal.
    EXPECT(probe_exit(held.pid, 5));
    end_refusing();
    probe_gate_open(&held.gate);
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t number = 0;
        if (i >= watches) mt_reply_complete(refs[i], MT_REPLY_CANCELLED);
        mt_reply_kind_t kind = probe_call_end(refs[i], MT_FOREVER, &number);
        EXPECT(i >= watches ? kind == MT_REPLY_CANCELLED : kind == MT_REPLY_EXITED && number == 1);
    }
    probe_close(&held.world);
}

MT_CHECK(failure_spawn) {
    held_t held;
    hold(&held);
    mt_pid_t pid;
    mt_status_t status = MT_OK;
    for (uint32_t round = 0; round < 3; round++) {
        probe_spec_t spec = {.policy = round ? MT_POLICY_REJECT : MT_POLICY_UNBOUNDED, .capacity = 2};
        begin_refusing();
        uint32_t spawned = 0;
        while (spawned < 4000 && (status = probe_spawn_async(&held.world, &spec, 0, &pid)) == MT_OK) spawned++;
        EXPECT(status == MT_NO_MEMORY || status == MT_SYSTEM_LIMIT);
        end_refusing();
        EXPECT(probe_spawn_async(&held.world, &spec, 0, &pid) == MT_OK || spawned > 4000);
    }
    probe_gate_open(&held.gate);
    probe_close(&held.world);
}

MT_CHECK(failure_deadline) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    enum { CALLS = 1000 };
    static mt_reply_ref_t refs[CALLS];
    for (uint32_t i = 0; i < CALLS; i++) refs[i] = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    begin_refusing();
    uint32_t armed = 0;
    for (; armed < CALLS; armed++) {
        mt_deadline_arm(thread, world.runtime, refs[armed], mt_check_now_ns() + PROBE_WAIT_NS * 100);
        if (!mt_reply_is_armed(refs[armed])) break; // a deadline that cannot be kept is now
    }
    end_refusing();
    EXPECT(armed < CALLS && probe_call_end(refs[armed], MT_FOREVER, NULL) == MT_REPLY_OVERLOADED);
    for (uint32_t i = 0; i < CALLS; i++) {
        if (i == armed) continue;
        EXPECT(mt_reply_complete(refs[i], MT_REPLY_CANCELLED));
        mt_deadline_cancel(refs[i]);
        EXPECT(probe_call_end(refs[i], MT_FOREVER, NULL) == MT_REPLY_CANCELLED);
    }
    probe_close(&world);
}

// No memory to remember a call that was not answered: its caller hears it now.
MT_CHECK(failure_deferred_call) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_runtime_wait_idle(world.runtime);
    mt_a64_t ref = {0};
    mt_reply_ref_t call = probe_call_begin(pid, probe_keep_call, (uint64_t)&ref, 0);
    EXPECT(probe_wait_word(&ref, 1));
    mt_runtime_wait_idle(world.runtime);
    uint32_t refused = 0;
    mt_reply_ref_t calls[20];
    mt_alloc_fail_at(1, UINT64_MAX);
    for (uint32_t i = 0; i < 20; i++) calls[i] = probe_call_begin(pid, probe_keep_call, (uint64_t)&ref, 0);
    mt_runtime_wait_idle(world.runtime);
    end_refusing();
    EXPECT(mt_process_kill(mt_thread_self(), pid));
    for (uint32_t i = 0; i < 20; i++) {
        EXPECT(calls[i] != 0); // its node and slot come from stock
        mt_reply_kind_t kind = calls[i] ? probe_call_end(calls[i], MT_FOREVER, NULL) : MT_REPLY_EXITED;
        EXPECT(kind == MT_REPLY_EXITED || kind == MT_REPLY_OVERLOADED);
        refused += kind == MT_REPLY_OVERLOADED;
    }
    EXPECT(refused == 17 && probe_call_end(call, MT_FOREVER, NULL) == MT_REPLY_EXITED); // four fit the first array
    probe_close(&world);
}

// No memory for a tie: it is not made. Those that stand need none to speak.
MT_CHECK(failure_ties) {
    held_t held;
    hold(&held);
    mt_thread_t *thread = mt_thread_self();
    probe_spec_t trapping = {.traps_exits = true};
    mt_tie_ref_t ref = 0;
    probe_gate_open(&held.gate);
    mt_pid_t watcher = probe_spawn(&held.world, &trapping);
    uint64_t exits = mt_a64_load_acq(&probe_exits), downs = mt_a64_load_acq(&probe_downs);
    EXPECT(mt_tie_link(thread, watcher, held.pid) == MT_OK);
    uint32_t monitors = 0;
    begin_refusing();
    while (monitors < ENOUGH && mt_tie_monitor(thread, watcher, held.pid, &ref) == MT_OK) monitors++;
    EXPECT(monitors < ENOUGH && ref == 0 && mt_tie_monitor(thread, watcher, held.pid, &ref) == MT_NO_MEMORY);
    EXPECT(mt_tie_link(thread, held.holder, held.pid) == MT_NO_MEMORY);
    // What is ignored stays so; what is not is as lethal.
    EXPECT(!mt_process_exit_signal(thread, held.pid, watcher, &probe_normal) && mt_pid_is_alive(held.pid));
    EXPECT(mt_process_exit_signal(thread, held.pid, watcher, &probe_no_process));
    EXPECT(probe_wait_word(&probe_downs, downs + monitors) && probe_wait_word(&probe_exits, exits + 1));
    end_refusing();
    probe_close(&held.world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

// A runtime that cannot have its workers, its timers: nothing was started, nothing is kept.
MT_CHECK(failure_runtime_start) {
    mt_config_t config = probe_config(2);
    for (uint32_t nth = 1; nth <= 4; nth++) {
        mt_runtime_t *runtime = NULL;
        mt_alloc_fail_at(nth, 1);
        EXPECT(mt_runtime_start(&config, &runtime) == MT_NO_MEMORY && runtime == NULL);
        end_refusing();
    }
    config.workers = 0;
    mt_runtime_t *runtime = NULL;
    EXPECT(mt_runtime_start(&config, &runtime) == MT_INVALID && runtime == NULL);
}

typedef struct {
    mt_pid_t pid;
    mt_a32_t ready, begin;
} counters_t;

enum { COUNTERS_THREADS = 4, COUNTS = 200000 };

static void count_without_memory(void *raw, uint32_t number) {
    (void)number;
    counters_t *counters = raw;
    mt_thread_t *thread = mt_thread_self();
    if (mt_a32_add(&counters->ready, 1) + 1 == COUNTERS_THREADS) {
        mt_alloc_fail_at(1, UINT64_MAX);
        mt_a32_xchg(&counters->begin, 1);
    }
    if (!probe_wait_word32(&counters->begin, 1)) return;
    for (uint32_t i = 0; i < COUNTS; i++) mt_process_count_refused(thread, counters->pid, NULL, MT_DEAD_FULL);
}

// No memory for the counters of threads that are new to a runtime: each counts on a block of its own all the same.
MT_CHECK(failure_counters) {
    probe_world_t world;
    probe_open(&world, 1);
    counters_t counters = {.pid = probe_spawn(&world, NULL)};
    mt_check_run_threads(COUNTERS_THREADS, count_without_memory, &counters);
    end_refusing();
    mt_statistics_t statistics;
    mt_runtime_statistics(world.runtime, &statistics);
    EXPECT(statistics.refused == COUNTERS_THREADS * COUNTS && statistics.sent == statistics.refused);
    probe_close(&world);
}
