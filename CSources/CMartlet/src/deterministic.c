// SPDX-License-Identifier: Apache-2.0
// The runs of a deterministic runtime: beginning and end, its environment, what can be asked. The steps are
// deterministic_step.c's.
#include "deterministic.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15) // an odd step that visits every state
// Streams that begin with one seed: choices, and the environment's random numbers.
#define RANDOM_STREAM UINT64_C(0xD1B54A32D192ED03)

static uint64_t mix(uint64_t bits) {
    bits = (bits ^ bits >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94D049BB133111EB);
    return bits ^ bits >> 31;
}

static uint64_t run_random(void *context) {
    mt_deterministic_t *run = context;
    // acq_rel: by rule; other threads may ask too, and get what is left.
    return mix(mt_a64_add(&run->random, GOLDEN));
}

mt_deterministic_t *mt_deterministic_create(const mt_deterministic_ops_t *ops) {
    mt_deterministic_t *run = mt_alloc_zeroed(sizeof *run);
    if (run) run->ops = *ops;
    return run;
}

mt_env_t mt_env_deterministic(mt_deterministic_t *run) {
    _Static_assert(offsetof(mt_deterministic_t, clock) == 0, "one context for the clock and the random numbers");
    mt_env_t env = mt_env_virtual(&run->clock);
    env.random = run_random;
    return env;
}

uint32_t mt__deterministic_below(mt_deterministic_t *run, uint32_t n) {
    run->choice += GOLDEN;
    return (uint32_t)(((mix(run->choice) >> 32) * n) >> 32);
}

void mt__deterministic_note(mt_deterministic_t *run, uint64_t what, uint64_t who) {
    uint64_t trace = mix(run->trace + GOLDEN + what);
    trace = mix(trace + GOLDEN + who);
    run->trace = mix(trace + GOLDEN + mt_virtual_clock_now(&run->clock));
}

void mt__deterministic_set_time(mt_deterministic_t *run, uint64_t now_ns) {
    if (now_ns <= mt_virtual_clock_now(&run->clock)) return;
    mt_virtual_clock_set(&run->clock, now_ns);
    mt_a32_store_rlx(&run->runtime->coarse_ms, (uint32_t)(now_ns / 1000000));
}

static void clear_statistics(mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->stats_mutex);
    for (mt_stats_t *stats = runtime->stats; stats; stats = stats->next) {
        mt_a64_t *const counters[] = {&stats->sent,   &stats->handled, &stats->refused, &stats->discarded,
                                      &stats->spawns, &stats->exits,   &stats->steals,  &stats->parks};
        // relaxed: their threads are this one, or wait for a token.
        for (uint32_t i = 0; i < sizeof counters / sizeof *counters; i++) mt_a64_store_rlx(counters[i], 0);
        for (uint32_t i = 0; i < MT_DEAD_CAUSES; i++) mt_a64_store_rlx(&stats->dead[i], 0);
    }
    pthread_mutex_unlock(&runtime->stats_mutex);
}

static uint32_t choose_below(void *run, uint32_t n) { return mt__deterministic_below(run, n); }

// One shard at the run's time, in place of the timers of the run before.
static mt_status_t renew_timers(mt_deterministic_t *run) {
    mt_runtime_t *runtime = run->runtime;
    mt_timers_t *timers = NULL;
    // One shard: which one a timer goes to depends on its owner's slot, and so on what ran before this run.
    mt_status_t status = mt_timers_create(&runtime->env, 1, runtime->config.tick_ns, mt__wake_driver, runtime, &timers);
    if (status != MT_OK) return status;
    // One at a time: what becomes runnable by the first may run before the second.
    mt_timers_set_choice(timers, choose_below, run);
    if (runtime->timers) mt_timers_destroy(runtime->timers);
    runtime->timers = timers;
    return MT_OK;
}

mt_status_t mt__deterministic_adopt(mt_deterministic_t *run, mt_runtime_t *runtime) {
    MT_ASSERT(!run->runtime);
    run->runtime = runtime;
    // Room to go on with when memory runs out.
    return mt__deterministic_has_room(run) ? renew_timers(run) : MT_NO_MEMORY;
}

