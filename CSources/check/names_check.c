// SPDX-License-Identifier: Apache-2.0
// Checks of names: the contract, one thread at a time, and refusal of memory. Contention: names_hammer_check.c.
#include "check.h"
#include "martlet/memory.h"
#include "martlet/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mt_name_t *intern(const char *text) { return mt_name_intern(text, strlen(text)); }

static bool everyone_lives(uint64_t pid) {
    EXPECT(!mt_rcu_is_reading());
    return pid != 0;
}

static bool only_odd_live(uint64_t pid) { return pid & 1; }

MT_CHECK(names_intern_is_one_entry_a_text) {
    const mt_name_t *a = intern("counter");
    EXPECT(a && a == intern("counter"));
    size_t length = 0;
    EXPECT(strcmp(mt_name_text(a, &length), "counter") == 0 && length == 7);
    EXPECT(mt_name_text(a, NULL) == mt_name_text(a, &length));
    const mt_name_t *prefix = mt_name_intern("counter", 5);
    EXPECT(prefix && prefix != a && strcmp(mt_name_text(prefix, NULL), "count") == 0);
    EXPECT(mt_name_id(prefix) != mt_name_id(a) && mt_name_id(prefix) < MT_NAMES_MAX);
    const mt_name_t *empty = mt_name_intern(NULL, 0);
    EXPECT(empty && empty == intern("") && mt_name_text(empty, NULL)[0] == 0);
    EXPECT(mt_name_intern("a\0b", 3) != mt_name_intern("a\0c", 3));
    EXPECT(mt_name_intern("a\0b", 3) == mt_name_intern("a\0b", 3));
    EXPECT(!mt_rcu_is_reading());
}

MT_CHECK(names_intern_length_has_a_limit) {
    static char text[MT_NAME_LENGTH_MAX + 1];
    memset(text, 'x', sizeof text);
    const mt_name_t *longest = mt_name_intern(text, MT_NAME_LENGTH_MAX);
    EXPECT(longest && longest->length == MT_NAME_LENGTH_MAX && longest->text[MT_NAME_LENGTH_MAX] == 0);
    EXPECT(mt_name_intern(text, MT_NAME_LENGTH_MAX + 1) == NULL);
}

MT_CHECK(names_register_lookup_unregister) {
    mt_names_t *names = NULL;
    uint64_t holder = 99;
    const mt_name_t *name = intern("solo");
    EXPECT(mt_names_create(everyone_lives, &names) == MT_OK);
    EXPECT(mt_names_lookup(names, name) == 0);
    EXPECT(!mt_names_unregister(names, name, 7));
    EXPECT(mt_names_register(names, name, 7, &holder) == MT_OK && holder == 0);
    EXPECT(mt_names_lookup(names, name) == 7);
    EXPECT(mt_names_lookup(names, intern("another")) == 0);
    EXPECT(mt_names_register(names, name, 8, &holder) == MT_NAME_TAKEN && holder == 7);
    EXPECT(mt_names_register(names, name, 7, &holder) == MT_NAME_TAKEN && holder == 7);
    EXPECT(!mt_names_unregister(names, name, 8) && !mt_names_unregister(names, name, 0));
    EXPECT(mt_names_lookup(names, name) == 7);
    EXPECT(mt_names_unregister(names, name, 7) && mt_names_lookup(names, name) == 0);
    EXPECT(!mt_names_unregister(names, name, 7));
    EXPECT(mt_names_register(names, name, 8, &holder) == MT_OK && mt_names_lookup(names, name) == 8);
    mt_names_destroy(names);
    mt_names_destroy(NULL);
}

