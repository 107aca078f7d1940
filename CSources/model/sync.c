// SPDX-License-Identifier: Apache-2.0
// Mutexes, parking and the clock: what the core asks of the system, answered by the checker. The linker leads pthread's
// mutexes here (--wrap), the environment is the core's own seam.
#include "engine.h"

#include "martlet/barrier.h"
#include "martlet/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MUTEXES_MAX 256
#define STARTED_MAX 16
#define BEGIN_NS UINT64_C(1000000000)

uint64_t model_now_ns = BEGIN_NS;

// Mutexes that are held; few at any time.
typedef struct held {
    const void *mutex;
    uint32_t owner;
} held_t;
static held_t held[MUTEXES_MAX];
static uint32_t held_count;

static model_started_t started[STARTED_MAX];
static model_clock_t start_clock[STARTED_MAX]; // what whoever started it knew
static uint32_t started_count, started_by_setup;
static uint64_t clock_object; // stands for the clock where it matters who comes first

void model_sync_mark(void) { started_by_setup = started_count; }

void model_sync_reset(void) {
    started_count = started_by_setup;
    held_count = 0;
    model_now_ns = BEGIN_NS;
}

// --- Mutexes ---------------------------------------------------------------------------------------------------------

static held_t *find_held(const void *mutex) {
    for (uint32_t i = 0; i < held_count; i++)
        if (held[i].mutex == mutex) return &held[i];
    return NULL;
}

static int lock(pthread_mutex_t *mutex, bool may_sleep, void *pc) {
    if (!model_is_running) return 0;
    model_acquire_object(mutex);
    while (find_held(mutex)) {
        if (!may_sleep) return EBUSY;
        if (find_held(mutex)->owner == model_current) model_fail("T%u locks a mutex that it holds", model_current);
        model_self()->sleeps_on = mutex;
        model_sleep(MODEL_LOCKING);
        model_acquire_object(mutex); // once more: joined with who released it
    }
    if (held_count == MUTEXES_MAX) model_fail("more mutexes held than the checker can follow");
    held[held_count++] = (held_t){mutex, model_current};
    if (model_is_tracing) model_trace(pc, "lock   %s", model_name_of(mutex));
    return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) { return lock(mutex, true, __builtin_return_address(0)); }

int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex) { return lock(mutex, false, __builtin_return_address(0)); }

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    if (!model_is_running) return 0;
    held_t *entry = find_held(mutex);
    if (!entry || entry->owner != model_current) model_fail("T%u unlocks a mutex that it does not hold", model_current);
    *entry = held[--held_count];
    model_release_object(mutex);
    for (uint32_t i = 1; i < MODEL_THREADS_MAX; i++)
        if (model_threads[i].state == MODEL_LOCKING && model_threads[i].sleeps_on == mutex)
            model_threads[i].state = MODEL_READY;
    if (model_is_tracing) model_trace(__builtin_return_address(0), "unlock %s", model_name_of(mutex));
    return 0;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    (void)mutex, (void)attributes;
    return 0;
}

// A thread of a program never ends as far as its record is concerned.
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
    (void)destructor;
    *key = 0;
    return 0;
}
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value) {
    (void)key, (void)value;
    return 0;
}

// --- The asymmetric barrier (barrier.h)
// -------------------------------------------------------------------------------

bool mt_barrier_is_asymmetric = true; // the other way is an ordinary Dekker pair
void mt_barrier_init(void) {}
void mt_barrier_heavy(void) { mt_model_membarrier(); }

// --- The clock -------------------------------------------------------------------------------------------------------

static uint64_t now_ns(void *context) {
    (void)context;
    if (model_is_running) mt_model_load(&clock_object, 8, mt_model_seq_cst);
    return model_now_ns;
}

uint64_t mt_env_now_upper(void) { return now_ns(NULL); }

static void wake_due(void) {
    for (uint32_t i = 1; i < MODEL_THREADS_MAX; i++) {
        model_thread_t *thread = &model_threads[i];
        if (thread->state != MODEL_PARKED || thread->deadline_ns > model_now_ns) continue;
        thread->timed_out = true;
        thread->known_stores = model_stores; // no store is under way for so long
        thread->state = MODEL_READY;
    }
}

