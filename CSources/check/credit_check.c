// SPDX-License-Identifier: Apache-2.0
// Room in bounded mailboxes: exact counts, grants in order, waiters that give up, ends, and displacing the oldest.
#include "probe_engine.h"

#include <sched.h>

static mt_bounded_head_t *head_of(mt_pid_t pid) {
    return (mt_bounded_head_t *)mt_aptr_load_acq(&mt_slot_of(pid)->bounded);
}

// Room as the word says it, all else of it as it should be.
static bool has_room(mt_pid_t pid, uint64_t room, bool has_waiters) {
    uint64_t word = mt_a64_load_acq(&head_of(pid)->credit);
    return word == ((uint64_t)mt_pid_generation(pid) << 32 | (has_waiters ? MT_CREDIT_WAITERS : 0) | room);
}

// A process with a bound, held in a handler: what is sent meanwhile stays queued.
typedef struct {
    probe_world_t world;
    probe_gate_t gate;
    mt_pid_t pid;
} held_t;

static void hold(held_t *held, uint32_t capacity, mt_policy_t policy) {
    *held = (held_t){0};
    probe_open(&held->world, 2);
    held->pid = probe_spawn(&held->world, &(probe_spec_t){.capacity = capacity, .policy = policy});
    probe_cast(held->pid, probe_block_on, (uint64_t)&held->gate, 0);
    EXPECT(probe_gate_wait(&held->gate));
}

static void fill(mt_pid_t pid) {
    while (probe_cast(pid, probe_count, 1, 0) == MT_OK) {
    }
}

static void let_go(held_t *held) {
    probe_gate_open(&held->gate);
    mt_runtime_wait_idle(held->world.runtime);
}

MT_CHECK(credit_room_is_exact) {
    for (uint32_t capacity = 1; capacity <= 200; capacity = capacity * 2 + capacity / 3) {
        held_t held;
        hold(&held, capacity, MT_POLICY_REJECT);
        mt_pid_t pid = held.pid;
        uint32_t sent = 0;
        // The message in the handler still counts until its batch is given back.
        while (probe_cast(pid, probe_count, 1, 0) == MT_OK) sent++;
        EXPECT(sent == capacity || sent == capacity - 1);
        EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_FULL && has_room(pid, 0, false));
        EXPECT(mt_credit_length(head_of(pid)) == capacity);
        EXPECT(probe_call(pid, probe_answer, 1, 0, NULL) == MT_REPLY_NO_PROCESS); // refused: full
        mt_reply_ref_t watch = mt_reply_arm(mt_thread_self(), 0, pid, MT_FOREVER);
        EXPECT(mt_process_watch(mt_thread_self(), pid, watch) == MT_OK); // signals take no room
        let_go(&held);
        EXPECT(has_room(pid, capacity, false));
        uint64_t value = 0;
        EXPECT(probe_call(pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == sent);
        EXPECT(probe_stop(pid, 3) && probe_call_end(watch, MT_FOREVER, &value) == MT_REPLY_EXITED && value == 3);
        mt_runtime_wait_idle(held.world.runtime);
        EXPECT(!has_room(pid, capacity, false) && mt_room_take(mt_thread_self(), pid) == MT_ROOM_NO_PROCESS);
        probe_close(&held.world);
    }
}

typedef struct {
    mt_credit_waiter_t waiter;
    mt_reply_ref_t ref;
} wait_t;

static void wait_for_room(wait_t *wait, mt_pid_t pid) {
    wait->ref = wait->waiter.reply = mt_reply_arm(mt_thread_self(), 0, pid, MT_FOREVER);
    mt_room_wait(pid, &wait->waiter);
}

static mt_reply_kind_t end_wait(wait_t *wait, mt_pid_t pid, uint64_t deadline_ns) {
    mt_reply_wait_blocking(wait->ref, &mt_env_system, deadline_ns);
    mt_room_leave(pid, &wait->waiter);
    mt_reply_kind_t kind = mt_reply_of(wait->ref)->kind;
    if (kind == MT_REPLY_EXITED) mt_hooks.reason_release(*(void **)mt_reply_value(wait->ref));
    mt_reply_free(mt_thread_self(), wait->ref);
    return kind;
}

