// SPDX-License-Identifier: Apache-2.0
// One call from its caller's side: a reply slot with a deadline, room in the callee's mailbox, and the wait. The
// request itself is a message like any other (process.h); how a handler answers is reply.h.
#ifndef MARTLET_CALL_H
#define MARTLET_CALL_H

#include "process.h"
#include "status.h"

// Timeouts from here on may be late by the resolution of a cheaper clock (10 ms); shorter ones read the exact one.
#define MT_CALL_EXACT_BELOW_NS UINT64_C(1000000000)

// The process whose handler runs on this thread, 0 outside one.
static inline mt_pid_t mt_thread_current_pid(void) {
    mt_thread_t *thread = mt_thread_current;
    mt_frame_t *frame = thread ? thread->frame : NULL;
    return frame ? mt_slot_pid(frame->slot, frame->generation) : 0;
}

// The process that the running task carries, 0: it is not known here whether it carries one.
static inline mt_pid_t mt_thread_carried_pid(void) {
    mt_thread_t *thread = mt_thread_current;
    mt_frame_t *frame = thread ? thread->frame : NULL;
    return frame && frame->is_of_task ? mt_slot_pid(frame->slot, frame->generation) : 0;
}

// What tasks of the language there ever were in this OS process: looked at before the running task is, so that programs
// without any pay a load of a constant word. Bits, never cleared.
#define MT_TASKS_OWN 1u     // one that owned a process, or carried some
#define MT_TASKS_CARRY 2u   // one that carried processes
#define MT_TASKS_RUNTIME 4u // one with a runtime of its own
extern mt_a32_t mt_tasks_seen_word;
// relaxed: set before the first such task runs code that asks, and that code's own loads see it.
static inline uint32_t mt_tasks_seen(void) { return mt_a32_load_rlx(&mt_tasks_seen_word); }
static inline bool mt_has_owning_tasks(void) { return MT_UNLIKELY((mt_tasks_seen() & MT_TASKS_OWN) != 0); }
void mt_tasks_note(uint32_t bit);

// The runtime of a live process, NULL if it has ended. Any thread.
static inline mt_runtime_t *mt_pid_runtime(mt_pid_t pid) {
    return mt_pid_is_alive(pid) ? mt_runtime_of(mt_slot_of(pid)) : NULL;
}
// The runtime its slot belongs to, alive or not; NULL for a pid that never was.
static inline mt_runtime_t *mt_pid_runtime_any(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    return slot ? mt_runtime_of(slot) : NULL;
}

// The running handler has answered its request. True: it runs in place, its caller is this very thread. The thread of
// the handler; others do nothing.
static inline bool mt_frame_answered(mt_reply_ref_t ref) {
    mt_thread_t *thread = mt_thread_current;
    if (!thread || !thread->frame || thread->frame->call != ref) return false;
    thread->frame->call = 0;
    return thread->frame->is_in_place;
}

// Nanoseconds until the caller of an unanswered call gives up; MT_FOREVER: never; 0: it has, or was answered.
uint64_t mt_reply_remaining(mt_reply_ref_t ref);

// Counts an answer that came too late, in the runtime of the callee, and tells who listens; `ops` are the answer's. No
// lock held.
void mt_count_late_reply(mt_reply_ref_t ref, const mt_payload_ops_t *ops);

// The instant a call gives up: timeout_ns from now, but not after the deadline of the request that the calling handler
// is busy with. MT_FOREVER: never. Never early.
uint64_t mt_call_deadline(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t timeout_ns);

// Room for a request or a waiting cast.
typedef enum __attribute__((enum_extensibility(closed))) mt_room {
    MT_ROOM_UNBOUNDED MT_SWIFT("unbounded"), // nothing to take
    MT_ROOM_TAKEN MT_SWIFT("taken"),         // one credit is the sender's: send granted, or mt_room_return
    MT_ROOM_REFUSED MT_SWIFT("refused"),     // full, and the mailbox rejects
    MT_ROOM_WAIT MT_SWIFT("wait"),           // full: wait with mt_room_wait
    MT_ROOM_NO_PROCESS MT_SWIFT("noProcess"),
} mt_room_t;

mt_room_t mt_room_take_slow(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid);
// Takes room without waiting; a request may displace a cast where the mailbox drops the oldest. Any thread.
static inline mt_room_t mt_room_take(mt_thread_t *thread, mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (MT_UNLIKELY(!slot)) return MT_ROOM_NO_PROCESS;
    // acquire: as in mt_process_send; relaxed: see mt_credit_of.
    uint64_t life = mt_a64_load_acq(&slot->life);
    if (MT_UNLIKELY(((life ^ pid) >> 32) || !(life & MT_LIFE_LIVE))) return MT_ROOM_NO_PROCESS;
    if (MT_LIKELY(!mt_aptr_load_rlx(&slot->bounded))) return MT_ROOM_UNBOUNDED;
    return mt_room_take_slow(thread, slot, pid);
}
// Queues a waiter whose armed reply slot is completed with GRANTED, NO_PROCESS or what its deadline says; when room
// came meanwhile, or the process ended, it is completed before this returns. Any thread.
void mt_room_wait(mt_pid_t pid, mt_credit_waiter_t *waiter);
// Ends a waiter whose slot is done. Its memory is free afterwards. Any thread.
void mt_room_leave(mt_pid_t pid, mt_credit_waiter_t *waiter);
// Puts back a credit that was not used. Any thread.
void mt_room_return(mt_pid_t pid);

// Sleeps until the slot is done, at most until the deadline; another thread takes over the worker meanwhile. False: no
// thread is left to stand in: the slot is completed with OVERLOADED. The caller.
bool mt_call_wait_blocking(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns);

// In-place execution. Lives on the caller's stack. `hot` at the functions, since clang's splitting of hot and cold code
// took a whole one for cold, and put it out of the way (a call in place 65 -> 74 ns).
typedef struct mt_in_place {
    mt_frame_t frame;
    mt_thread_t *thread;
    void *state;
    mt_reply_ref_t reply;
    uint64_t timeout_ns;
} mt_in_place_t;

// Claims an idle process of the given type for this thread and arms a reply slot. False: busy, gone, of another type,
// or this thread is inside it: take the ordinary way. User code may run between begin and end. Any thread.
__attribute__((hot)) bool mt_in_place_begin(mt_in_place_t *call, mt_pid_t pid, const void *type_id,
                                            uint64_t timeout_ns);
// Gives the armed slot its deadline, counted from now and not after the one of the request that the caller is busy
// with: never early. The caller, before end.
void mt_in_place_set_deadline(mt_in_place_t *call);
// User code ended; `pending` (retained object or NULL) is for a worker to act on. False: the process was taken away,
// the caller waits for its reply slot as for any other and `pending` is still the caller's. The caller.
__attribute__((hot)) bool mt_in_place_end(mt_in_place_t *call, void *pending);

#endif
