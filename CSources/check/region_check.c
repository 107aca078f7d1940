// SPDX-License-Identifier: Apache-2.0
// Checks of region.h: what take and give promise alone, at the limit, when memory fails, and from many threads.
#include "check.h"

#include "martlet/memory.h"
#include "martlet/pool.h"
#include "martlet/region.h"
#include "martlet/timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// An item as a slot is: a generation that strangers read, the link, a canary.
typedef struct {
    mt_a64_t generation;
    mt_region_link_t link;
    mt_a64_t owner; // 0 while free; who took it otherwise
    uint64_t canary[21];
} item_t;
_Static_assert(sizeof(item_t) == 192, "odd times a power of two, like a process slot");

static mt_region_t *new_region(uint32_t items_max) {
    // Regions live for ever, so their checks' regions do too.
    mt_region_t *region = calloc(1, sizeof *region);
    static void *keep[64];
    static uint32_t kept;
    keep[kept++ % 64] = region;
    EXPECT(mt_region_init(region, "check", sizeof(item_t), offsetof(item_t, link), items_max) == MT_OK);
    return region;
}

static item_t *item_at(mt_region_t *region, uint32_t index) { return mt_region_at(region, index); }

MT_CHECK(region_init_rejects_wrong_sizes) {
    mt_region_t region = {0};
    EXPECT(mt_region_init(&region, "check", 190, 0, 100) == MT_INVALID);
    EXPECT(mt_region_init(&region, "check", 64, 60, 100) == MT_INVALID);
    EXPECT(mt_region_init(&region, "check", 64, 2, 100) == MT_INVALID);
    EXPECT(mt_region_init(&region, "check", 64, 0, 1) == MT_INVALID);
    EXPECT(!mt_region_contains_index(&region, 0));
    mt_magazine_t magazine = {0};
    EXPECT(mt_region_take(&region, &magazine) == 0); // not initialised: nothing to take
    mt_region_forget(&region, &magazine);
    mt_region_check(&region);
}

MT_CHECK(region_smoke) {
    mt_region_t *region = new_region(100000);
    EXPECT(mt_region_init(region, "again", 64, 0, 5) == MT_OK && region->item_size == sizeof(item_t));
    mt_magazine_t magazine = {0};
    static uint32_t taken[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        taken[i] = mt_region_take(region, &magazine);
        item_t *item = item_at(region, taken[i]);
        EXPECT(taken[i] != 0 && mt_region_contains_index(region, taken[i]));
        EXPECT(mt_region_index(region, item) == taken[i]);
        EXPECT(mt_a64_load_rlx(&item->generation) == 0 && item->canary[20] == 0); // fresh items are zero
        mt_a64_store_rlx(&item->generation, 1000 + i);
        mt_region_check(region);
    }
    EXPECT(mt_region_live(region) == 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        mt_region_give(region, &magazine, taken[i]);
        EXPECT(mt_a64_load_rlx(&item_at(region, taken[i])->generation) == 1000 + i); // survives being free
        mt_region_check(region);
    }
    EXPECT(mt_region_live(region) == 0);
    EXPECT(!mt_region_contains_index(region, UINT32_MAX) && mt_region_contains_index(region, 0));
    EXPECT(mt_a64_load_rlx(&item_at(region, 0)->generation) == 0);
    mt_region_forget(region, &magazine);
    mt_region_check(region);
}

// Random takes and gives by two magazines of one thread against a list of what is out, checked at every step.
MT_CHECK(region_model) {
    mt_region_t *region = new_region(5000);
    mt_magazine_t magazines[2] = {{0}, {0}};
    static uint32_t out[5000];
    uint32_t out_count = 0;
    uint64_t random = 7;
    for (uint32_t step = 0; step < 6000; step++) {
        mt_magazine_t *magazine = &magazines[mt_check_random(&random) % 2];
        uint32_t choice = mt_check_random(&random) % 64;
        bool growing = step / 700 % 2 == 0;
        if (choice == 0) {
            mt_region_flush(region, magazine);
        } else if (choice == 1) {
            mt_region_forget(region, magazine);
        } else if (choice < (growing ? 44u : 20u)) {
            uint32_t index = mt_region_take(region, magazine);
            EXPECT(index != 0);
            if (index) out[out_count++] = index;
        } else if (out_count > 0) {
            uint32_t pick = mt_check_random(&random) % out_count;
            mt_region_give(region, magazine, out[pick]);
            out[pick] = out[--out_count];
        }
        EXPECT(mt_region_live(region) == out_count);
        mt_region_check(region);
    }
    mt_region_forget(region, &magazines[0]);
    mt_region_forget(region, &magazines[1]);
}

