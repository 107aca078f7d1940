// SPDX-License-Identifier: Apache-2.0
// Deadlines of calls. Most calls end within microseconds, so a worker first keeps the deadline in its nursery, a ring
// of {reply slot, deadline}; what is still unanswered after one to two intervals goes to the timer wheel, and its
// waiter is nudged, so that it can be cancelled from then on. Deadlines that are near, and other threads, arm the wheel
// at once.
//
//     entries   first ............ mark ............ next        every interval: first..mark leave, mark = next
//               a full interval old      younger
#include "context.h"
#include "runtime_state.h"

#include <stdlib.h>

// A call may last this long, or twice, before it costs a timer and a nudge.
#define INTERVAL_NS UINT64_C(5000000)
// Nearer deadlines are kept exactly: they are armed in the wheel at once.
#define NEAR_NS UINT64_C(100000000)
// The ring doubles up to this many calls under way from one worker; more of them go to the wheel early.
#define NURSERY_MAX 65536u

static uint64_t fire(mt_timer_event_t *event, uint64_t now_ns) {
    (void)now_ns;
    mt_reply_complete(event->target, MT_REPLY_TIMEOUT);
    return MT_TIMER_END;
}

static void drop(mt_timer_event_t *event) { (void)event; }

static const mt_timer_ops_t deadline_ops = {.fire = fire, .drop = drop};

// The timer; 0: without an item for it the call has no deadline it could keep, and has failed as overload.
static uint64_t arm_wheel(mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns) {
    mt_timer_spec_t spec = {.ops = &deadline_ops, .target = ref, .when_ns = deadline_ns};
    uint64_t timer = 0;
    mt_status_t status = mt_timers_arm(runtime->timers, &spec, NULL, &timer);
    if (MT_LIKELY(status == MT_OK)) return timer;
    mt_reply_complete(ref, status == MT_SHUT_DOWN ? MT_REPLY_SHUT_DOWN : MT_REPLY_OVERLOADED);
    return 0;
}

static void push_out_oldest(mt_worker_t *worker) {
    mt_nursery_entry_t entry = worker->nursery[worker->nursery_first++ & (worker->nursery_capacity - 1)];
    if (MT_LIKELY(!mt_reply_is_armed(entry.ref))) return;
    if (entry.deadline_ns != MT_FOREVER) {
        uint64_t timer = arm_wheel(worker->runtime, entry.ref, entry.deadline_ns);
        if (timer && !mt_reply_note_timer(entry.ref, timer)) mt_timers_cancel(timer, NULL);
    }
    mt_reply_nudge(entry.ref); // from here on it can be cancelled
}

void mt__nursery_age(mt_worker_t *worker, uint64_t now_ns) {
    if (now_ns < worker->nursery_due_ns) return;
    while (worker->nursery_first != worker->nursery_mark) push_out_oldest(worker);
    worker->nursery_mark = worker->nursery_next;
    worker->nursery_due_ns = now_ns + INTERVAL_NS;
}

uint64_t mt__nursery_deadline(mt_worker_t *worker) {
    while (worker->nursery_first != worker->nursery_next) {
        const mt_nursery_entry_t *oldest = &worker->nursery[worker->nursery_first & (worker->nursery_capacity - 1)];
        if (mt_reply_is_armed(oldest->ref)) return worker->nursery_due_ns;
        if (worker->nursery_mark == worker->nursery_first++) worker->nursery_mark = worker->nursery_first;
    }
    return MT_FOREVER;
}

// Doubles the ring. False: it is as large as it may be, or there is no memory.
static bool grow(mt_worker_t *worker) {
    uint32_t capacity = worker->nursery_capacity;
    if (capacity >= NURSERY_MAX) return false;
    mt_nursery_entry_t *grown = mt_alloc_zeroed(capacity * 2 * sizeof *grown);
    if (!grown) return false;
    for (uint32_t i = worker->nursery_first; i != worker->nursery_next; i++)
        grown[i & (capacity * 2 - 1)] = worker->nursery[i & (capacity - 1)];
    free(worker->nursery);
    worker->nursery = grown;
    worker->nursery_capacity = capacity * 2;
    return true;
}

static void keep(mt_worker_t *worker, mt_reply_ref_t ref, uint64_t deadline_ns) {
    if (MT_UNLIKELY(worker->nursery_next - worker->nursery_first == worker->nursery_capacity) && !grow(worker)) {
        if (worker->nursery_mark == worker->nursery_first) worker->nursery_mark++;
        push_out_oldest(worker);
    }
    worker->nursery[worker->nursery_next++ & (worker->nursery_capacity - 1)] =
        (mt_nursery_entry_t){.ref = ref, .deadline_ns = deadline_ns};
}

static bool serves(const mt_worker_t *worker, const mt_runtime_t *runtime) {
    return worker && worker->runtime == runtime && !runtime->env.is_virtual;
}

bool mt_deadline_has_nursery(const mt_thread_t *thread, const mt_runtime_t *runtime) {
    return serves(mt__context_of(thread), runtime);
}

void mt_deadline_arm(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns) {
    uint64_t before;
    mt_worker_t *worker = mt__context_enter(thread, &before);
    bool has_nursery = serves(worker, runtime);
    // relaxed: this thread's own turn; its start is in the past, so a deadline near it is near.
    bool is_near = !has_nursery || deadline_ns < mt_a64_load_rlx(&worker->turn_start_ns) + NEAR_NS;
    if (MT_UNLIKELY(is_near) && deadline_ns != MT_FOREVER) {
        mt_reply_set_timer(ref, arm_wheel(runtime, ref, deadline_ns));
        deadline_ns = MT_FOREVER; // what is left to do in the nursery is the nudge
    }
    if (MT_LIKELY(has_nursery)) keep(worker, ref, deadline_ns);
    mt__context_leave(thread, before);
    // The context may have been taken since the caller asked for a nursery: a waiter that counts on its nudge gets it
    // now, looks, and waits as others do.
    if (MT_UNLIKELY(!has_nursery)) mt_reply_nudge(ref);
}

void mt_deadline_cancel(mt_reply_ref_t ref) {
    uint64_t timer = mt_reply_timer(ref);
    if (timer) mt_timers_cancel(timer, NULL);
}
