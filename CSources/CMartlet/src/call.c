// SPDX-License-Identifier: Apache-2.0
// The caller's side of a call: deadlines, room, blocking, and running a handler in place.
#include "martlet/call.h"

#include "context.h"
#include "martlet/cycle.h"
#include "martlet/slice.h"
#include "runtime_state.h"

mt_a32_t mt_tasks_seen_word;

void mt_tasks_note(uint32_t bit) {
    uint32_t seen = mt_tasks_seen();
    // acq_rel: by rule; see mt_tasks_seen.
    while (!(seen & bit) && !mt_a32_cas(&mt_tasks_seen_word, &seen, seen | bit)) {
    }
}

static uint64_t instant_of(mt_runtime_t *runtime, uint64_t timeout_ns) {
    if (timeout_ns == MT_FOREVER) return MT_FOREVER;
    bool is_long = timeout_ns >= MT_CALL_EXACT_BELOW_NS;
    return mt_instant_after(is_long ? mt_runtime_now_upper(runtime) : mt__now(runtime), timeout_ns);
}

// The deadline of the request that a handler is busy with, MT_FOREVER: none.
static uint64_t limit_of(mt_frame_t *frame) {
    if (!frame || !frame->call || !mt_reply_is_armed(frame->call)) return MT_FOREVER;
    if (frame->is_in_place) mt_in_place_set_deadline((mt_in_place_t *)(void *)frame);
    return mt_reply_own_deadline(mt_reply_of(frame->call));
}

static uint64_t earlier(uint64_t one, uint64_t other) { return one < other ? one : other; }

void mt_in_place_set_deadline(mt_in_place_t *call) {
    mt_reply_t *reply = mt_reply_of(call->reply);
    if (mt_reply_own_deadline(reply) != MT_FOREVER) return;
    uint64_t deadline = instant_of(mt_runtime_of(call->frame.slot), call->timeout_ns);
    mt_a64_store_rlx(&reply->deadline, earlier(deadline, limit_of(call->frame.below)));
}

uint64_t mt_call_deadline(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t timeout_ns) {
    return earlier(instant_of(runtime, timeout_ns), limit_of(thread->frame));
}

mt_room_t mt_room_take_slow(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid) {
    uint32_t generation = mt_pid_generation(pid);
    mt_bounded_head_t *bounded = mt_credit_of(slot, generation);
    if (!bounded) return MT_ROOM_UNBOUNDED;
    switch (mt_credit_take(bounded, generation)) {
    case MT_CREDIT_TAKEN:
        return MT_ROOM_TAKEN;
    case MT_CREDIT_OVER:
        return MT_ROOM_NO_PROCESS;
    case MT_CREDIT_FULL:
        break;
    }
    if (mt_credit_policy(bounded) == MT_POLICY_REJECT) return MT_ROOM_REFUSED;
    mt__displaced_t displaced;
    if (mt_credit_policy(bounded) != MT_POLICY_DROP_OLDEST ||
        !mt__displace(slot, bounded, generation, thread, &displaced))
        return MT_ROOM_WAIT;
    mt__end_displaced(thread, pid, &displaced);
    return MT_ROOM_TAKEN;
}

uint64_t mt_reply_remaining(mt_reply_ref_t ref) {
    mt_frame_t *frame = mt_thread_current ? mt_thread_current->frame : NULL;
    // In place the deadline is made now that somebody asks.
    if (frame && frame->is_in_place && frame->call == ref) mt_in_place_set_deadline((mt_in_place_t *)(void *)frame);
    uint64_t deadline = mt_reply_deadline(ref);
    mt_runtime_t *runtime = deadline ? mt_pid_runtime_any(mt_a64_load_rlx(&mt_reply_of(ref)->callee)) : NULL;
    if (deadline == MT_FOREVER || !runtime) return deadline == MT_FOREVER ? MT_FOREVER : 0;
    uint64_t now = mt__now(runtime);
    return deadline > now ? deadline - now : 0;
}

