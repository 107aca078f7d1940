// SPDX-License-Identifier: Apache-2.0
// One slice: a worker runs one process until its mailbox is empty or the turn's budget is used. The loop over the
// messages belongs to the engine, which is generic and specialised; these functions are what it calls between handlers,
// inline where a message passes. So C and the engine's language meet once a slice, not once a message.
#ifndef MARTLET_SLICE_H
#define MARTLET_SLICE_H

#include "process.h"

// What mt_slice_next found. The first values are mt_kind_t.
#define MT_SLICE_LEAVE 16 // the slice is over: return MT_RUN_LEFT and touch nothing of the process
#define MT_SLICE_DIE 17   // killed, or an exit signal: slice->reason (retained) is why; run the exit protocol

#define MT_SLICE_NONE 18   // no message: the engine goes on where it was
#define MT_SLICE_YIELD 19  // others wait and the turn is over; only from mt_slice_poll
#define MT_SLICE_SYSTEM 20 // commands wait: take them all with mt_slice_next_command, then go on

typedef struct mt_slice {
    mt_frame_t frame;
    mt_thread_t *thread;
    mt_slot_t *slot;
    mt_stats_t *stats;
    mt_bounded_head_t *bounded; // credits of this incarnation, NULL: unbounded
    uint32_t budget;            // messages left in the turn
    uint32_t popped;            // nodes taken off the queue since it was measured; may count too many
    uint32_t kind;              // of the current message; MT_SLICE_NONE when the engine is entered without one
    bool is_slow;               // each look for a message is a long one: bounded, suspended, watched
    bool is_stalled;            // suspended, and a producer is about to link what is to be set aside
    bool reads_late;            // the engine may keep EXIT and DOWN messages: it reads their ties (mt_tie_read)
    uint64_t handled;           // user messages since they were added to the slot's count
    uint64_t counted;           // those of them that the statistics have
    mt_node_t *node;            // it; its payload is moved out before the handler runs
    void *payload;
    uint64_t reply;         // its reply slot, or what the kind keeps there
    void *reason;           // with MT_SLICE_DIE
    mt_pid_t reason_from;   // who sent it, 0: a kill, or nobody's code
    mt_node_t *undelivered; // popped when the end was seen; a dead letter
    unsigned char *scratch; // payload copies of mailboxes with a pop lock
} mt_slice_t;

uint32_t mt__slice_next_slow(mt_slice_t *slice, mt_node_t *node);
uint32_t mt__slice_poll_slow(mt_slice_t *slice, mt_node_t *node);
bool mt__slice_unanswered(mt_slice_t *slice);

// Whether a popped node may go to the engine without a second look. Owner, in BUSY.
static inline bool mt__slice_is_plain(const mt_slice_t *slice, const mt_node_t *node) {
    // acquire, after the pop: a change of life that happened before this message was sent is seen (mailbox.h, I4).
    uint64_t life = mt_a64_load_acq(&slice->slot->life);
    if (MT_UNLIKELY(!mt_life_is_calm(life, slice->frame.generation) || node->generation != slice->frame.generation))
        return false;
    // A request whose caller has given up is skipped; system messages are the core's business first.
    uint32_t kind = node->kind;
    return MT_LIKELY(kind < MT_KIND_TIMEOUT && (kind != MT_KIND_CALL || mt_reply_is_armed(node->reply)));
}

// Makes a plain node the engine's current message. Owner, in BUSY.
static inline uint32_t mt__slice_accept(mt_slice_t *slice, mt_node_t *node) {
    slice->budget--;
    slice->handled++;
    slice->node = node;
    slice->payload = node->payload;
    slice->reply = node->reply;
    return slice->kind = node->kind;
}

// The next message for the engine, MT_SLICE_LEAVE or MT_SLICE_DIE. Owner, in BUSY.
// In the engine's loop, also where a client's module has its twin mt_slice_poll, and a compiler that merges the two.
__attribute__((always_inline)) static inline uint32_t mt_slice_next(mt_slice_t *slice) {
    // Every 16th message, the end of the budget and what is slow anyway take the long way.
    if (MT_UNLIKELY((slice->budget & 15) == 0 || slice->is_slow)) return mt__slice_next_slow(slice, NULL);
    slice->popped++;
    mt_node_t *node = mt_mailbox_pop(slice->slot, slice->thread);
    if (MT_UNLIKELY(!node || !mt__slice_is_plain(slice, node))) return mt__slice_next_slow(slice, node);
    return mt__slice_accept(slice, node);
}

