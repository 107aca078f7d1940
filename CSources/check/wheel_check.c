// SPDX-License-Identifier: Apache-2.0
// Checks of the timer wheel against a list that is searched from end to end: random instants, ticks and jumps.
#include "check.h"
#include "wheel.h"

#include "martlet/env.h"

#include <stdlib.h>
#include <string.h>

#define NODES 600
#define TAKE_MAX 128

// A wheel and its model: the nodes, which are linked, and when the model says each is due.
typedef struct {
    mt_wheel_t wheel;
    unsigned char *memory;
    bool linked[NODES];
    uint64_t due_ns[NODES];
    uint64_t now_ns;
    uint64_t random;
} world_t;

static world_t *world_create(uint64_t origin_ns, uint64_t tick_ns, uint64_t seed) {
    world_t *world = calloc(1, sizeof *world);
    world->memory = calloc(NODES, MT_WHEEL_STRIDE);
    world->now_ns = origin_ns;
    world->random = seed;
    mt__wheel_init(&world->wheel, world->memory, origin_ns, tick_ns);
    return world;
}

static void world_free(world_t *world) {
    free(world->memory);
    free(world);
}

// A number of random magnitude: 2^0 to 2^bits.
static uint64_t spread(uint64_t *state, uint32_t bits) {
    uint64_t value =
        (uint64_t)mt_check_random(state) << 33 ^ (uint64_t)mt_check_random(state) << 11 ^ mt_check_random(state);
    return value >> (63 - mt_check_random(state) % bits);
}

static uint64_t model_due(const world_t *world, uint64_t when_ns) {
    const mt_wheel_t *wheel = &world->wheel;
    if (when_ns <= wheel->origin_ns) return wheel->origin_ns;
    unsigned __int128 ticks = ((unsigned __int128)(when_ns - wheel->origin_ns) + wheel->tick_ns - 1) / wheel->tick_ns;
    unsigned __int128 due = ticks * wheel->tick_ns + wheel->origin_ns;
    return due > MT_FOREVER ? MT_FOREVER : (uint64_t)due;
}

static void arm(world_t *world, uint32_t index, uint64_t when_ns) {
    world->due_ns[index] = model_due(world, when_ns);
    world->linked[index] = true;
    mt__wheel_node(&world->wheel, index)->when_ns = when_ns;
    EXPECT(mt__wheel_link(&world->wheel, index) == world->due_ns[index]);
}

// Takes everything due and compares it with the model: nothing early, nothing left, ticks in order.
static void advance(world_t *world, uint64_t now_ns) {
    uint64_t last_ns = 0, before_ns = world->now_ns;
    uint32_t out[TAKE_MAX];
    world->now_ns = now_ns;
    while (mt__wheel_next_ns(&world->wheel) <= now_ns) {
        uint32_t count = mt__wheel_take(&world->wheel, now_ns, out, TAKE_MAX);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t due_ns = world->due_ns[out[i]];
            EXPECT(world->linked[out[i]]);
            EXPECT(due_ns <= now_ns);
            // Those armed when overdue come as they come.
            EXPECT(due_ns >= last_ns || due_ns <= before_ns);
            if (due_ns > last_ns) last_ns = due_ns;
            world->linked[out[i]] = false;
        }
    }
    for (uint32_t i = 1; i < NODES; i++) EXPECT(!world->linked[i] || world->due_ns[i] > now_ns);
}

static void compare_next(world_t *world) {
    uint64_t first_ns = MT_FOREVER;
    for (uint32_t i = 1; i < NODES; i++)
        if (world->linked[i] && world->due_ns[i] < first_ns) first_ns = world->due_ns[i];
    uint64_t next_ns = mt__wheel_next_ns(&world->wheel);
    // A lower bound, and not in the past: an overdue node may count for the current tick.
    EXPECT(next_ns <= first_ns || next_ns <= world->now_ns);
    // In the past with nothing due: there is something to sort, and that ends.
    uint32_t out[1], calls = 0;
    while (first_ns > world->now_ns && mt__wheel_next_ns(&world->wheel) <= world->now_ns && calls++ < 100)
        EXPECT(mt__wheel_take(&world->wheel, world->now_ns, out, 1) == 0);
    EXPECT(calls < 100);
}

static void random_steps(world_t *world, uint32_t steps) {
    for (uint32_t step = 0; step < steps; step++) {
        uint32_t index = 1 + mt_check_random(&world->random) % (NODES - 1);
        uint32_t kind = mt_check_random(&world->random) % 16;
        if (kind == 0) {
            uint64_t jump = spread(&world->random, mt_check_random(&world->random) % 8 ? 34 : 58);
            advance(world, jump > MT_FOREVER / 2 - world->now_ns ? world->now_ns : world->now_ns + jump);
        } else if (world->linked[index]) {
            mt__wheel_unlink(&world->wheel, index);
            world->linked[index] = false;
        } else if (kind == 1) {
            arm(world, index, world->now_ns - spread(&world->random, 30) % (world->now_ns + 1));
        } else {
            arm(world, index, world->now_ns + spread(&world->random, kind < 12 ? 36 : 62));
        }
        if (step % 8 == 0) {
            mt__wheel_check(&world->wheel, NULL, NULL);
            compare_next(world);
        }
    }
}

