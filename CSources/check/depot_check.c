// SPDX-License-Identifier: Apache-2.0
// Checks of the depot alone, with links that are slow to read: the gap between a popper's read of a link and its CAS is
// where a stack without tags loses and doubles batches.
#include "check.h"

#include "depot.h"

#include <sched.h>

enum { BATCHES = 6 };

typedef struct {
    mt_depot_t depot;
    mt_a32_t links[BATCHES + 1]; // 0 is no batch
    mt_a32_t owners[BATCHES + 1];
    mt_a64_t operations;
} stack_t;

static uint32_t load_link(const void *space, uint32_t index) {
    const stack_t *stack = space;
    uint32_t next = mt_a32_load_rlx(&stack->links[index]);
    // Somebody else's turn now and then, so that the batch is popped, used and pushed again before our CAS.
    if (mt_a64_load_rlx(&stack->depot.top) % 3 == 0) sched_yield();
    return next;
}
static void store_link(const void *space, uint32_t index, uint32_t next) {
    mt_a32_store_rlx(&((stack_t *)(uintptr_t)space)->links[index], next);
}
static const mt__link_ops_t slow_links = {load_link, store_link};

MT_CHECK(depot_smoke) {
    stack_t stack = {0};
    EXPECT(mt__depot_pop(&stack.depot, &slow_links, &stack) == 0);
    for (uint32_t i = 1; i <= BATCHES; i++) {
        mt__depot_push(&stack.depot, &slow_links, &stack, i);
        EXPECT(mt__depot_top(&stack.depot) == i && mt_a32_load_rlx(&stack.depot.count) == i);
    }
    for (uint32_t i = BATCHES; i > 0; i--) EXPECT(mt__depot_pop(&stack.depot, &slow_links, &stack) == i);
    EXPECT(mt__depot_pop(&stack.depot, &slow_links, &stack) == 0 && mt_a32_load_rlx(&stack.depot.count) == 0);
    // The tag goes round without touching the index.
    mt_a64_store_rlx(&stack.depot.top, (uint64_t)UINT32_MAX << 32);
    mt__depot_push(&stack.depot, &slow_links, &stack, 5);
    EXPECT(mt_a64_load_rlx(&stack.depot.top) == 5 && mt__depot_pop(&stack.depot, &slow_links, &stack) == 5);
}

// Pops two, pushes them back in the same order: the top comes back with another batch below it.
static void stampede_body(void *argument, uint32_t number) {
    stack_t *stack = argument;
    uint64_t operations = 0;
    while (!mt_check_time_is_up()) {
        for (uint32_t round = 0; round < 64; round++) {
            uint32_t held[2];
            for (uint32_t i = 0; i < 2; i++) {
                held[i] = mt__depot_pop(&stack->depot, &slow_links, stack);
                if (held[i]) EXPECT(mt_a32_xchg(&stack->owners[held[i]], number + 1) == 0);
            }
            for (uint32_t i = 0; i < 2; i++) {
                if (!held[i]) continue;
                EXPECT(mt_a32_xchg(&stack->owners[held[i]], 0) == number + 1);
                mt__depot_push(&stack->depot, &slow_links, stack, held[i]);
                operations++;
            }
        }
    }
    mt_a64_add_rlx(&stack->operations, operations);
}

MT_CHECK(depot_aba_stampede) {
    stack_t stack = {0};
    for (uint32_t i = 1; i <= BATCHES; i++) mt__depot_push(&stack.depot, &slow_links, &stack, i);
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), stampede_body, &stack);
    bool seen[BATCHES + 1] = {0};
    uint32_t count = 0;
    for (uint32_t index; count <= BATCHES && (index = mt__depot_pop(&stack.depot, &slow_links, &stack)) != 0; count++) {
        EXPECT(!seen[index]);
        seen[index] = true;
    }
    EXPECT(count == BATCHES);
    mt_check_figure("exchanged batches", (double)mt_a64_load_rlx(&stack.operations) / 1e3, "thousand");
}
