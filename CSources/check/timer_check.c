// SPDX-License-Identifier: Apache-2.0
// Checks of timers on a virtual clock, one thread: ends, policies, references, owners, limits, and limits.
// timer_model_check.c has the random run, timer_hammer_check.c the threads.
#include "check.h"

#include "martlet/memory.h"
#include "martlet/thread.h"
#include "timer_probe.h"

#include <stdlib.h>

MT_CHECK(timer_fires_once_and_never_early) {
    world_t world;
    probe_t probe = {0};
    world_open(&world, 4);
    uint64_t ref = arm(&world, &probe, 5001, 0, 0), remaining_ns = 0;
    EXPECT(mt_timers_next_due(world.timers) == 6000);
    EXPECT(mt_timers_remaining(ref, &remaining_ns) && remaining_ns == 5001);
    EXPECT(run_to(&world, 5999) == 0);
    EXPECT(mt_timers_remaining(ref, &remaining_ns) && remaining_ns == 0);
    EXPECT(run_to(&world, 6000) == 1 && probe.fired == 1 && probe.last_target == 99);
    EXPECT(run_to(&world, 60000) == 0 && probe.fired == 1 && probe.dropped == 0);
    EXPECT(!mt_timers_cancel(ref, NULL) && !mt_timers_remaining(ref, &remaining_ns));
    arm(&world, &probe, 1, 0, 0); // overdue: at the next expire
    EXPECT(run_to(&world, 60000) == 1);
    mt_timer_stats_t stats = mt_timers_stats(world.timers);
    EXPECT(stats.armed == 2 && stats.fired == 2 && stats.live == 0 && stats.lateness_ns == 59999);
    world_close(&world);
}

MT_CHECK(timer_cancel_says_what_was_left) {
    world_t world;
    probe_t probe = {0};
    world_open(&world, 1);
    uint64_t ref = arm(&world, &probe, 5000, 0, 0), remaining_ns = 0;
    mt_virtual_clock_set(&world.clock, 1200);
    EXPECT(mt_timers_cancel(ref, &remaining_ns) && remaining_ns == 3800 && probe.dropped == 1);
    EXPECT(!mt_timers_cancel(ref, &remaining_ns));
    uint64_t overdue = arm(&world, &probe, 1000, 0, 0);
    EXPECT((uint32_t)overdue != (uint32_t)ref || overdue >> 32 != ref >> 32);
    EXPECT(mt_timers_cancel(overdue, &remaining_ns) && remaining_ns == 0);
    EXPECT(run_to(&world, 99000) == 0 && probe.fired == 0 && probe.dropped == 2);
    EXPECT(mt_timers_next_due(world.timers) == MT_FOREVER);
    // Forged references: no item, index 0, a free item, a generation to come.
    EXPECT(!mt_timers_cancel(0, NULL) && !mt_timers_cancel(UINT64_MAX, NULL) && !mt_timers_cancel(UINT32_MAX, NULL));
    EXPECT(!mt_timers_cancel(overdue + (UINT64_C(1) << 32), NULL) && !mt_timers_cancel((uint32_t)overdue, NULL));
    for (uint32_t index = 0; index < 300; index++)
        EXPECT(!mt_timers_cancel(index, NULL) && !mt_timers_remaining(UINT64_C(77) << 32 | index, &remaining_ns));
    world_close(&world);
}

MT_CHECK(timer_fixed_rate_merges_missed_instants) {
    world_t world;
    probe_t probe = {.delivery_ns = 123456};
    world_open(&world, 2);
    uint64_t ref = arm(&world, &probe, 10000, 10000, MT_TIMER_FIXED_RATE), remaining_ns = 0;
    EXPECT(run_to(&world, 10000) == 1 && mt_timers_next_due(world.timers) == 20000);
    EXPECT(run_to(&world, 55500) == 1 && probe.fired == 2); // 20, 30, 40 and 50 are one
    EXPECT(mt_timers_remaining(ref, &remaining_ns) && remaining_ns == 4500);
    EXPECT(run_to(&world, 60000) == 1 && mt_timers_next_due(world.timers) == 70000);
    EXPECT(mt_timers_cancel(ref, &remaining_ns) && remaining_ns == 10000 && probe.dropped == 1);
    EXPECT(run_to(&world, 900000) == 0 && probe.fired == 3);
    world_close(&world);
}

MT_CHECK(timer_fixed_delay_counts_from_delivery) {
    world_t world;
    probe_t probe = {.delivery_ns = 2500};
    world_open(&world, 2);
    uint64_t ref = arm(&world, &probe, 10000, 10000, MT_TIMER_FIXED_DELAY), remaining_ns = 0;
    EXPECT(run_to(&world, 17000) == 1);
    EXPECT(mt_timers_remaining(ref, &remaining_ns) && remaining_ns == 12500);
    EXPECT(mt_timers_next_due(world.timers) == 30000); // 29500, rounded up
    EXPECT(run_to(&world, 29999) == 0 && run_to(&world, 30000) == 1);
    mt_timers_cancel_owner(world.timers, OWNER, &world.head);
    EXPECT(probe.dropped == 1 && !mt_timers_cancel(ref, NULL));
    world_close(&world);
}

