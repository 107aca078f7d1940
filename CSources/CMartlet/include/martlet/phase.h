// SPDX-License-Identifier: Apache-2.0
// Kill is fencing: the phase word says whether user code runs, `life` says whose process it is.
//
//                enter (store)
//      BUSY  ------------------->   IN      take: life gets FENCE; heavy barrier; phase is IN; CAS of life adds TAKEN
//        ^ <---------------------   |       leave: phase BUSY; load life; doomed: CAS of life counts the leave
//        |   leave (store, load)    |       effect: phase BUSY; load life; fenced: no effect; else do it; phase IN
//       OUT  between slices
//
// Overview. A handler's effects happen in BUSY, a take needs IN. The owner pays stores and loads alone: the killer, who
// is rare, brings the barrier (barrier.h). Whoever reads no FENCE in `life` has shown BUSY before, and the killer
// waits; whoever shows IN after the barrier reads FENCE before its next effect, which then does not happen. So each
// effect comes before the take, and with it before every DOWN, or never happens. The end of the handler and the take
// meet in one CAS on `life`: the first wins. BUSY at the moment of a kill means that the owner is between handlers: it
// sees KILL at its next look, or the monitor thread's retry takes it in the next handler.
//
// A taken slot is not used again before its thread has come back: that thread's last store of `phase` hits nobody.
//
// Not fenced: what user code does outside the runtime. Checked with its mutants: Documentation/design/kill-fencing.md;
// why not a CAS a handler: Documentation/adr/0013-asymmetric-phase.md.
#ifndef MARTLET_PHASE_H
#define MARTLET_PHASE_H

#include "barrier.h"
#include "slot.h"
#include "thread.h"

// One process whose user code this thread runs, innermost first: a worker's slice, and the in-place calls nested in it.
// Lives on the stack of that thread; nobody else looks at it.
typedef struct mt_frame {
    mt_slot_t *slot;
    struct mt_frame *below;
    uint32_t generation;
    bool is_in;              // user code runs
    bool is_in_place;        // runs on a caller's thread
    bool has_stand_in;       // stand_in is a slot
    bool is_of_task;         // a task carries the process, and that task runs
    uint64_t call;           // the request being handled, 0 if answered or none
    mt_node_t *parked_reply; // reply(then: stop): its value, delivered after terminate
    uint64_t parked_for;     // and the reply slot
    uint64_t stand_in;       // what the process below waits on after this one answered it (cycle.h)
} mt_frame_t;

// Keeps a reply until terminate has run; takes the node (payload complete, ops set). An earlier one is delivered. The
// thread of the frame.
void mt_frame_park_reply(mt_frame_t *frame, mt_thread_t *thread, uint64_t ref, mt_node_t *node);
// After mt_phase_leave said false: a parked reply's caller hears of the kill. The thread of the frame.
void mt_frame_abandon(mt_frame_t *frame, mt_thread_t *thread);
// Destroys a parked reply: its caller hears from the exit. The thread of the frame.
void mt_frame_drop_parked(mt_frame_t *frame, mt_thread_t *thread);

static inline uint64_t mt_phase_make(uint32_t generation, uint32_t phase) { return (uint64_t)generation << 32 | phase; }

// User code begins. Owner.
static inline void mt_phase_enter(mt_frame_t *frame) {
    frame->is_in = true;
    // release: a killer that takes the process from IN hands all of the owner's words to the worker of the exit.
    mt_a64_store_rel(&frame->slot->phase, mt_phase_make(frame->generation, MT_PHASE_IN));
}

bool mt__phase_leave_doomed(mt_frame_t *frame, mt_thread_t *thread);

// User code ended. False: the process was taken, or user code did not run; touch nothing of the slot. Owner until then;
// `thread` is the caller's.
static inline bool mt_phase_leave(mt_frame_t *frame, mt_thread_t *thread) {
    mt_slot_t *slot = frame->slot;
    // Left before: it was taken, or given away. The slot may be another's by now.
    if (MT_UNLIKELY(!frame->is_in)) return false;
    frame->is_in = false;
    mt_barrier_store(&slot->phase, mt_phase_make(frame->generation, MT_PHASE_BUSY));
    // sc: {phase; life} against the killer's {life; heavy barrier; phase} in mt_process_take: who reads no doom here
    // has left before the killer looks.
    if (MT_LIKELY(!(mt_a64_load_sc(&slot->life) & MT_LIFE_DOOMED))) return true;
    return mt__phase_leave_doomed(frame, thread);
}

// Opens the fence for one effect of user code on this thread. False: the process is gone or killed, no effect may
// happen. Outside user code always true. Pair every true with mt_effect_end.
static inline bool mt_effect_begin(mt_thread_t *thread) {
    mt_frame_t *frame = thread->frame;
    if (!frame || !frame->is_in) return true;
    mt_slot_t *slot = frame->slot;
    mt_barrier_store(&slot->phase, mt_phase_make(frame->generation, MT_PHASE_BUSY));
    // sc: as in mt_phase_leave: who reads no FENCE has shown BUSY, and the take waits for mt_effect_end.
    if (MT_LIKELY(!(mt_a64_load_sc(&slot->life) & MT_LIFE_FENCED))) return true;
    // release: by rule; nothing happened.
    mt_a64_store_rel(&slot->phase, mt_phase_make(frame->generation, MT_PHASE_IN));
    return false;
}

static inline void mt_effect_end(mt_thread_t *thread) {
    mt_frame_t *frame = thread->frame;
    // release: the effect comes before a take of this process, which reads IN.
    if (frame && frame->is_in) mt_a64_store_rel(&frame->slot->phase, mt_phase_make(frame->generation, MT_PHASE_IN));
}

#endif