MT_CHECK(wheel_random_against_a_list) {
    static const uint64_t ticks[] = {1, 7, 1000, 1000000, 1048576, UINT64_C(1) << 40};
    for (uint32_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            world_t *world = world_create(seed * seed * 12345678901u * (seed - 1), ticks[i], seed * 77 + i);
            random_steps(world, 4000);
            world_free(world);
        }
    }
}

MT_CHECK(wheel_edges_of_a_tick) {
    world_t *world = world_create(1000, 100, 1);
    uint32_t out[4];
    arm(world, 1, 1200);
    arm(world, 2, 1201);
    EXPECT(mt__wheel_next_ns(&world->wheel) == 1200);
    EXPECT(mt__wheel_take(&world->wheel, 1199, out, 4) == 0);
    EXPECT(mt__wheel_take(&world->wheel, 1200, out, 4) == 1 && out[0] == 1);
    EXPECT(mt__wheel_next_ns(&world->wheel) == 1300);
    EXPECT(mt__wheel_take(&world->wheel, 1299, out, 4) == 0);
    EXPECT(mt__wheel_take(&world->wheel, 1300, out, 4) == 1 && out[0] == 2);
    arm(world, 1, 5); // before the origin: due at once
    EXPECT(mt__wheel_take(&world->wheel, 999, out, 4) == 0);
    EXPECT(mt__wheel_take(&world->wheel, 1300, out, 4) == 1);
    EXPECT(mt__wheel_next_ns(&world->wheel) == MT_FOREVER);
    world_free(world);
}

MT_CHECK(wheel_reaches_the_last_instant) {
    world_t *world = world_create(0, 1000000, 1);
    uint32_t out[4];
    arm(world, 1, UINT64_C(1) << 63);
    arm(world, 2, MT_FOREVER);
    advance(world, (UINT64_C(1) << 63) - 1000000);
    EXPECT(world->linked[1]);
    advance(world, (UINT64_C(1) << 63) + 1000000);
    EXPECT(!world->linked[1] && world->linked[2]);
    EXPECT(mt__wheel_next_ns(&world->wheel) == MT_FOREVER);
    EXPECT(mt__wheel_take(&world->wheel, MT_FOREVER - 1, out, 4) == 0);
    mt__wheel_check(&world->wheel, NULL, NULL);
    world_free(world);
}

MT_CHECK(wheel_fires_a_tick_in_the_order_of_arming) {
    world_t *world = world_create(0, 1000, 1);
    uint32_t out[TAKE_MAX];
    for (uint32_t i = 1; i <= 100; i++) arm(world, i, 9000000 + i);
    advance(world, 8990000);
    uint32_t count = mt__wheel_take(&world->wheel, 9001000, out, TAKE_MAX);
    EXPECT(count == 100);
    for (uint32_t i = 0; i < count; i++) EXPECT(out[i] == i + 1);
    world_free(world);
}

MT_CHECK(wheel_storm_is_taken_in_bounded_steps) {
    enum { STORM = 100000 };
    mt_wheel_t wheel;
    unsigned char *memory = calloc(STORM + 1, MT_WHEEL_STRIDE);
    mt__wheel_init(&wheel, memory, 0, 1000);
    for (uint32_t i = 1; i <= STORM; i++) {
        mt__wheel_node(&wheel, i)->when_ns = 5000000;
        mt__wheel_link(&wheel, i);
    }
    uint32_t total = 0, calls = 0, out[TAKE_MAX];
    while (wheel.count) {
        // Bounded: each call moves at most MOVES_MAX nodes and takes at most TAKE_MAX.
        uint32_t count = mt__wheel_take(&wheel, 5000000, out, TAKE_MAX);
        total += count;
        if (calls++ % 256 == 0) mt__wheel_check(&wheel, NULL, NULL);
        EXPECT(mt__wheel_next_ns(&wheel) <= 5000000 || wheel.count == 0);
        if (count == 0) EXPECT(calls <= STORM / MT_WHEEL_MOVES_MAX * MT_WHEEL_LEVELS);
    }
    EXPECT(total == STORM);
    // Unlinking out of a half-sorted bucket, down to the last node.
    for (uint32_t i = 1; i <= 1000; i++) {
        mt__wheel_node(&wheel, i)->when_ns = 50000000;
        mt__wheel_link(&wheel, i);
    }
    EXPECT(mt__wheel_take(&wheel, 50000000, out, TAKE_MAX) == 0);
    mt__wheel_check(&wheel, NULL, NULL);
    for (uint32_t index; (index = mt__wheel_any(&wheel));) mt__wheel_unlink(&wheel, index);
    mt__wheel_check(&wheel, NULL, NULL);
    EXPECT(mt__wheel_take(&wheel, 50000000, out, TAKE_MAX) == 0 && mt__wheel_next_ns(&wheel) == MT_FOREVER);
    free(memory);
}