static mt_status_t send_granted(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b) {
    mt_node_t *node = probe_message(MT_KIND_CAST, action, a, b);
    mt_status_t status = mt_process_send_granted(mt_thread_self(), pid, node);
    if (status != MT_OK) probe_discard(node);
    return status;
}

MT_CHECK(credit_grants_in_order) {
    held_t held;
    hold(&held, 1, MT_POLICY_DROP_NEWEST);
    mt_pid_t pid = held.pid;
    fill(pid);
    wait_t waits[4];
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT(mt_room_take(mt_thread_self(), pid) == MT_ROOM_WAIT);
        wait_for_room(&waits[i], pid);
        EXPECT(has_room(pid, 0, true));
    }
    EXPECT(end_wait(&waits[1], pid, 1) == MT_REPLY_TIMEOUT); // from the middle
    EXPECT(has_room(pid, 0, true));
    probe_gate_open(&held.gate);
    const uint32_t order[] = {0, 2, 3};
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT(end_wait(&waits[order[i]], pid, MT_FOREVER) == MT_REPLY_GRANTED);
        mt_runtime_wait_idle(held.world.runtime);
        // The credit is this waiter's: the next one has nothing, a sender from outside neither.
        for (uint32_t later = i + 1; later < 3; later++) EXPECT(mt_reply_is_armed(waits[order[later]].ref));
        EXPECT(has_room(pid, 0, i < 2) && probe_cast(pid, probe_count, 1, 0) == MT_FULL);
        if (i == 1) mt_room_return(pid); // not used after all: the next one's at once
        else EXPECT(send_granted(pid, probe_count, 1, 0) == MT_OK);
    }
    mt_runtime_wait_idle(held.world.runtime);
    EXPECT(has_room(pid, 1, false));
    probe_close(&held.world);
}

// A waiter whose time is over but which has not left yet: the credit goes on, it is not lost.
MT_CHECK(credit_grant_meets_timeout) {
    held_t held;
    hold(&held, 1, MT_POLICY_REJECT);
    mt_pid_t pid = held.pid;
    fill(pid);
    wait_t late, next;
    wait_for_room(&late, pid);
    wait_for_room(&next, pid);
    EXPECT(mt_reply_complete(late.ref, MT_REPLY_TIMEOUT));
    let_go(&held);
    EXPECT(end_wait(&next, pid, MT_FOREVER) == MT_REPLY_GRANTED && has_room(pid, 0, false));
    mt_room_return(pid);
    EXPECT(end_wait(&late, pid, MT_FOREVER) == MT_REPLY_TIMEOUT && has_room(pid, 1, false));
    wait_for_room(&next, pid); // there is room: granted at once
    EXPECT(mt_reply_is_done(next.ref) && end_wait(&next, pid, MT_FOREVER) == MT_REPLY_GRANTED);
    mt_room_return(pid);
    EXPECT(has_room(pid, 1, false));
    probe_close(&held.world);
}

MT_CHECK(credit_end_completes_waiters) {
    held_t held;
    hold(&held, 2, MT_POLICY_REJECT);
    mt_pid_t pid = held.pid;
    fill(pid);
    wait_t waits[3];
    for (uint32_t i = 0; i < 3; i++) wait_for_room(&waits[i], pid);
    EXPECT(mt_process_kill(mt_thread_self(), pid));
    for (uint32_t i = 0; i < 3; i++) EXPECT(end_wait(&waits[i], pid, MT_FOREVER) == MT_REPLY_EXITED);
    wait_for_room(&waits[0], pid); // too late to wait
    EXPECT(end_wait(&waits[0], pid, MT_FOREVER) == MT_REPLY_NO_PROCESS);
    mt_room_return(pid); // of the last incarnation: nothing
    EXPECT(send_granted(pid, probe_count, 1, 0) == MT_NO_PROCESS);
    probe_gate_open(&held.gate);
    probe_close(&held.world);
}