MT_CHECK(timer_repeated_ends_inside_its_own_fire) {
    world_t world;
    probe_t ends = {.ends = true}, cancels = {.cancels_itself = true}, once = {.cancels_itself = true};
    world_open(&world, 1);
    arm(&world, &ends, 1000, 1000, MT_TIMER_FIXED_RATE);
    uint64_t ref = arm(&world, &cancels, 1000, 1000, MT_TIMER_FIXED_DELAY);
    arm(&world, &once, 1000, 0, 0);
    EXPECT(run_to(&world, 1000) == 3 && run_to(&world, 50000) == 0);
    EXPECT(ends.fired == 1 && ends.dropped == 1 && cancels.fired == 1 && cancels.dropped == 1 && once.dropped == 0);
    EXPECT(!mt_timers_cancel(ref, NULL) && mt_timers_stats(world.timers).live == 0);
    // The owner dies while its timers fire: the one-shot timers taken out already still fire, all else is dropped.
    probe_t killer = {.kills_owner = true}, late = {0};
    arm(&world, &killer, 60000, 1000, MT_TIMER_FIXED_RATE);
    arm(&world, &late, 70000, 0, 0);
    EXPECT(run_to(&world, 60000) == 1 && run_to(&world, 90000) == 0);
    EXPECT(killer.dropped == 1 && late.dropped == 1 && late.fired == 0);
    world_close(&world);
}

MT_CHECK(timer_owner_death_drops_all_of_its_own) {
    enum { COUNT = 1000 };
    world_t world;
    world_open(&world, 8);
    probe_t *probes = calloc(COUNT, sizeof *probes), other = {0};
    uint32_t other_head = 0;
    mt_timer_spec_t spec = {.ops = &probe_ops, .payload = &other, .owner = OWNER + 8, .when_ns = 3000000};
    uint64_t ref;
    EXPECT(mt_timers_arm(world.timers, &spec, &other_head, &ref) == MT_OK);
    for (uint32_t i = 0; i < COUNT; i++) arm(&world, &probes[i], 5000 + i * 1000000u, i % 3 ? 0 : 1000000, i % 2);
    EXPECT(mt_timers_check(world.timers) == COUNT + 1);
    mt_timers_cancel_owner(world.timers, OWNER, &world.head);
    for (uint32_t i = 0; i < COUNT; i++) EXPECT(probes[i].dropped == 1 && probes[i].fired == 0);
    EXPECT(mt_timers_check(world.timers) == 1);
    mt_timers_cancel_owner(world.timers, OWNER, &world.head); // nothing left: nothing happens
    EXPECT(run_to(&world, UINT64_C(4000000)) == 1 && other.fired == 1 && other_head == 0);
    free(probes);
    world_close(&world);
}

MT_CHECK(timer_destroy_drops_and_leaves_references_stale) {
    enum { COUNT = 500 };
    world_t world, next;
    world_open(&world, 4);
    probe_t *probes = calloc(COUNT, sizeof *probes);
    uint64_t refs[COUNT], remaining_ns;
    for (uint32_t i = 0; i < COUNT; i++) refs[i] = arm(&world, &probes[i], i * 77777u, i % 2 ? 0 : 5, 0);
    world_close(&world);
    world_open(&next, 4); // the same shards again
    for (uint32_t i = 0; i < COUNT; i++) {
        EXPECT(probes[i].dropped == 1 && probes[i].fired == 0);
        EXPECT(!mt_timers_cancel(refs[i], NULL) && !mt_timers_remaining(refs[i], &remaining_ns));
    }
    EXPECT(mt_timers_stats(next.timers).armed == 0);
    world_close(&next);
    free(probes);
}

// Who was slow to arm finds the shards shut, and the next timers of the same size have them.
MT_CHECK(timer_arm_after_destroy_is_refused) {
    world_t world;
    probe_t probe = {0};
    world_open(&world, 2);
    mt_timers_t *timers = world.timers;
    world_close(&world);
    mt_timer_spec_t spec = {.ops = &probe_ops, .payload = &probe, .target = 99, .when_ns = 1000, .period_ns = 1000};
    uint64_t ref = 0;
    EXPECT(mt_timers_arm(timers, &spec, NULL, &ref) == MT_SHUT_DOWN && ref == 0 && probe.dropped == 0);
    EXPECT(mt_region_live(&mt_timer_items) == world.items_before);
    world_open(&world, 2);
    EXPECT(world.timers == timers);
    arm(&world, &probe, 5000, 0, 0);
    EXPECT(run_to(&world, 5000) == 1);
    world_close(&world);
}

