// SPDX-License-Identifier: Apache-2.0
// The node pool: slow paths of the magazines, retention, accounting. A magazine that runs empty swaps its batches, pops
// the depot, then asks the slabs; one that runs full swaps, then pushes a batch to the depot or, over the limit, to the
// slabs.
#include "pool.h"

#include "depot.h"
#include "slab.h"

#include <stdlib.h>

// Free nodes a class keeps in its depot: a burst of 262,144 small messages runs without slabs and page faults, and the
// five classes together hold 80 MiB at most. What is over it goes back to the system.
#define DEPOT_BYTES_MAX (16u << 20)

// One class, on a line of its own: any thread changes it.
typedef struct {
    mt_depot_t depot;
    unsigned char pad[64 - sizeof(mt_depot_t)];
} node_depot_t;
static node_depot_t depots[MT_NODE_CLASSES] __attribute__((aligned(64)));

// The link to the next batch is the node's `next`: holders of a node change it by atomics only, as a stale popper may
// read it. As a number, not as a pointer: nobody follows it but through the depot.
static uint32_t load_link(const void *space, uint32_t index) {
    (void)space;
    return (uint32_t)(uintptr_t)mt_aptr_load_rlx(&mt__node_at(index)->next);
}
static void store_link(const void *space, uint32_t index, uint32_t next) {
    (void)space;
    mt_aptr_store_rlx(&mt__node_at(index)->next, (void *)(uintptr_t)next);
}
static const mt__link_ops_t node_links = {load_link, store_link};

static uint32_t batches_max(uint32_t size_class) { return DEPOT_BYTES_MAX / (MT_BATCH * MT_NODE_SIZE(size_class)); }

static mt_node_t *pop_batch(uint32_t size_class) {
    uint32_t index = mt__depot_pop(&depots[size_class].depot, &node_links, NULL);
    return index ? mt__node_at(index) : NULL;
}

// Takes a full batch out of a thread's hands.
static void push_batch(uint32_t size_class, mt_node_t *batch) {
    mt_depot_t *depot = &depots[size_class].depot;
    // relaxed: a hint; threads that read it at once overshoot by a batch each.
    if (mt_a32_load_rlx(&depot->count) >= batches_max(size_class)) {
        mt__slab_give(batch);
    } else {
        mt__depot_push(depot, &node_links, NULL, mt__node_index(batch));
    }
}

mt_node_t *mt__node_alloc_slow(mt_thread_t *thread, uint32_t size_class) {
    mt_node_magazine_t *magazine = &thread->nodes[size_class];
    uint32_t count = MT_BATCH;
    mt_node_t *node = magazine->previous;
    magazine->previous = NULL;
    if (!node) node = pop_batch(size_class);
    if (!node && !mt_alloc_refused()) node = mt__slab_take(size_class, &count);
    if (!node) return NULL;
    mt_a64_bump(&magazine->drawn, count);
    mt_a32_store_rlx(&magazine->count, count - 1); // relaxed: a statistic to everyone else
    magazine->loaded = mt__node_link(node);
    MT_UNPOISON(node->payload, MT_NODE_SIZE(size_class) - MT_NODE_HEADER);
    return node;
}

void mt__node_free_slow(mt_thread_t *thread, mt_node_t *node) {
    uint32_t size_class = node->size_class;
    mt_node_magazine_t *magazine = &thread->nodes[size_class];
    if (magazine->previous) push_batch(size_class, magazine->previous);
    magazine->previous = magazine->loaded;
    mt_a64_bump(&magazine->drawn, (uint64_t)-MT_BATCH);
    MT_POISON(node->payload, MT_NODE_SIZE(size_class) - MT_NODE_HEADER);
    mt__node_set_link(node, NULL);
    magazine->loaded = node;
    mt_a32_store_rlx(&magazine->count, 1); // relaxed: a statistic to everyone else
}