MT_CHECK(credit_displaces_the_oldest) {
    for (uint32_t capacity = 1; capacity <= 5; capacity++) {
        held_t held;
        hold(&held, capacity, MT_POLICY_DROP_OLDEST);
        mt_pid_t pid = held.pid;
        mt_a64_t sum = {0};
        uint64_t sent = 0;
        mt_status_t status = MT_OK;
        while (status == MT_OK && sent < 100)
            status = probe_cast(pid, probe_add_to, (uint64_t)&sum, UINT64_C(1) << sent++);
        EXPECT(status == MT_DISPLACED && (sent == capacity + 1 || sent == capacity));
        EXPECT(probe_cast(pid, probe_add_to, (uint64_t)&sum, UINT64_C(1) << sent++) == MT_DISPLACED);
        EXPECT(has_room(pid, 0, false));
        let_go(&held);
        // The last ones, whole: the two oldest are gone.
        EXPECT(mt_a64_load_acq(&sum) == (UINT64_C(1) << sent) - 4 && has_room(pid, capacity, false));
        probe_close(&held.world);
    }
}

MT_CHECK(credit_displaces_casts_only) {
    held_t held;
    hold(&held, 1, MT_POLICY_DROP_OLDEST);
    mt_pid_t pid = held.pid;
    mt_reply_ref_t call = probe_call_begin(pid, probe_answer, 1, 0), watch = mt_reply_arm(mt_thread_self(), 0, pid, 1);
    EXPECT(call != 0 && mt_process_watch(mt_thread_self(), pid, watch) == MT_OK);
    EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_FULL);
    let_go(&held);
    uint64_t value = 0;
    EXPECT(probe_call_end(call, MT_FOREVER, &value) == MT_REPLY_VALUE && value == 1);
    EXPECT(probe_stop(pid, 3) && probe_call_end(watch, MT_FOREVER, NULL) == MT_REPLY_EXITED);
    probe_close(&held.world);
}

// The displaced value's end is user code on the sender's thread: what it sends counts, also inside a handler.
static mt_pid_t mourner;
static mt_a64_t mourned;

static void destroy_and_send(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    probe_end_message(((probe_message_t *)payload)->id);
    mt_a64_add(&mourned, probe_cast(mourner, probe_count, 1, 0) == MT_OK);
}
static const mt_payload_ops_t talkative = {.destroy = destroy_and_send, .size = sizeof(probe_message_t)};

static void displace_from_handler(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    mt_status_t status = MT_OK;
    for (uint32_t i = 0; i < 100 && status == MT_OK; i++) {
        mt_node_t *node = probe_message(MT_KIND_CAST, probe_count, 1, 0);
        node->ops = &talkative;
        status = mt_process_send(slice->thread, a, node);
    }
    EXPECT(status == MT_DISPLACED && slice->frame.is_in);
}

