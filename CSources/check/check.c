// SPDX-License-Identifier: Apache-2.0
// Runs the registered checks: --list, --only SUBSTRING, --seconds N for each hammer, --threads N of each hammer.
// The last line is "N passed, N failed"; the exit status is 1 if one failed, 2 for a wrong argument.
#include "check.h"

#include "martlet/atomic.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64

static mt_check_t *checks;
static mt_a32_t failures; // of the running check
static double hammer_seconds = 1;
static uint32_t hammer_threads = 4;
static mt_a64_t hammer_end_ns;

static bool comes_before(const mt_check_t *a, const mt_check_t *b) {
    if (a->is_first != b->is_first) return a->is_first;
    return strcmp(a->name, b->name) < 0;
}

void mt_check_register(mt_check_t *check) {
    // In order of names, so that the order of linking does not matter.
    mt_check_t **at = &checks;
    while (*at && comes_before(*at, check)) at = &(*at)->next;
    check->next = *at;
    *at = check;
}

void mt_check_failed(const char *file, int line, const char *condition) {
    // One broken hammer must not print a million lines.
    if (mt_a32_add_rlx(&failures, 1) < 20) printf("  %s:%d: expected %s\n", file, line, condition);
}

uint32_t mt_check_failures(void) { return mt_a32_load_rlx(&failures); }

void mt_check_figure(const char *name, double value, const char *unit) { printf("  %s: %.1f %s\n", name, value, unit); }

uint32_t mt_check_threads(void) { return hammer_threads; }

uint64_t mt_check_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void mt_check_begin_hammer(void) {
    // relaxed: the hammer's threads start after it.
    mt_a64_store_rlx(&hammer_end_ns, mt_check_now_ns() + (uint64_t)(hammer_seconds * 1e9));
}

bool mt_check_time_is_up(void) { return mt_check_now_ns() >= mt_a64_load_rlx(&hammer_end_ns); }

uint32_t mt_check_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

typedef struct {
    void (*body)(void *, uint32_t);
    void *argument;
    uint32_t number;
} start_t;

static void *thread_main(void *raw) {
    start_t *start = raw;
    start->body(start->argument, start->number);
    return NULL;
}

void mt_check_run_threads(uint32_t count, void (*body)(void *argument, uint32_t number), void *argument) {
    pthread_t threads[THREADS_MAX];
    start_t starts[THREADS_MAX];
    uint32_t started = 0;
    while (started < count && started < THREADS_MAX) {
        starts[started] = (start_t){body, argument, started};
        if (pthread_create(&threads[started], NULL, thread_main, &starts[started]) != 0) break;
        started++;
    }
    if (started < count) mt_check_failed(__FILE__, __LINE__, "all threads start");
    for (uint32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

// Prints its line first, so that a hang or an abort names the check.
static bool run(const mt_check_t *check) {
    printf("%s\n", check->name);
    fflush(stdout);
    mt_a32_store_rlx(&failures, 0);
    uint64_t begin = mt_check_now_ns();
    check->body();
    uint32_t failed = mt_a32_load_rlx(&failures);
    double ms = (double)(mt_check_now_ns() - begin) / 1e6;
    if (failed) printf("  FAILED: %u expectations, %.0f ms\n", failed, ms);
    fflush(stdout);
    return failed == 0;
}

static int usage(void) {
    fprintf(stderr, "usage: check [--list] [--only SUBSTRING] [--seconds N] [--threads N]\n");
    return 2;
}

int main(int count, char **arguments) {
    const char *only = "";
    bool list = false;
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count;
        if (!strcmp(arguments[i], "--list")) {
            list = true;
        } else if (!strcmp(arguments[i], "--only") && has_value) {
            only = arguments[++i];
        } else if (!strcmp(arguments[i], "--seconds") && has_value) {
            hammer_seconds = strtod(arguments[++i], NULL);
        } else if (!strcmp(arguments[i], "--threads") && has_value) {
            hammer_threads = (uint32_t)strtoul(arguments[++i], NULL, 10);
        } else {
            return usage();
        }
    }
    if (hammer_threads < 2 || hammer_threads > THREADS_MAX || !(hammer_seconds > 0)) return usage();
    uint32_t passed = 0, failed = 0;
    for (const mt_check_t *check = checks; check; check = check->next) {
        if (!strstr(check->name, only)) continue;
        if (list) {
            printf("%s\n", check->name);
        } else if (run(check)) {
            passed++;
        } else {
            failed++;
        }
    }
    if (list) return 0;
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}
