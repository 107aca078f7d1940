// SPDX-License-Identifier: Apache-2.0
// Blocks of counters: made at a thread's first message to a runtime, kept for ever.
#include "martlet/stats.h"

#include "martlet/memory.h"
#include "martlet/pool.h"

#include <malloc.h>
#include <stdlib.h>

#include "forked.h"
#include "runtime_state.h"

// The thread's block, made unless there is one; NULL: out of memory. Under the mutex.
static mt_stats_t *obtain(mt_thread_t *thread, mt_runtime_t *runtime) {
    mt_stats_t *stats = runtime->stats;
    while (stats && stats->thread != thread) stats = stats->next;
    if (stats) return stats;
    stats = mt_alloc_lines(sizeof *stats);
    if (!stats && mt_thread_current == thread) {
        stats = thread->stats_spare;
        thread->stats_spare = NULL;
    }
    if (!stats) return NULL;
    stats->runtime = runtime;
    stats->thread = thread;
    stats->next = runtime->stats;
    return runtime->stats = stats;
}

bool mt__stats_reserve(mt_thread_t *thread, mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->stats_mutex);
    bool is_made = obtain(thread, runtime) != NULL;
    pthread_mutex_unlock(&runtime->stats_mutex);
    return is_made;
}

mt_stats_t *mt__stats_slow(mt_thread_t *thread, mt_runtime_t *runtime) {
    pthread_mutex_lock(&runtime->stats_mutex);
    mt_stats_t *stats = obtain(thread, runtime);
    if (!stats) stats = &runtime->stats_fallback;
    pthread_mutex_unlock(&runtime->stats_mutex);
    thread->stats_runtime = runtime;
    thread->stats = stats;
    return stats;
}

void mt__stats_free(mt_runtime_t *runtime) {
    while (runtime->stats) {
        mt_stats_t *stats = runtime->stats;
        runtime->stats = stats->next;
        free(stats);
    }
}

uint64_t mt_memory_resident_bytes(void) {
    return mt_pool_resident_bytes() + mt_region_resident_bytes(&mt_slots) + mt_region_resident_bytes(&mt_replies) +
           mt_region_resident_bytes(&mt_timer_items);
}

uint64_t mt_memory_heap_bytes(void) {
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static void add(mt_statistics_t *out, const mt_stats_t *stats) {
    out->sent += mt_a64_load_rlx(&stats->sent);
    out->handled += mt_a64_load_rlx(&stats->handled);
    out->refused += mt_a64_load_rlx(&stats->refused);
    out->discarded += mt_a64_load_rlx(&stats->discarded);
    out->spawns += mt_a64_load_rlx(&stats->spawns);
    out->exits += mt_a64_load_rlx(&stats->exits);
    out->steals += mt_a64_load_rlx(&stats->steals);
    out->parks += mt_a64_load_rlx(&stats->parks);
    for (int cause = 0; cause < MT_DEAD_CAUSES; cause++)
        out->dead_letters[cause] += mt_a64_load_rlx(&stats->dead[cause]);
}

void mt_runtime_statistics(mt_runtime_t *runtime, mt_statistics_t *out) {
    mt__forked_check();
    *out = (mt_statistics_t){0};
    pthread_mutex_lock(&runtime->stats_mutex);
    for (const mt_stats_t *stats = runtime->stats; stats; stats = stats->next) add(out, stats);
    add(out, &runtime->stats_fallback);
    pthread_mutex_unlock(&runtime->stats_mutex);
    // sc: the closer's second half of the Dekker pair with mt_process_spawn; acquire: what the ended ones did.
    out->processes = mt_a32_load_sc(&runtime->processes);
    // acquire: pairs with the exchange in mt_runtime_stop; a stopped runtime's shards may serve another.
    if (mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED) return;
    mt_timer_stats_t timers = mt_timers_stats(runtime->timers);
    out->timers = timers.live;
    out->timer_lag_ns = timers.lateness_ns;
}
