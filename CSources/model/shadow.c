// SPDX-License-Identifier: Apache-2.0
// Plain accesses. The core and the programs are compiled with the compiler's ThreadSanitizer instrumentation, and the
// functions it calls are here: so every plain access of the shipped code is looked at without a mark in it.
//
// For each eight bytes the last accesses are kept, by thread and epoch. Two accesses race when they overlap, one
// writes, not both are atomic, and the later thread's clock does not know the earlier one. Two atomics in that position
// are no error but news: it matters who goes first (explore.c).
//
// The first write to eight bytes in an execution keeps what was there; undoing all of them is what resets the world.
#include "engine.h"

#include "martlet/node.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern unsigned char __data_start[], _end[]; // the linker's

static model_granule_t *shadow;
static size_t arena_granules, static_granules;
const void *model_fault_address;

typedef struct undo {
    uint64_t *address;
    uint64_t value;
} undo_t;
static undo_t *undo_log;
static size_t undo_count, undo_capacity;

static uintptr_t static_begin(void) { return (uintptr_t)__data_start & ~(uintptr_t)7; }

void model_shadow_init(void) {
    arena_granules = MODEL_ARENA_SIZE / 8;
    static_granules = ((uintptr_t)_end - static_begin()) / 8 + 1;
    size_t size = (arena_granules + static_granules) * sizeof *shadow;
    shadow = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shadow == MAP_FAILED) abort();
}

// Stacks are left out: what threads share lies in globals and on the heap, and most accesses are to stacks.
static inline model_granule_t *find(const void *address) {
    uintptr_t in_arena = (uintptr_t)address - (uintptr_t)MODEL_ARENA;
    if (in_arena < MODEL_ARENA_SIZE) return &shadow[in_arena / 8];
    uintptr_t in_static = (uintptr_t)address - static_begin();
    if (in_static / 8 < static_granules) return &shadow[arena_granules + in_static / 8];
    return NULL;
}

void *model_granule_address(const model_granule_t *granule) {
    size_t index = (size_t)(granule - shadow);
    if (index < arena_granules) return MODEL_ARENA + index * 8;
    return (void *)(static_begin() + (index - arena_granules) * 8);
}

model_granule_t *model_granule(const void *address) {
    model_granule_t *granule = find(address);
    if (granule && granule->stamp != model_execution) {
        granule->stamp = model_execution;
        granule->location[0] = granule->location[1] = 0;
        granule->cells_used = 0;
        granule->flags = granule->base_flags;
        granule->poisoned = granule->base_poisoned;
    }
    return granule;
}

static void keep_for_undo(model_granule_t *granule) {
    granule->flags |= MODEL_IS_LOGGED;
    unsigned char *address = model_granule_address(granule);
    // What was allocated in this execution holds nothing worth keeping.
    if (address >= model_heap_marked() && address < MODEL_STACKS) return;
    if (undo_count == undo_capacity) {
        undo_capacity = undo_capacity ? undo_capacity * 2 : 4096;
        undo_log = __real_realloc(undo_log, undo_capacity * sizeof *undo_log);
        if (!undo_log) abort();
    }
    undo_log[undo_count++] = (undo_t){(uint64_t *)(void *)address, *(uint64_t *)(void *)address};
}

void model_shadow_undo(void) {
    while (undo_count) {
        undo_count--;
        *undo_log[undo_count].address = undo_log[undo_count].value;
    }
}

static const char *kind_name(uint32_t kind) {
    static const char *const names[] = {"read", "write", "atomic load", "atomic store"};
    return names[kind & 3];
}

__attribute__((noreturn, cold)) static void report_race(const void *address, uint32_t kind, const model_cell_t *cell) {
    model_fault_address = address;
    model_fail("data race: %s by T%u of %s against an earlier %s by T%u", kind_name(kind), model_current,
               model_name_of(address), kind_name(cell->kind), cell->thread);
}

__attribute__((cold)) static void note_contention(model_granule_t *granule, const void *address, uint32_t mask) {
    if (model_is_contended(granule, address)) return;
    // Both halves of an eight-byte atomic.
    granule->contended |= mask == 0xFF ? 3 : (uint8_t)(1u << ((uintptr_t)address >> 2 & 1));
    model_abandon();
}

