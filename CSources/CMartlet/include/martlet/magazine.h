// SPDX-License-Identifier: Apache-2.0
// Magazines and depots, the types: what pool.h, region.h and thread.h share.
//
// A magazine is a thread's private stock of free items in two batches: `loaded`, from which it takes and to which it
// gives, and `previous`, empty or full. A thread that works at the edge of a batch swaps the two instead of visiting
// the depot, so there is one exchange for at least MT_BATCH operations (Bonwick and Adams, 2001). A batch is a list
// through the free items. The depot is a lock-free stack of full batches (src/depot.h).
//
//     loaded --> item --> item --> item       count = 3           depot.top --> [64 items]
//     previous --> item --> ... (64)                                                | next batch
//                                                                               [64 items] --> 0
//
// A batch as an array of pointers, Bonwick's way, leaves free nodes untouched, but needs objects for the batches; it
// was tried for message nodes and measured the same (27 ns from thread to thread, 9 ns in bursts on one thread).
//
// Only the owning thread touches a magazine; `count` and `drawn` are atomics because others add them up. No counter of
// operations is needed: whoever took an item out of `loaded` has it, so the items in use are drawn - count.
#ifndef MARTLET_MAGAZINE_H
#define MARTLET_MAGAZINE_H

#include "atomic.h"

// Items of a full batch: the exchange (about 20 ns) is noise over 64 operations, and a thread hoards at most 128 items.
#ifndef MT_BATCH
#define MT_BATCH 64
#endif

// {tag:32 | index of the first item of the top batch:32}, 0 index: empty. Any thread.
typedef struct mt_depot {
    mt_a64_t top;
    mt_a32_t count; // batches; a hint while others work
    uint32_t unused;
} mt_depot_t;

// A thread's stock of one region's items, by index; 0: none.
typedef struct mt_magazine {
    uint32_t loaded;
    uint32_t previous; // 0 or the first of MT_BATCH items
    mt_a32_t count;    // items in loaded
    uint32_t unused;
    mt_a64_t drawn;           // items ever moved into loaded less those moved out by the batch; signed
    struct mt_region *region; // set while it is in the region's list
    struct mt_magazine *next; // in the region's list; guarded by the regions' mutex
} mt_magazine_t;

// A thread's stock of one class of message nodes; linked through mt_node_t.ops.
typedef struct mt_node_magazine {
    struct mt_node *loaded;
    struct mt_node *previous; // NULL or the first of MT_BATCH nodes
    mt_a32_t count;           // nodes in loaded
    uint32_t unused;
    mt_a64_t drawn; // nodes ever moved into loaded less those moved out by the batch; signed
} mt_node_magazine_t;

#endif