MT_CHECK(timer_arm_wakes_a_driver_that_sleeps_too_long) {
    world_t world;
    probe_t probe = {0};
    world_open(&world, 2);
    arm(&world, &probe, 9000, 0, 0);
    EXPECT(world.wakes == 0); // nobody sleeps
    EXPECT(mt_timers_driver_enter(world.timers) == 9000);
    arm(&world, &probe, 9500, 0, 0);
    EXPECT(world.wakes == 0);
    arm(&world, &probe, 8000, 0, 0);
    EXPECT(world.wakes == 1);
    mt_timers_driver_leave(world.timers);
    arm(&world, &probe, 7000, 0, 0);
    EXPECT(world.wakes == 1 && mt_timers_driver_enter(world.timers) == 7000);
    mt_timers_driver_leave(world.timers);
    EXPECT(run_to(&world, 20000) == 4 && mt_timers_driver_enter(world.timers) == MT_FOREVER);
    arm(&world, &probe, 1, 0, 0);
    EXPECT(world.wakes == 2);
    mt_timers_driver_leave(world.timers);
    world_close(&world);
}

MT_CHECK(timer_storm_is_fired_in_batches) {
    enum { COUNT = 3000 };
    world_t world;
    probe_t probe = {0}, other = {0};
    uint32_t other_head = 0;
    uint64_t ref;
    world_open(&world, 2);
    for (uint32_t i = 0; i < COUNT; i++) arm(&world, &probe, 50000, 0, 0);
    mt_timer_spec_t spec = {.ops = &probe_ops, .payload = &other, .owner = OWNER + 1, .when_ns = 50000};
    EXPECT(mt_timers_arm(world.timers, &spec, &other_head, &ref) == MT_OK);
    mt_virtual_clock_set(&world.clock, 50000);
    uint32_t fired = mt_timers_expire(world.timers, 50000, 2);
    EXPECT(fired <= 2 * MT_TIMER_BATCH && other.fired == 1); // one batch of each shard: the storm holds up nobody
    EXPECT(mt_timers_next_due(world.timers) <= 50000);
    fired += run_to(&world, 50000);
    EXPECT(fired == COUNT + 1 && probe.fired == COUNT);
    world_close(&world);
}

MT_CHECK(timer_without_memory_changes_nothing) {
    world_t world, none;
    probe_t probe = {0};
    world_open(&world, 1);
    mt_timer_spec_t spec = {.ops = &probe_ops, .payload = &probe, .owner = OWNER, .when_ns = 1000};
    uint64_t ref = 0, taken[3 * MT_TIMER_BATCH];
    uint32_t count = 0, refused = 0;
    // Until the thread's stock is used up; repeated timers find one item or none left.
    mt_thread_trim(mt_thread_self());
    mt_alloc_fail_at(1, UINT64_MAX);
    while (count < 3 * MT_TIMER_BATCH && mt_timers_arm(world.timers, &spec, &world.head, &ref) == MT_OK)
        taken[count++] = ref;
    for (uint32_t i = 0; i < 4; i++) {
        spec.period_ns = i % 2;
        uint64_t live = mt_region_live(&mt_timer_items), untouched = 42;
        mt_status_t status = mt_timers_arm(world.timers, &spec, &world.head, &untouched);
        if (status == MT_OK) {
            // The depot had stock of earlier checks; all is well.
            EXPECT(mt_timers_cancel(untouched, NULL));
            continue;
        }
        EXPECT(status == MT_NO_MEMORY && untouched == 42 && mt_region_live(&mt_timer_items) == live);
        refused++;
    }
    EXPECT(refused == 4 || count == 3 * MT_TIMER_BATCH);
    none.timers = NULL;
    EXPECT(mt_timers_create(&world.env, 64, TICK_NS, count_wake, &world, &none.timers) == MT_NO_MEMORY);
    EXPECT(none.timers == NULL);
    mt_alloc_fail_at(0, 0);
    for (uint32_t i = 0; i < count; i++) EXPECT(mt_timers_cancel(taken[i], NULL));
    mt_status_t status = mt_timers_create(&world.env, 0, TICK_NS, count_wake, &world, &none.timers);
    EXPECT(status == MT_INVALID && none.timers == NULL);
    EXPECT(mt_timers_create(&world.env, 1, 0, count_wake, &world, &none.timers) == MT_INVALID);
    EXPECT(mt_timers_create(&world.env, MT_TIMER_SHARDS_MAX, TICK_NS, count_wake, &world, &none.timers) ==
           MT_SYSTEM_LIMIT); // this runtime has one of them
    world_close(&world);
}
