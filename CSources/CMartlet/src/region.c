// SPDX-License-Identifier: Apache-2.0
// Regions: the slow paths. A magazine that runs empty swaps its batches, pops the depot, takes the loose items of ended
// threads, or has fresh items carved, in this order; one that runs full swaps, then pushes a full batch.
#include "martlet/region.h"

#include "depot.h"
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>

mt_region_t mt_slots;
mt_region_t mt_replies;
mt_region_t mt_timer_items;
mt_region_t mt_ties;
mt_region_t mt_requests;

// Guards init, growth, loose items and the magazine lists of all regions: all of it is rare.
static pthread_mutex_t regions_mutex = PTHREAD_MUTEX_INITIALIZER;

static uint32_t load_link(const void *space, uint32_t index) {
    return mt_a32_load_rlx(&mt__region_link(space, index)->next_batch);
}
static void store_link(const void *space, uint32_t index, uint32_t next) {
    mt_a32_store_rlx(&mt__region_link(space, index)->next_batch, next);
}
static const mt__link_ops_t region_links = {load_link, store_link};

static size_t reservation_size(uint32_t items, uint32_t item_size) {
    size_t step = MT_REGION_STEP;
    return ((size_t)items * item_size + step - 1) / step * step;
}

// Makes the next step readable. Called with the mutex held.
static bool commit_step(mt_region_t *region) {
    size_t size = reservation_size(region->items_max, region->item_size);
    // relaxed: written under the mutex that we hold.
    size_t committed = mt_a32_load_rlx(&region->committed);
    if (committed == region->items_max) return false;
    // `committed` items end within the last step, so rounding up their bytes finds where the next step begins.
    size_t begin = reservation_size((uint32_t)committed, region->item_size);
    MT_ASSERT(begin < size);
    if (!mt__space_commit(region->base + begin, MT_REGION_STEP)) return false;
    // Not the first step, of which a small program uses a few small pages.
    if (begin) mt__space_prefer_huge(region->base + begin, MT_REGION_STEP);
    size_t items = (begin + MT_REGION_STEP) / region->item_size;
    if (items > region->items_max) items = region->items_max;
    // release: publishes the pages and the constants of init; pairs with the acquire in mt_region_contains_index.
    mt_a32_store_rel(&region->committed, (uint32_t)items);
    return true;
}

// The inverse of an odd number modulo 2^64. Newton's iteration doubles the right bits: 5, 10, 20, 40, 80.
static uint64_t inverse_of_odd(uint64_t odd) {
    uint64_t inverse = (3 * odd) ^ 2;
    for (int i = 0; i < 4; i++) inverse *= 2 - odd * inverse;
    return inverse;
}

static mt_status_t init_locked(mt_region_t *region, uint32_t item_size, uint32_t items_max) {
    if (mt_alloc_refused()) return MT_NO_MEMORY;
    uint32_t least = items_max < MT_REGION_ITEMS_MIN ? items_max : MT_REGION_ITEMS_MIN;
    void *base = NULL;
    for (;;) {
        base = mt__space_reserve(reservation_size(items_max, item_size), MT_REGION_STEP);
        if (base) break;
        if (items_max / 2 < least) return MT_NO_MEMORY;
        items_max /= 2;
    }
    region->base = base;
    region->item_size = item_size;
    region->items_max = items_max;
    region->index_shift = (uint32_t)__builtin_ctz(item_size);
    region->index_factor = inverse_of_odd(item_size >> region->index_shift);
    region->carved = 1; // index 0 is never handed out
    return MT_OK;
}

mt_status_t mt_region_init(mt_region_t *region, const char *name, uint32_t item_size, uint32_t link_offset,
                           uint32_t items_max) {
    // acquire: pairs with the release below, publishes the constants.
    if (mt_a32_load_acq(&region->ready)) return MT_OK;
    if (item_size % 8 || link_offset % 4 || items_max < 2 || link_offset + sizeof(mt_region_link_t) > item_size ||
        item_size > MT_REGION_STEP)
        return MT_INVALID;
    pthread_mutex_lock(&regions_mutex);
    mt_status_t status = MT_OK;
    if (!mt_a32_load_rlx(&region->ready)) { // relaxed: written under the mutex that we hold
        status = init_locked(region, item_size, items_max);
        if (status == MT_OK) {
            region->name = name;
            region->link_offset = link_offset;
            // release: publishes the constants; pairs with the acquire above.
            mt_a32_store_rel(&region->ready, 1);
        }
    }
    pthread_mutex_unlock(&regions_mutex);
    return status;
}

