// SPDX-License-Identifier: Apache-2.0
// The depot: a lock-free stack of full batches of free items, shared by all threads. It knows items by index and their
// link to the next batch by two functions, since nodes and region items keep it in different places.
//
//     top {tag:32 | index:32} --> first item of a batch --next batch--> first item of a batch --> 0
//
// Contract: push gives up the batch and everything written in its items; pop receives both. Lock-free; any thread.
//
// Why it is correct. Between a popper's read of a link and its CAS, others may pop that batch, use its items and push
// it again (ABA). The tag grows with every push and pop, so the CAS fails then, and what the link said is not used.
// (The tag would have to go round, 2^32 exchanges or a minute of nothing else, within one such gap and stop at the same
// value and the same item.) Reading the link of a batch that is gone is harmless: items stay mapped, and the link is an
// atomic that holders of the item write by atomics only. A mutex would do as well (one visit for 64 operations, 7 ns
// uncontended), but on two cores its holder is now and then preempted, and then every thread that allocates sleeps.
//
//            | push                                | pop
//     push   | CAS on top                          | CAS on top
//     pop    | CAS; link published by push's CAS   | CAS; stale link read, discarded by the tag
#ifndef MARTLET_SRC_DEPOT_H
#define MARTLET_SRC_DEPOT_H

#include "martlet/magazine.h"

// Where items keep the link to the next batch. Both relaxed: the CAS on top orders them.
typedef struct mt__link_ops {
    uint32_t (*load)(const void *space, uint32_t index);
    void (*store)(const void *space, uint32_t index, uint32_t next);
} mt__link_ops_t;

// Adds the full batch that begins with item `index`. Any thread, lock-free.
void mt__depot_push(mt_depot_t *depot, const mt__link_ops_t *links, const void *space, uint32_t index);

// Takes a batch: its first item, or 0 when there is none. Any thread, lock-free.
uint32_t mt__depot_pop(mt_depot_t *depot, const mt__link_ops_t *links, const void *space);

// First item of the top batch, 0 if none. For checks, when nothing else runs.
static inline uint32_t mt__depot_top(const mt_depot_t *depot) { return (uint32_t)mt_a64_load_acq(&depot->top); }

#endif
