// SPDX-License-Identifier: Apache-2.0
// The hierarchical timer wheel; wheel.h says why it is correct.
#include "wheel.h"

#include "martlet/env.h"
#include "martlet/status.h"

#include <string.h>

void mt__wheel_init(mt_wheel_t *wheel, void *nodes, uint64_t origin_ns, uint64_t tick_ns) {
    memset(wheel, 0, sizeof *wheel);
    wheel->nodes = nodes;
    wheel->origin_ns = origin_ns;
    wheel->tick_ns = tick_ns;
    wheel->tick_inverse = UINT64_MAX / tick_ns;
}

// interval / tick_ns, rounded down; *rest is what is left. The product with the inverse is at most 2 too small; it
// costs a fifth of a 64-bit division.
static uint64_t ticks_in(const mt_wheel_t *wheel, uint64_t interval_ns, uint64_t *rest) {
    uint64_t ticks = (uint64_t)(((unsigned __int128)interval_ns * wheel->tick_inverse) >> 64);
    uint64_t left = interval_ns - ticks * wheel->tick_ns;
    while (left >= wheel->tick_ns) {
        left -= wheel->tick_ns;
        ticks++;
    }
    *rest = left;
    return ticks;
}

// The tick at or after an instant.
static uint64_t tick_of_when(const mt_wheel_t *wheel, uint64_t when_ns) {
    if (when_ns <= wheel->origin_ns) return 0;
    uint64_t rest;
    uint64_t tick = ticks_in(wheel, when_ns - wheel->origin_ns, &rest);
    // Saturated at tick_ns 1 and the last instant: rest is 0 then, so nothing overflows.
    return tick + (rest != 0);
}

// The tick at or before an instant; 0 also before the origin, where tick 0 is not due yet: see take.
static uint64_t tick_of_now(const mt_wheel_t *wheel, uint64_t now_ns) {
    uint64_t rest;
    return now_ns <= wheel->origin_ns ? 0 : ticks_in(wheel, now_ns - wheel->origin_ns, &rest);
}

static uint64_t instant_of(const mt_wheel_t *wheel, uint64_t tick) {
    uint64_t interval_ns, instant_ns;
    if (__builtin_mul_overflow(tick, wheel->tick_ns, &interval_ns) ||
        __builtin_add_overflow(wheel->origin_ns, interval_ns, &instant_ns))
        return MT_FOREVER;
    return instant_ns;
}

uint64_t mt__wheel_due_ns(const mt_wheel_t *wheel, uint64_t when_ns) {
    return instant_of(wheel, tick_of_when(wheel, when_ns));
}

static uint32_t digit(uint64_t tick, uint32_t level) {
    return (uint32_t)(tick >> (MT_WHEEL_BITS * level)) & (MT_WHEEL_SLOTS - 1);
}

// The first tick of a bucket: the digits of current above the level, the slot, zeros.
static uint64_t start_of(const mt_wheel_t *wheel, uint32_t level, uint32_t slot) {
    uint32_t shift = MT_WHEEL_BITS * level, above = shift + MT_WHEEL_BITS;
    uint64_t high = above < 64 ? wheel->current >> above << above : 0;
    return high | (uint64_t)slot << shift;
}

// A bucket's name: what the links at its ends hold.
static uint32_t bucket_name(uint32_t level, uint32_t slot) { return MT_WHEEL_END | level << MT_WHEEL_BITS | slot; }

static mt_wheel_bucket_t *bucket_named(mt_wheel_t *wheel, uint32_t name) {
    uint32_t place = name & ~MT_WHEEL_END;
    return &wheel->bucket[place >> MT_WHEEL_BITS][place & (MT_WHEEL_SLOTS - 1)];
}

// Where a tick belongs now. An overdue one belongs to the current tick.
static uint32_t place_of(const mt_wheel_t *wheel, uint64_t tick) {
    if (tick <= wheel->current) return bucket_name(0, digit(wheel->current, 0));
    uint32_t level = (63 - (uint32_t)__builtin_clzll(tick ^ wheel->current)) / MT_WHEEL_BITS;
    return bucket_name(level, digit(tick, level));
}

