// SPDX-License-Identifier: Apache-2.0
// Checks of names: interning and registrations, alone, under contention and without memory.
#include "check.h"
#include "martlet/memory.h"
#include "martlet/names.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Processes of these checks: index below THREADS, generation counted up by the thread that plays them.
#define WRITERS_MAX 16
#define READERS 2
#define GENERATIONS 60000u // that each thread lives through in a round
#define HAMMER_NAMES 3

typedef struct {
    mt_a32_t word;
} flag_t;

typedef struct {
    mt_names_t *names;
    const mt_name_t *name[HAMMER_NAMES];
    mt_a32_t holders[HAMMER_NAMES];         // living processes that were told they hold the name: 0 or 1
    mt_a64_t alive[WRITERS_MAX];            // the generation that lives at the index, 0 for none
    flag_t tried[WRITERS_MAX][GENERATIONS]; // the generation is about to ask for a name
    flag_t over[WRITERS_MAX][GENERATIONS];  // it gave its name back, or died, so that another may follow
    flag_t refused[WRITERS_MAX][GENERATIONS];
    flag_t seen[WRITERS_MAX][GENERATIONS]; // a lookup returned it
    mt_a32_t start;
    mt_a32_t running; // writers
} hammer_t;

static hammer_t *hammer;

static uint64_t pid_of(uint32_t index, uint32_t generation) { return (uint64_t)generation << 32 | index; }

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

#define STAMPEDE_THREADS 8
#define STAMPEDE_NAMES 1500 // several doublings of the table while it is used

typedef struct {
    mt_a32_t *start;
    const mt_name_t *got[STAMPEDE_NAMES];
} stampede_t;

static void start_together(mt_a32_t *start, uint32_t count) {
    mt_a32_add(start, 1);
    while (mt_a32_load_acq(start) < count) sched_yield();
}

static void stampede_main(void *argument, uint32_t number) {
    stampede_t *stampede = &((stampede_t *)argument)[number];
    start_together(stampede->start, STAMPEDE_THREADS);
    for (uint32_t i = 0; i < STAMPEDE_NAMES; i++) {
        char text[32];
        snprintf(text, sizeof text, "stampede-%u", (unsigned)i);
        stampede->got[i] = intern(text);
    }
}

MT_CHECK(names_stampede_gives_one_entry) {
    static stampede_t stampede[STAMPEDE_THREADS];
    mt_a32_t start = {0};
    const uint32_t first_id = mt_name_id(intern("before the stampede"));
    for (int i = 0; i < STAMPEDE_THREADS; i++) stampede[i].start = &start;
    mt_check_run_threads(STAMPEDE_THREADS, stampede_main, stampede);
    // Losers give ids back, so the gaps stay few: at most one a thread and name, in fact hardly any.
    static uint8_t id_used[STAMPEDE_THREADS * STAMPEDE_NAMES];
    memset(id_used, 0, sizeof id_used);
    for (uint32_t n = 0; n < STAMPEDE_NAMES; n++) {
        char text[32];
        snprintf(text, sizeof text, "stampede-%u", (unsigned)n);
        const mt_name_t *name = intern(text);
        EXPECT(name && strcmp(name->text, text) == 0);
        for (int i = 0; i < STAMPEDE_THREADS; i++) EXPECT(stampede[i].got[n] == name);
        const uint32_t offset = name->id - first_id - 1;
        EXPECT(offset < sizeof id_used && !id_used[offset]);
        id_used[offset] = 1;
    }
}

static bool hammer_is_alive(uint64_t pid) { return mt_a64_load_acq(&hammer->alive[(uint32_t)pid]) == pid >> 32; }

// What a lookup found must have asked for the name, and must not be over when it is found again: pids never return.
static void look(uint32_t n) {
    const uint64_t pid = mt_names_lookup(hammer->names, hammer->name[n]);
    if (pid == 0) return;
    const uint32_t index = (uint32_t)pid, generation = (uint32_t)(pid >> 32);
    if (index >= WRITERS_MAX || generation == 0 || generation >= GENERATIONS) {
        EXPECT(!"a pid that nobody registered");
        return;
    }
    EXPECT(mt_a32_load_rlx(&hammer->tried[index][generation].word) == 1);
    mt_a32_store_rlx(&hammer->seen[index][generation].word, 1);
    if (mt_a32_load_acq(&hammer->over[index][generation].word)) {
        EXPECT(mt_names_lookup(hammer->names, hammer->name[n]) != pid);
    }
}

static void hold(uint32_t index, uint32_t generation, uint32_t n) {
    const uint64_t pid = pid_of(index, generation);
    EXPECT(mt_a32_add(&hammer->holders[n], 1) == 0);
    EXPECT(mt_names_lookup(hammer->names, hammer->name[n]) == pid);
    EXPECT(!mt_names_unregister(hammer->names, hammer->name[n], pid_of((index + 1) % WRITERS_MAX, generation)));
    EXPECT(!mt_names_unregister(hammer->names, hammer->name[n], pid_of(index, generation + 1)));
    EXPECT(mt_names_lookup(hammer->names, hammer->name[n]) == pid);
    if (generation % 64 == 0) sched_yield();
    mt_a32_add(&hammer->holders[n], (uint32_t)-1);
    if (generation % 3 == 0) { // dies with its name; whoever comes next takes it, or the clean-up below, not both
        mt_a64_store_rel(&hammer->alive[index], 0);
        (void)mt_names_unregister(hammer->names, hammer->name[n], pid);
    } else {
        EXPECT(mt_names_unregister(hammer->names, hammer->name[n], pid));
    }
    // Either way the cell has left pid behind.
    mt_a32_store_rel(&hammer->over[index][generation].word, 1);
}

