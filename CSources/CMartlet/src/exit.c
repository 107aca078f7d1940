// SPDX-License-Identifier: Apache-2.0
// The exit protocol and the dead letters it leaves.
#include "martlet/call.h"
#include "martlet/system.h"

#include <stdlib.h>
#include <string.h>

#include "runtime_state.h"

// Calls whose handler returned without an answer. Entries are never unlinked: each append drops up to two that were
// answered since, so the array stays within twice the live ones. It also holds what few processes need: how long the
// queue is, of those that do not keep up.
typedef struct mt_deferred {
    mt_node_t *probe;        // a queued node, `ahead` nodes beyond the tail; NULL: not measured
    uint32_t ahead;          // so the queue has at least as many messages
    uint32_t is_warned;      // the high-water mark was reached since the queue was empty
    uint32_t rests_until_ms; // coarse clock, 0: it does not rest
    uint32_t count, capacity, sweep;
    mt_reply_ref_t refs[];
} mt_deferred_t;

#define DEFERRED_INITIAL 4u

static void drop_stale(mt_deferred_t *deferred) {
    for (int looked = 0; looked < 2 && deferred->count; looked++) {
        if (deferred->sweep >= deferred->count) deferred->sweep = 0;
        if (mt_reply_is_armed(deferred->refs[deferred->sweep])) deferred->sweep++;
        else deferred->refs[deferred->sweep] = deferred->refs[--deferred->count];
    }
}

// With room for one more; NULL: out of memory, nothing changed.
static mt_deferred_t *with_room(mt_slot_t *slot) {
    mt_deferred_t *deferred = slot->deferred;
    if (deferred && deferred->count < deferred->capacity) return deferred;
    uint32_t capacity = deferred ? deferred->capacity * 2 : DEFERRED_INITIAL;
    const size_t size = sizeof(mt_deferred_t) + capacity * sizeof(mt_reply_ref_t);
    mt_deferred_t *grown = mt_alloc_grown(deferred, size);
    if (!grown) return NULL;
    if (!deferred) memset(grown, 0, sizeof *grown);
    grown->capacity = capacity;
    return slot->deferred = grown;
}

bool mt_slice_defer(mt_slice_t *slice, mt_reply_ref_t ref) {
    if (slice->slot->deferred) drop_stale(slice->slot->deferred);
    mt_deferred_t *deferred = with_room(slice->slot);
    if (deferred) deferred->refs[deferred->count++] = ref;
    return deferred != NULL;
}

// A queue longer than this is long, whatever its mark; how much longer would cost a look at each of its nodes.
#define LENGTH_OF_INTEREST 100000u
// How long the probe of such a queue rests at least, while its distance shrinks with each message.
#define REST_MS 100u

// Whether the probe stays where it is. A queue that is long for good is measured again now and then.
static bool rests(mt_deferred_t *deferred, uint32_t enough, uint32_t now_ms) {
    if (!deferred->rests_until_ms) return false;
    if (deferred->ahead >= enough / 2 || (int32_t)(now_ms - deferred->rests_until_ms) < 0) return true;
    deferred->rests_until_ms = 0;
    return false;
}

// Two steps for each message of the slice that ends: amortised O(1), and the probe gains on a queue that grows.
uint32_t mt__depth_measure(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    mt_deferred_t *deferred = slot->high_water ? with_room(slot) : NULL;
    if (!deferred) return 0;
    uint32_t steps = 2 * slice->popped + 2;
    // Popped past it: that node is free by now. Else it is queued still.
    if (!deferred->probe || deferred->ahead <= slice->popped) {
        deferred->probe = slot->tail;
        deferred->ahead = 0;
    } else {
        deferred->ahead -= slice->popped;
    }
    slice->popped = 0;
    uint32_t enough = slot->high_water < LENGTH_OF_INTEREST ? slot->high_water : LENGTH_OF_INTEREST;
    uint32_t now_ms = mt_runtime_tick(mt_runtime_of(slot));
    if (rests(deferred, enough, now_ms)) return deferred->ahead;
    for (; steps; steps--) {
        // acquire: as in pop.
        mt_node_t *next = (mt_node_t *)mt_aptr_load_acq(&deferred->probe->next);
        if (!next) break;
        deferred->probe = next;
        deferred->ahead++;
    }
    if (deferred->ahead >= enough) deferred->rests_until_ms = (now_ms + REST_MS) | 1;
    if (deferred->ahead < slot->high_water || deferred->is_warned) return deferred->ahead;
    deferred->is_warned = true; // until the queue was empty
    if (mt_hooks.high_water)
        mt_hooks.high_water(mt_runtime_of(slot)->config.context, mt_slot_pid(slot, slice->frame.generation),
                            deferred->ahead);
    return deferred->ahead;
}

