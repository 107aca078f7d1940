// SPDX-License-Identifier: Apache-2.0
// What the sweep's scenario does between start and end: messages, names, calls, room, timers, signals, threads. No step
// expects to get anything; each expects to be told, and ends what it got.
#include "allocation_scenario.h"

#include <stdio.h>
#include <string.h>

#define FAR_NS UINT64_C(100000000000) // does not come while the scenario runs

static mt_status_t cast(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b) {
    mt_status_t status = probe_cast(pid, action, a, b);
    EXPECT(allocation_is_typed(status, pid));
    return status;
}

// A process inside a handler that waits for its gate.
typedef struct {
    probe_gate_t gate;
    mt_pid_t pid;
    bool is_held;
} held_t;

static void hold(allocation_life_t *life, held_t *held, const probe_spec_t *spec) {
    *held = (held_t){.pid = allocation_spawn(life, spec)};
    held->is_held = held->pid && cast(held->pid, probe_block_on, (uint64_t)&held->gate, 0) == MT_OK;
    if (held->is_held) EXPECT(probe_gate_wait(&held->gate));
}

static void let_go(allocation_life_t *life, held_t *held) {
    probe_gate_open(&held->gate);
    mt_runtime_wait_idle(life->world.runtime);
}

// Ends a reply slot that somebody may have answered already.
static mt_reply_kind_t end_reply(mt_reply_ref_t ref) {
    mt_reply_complete(ref, MT_REPLY_CANCELLED);
    return probe_call_end(ref, MT_FOREVER, NULL);
}

// --- Names, nodes, many processes ------------------------------------------------------------------------------------

void allocation_step_names(allocation_life_t *life) {
    // More than the table of names begins with; some of them are taken.
    for (uint32_t i = 0; i < 300; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "name %u", i);
        const mt_name_t *name = mt_name_intern(text, (size_t)length);
        mt_pid_t pid = name && i % 100 == 0 ? allocation_spawn(life, &(probe_spec_t){.name = name}) : 0;
        if (pid) EXPECT(mt_names_lookup(mt_runtime_names(life->world.runtime), name) == pid);
    }
}

void allocation_step_nodes(allocation_life_t *life) {
    mt_node_t *nodes[MT_NODE_CLASSES];
    for (uint32_t class = 0; class < MT_NODE_CLASSES; class ++)
        nodes[class] = mt_node_alloc(life->thread, 48u << class);
    for (uint32_t class = 0; class < MT_NODE_CLASSES; class ++)
        if (nodes[class]) mt_node_free(life->thread, nodes[class]);
    for (size_t size = 8; size <= 4096; size *= 512) {
        void *state = mt_state_alloc(size, 16);
        if (state) mt_state_free(memset(state, 1, size), size, 16);
    }
}

void allocation_step_crowd(allocation_life_t *life) {
    enum { PROCESSES = 100, MESSAGES = 3 };
    mt_pid_t pids[PROCESSES];
    uint32_t spawned = 0;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        const probe_spec_t spec = {.policy = i % 10 ? MT_POLICY_UNBOUNDED : MT_POLICY_REJECT, .capacity = 100};
        if ((pids[spawned] = allocation_spawn(life, &spec))) spawned++;
    }
    for (uint32_t i = 0; i < spawned * MESSAGES; i++) cast(pids[i / MESSAGES], probe_count, 1, 0);
    mt_runtime_wait_idle(life->world.runtime);
    probe_runtime_check_slots(pids, spawned);
}

void allocation_step_flood(allocation_life_t *life) {
    held_t held;
    hold(life, &held, NULL);
    mt_status_t status = held.is_held ? MT_OK : MT_NO_PROCESS;
    uint64_t sent = 0, value = 0;
    for (; status == MT_OK && sent < 100 * MT_BATCH; sent += status == MT_OK)
        status = cast(held.pid, probe_count, 1, 0);
    let_go(life, &held);
    mt_reply_ref_t call = held.is_held ? probe_call_begin(held.pid, probe_answer, 0, 0) : 0;
    if (call) EXPECT(probe_call_end(call, MT_FOREVER, &value) == MT_REPLY_VALUE && value == sent);
}

// --- Calls and watches that wait -------------------------------------------------------------------------------------

