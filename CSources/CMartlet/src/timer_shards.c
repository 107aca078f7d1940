// SPDX-License-Identifier: Apache-2.0
// The life of shards: a process-wide table that only grows; statistics; the check. Neither a shard nor a mt_timers_t is
// ever freed: a stranger with an old reference may be about to lock one, and one that was slow to arm may still hold
// the timers of a runtime that has stopped. A destroyed mt_timers_t waits with its shards for the next that wants as
// many.
#include "timer_shard.h"

#include "martlet/memory.h"

#include <stdlib.h>

// Entries are written once, under table_mutex, and read by anyone.
static mt_aptr_t table[MT_TIMER_SHARDS_MAX];
static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
// Guarded by table_mutex. Shards made, and how many of them some mt_timers_t has: fewer after a creation that failed.
static uint32_t table_count, table_taken;
static mt_timers_t *destroyed; // guarded by table_mutex; linked by next_destroyed

mt_timer_shard_t *mt__shard_at(uint32_t id) {
    // acquire: pairs with the release in new_shard; publishes the shard's mutex and id.
    return mt_aptr_load_acq(&table[id]);
}

// A shard that nobody used before; NULL: out of memory. Under table_mutex.
static mt_timer_shard_t *new_shard(void) {
    if (table_taken < table_count) return mt_aptr_load_rlx(&table[table_taken++]);
    mt_timer_shard_t *shard = mt_alloc_lines(sizeof(mt_timer_shard_t));
    if (!shard) return NULL;
    pthread_mutex_init(&shard->mutex, NULL);
    shard->id = table_count++;
    // release: pairs with the acquire in mt__shard_at.
    mt_aptr_store_rel(&table[shard->id], shard);
    table_taken = table_count;
    return shard;
}

// One with that many shards, new or destroyed before; NULL: out of memory or of shard ids.
static mt_timers_t *take_timers(uint32_t count, mt_status_t *status) {
    pthread_mutex_lock(&table_mutex);
    mt_timers_t **place = &destroyed;
    while (*place && (*place)->shard_mask != count - 1) place = &(*place)->next_destroyed;
    mt_timers_t *timers = *place;
    if (timers) {
        *place = timers->next_destroyed;
    } else if (table_taken + count > MT_TIMER_SHARDS_MAX) {
        *status = MT_SYSTEM_LIMIT;
    } else if ((timers = mt_alloc_lines(sizeof(mt_timers_t) + count * sizeof(mt_timer_shard_t *)))) {
        timers->shard_mask = count - 1;
        for (uint32_t i = 0; i < count; i++) {
            if ((timers->shards[i] = new_shard())) continue;
            table_taken -= i; // the next creation has them
            free(timers);
            timers = NULL;
            break;
        }
    }
    pthread_mutex_unlock(&table_mutex);
    if (!timers && *status == MT_OK) *status = MT_NO_MEMORY;
    return timers;
}

// An empty wheel and fresh statistics. Under the mutex: a stranger may hold an old reference to the shard.
static void reset_shard(mt_timer_shard_t *shard, const mt_env_t *env, uint64_t origin_ns, uint64_t tick_ns) {
    mt__shard_lock(shard);
    mt__wheel_init(&shard->wheel, mt_timer_items.base, origin_ns, tick_ns);
    shard->clock = (mt_shard_clock_t){.now_ns = env->now_ns, .context = env->context};
    shard->firing = 0;
    shard->is_open = true;
    mt_shard_stats_t *stats = &shard->stats;
    mt_a64_t *const counters[] = {&stats->live,      &stats->armed,   &stats->fired,
                                  &stats->cancelled, &stats->dropped, &stats->lateness_ns};
    // relaxed: statistics; due is published with the whole mt_timers_t.
    for (uint32_t i = 0; i < sizeof counters / sizeof *counters; i++) mt_a64_store_rlx(counters[i], 0);
    mt_a64_store_rlx(&shard->due, MT_FOREVER);
    mt__shard_unlock(shard);
}