static void append(mt_wheel_t *wheel, uint32_t name, uint32_t index) {
    mt_wheel_bucket_t *bucket = bucket_named(wheel, name);
    mt_wheel_node_t *node = mt__wheel_node(wheel, index);
    node->next = name;
    if (bucket->last) {
        node->prev = bucket->last;
        mt__wheel_node(wheel, bucket->last)->next = index;
    } else {
        uint32_t place = name & ~MT_WHEEL_END, level = place >> MT_WHEEL_BITS;
        node->prev = name;
        bucket->first = index;
        wheel->bitmap[level] |= UINT64_C(1) << (place & (MT_WHEEL_SLOTS - 1));
        wheel->occupied |= 1u << level;
    }
    bucket->last = index;
}

static void bucket_emptied(mt_wheel_t *wheel, uint32_t name) {
    uint32_t place = name & ~MT_WHEEL_END, level = place >> MT_WHEEL_BITS;
    wheel->bitmap[level] &= ~(UINT64_C(1) << (place & (MT_WHEEL_SLOTS - 1)));
    if (wheel->bitmap[level] == 0) wheel->occupied &= ~(1u << level);
}

static void detach(mt_wheel_t *wheel, mt_wheel_node_t *node) {
    uint32_t next = node->next, prev = node->prev;
    if (next & MT_WHEEL_END) bucket_named(wheel, next)->last = prev & MT_WHEEL_END ? 0 : prev;
    else mt__wheel_node(wheel, next)->prev = prev;
    if (prev & MT_WHEEL_END) {
        bucket_named(wheel, prev)->first = next & MT_WHEEL_END ? 0 : next;
        if (next & MT_WHEEL_END) bucket_emptied(wheel, prev);
    } else {
        mt__wheel_node(wheel, prev)->next = next;
    }
    node->prev = 0;
}

uint64_t mt__wheel_link(mt_wheel_t *wheel, uint32_t index) {
    uint64_t tick = tick_of_when(wheel, mt__wheel_node(wheel, index)->when_ns);
    append(wheel, place_of(wheel, tick), index);
    wheel->count++;
    return instant_of(wheel, tick);
}

void mt__wheel_unlink(mt_wheel_t *wheel, uint32_t index) {
    detach(wheel, mt__wheel_node(wheel, index));
    wheel->count--;
}

// Sorts nodes of the bucket at current down, at most *moves; true when it is empty.
static bool cascade(mt_wheel_t *wheel, uint32_t *moves) {
    uint32_t level = wheel->cascading;
    mt_wheel_bucket_t *bucket = &wheel->bucket[level][digit(wheel->current, level)];
    while (bucket->first) {
        if (*moves == 0) return false;
        --*moves;
        uint32_t index = bucket->first;
        mt_wheel_node_t *node = mt__wheel_node(wheel, index);
        if (!(node->next & MT_WHEEL_END)) __builtin_prefetch(mt__wheel_node(wheel, node->next), 1);
        detach(wheel, node);
        append(wheel, place_of(wheel, tick_of_when(wheel, node->when_ns)), index);
    }
    wheel->cascading = 0;
    return true;
}

uint32_t mt__wheel_take(mt_wheel_t *wheel, uint64_t now_ns, uint32_t *out, uint32_t max) {
    if (now_ns < wheel->origin_ns) return 0;
    uint64_t now = tick_of_now(wheel, now_ns);
    uint32_t taken = 0, moves = MT_WHEEL_MOVES_MAX;
    while (taken < max) {
        // Unfinished sorting comes first: the bucket may hold what is due before all else.
        if (wheel->cascading && !cascade(wheel, &moves)) break;
        uint32_t level = 0, slot = 0;
        uint64_t start = UINT64_MAX;
        if (wheel->occupied) {
            level = (uint32_t)__builtin_ctz(wheel->occupied);
            slot = (uint32_t)__builtin_ctzll(wheel->bitmap[level]);
            start = start_of(wheel, level, slot);
        }
        if (!wheel->occupied || start > now) {
            if (now > wheel->current) wheel->current = now;
            break;
        }
        wheel->current = start;
        if (level) {
            wheel->cascading = level;
            continue;
        }
        uint32_t index = wheel->bucket[0][slot].first;
        if (MT_UNLIKELY(wheel->choose)) index = wheel->choose(wheel->choose_context, wheel, index);
        mt_wheel_node_t *node = mt__wheel_node(wheel, index);
        if (!(node->next & MT_WHEEL_END)) __builtin_prefetch(mt__wheel_node(wheel, node->next), 1);
        detach(wheel, node);
        wheel->count--;
        out[taken++] = index;
    }
    return taken;
}

