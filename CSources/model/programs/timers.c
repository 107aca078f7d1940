// SPDX-License-Identifier: Apache-2.0
// Timers: the driver that sleeps until the first instant while others arm earlier ones; cancel against expire. Time
// never passes for the far deadline, so a timer that is slept over is a deadlock.
#include "world.h"

#include "martlet/timer.h"

static mt_timers_t *timers;
static mt_a32_t token, fired, dropped;
static uint64_t ref;
static bool was_cancelled;

static uint64_t fire(mt_timer_event_t *event, uint64_t now_ns) {
    MODEL_EXPECT(now_ns >= event->when_ns);
    mt_a32_add(&fired, 1);
    return MT_TIMER_END;
}
static void drop(mt_timer_event_t *event) {
    (void)event;
    mt_a32_add(&dropped, 1);
}
static const mt_timer_ops_t ops = {.fire = fire, .drop = drop};

static void wake(void *context) {
    (void)context;
    mt_a32_xchg(&token, 1);
    mt_env_system.unpark(NULL, &token, 1);
}

static uint64_t arm_at(uint64_t when_ns, uint64_t owner, uint32_t *head) {
    uint64_t armed;
    mt_timer_spec_t spec = {.ops = &ops, .when_ns = when_ns, .owner = owner};
    MT_ASSERT(mt_timers_arm(timers, &spec, head, &armed) == MT_OK);
    return armed;
}

static void make(uint32_t threads) {
    MT_ASSERT(mt_timers_create(&mt_env_system, 2, 1, wake, NULL, &timers) == MT_OK);
    world_threads(threads, NULL);
    MODEL_NAME(token);
}

static void setup_driver(void) {
    make(3);
    arm_at(mt_env_system_now() + 1000000000, 0, NULL);
}

static void drive_until_two(void) {
    world_enter();
    while (mt_a32_load_acq(&fired) < 2) {
        uint64_t until = mt_timers_driver_enter(timers);
        while (mt_a32_load_acq(&token) == 0 && until > mt_env_system_now()) mt_env_system.park(NULL, &token, 0, until);
        mt_timers_driver_leave(timers);
        mt_a32_xchg(&token, 0);
        mt_timers_expire(timers, mt_env_system_now(), UINT32_MAX);
    }
}

static void driver_and_armers(uint32_t thread) {
    if (thread == 1) {
        drive_until_two();
        return;
    }
    world_enter();
    arm_at(mt_env_system_now(), thread, NULL);
}

static void check_driver(void) {
    MODEL_EXPECT(mt_a32_load_acq(&fired) == 2);
    MODEL_EXPECT(mt_timers_check(timers) == 1);
}

static uint32_t owner_head;

static void setup_cancel(void) {
    make(3);
    ref = arm_at(mt_env_system_now(), 1, &owner_head);
}

// Expire, cancel by reference, and the owner's end: one of them has the timer.
static void expire_and_cancel(uint32_t thread) {
    world_enter();
    if (thread == 1) mt_timers_expire(timers, mt_env_system_now(), UINT32_MAX);
    else if (thread == 2) was_cancelled = mt_timers_cancel(ref, NULL);
    else mt_timers_cancel_owner(timers, 1, &owner_head);
}

static void check_cancel(void) {
    // Expire skips a shard that somebody holds.
    uint32_t before = mt_a32_load_acq(&fired);
    world_enter();
    mt_timers_expire(timers, mt_env_system_now(), UINT32_MAX);
    MODEL_EXPECT(mt_a32_load_acq(&fired) + mt_a32_load_acq(&dropped) == 1);
    MODEL_EXPECT(!was_cancelled || (before == 0 && mt_a32_load_acq(&dropped) == 1));
    MODEL_EXPECT(mt_timers_check(timers) == 0 && owner_head == 0);
}

MODEL_PROGRAM(timers_driver, .setup = setup_driver, .body = driver_and_armers, .finish = check_driver, .threads = 3);
MODEL_PROGRAM(timers_cancel, .setup = setup_cancel, .body = expire_and_cancel, .finish = check_cancel, .threads = 3);
