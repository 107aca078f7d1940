// SPDX-License-Identifier: Apache-2.0
// Slabs of message nodes, all under one mutex: they are visited once for 64 nodes, and only when depots overflow or run
// dry. A slab is in exactly one place: partial list of its class, reserve, released, in transit to released, or in no
// list because all its nodes are outside.
#include "slab.h"

#include "memory.h"

#include <pthread.h>

// Slabs made readable at a time: 4 MiB for one system call.
#define COMMIT_SLABS 64u
// Bytes of descriptors made readable at a time: a page on any machine, the descriptors of 128 MiB of slabs.
#define DESCRIPTOR_STEP ((size_t)64 * 1024)
// Empty slabs that keep their pages, 1 MiB: a load that swings about a slab's edge must not fault pages in and out.
#define RESERVE_SLABS 16u

typedef enum { SLAB_FRESH, SLAB_OPEN, SLAB_RESERVE, SLAB_RELEASED } slab_state_t;

typedef struct {
    mt_node_t *free;   // nodes that came back
    uint32_t used;     // nodes outside
    uint32_t carved;   // nodes ever handed out; the rest of the slab is untouched
    uint32_t next;     // in a list; 0: none
    uint32_t previous; // in a partial list; 0: it is the first
    uint32_t size_class;
    uint32_t state;
} slab_t;
_Static_assert(sizeof(slab_t) == 32, "a million descriptors are 32 MiB of address space");

unsigned char *mt__slab_base;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// All guarded by mutex. Slab numbers; 0: none.
static struct {
    slab_t *slabs;
    uint32_t slabs_max;
    uint32_t committed;                // slabs readable
    uint32_t opened;                   // slabs ever used, slab 0 included
    uint32_t partial[MT_NODE_CLASSES]; // open slabs with a free node
    uint32_t reserve;                  // empty, with pages
    uint32_t reserve_count;
    uint32_t released; // empty, without pages
    uint32_t released_count;
    uint32_t transit_count; // on their way to released
} heap;

static uint32_t capacity_of(const slab_t *slab) { return (uint32_t)(MT__SLAB_SIZE / MT_NODE_SIZE(slab->size_class)); }
static unsigned char *memory_of(uint32_t number) { return mt__slab_base + ((size_t)number << MT__SLAB_SHIFT); }

static void partial_insert(uint32_t number) {
    slab_t *slab = &heap.slabs[number];
    uint32_t *first = &heap.partial[slab->size_class];
    slab->previous = 0;
    slab->next = *first;
    if (*first) heap.slabs[*first].previous = number;
    *first = number;
}

static void partial_remove(uint32_t number) {
    slab_t *slab = &heap.slabs[number];
    if (slab->previous) {
        heap.slabs[slab->previous].next = slab->next;
    } else {
        heap.partial[slab->size_class] = slab->next;
    }
    if (slab->next) heap.slabs[slab->next].previous = slab->previous;
    slab->next = slab->previous = 0;
}

static uint32_t pop(uint32_t *list, uint32_t *count) {
    uint32_t number = *list;
    *list = heap.slabs[number].next;
    --*count;
    return number;
}

static void push(uint32_t *list, uint32_t *count, uint32_t number, slab_state_t state) {
    heap.slabs[number].state = state;
    heap.slabs[number].next = *list;
    *list = number;
    ++*count;
}

static bool reserve_space(void) {
    if (mt__slab_base) return true;
    for (uint32_t slabs = MT__SLABS_MAX; slabs >= MT__SLABS_MIN; slabs /= 2) {
        void *nodes = mt__space_reserve((size_t)slabs << MT__SLAB_SHIFT, MT__SLAB_SIZE);
        if (!nodes) continue;
        size_t size = (size_t)slabs * sizeof(slab_t);
        void *descriptors = mt__space_reserve(size < DESCRIPTOR_STEP ? DESCRIPTOR_STEP : size, DESCRIPTOR_STEP);
        if (!descriptors) {
            mt__space_unreserve(nodes, (size_t)slabs << MT__SLAB_SHIFT);
            continue;
        }
        heap.slabs = descriptors;
        heap.slabs_max = slabs;
        heap.opened = 1;
        mt__slab_base = nodes;
        return true;
    }
    return false;
}