void mt__depth_forget(mt_slot_t *slot) {
    slot->deferred->probe = NULL;
    slot->deferred->is_warned = false;
    slot->deferred->rests_until_ms = 0;
}

bool mt__slice_unanswered(mt_slice_t *slice) {
    mt_reply_ref_t ref = slice->frame.call;
    slice->frame.call = 0;
    if (!mt_reply_is_armed(ref)) return true; // answered from another thread
    if (mt_slice_defer(slice, ref)) mt_reply_mark_deferred(ref);
    else mt_reply_complete(ref, MT_REPLY_OVERLOADED); // no memory to remember it: its caller must not wait for ever
    return true;
}

void mt_process_dead_letter(mt_thread_t *thread, mt_slot_t *slot, mt_node_t *node, mt_dead_cause_t cause) {
    bool is_user = node->kind >= MT_KIND_CALL && node->kind <= MT_KIND_TICK;
    // Of a call it is known who waits; other messages do not say who sent them.
    mt_pid_t from = node->kind == MT_KIND_CALL ? mt_reply_caller(node->reply) : 0;
    if (node->reply && node->kind != MT_KIND_TIMEOUT) {
        // Received alive by the incarnation that just ended: its reason. Else: nobody was there.
        if (slot->last_reason && node->generation == slot->last_generation)
            mt_reply_complete_exited(node->reply, slot->last_reason);
        else mt_reply_complete(node->reply, MT_REPLY_NO_PROCESS);
    }
    mt_pid_t pid = mt_slot_pid(slot, node->generation);
    const mt_payload_ops_t *ops = node->ops;
    mt_runtime_t *runtime = mt_runtime_of(slot);
    mt_payload_destroy(ops, node->payload);
    node->ops = NULL;
    if (!is_user || !runtime) return;
    mt_stats_t *stats = mt_stats(thread, runtime);
    mt_a64_bump(&stats->discarded, 1);
    mt_a64_bump(&stats->dead[cause], 1);
    if (mt_hooks.dead_letter) mt_hooks.dead_letter(runtime->config.context, pid, from, ops, cause);
}

static void publish_parked(mt_frame_t *frame, mt_thread_t *thread) {
    mt_node_t *node = frame->parked_reply;
    if (!node) return;
    mt_reply_t *reply = mt_reply_claim(frame->parked_for);
    if (!reply) {
        mt_count_late_reply(frame->parked_for, node->ops);
        mt_frame_drop_parked(frame, thread);
        return;
    }
    frame->parked_reply = NULL;
    memcpy(reply->value, node->payload, mt_payload_size(node->ops)); // a move: the node's payload is gone
    mt_node_free(thread, node);
    void *waiter = mt_reply_finish(reply, MT_REPLY_VALUE);
    if (waiter) mt_hooks.resume(waiter);
}

void mt_frame_park_reply(mt_frame_t *frame, mt_thread_t *thread, mt_reply_ref_t ref, mt_node_t *node) {
    publish_parked(frame, thread); // one handler may answer many and then stop: only the last waits for terminate
    frame->parked_reply = node;
    frame->parked_for = ref;
    if (frame->call == ref) frame->call = 0;
}

void mt_frame_drop_parked(mt_frame_t *frame, mt_thread_t *thread) {
    mt_node_t *node = frame->parked_reply;
    if (!node) return;
    frame->parked_reply = NULL;
    mt_payload_destroy(node->ops, node->payload);
    mt_node_free(thread, node);
}

void mt_frame_abandon(mt_frame_t *frame, mt_thread_t *thread) {
    if (frame->parked_reply) mt_reply_complete_exited(frame->parked_for, mt_hooks.reason_killed);
    mt_frame_drop_parked(frame, thread);
}

void mt_slice_publish_parked(mt_slice_t *slice) { publish_parked(&slice->frame, slice->thread); }

void mt_slice_exit_begin(mt_slice_t *slice, void *reason) {
    mt_slot_t *slot = slice->slot;
    uint32_t generation = slice->frame.generation;
    mt_slice_settle_count(slice);
    // acquire: by rule; the CAS below decides.
    uint64_t life = mt_a64_load_acq(&slot->life);
    // release: nothing of the incarnation is needed by who reads DYING; strangers may still add flags, hence the CAS.
    while (!mt_a64_cas(&slot->life, &life,
                       mt_life_make(generation, MT_LIFE_DYING | (life & (MT_LIFE_TAKEN | MT_LIFE_BACK))))) {
    }
    slot->last_generation = generation;
    slot->last_reason = reason;
    slot->generation = 0; // from here every node of this generation is a dead letter
}