void mt_count_late_reply(mt_reply_ref_t ref, const mt_payload_ops_t *ops) {
    mt_reply_t *reply = mt_reply_of(ref);
    mt_thread_t *thread = mt_thread_self();
    // Who replies late is, as a rule, a process of the callee's runtime. On other threads the slot is asked, which may
    // serve another call by now: a count in a neighbour's runtime.
    mt_runtime_t *runtime = thread ? thread->runtime : NULL;
    if (!runtime && reply) runtime = mt_pid_runtime_any(mt_a64_load_rlx(&reply->callee));
    if (!runtime || !thread) return;
    mt_a64_bump(&mt_stats(thread, runtime)->dead[MT_DEAD_LATE_REPLY], 1);
    if (!mt_hooks.dead_letter) return;
    // Who asked has gone on, and its slot may serve another call; who answers is here.
    const mt_frame_t *frame = thread->frame;
    mt_pid_t from = frame ? mt_slot_pid(frame->slot, frame->generation) : 0;
    mt_hooks.dead_letter(runtime->config.context, 0, from, ops, MT_DEAD_LATE_REPLY);
}

static mt_bounded_head_t *bounded_of(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    // Stays with the slot for ever once it is there; the generation is checked in its word.
    return slot ? (mt_bounded_head_t *)mt_aptr_load_acq(&slot->bounded) : NULL;
}

void mt_room_wait(mt_pid_t pid, mt_credit_waiter_t *waiter) {
    mt_bounded_head_t *bounded = bounded_of(pid);
    switch (bounded ? mt_credit_wait(bounded, mt_pid_generation(pid), waiter) : MT_CREDIT_OVER) {
    case MT_CREDIT_FULL:
        return;
    case MT_CREDIT_OVER:
        mt_reply_complete(waiter->reply, MT_REPLY_NO_PROCESS);
        return;
    case MT_CREDIT_TAKEN:
        if (!mt_reply_complete(waiter->reply, MT_REPLY_GRANTED)) mt_room_return(pid);
        return;
    }
}

void mt_room_leave(mt_pid_t pid, mt_credit_waiter_t *waiter) {
    mt_bounded_head_t *bounded = bounded_of(pid);
    if (bounded) mt_credit_leave(bounded, waiter);
}

void mt_room_return(mt_pid_t pid) {
    mt_bounded_head_t *bounded = bounded_of(pid);
    if (bounded) mt_credit_return(bounded, mt_pid_generation(pid));
}

bool mt_call_wait_blocking(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns) {
    // There the context comes back to this thread, when the seed says so.
    const mt_worker_t *worker = mt__context_of(thread);
    if (MT_UNLIKELY(worker && worker->runtime->deterministic)) return mt__deterministic_wait(thread, ref);
    mt_aptr_store_rlx(&thread->waits_in, thread->runtime); // published by the next
    // release: before the context goes, so that a thread whose answer has come is seen to be running.
    mt_a64_store_rel(&thread->waits_for, ref);
    if (!mt_block_begin(thread)) {
        mt_a64_store_rlx(&thread->waits_for, 0); // relaxed: it has its context, which is not parked
        mt_reply_complete(ref, MT_REPLY_OVERLOADED);
        mt_reply_wait_blocking(ref, &runtime->env, MT_FOREVER); // a claimer may be at work: its answer is at hand
        return false;
    }
    // Virtual time wakes no sleeper: there the deadline is in the wheel (mt_deadline_arm).
    mt_reply_wait_blocking(ref, &runtime->env, runtime->env.is_virtual ? MT_FOREVER : deadline_ns);
    mt_block_end(thread);
    // release: counted as running before it is no longer seen to wait; pairs with the acquire in is_about_to_run.
    mt_a64_store_rel(&thread->waits_for, 0);
    return true;
}

static bool is_on_this_thread(const mt_thread_t *thread, const mt_slot_t *slot) {
    for (const mt_frame_t *frame = thread->frame; frame; frame = frame->below)
        if (frame->slot == slot) return true;
    return false;
}