MT_CHECK(region_limit) {
    mt_region_t *region = new_region(1000); // 999 items: index 0 is none
    mt_magazine_t one = {0}, two = {0};
    uint32_t count = 0, last = 0;
    for (uint32_t index; (index = mt_region_take(region, &one)) != 0; count++) last = index;
    EXPECT(count == 999 && mt_region_live(region) == 999);
    EXPECT(mt_region_take(region, &two) == 0);
    mt_region_give(region, &one, last);
    mt_region_forget(region, &one);
    EXPECT(mt_region_take(region, &two) == last); // a loose item of a thread that went
    EXPECT(mt_region_take(region, &two) == 0);
    mt_region_forget(region, &two);
    mt_region_check(region);
    EXPECT(mt_region_live(region) == 999);
}

MT_CHECK(region_no_memory) {
    mt_region_t *region = calloc(1, sizeof *region);
    mt_alloc_fail_at(1, 1);
    EXPECT(mt_region_init(region, "check", sizeof(item_t), 8, 5000) == MT_NO_MEMORY);
    free(region);
    region = new_region(5000);
    mt_magazine_t magazine = {0};
    for (uint64_t nth = 1; nth < 30; nth++) {
        uint64_t before = mt_region_live(region);
        mt_alloc_fail_at(nth, 1);
        uint64_t count = 0;
        while (mt_region_take(region, &magazine)) count++;
        mt_alloc_fail_at(0, 0);
        EXPECT(mt_region_live(region) == before + count);
        mt_region_check(region);
        if (before + count == 4999) break;
        EXPECT(count == (nth - 1) * MT_BATCH); // each refill is one allocation
    }
    mt_region_forget(region, &magazine);
}

typedef struct {
    mt_region_t *region;
    mt_a64_t operations;
} hammer_t;

// Takes and gives at random; an item handed out twice has two owners.
static void hammer_body(void *argument, uint32_t number) {
    hammer_t *hammer = argument;
    mt_region_t *region = hammer->region;
    mt_magazine_t magazine = {0};
    uint32_t out[512], out_count = 0;
    uint64_t random = number + 1, operations = 0;
    while (!mt_check_time_is_up()) {
        for (uint32_t i = 0; i < 512; i++, operations++) {
            uint32_t burst = mt_check_random(&random);
            if (out_count < 512 && (out_count == 0 || burst % 2)) {
                uint32_t index = mt_region_take(region, &magazine);
                item_t *item = item_at(region, index);
                EXPECT(index != 0 && mt_a64_xchg(&item->owner, number + 1) == 0);
                item->canary[0] = item->canary[20] = index * 31u + number;
                out[out_count++] = index;
            } else {
                uint32_t pick = burst / 2 % out_count, index = out[pick];
                item_t *item = item_at(region, index);
                EXPECT(item->canary[0] == index * 31u + number && item->canary[20] == item->canary[0]);
                EXPECT(mt_a64_xchg(&item->owner, 0) == number + 1);
                mt_a64_add(&item->generation, 1);
                mt_region_give(region, &magazine, index);
                out[pick] = out[--out_count];
            }
            // A stranger with a stale or forged index.
            uint32_t forged = burst % 20000;
            if (mt_region_contains_index(region, forged)) mt_a64_load_acq(&item_at(region, forged)->generation);
        }
        if (mt_check_random(&random) % 64 == 0) mt_region_flush(region, &magazine);
    }
    while (out_count > 0) {
        mt_a64_xchg(&item_at(region, out[--out_count])->owner, 0);
        mt_region_give(region, &magazine, out[out_count]);
    }
    mt_region_forget(region, &magazine);
    mt_a64_add_rlx(&hammer->operations, operations);
}