// Puts a magazine in the region's list, where mt_region_live finds it.
static void enlist(mt_region_t *region, mt_magazine_t *magazine) {
    MT_ASSERT(magazine->region == NULL); // a magazine belongs to one region
    pthread_mutex_lock(&regions_mutex);
    magazine->region = region;
    magazine->next = region->magazines;
    region->magazines = magazine;
    pthread_mutex_unlock(&regions_mutex);
}

// Up to a batch of fresh items, linked; *count says how many. 0: out of memory or at the limit. Mutex held.
static uint32_t carve(mt_region_t *region, uint32_t *count) {
    uint32_t first = region->carved;
    // relaxed: written under the mutex that we hold.
    uint32_t committed = mt_a32_load_rlx(&region->committed);
    if (first + MT_BATCH > committed && commit_step(region)) committed = mt_a32_load_rlx(&region->committed);
    uint32_t fresh = 0;
    while (fresh < MT_BATCH && first + fresh < committed) {
        mt__region_link(region, first + fresh)->next = first + fresh + 1;
        fresh++;
    }
    if (fresh == 0) return 0;
    mt__region_link(region, first + fresh - 1)->next = 0;
    region->carved = first + fresh;
    *count = fresh;
    return first;
}

// A batch from where it is cheapest; 0: none.
static uint32_t draw(mt_region_t *region, uint32_t *count) {
    *count = MT_BATCH;
    uint32_t first = mt__depot_pop(&region->depot, &region_links, region);
    // acquire: pairs with the release in mt_region_init, for callers that never waited for it.
    if (first || !mt_a32_load_acq(&region->ready) || mt_alloc_refused()) return first;
    pthread_mutex_lock(&regions_mutex);
    if (region->loose) {
        first = region->loose;
        *count = region->loose_count;
        region->loose = 0;
        region->loose_count = 0;
    } else {
        first = carve(region, count);
    }
    pthread_mutex_unlock(&regions_mutex);
    return first;
}

uint32_t mt__region_take_slow(mt_region_t *region, mt_magazine_t *magazine) {
    uint32_t count = MT_BATCH;
    uint32_t first = magazine->previous;
    if (first) {
        magazine->previous = 0;
    } else {
        if (magazine->region != region) enlist(region, magazine);
        first = draw(region, &count);
        if (first == 0) return 0;
    }
    mt_a64_bump(&magazine->drawn, count);
    mt_a32_store_rlx(&magazine->count, count - 1); // relaxed: a statistic to everyone else
    magazine->loaded = mt__region_link(region, first)->next;
    return first;
}

void mt__region_give_slow(mt_region_t *region, mt_magazine_t *magazine, uint32_t index) {
    if (magazine->region != region) enlist(region, magazine);
    uint32_t count = mt_a32_load_rlx(&magazine->count); // relaxed: only this thread writes it
    if (count == MT_BATCH) {
        if (magazine->previous) mt__depot_push(&region->depot, &region_links, region, magazine->previous);
        magazine->previous = magazine->loaded;
        mt_a64_bump(&magazine->drawn, (uint64_t)-MT_BATCH);
        magazine->loaded = 0;
        count = 0;
    }
    mt__region_link(region, index)->next = magazine->loaded;
    magazine->loaded = index;
    mt_a32_store_rlx(&magazine->count, count + 1);
}

// Adds one item to the loose ones; a full batch of them goes to the depot. Mutex held.
static void loosen(mt_region_t *region, uint32_t index) {
    mt__region_link(region, index)->next = region->loose;
    region->loose = index;
    if (++region->loose_count < MT_BATCH) return;
    mt__depot_push(&region->depot, &region_links, region, region->loose);
    region->loose = 0;
    region->loose_count = 0;
}

