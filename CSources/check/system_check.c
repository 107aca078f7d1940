// SPDX-License-Identifier: Apache-2.0
// The system lane: commands pass what is queued, work on suspended processes, and are answered whatever happens.
#include "probe_engine.h"

#include "martlet/memory.h"

#include <sched.h>
#include <string.h>

static mt_reply_ref_t command_begin(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b) {
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *node = probe_message(MT_KIND_COMMAND, action, a, b);
    node->reply = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    mt_reply_ref_t ref = node->reply;
    if (mt_process_send_command(thread, pid, node) != MT_OK) {
        mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
        probe_discard(node);
    }
    return ref;
}

static mt_reply_kind_t command(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b, uint64_t *word) {
    return probe_call_end(command_begin(pid, action, a, b), mt_check_now_ns() + PROBE_WAIT_NS, word);
}

static uint64_t count_of(mt_pid_t pid) {
    uint64_t count = UINT64_MAX;
    EXPECT(command(pid, probe_answer, 0, 0, &count) == MT_REPLY_VALUE);
    return count;
}

// Commands come before a thousand messages that were there first.
MT_CHECK(system_passes_the_queue) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){0});
    EXPECT(count_of(pid) == 0);
    probe_gate_t gate = {{0}, {0}};
    EXPECT(probe_cast(pid, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    for (int i = 0; i < 1000; i++) EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK);
    mt_reply_ref_t refs[3];
    for (int i = 0; i < 3; i++) refs[i] = command_begin(pid, probe_answer, 0, 0);
    probe_gate_open(&gate);
    for (int i = 0; i < 3; i++) {
        uint64_t count = UINT64_MAX;
        EXPECT(probe_call_end(refs[i], MT_FOREVER, &count) == MT_REPLY_VALUE && count <= 1);
    }
    EXPECT(probe_call(pid, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE && count_of(pid) == 1000);
    probe_close(&world);
}

static void check_suspended(uint32_t capacity, mt_policy_t policy) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){.capacity = capacity, .policy = policy});
    EXPECT(command(pid, probe_suspend, 1, 0, NULL) == MT_REPLY_VALUE);
    EXPECT(command(pid, probe_suspend, 1, 0, NULL) == MT_REPLY_VALUE);
    for (uint64_t i = 1; i <= 100; i++) EXPECT(probe_cast(pid, probe_in_order, 0, i) == MT_OK);
    mt_reply_ref_t call = probe_call_begin(pid, probe_answer, 0, 0);
    mt_runtime_wait_idle(world.runtime);
    EXPECT(count_of(pid) == 0);
    mt_runtime_wait_idle(world.runtime);
    mt_snapshot_t snapshot;
    EXPECT(mt_pid_snapshot(pid, &snapshot) && snapshot.is_suspended);
    // What it still takes room for is refused.
    uint32_t room = capacity ? capacity - 101 : 0;
    for (uint64_t i = 101; i <= 100 + room; i++) EXPECT(probe_cast(pid, probe_in_order, 0, i) == MT_OK);
    if (policy == MT_POLICY_REJECT) EXPECT(probe_cast(pid, probe_in_order, 0, 7) == MT_FULL);
    EXPECT(command(pid, probe_suspend, 0, 0, NULL) == MT_REPLY_VALUE);
    // Sent while the old ones are handled, behind them.
    for (uint64_t i = 101 + room; policy != MT_POLICY_DROP_OLDEST && i <= 110 + room; i++)
        if (probe_cast(pid, probe_in_order, 0, i) != MT_OK) break;
    uint64_t count = 0;
    EXPECT(probe_call_end(call, MT_FOREVER, &count) == MT_REPLY_VALUE && count == 100);
    EXPECT(command(pid, probe_suspend, 0, 0, NULL) == MT_REPLY_VALUE);
    EXPECT(probe_call(pid, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count >= 100 + room);
    // Calm again: the slot says so.
    mt_runtime_wait_idle(world.runtime);
    EXPECT(!(mt_a64_load_acq(&mt_slot_of(pid)->life) & (MT_LIFE_ASIDE | MT_LIFE_SYSTEM)));
    probe_close(&world);
}

