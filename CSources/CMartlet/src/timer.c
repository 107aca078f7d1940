// SPDX-License-Identifier: Apache-2.0
// Arming and cancelling. timer_shard.h has the states of a timer and why a reference is exact.
#include "forked.h"
#include "timer_shard.h"

// ---- Items

static void owner_push(mt_timer_item_t *item, uint32_t index, uint32_t *owner_head) {
    item->owner_head = owner_head;
    if (!owner_head) return;
    uint32_t next = *owner_head;
    item->owner_next = next;
    // relaxed, here and below: guarded by the mutex; atomic for the region's stale poppers only.
    mt_a32_store_rlx(&item->owner_prev, 0);
    if (next) mt_a32_store_rlx(&mt__timer_item(next)->owner_prev, index);
    *owner_head = index;
}

void mt__timer_disown(mt_timer_item_t *item) {
    if (!item->owner_head) return;
    uint32_t next = item->owner_next, prev = mt_a32_load_rlx(&item->owner_prev);
    if (prev) mt__timer_item(prev)->owner_next = next;
    else *item->owner_head = next;
    if (next) mt_a32_store_rlx(&mt__timer_item(next)->owner_prev, prev);
    item->owner_head = NULL;
}

static void free_one(mt_timer_item_t *item, uint32_t index, mt_item_chain_t *chain) {
    uint64_t word = mt__timer_word_held(item);
    uint32_t generation = mt__timer_generation(word), shard = mt__timer_shard_id(word);
    // At the last generation the item is retired: an old reference must never name a new timer.
    bool retired = generation == UINT32_MAX;
    // release: pairs with the acquire in lock_ref. A stranger that still reads the old word locks the shard and reads
    // again.
    mt_a64_store_rel(&item->word, mt__timer_word(generation + !retired, shard, MT_ITEM_FREE));
    if (retired) return;
    item->node.next = chain->first;
    chain->first = index;
}

void mt__timer_free(mt_timer_item_t *item, uint32_t index, mt_item_chain_t *chain) {
    if (mt__timer_word_held(item) & MT_ITEM_REPEATED) {
        uint32_t extension = (uint32_t)item->target;
        free_one(mt__timer_item(extension), extension, chain);
    }
    free_one(item, index, chain);
}

void mt__timer_give(mt_item_chain_t *chain) {
    if (!chain->first) return;
    mt_thread_t *thread = mt_thread_self();
    // A thread without a record (out of memory) that frees: no magazine to put it in. Cancelling must not fail.
    mt_magazine_t spare = {0};
    mt_magazine_t *magazine = thread ? &thread->timers : &spare;
    while (chain->first) {
        uint32_t index = chain->first;
        chain->first = mt__timer_item(index)->node.next;
        mt_region_give(&mt_timer_items, magazine, index);
    }
    if (!thread) mt_region_forget(&mt_timer_items, &spare);
}

// ---- Arm

// One item, or two for a repeated timer; false: none, nothing changed.
static bool take_items(bool repeated, uint32_t *index, uint32_t *extension) {
    mt_thread_t *thread = mt_thread_self();
    if (!thread) return false;
    *index = mt_region_take(&mt_timer_items, &thread->timers);
    // Taking the next item will read its link: scattered free items would cost a cache miss each.
    __builtin_prefetch(mt__timer_item(thread->timers.loaded), 1);
    if (!*index || !repeated) return *index != 0;
    *extension = mt_region_take(&mt_timer_items, &thread->timers);
    if (*extension) return true;
    mt_region_give(&mt_timer_items, &thread->timers, *index);
    return false;
}

// Fills an item that is the caller's own; returns the flags of its word.
static uint32_t fill(mt_timer_item_t *item, const mt_timer_spec_t *spec, uint32_t extension) {
    item->node.when_ns = spec->when_ns;
    item->ops = spec->ops;
    item->payload = spec->payload;
    item->target = spec->target;
    if (!extension) return MT_ITEM_ARMED;
    item->target = extension;
    mt__timer_item(extension)->node.when_ns = spec->period_ns;
    mt__timer_item(extension)->target = spec->target;
    return MT_ITEM_ARMED | MT_ITEM_REPEATED | (spec->policy == MT_TIMER_FIXED_DELAY ? MT_ITEM_DELAY : 0);
}

