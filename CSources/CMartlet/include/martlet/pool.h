// SPDX-License-Identifier: Apache-2.0
// The pool of message nodes. Five size classes; the consumer of a message frees what its producer allocated, so free
// nodes travel in batches: magazine -> depot -> magazine, and past a limit back to their slab and to the system.
//
//     thread A's magazine --full batch--> depot (lock-free, <= 16 MiB a class) --> thread B's magazine
//                                            | surplus, trim, ended threads   ^ when empty
//                                            v                                |
//                                         slabs of 64 KiB (mutex); a slab with no node in use gives its pages back
//
// A node's address stays mapped for ever, but its content is gone when it is free: nobody may look at a free node but
// the depot, which reads `next` alone and by an atomic (src/depot.h). MT_POISON_NODES (memory.h) poisons free payloads.
//
// Synchronisation: alloc and free touch the calling thread's record only; everything else may run at any time, except
// check, which wants quiet.
#ifndef MARTLET_POOL_H
#define MARTLET_POOL_H

#include "memory.h"
#include "node.h"
#include "thread.h"

// Bytes of a node of a class, header included: 64, 128, 256, 512, 1024. All begin at 64-byte boundaries.
#define MT_NODE_SIZE(size_class) (64u << (size_class))
#define MT_NODE_PAYLOAD_MAX (MT_NODE_SIZE(MT_NODE_CLASSES - 1) - MT_NODE_HEADER)
_Static_assert(MT_NODE_PAYLOAD_MAX == 984, "the largest inline payload");

// The class for a payload of so many bytes, at most MT_NODE_PAYLOAD_MAX. Folds to a constant for a constant.
static inline uint32_t mt_node_class(size_t payload_size) {
    return (uint32_t)(payload_size > MT_NODE_SIZE(0) - MT_NODE_HEADER) +
           (uint32_t)(payload_size > MT_NODE_SIZE(1) - MT_NODE_HEADER) +
           (uint32_t)(payload_size > MT_NODE_SIZE(2) - MT_NODE_HEADER) +
           (uint32_t)(payload_size > MT_NODE_SIZE(3) - MT_NODE_HEADER);
}

// Payload bytes a node has room for.
static inline size_t mt_node_capacity(const mt_node_t *node) { return MT_NODE_SIZE(node->size_class) - MT_NODE_HEADER; }

mt_node_t *mt__node_alloc_slow(mt_thread_t *thread, uint32_t size_class);
void mt__node_free_slow(mt_thread_t *thread, mt_node_t *node);

// A node for a payload of at most MT_NODE_PAYLOAD_MAX bytes (larger ones: box them). Only size_class is set; the caller
// fills in the rest of the header. NULL: out of memory. `thread` is the caller's own, not NULL. Lock-free while the
// depot has stock, else blocks briefly.
static inline mt_node_t *mt_node_alloc(mt_thread_t *thread, size_t payload_size) {
    MT_ASSERT(payload_size <= MT_NODE_PAYLOAD_MAX);
    MT_DEBUG_ASSERT(thread == mt_thread_current);
    uint32_t size_class = mt_node_class(payload_size);
    mt_node_magazine_t *magazine = &thread->nodes[size_class];
    mt_node_t *node = magazine->loaded;
    if (MT_UNLIKELY(node == NULL)) return mt__node_alloc_slow(thread, size_class);
    magazine->loaded = (mt_node_t *)(uintptr_t)node->ops;
    mt_a32_bump(&magazine->count, (uint32_t)-1);
    MT_UNPOISON(node->payload, MT_NODE_SIZE(size_class) - MT_NODE_HEADER);
    return node;
}

// Frees a node from any thread's mt_node_alloc. Its payload has been moved out or destroyed. `thread` is the caller's
// own, not NULL. Lock-free; surplus batches block briefly.
static inline void mt_node_free(mt_thread_t *thread, mt_node_t *node) {
    mt_node_magazine_t *magazine = &thread->nodes[node->size_class];
    MT_DEBUG_ASSERT(thread == mt_thread_current);
    MT_DEBUG_ASSERT(node->size_class < MT_NODE_CLASSES);
    MT_ASSERT(!MT_IS_POISONED(node->payload)); // freed twice; only poisoning builds know
    // relaxed: only this thread writes count.
    uint32_t count = mt_a32_load_rlx(&magazine->count);
    if (MT_UNLIKELY(count == MT_BATCH)) {
        mt__node_free_slow(thread, node);
        return;
    }
    MT_POISON(node->payload, MT_NODE_SIZE(node->size_class) - MT_NODE_HEADER);
    node->ops = (const mt_payload_ops_t *)(uintptr_t)magazine->loaded;
    magazine->loaded = node;
    mt_a32_store_rlx(&magazine->count, count + 1);
}

// Fills in the header of a node whose payload is a value of a type of the language (hooks.h).
static inline void mt_node_fill(mt_node_t *node, const void *type, uint8_t kind, uint64_t reply) {
    node->ops = (const mt_payload_ops_t *)((uintptr_t)type | MT_OPS_TYPE); // mt_payload_ops_of
    node->kind = kind;
    node->reply = reply;
}

// Memory for the state of a process: the payload of a node while it fits, else the heap's. Size and alignment must be
// the same at free. NULL: out of memory. From the calling thread's magazine, whichever it is: an `init` that suspends
// comes back on another than its slice knows.
void *mt_state_alloc(size_t size, size_t alignment);
void mt_state_free(void *state, size_t size, size_t alignment);

// Gives the free memory of all depots, and slabs kept in reserve, back to the system. What threads hold in magazines
// stays with them: mt_thread_trim. Any thread; blocks.
void mt_pool_trim(void);

// Nodes of a class allocated and not freed; exact when no thread allocates or frees. Any thread.
uint64_t mt_pool_live(uint32_t size_class);

// Bytes of free nodes in the depots, and bytes of slabs whose pages the pool holds; hints while others work. Any
// thread.
uint64_t mt_pool_cached_bytes(void);
uint64_t mt_pool_resident_bytes(void);

// Asserts the invariants: every node of every slab is in use, in its slab's free list or in exactly one batch. Nothing
// else may run on the pool.
void mt_pool_check(void);

#endif