mt_status_t mt_timers_create(const mt_env_t *env, uint32_t shards, uint64_t tick_ns, void (*wake)(void *context),
                             void *context, mt_timers_t **out) {
    if (shards == 0 || shards > MT_TIMER_SHARDS_MAX || tick_ns == 0) return MT_INVALID;
    mt_status_t status =
        mt_region_init(&mt_timer_items, "timers", MT_TIMER_ITEM_SIZE, MT_TIMER_ITEM_LINK, MT_TIMER_ITEMS_MAX);
    if (status != MT_OK) return status;
    uint32_t count = 1;
    while (count < shards) count *= 2;
    mt_timers_t *timers = take_timers(count, &status);
    if (!timers) return status;
    timers->wake = wake;
    timers->context = context;
    timers->batch_max = MT_TIMER_BATCH;
    timers->below = NULL;
    // relaxed: published with the whole, under the mutexes of its shards.
    mt_a64_store_rlx(&timers->driver, 0);
    uint64_t origin_ns = env->now_ns(env->context);
    for (uint32_t i = 0; i < count; i++) reset_shard(timers->shards[i], env, origin_ns, tick_ns);
    *out = timers;
    return MT_OK;
}

// Drops the timers of a shard, MT_TIMER_BATCH a hold.
static void drain_shard(mt_timer_shard_t *shard) {
    mt_timer_event_t events[MT_TIMER_BATCH];
    for (bool more = true; more;) {
        uint32_t count = 0, index;
        mt_item_chain_t chain = {0};
        mt__shard_lock(shard);
        MT_ASSERT(shard->firing == 0);
        while (count < MT_TIMER_BATCH && (index = mt__wheel_any(&shard->wheel))) {
            mt_timer_item_t *item = mt__timer_item(index);
            events[count++] = mt__timer_event(item, index);
            mt__wheel_unlink(&shard->wheel, index);
            mt__timer_disown(item);
            mt__timer_free(item, index, &chain);
        }
        more = shard->wheel.count != 0;
        shard->is_open = more;
        mt__shard_unlock(shard);
        mt__timer_give(&chain);
        for (uint32_t i = 0; i < count; i++) mt__timer_drop(&events[i]);
    }
}

// Timers of one tick among which one is chosen: enough for two sides of any race, few enough to walk at each step.
#define CHOICE_MAX 16u

// Whose order it must keep: its owner's, else its target's.
static uint64_t line_of(uint32_t index) {
    const mt_timer_item_t *item = mt__timer_item(index);
    if (item->owner_head) return (uint64_t)item->owner_head;
    return mt__timer_event(item, index).target;
}

static uint32_t choose(void *context, const mt_wheel_t *wheel, uint32_t first) {
    const mt_timers_t *timers = context;
    uint32_t candidates[CHOICE_MAX], count = 0;
    uint64_t lines[CHOICE_MAX];
    for (uint32_t index = first; !(index & MT_WHEEL_END) && count < CHOICE_MAX;
         index = mt__wheel_node(wheel, index)->next) {
        uint64_t line = line_of(index);
        bool is_second = false;
        for (uint32_t i = 0; i < count && !is_second; i++) is_second = lines[i] == line;
        if (is_second) continue;
        lines[count] = line;
        candidates[count++] = index;
    }
    return candidates[timers->below(timers->below_context, count)];
}

void mt_timers_set_choice(mt_timers_t *timers, uint32_t (*below)(void *context, uint32_t n), void *context) {
    timers->batch_max = 1;
    timers->below = below;
    timers->below_context = context;
    for (uint32_t i = 0; i <= timers->shard_mask; i++) {
        mt_wheel_t *wheel = &timers->shards[i]->wheel;
        mt__shard_lock(timers->shards[i]);
        wheel->choose = choose;
        wheel->choose_context = timers;
        mt__shard_unlock(timers->shards[i]);
    }
}

void mt_timers_destroy(mt_timers_t *timers) {
    for (uint32_t i = 0; i <= timers->shard_mask; i++) drain_shard(timers->shards[i]);
    pthread_mutex_lock(&table_mutex);
    timers->next_destroyed = destroyed;
    destroyed = timers;
    pthread_mutex_unlock(&table_mutex);
}

