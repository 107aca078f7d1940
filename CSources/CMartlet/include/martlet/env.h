// SPDX-License-Identifier: Apache-2.0
// What the core asks of the world: time, random numbers, threads, sleeping. One struct a runtime, so that a whole
// runtime can run on virtual time; nothing in the core calls clock_gettime, pthread_create or futex but the functions
// behind this struct.
#ifndef MARTLET_ENV_H
#define MARTLET_ENV_H

#include "atomic.h"
#include "status.h"

#define MT_FOREVER UINT64_MAX // a deadline that never comes

typedef struct mt_env mt_env_t;
struct mt_env {
    void *context;
    // Monotonic nanoseconds. Never goes back. Any thread.
    uint64_t (*now_ns)(void *context);
    // 64 random bits. Any thread.
    uint64_t (*random)(void *context);
    // Starts a thread that runs body(argument) with all asynchronous signals blocked; the handle is for join.
    mt_status_t (*thread_start)(void *context, const char *name, void (*body)(void *), void *argument,
                                uint64_t *handle);
    // Waits for the end of a thread.
    void (*thread_join)(void *context, uint64_t handle);
    // Gives up on a thread that will not be joined.
    void (*thread_detach)(void *context, uint64_t handle);
    // Sleeps while *word == expected, at most until deadline_ns of now_ns. May wake early. False: the deadline passed.
    bool (*park)(void *context, mt_a32_t *word, uint32_t expected, uint64_t deadline_ns);
    // Wakes up to count threads that park on word. Orders nothing: change *word before.
    void (*unpark)(void *context, mt_a32_t *word, uint32_t count);
    // Time moves only when a test moves it: sleeping until a deadline waits for an unpark instead.
    bool is_virtual;
};

// CLOCK_MONOTONIC, getrandom, pthreads, futex.
extern const mt_env_t mt_env_system;
// A copy of it.
static inline mt_env_t mt_env_system_copy(void) { return mt_env_system; }

// now_ns of the system.
static inline uint64_t mt_env_system_now(void) { return mt_env_system.now_ns(NULL); }

// An upper bound of the system's now_ns, at most 10 ms ahead (CLOCK_MONOTONIC_COARSE plus its resolution): for instants
// that must not be early. A fifth of the cost.
uint64_t mt_env_now_upper(void);

// A clock at 0 that mt_virtual_clock_set moves; all else is the system's. The clock outlives every runtime built on it.
typedef struct mt_virtual_clock {
    mt_a64_t now_ns;
} mt_virtual_clock_t;
mt_env_t mt_env_virtual(mt_virtual_clock_t *clock);

// Moves the clock. Sleepers are not woken: who moves the clock also drives the timers. Any thread, one at a time.
void mt_virtual_clock_set(mt_virtual_clock_t *clock, uint64_t now_ns);
// Reads it.
uint64_t mt_virtual_clock_now(const mt_virtual_clock_t *clock);

#endif