MT_CHECK(system_suspend) {
    check_suspended(0, MT_POLICY_UNBOUNDED);
    check_suspended(120, MT_POLICY_REJECT);
    check_suspended(120, MT_POLICY_DROP_OLDEST);
}

// A suspended process can be stopped, killed, watched; what waits aside is a dead letter then.
MT_CHECK(system_suspended_ends) {
    for (int how = 0; how < 3; how++) {
        probe_world_t world;
        probe_open(&world, 2);
        mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){0});
        EXPECT(command(pid, probe_suspend, 1, 0, NULL) == MT_REPLY_VALUE);
        for (uint64_t i = 1; i <= 50; i++) EXPECT(probe_cast(pid, probe_in_order, 0, i) == MT_OK);
        mt_reply_ref_t call = probe_call_begin(pid, probe_answer, 0, 0);
        mt_runtime_wait_idle(world.runtime);
        if (how == 0) EXPECT(probe_stop(pid, 9));
        else if (how == 1) EXPECT(mt_process_kill(mt_thread_self(), pid));
        else EXPECT(probe_exit(pid, 9));
        uint64_t number = 0;
        EXPECT(probe_call_end(call, MT_FOREVER, &number) == MT_REPLY_EXITED && number == (how == 1 ? 1 : 9));
        EXPECT(command(pid, probe_suspend, 1, 0, NULL) != MT_REPLY_VALUE);
        probe_close(&world);
    }
}

// All nodes of the smallest class that this worker can get; the owner's, in one process after the other.
static mt_node_t *hoard;
static void take_all(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)a, (void)b;
    for (mt_node_t *node; (node = mt_node_alloc(slice->thread, 0)); hoard = node) mt_aptr_store_rlx(&node->next, hoard);
}
static void give_all_back(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)a, (void)b;
    while (hoard) {
        mt_node_t *next = (mt_node_t *)mt_aptr_load_rlx(&hoard->next);
        mt_node_free(slice->thread, hoard);
        hoard = next;
    }
}

static bool signal_from(mt_pid_t from, mt_pid_t pid) {
    probe_reason_t *reason = probe_reason_make(5);
    bool is_sent = mt_process_exit_signal(mt_thread_self(), pid, from, reason);
    probe_reason_release(reason);
    return is_sent;
}

// A worker that has no memory loses nothing of what is said to a suspended process.
MT_CHECK(system_keeps_signals_without_memory) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){.traps_exits = true}), miser = probe_spawn(&world, NULL);
    EXPECT(command(pid, probe_suspend, 1, 0, NULL) == MT_REPLY_VALUE);
    uint64_t exits = mt_a64_load_acq(&probe_exits);
    EXPECT(signal_from(miser, pid));
    // This thread has stock for all that it says: what it gives back stays with it.
    mt_node_t *stock[8];
    for (int i = 0; i < 8; i++) stock[i] = mt_node_alloc(mt_thread_self(), 0);
    for (int i = 0; i < 8; i++) mt_node_free(mt_thread_self(), stock[i]);
    mt_alloc_fail_at(1, UINT64_MAX);
    EXPECT(probe_cast(miser, take_all, 0, 0) == MT_OK);
    mt_runtime_wait_idle(world.runtime);
    for (int i = 0; i < 3; i++) {
        EXPECT(signal_from(miser, pid));
        mt_runtime_wait_idle(world.runtime);
    }
    mt_alloc_fail_at(0, 0);
    EXPECT(probe_cast(miser, give_all_back, 0, 0) == MT_OK);
    EXPECT(command(pid, probe_suspend, 0, 0, NULL) == MT_REPLY_VALUE);
    mt_runtime_wait_idle(world.runtime);
    EXPECT(mt_a64_load_acq(&probe_exits) == exits + 4);
    probe_close(&world);
}