static void fail_calls(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    if (slice->frame.call) mt_reply_complete_exited(slice->frame.call, slot->last_reason);
    // Stale unless taken. Without an index it is no reply slot but a kind (mt_doing_make).
    mt_reply_ref_t current = mt_a64_load_rlx(&slot->current_call);
    if ((uint32_t)current) mt_reply_complete_exited(current, slot->last_reason);
    slice->frame.call = 0;
    mt_a64_store_rlx(&slot->current_call, 0);
    mt_deferred_t *deferred = slot->deferred;
    slot->deferred = NULL;
    for (uint32_t i = 0; deferred && i < deferred->count; i++)
        mt_reply_complete_exited(deferred->refs[i], slot->last_reason);
    free(deferred);
}

// Takes the records out that are not of the incarnation that lives; the chain of them. Under the slot's tie lock, as
// are those who push.
static mt_node_t *take_stale_records(mt_slot_t *slot) {
    mt_node_t *stale = NULL, *kept = NULL, *last_kept = NULL;
    // acquire: by rule. The lock orders it behind the LIVE of every incarnation that has a record here.
    uint64_t life = mt_a64_load_acq(&slot->life);
    // acq_rel: acquire pairs with the push in mt__signal_exit: the record and what it links to.
    mt_node_t *record = (mt_node_t *)mt_aptr_xchg(&slot->exits, NULL);
    while (record) {
        mt_node_t *next = (mt_node_t *)mt_aptr_load_rlx(&record->next);
        bool is_kept = life & MT_LIFE_LIVE && record->generation == mt_life_generation(life);
        if (!is_kept) {
            mt_aptr_store_rlx(&record->next, stale);
            stale = record;
        } else {
            if (last_kept) mt_aptr_store_rlx(&last_kept->next, record);
            else kept = record;
            last_kept = record;
            mt_aptr_store_rlx(&record->next, NULL);
        }
        record = next;
    }
    // release: as the push; nobody pushed meanwhile.
    if (kept) mt_aptr_store_rel(&slot->exits, kept);
    return stale;
}

// Records that came too late, or for an incarnation before: nobody will read them. A successor may have the slot by
// now, and a record of its own.
void mt__drop_exit_records(mt_thread_t *thread, mt_slot_t *slot) {
    if (!mt_aptr_load_rlx(&slot->exits)) return; // a guess: who pushes later pokes, and the owner looks again
    mt_pid_t any = mt_slot_pid(slot, 0);
    mt__tie_lock(any);
    mt_node_t *record = take_stale_records(slot);
    mt__tie_unlock(any);
    while (record) {
        mt_node_t *next = (mt_node_t *)mt_aptr_load_rlx(&record->next);
        mt_hooks.reason_release(((const mt_news_t *)(const void *)record->payload)->reason);
        mt_node_free(thread, record);
        record = next;
    }
}

void mt_slice_exit_finish(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    mt_runtime_t *runtime = mt_runtime_of(slot);
    mt_pid_t pid = mt_slot_pid(slot, slot->last_generation);
    // Names first: who hears of the end, by a failed call or a watch, may start a successor at once.
    const mt_name_t *name = mt_aptr_load_rlx(&slot->name);
    if (name) mt_names_unregister(runtime->names, name, pid);
    mt_aptr_store_rlx(&slot->name, NULL);
    mt__report_end(slot);
    // Its place is free before anybody hears of the end, who may start a successor at once.
    mt_a64_bump(&slice->stats->exits, 1);
    mt__uncount_process(runtime);
    if (slice->frame.parked_reply) {
        // Promised and not published: its caller hears how the process ended.
        mt_reply_complete_exited(slice->frame.parked_for, slot->last_reason);
        mt_frame_drop_parked(&slice->frame, slice->thread);
    }
    mt_timers_cancel_owner(runtime->timers, pid, &slot->timers);
    slot->idle_timer = 0;
    slot->idle_arming++;
    slot->state = NULL;
    slot->flags &= ~MT_SLOT_HIBERNATED;
    fail_calls(slice);
    if (slice->bounded) mt_credit_close(slice->bounded, slot->last_reason);
    slice->bounded = NULL;
    mt__drop_exit_records(slice->thread, slot);
    if (slice->undelivered) {
        mt_process_dead_letter(slice->thread, slot, slice->undelivered, MT_DEAD_RECEIVER_ENDED);
        slice->undelivered = NULL;
    }
    mt__aside_end(slice->thread, slot, MT_DEAD_RECEIVER_ENDED);
    // Last: whoever hears of it finds everything gone.
    mt__ties_fire(slice->thread, slot, pid, slot->last_reason);
}
