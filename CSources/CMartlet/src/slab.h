// SPDX-License-Identifier: Apache-2.0
// Slabs: where message nodes come from when no depot has any, and where surplus ones go, so that memory returns to the
// system. All slabs lie in one reservation; a node has an index (its 64-byte granule) for the depot.
//
//     base                                  64 KiB each
//     | slab 0: unused | slab 1: 1,024 nodes of 64 | slab 2: 64 nodes of 1,024 | ...      up to MT__SLABS_MAX
//     slab descriptors lie apart, so a slab without a node in use can lose all its pages and keep its place.
#ifndef MARTLET_SRC_SLAB_H
#define MARTLET_SRC_SLAB_H

#include "martlet/pool.h"

// Large enough that 64 nodes of the largest class fill one; small enough that an empty one turns up after a flood.
#define MT__SLAB_SHIFT 16
#define MT__SLAB_SIZE ((size_t)1 << MT__SLAB_SHIFT)
// 64 GiB of address space; indices of 64-byte granules then need 30 bits. Halved while the system refuses.
#define MT__SLABS_MAX (1u << 20)
// 16 MiB of messages: less is no use.
#define MT__SLABS_MIN 256u

// Start of the reservation. Written once before the first node exists; whoever has a node may read it.
extern unsigned char *mt__slab_base;

// Index of a node, and the node of an index. Wait-free.
static inline uint32_t mt__node_index(const mt_node_t *node) {
    return (uint32_t)((size_t)((const unsigned char *)node - mt__slab_base) / MT_NODE_ALIGNMENT);
}
static inline mt_node_t *mt__node_at(uint32_t index) {
    return (mt_node_t *)(mt__slab_base + (size_t)index * MT_NODE_ALIGNMENT);
}

// The link of free nodes within a batch or a slab: the header's ops, which nobody else reads of a free node.
static inline mt_node_t *mt__node_link(const mt_node_t *node) { return (mt_node_t *)(uintptr_t)node->ops; }
static inline void mt__node_set_link(mt_node_t *node, mt_node_t *next) {
    node->ops = (const mt_payload_ops_t *)(uintptr_t)next;
}

// Takes a list of 1 to MT_BATCH free nodes of a class; *count says how many. NULL: out of memory. Any thread; blocks.
mt_node_t *mt__slab_take(uint32_t size_class, uint32_t *count);

// Gives a list of free nodes of one class back. Pages of slabs that become empty go to the system, a few kept in
// reserve. Any thread; blocks.
void mt__slab_give(mt_node_t *list);

// Gives the pages of the reserve back too. Any thread; blocks.
void mt__slab_trim(void);

// Bytes of the slabs that hold pages. Any thread; blocks briefly.
uint64_t mt__slab_resident_bytes(void);

// How many node indices there can be so far: one more than the last. Any thread; blocks briefly.
uint32_t mt__slab_index_end(void);

// Asserts the invariants of slabs and lists, marks the nodes of free lists in seen (by index) and adds the nodes that
// are outside of slabs to outside (by class). Nothing else may run.
void mt__slab_check(unsigned char *seen, uint64_t outside[MT_NODE_CLASSES]);

#endif
