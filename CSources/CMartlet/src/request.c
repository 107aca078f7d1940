// SPDX-License-Identifier: Apache-2.0
// One request: made, held, ended, and reclaimed when nobody takes it.
#include "martlet/request.h"

#include "martlet/cycle.h"
#include "runtime_state.h"

static mt_request_t *stable_of(mt_request_ref_t ref) {
    return mt_region_contains_index(&mt_requests, (uint32_t)ref) ? mt_request_of(ref) : NULL;
}

// The word becomes FREE of the next generation; a generation that would wrap retires the item for ever.
static void finish(mt_thread_t *thread, mt_request_ref_t ref, uint64_t how) {
    mt_request_t *request = mt_request_of(ref);
    uint64_t timer = request->timer;
    request->timer = 0;
    request->gather = NULL;
    // Its drop finds it held, and leaves it alone.
    if (timer) mt_timers_cancel(timer, NULL);
    uint64_t generation = (ref >> 32) + 1;
    // release: the words above; pairs with the acquire in hold of the next life.
    mt_a64_store_rel(&request->word, (generation & UINT32_MAX) << 32 | how);
    if (generation <= UINT32_MAX) mt_region_give(&mt_requests, &thread->requests, (uint32_t)ref);
}

void mt_request_end(mt_thread_t *thread, mt_request_ref_t ref) { finish(thread, ref, MT_REQUEST_TAKEN); }

void mt_request_end_forgotten(mt_thread_t *thread, mt_request_ref_t ref) { finish(thread, ref, MT_REQUEST_FORGOTTEN); }

mt_pid_t mt_request_owner(mt_request_ref_t ref) {
    const mt_request_t *request = stable_of(ref);
    if (!request) return 0;
    // acquire, both: pairs with the releases in make; the word comes last, and says that all was of this life.
    mt_reply_ref_t reply = mt_a64_load_acq(&request->reply);
    mt_pid_t owner = reply ? mt_a64_load_acq(&mt_reply_of(reply)->caller) : 0;
    uint64_t word = mt_a64_load_acq(&request->word);
    return (word ^ ref) >> 32 || !(word & MT_REQUEST_LIVE) ? 0 : owner;
}

mt_hold_t mt_request_hold(mt_request_ref_t ref) {
    mt_request_t *request = stable_of(ref);
    if (!request) return MT_HOLD_OVER;
    // acquire: pairs with the release in make and in put_back: the holder's words.
    uint64_t word = mt_a64_load_acq(&request->word);
    for (;;) {
        if ((word ^ ref) >> 32) {
            bool is_last = word >> 32 == (ref >> 32) + 1 && !(word & MT_REQUEST_LIVE);
            if (is_last && word & MT_REQUEST_TAKEN) return MT_HOLD_TAKEN;
            return is_last && word & MT_REQUEST_FORGOTTEN ? MT_HOLD_FORGOTTEN : MT_HOLD_OVER;
        }
        if (!(word & MT_REQUEST_LIVE)) return MT_HOLD_OVER;
        if (word & MT_REQUEST_HELD) return MT_HOLD_OTHERS;
        // acq_rel: one holder.
        if (mt_a64_cas(&request->word, &word, word | MT_REQUEST_HELD)) return MT_HOLD_YOURS;
    }
}

// The value of a slot that is done, and nobody took it, ends.
static void destroy_outcome(mt_request_t *request, mt_reply_ref_t ref) {
    void *value = mt_reply_value(ref);
    switch ((mt_reply_kind_t)mt_reply_of(ref)->kind) {
    case MT_REPLY_VALUE:
        mt_payload_destroy(request->ops, value);
        return;
    case MT_REPLY_EXITED:
        mt_hooks.reason_release(*(void **)value);
        return;
    case MT_REPLY_CYCLE:
        mt_cycle_free(mt_cycle_take(ref));
        return;
    default:
        return;
    }
}

// Holder. The slot is cancelled if it was not answered.
static void reclaim(mt_request_ref_t ref, uint64_t how) {
    mt_request_t *request = mt_request_of(ref);
    mt_reply_ref_t reply = mt_request_reply(ref);
    mt_thread_t *thread = mt_thread_self();
    // Without a record for this thread, which has no memory, it is lost.
    if (!thread) return;
    // A claimer may be at work: its answer is a few instructions away.
    if (!mt_reply_complete(reply, MT_REPLY_CANCELLED) && !mt_reply_is_done(reply))
        mt_reply_wait_blocking(reply, &mt_env_system, MT_FOREVER);
    destroy_outcome(request, reply);
    mt_reply_free(thread, reply);
    finish(thread, ref, how);
}

void mt_request_drop(mt_request_ref_t ref) { reclaim(ref, 0); }

bool mt_request_is_held(mt_request_ref_t ref) {
    const mt_request_t *request = stable_of(ref);
    uint64_t word = request ? mt_a64_load_acq(&request->word) : 0;
    return !((word ^ ref) >> 32) && word & MT_REQUEST_HELD;
}

void mt_request_put_back(mt_request_ref_t ref) {
    mt_request_t *request = mt_request_of(ref);
    uint64_t word = mt_a64_load_acq(&request->word);
    while (!(word & MT_REQUEST_ORPHAN)) {
        // release: the holder's words, for the next one.
        if (mt_a64_cas(&request->word, &word, word & ~MT_REQUEST_HELD)) return;
    }
    reclaim(ref, 0);
}

