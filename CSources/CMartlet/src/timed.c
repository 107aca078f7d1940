// SPDX-License-Identifier: Apache-2.0
// Timers that send.
#include "martlet/timed.h"

#include "runtime_state.h"

static void drop_node(mt_timer_event_t *event) {
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *node = event->payload;
    mt_payload_destroy(node->ops, node->payload);
    if (thread) mt_node_free(thread, node);
}

static uint64_t fire_send(mt_timer_event_t *event, uint64_t now_ns) {
    (void)now_ns;
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *node = event->payload;
    // Not an effect of the process whose slice this thread may be in.
    mt_frame_t *frame = thread->frame;
    thread->frame = NULL;
    mt_status_t status = mt_process_send(thread, event->target, node);
    if (status != MT_OK && status != MT_DISPLACED) {
        mt_process_count_refused(thread, event->target, node->ops,
                                 status == MT_FULL ? MT_DEAD_FULL : MT_DEAD_NO_PROCESS);
        drop_node(event);
    }
    thread->frame = frame;
    return MT_TIMER_END;
}

static const mt_timer_ops_t send_ops = {.fire = fire_send, .drop = drop_node};

// What a process owes itself: no bound refuses it, and none displaces it, as it holds no credit.
static uint64_t fire_owed(mt_timer_event_t *event, uint64_t now_ns) {
    (void)now_ns;
    mt_thread_t *thread = mt_thread_self();
    mt_slot_t *slot = mt_slot_of(event->target);
    mt_node_t *node = event->payload;
    // acquire: pairs with spawn's release of LIVE: runtime and mailbox of that incarnation.
    uint64_t life = mt_a64_load_acq(&slot->life);
    if ((life ^ event->target) >> 32 || !(life & MT_LIFE_LIVE)) {
        drop_node(event);
        return MT_TIMER_END;
    }
    node->flags = 0;
    if (node->kind <= MT_KIND_TICK) mt_a64_bump(&mt_stats(thread, mt_runtime_of(slot))->sent, 1);
    mt_process_push(thread, slot, mt_pid_generation(event->target), node);
    return MT_TIMER_END;
}

static const mt_timer_ops_t owed_ops = {.fire = fire_owed, .drop = drop_node};

bool mt__timed_owns(mt_thread_t *thread, mt_runtime_t *runtime) {
    mt_frame_t *frame = thread->frame;
    return frame && frame->is_in && mt_runtime_of(frame->slot) == runtime;
}

mt_status_t mt__timed_arm(mt_thread_t *thread, mt_runtime_t *runtime, mt_timer_spec_t *spec, uint64_t *ref) {
    if (mt_a32_load_acq(&runtime->state) == MT_RUNTIME_STOPPED) return MT_SHUT_DOWN;
    if (!mt_effect_begin(thread)) return MT_NO_PROCESS;
    mt_frame_t *frame = thread->frame;
    uint32_t *head = NULL;
    if (mt__timed_owns(thread, runtime)) {
        spec->owner = mt_slot_pid(frame->slot, frame->generation);
        head = &frame->slot->timers;
    }
    mt_status_t status = mt_timers_arm(runtime->timers, spec, head, ref);
    mt_effect_end(thread);
    return status;
}

mt_status_t mt_timed_send(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, mt_pid_t pid, mt_node_t *node,
                          uint64_t *ref) {
    mt_timer_spec_t spec = {.ops = &send_ops, .payload = node, .target = pid};
    spec.when_ns = mt_instant_after(mt__now(runtime), delay_ns);
    return mt__timed_arm(thread, runtime, &spec, ref);
}

mt_status_t mt_timed_owe(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, mt_pid_t pid, mt_node_t *node,
                         uint64_t *ref) {
    mt_timer_spec_t spec = {.ops = &owed_ops, .payload = node, .target = pid};
    spec.when_ns = mt_instant_after(mt__now(runtime), delay_ns);
    return mt__timed_arm(thread, runtime, &spec, ref);
}

mt_status_t mt_timed_call(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, uint64_t period_ns,
                          mt_timer_policy_t policy, const mt_timer_ops_t *ops, void *payload, uint64_t *ref) {
    mt_timer_spec_t spec = {.ops = ops, .payload = payload, .period_ns = period_ns, .policy = policy};
    spec.when_ns = mt_instant_after(mt__now(runtime), delay_ns);
    return mt__timed_arm(thread, runtime, &spec, ref);
}

void mt_runtime_drive_timers(mt_runtime_t *runtime) {
    uint64_t now = mt__now(runtime);
    if (!mt_thread_self()) return; // no memory for it, so none to send with
    while (mt_timers_next_due(runtime->timers) <= now) mt_timers_expire(runtime->timers, now, UINT32_MAX);
}

mt_status_t mt_slice_arm_idle(mt_slice_t *slice, uint64_t when_ns) {
    mt_slot_t *slot = slice->slot;
    mt_runtime_t *runtime = mt_runtime_of(slot);
    if (slot->idle_timer) {
        uint64_t left = 0;
        bool is_armed = mt_timers_remaining(slot->idle_timer, &left);
        // Due earlier: when it fires, the owner sees how much is left and arms again. Else: fired, or too late.
        if (is_armed && mt__now(runtime) + left <= when_ns) return MT_OK;
        mt_slice_disarm_idle(slice);
    }
    // The message is made now: a timer that fires must not need memory.
    mt_node_t *node = mt_node_alloc(slice->thread, 0);
    if (!node) return MT_NO_MEMORY;
    node->kind = MT_KIND_TIMEOUT;
    node->flags = 0;
    node->ops = NULL;
    node->reply = slot->idle_arming;
    mt_pid_t pid = mt_slot_pid(slot, slice->frame.generation);
    mt_timer_spec_t spec = {.ops = &owed_ops, .payload = node, .target = pid, .owner = pid, .when_ns = when_ns};
    mt_status_t status = mt_timers_arm(runtime->timers, &spec, &slot->timers, &slot->idle_timer);
    if (status != MT_OK) mt_node_free(slice->thread, node);
    return status;
}

void mt_slice_disarm_idle(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    if (slot->idle_timer) mt_timers_cancel(slot->idle_timer, NULL);
    slot->idle_timer = 0;
    slot->idle_arming++;
}