mt_timer_stats_t mt_timers_stats(const mt_timers_t *timers) {
    mt_timer_stats_t sum = {0};
    for (uint32_t i = 0; i <= timers->shard_mask; i++) {
        // relaxed: statistics.
        const mt_shard_stats_t *stats = &timers->shards[i]->stats;
        sum.live += mt_a64_load_rlx(&stats->live);
        sum.armed += mt_a64_load_rlx(&stats->armed);
        sum.fired += mt_a64_load_rlx(&stats->fired);
        sum.cancelled += mt_a64_load_rlx(&stats->cancelled);
        sum.dropped += mt_a64_load_rlx(&stats->dropped);
        uint64_t lateness_ns = mt_a64_load_rlx(&stats->lateness_ns);
        if (lateness_ns > sum.lateness_ns) sum.lateness_ns = lateness_ns;
    }
    return sum;
}

// ---- The check

typedef struct {
    const mt_timer_shard_t *shard;
    uint64_t first_ns; // the first instant at which a timer is due
} shard_check_t;

// A neighbour in an owner's list lies in the same shard, and is armed or firing.
static void check_neighbour(const mt_timer_shard_t *shard, uint32_t index, const uint32_t *owner_head) {
    const mt_timer_item_t *item = mt__timer_item(index);
    uint64_t word = mt__timer_word_held(item);
    MT_ASSERT(mt__timer_shard_id(word) == shard->id && item->owner_head == owner_head);
    MT_ASSERT(mt__timer_state(word) == MT_ITEM_ARMED || mt__timer_state(word) == MT_ITEM_FIRING);
}

// One item of the wheel: its word, its extension, its links in the owner's list.
static void check_item(void *context, uint32_t index) {
    shard_check_t *check = context;
    const mt_timer_shard_t *shard = check->shard;
    const mt_timer_item_t *item = mt__timer_item(index);
    uint64_t word = mt__timer_word_held(item);
    uint64_t due_ns = mt__wheel_due_ns(&shard->wheel, item->node.when_ns);
    if (due_ns < check->first_ns) check->first_ns = due_ns;
    MT_ASSERT(mt__timer_state(word) == MT_ITEM_ARMED && mt__timer_shard_id(word) == shard->id);
    if (word & MT_ITEM_REPEATED) {
        uint64_t extension = mt__timer_word_held(mt__timer_item((uint32_t)item->target));
        MT_ASSERT(mt__timer_state(extension) == MT_ITEM_EXTENSION && mt__timer_shard_id(extension) == shard->id);
    }
    if (!item->owner_head) return;
    uint32_t prev = mt_a32_load_rlx(&item->owner_prev), next = item->owner_next;
    MT_ASSERT((prev ? mt__timer_item(prev)->owner_next : *item->owner_head) == index);
    if (prev) check_neighbour(shard, prev, item->owner_head);
    if (!next) return;
    MT_ASSERT(mt_a32_load_rlx(&mt__timer_item(next)->owner_prev) == index);
    check_neighbour(shard, next, item->owner_head);
}

uint64_t mt_timers_check(mt_timers_t *timers) {
    uint64_t live = 0;
    for (uint32_t i = 0; i <= timers->shard_mask; i++) {
        mt_timer_shard_t *shard = timers->shards[i];
        mt__shard_lock(shard);
        shard_check_t check = {.shard = shard, .first_ns = MT_FOREVER};
        mt__wheel_check(&shard->wheel, check_item, &check);
        MT_ASSERT(mt_a64_load_rlx(&shard->stats.live) == shard->wheel.count + shard->firing);
        // A due that is too late is a timer slept over. One armed when overdue counts for the wheel's current tick.
        uint64_t current_ns = shard->wheel.origin_ns + shard->wheel.current * shard->wheel.tick_ns;
        uint64_t first_ns = check.first_ns > current_ns ? check.first_ns : current_ns;
        MT_ASSERT(shard->wheel.count == 0 || mt_a64_load_rlx(&shard->due) <= first_ns);
        live += shard->wheel.count + shard->firing;
        mt__shard_unlock(shard);
    }
    return live;
}
