// SPDX-License-Identifier: Apache-2.0
// The inside of mt_timers_t, shared by timer.c (arm, cancel), timer_expire.c (expire, driver) and timer_shards.c
// (create, destroy, statistics, check). timer.h has the contract.
//
//     item word   63            32 31      16 15      5   4     3   2    0
//                 | generation    | shard    | 0        |DELAY|REPT| state |
//
//     FREE --arm--> ARMED --expire, once----------------------------> FREE   generation + 1 on each way to FREE
//                     | \--cancel, owner, destroy------------------> FREE
//                     \--expire, repeated--> FIRING --settle-------> ARMED or FREE
//                                               \--cancel, owner---> ENDING --settle--> FREE
//     FREE --arm of a repeated timer--> EXTENSION --with its timer-> FREE   holds period and target; no ref names it
//
// Why it is correct. The word of an item changes only under the mutex of the shard it names (FREE items name their last
// one) or, from FREE, under the mutex of the shard that arms it. So a stranger reads the word, locks the shard it
// names, and reads again: same generation and shard, and the item stays as it is until the stranger unlocks. Shards and
// items are type-stable: whatever the stranger read, there is something to lock and to look at.
#ifndef MARTLET_SRC_TIMER_SHARD_H
#define MARTLET_SRC_TIMER_SHARD_H

#include "martlet/region.h"
#include "martlet/thread.h"
#include "martlet/timer.h"
#include "wheel.h"

#include <pthread.h>

// What an item is; the low bits of its word.
enum {
    MT_ITEM_FREE,
    MT_ITEM_ARMED,     // in the wheel
    MT_ITEM_FIRING,    // repeated, taken out by an expire that has yet to settle it
    MT_ITEM_ENDING,    // was FIRING when it was cancelled: settle ends it
    MT_ITEM_EXTENSION, // second item of a repeated timer
    MT_ITEM_STATE = 7,
    MT_ITEM_REPEATED = 8,
    MT_ITEM_DELAY = 16, // repeated by fixed delay
    MT_ITEM_KIND = MT_ITEM_REPEATED | MT_ITEM_DELAY,
};

// All but the word is guarded by the shard's mutex while the item is not FREE, and the armer's own before.
typedef struct mt_timer_item {
    mt_wheel_node_t node; // an extension: when_ns is the period
    // The list of the owner's timers. The region's link lies here while the item is free; its second half is read by
    // stale poppers of the depot, hence the atomic.
    uint32_t owner_next;
    mt_a32_t owner_prev;  // 0: *owner_head names this item
    uint32_t *owner_head; // NULL: in no list
    const mt_timer_ops_t *ops;
    void *payload;
    uint64_t target; // a repeated timer: index of its extension, whose target is the true one
    // Read by strangers, see timer.c:lock_ref.
    mt_a64_t word;
} mt_timer_item_t;

_Static_assert(sizeof(mt_timer_item_t) == MT_TIMER_ITEM_SIZE && MT_TIMER_ITEM_SIZE == MT_WHEEL_STRIDE,
               "one line an item");
_Static_assert(offsetof(mt_timer_item_t, owner_next) == MT_TIMER_ITEM_LINK, "the link overlays the owner's list");
_Static_assert(offsetof(mt_timer_item_t, owner_prev) - MT_TIMER_ITEM_LINK == offsetof(mt_region_link_t, next_batch),
               "what stale poppers read is atomic here too");
_Static_assert(offsetof(mt_timer_item_t, node) == 0, "the wheel's node comes first");
_Static_assert(MT_TIMER_SHARDS_MAX <= 65536, "the shard fits its bits of the word");
_Static_assert(MT_TIMER_ITEMS_MAX <= MT_WHEEL_END, "indices and bucket names are told apart by the top bit");

// Written under the mutex, by bump; read by anyone.
typedef struct mt_shard_stats {
    mt_a64_t live, armed, fired, cancelled, dropped, lateness_ns;
} mt_shard_stats_t;

// The environment's clock, copied: it outlives the runtime.
typedef struct mt_shard_clock {
    uint64_t (*now_ns)(void *context);
    void *context;
} mt_shard_clock_t;

typedef struct mt_timer_shard {
    // Written under the mutex, seldom; read by every worker each turn. First instant with work, or earlier.
    mt_a64_t due;
    unsigned char pad_due[MT_CACHE_LINE - sizeof(mt_a64_t)];
    // Taken by everybody.
    pthread_mutex_t mutex;
    // Written at adoption, under the mutex (id: once).
    mt_shard_clock_t clock;
    uint32_t id;
    // Guarded by the mutex.
    bool is_open; // false: its timers were destroyed, nothing is armed
    mt_shard_stats_t stats;
    uint64_t firing; // items FIRING or ENDING
    mt_wheel_t wheel;
    unsigned char pad[MT_CACHE_LINE];
} mt_timer_shard_t;

