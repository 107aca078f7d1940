// SPDX-License-Identifier: Apache-2.0
// Regions: index-addressed, type-stable memory for process slots, reply slots and timers. An item once handed out is
// never returned to the system, and take and give touch nothing of it but its free-list link: a stranger with a stale
// or forged index may look at the generation words of an item at any time, after mt_region_contains_index.
//
//     reserved   |0|1|2|...                                              | items_max, PROT_NONE
//     committed  |##################|  readable, fresh items are zero      grows in steps of MT_REGION_STEP
//     carved     |###########|         handed to magazines at least once
//
// Index 0 is never handed out; it is readable and stays zero.
//
// Who may run together with whom: take and give of different magazines, at, index, contains_index, init and live with
// everything; take and give of one magazine only on its thread; check only when nothing else runs.
#ifndef MARTLET_REGION_H
#define MARTLET_REGION_H

#include "atomic.h"
#include "magazine.h"
#include "status.h"

// Bytes made readable at a time: a huge page, where the kernel gives any, from the second on; 8,192 process slots.
#define MT_REGION_STEP (2u * 1024u * 1024u)
// A region that cannot reserve so many items (or all it was asked for) is no use: init fails.
#define MT_REGION_ITEMS_MIN 65536u

// The free-list link inside an item, at link_offset. Meaningful only while the item is free.
typedef struct mt_region_link {
    uint32_t next;       // next item of the batch; owned by whoever holds the batch
    mt_a32_t next_batch; // in the first item of a batch in the depot; read by stale poppers too, hence atomic
} mt_region_link_t;
_Static_assert(sizeof(mt_region_link_t) == 8, "items set 8 bytes aside");

// Zero-initialised storage is a region that is not initialised yet.
typedef struct mt_region {
    // Written once, by the first mt_region_init; published by `ready` and `committed`.
    unsigned char *base;
    const char *name;
    uint64_t index_factor; // item_size = odd << index_shift; the inverse of odd modulo 2^64
    uint32_t index_shift;
    uint32_t item_size;
    uint32_t link_offset;
    uint32_t items_max;
    mt_a32_t ready;
    // Written under the regions' mutex; committed read by anyone.
    mt_a32_t committed; // items that are readable, index 0 included
    uint32_t carved;    // items ever put in a batch, index 0 included
    uint32_t loose;     // a list of less than MT_BATCH items, left by ended threads
    uint32_t loose_count;
    uint32_t unused;
    mt_magazine_t *magazines;
    uint64_t drawn; // of magazines no longer in the list; signed
    // Any thread writes; on lines of its own.
    unsigned char pad_before[64];
    mt_depot_t depot;
    unsigned char pad_after[64];
} mt_region_t;

// The process-wide regions: process slots (slot.h), reply slots (reply.h), timers (timer.h), ties (tie.h). Never freed.
extern mt_region_t mt_slots;
extern mt_region_t mt_replies;
extern mt_region_t mt_timer_items;
extern mt_region_t mt_ties;
extern mt_region_t mt_requests;

// Reserves address space for items_max items, or for half, a quarter, ... where the system refuses. Does nothing when
// the region is initialised. item_size is a multiple of 8 and link_offset of 4. `name` is never freed. Any thread;
// blocks. MT_OK, MT_NO_MEMORY or MT_INVALID.
mt_status_t mt_region_init(mt_region_t *region, const char *name, uint32_t item_size, uint32_t link_offset,
                           uint32_t items_max);

// Address of an item whose index was handed out or passed mt_region_contains_index. Any thread, wait-free.
static inline void *mt_region_at(const mt_region_t *region, uint32_t index) {
    // Plain reads: base and item_size are constant since init, and an index comes from after that.
    return region->base + (uint64_t)index * region->item_size;
}

// Index of an item by its address. The offset is a multiple of item_size, so dividing is multiplying by the inverse.
// Any thread, wait-free.
static inline uint32_t mt_region_index(const mt_region_t *region, const void *item) {
    uint64_t offset = (uint64_t)((const unsigned char *)item - region->base);
    return (uint32_t)((offset >> region->index_shift) * region->index_factor);
}

// Whether the memory of this index can be looked at, whatever it is: forged, stale or good. Any thread, wait-free.
static inline bool mt_region_contains_index(const mt_region_t *region, uint32_t index) {
    // acquire: pairs with the release in region.c:commit_step, publishes base, item_size and the pages' protection.
    return index < mt_a32_load_acq(&region->committed);
}

static inline mt_region_link_t *mt__region_link(const mt_region_t *region, uint32_t index) {
    return (mt_region_link_t *)((unsigned char *)mt_region_at(region, index) + region->link_offset);
}
uint32_t mt__region_take_slow(mt_region_t *region, mt_magazine_t *magazine);
void mt__region_give_slow(mt_region_t *region, mt_magazine_t *magazine, uint32_t index);

// Takes an item; its content is as its last holder left it, zero if there was none, except for the link. 0: out of
// memory, or all items_max are in use. Owner of the magazine; lock-free while a depot has stock, else blocks briefly.
static inline uint32_t mt_region_take(mt_region_t *region, mt_magazine_t *magazine) {
    uint32_t index = magazine->loaded;
    if (MT_UNLIKELY(index == 0)) return mt__region_take_slow(region, magazine);
    magazine->loaded = mt__region_link(region, index)->next;
    mt_a32_bump(&magazine->count, (uint32_t)-1);
    return index;
}

// Gives an item back; the caller has already changed its generation. Owner of the magazine, lock-free but for the
// magazine's first use.
static inline void mt_region_give(mt_region_t *region, mt_magazine_t *magazine, uint32_t index) {
    // relaxed: only this thread writes count.
    uint32_t count = mt_a32_load_rlx(&magazine->count);
    // A magazine that never took is not in the region's list yet.
    if (MT_UNLIKELY(count == MT_BATCH || magazine->region != region)) {
        mt__region_give_slow(region, magazine, index);
        return;
    }
    mt__region_link(region, index)->next = magazine->loaded;
    magazine->loaded = index;
    mt_a32_store_rlx(&magazine->count, count + 1);
}

// Gives the whole stock of a magazine back. Owner of the magazine; blocks briefly.
void mt_region_flush(mt_region_t *region, mt_magazine_t *magazine);

// Flushes a magazine and takes it out of the region's list, so that its storage may end. Owner of the magazine; blocks.
void mt_region_forget(mt_region_t *region, mt_magazine_t *magazine);

// Items taken less items given; exact when no thread takes or gives. Any thread; blocks briefly.
uint64_t mt_region_live(mt_region_t *region);
// Bytes of the items ever handed out: they stay resident. Any thread; blocks briefly.
uint64_t mt_region_resident_bytes(mt_region_t *region);

// Asserts the invariants: every carved item is in use or in exactly one batch, and batches in the depot are full.
// Nothing else may run on the region.
void mt_region_check(mt_region_t *region);

#endif
