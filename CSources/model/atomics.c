// SPDX-License-Identifier: Apache-2.0
// What a load may see. Each contended atomic has a history of stores in the order they were executed (the modification
// order of this checker). A load may see any store from the newest down to the newest that it must know: one that
// happened before it, one that it or somebody before it has read, or one before the last membarrier. An acquire that
// reads a release joins the releaser's clock; so does one that reads what a chain of read-modify-writes made of it.
// Read-modify-writes see the newest. A sequentially consistent load sees no store older than the newest that is
// sequentially consistent itself: a Dekker pair of which one side only releases is wrong here too, unless a membarrier
// stands on the other side.
//
// What this cannot show: an order of stores to one atomic that differs from the order of execution, hence that a
// relaxed exchange would be wrong on hardware that reorders it. Acquire-release on every read-modify-write is by rule.
#include "engine.h"

#include <stdlib.h>
#include <string.h>

typedef struct store {
    uint64_t value;
    uint32_t epoch;
    uint32_t sequence; // of the execution
    uint8_t writer;
    bool releases, is_sc;
    model_clock_t release;
} store_t;

// From this epoch of its thread on, that store is known.
typedef struct mark {
    uint32_t epoch, index;
    uint8_t thread;
} mark_t;

typedef struct location {
    uint32_t store_count, store_capacity;
    uint32_t mark_count, mark_capacity;
    store_t *stores;
    mark_t *marks;
} location_t;

static location_t *locations; // 0 is none; arrays are kept from execution to execution
static uint32_t location_count = 1, location_capacity;
static uint32_t barrier_sequence; // stores up to this one are known to everybody

void model_atomics_reset(void) {
    location_count = 1;
    barrier_sequence = 0;
}

static void *grown(void *array, uint32_t *capacity, size_t item) {
    uint32_t before = *capacity;
    *capacity = before ? before * 2 : 8;
    array = __real_realloc(array, *capacity * item);
    if (!array) abort();
    memset((unsigned char *)array + before * item, 0, (*capacity - before) * item);
    return array;
}

static store_t *append_store(location_t *location, uint64_t value) {
    if (location->store_count == location->store_capacity)
        location->stores = grown(location->stores, &location->store_capacity, sizeof(store_t));
    store_t *store = &location->stores[location->store_count++];
    store->value = value;
    store->epoch = model_epoch();
    store->sequence = ++model_stores;
    store->writer = (uint8_t)model_current;
    store->releases = store->is_sc = false;
    return store;
}

uint64_t model_read_memory(const void *address, uint32_t size) {
    return size == 4 ? *(const uint32_t *)address : *(const uint64_t *)address;
}
static void write_memory(void *address, uint32_t size, uint64_t value) {
    if (size == 4) *(uint32_t *)address = (uint32_t)value;
    else *(uint64_t *)address = value;
}

// The history of a contended atomic; it begins with what is in memory, known to all.
static location_t *location_of(model_granule_t *granule, const void *address, uint32_t size) {
    uint16_t *index = &granule->location[(uintptr_t)address >> 2 & 1];
    if (*index) return &locations[*index];
    if (location_count == UINT16_MAX) model_fail("more atomics than the checker can follow");
    if (location_count >= location_capacity) locations = grown(locations, &location_capacity, sizeof *locations);
    *index = (uint16_t)location_count++;
    location_t *location = &locations[*index];
    location->store_count = location->mark_count = 0;
    store_t *first = append_store(location, model_read_memory(address, size));
    model_stores--; // nobody stored
    first->sequence = 0;
    first->writer = 0;
    first->epoch = 0;
    return location;
}

// The oldest store that this thread may still see.
static uint32_t oldest_visible(const location_t *location, mt_model_order_t order) {
    const model_clock_t *clock = &model_self()->clock;
    uint32_t oldest = location->store_count - 1;
    for (;; oldest--) {
        const store_t *store = &location->stores[oldest];
        if (store->epoch <= clock->at[store->writer] || store->sequence <= barrier_sequence) break;
        if (order == mt_model_seq_cst && store->is_sc) break;
        if (store->sequence <= model_self()->known_stores) break;
    }
    for (uint32_t i = 0; i < location->mark_count; i++) {
        const mark_t *mark = &location->marks[i];
        if (mark->epoch <= clock->at[mark->thread] && mark->index > oldest) oldest = mark->index;
    }
    return oldest;
}

static void mark_read(location_t *location, uint32_t index) {
    if (index == 0) return;
    for (uint32_t i = location->mark_count; i-- > 0;) {
        if (location->marks[i].thread != model_current) continue;
        if (location->marks[i].index >= index) return;
        break;
    }
    if (location->mark_count == location->mark_capacity)
        location->marks = grown(location->marks, &location->mark_capacity, sizeof(mark_t));
    location->marks[location->mark_count++] =
        (mark_t){.epoch = model_epoch(), .index = index, .thread = (uint8_t)model_current};
}

static bool acquires(mt_model_order_t order) {
    return order == mt_model_acquire || order == mt_model_acq_rel || order == mt_model_seq_cst;
}
static bool releases(mt_model_order_t order) {
    return order == mt_model_release || order == mt_model_acq_rel || order == mt_model_seq_cst;
}
static uint32_t access_kind(uint32_t kind, mt_model_order_t order) {
    return kind | MODEL_ATOMIC | (order == mt_model_statistic ? MODEL_STATISTIC : 0);
}