// One earlier access against the new one. True: it need not be kept any longer, since the new one is at least as
// telling: of the same thread, or ordered behind it.
static inline bool meets(const model_cell_t *cell, const void *address, uint32_t mask, uint32_t kind,
                         bool *is_contention) {
    bool is_inside = !(cell->mask & ~mask);
    if (cell->thread == model_current)
        return is_inside && (cell->kind == kind || (kind & MODEL_WRITE && !(kind & MODEL_ATOMIC & ~cell->kind)));
    if (!(cell->mask & mask)) return false;
    if (cell->epoch <= model_self()->clock.at[cell->thread])
        return is_inside && kind & MODEL_WRITE && (!(kind & MODEL_ATOMIC) || cell->kind & MODEL_ATOMIC);
    if (!((cell->kind | kind) & MODEL_WRITE)) return false;
    if (!(cell->kind & kind & MODEL_ATOMIC)) report_race(address, kind, cell);
    if (!((kind | cell->kind) & MODEL_STATISTIC)) *is_contention = true;
    return false;
}

// Compares with the accesses that are kept, and is kept in their stead.
static inline void compare_and_keep(model_granule_t *granule, const void *address, uint32_t mask, uint32_t kind) {
    uint32_t used = 0, count = granule->cells_used;
    bool is_contention = false;
    for (uint32_t i = 0; i < count; i++) {
        if (meets(&granule->cells[i], address, mask, kind, &is_contention)) continue;
        if (used != i) granule->cells[used] = granule->cells[i];
        used++;
    }
    if (is_contention) note_contention(granule, address, mask);
    // More at once than there is room for: the oldest is forgotten, a race with it may be missed.
    if (used == MODEL_CELLS) {
        memmove(&granule->cells[0], &granule->cells[1], (MODEL_CELLS - 1) * sizeof granule->cells[0]);
        used--;
    }
    granule->cells[used++] = (model_cell_t){
        .epoch = model_epoch(), .thread = (uint8_t)model_current, .mask = (uint8_t)mask, .kind = (uint8_t)kind};
    granule->cells_used = (uint8_t)used;
}

void model_access(model_granule_t *granule, const void *address, uint32_t size, uint32_t kind) {
    uint32_t mask = ((1u << size) - 1) << ((uintptr_t)address & 7) & 0xFF;
    if (granule->cells_used) {
        const model_cell_t *last = &granule->cells[granule->cells_used - 1];
        if (last->thread == model_current && last->epoch == model_epoch() && last->kind == kind &&
            !(mask & ~(uint32_t)last->mask) && !(granule->flags & MODEL_IS_FREED) && !(granule->poisoned & mask))
            return;
    }
    if (granule->flags & MODEL_IS_FREED || granule->poisoned & mask) {
        model_fault_address = address;
        model_fail("use after free: %s by T%u of %s", kind_name(kind), model_current, model_name_of(address));
    }
    compare_and_keep(granule, address, mask, kind);
    if (!(kind & MODEL_WRITE)) return;
    if (!(granule->flags & MODEL_IS_LOGGED)) keep_for_undo(granule);
    // A plain write begins a new history of an atomic that lies there.
    if (!(kind & MODEL_ATOMIC)) {
        if (mask & 0x0F) granule->location[0] = 0;
        if (mask & 0xF0) granule->location[1] = 0;
    }
}

void model_access_range(const void *begin, size_t size, uint32_t kind) {
    const unsigned char *address = begin;
    while (size) {
        uint32_t part = 8 - ((uintptr_t)address & 7);
        if (part > size) part = (uint32_t)size;
        model_granule_t *granule = model_granule(address);
        if (granule) model_access(granule, address, part, kind);
        if (model_is_tracing && model_fault_address && ((uintptr_t)address ^ (uintptr_t)model_fault_address) < 8)
            model_trace(__builtin_return_address(0), "plain %s of %s", kind_name(kind), model_name_of(address));
        address += part;
        size -= part;
    }
}

void model_mark_freed(void *address, size_t size) {
    if (model_is_running) model_access_range(address, size, MODEL_WRITE);
    for (size_t at = 0; at < size; at += 8) {
        model_granule_t *granule = model_granule((unsigned char *)address + at);
        granule->flags |= MODEL_IS_FREED;
        if (!model_is_running) granule->base_flags |= MODEL_IS_FREED;
    }
}