static void writer(uint32_t index) {
    for (uint32_t generation = 1; generation < GENERATIONS; generation++) {
        if (generation % 256 == 0 && mt_check_time_is_up()) break;
        const uint32_t n = (generation * 7 + index) % HAMMER_NAMES;
        mt_a64_store_rel(&hammer->alive[index], generation);
        mt_a32_store_rlx(&hammer->tried[index][generation].word, 1); // published by the registration
        uint64_t holder = 0;
        mt_status_t status = mt_names_register(hammer->names, hammer->name[n], pid_of(index, generation), &holder);
        if (status == MT_OK) {
            hold(index, generation, n);
        } else {
            EXPECT(status == MT_NAME_TAKEN && holder != 0 && (uint32_t)holder != index);
            mt_a32_store_rlx(&hammer->refused[index][generation].word, 1);
        }
        look((n + 1) % HAMMER_NAMES);
    }
    mt_a32_add(&hammer->running, (uint32_t)-1);
}

static void reader(void) {
    while (mt_a32_load_acq(&hammer->running) != 0) {
        for (uint32_t n = 0; n < HAMMER_NAMES; n++) look(n);
    }
}

static void hammer_main(void *writers, uint32_t number) {
    start_together(&hammer->start, *(uint32_t *)writers + READERS);
    if (number < *(uint32_t *)writers) {
        writer(number);
    } else {
        reader();
    }
}

static void hammer_round(uint32_t writers) {
    hammer = calloc(1, sizeof *hammer);
    EXPECT(hammer && mt_names_create(hammer_is_alive, &hammer->names) == MT_OK);
    static const char *const texts[HAMMER_NAMES] = {"hammer-a", "hammer-b", "hammer-c"};
    for (int n = 0; n < HAMMER_NAMES; n++) hammer->name[n] = intern(texts[n]);
    mt_a32_store_rlx(&hammer->running, writers);
    mt_check_run_threads(writers + READERS, hammer_main, &writers);
    for (uint32_t i = 0; i < writers; i++) {
        for (uint32_t g = 1; g < GENERATIONS; g++) { // who was refused was never to be found
            EXPECT(!(mt_a32_load_rlx(&hammer->refused[i][g].word) && mt_a32_load_rlx(&hammer->seen[i][g].word)));
        }
    }
    for (int n = 0; n < HAMMER_NAMES; n++) EXPECT(mt_names_lookup(hammer->names, hammer->name[n]) == 0);
    mt_names_destroy(hammer->names);
    free(hammer);
}

MT_CHECK(names_hammer_one_holder_at_a_time) {
    uint32_t writers = mt_check_threads();
    if (writers > WRITERS_MAX) writers = WRITERS_MAX;
    mt_check_begin_hammer();
    do hammer_round(writers);
    while (!mt_check_time_is_up());
}

// How long a lookup takes: two readers, and with churn one more thread that changes the names all the time.
#define FIGURE_NAMES 64
#define FIGURE_LOOKUPS 8000000u

typedef struct {
    mt_names_t *names;
    const mt_name_t *name[FIGURE_NAMES];
    mt_a64_t spent_ns;
    mt_a32_t start;
    mt_a32_t reading;
    uint32_t threads;
} figure_t;

static void churn(figure_t *figure) {
    for (uint64_t i = 0; mt_a32_load_rlx(&figure->reading) != 0; i++) {
        const mt_name_t *name = figure->name[i * 5 % FIGURE_NAMES];
        uint64_t holder = 0;
        EXPECT(mt_names_unregister(figure->names, name, mt_names_lookup(figure->names, name)));
        EXPECT(mt_names_register(figure->names, name, pid_of(1, (uint32_t)i + 2), &holder) == MT_OK);
    }
}

static void figure_main(void *argument, uint32_t number) {
    figure_t *figure = argument;
    start_together(&figure->start, figure->threads);
    if (number >= READERS) {
        churn(figure);
        return;
    }
    uint64_t found = 0;
    const uint64_t begin_ns = mt_check_now_ns();
    for (uint32_t i = 0; i < FIGURE_LOOKUPS; i++) {
        found += mt_names_lookup(figure->names, figure->name[i * 7 % FIGURE_NAMES]) != 0;
    }
    mt_a64_add(&figure->spent_ns, mt_check_now_ns() - begin_ns);
    EXPECT(found > 0);
    mt_a32_add(&figure->reading, (uint32_t)-1);
}

static double lookup_ns(bool with_churn) {
    figure_t figure = {.threads = READERS + with_churn, .reading = {READERS}};
    EXPECT(mt_names_create(everyone_lives, &figure.names) == MT_OK);
    for (uint32_t i = 0; i < FIGURE_NAMES; i++) {
        char text[32];
        uint64_t holder = 0;
        snprintf(text, sizeof text, "figure-%u", (unsigned)i);
        figure.name[i] = intern(text);
        EXPECT(mt_names_register(figure.names, figure.name[i], pid_of(1, 1), &holder) == MT_OK);
    }
    mt_check_run_threads(figure.threads, figure_main, &figure);
    mt_names_destroy(figure.names);
    return (double)mt_a64_load_rlx(&figure.spent_ns) / READERS / FIGURE_LOOKUPS;
}

MT_CHECK(names_lookup_figure) {
    mt_check_figure("lookup by name, 2 readers", lookup_ns(false), "ns");
    mt_check_figure("lookup by name, 2 readers under churn", lookup_ns(true), "ns");
}
