// SPDX-License-Identifier: Apache-2.0
// The hierarchical timer wheel: sorts nodes by the tick at which they are due. Pure: no lock, no clock, no allocation,
// no callback; the caller guards it, passes `now`, and owns the nodes.
//
// Overview. Time is cut into ticks, counted from the origin. `current` is a tick: all nodes of earlier ticks were taken
// out. A node of tick k lies at the level of the highest base-64 digit in which k differs from current, in the slot
// that this digit of k names; level 0 if they are equal.
//
//     k       = 0 0 2 7 31      current = 0 0 2 5 60      -> level 1, slot 7
//     level     4 3 2 1  0                      ^ differs first
//
// Why it is correct.
//   - All digits above its level are those of current, and the digit at its level is greater: so a bucket starts at a
//     tick that its slot and current tell, no bucket wraps, and the first bucket of the lowest level in use is the
//     first.
//   - current never passes the start of a bucket in use; while it stays before, no node's level changes. When it
//     reaches the start of a bucket of level 0, the bucket is due; above, the bucket is sorted into lower levels
//     (`cascading`), a bounded number of nodes at a time, before anything later moves. A node moves at most LEVELS
//     times.
//   - Never early: a node's tick is rounded up, now's tick down, and current <= now's tick when its bucket is taken.
//
// A bucket is a list, oldest first, so that timers of one tick fire in the order of arming as a rule. The links at its
// ends name the bucket: unlinking needs no search and no field for the place.
#ifndef MARTLET_SRC_WHEEL_H
#define MARTLET_SRC_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MT_WHEEL_BITS 6
#define MT_WHEEL_SLOTS 64
#define MT_WHEEL_LEVELS 11       // 66 bits: every instant at every tick
#define MT_WHEEL_STRIDE 64       // bytes from one node to the next
#define MT_WHEEL_MOVES_MAX 256   // nodes sorted down in one call of take: some 25 us of cache misses
#define MT_WHEEL_SCAN_MAX 8      // nodes of a coarse bucket looked at for the exact first instant
#define MT_WHEEL_END 0x80000000u // a link with this bit names a bucket; node indices stay below it

// Index 0 is no node. A node that is not linked has prev 0.
typedef struct mt_wheel_node {
    uint32_t next;    // index, or the bucket's name
    uint32_t prev;    // likewise
    uint64_t when_ns; // set by the caller before link, constant while linked
} mt_wheel_node_t;

typedef struct mt_wheel_bucket {
    uint32_t first, last; // 0: empty
} mt_wheel_bucket_t;

typedef struct mt_wheel mt_wheel_t;
struct mt_wheel {
    // Constant since init.
    unsigned char *nodes; // node i is at nodes + i * MT_WHEEL_STRIDE
    uint64_t origin_ns;
    uint64_t tick_ns;
    uint64_t tick_inverse; // floor((2^64 - 1) / tick_ns)
    // Guarded by the caller.
    uint64_t current;   // tick
    uint64_t count;     // nodes linked
    uint32_t occupied;  // bit l: level l has a bucket in use
    uint32_t cascading; // the level whose bucket at current is being sorted down; 0: none
    uint64_t bitmap[MT_WHEEL_LEVELS];
    mt_wheel_bucket_t bucket[MT_WHEEL_LEVELS][MT_WHEEL_SLOTS];
    // Of the nodes of one tick, listed from `first` on, the one to take next. NULL, the default: the first.
    uint32_t (*choose)(void *context, const mt_wheel_t *wheel, uint32_t first);
    void *choose_context;
};

_Static_assert(sizeof(mt_wheel_node_t) == 16, "a quarter of a timer item");
_Static_assert(MT_WHEEL_BITS *MT_WHEEL_LEVELS >= 64, "every tick has a place");

// An empty wheel. tick_ns is at least 1.
void mt__wheel_init(mt_wheel_t *wheel, void *nodes, uint64_t origin_ns, uint64_t tick_ns);

// The instant at which a node of this when_ns is due: rounded up to a tick; MT_FOREVER if that is beyond 64 bits.
uint64_t mt__wheel_due_ns(const mt_wheel_t *wheel, uint64_t when_ns);

// Links a node that is not linked; returns the instant at which it is due. O(1).
uint64_t mt__wheel_link(mt_wheel_t *wheel, uint32_t index);
// Unlinks a linked node. O(1).
void mt__wheel_unlink(mt_wheel_t *wheel, uint32_t index);

// Unlinks at most `max` nodes that are due at now_ns, in the order of their ticks, those of one tick in the order of
// linking unless `choose` says otherwise; returns how many it wrote to out.
// Stops as well after MT_WHEEL_MOVES_MAX moves: more may be due, and then next_ns says so. A now_ns before an earlier
// one takes nothing new.
uint32_t mt__wheel_take(mt_wheel_t *wheel, uint64_t now_ns, uint32_t *out, uint32_t max);
// The first instant at which take has something to do; no node is due before it. Exact unless the first bucket is a
// coarse one with more than MT_WHEEL_SCAN_MAX nodes: then its start. MT_FOREVER when empty.
uint64_t mt__wheel_next_ns(const mt_wheel_t *wheel);
// Any linked node, 0 if there is none. For teardown.
uint32_t mt__wheel_any(const mt_wheel_t *wheel);

// Calls visitor with each node; stops the program at a broken link, place, bitmap or count. visitor may be NULL.
void mt__wheel_check(const mt_wheel_t *wheel, void (*visitor)(void *context, uint32_t index), void *context);

static inline mt_wheel_node_t *mt__wheel_node(const mt_wheel_t *wheel, uint32_t index) {
    return (mt_wheel_node_t *)(void *)(wheel->nodes + (size_t)index * MT_WHEEL_STRIDE);
}

#endif