// As mt_slice_next, for a process whose owner is a task: MT_SLICE_NONE instead of giving an empty process back,
// MT_SLICE_YIELD instead of requeueing it. Owner, in BUSY.
static inline uint32_t mt_slice_poll(mt_slice_t *slice) {
    if (MT_UNLIKELY((slice->budget & 15) == 0 || slice->is_slow)) return mt__slice_poll_slow(slice, NULL);
    slice->popped++;
    mt_node_t *node = mt_mailbox_pop(slice->slot, slice->thread);
    if (MT_UNLIKELY(!node || !mt__slice_is_plain(slice, node))) return mt__slice_poll_slow(slice, node);
    return mt__slice_accept(slice, node);
}

// A process whose owner is a task: the task keeps a slice of its own, made by copying the worker's, and says on which
// thread it goes on. Owner, in BUSY.
static inline void mt_slice_move(mt_slice_t *slice, mt_thread_t *thread) {
    if (MT_LIKELY(slice->thread == thread)) return;
    slice->thread = thread;
    slice->stats = mt_stats(thread, mt_runtime_of(slice->slot));
}
// A worker woke the task: it goes on there with a whole budget. Owner, in BUSY.
void mt_slice_resume(mt_slice_t *slice, mt_thread_t *thread);
// Whether the body of a task hears of no message any more: it was told to end (MT_SLICE_DIE), or its process is over
// (MT_SLICE_LEAVE). The task, which says so itself by setting `kind`.
static inline bool mt_slice_is_closed(const mt_slice_t *slice) {
    return slice->kind == MT_SLICE_LEAVE || slice->kind == MT_SLICE_DIE;
}
// Counts what was handled so far: a task may be killed before it comes back to say so. Owner, in BUSY.
static inline void mt_slice_count(mt_slice_t *slice) {
    mt_a64_bump(&slice->stats->handled, slice->handled - slice->counted);
    slice->counted = slice->handled;
}
// The same, and adds it to the count of the process: once a slice. Owner.
static inline void mt_slice_settle_count(mt_slice_t *slice) {
    if (!slice->handled) return;
    mt_slice_count(slice);
    mt_a64_bump(&slice->slot->handled, slice->handled);
    // relaxed: only the owner's thread sets it (mt_block_begin).
    if (MT_UNLIKELY(mt_a32_load_rlx(&slice->slot->running_since))) mt_a32_store_rlx(&slice->slot->running_since, 0);
    slice->handled = slice->counted = 0;
}
// Gives an empty process back until a worker wakes its task. False: a message or signal is there. Owner, in BUSY; the
// owner no more if true.
bool mt_slice_give_back(mt_slice_t *slice);
// After MT_SLICE_YIELD: queues the process behind the others; a worker wakes its task. Owner, in BUSY; the owner no
// more.
void mt_slice_yield(mt_slice_t *slice);
// Makes `slice` the owner's, in place of the worker's that it is copied from; `scratch`: see mt_slice_scratch_size.
// Owner, in BUSY.
void mt_slice_adopt(mt_slice_t *slice, const mt_slice_t *worker, unsigned char *scratch);
// Bytes that the task's slice needs at `scratch`, 16-aligned; 0: none. `slice` is the worker's. Owner.
static inline size_t mt_slice_scratch_size(const mt_slice_t *slice) {
    bool has_pop_lock = slice->bounded && mt_credit_policy(slice->bounded) == MT_POLICY_DROP_OLDEST;
    return has_pop_lock ? MT_NODE_HEADER + MT_NODE_PAYLOAD_MAX : 0;
}
// Hands the process to a worker, e.g. for its exit. Owner, in BUSY; the owner no more.
void mt_slice_hand_over(mt_slice_t *slice);

// Whether a kill or an exit signal waits: the next look for a message says MT_SLICE_DIE. Owner.
static inline bool mt_slice_is_doomed(const mt_slice_t *slice) {
    // acquire: as in mt_slice_next.
    return mt_a64_load_acq(&slice->slot->life) & MT_LIFE_DOOMED;
}

// Whether a killer took the process out of user code: that thread still uses the state and will destroy it. Owner.
static inline bool mt_slice_state_is_held(const mt_slice_t *slice) {
    // acquire: pairs with the CAS in mt_process_take.
    return mt_a64_load_acq(&slice->slot->life) & MT_LIFE_TAKEN;
}

// What user code is busy with where it is no request: its kind, in the place of a reply slot with index 0, which no
// slot has. So reports learn the kind without a store of its own.
#define MT_DOING_CONTINUE 24
#define MT_DOING_HIBERNATE 25
#define MT_DOING_UNKNOWN 26
static inline uint64_t mt_doing_make(uint32_t kind) { return (uint64_t)(kind + 1) << 32; }

