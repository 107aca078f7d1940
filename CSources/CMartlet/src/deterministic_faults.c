// SPDX-License-Identifier: Apache-2.0
// What a deterministic run lets go wrong. Every fault is one that happens by itself elsewhere: a handler throws, a
// server is killed, time passes, a mailbox is full.
#include "deterministic.h"
#include "martlet/credit.h"
#include "martlet/process.h"

static bool is_due(uint64_t every, uint64_t number) { return every && number % every == 0; }

static bool is_server(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    // Plain read of generation: every process of this runtime is at rest, or this thread's.
    if (!slot || !mt_pid_is_alive(pid) || slot->generation != mt_pid_generation(pid)) return false;
    // Told to end already, it would take the kill that is meant for another.
    if (!mt_life_is_calm(mt_a64_load_acq(&slot->life), slot->generation)) return false;
    const mt_class_t *klass = mt_aptr_load_rlx(&slot->klass);
    return klass && klass->is_server;
}

static mt_bounded_head_t *bound_of(mt_pid_t pid) {
    return mt_pid_is_alive(pid) ? mt_credit_of(mt_slot_of(pid), mt_pid_generation(pid)) : NULL;
}

// One of the live processes for which `fits`; 0: there is none. Reservoir sampling: one pass, in the order of birth.
static mt_pid_t pick(mt_deterministic_t *run, bool (*fits)(mt_pid_t pid)) {
    mt_pid_t picked = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < run->census.born_count; i++) {
        mt_pid_t pid = run->census.born[i];
        if (fits(pid) && mt__deterministic_below(run, ++seen) == 0) picked = pid;
    }
    return picked;
}

bool mt__faults_release(mt_deterministic_t *run) {
    mt_pid_t pid = run->held_pid;
    uint32_t count = run->held_count;
    run->held_pid = 0;
    run->held_count = 0;
    if (!pid || !count) return false;
    // Stays with the slot for ever once it is there; of another incarnation it takes nothing back.
    mt_bounded_head_t *bounded = (mt_bounded_head_t *)mt_aptr_load_acq(&mt_slot_of(pid)->bounded);
    for (; count; count--) mt_credit_return(bounded, mt_pid_generation(pid));
    return true;
}

static bool is_bounded(mt_pid_t pid) { return bound_of(pid) != NULL; }

static void fill_a_mailbox(mt_deterministic_t *run) {
    mt__faults_release(run);
    mt_pid_t pid = pick(run, is_bounded);
    mt_bounded_head_t *bounded = pid ? bound_of(pid) : NULL;
    if (!bounded) return;
    while (mt_credit_take(bounded, mt_pid_generation(pid)) == MT_CREDIT_TAKEN) run->held_count++;
    run->held_pid = pid;
}

// The handler of the message that is next behaves as if it threw; where it cannot, that of the next message.
static void let_throw(mt_deterministic_t *run, mt_slot_t *slot) {
    bool is_calm = mt_life_is_calm(mt_a64_load_acq(&slot->life), slot->generation);
    // Plain `pending`: the slot is in this thread's queue.
    if (is_calm && !slot->pending && run->ops.thrown) slot->pending = run->ops.thrown(run->ops.context);
    else run->faults.throw_at++;
}

bool mt__faults_before_message(mt_deterministic_t *run, mt_thread_t *thread, mt_slot_t *slot) {
    const mt_faults_t *faults = &run->faults;
    if (run->is_excused) {
        run->is_excused = false;
        return false;
    }
    run->messages++;
    if (faults->throw_at == run->messages) let_throw(run, slot);
    bool is_changed = false;
    if (is_due(faults->delay_every, run->messages) && faults->delay_max_ns) {
        uint64_t max_ms = faults->delay_max_ns / 1000000;
        uint64_t delay_ns = max_ms < UINT32_MAX && max_ms > 0
                                ? (mt__deterministic_below(run, (uint32_t)max_ms) + 1) * UINT64_C(1000000)
                                : faults->delay_max_ns;
        mt__deterministic_set_time(run, mt_instant_after(mt__now(run->runtime), delay_ns));
        is_changed = true;
    }
    if (is_due(faults->overflow_every, run->messages)) fill_a_mailbox(run);
    if (is_due(faults->kill_every, run->messages)) {
        mt_pid_t victim = pick(run, is_server);
        if (victim) is_changed = mt_process_kill(thread, victim);
    }
    run->is_excused = is_changed;
    return is_changed;
}