// Back to the scheduler: the owner's side is for a worker. Whose the slot is now is not known where `is_strange`: a
// mailbox whose senders may move the tail is released by a worker, which takes their lock.
static void hand_over(mt_in_place_t *call, bool is_strange) {
    mt_slot_t *slot = call->frame.slot;
    bool may_release = !is_strange || !mt_aptr_load_rlx(&slot->bounded);
    if (!may_release || mt_mailbox_release(slot, call->thread) != MT_RELEASED) mt_submit(call->thread, slot);
}

bool mt_in_place_begin(mt_in_place_t *call, mt_pid_t pid, const void *type_id, uint64_t timeout_ns) {
    mt_thread_t *thread = mt_thread_self();
    mt_slot_t *slot = mt_slot_of(pid);
    // A bounded mailbox takes the ordinary way: its credits.
    if (!thread || !slot || mt_credit_of(slot, mt_pid_generation(pid))) return false;
    // From inside a handler the claim is that process's effect.
    if (!mt_effect_begin(thread)) return false;
    bool is_mine = mt_mailbox_claim(slot);
    mt_effect_end(thread);
    if (!is_mine) return false;
    // Field by field: a literal would be copied, through a failed store forwarding that costs more than the claim.
    call->frame.slot = slot;
    call->frame.below = thread->frame;
    call->frame.generation = mt_pid_generation(pid);
    call->frame.is_in_place = true;
    call->frame.has_stand_in = false;
    call->frame.is_of_task = false;
    call->frame.parked_reply = NULL;
    call->thread = thread;
    // acquire, after the claim: whose slot it is now, and whether its end was asked for. Plain reads below: we own it.
    uint64_t life = mt_a64_load_acq(&slot->life);
    const mt_class_t *klass = mt_aptr_load_rlx(&slot->klass);
    if (MT_UNLIKELY(!mt_life_is_calm(life, mt_pid_generation(pid)) || slot->generation != mt_pid_generation(pid) ||
                    klass->type_id != type_id || is_on_this_thread(thread, slot))) {
        hand_over(call, slot->generation != mt_pid_generation(pid));
        return false;
    }
    // The deadline is made when somebody asks: most handlers answer before anybody could wait.
    call->timeout_ns = timeout_ns;
    const mt_frame_t *below = call->frame.below;
    mt_pid_t caller = MT_UNLIKELY(below != NULL) ? mt_slot_pid(below->slot, below->generation) : 0;
    call->reply = mt_reply_arm(thread, caller, pid, MT_FOREVER);
    if (MT_UNLIKELY(!call->reply)) {
        hand_over(call, false);
        return false;
    }
    call->state = slot->state;
    call->frame.call = call->reply;
    mt_a64_store_rlx(&slot->current_call, call->reply); // relaxed: as in mt_slice_enter
    thread->frame = &call->frame;
    mt_phase_enter(&call->frame);
    return true;
}

bool mt_in_place_end(mt_in_place_t *call, void *pending) {
    mt_slot_t *slot = call->frame.slot;
    mt_thread_t *thread = call->thread;
    // Unanswered: its caller will wait, and whoever has the From may ask for how long.
    if (MT_UNLIKELY(!mt_reply_is_done(call->reply))) mt_in_place_set_deadline(call);
    thread->frame = call->frame.below;
    if (MT_UNLIKELY(call->frame.has_stand_in)) mt__cycle_end_stand_in(&call->frame, thread);
    if (MT_UNLIKELY(!mt_phase_leave(&call->frame, thread))) return false;
    mt_stats_t *stats = mt_stats(thread, mt_runtime_of(slot));
    mt_a64_bump(&stats->sent, 1);
    mt_a64_bump(&stats->handled, 1);
    mt_a64_bump(&slot->handled, 1);
    if (MT_UNLIKELY(call->frame.call)) {
        mt_slice_t slice = {.slot = slot, .thread = thread};
        slice.frame.call = call->frame.call;
        mt__slice_unanswered(&slice);
    }
    mt_a64_store_rel(&slot->phase, mt_phase_make(call->frame.generation, MT_PHASE_OUT));
    if (MT_UNLIKELY(pending)) {
        // A stop, a throw, an idle time: the engine's next slice acts on it. The exit protocol never runs here.
        slot->pending = pending;
        mt_submit(thread, slot);
        return true;
    }
    hand_over(call, false);
    return true;
}
