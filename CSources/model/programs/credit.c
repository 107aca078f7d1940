// SPDX-License-Identifier: Apache-2.0
// Credits: room for one message, senders that wait for it in line, one that gives up; a mailbox that displaces its
// oldest message, whose pop has two sides. At the end the room is back, no flag is left, no message lost or doubled.
#include "actor.h"

static mt_slot_t slot;
static mt_bounded_head_t *bounded;
static mt_credit_waiter_t waiters[4]; // not on stacks: the checker looks at them
static bool got[4];
static bool tries_first;

#define GENERATION 1u

static void setup(void) {
    MT_ASSERT(mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link), 65536) ==
              MT_OK);
    world_threads(3, NULL);
    mt_region_give(&mt_replies, &world_record(2)->replies, mt_region_take(&mt_replies, &world_record(2)->replies));
    MT_ASSERT(mt_credit_attach(&slot, GENERATION, 1, MT_POLICY_REJECT) == MT_OK);
    bounded = mt_credit_of(&slot, GENERATION);
    MT_ASSERT(mt_credit_take(bounded, GENERATION) == MT_CREDIT_TAKEN);
    for (uint32_t i = 2; i < 4; i++) waiters[i].reply = mt_reply_arm(world_record(i), 0, 0, MT_FOREVER);
    MODEL_NAME(bounded->credit);
}

static void setup_trying(void) {
    setup();
    tries_first = true;
}

// Takes a credit or waits for one.
static bool get_credit(uint32_t number, bool gives_up) {
    mt_credit_waiter_t *waiter = &waiters[number];
    // In the other program both wait at once: 2.6 million executions otherwise.
    if (tries_first && mt_credit_take(bounded, GENERATION) == MT_CREDIT_TAKEN) return true;
    mt_credit_result_t result = mt_credit_wait(bounded, GENERATION, waiter);
    if (result == MT_CREDIT_TAKEN) return true;
    MODEL_EXPECT(result == MT_CREDIT_FULL);
    // Who is too late to give up waits for the answer that was under way.
    if (!gives_up || !mt_reply_complete(waiter->reply, MT_REPLY_CANCELLED))
        mt_reply_wait_blocking(waiter->reply, &mt_env_system, MT_FOREVER);
    mt_credit_leave(bounded, waiter);
    waiter->next = waiter->previous = NULL; // its memory is free
    return mt_reply_of(waiter->reply)->kind == MT_REPLY_GRANTED;
}

static void send_and_pop(uint32_t number, bool gives_up) {
    world_enter();
    got[number] = get_credit(number, gives_up);
    // The consumer's part: the message was popped.
    if (got[number]) mt_credit_give(bounded, GENERATION, 1);
}

static void two_waiters(uint32_t thread) {
    world_enter();
    if (thread == 1) mt_credit_give(bounded, GENERATION, 1);
    else send_and_pop(thread, false);
}

static void one_gives_up(uint32_t thread) {
    if (thread == 3) send_and_pop(3, true);
    else two_waiters(thread);
}

static void check(void) {
    MODEL_EXPECT(got[2]);
    MODEL_EXPECT(mt_a64_load_acq(&bounded->credit) == ((uint64_t)GENERATION << 32 | 1));
}

static void check_both(void) {
    check();
    MODEL_EXPECT(got[3]);
}

// Bound 3 takes both beyond three million executions.
MODEL_PROGRAM(credit_two, .setup = setup, .body = two_waiters, .finish = check_both, .threads = 3, .deep = 2);
MODEL_PROGRAM(credit_one_gives_up, .setup = setup_trying, .body = one_gives_up, .finish = check, .threads = 3,
              .deep = 2);

// --- Displacing the oldest -------------------------------------------------------------------------------------------

static mt_pid_t target;
static mt_status_t statuses[4];

static void setup_displace(void) {
    actor_world(3, NULL);
    target = actor_spawn(mt_thread_current, false, 1, MT_POLICY_DROP_OLDEST);
    actor_settle();
    actor_name_slot(target);
    statuses[0] = actor_send(mt_thread_current, target, 0);
}

static void displacers(uint32_t thread) {
    if (thread == 1) actor_work();
    else statuses[thread] = actor_send(world_enter(), target, thread);
}

static void check_displace(void) {
    uint64_t handled = mt_a64_load_acq(&actor.handled[1]), dead = mt_a64_load_acq(&actor.dead[1]), accepted = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (i != 1 && (statuses[i] == MT_OK || statuses[i] == MT_DISPLACED)) accepted |= UINT64_C(1) << i;
    MODEL_EXPECT(!(handled & dead) && (handled | dead) == accepted);
    uint64_t word = mt_a64_load_acq(&mt_credit_of(mt_slot_of(target), 1)->credit);
    MODEL_EXPECT(word == (UINT64_C(1) << 32 | 1));
    mt_process_check(mt_slot_of(target));
}

MODEL_PROGRAM(credit_displace, .setup = setup_displace, .body = displacers, .finish = check_displace, .threads = 3,
              .daemons = 1u << 1);