// Everything an operation does before it touches memory. NULL: private, no history.
static location_t *begin(const void *atomic, uint32_t size, uint32_t kind, mt_model_order_t order) {
    model_granule_t *granule = model_is_running ? model_granule(atomic) : NULL;
    if (!granule) return NULL;
    bool is_contended = model_is_contended(granule, atomic);
    if (is_contended && order != mt_model_statistic) {
        model_point();
        granule = model_granule(atomic);
    }
    model_access(granule, atomic, size, access_kind(kind, order));
    if (kind & MODEL_WRITE && granule->flags & MODEL_LINK_IS_FREE && releases(order)) {
        model_fault_address = atomic;
        model_fail("use after free: T%u links behind a node that is in the pool", model_current);
    }
    return is_contended ? location_of(granule, atomic, size) : NULL;
}

static const char *order_name(mt_model_order_t order) {
    static const char *const names[] = {"rlx", "acq", "rel", "acq_rel", "sc", "stat"};
    return names[order];
}

uint64_t mt_model_load(const void *atomic, uint32_t size, mt_model_order_t order) {
    location_t *location = begin(atomic, size, 0, order);
    if (!location) return model_read_memory(atomic, size);
    uint32_t latest = location->store_count - 1, index = latest;
    if (order != mt_model_statistic && !model_self()->is_fresh) {
        uint32_t oldest = oldest_visible(location, order);
        index = latest - model_decide(latest - oldest + 1);
    }
    mark_read(location, index);
    const store_t *store = &location->stores[index];
    if (acquires(order) && store->releases) model_clock_join(&model_self()->clock, &store->release);
    if (model_is_tracing)
        model_trace(__builtin_return_address(0), "load  %-7s %s = %#llx%s", order_name(order), model_name_of(atomic),
                    (unsigned long long)store->value, index == latest ? "" : "   STALE");
    return store->value;
}

// A store that replaces the newest; `chain`: a read-modify-write, which hands on what it read.
static void put(location_t *location, void *atomic, uint32_t size, uint64_t value, mt_model_order_t order, bool chain) {
    store_t *store = append_store(location, value);
    const store_t *before = &location->stores[location->store_count - 2];
    store->is_sc = order == mt_model_seq_cst;
    if (releases(order)) {
        store->releases = true;
        store->release = model_self()->clock;
        if (chain && before->releases) model_clock_join(&store->release, &before->release);
    } else if (chain && before->releases) {
        store->releases = true;
        store->release = before->release;
    }
    write_memory(atomic, size, value);
    model_tick();
}

void mt_model_store(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order) {
    location_t *location = begin(atomic, size, MODEL_WRITE, order);
    if (!location) {
        write_memory(atomic, size, value);
        return;
    }
    if (model_is_tracing)
        model_trace(__builtin_return_address(0), "store %-7s %s = %#llx", order_name(order), model_name_of(atomic),
                    (unsigned long long)value);
    put(location, atomic, size, value, order, false);
}

// What a read-modify-write reads.
static uint64_t read_newest(location_t *location, mt_model_order_t order) {
    const store_t *store = &location->stores[location->store_count - 1];
    mark_read(location, location->store_count - 1);
    if (acquires(order) && store->releases) model_clock_join(&model_self()->clock, &store->release);
    return store->value;
}

static uint64_t change(void *atomic, uint32_t size, uint64_t value, bool is_sum, mt_model_order_t order, void *pc) {
    location_t *location = begin(atomic, size, MODEL_WRITE, order);
    uint64_t before = location ? read_newest(location, order) : model_read_memory(atomic, size);
    uint64_t after = is_sum ? before + value : value;
    if (size == 4) after = (uint32_t)after;
    if (location) put(location, atomic, size, after, order, true);
    else write_memory(atomic, size, after);
    if (model_is_tracing)
        model_trace(pc, "%s %-7s %s: %#llx -> %#llx", is_sum ? "add  " : "xchg ", order_name(order),
                    model_name_of(atomic), (unsigned long long)before, (unsigned long long)after);
    return before;
}

uint64_t mt_model_exchange(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order) {
    return change(atomic, size, value, false, order, __builtin_return_address(0));
}

uint64_t mt_model_add(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order) {
    return change(atomic, size, value, true, order, __builtin_return_address(0));
}

bool mt_model_compare_exchange(void *atomic, uint32_t size, uint64_t *expected, uint64_t value,
                               mt_model_order_t order) {
    // A failed one is no write, but whether it fails is what matters: it counts as one.
    location_t *location = begin(atomic, size, MODEL_WRITE, order);
    uint64_t before = location ? read_newest(location, order) : model_read_memory(atomic, size);
    bool is_done = before == *expected;
    if (is_done) {
        if (location) put(location, atomic, size, value, order, true);
        else write_memory(atomic, size, value);
    }
    if (model_is_tracing)
        model_trace(__builtin_return_address(0), "cas   %-7s %s: %#llx -> %#llx %s", order_name(order),
                    model_name_of(atomic), (unsigned long long)before, (unsigned long long)value,
                    is_done ? "done" : "FAILED");
    *expected = before;
    return is_done;
}

void model_acquire_object(void *object) {
    location_t *location = begin(object, 8, MODEL_WRITE, mt_model_acq_rel);
    if (location) read_newest(location, mt_model_acquire);
}

void model_release_object(void *object) {
    model_granule_t *granule = model_granule(object);
    if (!granule) return;
    // An access too: who takes the object next, and knows of all but this, has something to learn here.
    model_access(granule, object, 8, MODEL_WRITE | MODEL_ATOMIC);
    model_tick();
    if (!model_is_contended(granule, object)) return;
    location_t *location = location_of(granule, object, 8);
    store_t *store = append_store(location, 0);
    store->releases = true;
    store->release = model_self()->clock;
    model_tick();
}

void mt_model_membarrier(void) {
    if (!model_is_running) return;
    model_point();
    barrier_sequence = model_stores;
    model_tick();
    if (model_is_tracing) model_trace(__builtin_return_address(0), "membarrier");
}
