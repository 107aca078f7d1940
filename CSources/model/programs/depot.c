// SPDX-License-Identifier: Apache-2.0
// The stack of batches, and magazines over it. A batch in two hands shows as a race of its plain owner word; a batch
// that is popped and pushed again between another's look and its CAS (ABA) as a batch lost or in two hands.
#include "world.h"

#include "depot.h"

#define BATCHES 3

static mt_depot_t depot;
static mt_a32_t next_of[BATCHES + 1];
static uint32_t holds[BATCHES + 1]; // plain: whoever has the batch

static uint32_t load_link(const void *space, uint32_t index) {
    (void)space;
    return mt_a32_load_rlx(&next_of[index]);
}
static void store_link(const void *space, uint32_t index, uint32_t next) {
    (void)space;
    mt_a32_store_rlx(&next_of[index], next);
}
static const mt__link_ops_t links = {load_link, store_link};

static void push(uint32_t batch) { mt__depot_push(&depot, &links, NULL, batch); }

static uint32_t pop(void) {
    uint32_t batch = mt__depot_pop(&depot, &links, NULL);
    if (!batch) return 0;
    MODEL_EXPECT(holds[batch] == 0);
    holds[batch] = 1;
    return batch;
}

static void give(uint32_t batch) {
    if (!batch) return;
    holds[batch] = 0;
    push(batch);
}

static void setup_stack(void) {
    for (uint32_t batch = 1; batch <= BATCHES; batch++) push(batch);
    MODEL_NAME(depot.top);
}

// One takes one and gives it back; one takes two and gives the first back, which makes the ABA; one takes one.
static void takers(uint32_t thread) {
    if (thread == 1) give(pop());
    if (thread == 3) pop();
    if (thread != 2) return;
    uint32_t a = pop();
    pop();
    give(a);
}

static void check_stack(void) {
    uint32_t out = 0, in = 0;
    for (uint32_t batch = 1; batch <= BATCHES; batch++) out += holds[batch];
    while (pop()) in++;
    MODEL_EXPECT(out + in == BATCHES);
}

MODEL_PROGRAM(depot_stack, .setup = setup_stack, .body = takers, .finish = check_stack, .threads = 3);

// Two threads that take three items and give them back, with magazines of two: batches go through the depot.
static mt_region_t region;
static mt_magazine_t magazines[3];
static uint32_t owner[64]; // plain: whoever has the item

static void setup_region(void) {
    MT_ASSERT(mt_region_init(&region, "items", 16, 8, 64) == MT_OK);
    uint32_t items[6];
    for (int i = 0; i < 6; i++) items[i] = mt_region_take(&region, &magazines[0]);
    for (int i = 0; i < 6; i++) mt_region_give(&region, &magazines[0], items[i]);
    mt_region_flush(&region, &magazines[0]);
    for (uint32_t i = 1; i < 3; i++) {
        mt_region_give(&region, &magazines[i], mt_region_take(&region, &magazines[i]));
        mt_region_flush(&region, &magazines[i]);
    }
    MODEL_NAME(region.depot.top);
}

static void borrow(uint32_t thread) {
    uint32_t items[3];
    for (int i = 0; i < 3; i++) {
        items[i] = mt_region_take(&region, &magazines[thread]);
        MODEL_EXPECT(items[i] && owner[items[i]] == 0);
        owner[items[i]] = thread;
    }
    for (int i = 0; i < 3; i++) {
        MODEL_EXPECT(owner[items[i]] == thread);
        owner[items[i]] = 0;
        mt_region_give(&region, &magazines[thread], items[i]);
    }
    mt_region_flush(&region, &magazines[thread]);
}

static void check_region(void) {
    MODEL_EXPECT(mt_region_live(&region) == 0);
    mt_region_check(&region);
}

MODEL_PROGRAM(depot_magazines, .setup = setup_region, .body = borrow, .finish = check_region, .threads = 2);
