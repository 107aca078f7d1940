// SPDX-License-Identifier: Apache-2.0
// What the one-threaded checks of timers share: a payload that counts what happens to it, and timers on a virtual
// clock.
#ifndef MARTLET_CHECK_TIMER_PROBE_H
#define MARTLET_CHECK_TIMER_PROBE_H

#include "check.h"
#include "martlet/region.h"
#include "martlet/timer.h"

#include <string.h>

#define TICK_NS 1000u
#define ALL UINT32_MAX
#define OWNER 5u

// A payload that counts what happens to it.
typedef struct probe {
    uint32_t fired, dropped;
    uint64_t last_now_ns; // of the latest fire
    uint64_t last_target;
    // What fire does besides counting.
    bool ends;            // returns MT_TIMER_END
    bool cancels_itself;  // cancels its own reference
    bool kills_owner;     // drops all timers of its owner
    uint64_t delivery_ns; // how long delivery takes: fire returns now + this
    struct world *world;
} probe_t;

typedef struct world {
    mt_virtual_clock_t clock;
    mt_env_t env;
    mt_timers_t *timers;
    uint32_t wakes;
    uint64_t items_before;
    uint32_t head; // of the owner's list
} world_t;

static inline uint64_t probe_fire(mt_timer_event_t *event, uint64_t now_ns) {
    probe_t *probe = event->payload;
    EXPECT(event->when_ns <= now_ns); // never early
    probe->fired++;
    probe->last_now_ns = now_ns;
    probe->last_target = event->target;
    uint64_t remaining_ns = 7;
    // In its own fire a one-shot timer is over; a repeated one stops, too late to have prevented this time.
    if (probe->cancels_itself) EXPECT(!mt_timers_cancel(event->ref, &remaining_ns) && remaining_ns == 7);
    if (probe->kills_owner) mt_timers_cancel_owner(probe->world->timers, OWNER, &probe->world->head);
    EXPECT(probe->dropped == 0);
    return probe->ends ? MT_TIMER_END : now_ns + probe->delivery_ns;
}

static inline void probe_drop(mt_timer_event_t *event) {
    probe_t *probe = event->payload;
    probe->dropped++;
}

static const mt_timer_ops_t probe_ops = {.fire = probe_fire, .drop = probe_drop};

static inline void count_wake(void *context) { ((world_t *)context)->wakes++; }

static inline void world_open(world_t *world, uint32_t shards) {
    memset(world, 0, sizeof *world);
    world->env = mt_env_virtual(&world->clock);
    EXPECT(mt_timers_create(&world->env, shards, TICK_NS, count_wake, world, &world->timers) == MT_OK);
    world->items_before = mt_region_live(&mt_timer_items);
}

static inline void world_close(world_t *world) {
    mt_timers_check(world->timers);
    mt_timers_destroy(world->timers);
    EXPECT(mt_region_live(&mt_timer_items) == world->items_before);
    EXPECT(world->head == 0);
}

static inline uint64_t arm(world_t *world, probe_t *probe, uint64_t when_ns, uint64_t period_ns,
                           mt_timer_policy_t policy) {
    mt_timer_spec_t spec = {.ops = &probe_ops,
                            .payload = probe,
                            .target = 99,
                            .owner = OWNER,
                            .when_ns = when_ns,
                            .period_ns = period_ns,
                            .policy = policy};
    uint64_t ref = 0;
    probe->world = world;
    EXPECT(mt_timers_arm(world->timers, &spec, &world->head, &ref) == MT_OK && ref != 0);
    return ref;
}

static inline uint32_t run_to(world_t *world, uint64_t now_ns) {
    mt_virtual_clock_set(&world->clock, now_ns);
    uint32_t fired = mt_timers_expire(world->timers, now_ns, ALL);
    EXPECT(mt_timers_next_due(world->timers) > now_ns);
    mt_timers_check(world->timers);
    return fired;
}

#endif
