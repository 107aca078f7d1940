// SPDX-License-Identifier: Apache-2.0
// Checks of read sections: what they hold back, and a hammer in which freed entries are poisoned.
#include "check.h"

#include "martlet/grace.h"

#include <sched.h>
#include <stdlib.h>

MT_CHECK(grace_smoke) {
    EXPECT(mt_grace_oldest() == UINT64_MAX);
    uint64_t before = mt_grace_retire();
    uint64_t outer = mt_grace_enter();
    EXPECT(outer == MT_GRACE_OUTERMOST && mt_grace_oldest() > before);
    uint64_t during = mt_grace_retire();
    EXPECT(mt_grace_oldest() <= during);
    uint64_t inner = mt_grace_enter();
    EXPECT(inner != MT_GRACE_OUTERMOST);
    mt_grace_leave(inner);
    EXPECT(mt_grace_oldest() <= during);
    mt_grace_leave(outer);
    EXPECT(mt_grace_oldest() == UINT64_MAX);
    // Without a record nothing is free, whatever its ticket.
    uint64_t anonymous = mt__grace_enter_anonymous();
    EXPECT(mt_grace_oldest() == 0);
    mt_grace_leave(anonymous);
    EXPECT(mt_grace_oldest() == UINT64_MAX);
}

#define WORDS 4u
#define KEPT_MAX 64u
#define LIVE 1u
#define DEAD 2u

typedef struct {
    mt_aptr_t words[WORDS];
    mt_a64_t reads, frees;
} table_t;

typedef struct {
    uint32_t state; // plain
} entry_t;

typedef struct {
    uint64_t ticket;
    entry_t *entry;
} kept_t;

static entry_t *make(void) {
    entry_t *entry = malloc(sizeof *entry);
    entry->state = LIVE;
    return entry;
}

// What may be freed of the kept ones is; how many are left.
static uint32_t sweep(kept_t *kept, uint32_t count, table_t *table) {
    uint64_t oldest = mt_grace_oldest();
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept[i].ticket >= oldest) {
            kept[left++] = kept[i];
            continue;
        }
        kept[i].entry->state = DEAD;
        free(kept[i].entry);
        mt_a64_add_rlx(&table->frees, 1);
    }
    return left;
}

static void change(table_t *table, uint64_t *random) {
    kept_t kept[KEPT_MAX];
    uint32_t count = 0;
    while (!mt_check_time_is_up()) {
        entry_t *old = mt_aptr_xchg_sc(&table->words[mt_check_random(random) % WORDS], make());
        kept[count++] = (kept_t){mt_grace_retire(), old};
        count = sweep(kept, count, table);
        for (; count == KEPT_MAX; count = sweep(kept, count, table)) sched_yield(); // a reader was preempted
    }
    while (count) count = sweep(kept, count, table);
}

static void look(table_t *table, uint64_t *random) {
    while (!mt_check_time_is_up()) {
        for (uint32_t round = 0; round < 256; round++) {
            uint64_t outer = mt_grace_enter();
            const entry_t *entry = mt_aptr_load_sc(&table->words[mt_check_random(random) % WORDS]);
            EXPECT(entry->state == LIVE);
            mt_grace_leave(outer);
        }
        mt_a64_add_rlx(&table->reads, 256);
    }
}

static void change_or_look(void *argument, uint32_t number) {
    uint64_t random = number + 1;
    if (number % 2) change(argument, &random);
    else look(argument, &random);
}

MT_CHECK(grace_hammer) {
    table_t table = {0};
    for (uint32_t i = 0; i < WORDS; i++) mt_aptr_store_sc(&table.words[i], make());
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), change_or_look, &table);
    for (uint32_t i = 0; i < WORDS; i++) free(mt_aptr_load_sc(&table.words[i]));
    EXPECT(mt_grace_oldest() == UINT64_MAX);
    mt_check_figure("reads", (double)mt_a64_load_rlx(&table.reads) / 1e6, "million");
    mt_check_figure("frees", (double)mt_a64_load_rlx(&table.frees) / 1e3, "thousand");
}

MT_CHECK(grace_cost) {
    const uint32_t rounds = 2000000;
    uint64_t begun = mt_check_now_ns();
    for (uint32_t i = 0; i < rounds; i++) mt_grace_leave(mt_grace_enter());
    mt_check_figure("an empty section", (double)(mt_check_now_ns() - begun) / rounds, "ns");
}
