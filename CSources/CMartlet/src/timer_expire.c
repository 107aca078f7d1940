// SPDX-License-Identifier: Apache-2.0
// Expiry and the driver's words. A batch is taken out of a shard under its mutex, fired with no lock held, and its
// repeated timers are settled (armed again or ended) under the mutex once more.
#include "timer_shard.h"

// What a hold of the mutex took out.
typedef struct mt_timer_batch {
    uint32_t count;
    uint32_t repeated;     // how many have to be settled
    mt_item_chain_t chain; // the items of one-shot timers
    uint32_t index[MT_TIMER_BATCH];
    uint64_t base_ns[MT_TIMER_BATCH]; // repeated: what fire returned
    mt_timer_event_t event[MT_TIMER_BATCH];
    bool is_repeated[MT_TIMER_BATCH];
} mt_timer_batch_t;

// Publishes the first instant with work after some was taken out. Under the mutex. Only lowering must be seen at once
// (lower_due); a late view of a raise is a look in vain. relaxed for that reason.
static void refresh_due(mt_timer_shard_t *shard) {
    uint64_t next_ns = mt__wheel_next_ns(&shard->wheel);
    if (next_ns > mt_a64_load_rlx(&shard->due)) mt_a64_store_rlx(&shard->due, next_ns);
}

// Takes out what is due, at most batch_max timers. False: somebody holds the shard.
static bool extract(mt_timer_shard_t *shard, uint64_t now_ns, mt_timer_batch_t *batch, uint32_t batch_max) {
    batch->repeated = 0;
    batch->chain.first = 0;
    if (!mt__shard_trylock(shard)) return false;
    batch->count = mt__wheel_take(&shard->wheel, now_ns, batch->index, batch_max);
    uint64_t lateness_ns = mt_a64_load_rlx(&shard->stats.lateness_ns);
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t index = batch->index[i];
        mt_timer_item_t *item = mt__timer_item(index);
        uint64_t word = mt__timer_word_held(item);
        batch->event[i] = mt__timer_event(item, index);
        batch->is_repeated[i] = word & MT_ITEM_REPEATED;
        if (now_ns - item->node.when_ns > lateness_ns) lateness_ns = now_ns - item->node.when_ns;
        if (batch->is_repeated[i]) {
            mt__timer_set_word(item, shard->id, MT_ITEM_FIRING | ((uint32_t)word & MT_ITEM_KIND));
            batch->repeated++;
        } else {
            mt__timer_disown(item);
            mt__timer_free(item, index, &batch->chain);
        }
    }
    shard->firing += batch->repeated;
    mt_a64_bump(&shard->stats.fired, batch->count);
    mt_a64_bump(&shard->stats.live, (uint64_t)0 - (batch->count - batch->repeated));
    mt_a64_store_rlx(&shard->stats.lateness_ns, lateness_ns);
    refresh_due(shard);
    mt__shard_unlock(shard);
    return true;
}

// The next instant of a repeated timer. Missed instants of a fixed rate merge into the one that has just fired.
static uint64_t next_when(uint64_t when_ns, uint64_t period_ns, bool is_delay, uint64_t base_ns, uint64_t now_ns) {
    if (is_delay) return mt_instant_after(base_ns, period_ns);
    uint64_t missed = now_ns > when_ns ? (now_ns - when_ns) / period_ns : 0;
    return mt_instant_after(when_ns + missed * period_ns, period_ns);
}

// Arms a fired timer again; returns the instant at which it is due. Under the mutex.
static uint64_t rearm(mt_timer_shard_t *shard, mt_timer_item_t *item, uint32_t index, uint64_t base_ns,
                      uint64_t now_ns) {
    uint32_t kind = (uint32_t)mt__timer_word_held(item) & MT_ITEM_KIND;
    uint64_t period_ns = mt__timer_item((uint32_t)item->target)->node.when_ns;
    item->node.when_ns = next_when(item->node.when_ns, period_ns, kind & MT_ITEM_DELAY, base_ns, now_ns);
    mt__timer_set_word(item, shard->id, MT_ITEM_ARMED | kind);
    return mt__wheel_link(&shard->wheel, index);
}