// A command whose caller has given up is ended, not handed out.
MT_CHECK(system_given_up) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){0});
    probe_gate_t gate = {{0}, {0}};
    EXPECT(probe_cast(pid, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    mt_reply_ref_t given_up = command_begin(pid, probe_suspend, 1, 0), kept = command_begin(pid, probe_answer, 5, 0);
    EXPECT(mt_reply_complete(given_up, MT_REPLY_CANCELLED));
    probe_gate_open(&gate);
    uint64_t word = 0;
    EXPECT(probe_call_end(kept, MT_FOREVER, &word) == MT_REPLY_VALUE && word == 5);
    EXPECT(probe_call_end(given_up, MT_FOREVER, NULL) == MT_REPLY_CANCELLED);
    EXPECT(probe_call(pid, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE); // not suspended
    probe_close(&world);
}

// --- Everything at once ----------------------------------------------------------------------------------------------

enum { PLACES = 8 };
static probe_world_t *world_of_all;
static mt_a64_t places[PLACES];
static mt_a64_t answered, failed;

static void body(void *raw, uint32_t number) {
    (void)raw;
    uint64_t random = number + 77;
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        mt_pid_t pid = mt_a64_load_acq(&places[bits % PLACES]);
        switch (bits >> 8 & 7) {
        case 0:
        case 1:
        case 2: {
            mt_reply_kind_t kind =
                command(pid, bits & 1u << 12 ? probe_suspend : probe_answer, bits >> 13 & 1, 0, NULL);
            mt_a64_add(kind == MT_REPLY_VALUE ? &answered : &failed, 1);
            EXPECT(kind == MT_REPLY_VALUE || kind == MT_REPLY_EXITED || kind == MT_REPLY_NO_PROCESS);
            break;
        }
        case 7:
            if (bits >> 16 & 7) break;
            mt_process_kill(mt_thread_self(),
                            mt_a64_xchg(&places[bits % PLACES], probe_spawn(world_of_all, &(probe_spec_t){0})));
            break;
        default:
            probe_cast(pid, probe_count, 1, 0);
        }
    }
}

// Senders, and one who suspends and resumes: every message is handled, each sender's in order.
static mt_pid_t ordered;
static mt_a64_t sent;

static void send_in_order(void *raw, uint32_t number) {
    (void)raw;
    uint64_t i = 0;
    while (!mt_check_time_is_up()) {
        if (number == 0) EXPECT(command(ordered, probe_suspend, ++i & 1, 0, NULL) == MT_REPLY_VALUE);
        else if (probe_cast(ordered, probe_in_order, number, i + 1) == MT_OK) i++;
        else sched_yield();
    }
    if (number) mt_a64_add(&sent, i);
}

static void hammer_order(uint32_t capacity, mt_policy_t policy) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_a64_store_rel(&sent, 0);
    ordered = probe_spawn(&world, &(probe_spec_t){.capacity = capacity, .policy = policy});
    mt_check_begin_hammer();
    uint32_t threads = mt_check_threads() + 1;
    mt_check_run_threads(threads < PROBE_SENDERS ? threads : PROBE_SENDERS, send_in_order, NULL);
    EXPECT(command(ordered, probe_suspend, 0, 0, NULL) == MT_REPLY_VALUE);
    mt_runtime_wait_idle(world.runtime); // a full mailbox would refuse the call
    uint64_t count = 0;
    EXPECT(probe_call(ordered, probe_answer, 0, 0, &count) == MT_REPLY_VALUE && count == mt_a64_load_acq(&sent));
    mt_runtime_wait_idle(world.runtime);
    mt_process_check(mt_slot_of(ordered));
    probe_close(&world);
}

MT_CHECK(system_order_hammer) {
    hammer_order(0, MT_POLICY_UNBOUNDED);
    hammer_order(64, MT_POLICY_REJECT);
}

MT_CHECK(system_hammer) {
    probe_world_t world;
    probe_open(&world, 2);
    world_of_all = &world;
    for (uint32_t i = 0; i < PLACES; i++) mt_a64_store_rel(&places[i], probe_spawn(&world, &(probe_spec_t){0}));
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), body, NULL);
    EXPECT(mt_a64_load_acq(&answered) > 0);
    probe_close(&world);
}
