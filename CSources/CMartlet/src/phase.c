// SPDX-License-Identifier: Apache-2.0
// The rare half of kill fencing: taking a process out of its handler, the end of a handler whose process is doomed, and
// the slot that waits for the thread it was taken from.
#include "martlet/phase.h"

#include "runtime_state.h"

// Of `life` when a taken process and its thread part:
//   LIVE or DYING |TAKEN   -- thread comes back -->  |BACK   -- retire -->  FREE, generation + 1
//   DYING|TAKEN            -- retire -->             HELD    -- thread comes back -->  FREE, generation + 1
static void free_slot(mt_slot_t *slot, mt_thread_t *thread, uint32_t generation) {
    // A generation that would wrap retires the slot for ever.
    if (generation == UINT32_MAX) return;
    // release: by rule; the free list orders the owner's words for the spawner.
    mt_a64_store_rel(&slot->life, mt_life_make(generation + 1, 0));
    mt_region_give(&mt_slots, &thread->slots, mt_region_index(&mt_slots, slot));
}

void mt__phase_retire(mt_slot_t *slot, mt_thread_t *thread) {
    // acquire: pairs with the CAS of the thread that comes back: its last store of `phase`.
    uint64_t life = mt_a64_load_acq(&slot->life);
    uint32_t generation = mt_life_generation(life);
    while ((life & MT_LIFE_TAKEN) && !(life & MT_LIFE_BACK)) {
        // release: the owner's words, for the thread that frees the slot, and through the free list for the spawner.
        if (mt_a64_cas(&slot->life, &life, mt_life_make(generation, MT_LIFE_HELD))) return;
    }
    free_slot(slot, thread, generation);
}

// The process is another's: this thread touches the slot for the last time.
static void come_back(mt_frame_t *frame, mt_thread_t *thread) {
    mt_slot_t *slot = frame->slot;
    // acquire: pairs with the CAS in mt__phase_retire.
    uint64_t life = mt_a64_load_acq(&slot->life);
    while (!(life & MT_LIFE_HELD)) {
        // release: pairs with the acquire in mt__phase_retire.
        if (mt_a64_cas(&slot->life, &life, life | MT_LIFE_BACK)) return;
    }
    free_slot(slot, thread, frame->generation);
}

bool mt__phase_leave_doomed(mt_frame_t *frame, mt_thread_t *thread) {
    mt_slot_t *slot = frame->slot;
    // acquire: by rule; the CAS below decides.
    uint64_t life = mt_a64_load_acq(&slot->life);
    while (!(life & (MT_LIFE_TAKEN | MT_LIFE_HELD))) {
        uint64_t counted = (life & ~(uint64_t)MT_LIFE_LEAVES) | ((life + MT_LIFE_LEAVE) & MT_LIFE_LEAVES);
        // acq_rel: pairs with the CAS in mt_process_take: a take that read `life` before this fails.
        if (mt_a64_cas(&slot->life, &life, counted)) return true;
    }
    come_back(frame, thread);
    return false;
}

bool mt_process_take(mt_thread_t *thread, mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return true;
    // sc: by rule; the CAS below decides.
    uint64_t life = mt_a64_load_sc(&slot->life);
    do {
        // Over, taken, or at its last words after a signal (calm_down in slice.c).
        if ((life ^ pid) >> 32 || !(life & MT_LIFE_LIVE) || life & MT_LIFE_TAKEN || !(life & MT_LIFE_DOOMED))
            return true;
        // Only a guess, which saves the barrier: the monitor asks again.
        if (mt_a64_load_rlx(&slot->phase) != mt_phase_make(mt_pid_generation(pid), MT_PHASE_IN)) return false;
        // sc: the store of the rare side, see mt_phase_leave: from the barrier on no effect begins.
    } while (!mt_a64_cas_sc(&slot->life, &life, life | MT_LIFE_FENCE));
    mt_barrier_heavy();
    // sc: the load of the rare side. acquire: pairs with the release of IN: the owner's words, and every effect so far.
    if (mt_a64_load_sc(&slot->phase) != mt_phase_make(mt_pid_generation(pid), MT_PHASE_IN)) return false;
    life |= MT_LIFE_FENCE;
    // acq_rel: one of this and the CAS in mt__phase_leave_doomed wins; a leave since `life` was read has changed it.
    // The slot is this thread's now, and the worker's that it is submitted to.
    if (!mt_a64_cas(&slot->life, &life, life | MT_LIFE_TAKEN)) return false;
    mt_submit(thread, slot);
    return true;
}