uint64_t mt__wheel_next_ns(const mt_wheel_t *wheel) {
    if (wheel->cascading) return instant_of(wheel, wheel->current);
    if (!wheel->occupied) return MT_FOREVER;
    uint32_t level = (uint32_t)__builtin_ctz(wheel->occupied);
    uint32_t slot = (uint32_t)__builtin_ctzll(wheel->bitmap[level]);
    uint64_t start = start_of(wheel, level, slot);
    if (level == 0) return instant_of(wheel, start);
    // A few nodes: the exact instant spares wake-ups that would only sort.
    uint64_t first_ns = MT_FOREVER;
    uint32_t index = wheel->bucket[level][slot].first;
    for (uint32_t seen = 0; !(index & MT_WHEEL_END); seen++) {
        if (seen == MT_WHEEL_SCAN_MAX) return instant_of(wheel, start);
        mt_wheel_node_t *node = mt__wheel_node(wheel, index);
        if (node->when_ns < first_ns) first_ns = node->when_ns;
        index = node->next;
    }
    return mt__wheel_due_ns(wheel, first_ns);
}

uint32_t mt__wheel_any(const mt_wheel_t *wheel) {
    if (!wheel->occupied) return 0;
    uint32_t level = (uint32_t)__builtin_ctz(wheel->occupied);
    return wheel->bucket[level][__builtin_ctzll(wheel->bitmap[level])].first;
}

// Every link of one bucket and the place of its nodes; returns its length.
static uint64_t check_bucket(const mt_wheel_t *wheel, uint32_t level, uint32_t slot,
                             void (*visitor)(void *context, uint32_t index), void *context) {
    const mt_wheel_bucket_t *bucket = &wheel->bucket[level][slot];
    uint32_t name = bucket_name(level, slot), prev = name, index = bucket->first;
    bool draining = wheel->cascading == level && level && slot == digit(wheel->current, level);
    uint64_t length = 0;
    if (!index) {
        MT_ASSERT(!bucket->last);
        return 0;
    }
    while (index != name) {
        MT_ASSERT(!(index & MT_WHEEL_END) && index != 0 && ++length <= wheel->count);
        const mt_wheel_node_t *node = mt__wheel_node(wheel, index);
        uint64_t tick = tick_of_when(wheel, node->when_ns);
        MT_ASSERT(node->prev == prev);
        MT_ASSERT(draining ? tick >= wheel->current && digit(tick, level) == slot : place_of(wheel, tick) == name);
        prev = index;
        index = node->next;
    }
    MT_ASSERT(bucket->last == prev);
    // Last, because a visitor may look at anything.
    for (index = visitor ? bucket->first : name; index != name; index = mt__wheel_node(wheel, index)->next)
        visitor(context, index);
    return length;
}

void mt__wheel_check(const mt_wheel_t *wheel, void (*visitor)(void *context, uint32_t index), void *context) {
    uint64_t count = 0;
    for (uint32_t level = 0; level < MT_WHEEL_LEVELS; level++) {
        for (uint32_t slot = 0; slot < MT_WHEEL_SLOTS; slot++) {
            uint64_t length = check_bucket(wheel, level, slot, visitor, context);
            MT_ASSERT((length != 0) == (wheel->bitmap[level] >> slot & 1));
            count += length;
        }
        MT_ASSERT((wheel->bitmap[level] != 0) == (wheel->occupied >> level & 1));
    }
    MT_ASSERT(count == wheel->count);
}