// User code begins; `call` is the request it may answer, 0 for none.
static inline void mt_slice_enter(mt_slice_t *slice, mt_reply_ref_t call) {
    slice->frame.call = call;
    // relaxed: for the coroner, should a killer take the process, ordered by the phase; reports take what they get.
    mt_a64_store_rlx(&slice->slot->current_call, call);
    mt_phase_enter(&slice->frame);
}

// User code begins, with something that nobody waits for: a message kind or MT_DOING_*.
static inline void mt_slice_enter_kind(mt_slice_t *slice, uint32_t kind) {
    slice->frame.call = 0;
    mt_a64_store_rlx(&slice->slot->current_call, mt_doing_make(kind)); // relaxed: as above
    mt_phase_enter(&slice->frame);
}

// The exit answers the request neither. Owner, in BUSY.
static inline void mt_slice_forget_current(mt_slice_t *slice) { mt_a64_store_rlx(&slice->slot->current_call, 0); }

// User code ended. False: abandoned; destroy what the frame holds, touch nothing of the slot. An unanswered call is
// deferred.
static inline bool mt_slice_leave(mt_slice_t *slice) {
    if (MT_UNLIKELY(!mt_phase_leave(&slice->frame, slice->thread))) return false;
    if (MT_UNLIKELY(slice->frame.call)) return mt__slice_unanswered(slice);
    return true;
}

// As mt_slice_leave, for a slice that a task keeps: user code may have come back on another thread. False: abandoned;
// `thread` is the slice's for mt_frame_abandon.
static inline bool mt_slice_leave_on(mt_slice_t *slice, mt_thread_t *thread) {
    if (MT_UNLIKELY(!mt_phase_leave(&slice->frame, thread))) {
        slice->thread = thread; // not its statistics: whose slot it is now is not known
        return false;
    }
    mt_slice_move(slice, thread);
    if (MT_UNLIKELY(slice->frame.call)) return mt__slice_unanswered(slice);
    return true;
}

// As mt_slice_enter, for user code that may suspend: what was handled is counted, and room given back, before it, since
// the end may be long in coming or never come.
static inline void mt__slice_settle(mt_slice_t *slice) {
    mt_slice_count(slice);
    if (MT_UNLIKELY(slice->bounded)) mt_credit_settle(slice->bounded, slice->frame.generation);
}
static inline void mt_slice_enter_long(mt_slice_t *slice, mt_reply_ref_t call) {
    mt__slice_settle(slice);
    mt_slice_enter(slice, call);
}
static inline void mt_slice_enter_long_kind(mt_slice_t *slice, uint32_t kind) {
    mt__slice_settle(slice);
    mt_slice_enter_kind(slice, kind);
}

// The exit protocol, first half: from here senders get MT_NO_PROCESS. `reason` is retained by the caller and becomes
// the slot's. Afterwards the engine destroys the state. Owner, in BUSY.
void mt_slice_exit_begin(mt_slice_t *slice, void *reason);
// Second half: names, calls, timers, room waiters. The engine then returns MT_RUN_EXITED.
void mt_slice_exit_finish(mt_slice_t *slice);

// Its init is over. Owner, in BUSY.
static inline void mt_slice_started(mt_slice_t *slice) {
    mt_a32_store_rlx(&slice->slot->activity, MT_ACTIVITY_RUNNING); // relaxed: for reports
}

// Delivers the reply that the handler parked (phase.h). Owner, in BUSY.
void mt_slice_publish_parked(mt_slice_t *slice);

// Answers nobody: adds a call to those that fail when the process ends. False: out of memory. Owner, in BUSY.
bool mt_slice_defer(mt_slice_t *slice, mt_reply_ref_t ref);

// Marks the process as hibernating and gives this thread's free memory back. Owner, in BUSY.
void mt_slice_hibernate(mt_slice_t *slice);
// A message ended it. Owner, in BUSY.
static inline void mt_slice_wake(mt_slice_t *slice) { slice->slot->flags &= ~MT_SLOT_HIBERNATED; }
// Whether the current TIMEOUT message is the one armed last; it is spent then. Owner, in BUSY.
bool mt_slice_idle_fired(mt_slice_t *slice);

// What runs the process. Owner.
static inline const mt_class_t *mt_slice_class(const mt_slice_t *slice) {
    return (const mt_class_t *)mt_aptr_load_rlx(&slice->slot->klass); // relaxed: the owner wrote it
}

// The slice that runs on this thread, NULL outside one.
static inline mt_slice_t *mt_slice_of(mt_frame_t *frame) { return frame->is_in_place ? NULL : (mt_slice_t *)frame; }

// Runs one slice of a slot that this thread owns. For the scheduler.
void mt_slice_run(mt_thread_t *thread, mt_slot_t *slot, uint32_t *budget);

#endif