void allocation_step_debts(allocation_life_t *life) {
    enum { CALLS = 12 };
    mt_a64_t last = {0};
    held_t held;
    hold(life, &held, NULL);
    mt_reply_ref_t calls[CALLS], watches[CALLS];
    for (uint32_t i = 0; i < CALLS; i++) {
        calls[i] = held.pid ? probe_call_begin(held.pid, probe_keep_call, (uint64_t)&last, 0) : 0;
        watches[i] = held.pid ? mt_reply_arm(life->thread, 0, held.pid, MT_FOREVER) : 0;
        mt_status_t status = watches[i] ? mt_process_watch(life->thread, held.pid, watches[i]) : MT_OK;
        EXPECT(allocation_is_typed(status, 1));
        if (status != MT_OK) mt_reply_complete(watches[i], MT_REPLY_OVERLOADED);
    }
    let_go(life, &held);
    if (held.pid) EXPECT(mt_process_kill(life->thread, held.pid));
    for (uint32_t i = 0; i < CALLS; i++) {
        mt_reply_kind_t call = calls[i] ? probe_call_end(calls[i], MT_FOREVER, NULL) : MT_REPLY_EXITED;
        mt_reply_kind_t watch = watches[i] ? probe_call_end(watches[i], MT_FOREVER, NULL) : MT_REPLY_EXITED;
        EXPECT(call == MT_REPLY_EXITED || call == MT_REPLY_OVERLOADED);
        EXPECT(watch == MT_REPLY_EXITED || watch == MT_REPLY_OVERLOADED);
    }
}

// --- Room ------------------------------------------------------------------------------------------------------------

static void use_room(mt_pid_t pid) {
    mt_node_t *node = probe_message(MT_KIND_CAST, probe_count, 1, 0);
    if (!node) {
        mt_room_return(pid);
        return;
    }
    mt_status_t status = mt_process_send_granted(mt_thread_self(), pid, node);
    EXPECT(status == MT_OK);
    if (status != MT_OK) probe_discard(node);
}

void allocation_step_room(allocation_life_t *life) {
    enum { WAITERS = 4 };
    held_t held;
    hold(life, &held, &(probe_spec_t){.capacity = 2, .policy = MT_POLICY_DROP_NEWEST});
    mt_credit_waiter_t waiters[WAITERS] = {0};
    mt_status_t status = held.is_held ? MT_OK : MT_NO_PROCESS;
    while (status == MT_OK) status = probe_cast(held.pid, probe_count, 1, 0);
    EXPECT(status != MT_OK || !held.is_held);
    for (uint32_t i = 0; i < WAITERS && held.is_held; i++) {
        waiters[i].reply = mt_reply_arm(life->thread, 0, held.pid, MT_FOREVER);
        if (waiters[i].reply) mt_room_wait(held.pid, &waiters[i]);
    }
    let_go(life, &held);
    for (uint32_t i = 0; i < WAITERS; i++) {
        if (!waiters[i].reply) continue;
        mt_reply_wait_blocking(waiters[i].reply, &mt_env_system, MT_FOREVER);
        mt_room_leave(held.pid, &waiters[i]);
        EXPECT(mt_reply_of(waiters[i].reply)->kind == MT_REPLY_GRANTED);
        mt_reply_free(life->thread, waiters[i].reply);
        use_room(held.pid);
    }
    mt_runtime_wait_idle(life->world.runtime);
    if (held.pid) EXPECT(mt_process_kill(life->thread, held.pid));
}

void allocation_step_displaced(allocation_life_t *life) {
    held_t held;
    hold(life, &held, &(probe_spec_t){.capacity = 2, .policy = MT_POLICY_DROP_OLDEST});
    for (uint32_t i = 0; i < 100 && held.is_held; i++) {
        mt_status_t status = probe_cast(held.pid, probe_count, 1, 0);
        EXPECT(status == MT_OK || status == MT_DISPLACED || status == MT_NO_MEMORY);
    }
    let_go(life, &held);
}

// --- Timers ----------------------------------------------------------------------------------------------------------

static uint64_t fire_never(mt_timer_event_t *event, uint64_t now_ns) {
    (void)event, (void)now_ns;
    return MT_TIMER_END;
}
static void drop_nothing(mt_timer_event_t *event) { (void)event; }
static const mt_timer_ops_t far_ops = {.fire = fire_never, .drop = drop_nothing};

static void arm_own_timers(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)a, (void)b;
    EXPECT(allocation_is_typed(mt_slice_arm_idle(slice, mt_check_now_ns() + FAR_NS), 1));
    uint64_t ref;
    mt_status_t status = mt_timed_call(slice->thread, mt_runtime_of(slice->slot), FAR_NS, FAR_NS, MT_TIMER_FIXED_RATE,
                                       &far_ops, NULL, &ref);
    EXPECT(allocation_is_typed(status, 1));
}

