// SPDX-License-Identifier: Apache-2.0
// Deadlines of calls. Most calls end within microseconds, so a worker first keeps the deadline in its nursery, a ring of
// {reply slot, deadline}; only what is still unanswered when it is pushed out, or when the worker is about to sleep,
// goes to the timer wheel. Other threads arm the wheel at once.
#include "runtime_state.h"

static uint64_t fire(mt_timer_event_t *event, uint64_t now_ns) {
    (void)now_ns;
    mt_reply_complete(event->target, MT_REPLY_TIMEOUT);
    return MT_TIMER_END;
}

static void drop(mt_timer_event_t *event) { (void)event; }

static const mt_timer_ops_t deadline_ops = {.fire = fire, .drop = drop};

static void arm_wheel(mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns) {
    mt_timer_spec_t spec = {.ops = &deadline_ops, .target = ref, .when_ns = deadline_ns};
    uint64_t timer = 0;
    // Without an item for it the call has no deadline it could keep: it fails now, as overload.
    if (mt_timers_arm(runtime->timers, &spec, NULL, &timer) != MT_OK) mt_reply_complete(ref, MT_REPLY_OVERLOADED);
}

static void push_out_oldest(mt_worker_t *worker) {
    mt_nursery_entry_t entry = worker->nursery[worker->nursery_first++ % MT_NURSERY_SIZE];
    if (MT_LIKELY(!mt_reply_is_armed(entry.ref))) return;
    if (entry.deadline_ns != MT_FOREVER) arm_wheel(worker->runtime, entry.ref, entry.deadline_ns);
    mt_reply_nudge(entry.ref); // from here on it can be cancelled
}

void mt__nursery_flush(mt_worker_t *worker) {
    while (worker->nursery_first != worker->nursery_next) push_out_oldest(worker);
}

bool mt_deadline_has_nursery(const mt_thread_t *thread, const mt_runtime_t *runtime) {
    return thread->worker && thread->worker->runtime == runtime && !runtime->env.is_virtual;
}

void mt_deadline_arm(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns) {
    mt_worker_t *worker = thread->worker;
    if (!mt_deadline_has_nursery(thread, runtime)) {
        mt_timer_spec_t spec = {.ops = &deadline_ops, .target = ref, .when_ns = deadline_ns};
        // The slot is not shared yet: its timer word is the caller's.
        uint64_t *timer = &((mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref))->timer;
        if (mt_timers_arm(runtime->timers, &spec, NULL, timer) != MT_OK) mt_reply_complete(ref, MT_REPLY_OVERLOADED);
        return;
    }
    if (worker->nursery_next - worker->nursery_first == MT_NURSERY_SIZE) push_out_oldest(worker);
    worker->nursery[worker->nursery_next++ % MT_NURSERY_SIZE] =
        (mt_nursery_entry_t){.ref = ref, .deadline_ns = deadline_ns};
}

void mt_deadline_cancel(mt_reply_ref_t ref) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    if (reply->timer) mt_timers_cancel(reply->timer, NULL);
}