void mt_region_flush(mt_region_t *region, mt_magazine_t *magazine) {
    if (magazine->previous) mt__depot_push(&region->depot, &region_links, region, magazine->previous);
    magazine->previous = 0;
    uint32_t count = mt_a32_load_rlx(&magazine->count); // relaxed: only this thread writes it
    if (count == 0) return;
    pthread_mutex_lock(&regions_mutex);
    for (uint32_t index = magazine->loaded; index;) {
        uint32_t next = mt__region_link(region, index)->next;
        loosen(region, index);
        index = next;
    }
    // Under the mutex, so that mt_region_live sees both or neither.
    mt_a64_bump(&magazine->drawn, (uint64_t)0 - count);
    mt_a32_store_rlx(&magazine->count, 0);
    pthread_mutex_unlock(&regions_mutex);
    magazine->loaded = 0;
}

void mt_region_forget(mt_region_t *region, mt_magazine_t *magazine) {
    if (magazine->region == NULL) return;
    MT_ASSERT(magazine->region == region);
    mt_region_flush(region, magazine);
    pthread_mutex_lock(&regions_mutex);
    mt_magazine_t **at = &region->magazines;
    while (*at != magazine) at = &(*at)->next;
    *at = magazine->next;
    region->drawn += mt_a64_load_rlx(&magazine->drawn); // relaxed: our own
    mt_a64_store_rlx(&magazine->drawn, 0);
    magazine->next = NULL;
    magazine->region = NULL;
    pthread_mutex_unlock(&regions_mutex);
}

// Items in use: what magazines drew less what they hold. Mutex held.
static uint64_t live_locked(const mt_region_t *region) {
    uint64_t live = region->drawn;
    // relaxed: exact only when nobody writes, and then something else has ordered us behind the writers.
    for (const mt_magazine_t *m = region->magazines; m; m = m->next)
        live += mt_a64_load_rlx(&m->drawn) - mt_a32_load_rlx(&m->count);
    return live;
}

uint64_t mt_region_live(mt_region_t *region) {
    pthread_mutex_lock(&regions_mutex);
    uint64_t live = live_locked(region);
    pthread_mutex_unlock(&regions_mutex);
    return live;
}

uint64_t mt_region_resident_bytes(mt_region_t *region) {
    pthread_mutex_lock(&regions_mutex);
    uint64_t bytes = (uint64_t)region->carved * region->item_size;
    pthread_mutex_unlock(&regions_mutex);
    return bytes;
}

// Walks a batch, marks its items, asserts that it is as long as it should be.
static uint32_t check_batch(const mt_region_t *region, unsigned char *seen, uint32_t first, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t index = first; index; index = mt__region_link(region, index)->next) {
        MT_ASSERT(index < region->carved);
        MT_ASSERT(!seen[index]);
        seen[index] = 1;
        found++;
    }
    MT_ASSERT(found == count);
    return found;
}

void mt_region_check(mt_region_t *region) {
    if (!mt_a32_load_acq(&region->ready)) return;
    pthread_mutex_lock(&regions_mutex);
    uint32_t committed = mt_a32_load_rlx(&region->committed);
    MT_ASSERT(committed <= region->items_max && (region->carved <= committed || committed == 0));
    unsigned char *seen = calloc(region->carved, 1);
    MT_ASSERT(seen != NULL);
    MT_ASSERT(region->loose_count < MT_BATCH);
    uint64_t idle = check_batch(region, seen, region->loose, region->loose_count);
    uint32_t batches = 0;
    for (uint32_t first = mt__depot_top(&region->depot); first; first = load_link(region, first)) {
        idle += check_batch(region, seen, first, MT_BATCH);
        batches++;
    }
    MT_ASSERT(batches == mt_a32_load_rlx(&region->depot.count));
    for (const mt_magazine_t *m = region->magazines; m; m = m->next) {
        MT_ASSERT(m->region == region);
        idle += check_batch(region, seen, m->loaded, mt_a32_load_rlx(&m->count));
        if (m->previous) idle += check_batch(region, seen, m->previous, MT_BATCH);
    }
    free(seen);
    MT_ASSERT(idle + live_locked(region) == region->carved - 1);
    pthread_mutex_unlock(&regions_mutex);
}
