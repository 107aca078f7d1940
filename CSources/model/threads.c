// SPDX-License-Identifier: Apache-2.0
// The threads of one execution: fibers, of which one runs at a time. A thread is left in two ways: by preemption before
// an operation that others may see, which the bound counts, or because it sleeps or ends, which is free.
//
// All asleep is a deadlock, and a deadlock is how a lost wake-up shows. Two exceptions. Sleep for "something must
// change" (model_wait) may have begun on values that were stale: each such thread is given one more run in which it
// sees the latest of everything, one thread at a time; if that changes nothing, it is a deadlock. And threads that are
// meant to sleep in the end, the program's daemons, may.
#include "engine.h"

#include <string.h>

extern _Thread_local struct mt_thread *mt_thread_current;

#define STEPS_MAX 20000u // operations of an execution: more is a livelock

model_thread_t model_threads[MODEL_THREADS_MAX];
uint32_t model_current;
uint32_t model_stores;
bool model_is_running, model_is_alone;

static const model_program_t *program;
static void *main_stack_pointer;
static uint32_t steps;

uint32_t model_thread(void) { return model_current; }

static bool holds(const model_thread_t *thread);

static bool may_run(uint32_t number) {
    const model_thread_t *thread = &model_threads[number];
    switch (thread->state) {
    case MODEL_READY:
        return true;
    case MODEL_WAITING:
        return thread->stores_seen != model_stores;
    case MODEL_AWAITING:
        return holds(thread);
    case MODEL_LOCKING:
    case MODEL_PARKED:
    case MODEL_ENDED:
        return false;
    }
    return false;
}

static uint32_t list_runnable(uint32_t *list, uint32_t except) {
    uint32_t count = 0;
    for (uint32_t i = 1; i <= program->threads; i++)
        if (i != except && may_run(i)) list[count++] = i;
    return count;
}

static void switch_to(uint32_t number) {
    model_thread_t *from = model_self(), *to = &model_threads[number];
    from->tls = mt_thread_current;
    mt_thread_current = to->tls;
    model_current = number;
    to->has_moved = false;
    to->state = MODEL_READY;
    model_fiber_switch(&from->stack_pointer, to->stack_pointer);
}

void model_point(void) {
    if (model_is_alone) return;
    if (++steps == STEPS_MAX) model_fail("livelock: more than %u steps", STEPS_MAX);
    model_thread_t *self = model_self();
    // Right after a switch the others had their chance.
    if (!self->has_moved || !model_preemptions_left) {
        self->has_moved = true;
        return;
    }
    uint32_t others[MODEL_THREADS_MAX];
    uint32_t count = list_runnable(others, model_current);
    uint32_t choice = model_decide(count + 1);
    if (choice == 0) return;
    model_preemptions_left--;
    switch_to(others[choice - 1]);
    model_self()->has_moved = true;
}

static bool is_over(void) {
    for (uint32_t i = 1; i <= program->threads; i++)
        if (model_threads[i].state != MODEL_ENDED && !(program->daemons >> i & 1)) return false;
    return true;
}

static const char *state_name(model_state_t state) {
    static const char *const names[] = {"ready", "waiting", "awaiting", "locking", "parked", "ended"};
    return names[state];
}

// Nobody can run. Who may after all: a waiter with fresh reads, or a sleeper whose time has come. 0: the end is right.
static uint32_t last_resort(void) {
    for (uint32_t i = 1; i <= program->threads; i++) {
        model_thread_t *thread = &model_threads[i];
        if (thread->state != MODEL_WAITING || thread->tried_at == model_stores + 1) continue;
        thread->tried_at = model_stores + 1;
        thread->is_fresh = true;
        return i;
    }
    if (program->time_passes && model_pass_time()) {
        uint32_t list[MODEL_THREADS_MAX];
        uint32_t count = list_runnable(list, 0);
        return list[model_decide(count)];
    }
    if (is_over()) return 0;
    char text[256];
    size_t length = 0;
    text[0] = 0;
    for (uint32_t i = 1; i <= program->threads; i++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length, " T%u %s", i, state_name(model_threads[i].state));
    model_fail("deadlock:%s", text);
}

// The current thread cannot go on: who is next, or finish.
static void go_elsewhere(void) {
    uint32_t list[MODEL_THREADS_MAX];
    uint32_t count = list_runnable(list, 0);
    uint32_t next = count ? list[model_decide(count)] : last_resort();
    if (next != model_current) switch_to(next);
    else model_self()->state = MODEL_READY;
}

void model_sleep(model_state_t state) {
    model_thread_t *self = model_self();
    if (model_is_alone) model_fail("finish would sleep");
    if (++steps == STEPS_MAX) model_fail("livelock: more than %u steps", STEPS_MAX);
    self->state = state;
    self->stores_seen = model_stores;
    self->is_fresh = false;
    if (model_is_tracing) model_trace(__builtin_return_address(0), "%s", state_name(state));
    go_elsewhere();
}

void model_wait(void) {
    // Stored just now by this thread itself: not what it waits for.
    model_sleep(MODEL_WAITING);
}

static bool holds(const model_thread_t *thread) {
    model_is_running = false; // what the condition reads is nobody's access
    bool result = thread->condition(thread->argument);
    model_is_running = true;
    return result;
}

void model_await(bool (*condition)(void *argument), void *argument) {
    model_thread_t *self = model_self();
    self->condition = condition;
    self->argument = argument;
    if (!holds(self)) model_sleep(MODEL_AWAITING);
    self->known_stores = model_stores;
}

typedef struct awaited {
    const void *word;
    uint32_t size;
    uint64_t value;
} awaited_t;

static bool has_changed(void *raw) {
    const awaited_t *awaited = raw;
    return model_read_memory(awaited->word, awaited->size) != awaited->value;
}

void model_await_change(const void *word, uint32_t size, uint64_t while_it_is) {
    awaited_t awaited = {word, size, while_it_is};
    model_await(has_changed, &awaited);
}

// A short bounded loop passes time; who waits for others in one would be a livelock.
void mt_model_relax(void) {
    if (model_is_running) model_now_ns += 1000;
}

static void thread_main(void) {
    if (model_current == 0) {
        model_is_alone = true;
        for (uint32_t i = 1; i <= program->threads; i++)
            model_clock_join(&model_threads[0].clock, &model_threads[i].clock);
        if (program->finish) program->finish();
        model_leave();
    }
    program->body(model_current);
    model_self()->state = MODEL_ENDED;
    model_stores++; // whoever waits for a change gets one
    if (model_is_tracing) model_trace(NULL, "ended");
    go_elsewhere();
}

void model_leave(void) {
    void *forgotten;
    model_fiber_switch(&forgotten, main_stack_pointer);
    __builtin_unreachable();
}

void model_run_threads(const model_program_t *which) {
    program = which;
    steps = 0;
    model_stores = 0;
    model_is_alone = false;
    void *main_tls = mt_thread_current;
    for (uint32_t i = 0; i <= which->threads; i++) {
        model_thread_t *thread = &model_threads[i];
        memset(thread, 0, sizeof *thread);
        // Thread 0 made the world at its time 1; everybody has seen that.
        thread->clock.at[0] = 1;
        thread->clock.at[i] = 1;
        thread->stack_pointer = model_fiber_make(model_stack_end(i), thread_main);
    }
    uint32_t list[MODEL_THREADS_MAX];
    model_current = list[0] = 1;
    model_current = list_runnable(list, 0) ? list[model_decide(which->threads)] : 1;
    mt_thread_current = NULL;
    model_fiber_switch(&main_stack_pointer, model_self()->stack_pointer);
    mt_thread_current = main_tls;
}
