// SPDX-License-Identifier: Apache-2.0
// Which execution comes next. Every question of an execution (who runs, which value) is a choice of 0 ..< count; the
// answers of one execution are a path in a tree, and the next execution takes the next path, depth first.
//
// Where it matters who goes first is learned: an atomic counts as private until two threads touch it with nothing
// ordering them, one of them writing. Then it counts as contended for good, and the search starts again. What is never
// contended needs no switch before it: all executions agree on it (Musuvathi and Qadeer, 2007: in a program whose
// plain data has no races, preemptions at synchronisation are enough).
#include "engine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHOICES_MAX (1u << 20) // an execution that asks more is a livelock

typedef struct choice {
    uint32_t count, taken;
} choice_t;

static choice_t *choices;
static uint32_t choices_known, choices_asked;
static const model_options_t *options;
static uint64_t random_state;
static model_outcome_t outcome;
static char failure[512];

uint32_t model_preemptions_left;
uint32_t model_execution;

static uint32_t random_below(uint32_t count) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % count;
}

uint32_t model_decide(uint32_t count) {
    if (count <= 1 || model_is_alone) return 0;
    if (choices_asked == CHOICES_MAX) model_fail("livelock: the execution does not end");
    choice_t *choice = &choices[choices_asked++];
    if (choices_asked <= choices_known) {
        if (choice->count == count) return choice->taken;
        fprintf(stderr, "model: the program is not deterministic: %u choices, now %u\n", choice->count, count);
        abort();
    }
    choice->count = count;
    // In random mode the first choice, to go on, is as likely as all others together.
    choice->taken = !options->random ? 0 : random_below(2) ? random_below(count) : 0;
    choices_known = choices_asked;
    return choice->taken;
}

uint32_t model_choose(uint32_t count) { return model_decide(count); }

// The next path; false: that was the last.
static bool next_path(void) {
    if (options->random) {
        choices_known = 0;
        return true;
    }
    while (choices_known && choices[choices_known - 1].taken + 1 == choices[choices_known - 1].count) choices_known--;
    if (!choices_known) return false;
    choices[choices_known - 1].taken++;
    return true;
}

void model_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    if (!model_is_running) {
        fprintf(stderr, "model: setup failed: %s\n", failure);
        abort();
    }
    outcome = MODEL_FAILED;
    model_leave();
}

void model_abandon(void) {
    outcome = MODEL_AGAIN;
    model_leave();
}

static void run_once(const model_program_t *program) {
    model_execution++;
    choices_asked = 0;
    outcome = MODEL_FINE;
    model_preemptions_left = options->random ? UINT32_MAX : options->bound;
    model_atomics_reset();
    model_sync_reset();
    model_is_running = true;
    model_run_threads(program);
    model_is_running = false;
    model_shadow_undo();
    model_heap_reset();
}

// Runs the failing path once more and prints it.
static void show(const model_program_t *program) {
    char message[sizeof failure];
    memcpy(message, failure, sizeof message);
    model_trace_begin();
    model_is_tracing = true;
    run_once(program);
    model_is_tracing = false;
    model_trace_print();
    if (strcmp(message, failure)) printf("  the second run says: %s\n", failure);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); // of this core: others may use the machine
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void model_explore(const model_program_t *program, const model_options_t *asked, model_result_t *result) {
    options = asked;
    choices = __real_calloc(CHOICES_MAX, sizeof *choices);
    random_state = asked->seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    memset(result, 0, sizeof *result);
    double begin = seconds_now();
    program->setup();
    model_heap_mark();
    model_sync_mark();
    for (;;) {
        run_once(program);
        if (outcome == MODEL_AGAIN) {
            result->restarts++;
            result->executions = 0;
            choices_known = 0;
            continue;
        }
        result->executions++;
        if (outcome == MODEL_FAILED) {
            result->has_failed = true;
            snprintf(result->message, sizeof result->message, "%s", failure);
            if (!asked->quiet) show(program);
            break;
        }
        if (!next_path()) {
            result->is_exhausted = true;
            break;
        }
        if (asked->executions_max && result->executions == asked->executions_max) break;
    }
    result->seconds = seconds_now() - begin;
}