void mt__pool_flush(mt_thread_t *thread) {
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) {
        mt_node_magazine_t *magazine = &thread->nodes[size_class];
        if (magazine->previous) push_batch(size_class, magazine->previous);
        magazine->previous = NULL;
        uint32_t count = mt_a32_load_rlx(&magazine->count); // relaxed: only this thread writes it
        if (count == 0) continue;
        mt_a64_bump(&magazine->drawn, (uint64_t)0 - count);
        mt_a32_store_rlx(&magazine->count, 0);
        mt_node_t *list = magazine->loaded;
        magazine->loaded = NULL;
        // The depot takes full batches only.
        if (count == MT_BATCH) {
            push_batch(size_class, list);
        } else {
            mt__slab_give(list);
        }
    }
}

void mt_pool_trim(void) {
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) {
        // As many as there are now, so that busy threads cannot keep us here.
        uint32_t batches = mt_a32_load_rlx(&depots[size_class].depot.count);
        for (; batches > 0; batches--) {
            mt_node_t *batch = pop_batch(size_class);
            if (!batch) break;
            mt__slab_give(batch);
        }
    }
    mt__slab_trim();
}

typedef struct {
    uint32_t size_class;
    uint64_t live;
} live_sum_t;

static void add_live(void *context, mt_thread_t *thread) {
    live_sum_t *sum = context;
    const mt_node_magazine_t *magazine = &thread->nodes[sum->size_class];
    // relaxed: exact only when nobody writes, and then something else has ordered us behind the writers.
    sum->live += mt_a64_load_rlx(&magazine->drawn) - mt_a32_load_rlx(&magazine->count);
}

uint64_t mt_pool_live(uint32_t size_class) {
    MT_ASSERT(size_class < MT_NODE_CLASSES);
    live_sum_t sum = {.size_class = size_class};
    mt_thread_for_each(add_live, &sum);
    return sum.live;
}

uint64_t mt_pool_cached_bytes(void) {
    uint64_t bytes = 0;
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++)
        bytes += (uint64_t)mt_a32_load_rlx(&depots[size_class].depot.count) * MT_BATCH * MT_NODE_SIZE(size_class);
    return bytes;
}

uint64_t mt_pool_resident_bytes(void) { return mt__slab_resident_bytes(); }

typedef struct {
    unsigned char *seen; // by node index: found in a batch or in a slab's free list
    uint64_t idle[MT_NODE_CLASSES];
} check_t;

static void check_batch(check_t *check, uint32_t size_class, const mt_node_t *first, uint32_t count) {
    uint32_t found = 0;
    for (const mt_node_t *node = first; node; node = mt__node_link(node)) {
        MT_ASSERT(node->size_class == size_class);
        MT_ASSERT(!check->seen[mt__node_index(node)]);
        check->seen[mt__node_index(node)] = 1;
        found++;
    }
    MT_ASSERT(found == count);
    check->idle[size_class] += count;
}

static void check_thread(void *context, mt_thread_t *thread) {
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) {
        const mt_node_magazine_t *magazine = &thread->nodes[size_class];
        check_batch(context, size_class, magazine->loaded, mt_a32_load_rlx(&magazine->count));
        if (magazine->previous) check_batch(context, size_class, magazine->previous, MT_BATCH);
    }
}

void mt_pool_check(void) {
    check_t check = {.seen = calloc(mt__slab_index_end() + 1, 1)};
    MT_ASSERT(check.seen != NULL);
    uint64_t outside[MT_NODE_CLASSES] = {0};
    mt__slab_check(check.seen, outside);
    mt_thread_for_each(check_thread, &check);
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) {
        const mt_depot_t *depot = &depots[size_class].depot;
        uint32_t batches = 0;
        for (uint32_t index = mt__depot_top(depot); index; index = load_link(NULL, index)) {
            check_batch(&check, size_class, mt__node_at(index), MT_BATCH);
            batches++;
        }
        MT_ASSERT(batches == mt_a32_load_rlx(&depot->count));
        MT_ASSERT(outside[size_class] == check.idle[size_class] + mt_pool_live(size_class));
    }
    free(check.seen);
}