// Makes the next slabs readable, and their descriptors a step at a time.
static bool commit_more(void) {
    if (heap.committed == heap.slabs_max) return false;
    size_t descriptors = heap.committed * sizeof(slab_t);
    if (descriptors % DESCRIPTOR_STEP == 0 &&
        !mt__space_commit((unsigned char *)heap.slabs + descriptors, DESCRIPTOR_STEP))
        return false;
    if (!mt__space_commit(memory_of(heap.committed), COMMIT_SLABS * MT__SLAB_SIZE)) return false;
    heap.committed += COMMIT_SLABS;
    return true;
}

// An empty slab, those with pages first. 0: out of memory.
static uint32_t open_slab(uint32_t size_class) {
    if (!reserve_space()) return 0;
    uint32_t number;
    if (heap.reserve) {
        number = pop(&heap.reserve, &heap.reserve_count);
    } else if (heap.released) {
        number = pop(&heap.released, &heap.released_count);
    } else {
        if (heap.opened >= heap.committed && !commit_more()) return 0;
        number = heap.opened++;
    }
    heap.slabs[number] = (slab_t){.size_class = size_class, .state = SLAB_OPEN};
    partial_insert(number);
    return number;
}

// A node of a slab of the partial list; the slab leaves the list with its last one.
static mt_node_t *take_node(uint32_t number) {
    slab_t *slab = &heap.slabs[number];
    mt_node_t *node = slab->free;
    if (node) {
        slab->free = mt__node_link(node);
    } else {
        size_t size = MT_NODE_SIZE(slab->size_class);
        node = (mt_node_t *)(memory_of(number) + slab->carved++ * size);
        node->size_class = (uint8_t)slab->size_class;
        MT_POISON(node->payload, size - MT_NODE_HEADER);
    }
    if (++slab->used == capacity_of(slab)) partial_remove(number);
    return node;
}

mt_node_t *mt__slab_take(uint32_t size_class, uint32_t *count) {
    mt_node_t *list = NULL;
    uint32_t taken = 0;
    pthread_mutex_lock(&mutex);
    while (taken < MT_BATCH) {
        uint32_t number = heap.partial[size_class];
        // A short batch is better than a new slab.
        if (number == 0 && taken == 0) number = open_slab(size_class);
        if (number == 0) break;
        mt_node_t *node = take_node(number);
        mt__node_set_link(node, list);
        list = node;
        taken++;
    }
    pthread_mutex_unlock(&mutex);
    *count = taken;
    return list;
}

// Puts a node back; true: its slab is empty and out of all lists.
static bool give_node(mt_node_t *node, uint32_t number) {
    slab_t *slab = &heap.slabs[number];
    MT_ASSERT(slab->state == SLAB_OPEN && slab->size_class == node->size_class && slab->used > 0);
    if (slab->used == capacity_of(slab)) partial_insert(number);
    mt__node_set_link(node, slab->free);
    slab->free = node;
    if (--slab->used > 0) return false;
    partial_remove(number);
    MT_UNPOISON(memory_of(number), MT__SLAB_SIZE);
    return true;
}

// Gives the pages of a list of slabs in transit back, without the mutex: a system call each.
static void release_slabs(uint32_t list) {
    for (uint32_t number = list; number; number = heap.slabs[number].next)
        mt__space_discard(memory_of(number), MT__SLAB_SIZE); // next is ours while the slab is in transit
    pthread_mutex_lock(&mutex);
    while (list) {
        uint32_t number = pop(&list, &heap.transit_count);
        push(&heap.released, &heap.released_count, number, SLAB_RELEASED);
    }
    pthread_mutex_unlock(&mutex);
}