MT_CHECK(names_tables_are_apart) {
    mt_names_t *first = NULL, *second = NULL;
    uint64_t holder = 0;
    const mt_name_t *name = intern("shared");
    EXPECT(mt_names_create(everyone_lives, &first) == MT_OK && mt_names_create(everyone_lives, &second) == MT_OK);
    EXPECT(mt_names_register(first, name, 5, &holder) == MT_OK);
    EXPECT(mt_names_lookup(second, name) == 0);
    EXPECT(mt_names_register(second, name, 6, &holder) == MT_OK);
    mt_names_destroy(first);
    EXPECT(mt_names_lookup(second, name) == 6);
    mt_names_destroy(second);
}

MT_CHECK(names_dead_holder_never_blocks) {
    mt_names_t *names = NULL;
    uint64_t holder = 0;
    const mt_name_t *name = intern("mortal");
    EXPECT(mt_names_create(only_odd_live, &names) == MT_OK);
    EXPECT(mt_names_register(names, name, 2, &holder) == MT_OK);
    EXPECT(mt_names_lookup(names, name) == 2); // the caller learns by using it
    EXPECT(mt_names_register(names, name, 3, &holder) == MT_OK);
    EXPECT(mt_names_lookup(names, name) == 3);
    EXPECT(!mt_names_unregister(names, name, 2)); // clean-up of the dead comes late: the name is another's
    EXPECT(mt_names_register(names, name, 5, &holder) == MT_NAME_TAKEN && holder == 3);
    mt_names_destroy(names);
}

typedef struct {
    mt_names_t *names;
    uint32_t count;
    uint32_t last_id;
    uint64_t sum;
} visit_t;

static void count_visit(void *context, const mt_name_t *name, uint64_t pid) {
    visit_t *visit = context;
    EXPECT(!mt_rcu_is_reading());
    EXPECT(visit->count == 0 || name->id > visit->last_id);
    EXPECT(mt_names_lookup(visit->names, name) == pid);
    visit->count++;
    visit->last_id = name->id;
    visit->sum += pid;
    if (pid == 2) EXPECT(mt_names_unregister(visit->names, name, pid));
}

// More names than a segment has cells, so that the table has several.
MT_CHECK(names_for_each_visits_every_registration) {
    enum { COUNT = 3000 };
    mt_names_t *names = NULL;
    uint64_t holder = 0;
    EXPECT(mt_names_create(everyone_lives, &names) == MT_OK);
    for (uint64_t i = 1; i <= COUNT; i++) {
        char text[32];
        snprintf(text, sizeof text, "visited-%u", (unsigned)i);
        const mt_name_t *name = intern(text);
        EXPECT(name && mt_names_register(names, name, i, &holder) == MT_OK);
    }
    visit_t visit = {.names = names};
    mt_names_for_each(names, count_visit, &visit);
    EXPECT(visit.count == COUNT && visit.sum == (uint64_t)COUNT * (COUNT + 1) / 2);
    visit = (visit_t){.names = names};
    mt_names_for_each(names, count_visit, &visit);
    EXPECT(visit.count == COUNT - 1);
    mt_names_destroy(names);
}

MT_CHECK(names_out_of_memory) {
    mt_names_t *names = NULL, *none = NULL;
    uint64_t holder = 99;
    const mt_name_t *name = intern("memory");
    EXPECT(mt_names_create(everyone_lives, &names) == MT_OK);
    mt_alloc_fail_at(1, UINT64_MAX);
    EXPECT(mt_names_create(everyone_lives, &none) == MT_NO_MEMORY && none == NULL);
    EXPECT(intern("no memory for this one") == NULL);
    EXPECT(intern("memory") == name);
    EXPECT(mt_names_register(names, name, 7, &holder) == MT_NO_MEMORY && holder == 0);
    EXPECT(mt_names_lookup(names, name) == 0 && !mt_names_unregister(names, name, 7));
    mt_alloc_fail_at(0, 0);
    const mt_name_t *late = intern("no memory for this one");
    EXPECT(late && late->id == mt_name_id(intern("the one after")) - 1); // a failure takes no id
    EXPECT(mt_names_register(names, name, 7, &holder) == MT_OK && mt_names_lookup(names, name) == 7);
    mt_names_destroy(names);
}