static mt_status_t send_after(allocation_life_t *life, uint64_t delay_ns, mt_pid_t pid, mt_a64_t *word, uint64_t *ref) {
    mt_node_t *node = probe_message(MT_KIND_CAST, probe_add_to, (uint64_t)word, 1);
    if (!node) return MT_NO_MEMORY;
    mt_status_t status = mt_timed_send(life->thread, life->world.runtime, delay_ns, pid, node, ref);
    EXPECT(allocation_is_typed(status, 1));
    if (status != MT_OK) probe_discard(node);
    return status;
}

void allocation_step_timers(allocation_life_t *life) {
    enum { TIMERS = 100 };
    mt_a64_t fired = {0};
    mt_pid_t pid = allocation_spawn(life, NULL);
    uint64_t refs[TIMERS] = {0}, due = 0, *ref = refs;
    for (uint32_t i = 0; i < TIMERS && pid; i++, ref++)
        if (send_after(life, FAR_NS, pid, &fired, ref) != MT_OK) *ref = 0;
    if (pid && send_after(life, 1, pid, &fired, &due) == MT_OK) EXPECT(probe_wait_word(&fired, 1));
    if (pid) cast(pid, arm_own_timers, 0, 0);
    for (uint32_t i = 0; i < TIMERS; i++)
        if (refs[i] && i % 2) EXPECT(mt_timers_cancel(refs[i], NULL));
    mt_runtime_wait_idle(life->world.runtime);
    for (uint32_t i = 0; i < TIMERS; i++)
        if (refs[i] && i % 2 == 0) EXPECT(mt_timers_cancel(refs[i], NULL));
}

// More calls under way from one worker than its nursery has room for.
static void arm_many(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)a, (void)b;
    enum { CALLS = MT_NURSERY_SIZE + 50 };
    mt_reply_ref_t refs[CALLS];
    mt_runtime_t *runtime = mt_runtime_of(slice->slot);
    for (uint32_t i = 0; i < CALLS; i++) {
        refs[i] = mt_reply_arm(slice->thread, 0, 0, MT_FOREVER);
        if (refs[i]) mt_deadline_arm(slice->thread, runtime, refs[i], mt_check_now_ns() + FAR_NS);
    }
    for (uint32_t i = 0; i < CALLS; i++) {
        if (!refs[i]) continue;
        bool is_armed = mt_reply_complete(refs[i], MT_REPLY_CANCELLED);
        mt_deadline_cancel(refs[i]);
        mt_reply_kind_t kind = probe_call_end(refs[i], MT_FOREVER, NULL);
        EXPECT(is_armed ? kind == MT_REPLY_CANCELLED : kind == MT_REPLY_OVERLOADED);
    }
}

void allocation_step_deadlines(allocation_life_t *life) {
    mt_pid_t pid = allocation_spawn(life, NULL);
    if (pid) cast(pid, arm_many, 0, 0);
    mt_reply_ref_t ref = mt_reply_arm(life->thread, 0, 0, MT_FOREVER);
    if (ref) {
        mt_deadline_arm(life->thread, life->world.runtime, ref, mt_check_now_ns() + FAR_NS);
        bool is_armed = mt_reply_complete(ref, MT_REPLY_CANCELLED);
        mt_deadline_cancel(ref);
        EXPECT(end_reply(ref) == (is_armed ? MT_REPLY_CANCELLED : MT_REPLY_OVERLOADED));
    }
    mt_runtime_wait_idle(life->world.runtime);
}

// --- Ends, threads ---------------------------------------------------------------------------------------------------

void allocation_step_signals(allocation_life_t *life) {
    mt_pid_t plain = allocation_spawn(life, NULL);
    mt_pid_t trapping = allocation_spawn(life, &(probe_spec_t){.traps_exits = true});
    held_t killed, signalled;
    hold(life, &killed, NULL);
    if (killed.pid) EXPECT(mt_process_kill(life->thread, killed.pid)); // in its handler
    let_go(life, &killed);
    hold(life, &signalled, NULL);
    if (signalled.pid) EXPECT(probe_exit(signalled.pid, 5));
    let_go(life, &signalled);
    if (plain) EXPECT(probe_exit(plain, 6) && probe_join(plain) != 0);
    if (!trapping) return;
    probe_exit(trapping, 7); // a message, or lost for want of memory
    mt_status_t status = probe_stop_async(trapping, 8, 0);
    EXPECT(allocation_is_typed(status, 1));
}