struct mt_timers {
    // Constant since create.
    void (*wake)(void *context);
    void *context;
    uint32_t shard_mask;
    uint32_t batch_max;                           // timers taken out in one hold
    uint32_t (*below)(void *context, uint32_t n); // chooses among timers of one tick; NULL: the first
    void *below_context;
    mt_timers_t *next_destroyed; // guarded by timer_shards.c's mutex
    unsigned char pad_constant[MT_CACHE_LINE - 48];
    // Written by the driver; read by whoever lowers a due. The instant the driver sleeps until; 0: nobody sleeps.
    mt_a64_t driver;
    unsigned char pad_driver[MT_CACHE_LINE - sizeof(mt_a64_t)];
    // Written by every expire; a hint: the shard to begin with.
    mt_a32_t cursor;
    unsigned char pad_cursor[MT_CACHE_LINE - sizeof(mt_a32_t)];
    // Constant since create.
    mt_timer_shard_t *shards[];
};

static inline mt_timer_item_t *mt__timer_item(uint32_t index) { return mt_region_at(&mt_timer_items, index); }

static inline uint64_t mt__timer_word(uint64_t generation, uint32_t shard, uint32_t flags) {
    return generation << 32 | (uint64_t)shard << 16 | flags;
}
static inline uint32_t mt__timer_generation(uint64_t word) { return (uint32_t)(word >> 32); }
static inline uint32_t mt__timer_shard_id(uint64_t word) { return (uint32_t)(word >> 16) & 0xffff; }
static inline uint32_t mt__timer_state(uint64_t word) { return (uint32_t)word & MT_ITEM_STATE; }

// The word of an item whose shard's mutex the caller holds, or of a free item that is the caller's. relaxed: the mutex
// (or the region's hand-over) orders it.
static inline uint64_t mt__timer_word_held(const mt_timer_item_t *item) { return mt_a64_load_rlx(&item->word); }

// Changes the flags and the shard of a word, not the generation. Under the mutex. release: pairs with the acquire in
// timer.c:lock_ref, which says what it is for.
static inline void mt__timer_set_word(mt_timer_item_t *item, uint32_t shard, uint32_t flags) {
    uint64_t word = mt__timer_word_held(item);
    mt_a64_store_rel(&item->word, mt__timer_word(mt__timer_generation(word), shard, flags));
}

// The shard of an owner, or of a target without one. Slot indices are dense: the low bits spread them.
static inline mt_timer_shard_t *mt__timer_shard_of(const mt_timers_t *timers, uint64_t key) {
    return timers->shards[(uint32_t)key & timers->shard_mask];
}

static inline void mt__shard_lock(mt_timer_shard_t *shard) { pthread_mutex_lock(&shard->mutex); }
static inline bool mt__shard_trylock(mt_timer_shard_t *shard) { return pthread_mutex_trylock(&shard->mutex) == 0; }
static inline void mt__shard_unlock(mt_timer_shard_t *shard) { pthread_mutex_unlock(&shard->mutex); }

// Lowers due to an instant; true if it was later. Under the mutex. The xchg is the first half of the Dekker pair
//     arm: due = d; read driver   ||   driver: driver = d'; read due
// whose other half is mt_timers_driver_enter: either the armer sees the driver's instant and wakes it, or the driver
// sees the new due and does not sleep past it. acquire-release would let both read the old values: a timer slept over.
static inline bool mt__shard_lower_due(mt_timer_shard_t *shard, uint64_t due_ns) {
    // relaxed: due is written under the mutex only.
    if (due_ns >= mt_a64_load_rlx(&shard->due)) return false;
    mt_a64_xchg_sc(&shard->due, due_ns);
    return true;
}

// Whether the driver sleeps past an instant that lower_due has just published: then wake it, after unlocking.
static inline bool mt__timers_driver_sleeps_past(const mt_timers_t *timers, uint64_t due_ns) {
    // sc: second half of the armer's side of the Dekker pair above.
    return due_ns < mt_a64_load_sc(&timers->driver);
}

// A copy of what the callbacks are told. Under the mutex.
static inline mt_timer_event_t mt__timer_event(const mt_timer_item_t *item, uint32_t index) {
    uint64_t word = mt__timer_word_held(item);
    bool repeated = word & MT_ITEM_REPEATED;
    return (mt_timer_event_t){.ops = item->ops,
                              .payload = item->payload,
                              .target = repeated ? mt__timer_item((uint32_t)item->target)->target : item->target,
                              .ref = (uint64_t)mt__timer_generation(word) << 32 | index,
                              .when_ns = item->node.when_ns};
}

static inline void mt__timer_drop(mt_timer_event_t *event) { event->ops->drop(event); }

// Items on their way back to the region: chained under the mutex, given after it, since giving may block.
typedef struct mt_item_chain {
    uint32_t first; // linked by node.next, 0 ends
} mt_item_chain_t;

// timer.c
// Takes an item out of its owner's list. Under the mutex.
void mt__timer_disown(mt_timer_item_t *item);
// Makes an item that is in no wheel and no list FREE under a new generation and chains it, with its extension. Under
// the mutex.
void mt__timer_free(mt_timer_item_t *item, uint32_t index, mt_item_chain_t *chain);
// Gives a chain back. No lock held.
void mt__timer_give(mt_item_chain_t *chain);

// timer_shards.c
// The shard of this id; NULL if there never was one.
mt_timer_shard_t *mt__shard_at(uint32_t id);

#endif