// Arms the repeated timers of a batch again, or ends those that were cancelled meanwhile or asked for it.
static void settle(mt_timers_t *timers, mt_timer_shard_t *shard, uint64_t now_ns, mt_timer_batch_t *batch) {
    uint32_t dropped = 0;
    uint64_t first_ns = MT_FOREVER;
    batch->chain.first = 0;
    mt__shard_lock(shard);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!batch->is_repeated[i]) continue;
        uint32_t index = batch->index[i];
        mt_timer_item_t *item = mt__timer_item(index);
        bool cancelled = mt__timer_state(mt__timer_word_held(item)) == MT_ITEM_ENDING;
        if (!cancelled && batch->base_ns[i] != MT_TIMER_END) {
            uint64_t due_ns = rearm(shard, item, index, batch->base_ns[i], now_ns);
            if (due_ns < first_ns) first_ns = due_ns;
            continue;
        }
        // The canceller has counted it already.
        if (!cancelled) mt_a64_bump(&shard->stats.dropped, 1);
        mt__timer_disown(item);
        batch->event[dropped++] = mt__timer_event(item, index);
        mt__timer_free(item, index, &batch->chain);
    }
    shard->firing -= batch->repeated;
    mt_a64_bump(&shard->stats.live, (uint64_t)0 - dropped);
    bool lowered = mt__shard_lower_due(shard, first_ns);
    mt__shard_unlock(shard);

    if (lowered && mt__timers_driver_sleeps_past(timers, first_ns)) timers->wake(timers->context);
    mt__timer_give(&batch->chain);
    for (uint32_t i = 0; i < dropped; i++) mt__timer_drop(&batch->event[i]);
}

// One hold of a shard and the callbacks of what it took out; false: somebody else holds it.
static bool expire_batch(mt_timers_t *timers, mt_timer_shard_t *shard, uint64_t now_ns, uint32_t *fired) {
    mt_timer_batch_t batch;
    if (!extract(shard, now_ns, &batch, timers->batch_max)) return false;
    mt__timer_give(&batch.chain);
    for (uint32_t i = 0; i < batch.count; i++) {
        mt_timer_event_t *event = &batch.event[i];
        batch.base_ns[i] = event->ops->fire(event, now_ns);
    }
    if (batch.repeated) settle(timers, shard, now_ns, &batch);
    *fired += batch.count;
    return true;
}

uint32_t mt_timers_expire(mt_timers_t *timers, uint64_t now_ns, uint32_t max_batches) {
    uint32_t fired = 0, batches = 0;
    // relaxed: a hint. Each call begins at another shard, and each round takes one batch a shard, so that a storm in
    // one does not keep the others waiting when max_batches is small.
    uint32_t first = mt_a32_load_rlx(&timers->cursor);
    mt_a32_store_rlx(&timers->cursor, first + 1);
    for (bool any = true; any;) {
        any = false;
        for (uint32_t i = 0; i <= timers->shard_mask; i++) {
            mt_timer_shard_t *shard = timers->shards[(first + i) & timers->shard_mask];
            // relaxed: a look; extract reads the wheel under the mutex. A due lowered just now is the armer's to
            // report.
            uint64_t due_ns = mt_a64_load_rlx(&shard->due);
            if (due_ns > now_ns || due_ns == MT_FOREVER) continue;
            if (batches == max_batches) return fired;
            if (!expire_batch(timers, shard, now_ns, &fired)) continue;
            batches++;
            any = true;
        }
    }
    return fired;
}

uint64_t mt_timers_next_due(const mt_timers_t *timers) {
    uint64_t first_ns = MT_FOREVER;
    for (uint32_t i = 0; i <= timers->shard_mask; i++) {
        // sc: the driver's second half of the Dekker pair, see mt__shard_lower_due; a plain load on x86-64.
        uint64_t due_ns = mt_a64_load_sc(&timers->shards[i]->due);
        if (due_ns < first_ns) first_ns = due_ns;
    }
    return first_ns;
}

uint64_t mt_timers_driver_enter(mt_timers_t *timers) {
    for (;;) {
        uint64_t until_ns = mt_timers_next_due(timers);
        // 0 says that nobody sleeps; work at 0 is due anyway.
        if (until_ns == 0) until_ns = 1;
        // sc: store driver, then read every due, against an armer's store due, then read driver (mt__shard_lower_due).
        mt_a64_xchg_sc(&timers->driver, until_ns);
        if (mt_timers_next_due(timers) >= until_ns || until_ns == 1) return until_ns;
    }
}

void mt_timers_driver_leave(mt_timers_t *timers) {
    // sc for one order of all changes of driver with the armers' loads; a late view costs a wake-up in vain.
    mt_a64_xchg_sc(&timers->driver, 0);
}
