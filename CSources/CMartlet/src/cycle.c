// SPDX-License-Identifier: Apache-2.0
// Publishing edges, and the walks along them.
#include "martlet/cycle.h"

#include "martlet/env.h"
#include "martlet/memory.h"

#include <pthread.h>
#include <stdlib.h>

// Touched only when two walks have agreed on a cycle.
static pthread_mutex_t discovery = PTHREAD_MUTEX_INITIALIZER;
static mt_a64_t given_up;

// --- Walking ---------------------------------------------------------------------------------------------------------

static bool is_live(uint64_t word, mt_reply_ref_t edge) {
    return !((word ^ edge) >> 32) && (word & (MT_REPLY_PHASE | MT_REPLY_DEFERRED)) == MT_REPLY_ARMED;
}

// Whom a process waits for, 0: nobody, as far as can be seen. *edge is on which slot.
static mt_pid_t waits_for(mt_pid_t pid, mt_reply_ref_t *edge) {
    const mt_slot_t *slot = mt_slot_of(pid);
    // sc: {own edge; the others' edges} against the same of everybody who closes this cycle: the last one to publish
    // sees all. acquire: its slot, armed before; and what the process did before, the answers it gave.
    *edge = slot ? mt_a64_load_sc(&slot->edge) : 0;
    const mt_reply_t *reply = *edge ? mt_reply_of(*edge) : NULL;
    // acquire: pairs with the release in arm: whose it is.
    if (!reply || !is_live(mt_a64_load_acq(&reply->word), *edge)) return 0;
    // acquire: pairs with the release of each in arm, after the slot's last life has ended: who reads the next call's
    // words here sees below that this one is over.
    mt_pid_t caller = mt_a64_load_acq(&reply->caller), callee = mt_a64_load_acq(&reply->callee);
    // Of an earlier process in the slot, or of a thread that lost its process: nobody waits.
    if (caller != pid || !is_live(mt_a64_load_acq(&reply->word), *edge)) return 0;
    // acquire: by rule. Whoever is about to end fails its callers soon.
    return mt_life_is_calm(mt_a64_load_acq(&slot->life), mt_pid_generation(pid)) ? callee : 0;
}

static bool leads_to(mt_pid_t pid, mt_pid_t self) {
    mt_reply_ref_t edge;
    for (uint32_t steps = 0; pid != self; steps++) {
        if (MT_LIKELY(!pid)) return false;
        if (steps == MT_CYCLE_STEPS_MAX) {
            mt_a64_add_rlx(&given_up, 1);
            return false;
        }
        pid = waits_for(pid, &edge);
    }
    return true;
}

// --- A cycle was found -----------------------------------------------------------------------------------------------

// A walk as it went.
typedef struct {
    uint32_t count;
    mt_pid_t pids[MT_CYCLE_STEPS_MAX];
    mt_reply_ref_t edges[MT_CYCLE_STEPS_MAX];
} walk_t;

static bool record(walk_t *walk, mt_pid_t pid, mt_pid_t self) {
    for (walk->count = 0; pid && walk->count < MT_CYCLE_STEPS_MAX; walk->count++) {
        if (pid == self) return true;
        walk->pids[walk->count] = pid;
        pid = waits_for(pid, &walk->edges[walk->count]);
    }
    return pid == self;
}

// Whether another walk meets the same edges.
static bool is_same(const walk_t *walk, mt_pid_t pid, mt_pid_t self) {
    for (uint32_t i = 0; i < walk->count; i++) {
        mt_reply_ref_t edge;
        if (pid != walk->pids[i]) return false;
        pid = waits_for(pid, &edge);
        if (edge != walk->edges[i]) return false;
    }
    return pid == self;
}

static mt_cycle_t *copy(const walk_t *walk, mt_pid_t self) {
    mt_cycle_t *cycle = mt_alloc_refused() ? NULL : malloc(sizeof *cycle + (walk->count + 1) * sizeof(mt_pid_t));
    if (!cycle) return NULL;
    cycle->count = walk->count + 1;
    cycle->pids[0] = self;
    for (uint32_t i = 0; i < walk->count; i++) cycle->pids[i + 1] = walk->pids[i];
    return cycle;
}

// False: the cycle is gone, or another of its discoverers has broken it, or the wait has ended.
static bool fail_if_last(const walk_t *walk, mt_pid_t callee, mt_pid_t self, mt_reply_ref_t ref) {
    mt_cycle_t *cycle = copy(walk, self);
    pthread_mutex_lock(&discovery);
    // Whoever was first has completed its slot under the lock: its edge is not live any more.
    mt_reply_t *reply = is_same(walk, callee, self) ? mt_reply_claim(ref) : NULL;
    if (reply) {
        *(mt_cycle_t **)(void *)reply->value = cycle;
        // Nobody waits yet: the caller is here.
        mt_reply_finish(reply, MT_REPLY_CYCLE);
    }
    pthread_mutex_unlock(&discovery);
    if (!reply) free(cycle);
    return reply != NULL;
}

