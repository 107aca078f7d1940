// SPDX-License-Identifier: Apache-2.0
// Grace: a reader never sees an entry that was freed. Entries are plain memory, and a free is a plain write to them:
// one that a reader may still look at shows as a race, one that it finds after the free as a dead entry.
#include "world.h"

#include <stdlib.h>

#define DEAD 7u

typedef struct {
    uint64_t value; // plain
} entry_t;

static entry_t *entries;
static mt_aptr_t words[2];

static void setup(void) {
    world_threads(3, NULL);
    entries = calloc(2, sizeof *entries);
    for (int i = 0; i < 2; i++) mt_aptr_store_sc(&words[i], &entries[i]);
    MODEL_NAME(mt_grace.ticket);
    MODEL_NAME(words[0]);
}

static void read_word(int number) {
    entry_t *entry = mt_aptr_load_sc(&words[number]);
    if (entry) MODEL_EXPECT(entry->value != DEAD);
}

static void reader(void) {
    uint64_t outer = mt_grace_enter();
    MODEL_EXPECT(outer == MT_GRACE_OUTERMOST);
    read_word(0);
    // Nested: the outer section goes on.
    uint64_t inner = mt_grace_enter();
    mt_grace_leave(inner);
    read_word(1);
    mt_grace_leave(outer);
}

static void remover(int number) {
    mt_aptr_store_sc(&words[number], NULL);
    uint64_t ticket = mt_grace_retire();
    if (mt_grace_oldest() > ticket) entries[number].value = DEAD;
}

static void read_and_remove(uint32_t thread) {
    world_enter();
    if (thread == 1) reader();
    else remover((int)thread - 2);
}

// A reader that comes and goes while one entry after the other is removed, and the first is looked at again.
static void read_twice(uint32_t thread) {
    world_enter();
    if (thread == 1) {
        reader();
        reader();
        return;
    }
    mt_aptr_store_sc(&words[0], NULL);
    uint64_t first = mt_grace_retire();
    mt_aptr_store_sc(&words[1], NULL);
    uint64_t second = mt_grace_retire();
    uint64_t oldest = mt_grace_oldest();
    if (oldest > first) entries[0].value = DEAD;
    if (oldest > second) entries[1].value = DEAD;
}

static void check(void) { MODEL_EXPECT(mt_grace_oldest() == UINT64_MAX); }

MODEL_PROGRAM(grace_two_removers, .setup = setup, .body = read_and_remove, .finish = check, .threads = 3);
MODEL_PROGRAM(grace_reader_returns, .setup = setup, .body = read_twice, .finish = check, .threads = 2);