void mt__deterministic_disown(mt_deterministic_t *run) { run->runtime = NULL; }

mt_status_t mt_deterministic_begin(mt_deterministic_t *run, uint64_t seed, const mt_faults_t *faults) {
    mt_runtime_t *runtime = run->runtime;
    MT_ASSERT(mt_runtime_current() == runtime && !run->waiters && !run->blocked);
    mt_virtual_clock_set(&run->clock, 0);
    mt_a32_store_rlx(&runtime->coarse_ms, 0);
    mt_status_t status = renew_timers(run);
    if (status != MT_OK) return status;
    clear_statistics(runtime);
    mt__census_clear(&run->census);
    run->choice = mix(seed);
    mt_a64_store_rlx(&run->random, mix(seed ^ RANDOM_STREAM));
    run->trace = run->steps = run->messages = 0;
    run->steps_max = MT_STEPS_MAX;
    run->faults = *faults;
    run->is_warned = run->is_excused = false;
    run->is_running = true;
    return MT_OK;
}

void mt_deterministic_stop_faults(mt_deterministic_t *run) {
    run->faults = (mt_faults_t){0};
    mt__faults_release(run);
}

uint32_t mt_deterministic_release_waiters(mt_deterministic_t *run) {
    uint32_t count = 0;
    for (mt_idle_waiter_t *waiter = run->waiters; waiter; count++) {
        mt_idle_waiter_t *next = waiter->next;
        mt_hooks.resume(waiter->continuation);
        free(waiter);
        waiter = next;
    }
    run->waiters = NULL;
    return count;
}

void mt_deterministic_end(mt_deterministic_t *run) {
    mt_deterministic_stop_faults(run);
    run->is_running = false;
    mt_deterministic_release_waiters(run);
}

bool mt_deterministic_wait_idle(mt_deterministic_t *run, uint64_t until_ns, void *continuation) {
    mt_idle_waiter_t *waiter = mt_alloc_zeroed(sizeof *waiter);
    if (!waiter) return false;
    *waiter = (mt_idle_waiter_t){.until_ns = until_ns, .continuation = continuation};
    mt_idle_waiter_t **place = &run->waiters;
    while (*place && (*place)->until_ns <= until_ns) place = &(*place)->next;
    waiter->next = *place;
    *place = waiter;
    return true;
}

uint64_t mt_deterministic_now(const mt_deterministic_t *run) { return mt_virtual_clock_now(&run->clock); }
uint64_t mt_deterministic_trace(const mt_deterministic_t *run) { return run->trace; }
uint64_t mt_deterministic_steps(const mt_deterministic_t *run) { return run->steps; }

bool mt_deterministic_is_here(void) {
    mt_runtime_t *runtime = mt_runtime_current();
    return runtime && runtime->deterministic && runtime->deterministic->is_running;
}

void mt_deterministic_for_each(mt_deterministic_t *run, void (*visit)(void *context, mt_pid_t pid), void *context) {
    mt__deterministic_collect(run);
    for (uint32_t i = 0; i < run->count; i++)
        if (!(run->items[i] & MT_ITEM_JOB)) mt__census_meet(&run->census, (mt_slot_t *)run->items[i]);
    for (uint32_t i = 0; i < run->census.born_count; i++)
        if (mt_pid_is_alive(run->census.born[i])) visit(context, run->census.born[i]);
}

void mt_deterministic_for_each_wait(mt_deterministic_t *run,
                                    void (*visit)(void *context, mt_pid_t callee, mt_pid_t caller), void *context) {
    for (uint32_t index = 1; mt_region_contains_index(&mt_replies, index); index++) {
        mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, index);
        // acquire: pairs with the release in mt_reply_arm: caller and callee.
        if ((mt_a64_load_acq(&reply->word) & MT_REPLY_PHASE) != MT_REPLY_ARMED) continue;
        mt_slot_t *slot = mt_slot_of(mt_a64_load_rlx(&reply->callee));
        // Other runtimes' slots change while we look: nothing plain is read of them.
        if (slot && mt_runtime_of(slot) == run->runtime)
            visit(context, mt_a64_load_rlx(&reply->callee), mt_a64_load_rlx(&reply->caller));
    }
}