mt_status_t mt_timers_arm(mt_timers_t *timers, const mt_timer_spec_t *spec, uint32_t *owner_head, uint64_t *ref_out) {
    uint32_t index, extension = 0;
    if (!take_items(spec->period_ns != 0, &index, &extension))
        return mt_region_contains_index(&mt_timer_items, mt_timer_items.items_max - 1) ? MT_SYSTEM_LIMIT : MT_NO_MEMORY;
    mt_timer_item_t *item = mt__timer_item(index);
    uint32_t flags = fill(item, spec, extension);
    mt_timer_shard_t *shard = mt__timer_shard_of(timers, spec->owner || owner_head ? spec->owner : spec->target);

    mt__shard_lock(shard);
    if (MT_UNLIKELY(!shard->is_open)) {
        mt__shard_unlock(shard);
        mt_thread_t *thread = mt_thread_self();
        if (extension) mt_region_give(&mt_timer_items, &thread->timers, extension);
        mt_region_give(&mt_timer_items, &thread->timers, index);
        return MT_SHUT_DOWN;
    }
    uint64_t due_ns = mt__wheel_link(&shard->wheel, index);
    owner_push(item, index, owner_head);
    if (extension) mt__timer_set_word(mt__timer_item(extension), shard->id, MT_ITEM_EXTENSION);
    mt__timer_set_word(item, shard->id, flags);
    *ref_out = (uint64_t)mt__timer_generation(mt__timer_word_held(item)) << 32 | index;
    mt_a64_bump(&shard->stats.armed, 1);
    mt_a64_bump(&shard->stats.live, 1);
    bool lowered = mt__shard_lower_due(shard, due_ns);
    mt__shard_unlock(shard);

    if (lowered && mt__timers_driver_sleeps_past(timers, due_ns)) timers->wake(timers->context);
    return MT_OK;
}

// ---- By reference

// The item a reference names and its shard, locked; NULL, nothing locked: the timer is over, or never was.
static mt_timer_item_t *lock_ref(uint64_t ref, mt_timer_shard_t **locked) {
    uint32_t index = (uint32_t)ref, generation = (uint32_t)(ref >> 32);
    if (!mt_region_contains_index(&mt_timer_items, index)) return NULL;
    mt_timer_item_t *item = mt__timer_item(index);
    // acquire: pairs with the releases in set_word and free_one. Not needed to be right, since all is read again under
    // the mutex; it keeps the shard's table entry, written before the word, in sight.
    uint64_t word = mt_a64_load_acq(&item->word);
    if (mt__timer_generation(word) != generation || mt__timer_state(word) == MT_ITEM_FREE) return NULL;
    mt_timer_shard_t *shard = mt__shard_at(mt__timer_shard_id(word));
    mt__shard_lock(shard);
    word = mt__timer_word_held(item);
    uint32_t state = mt__timer_state(word);
    if (mt__timer_generation(word) != generation || mt__timer_shard_id(word) != shard->id ||
        (state != MT_ITEM_ARMED && state != MT_ITEM_FIRING)) {
        mt__shard_unlock(shard);
        return NULL;
    }
    *locked = shard;
    return item;
}

// when - now, 0 if overdue. The clock is the shard's copy, so that it outlives the runtime.
static uint64_t remaining_at(mt_shard_clock_t clock, uint64_t when_ns) {
    uint64_t now_ns = clock.now_ns(clock.context);
    return when_ns > now_ns ? when_ns - now_ns : 0;
}

