// SPDX-License-Identifier: Apache-2.0
// The stress build (MT_CHAOS): before every atomic operation a thread may lose its processor for a while, so that
// windows of a few instructions are met in thousands of runs instead of millions. Empty in every other build.
//
// From a seed: MT_CHAOS_SEED, else the clock; it is printed at the first delay. The same seed gives each thread the
// same delays at the same operations of its own; how threads meet is still the system's. For schedules that can be
// repeated there is the model checker (CSources/model). MT_CHAOS_SLEEP_US: how long the longest delay is, in place of
// 20 microseconds; a busy machine takes a processor away for some thousands.
#ifdef MT_CHAOS

#include "martlet/atomic.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// One operation in so many yields, spins, sleeps: powers of two. Seldom enough that a check takes some times longer,
// not a thousand times.
#define YIELD_EVERY 64u
#define SPIN_EVERY 256u
#define SLEEP_EVERY 8192u
#define SPIN_MAX 2048u
#define SLEEP_US 20u
#define SLEEP_US_MAX 900000u

static mt_a64_t base_seed;
static mt_a32_t threads;
static mt_a32_t sleep_us;

// This thread's generator; 0 until its first point.
static _Thread_local uint64_t state __attribute__((tls_model("initial-exec")));

static uint64_t seed_of_run(void) {
    uint64_t seed = mt_a64_load_acq(&base_seed);
    if (seed) return seed;
    const char *sleep = getenv("MT_CHAOS_SLEEP_US");
    unsigned long us = sleep ? strtoul(sleep, NULL, 10) : SLEEP_US;
    // Several threads may be here, with the same value; the seed's exchange shows it to the others.
    mt_a32_store_rlx(&sleep_us, us < SLEEP_US_MAX ? (uint32_t)us : SLEEP_US_MAX);
    const char *asked = getenv("MT_CHAOS_SEED");
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t mine = (asked ? strtoull(asked, NULL, 10) : (uint64_t)now.tv_nsec) | 1;
    // acq_rel: by rule; the first thread's seed is everybody's.
    if (!mt_a64_cas(&base_seed, &seed, mine)) return seed;
    fprintf(stderr, "MT_CHAOS_SEED=%llu\n", (unsigned long long)mine);
    return mine;
}

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(0x2545F4914F6CDD1D) >> 20;
}

static void begin(void) {
    state = 1; // the operations below come here too
    uint64_t seed = seed_of_run();
    state = (seed + mt_a32_add(&threads, 1)) * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

void mt_chaos_point(void) {
    if (!state) begin();
    uint64_t random = next_random();
    if (random % YIELD_EVERY) return;
    random /= YIELD_EVERY;
    if (random % (SLEEP_EVERY / YIELD_EVERY) == 0) {
        struct timespec pause = {.tv_nsec = (long)mt_a32_load_rlx(&sleep_us) * 1000};
        nanosleep(&pause, NULL);
    } else if (random % (SPIN_EVERY / YIELD_EVERY) == 0) {
        for (uint64_t spins = (random >> 10) % SPIN_MAX; spins; spins--) mt_cpu_relax();
    } else {
        sched_yield();
    }
}

#endif