// True: go on and wait.
__attribute__((noinline)) static bool confirm(mt_pid_t callee, mt_pid_t self, mt_reply_ref_t ref) {
    walk_t walk;
    // What the walk that led here saw need not have existed together; what two walks agree on has.
    if (!record(&walk, callee, self) || !is_same(&walk, callee, self)) return true;
    return !fail_if_last(&walk, callee, self, ref);
}

static bool walk_from(mt_reply_ref_t ref, mt_pid_t self) {
    mt_pid_t callee = mt_reply_callee(mt_reply_of(ref));
    return MT_LIKELY(!leads_to(callee, self)) || confirm(callee, self, ref);
}

// --- Publishing ------------------------------------------------------------------------------------------------------

static void publish(mt_pid_t pid, mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_of(ref);
    // release: as in arm. An in-place call learns its caller here, if that is a process and ever sleeps.
    if (mt_a64_load_rlx(&reply->caller) != pid) mt_a64_store_rel(&reply->caller, pid);
    // sc: the first half of the pair in waits_for. Only the owner of the process writes its edge; a thread that has
    // lost it may still do so, until it comes back, and is told from others by the caller in its slot.
    mt_a64_xchg_sc(&mt_slot_of(pid)->edge, ref);
}

// The same for a process whose task runs on the thread: the task may go on when its process has ended, and the slot be
// another's. An end at this very moment does no harm, see above.
static void publish_owner(mt_pid_t pid, mt_reply_ref_t ref) {
    if (mt_pid_is_alive(pid)) publish(pid, ref);
}

// What the process below waits on while the frame's handler runs in place: the call in place, or, when that has been
// answered and the handler goes on, a slot that nobody answers.
static mt_reply_ref_t edge_below(mt_frame_t *frame, mt_thread_t *thread, mt_pid_t below) {
    if (frame->call && mt_reply_is_armed(frame->call)) return frame->call;
    if (!frame->has_stand_in) {
        frame->stand_in = mt_reply_arm(thread, below, mt_slot_pid(frame->slot, frame->generation), MT_FOREVER);
        frame->has_stand_in = frame->stand_in != 0;
    }
    return frame->has_stand_in ? frame->stand_in : 0;
}

void mt__cycle_end_stand_in(mt_frame_t *frame, mt_thread_t *thread) {
    frame->has_stand_in = false;
    mt_reply_complete(frame->stand_in, MT_REPLY_CANCELLED);
    mt_reply_free(thread, frame->stand_in);
}

// The edges of all processes on this thread; who sleeps itself, 0: no process does.
static mt_pid_t publish_thread(mt_thread_t *thread, mt_pid_t owner, mt_reply_ref_t ref) {
    mt_frame_t *frame = thread->frame;
    mt_pid_t self = frame ? mt_slot_pid(frame->slot, frame->generation) : owner;
    if (!self) return 0;
    for (; frame && frame->is_in_place; frame = frame->below) {
        mt_frame_t *next = frame->below;
        mt_pid_t below = next ? mt_slot_pid(next->slot, next->generation) : owner;
        mt_reply_ref_t edge = below ? edge_below(frame, thread, below) : 0;
        if (edge && next) publish(below, edge);
        else if (edge) publish_owner(below, edge);
    }
    if (thread->frame) publish(self, ref);
    else publish_owner(self, ref);
    return self;
}

bool mt__cycle_enter(mt_thread_t *thread, mt_pid_t owner, mt_reply_ref_t ref) {
    return walk_from(ref, publish_thread(thread, owner, ref));
}

bool mt_cycle_enter_task(mt_pid_t owner, mt_reply_ref_t ref) {
    publish_owner(owner, ref);
    return walk_from(ref, owner);
}

void mt__cycle_start(mt_thread_t *thread, mt_waits_t waits, mt_pid_t owner, mt_reply_ref_t ref, mt_pid_t pid) {
    // release: as in arm; before the edge that leads here, and before the new process can do anything.
    mt_a64_store_rel(&mt_reply_of(ref)->callee, pid);
    if (waits == MT_WAITS_THREAD) publish_thread(thread, owner, ref);
    else if (waits == MT_WAITS_TASK && owner) publish_owner(owner, ref);
}

// --- What is left ----------------------------------------------------------------------------------------------------

mt_cycle_t *mt_cycle_take(mt_reply_ref_t ref) { return *(mt_cycle_t **)mt_reply_value(ref); }

void mt_cycle_free(mt_cycle_t *cycle) { free(cycle); }

uint64_t mt_cycle_given_up(void) { return mt_a64_load_rlx(&given_up); }