// A command that sending it needs nothing for any more; NULL: refused.
static mt_node_t *make_command(mt_thread_t *thread, mt_pid_t pid, probe_action_t action, uint64_t a) {
    mt_node_t *node = probe_message(MT_KIND_COMMAND, action, a, 0);
    if (!node || (node->reply = mt_reply_arm(thread, 0, pid, MT_FOREVER))) return node;
    probe_discard(node);
    return NULL;
}

static mt_reply_kind_t send_command(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node, uint64_t *word) {
    mt_reply_ref_t ref = node->reply;
    EXPECT(mt_process_send_command(thread, pid, node) == MT_OK);
    return probe_call_end(ref, MT_FOREVER, word);
}

static void drop_command(mt_node_t *node) {
    if (!node) return;
    EXPECT(end_reply(node->reply) == MT_REPLY_CANCELLED);
    probe_discard(node);
}

// What is said to a suspended process waits; whatever is refused meanwhile, nothing of it is lost.
void allocation_step_suspended(allocation_life_t *life) {
    enum { PEERS = 20 };
    mt_thread_t *thread = life->thread;
    mt_runtime_wait_idle(life->world.runtime); // others hear of what was before
    mt_pid_t pid = allocation_spawn(life, &(probe_spec_t){.traps_exits = true}), peers[PEERS];
    if (!pid) return;
    mt_node_t *suspend = make_command(thread, pid, probe_suspend, 1);
    mt_node_t *resume = suspend ? make_command(thread, pid, probe_suspend, 0) : NULL;
    uint64_t is_suspended = 0;
    if (resume && send_command(thread, pid, suspend, &is_suspended) == MT_REPLY_VALUE && is_suspended) {
        uint64_t exits = mt_a64_load_acq(&probe_exits), downs = mt_a64_load_acq(&probe_downs), links = 0, monitors = 0;
        for (uint32_t i = 0; i < PEERS; i++) {
            mt_tie_ref_t ref;
            peers[i] = allocation_spawn(life, NULL);
            links += peers[i] && mt_tie_link(thread, pid, peers[i]) == MT_OK;
            monitors += peers[i] && mt_tie_monitor(thread, pid, peers[i], &ref) == MT_OK;
            cast(pid, probe_count, 1, 0);
        }
        for (uint32_t i = 0; i < PEERS; i++)
            if (peers[i]) EXPECT(mt_process_kill(thread, peers[i]));
        mt_runtime_wait_idle(life->world.runtime);
        EXPECT(mt_a64_load_acq(&probe_exits) == exits && mt_a64_load_acq(&probe_downs) == downs);
        EXPECT(send_command(thread, pid, resume, NULL) == MT_REPLY_VALUE);
        mt_runtime_wait_idle(life->world.runtime);
        EXPECT(mt_a64_load_acq(&probe_exits) == exits + links && mt_a64_load_acq(&probe_downs) == downs + monitors);
        return;
    }
    if (!resume) drop_command(suspend);
    drop_command(resume);
}

void allocation_step_in_place(allocation_life_t *life) {
    mt_pid_t pid = allocation_spawn(life, NULL);
    mt_runtime_wait_idle(life->world.runtime);
    mt_in_place_t call;
    if (!pid || !mt_in_place_begin(&call, pid, NULL, MT_FOREVER)) return;
    probe_reply_with(life->thread, call.reply, 1);
    EXPECT(mt_in_place_end(&call, NULL) && probe_call_end(call.reply, MT_FOREVER, NULL) == MT_REPLY_VALUE);
}

static void block(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    if (!mt_block_begin(slice->thread)) return;
    probe_gate_enter((probe_gate_t *)a);
    mt_block_end(slice->thread);
}

// A thread of its own each time: its record, its counters, its stock.
static void be_a_client(void *raw, uint32_t number) {
    (void)number;
    mt_pid_t pid = *(mt_pid_t *)raw;
    if (!mt_thread_self()) return;
    for (uint32_t i = 0; i < 10; i++) cast(pid, probe_count, 1, 0);
}

void allocation_step_threads(allocation_life_t *life) {
    mt_pid_t pid = allocation_spawn(life, NULL);
    if (!pid) return;
    // Not on the stack: a runtime whose handler waits politely is idle.
    static probe_gate_t gate = {.key = {1}};
    for (uint32_t i = 0; i < 3; i++) cast(pid, block, (uint64_t)&gate, 0);
    mt_check_run_threads(3, be_a_client, &pid);
    mt_runtime_wait_idle(life->world.runtime);
}