// --- What the compiler calls -----------------------------------------------------------------------------------------

static inline void plain(const void *address, uint32_t size, uint32_t kind) {
    if (!model_is_running) return;
    if (((uintptr_t)address & 7) + size > 8 || model_is_tracing) {
        model_access_range(address, size, kind);
        return;
    }
    model_granule_t *granule = model_granule(address);
    if (granule) model_access(granule, address, size, kind);
}

#define ENTRY(SIZE)                                                               \
    void __tsan_read##SIZE(void *address);                                        \
    void __tsan_read##SIZE(void *address) { plain(address, SIZE, 0); }            \
    void __tsan_write##SIZE(void *address);                                       \
    void __tsan_write##SIZE(void *address) { plain(address, SIZE, MODEL_WRITE); } \
    void __tsan_unaligned_read##SIZE(void *address);                              \
    void __tsan_unaligned_read##SIZE(void *address) { plain(address, SIZE, 0); }  \
    void __tsan_unaligned_write##SIZE(void *address);                             \
    void __tsan_unaligned_write##SIZE(void *address) { plain(address, SIZE, MODEL_WRITE); }

ENTRY(1)
ENTRY(2)
ENTRY(4)
ENTRY(8)
ENTRY(16)

void __tsan_init(void);
void __tsan_init(void) {}

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size) {
    if (model_is_running) {
        model_access_range(from, size, 0);
        model_access_range(to, size, MODEL_WRITE);
    }
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size) {
    if (model_is_running) {
        model_access_range(from, size, 0);
        model_access_range(to, size, MODEL_WRITE);
    }
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int value, size_t size);
void *__tsan_memset(void *to, int value, size_t size) {
    if (model_is_running) model_access_range(to, size, MODEL_WRITE);
    return memset(to, value, size);
}

// --- What the pool of nodes says (memory.h) --------------------------------------------------------------------------

static void set_poisoned(const void *address, size_t size, bool is_poisoned) {
    for (size_t at = 0; at < size;) {
        const unsigned char *byte = (const unsigned char *)address + at;
        uint32_t part = 8 - ((uintptr_t)byte & 7);
        if (part > size - at) part = (uint32_t)(size - at);
        uint8_t mask = (uint8_t)(((1u << part) - 1) << ((uintptr_t)byte & 7));
        model_granule_t *granule = model_granule(byte);
        granule->poisoned = is_poisoned ? granule->poisoned | mask : granule->poisoned & (uint8_t)~mask;
        if (!model_is_running) granule->base_poisoned = granule->poisoned;
        at += part;
    }
}

// The link of a node whose payload begins here. A free node may be read by who holds it and, by atomics that order
// nothing, by the depot; a release store there is a producer that links behind a node which is gone.
static void set_link_free(const void *payload, bool is_free) {
    model_granule_t *granule = model_granule((const unsigned char *)payload - MT_NODE_HEADER);
    granule->flags = is_free ? granule->flags | MODEL_LINK_IS_FREE : granule->flags & (uint8_t)~MODEL_LINK_IS_FREE;
    if (!model_is_running) granule->base_flags = granule->flags & (uint8_t)~MODEL_IS_LOGGED;
}

void __asan_poison_memory_region(void const volatile *address, size_t size);
void __asan_poison_memory_region(void const volatile *address, size_t size) {
    // What was not ordered before the end of the node is a use of a free node.
    if (model_is_running) model_access_range((const void *)address, size, MODEL_WRITE);
    set_poisoned((const void *)address, size, true);
    set_link_free((const void *)address, true);
}

void __asan_unpoison_memory_region(void const volatile *address, size_t size);
void __asan_unpoison_memory_region(void const volatile *address, size_t size) {
    set_poisoned((const void *)address, size, false);
    set_link_free((const void *)address, false);
}

int __asan_address_is_poisoned(void const volatile *address);
int __asan_address_is_poisoned(void const volatile *address) {
    const model_granule_t *granule = model_granule((const void *)address);
    return granule->poisoned >> ((uintptr_t)address & 7) & 1;
}