void mt__slab_give(mt_node_t *list) {
    uint32_t empty = 0;
    pthread_mutex_lock(&mutex);
    while (list) {
        mt_node_t *node = list;
        list = mt__node_link(node);
        uint32_t number = mt__node_index(node) / (uint32_t)(MT__SLAB_SIZE / MT_NODE_ALIGNMENT);
        if (!give_node(node, number)) continue;
        if (heap.reserve_count < RESERVE_SLABS) {
            push(&heap.reserve, &heap.reserve_count, number, SLAB_RESERVE);
        } else {
            push(&empty, &heap.transit_count, number, SLAB_RELEASED);
        }
    }
    pthread_mutex_unlock(&mutex);
    if (empty) release_slabs(empty);
}

void mt__slab_trim(void) {
    uint32_t empty = 0;
    pthread_mutex_lock(&mutex);
    while (heap.reserve) {
        uint32_t number = pop(&heap.reserve, &heap.reserve_count);
        push(&empty, &heap.transit_count, number, SLAB_RELEASED);
    }
    pthread_mutex_unlock(&mutex);
    if (empty) release_slabs(empty);
}

uint64_t mt__slab_resident_bytes(void) {
    pthread_mutex_lock(&mutex);
    uint64_t slabs = heap.opened ? heap.opened - 1 - heap.released_count - heap.transit_count : 0;
    pthread_mutex_unlock(&mutex);
    return slabs << MT__SLAB_SHIFT;
}

uint32_t mt__slab_index_end(void) {
    pthread_mutex_lock(&mutex);
    uint32_t end = heap.opened * (uint32_t)(MT__SLAB_SIZE / MT_NODE_ALIGNMENT);
    pthread_mutex_unlock(&mutex);
    return end;
}

// Checks one open slab: its free list holds exactly the carved nodes that are not outside.
static void check_open(uint32_t number, unsigned char *seen) {
    const slab_t *slab = &heap.slabs[number];
    size_t size = MT_NODE_SIZE(slab->size_class);
    MT_ASSERT(slab->used > 0 && slab->used <= slab->carved && slab->carved <= capacity_of(slab));
    uint32_t free_count = 0;
    for (const mt_node_t *node = slab->free; node; node = mt__node_link(node)) {
        size_t offset = (size_t)((const unsigned char *)node - memory_of(number));
        MT_ASSERT(offset % size == 0 && offset / size < slab->carved && node->size_class == slab->size_class);
        MT_ASSERT(!seen[mt__node_index(node)]);
        seen[mt__node_index(node)] = 1;
        free_count++;
    }
    MT_ASSERT(free_count == slab->carved - slab->used);
}

void mt__slab_check(unsigned char *seen, uint64_t outside[MT_NODE_CLASSES]) {
    pthread_mutex_lock(&mutex);
    uint32_t partial = 0, listed = 0, reserve = 0, released = 0;
    for (uint32_t number = 1; number < heap.opened; number++) {
        const slab_t *slab = &heap.slabs[number];
        if (slab->state == SLAB_RESERVE) reserve++;
        if (slab->state == SLAB_RELEASED) released++;
        if (slab->state != SLAB_OPEN) continue;
        check_open(number, seen);
        outside[slab->size_class] += slab->used;
        if (slab->used < capacity_of(slab)) partial++;
    }
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) {
        uint32_t previous = 0;
        for (uint32_t number = heap.partial[size_class]; number; number = heap.slabs[number].next) {
            const slab_t *slab = &heap.slabs[number];
            MT_ASSERT(slab->state == SLAB_OPEN && slab->size_class == size_class && slab->previous == previous);
            MT_ASSERT(slab->used < capacity_of(slab));
            previous = number;
            listed++;
        }
    }
    MT_ASSERT(partial == listed && reserve == heap.reserve_count && released == heap.released_count);
    MT_ASSERT(heap.transit_count == 0 && heap.reserve_count <= RESERVE_SLABS);
    pthread_mutex_unlock(&mutex);
}