// Nobody will take it: reclaims it, or lets its holder do so who puts it back. Its reply slot if somebody holds it, who
// may be waiting; else 0.
static mt_reply_ref_t disown(mt_request_ref_t ref) {
    for (;;) {
        mt_hold_t hold = mt_request_hold(ref);
        if (hold == MT_HOLD_YOURS) reclaim(ref, 0);
        if (hold != MT_HOLD_OTHERS) return 0;
        mt_request_t *request = mt_request_of(ref);
        // acquire: before the CAS, which says that it was of this life.
        mt_reply_ref_t reply = mt_a64_load_acq(&request->reply);
        uint64_t word = mt_a64_load_acq(&request->word);
        while (!((word ^ ref) >> 32) && word & MT_REQUEST_HELD) {
            // acq_rel: pairs with the CAS in put_back: one of the two sees the other.
            if (mt_a64_cas(&request->word, &word, word | MT_REQUEST_ORPHAN)) return reply;
        }
    }
}

void mt_request_abandon(mt_request_ref_t ref) {
    mt_reply_ref_t reply = disown(ref);
    if (reply) mt_reply_complete(reply, MT_REPLY_CANCELLED);
}

// --- The timer -------------------------------------------------------------------------------------------------------

// Whether a patient request may still be taken by whom it is for. A hint that is asked for again.
static bool is_awaited(mt_request_ref_t ref, mt_reply_ref_t reply) {
    uint64_t word = mt_a64_load_acq(&mt_request_of(ref)->word);
    if ((word ^ ref) >> 32 || !(word & MT_REQUEST_PATIENT)) return false;
    mt_pid_t owner = mt_request_owner(ref);
    return mt_reply_is_armed(reply) || (owner && mt_pid_is_there(owner));
}

// The target is the reply slot, the payload the handle of the request.
static uint64_t fire(mt_timer_event_t *event, uint64_t now_ns) {
    mt_request_ref_t ref = (mt_request_ref_t)(uintptr_t)event->payload;
    if (is_awaited(ref, event->target)) return now_ns;
    mt_reply_complete(event->target, MT_REPLY_TIMEOUT);
    switch (mt_request_hold(ref)) {
    case MT_HOLD_YOURS:
        break;
    case MT_HOLD_OTHERS:
        return now_ns; // as long as it is held: look again later
    default:
        return MT_TIMER_END;
    }
    mt_request_t *request = mt_request_of(ref);
    // relaxed: the flag is the holder's.
    uint64_t word = mt_a64_load_rlx(&request->word);
    if (word & MT_REQUEST_DUE) {
        reclaim(ref, MT_REQUEST_FORGOTTEN);
        return MT_TIMER_END;
    }
    while (!mt_a64_cas(&request->word, &word, word | MT_REQUEST_DUE)) { // ORPHAN may come meanwhile
    }
    mt_request_put_back(ref);
    return now_ns;
}

// Its process has ended, or its runtime; or it is over and cancelled its timer: then it is held, and ends.
static void drop(mt_timer_event_t *event) { disown((mt_request_ref_t)(uintptr_t)event->payload); }

static const mt_timer_ops_t request_ops = {.fire = fire, .drop = drop};

mt_request_ref_t mt_request_make(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t reply,
                                 const mt_payload_ops_t *ops, const void *type, mt_keep_t keep) {
    const bool is_patient = keep == MT_KEEP_PATIENT;
    uint32_t index = mt_region_take(&mt_requests, &thread->requests);
    if (!index) return 0;
    mt_request_t *request = (mt_request_t *)mt_region_at(&mt_requests, index);
    // relaxed: a free item is its taker's; strangers only compare the generation.
    uint64_t generation = mt_a64_load_rlx(&request->word) >> 32;
    mt_request_ref_t ref = generation << 32 | index;
    request->ops = ops;
    request->type = type;
    request->timer = 0;
    request->gather = NULL;
    // release: after the word that ended the last life; pairs with the acquire in abandon.
    mt_a64_store_rel(&request->reply, reply);
    // Held, until its timer is known. release: the words above.
    const uint64_t flags = MT_REQUEST_LIVE | MT_REQUEST_HELD | (is_patient ? MT_REQUEST_PATIENT : 0);
    mt_a64_store_rel(&request->word, generation << 32 | flags);
    mt_timer_spec_t spec = {.ops = &request_ops, .payload = (void *)(uintptr_t)ref, .target = reply};
    spec.when_ns = mt_reply_own_deadline(mt_reply_of(reply));
    if (is_patient) spec.when_ns = mt_instant_after(mt__now(runtime), MT_REQUEST_KEEP_NS);
    spec.period_ns = MT_REQUEST_KEEP_NS;
    spec.policy = MT_TIMER_FIXED_DELAY;
    bool is_owned = mt__timed_owns(thread, runtime);
    // Without a limit, and of no process, it lives until it is taken or abandoned.
    mt_status_t status =
        spec.when_ns == MT_FOREVER && !is_owned ? MT_OK : mt__timed_arm(thread, runtime, &spec, &request->timer);
    if (status != MT_OK) {
        finish(thread, ref, 0);
        return 0;
    }
    mt_request_put_back(ref);
    return ref;
}
