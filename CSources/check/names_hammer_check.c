// SPDX-License-Identifier: Apache-2.0
// Checks of names under contention: stampedes for one text and for one segment, a hammer on few names, and the figure
// of a lookup.
#include "check.h"
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

// A segment that several threads need at once is made once: nobody's registration may go to a loser's copy.
#define SEGMENT_ROUNDS 60
#define SEGMENT_NAMES 3 // segments apart

typedef struct {
    mt_names_t *names;
    const mt_name_t *name[STAMPEDE_THREADS][SEGMENT_NAMES];
    mt_a32_t start;
} segment_t;

static void segment_main(void *argument, uint32_t number) {
    segment_t *segment = argument;
    start_together(&segment->start, STAMPEDE_THREADS);
    for (uint32_t n = 0; n < SEGMENT_NAMES; n++) {
        uint64_t holder = 0;
        EXPECT(mt_names_register(segment->names, segment->name[number][n], pid_of(number, 1), &holder) == MT_OK);
    }
}

MT_CHECK(names_stampede_for_a_segment) {
    segment_t segment = {0};
    for (uint32_t n = 0; n < SEGMENT_NAMES; n++) {
        for (uint32_t i = 0; i < 1u << MT_NAMES_SEGMENT_BITS; i++) {
            char text[32];
            snprintf(text, sizeof text, "segment-%u-%u", (unsigned)n, (unsigned)i);
            if (i < STAMPEDE_THREADS) {
                segment.name[i][n] = intern(text);
            } else {
                EXPECT(intern(text) != NULL);
            }
        }
    }
    for (int round = 0; round < SEGMENT_ROUNDS; round++) {
        EXPECT(mt_names_create(everyone_lives, &segment.names) == MT_OK);
        mt_a32_store_rlx(&segment.start, 0);
        mt_check_run_threads(STAMPEDE_THREADS, segment_main, &segment);
        for (uint32_t i = 0; i < STAMPEDE_THREADS; i++) {
            for (uint32_t n = 0; n < SEGMENT_NAMES; n++) {
                EXPECT(mt_names_lookup(segment.names, segment.name[i][n]) == pid_of(i, 1));
            }
        }
        mt_names_destroy(segment.names);
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