void model_advance(uint64_t ns) {
    mt_model_store(&clock_object, 8, 0, mt_model_seq_cst);
    model_now_ns += ns;
    if (model_is_tracing)
        model_trace(__builtin_return_address(0), "the clock moves by %llu ns", (unsigned long long)ns);
    wake_due();
}

bool model_pass_time(void) {
    uint64_t first = MT_FOREVER;
    for (uint32_t i = 1; i < MODEL_THREADS_MAX; i++)
        if (model_threads[i].state == MODEL_PARKED && model_threads[i].deadline_ns < first)
            first = model_threads[i].deadline_ns;
    if (first == MT_FOREVER) return false;
    if (first > model_now_ns) model_now_ns = first;
    if (model_is_tracing) model_trace(NULL, "all sleep: the clock moves to the first deadline");
    wake_due();
    return true;
}

// --- The environment -------------------------------------------------------------------------------------------------

static uint64_t random_bits(void *context) {
    (void)context;
    return 0;
}

static mt_status_t thread_start(void *context, const char *name, void (*body)(void *), void *argument,
                                uint64_t *handle) {
    (void)context, (void)name;
    if (started_count == STARTED_MAX) return MT_SYSTEM_LIMIT;
    started[started_count] = (model_started_t){body, argument};
    if (model_is_running) {
        start_clock[started_count] = model_self()->clock;
        model_tick();
    }
    *handle = ++started_count;
    return MT_OK;
}

const model_started_t *model_started(uint32_t number) { return number < started_count ? &started[number] : NULL; }

static bool has_started(void *number) { return started_count > *(uint32_t *)number; }

const model_started_t *model_await_started(uint32_t number) {
    model_await(has_started, &number);
    // What the starter did before is seen, as by a thread that begins.
    model_clock_join(&model_self()->clock, &start_clock[number]);
    return &started[number];
}

static void thread_join(void *context, uint64_t handle) { (void)context, (void)handle; }

// The kernel compares under its own lock and sees the newest.
static bool park(void *context, mt_a32_t *word, uint32_t expected, uint64_t deadline_ns) {
    (void)context;
    model_self()->is_fresh = true;
    uint32_t now = mt_a32_load_acq(word);
    model_self()->is_fresh = false;
    model_thread_t *self = model_self();
    if (now != expected) {
        // A loop that comes here twice with nothing changed waits for somebody: the system would run them.
        if (self->refused_at == model_stores + 1) model_sleep(MODEL_WAITING);
        self->refused_at = model_stores + 1;
        return true;
    }
    if (deadline_ns <= model_now_ns) return false;
    self->sleeps_on = word;
    self->deadline_ns = deadline_ns;
    self->timed_out = false;
    model_sleep(MODEL_PARKED);
    return !model_self()->timed_out;
}

static void unpark(void *context, mt_a32_t *word, uint32_t count) {
    (void)context;
    if (!model_is_running) return;
    // A call of its own: between the change of the word and this, anything may happen.
    if (model_is_contended(model_granule(word), word)) model_point();
    for (uint32_t i = 1; i < MODEL_THREADS_MAX && count; i++) {
        model_thread_t *thread = &model_threads[i];
        if (thread->state != MODEL_PARKED || thread->sleeps_on != word) continue;
        thread->state = MODEL_READY;
        count--;
    }
    if (model_is_tracing) model_trace(__builtin_return_address(0), "unpark %s", model_name_of(word));
}

const mt_env_t mt_env_system = {
    .now_ns = now_ns,
    .random = random_bits,
    .thread_start = thread_start,
    .thread_join = thread_join,
    .thread_detach = thread_join,
    .park = park,
    .unpark = unpark,
};

void mt_fatal(const char *file, int line, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *base = strrchr(file, '/');
    model_fail("%s (%s:%d)", text, base ? base + 1 : file, line);
}