MT_CHECK(region_stampede) {
    hammer_t hammer = {.region = new_region(100000)};
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), hammer_body, &hammer);
    EXPECT(mt_region_live(hammer.region) == 0);
    mt_region_check(hammer.region);
    mt_check_figure("operations", (double)mt_a64_load_rlx(&hammer.operations) / 1e6, "million");
}

// All threads exchange whole batches all the time, with few batches around: the same ones come back at the top, which
// is what an untagged stack confuses.
static void aba_body(void *argument, uint32_t number) {
    hammer_t *hammer = argument;
    mt_region_t *region = hammer->region;
    mt_magazine_t magazine = {0};
    uint32_t out[3 * MT_BATCH];
    uint64_t operations = 0;
    while (!mt_check_time_is_up()) {
        uint32_t count = 0;
        for (uint32_t index; count < 3 * MT_BATCH && (index = mt_region_take(region, &magazine)) != 0;) {
            EXPECT(mt_a64_xchg(&item_at(region, index)->owner, number + 1) == 0);
            out[count++] = index;
        }
        operations += count;
        while (count > 0) {
            EXPECT(mt_a64_xchg(&item_at(region, out[--count])->owner, 0) == number + 1);
            mt_region_give(region, &magazine, out[count]);
        }
    }
    mt_region_forget(region, &magazine);
    mt_a64_add_rlx(&hammer->operations, operations);
}

MT_CHECK(region_aba_stampede) {
    hammer_t hammer = {.region = new_region(mt_check_threads() * 4 * MT_BATCH)};
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), aba_body, &hammer);
    EXPECT(mt_region_live(hammer.region) == 0);
    mt_region_check(hammer.region);
    mt_check_figure("exchanged batches", (double)mt_a64_load_rlx(&hammer.operations) / MT_BATCH / 1e3, "thousand");
}

static void init_body(void *argument, uint32_t number) {
    (void)number;
    EXPECT(mt_region_init(argument, "check", sizeof(item_t), offsetof(item_t, link), 70000) == MT_OK);
    mt_magazine_t magazine = {0};
    uint32_t index = mt_region_take(argument, &magazine);
    EXPECT(index != 0);
    mt_region_give(argument, &magazine, index);
    mt_region_forget(argument, &magazine);
}

MT_CHECK(region_init_stampede) {
    for (uint32_t round = 0; round < 20; round++) {
        mt_region_t *region = calloc(1, sizeof *region);
        mt_check_run_threads(mt_check_threads(), init_body, region);
        EXPECT(mt_region_live(region) == 0);
        mt_region_check(region);
        free(region); // its address space is lost; a region is for ever
    }
}

static void thread_exit_body(void *argument, uint32_t number) {
    (void)number;
    mt_thread_t *thread = mt_thread_self();
    uint32_t *kept = argument;
    for (uint32_t i = 0; i < 200; i++) kept[i] = mt_region_take(&mt_timer_items, &thread->timers);
    for (uint32_t i = 100; i < 200; i++) mt_region_give(&mt_timer_items, &thread->timers, kept[i]);
}

MT_CHECK(region_thread_exit_returns_items) {
    EXPECT(mt_region_init(&mt_timer_items, "timers", MT_TIMER_ITEM_SIZE, MT_TIMER_ITEM_LINK, 70000) == MT_OK);
    uint64_t before = mt_region_live(&mt_timer_items);
    uint32_t carved = mt_timer_items.carved; // by the checks before this one
    uint32_t kept[200];
    for (uint32_t round = 0; round < 10; round++) {
        mt_check_run_threads(1, thread_exit_body, kept);
        EXPECT(mt_region_live(&mt_timer_items) == before + 100);
        mt_region_check(&mt_timer_items);
        mt_thread_t *thread = mt_thread_self();
        for (uint32_t i = 0; i < 100; i++) mt_region_give(&mt_timer_items, &thread->timers, kept[i]);
    }
    EXPECT(mt_region_live(&mt_timer_items) == before);
    EXPECT(mt_timer_items.carved - carved < 1000); // items of threads that ended are used again
    mt_region_check(&mt_timer_items);
}