bool mt_timers_cancel(uint64_t ref, uint64_t *remaining_ns) {
    mt__forked_check();
    mt_timer_shard_t *shard;
    mt_timer_item_t *item = lock_ref(ref, &shard);
    if (!item) return false;
    uint32_t index = (uint32_t)ref;
    mt__timer_disown(item);
    if (mt__timer_state(mt__timer_word_held(item)) == MT_ITEM_FIRING) {
        mt__timer_set_word(item, shard->id, MT_ITEM_ENDING | ((uint32_t)mt__timer_word_held(item) & MT_ITEM_KIND));
        mt_a64_bump(&shard->stats.cancelled, 1);
        mt__shard_unlock(shard);
        return false;
    }
    mt_timer_event_t event = mt__timer_event(item, index);
    mt_shard_clock_t clock = shard->clock;
    mt_item_chain_t chain = {0};
    mt__wheel_unlink(&shard->wheel, index);
    mt__timer_free(item, index, &chain);
    mt_a64_bump(&shard->stats.cancelled, 1);
    mt_a64_bump(&shard->stats.live, (uint64_t)-1);
    // Nothing left: spare the driver a wake-up. relaxed: raising may be seen late, see mt_timers_driver_enter.
    if (shard->wheel.count == 0) mt_a64_store_rlx(&shard->due, MT_FOREVER);
    mt__shard_unlock(shard);

    mt__timer_give(&chain);
    if (remaining_ns) *remaining_ns = remaining_at(clock, event.when_ns);
    mt__timer_drop(&event);
    return true;
}

bool mt_timers_remaining(uint64_t ref, uint64_t *remaining_ns) {
    mt__forked_check();
    mt_timer_shard_t *shard;
    mt_timer_item_t *item = lock_ref(ref, &shard);
    if (!item) return false;
    bool firing = mt__timer_state(mt__timer_word_held(item)) == MT_ITEM_FIRING;
    uint64_t when_ns = firing ? 0 : item->node.when_ns;
    mt_shard_clock_t clock = shard->clock;
    mt__shard_unlock(shard);
    *remaining_ns = remaining_at(clock, when_ns);
    return true;
}

// ---- The owner's death

// Takes up to MT_TIMER_BATCH timers out of an owner's list; returns how many payloads there are to drop.
static uint32_t disown_batch(mt_timer_shard_t *shard, uint32_t *owner_head, mt_timer_event_t *events,
                             mt_item_chain_t *chain) {
    uint32_t count = 0;
    for (uint32_t step = 0; step < MT_TIMER_BATCH && *owner_head; step++) {
        uint32_t index = *owner_head;
        mt_timer_item_t *item = mt__timer_item(index);
        uint64_t word = mt__timer_word_held(item);
        MT_ASSERT(mt__timer_shard_id(word) == shard->id);
        if (item->owner_next) __builtin_prefetch(mt__timer_item(item->owner_next), 1);
        mt__timer_disown(item);
        if (mt__timer_state(word) == MT_ITEM_FIRING) {
            mt__timer_set_word(item, shard->id, MT_ITEM_ENDING | ((uint32_t)word & MT_ITEM_KIND));
            mt_a64_bump(&shard->stats.dropped, 1);
            continue;
        }
        events[count++] = mt__timer_event(item, index);
        mt__wheel_unlink(&shard->wheel, index);
        mt__timer_free(item, index, chain);
    }
    mt_a64_bump(&shard->stats.dropped, count);
    mt_a64_bump(&shard->stats.live, (uint64_t)0 - count);
    return count;
}

void mt_timers_cancel_owner(mt_timers_t *timers, uint64_t owner, uint32_t *owner_head) {
    mt_timer_event_t events[MT_TIMER_BATCH];
    mt_timer_shard_t *shard = mt__timer_shard_of(timers, owner);
    for (bool more = true; more;) {
        mt_item_chain_t chain = {0};
        mt__shard_lock(shard);
        uint32_t count = disown_batch(shard, owner_head, events, &chain);
        more = *owner_head != 0;
        mt__shard_unlock(shard);
        mt__timer_give(&chain);
        for (uint32_t i = 0; i < count; i++) mt__timer_drop(&events[i]);
    }
}
