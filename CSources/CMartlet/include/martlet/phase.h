// SPDX-License-Identifier: Apache-2.0
// Kill is fencing: the phase word says who may touch the owner's side of a slot while user code runs.
//
//                enter (store)                   a killer's CAS
//      BUSY  ------------------->   IN   -----------------------> TAKEN   (a worker runs the exit)
//        ^ <---------------------   |
//        |   leave (CAS)            |  a runtime call with an effect: IN -> BUSY -> IN (CAS, store)
//       OUT  between slices
//
// Overview. A handler's effects happen in BUSY; a take needs IN; both are read-modify-writes of one word. So each
// effect comes before the take, and with it before every DOWN, or never happens. The generation in the word makes a
// stuck thread's CAS fail after the slot was reused. BUSY at the moment of a kill means that the owner is between
// handlers: it sees KILL at its next look, or the monitor thread's retry takes it in the next handler.
//
// Not fenced: what user code does outside the runtime. Checked with its mutants: Documentation/design/kill-fencing.md.
#ifndef MARTLET_PHASE_H
#define MARTLET_PHASE_H

#include "slot.h"
#include "thread.h"

// One process whose user code this thread runs, innermost first: a worker's slice, and the in-place calls nested in it.
// Lives on the stack of that thread; nobody else looks at it.
typedef struct mt_frame {
    mt_slot_t *slot;
    struct mt_frame *below;
    uint32_t generation;
    bool is_in;              // user code runs: phase is IN unless a killer took it
    bool is_in_place;        // runs on a caller's thread
    bool was_taken;          // leave or an effect found the process gone: unwind, touch nothing
    uint64_t call;           // the request being handled, 0 if answered or none
    mt_node_t *parked_reply; // reply(then: stop): its value, delivered after terminate
    uint64_t parked_for;     // and the reply slot
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

// User code ended. False: the process was taken; touch nothing of the slot. Owner until then.
static inline bool mt_phase_leave(mt_frame_t *frame) {
    frame->is_in = false;
    uint64_t in = mt_phase_make(frame->generation, MT_PHASE_IN);
    // acq_rel: pairs with the killer's CAS in mt_process_take: one of the two has the slot. A load and a store here
    // would let both believe it.
    if (MT_LIKELY(mt_a64_cas(&frame->slot->phase, &in, mt_phase_make(frame->generation, MT_PHASE_BUSY)))) return true;
    frame->was_taken = true;
    return false;
}

// Opens the fence for one effect of user code on this thread. False: the process is gone or killed, no effect may
// happen. Outside user code always true. Pair every true with mt_effect_end.
static inline bool mt_effect_begin(mt_thread_t *thread) {
    mt_frame_t *frame = thread->frame;
    if (!frame || !frame->is_in) return true;
    uint64_t in = mt_phase_make(frame->generation, MT_PHASE_IN);
    // acq_rel: as in mt_phase_leave.
    if (MT_UNLIKELY(!mt_a64_cas(&frame->slot->phase, &in, mt_phase_make(frame->generation, MT_PHASE_BUSY)))) {
        frame->was_taken = true;
        return false;
    }
    // acquire: pairs with the killer's CAS of life: a kill seen here forbids the effect though the take comes later.
    if (MT_LIKELY(!(mt_a64_load_acq(&frame->slot->life) & MT_LIFE_KILL))) return true;
    mt_a64_store_rel(&frame->slot->phase, mt_phase_make(frame->generation, MT_PHASE_IN));
    return false;
}

static inline void mt_effect_end(mt_thread_t *thread) {
    mt_frame_t *frame = thread->frame;
    // release: the effect comes before a take of this process.
    if (frame && frame->is_in) mt_a64_store_rel(&frame->slot->phase, mt_phase_make(frame->generation, MT_PHASE_IN));
}

#endif