MT_CHECK(credit_displaced_value_ends_as_user_code) {
    held_t held;
    hold(&held, 3, MT_POLICY_DROP_OLDEST);
    mt_a64_store_rlx(&mourned, 0);
    mourner = probe_spawn(&held.world, NULL);
    mt_pid_t sender = probe_spawn(&held.world, NULL);
    EXPECT(probe_cast(sender, displace_from_handler, held.pid, 0) == MT_OK);
    EXPECT(probe_wait_word(&mourned, 1));
    uint64_t value = 0;
    EXPECT(probe_call(mourner, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
    let_go(&held);
    probe_close(&held.world);
}

// --- Hammers ---------------------------------------------------------------------------------------------------------

typedef struct {
    probe_world_t world;
    probe_spec_t spec;
    mt_a64_t pid, sent, granted, timeouts, displaced;
    bool dies; // the process dies and is born again all the time
} crowd_t;

static void be_born_again(crowd_t *crowd, uint64_t *random) {
    mt_reply_kind_t kind;
    mt_status_t status;
    mt_pid_t old = mt_a64_load_acq(&crowd->pid);
    if (mt_check_random(random) % 2) EXPECT(mt_process_kill(mt_thread_self(), old));
    else EXPECT(probe_stop(old, 3));
    if (mt_check_random(random) % 2) probe_join(old);
    mt_pid_t pid = 0;
    // Shown before its init has run: senders crowd in at once.
    status = probe_spawn_async(&crowd->world, &crowd->spec, 0, &pid);
    if (status != MT_OK) pid = probe_spawn_answer(&crowd->world, &crowd->spec, &kind, &status);
    EXPECT(status == MT_OK && pid);
    mt_a64_store_rel(&crowd->pid, pid);
}

static void use_room(crowd_t *crowd, mt_pid_t pid, uint64_t *random) {
    if (mt_check_random(random) % 8 == 0) mt_room_return(pid);
    else if (send_granted(pid, probe_count, 1, 0) == MT_OK) mt_a64_add_rlx(&crowd->sent, 1);
}

static void crowd_body(void *raw, uint32_t number) {
    crowd_t *crowd = raw;
    uint64_t random = number;
    while (!mt_check_time_is_up()) {
        if (crowd->dies && number == 0) {
            be_born_again(crowd, &random);
            for (uint32_t i = mt_check_random(&random) % 16; i; i--) sched_yield();
            continue;
        }
        mt_pid_t pid = mt_a64_load_acq(&crowd->pid);
        if (crowd->spec.policy == MT_POLICY_DROP_OLDEST) {
            mt_status_t status = probe_cast(pid, probe_count, 1, 0);
            if (status == MT_DISPLACED) mt_a64_add_rlx(&crowd->displaced, 1);
            EXPECT(status != MT_NO_PROCESS || crowd->dies);
            continue;
        }
        mt_room_t room = mt_room_take(mt_thread_self(), pid);
        // Unbounded: it ended between two looks; the send would say so.
        bool has_ended = room == MT_ROOM_NO_PROCESS || room == MT_ROOM_UNBOUNDED;
        EXPECT(room == MT_ROOM_TAKEN || room == MT_ROOM_WAIT || (has_ended && crowd->dies));
        if (room == MT_ROOM_TAKEN) use_room(crowd, pid, &random);
        if (room != MT_ROOM_WAIT) continue;
        wait_t wait;
        wait_for_room(&wait, pid);
        uint64_t patience = mt_check_random(&random) % 4 ? PROBE_WAIT_NS : mt_check_random(&random) % 100000;
        mt_reply_kind_t kind = end_wait(&wait, pid, mt_check_now_ns() + patience);
        EXPECT(kind == MT_REPLY_GRANTED || (kind == MT_REPLY_TIMEOUT && patience != PROBE_WAIT_NS) ||
               ((kind == MT_REPLY_NO_PROCESS || kind == MT_REPLY_EXITED) && crowd->dies));
        if (kind == MT_REPLY_GRANTED) {
            mt_a64_add_rlx(&crowd->granted, 1);
            use_room(crowd, pid, &random);
        } else {
            mt_a64_add_rlx(&crowd->timeouts, 1);
        }
    }
}

static void run_crowd(uint32_t capacity, mt_policy_t policy, bool dies) {
    crowd_t crowd = {.spec = {.capacity = capacity, .policy = policy}, .dies = dies};
    probe_open(&crowd.world, 2);
    mt_a64_store_rel(&crowd.pid, probe_spawn(&crowd.world, &crowd.spec));
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), crowd_body, &crowd);
    mt_runtime_wait_idle(crowd.world.runtime);
    mt_pid_t pid = mt_a64_load_acq(&crowd.pid);
    EXPECT(has_room(pid, capacity, false));
    mt_process_check(mt_slot_of(pid));
    if (policy == MT_POLICY_DROP_OLDEST) mt_check_figure("displaced", (double)mt_a64_load_acq(&crowd.displaced), "");
    else mt_check_figure("granted", (double)mt_a64_load_acq(&crowd.granted), "");
    probe_close(&crowd.world);
}

MT_CHECK(credit_hammer_capacity_1) { run_crowd(1, MT_POLICY_DROP_NEWEST, false); }
MT_CHECK(credit_hammer_capacity_20) { run_crowd(20, MT_POLICY_DROP_NEWEST, false); }
MT_CHECK(credit_hammer_deaths) { run_crowd(3, MT_POLICY_DROP_NEWEST, true); }
MT_CHECK(credit_hammer_displacing) { run_crowd(4, MT_POLICY_DROP_OLDEST, false); }
MT_CHECK(credit_hammer_displacing_deaths) { run_crowd(2, MT_POLICY_DROP_OLDEST, true); }
