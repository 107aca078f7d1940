// SPDX-License-Identifier: Apache-2.0
// The long way of the slice loop: empty mailboxes, budgets, bounded mailboxes, signals, and slots without an
// incarnation.
#include "martlet/system.h"

#include <string.h>

#include "context.h"
#include "runtime_state.h"

// A turn ends after this long, looked at every 16 messages: what one process can delay the ring by.
#define TURN_MAX_NS UINT64_C(1000000)
// After so many stalls in a row the process waits apart (stall list).
#define STALLS_BEFORE_APART 3u

static bool has_pop_lock(const mt_slice_t *slice) {
    return slice->bounded && mt_credit_policy(slice->bounded) == MT_POLICY_DROP_OLDEST;
}

// The node with its payload, in the slice: where a sender may displace messages, the next popper frees what was popped.
static mt_node_t *copy_out(mt_slice_t *slice, mt_node_t *node, size_t payload_size) {
    // Not `next`: the producer of the successor may be storing it.
    const size_t skip = sizeof node->next;
    memcpy(slice->scratch + skip, (unsigned char *)node + skip, offsetof(mt_node_t, payload) - skip + payload_size);
    node->ops = NULL;
    return (mt_node_t *)(void *)slice->scratch;
}

// Pops; where a sender may displace messages, under the lock that both use.
static mt_node_t *pop(mt_slice_t *slice) {
    slice->popped++;
    if (!has_pop_lock(slice)) return mt_mailbox_pop(slice->slot, slice->thread);
    mt_credit_pop_lock(slice->bounded);
    mt_node_t *node = mt_mailbox_pop(slice->slot, slice->thread);
    if (node) node = copy_out(slice, node, mt_payload_size(node->ops));
    mt_credit_pop_unlock(slice->bounded);
    return node;
}

// Whether a message is linked; the tail may be moved by a sender that displaces.
static bool has_more(mt_slice_t *slice) {
    if (!has_pop_lock(slice)) return mt_mailbox_has_more(slice->slot);
    mt_credit_pop_lock(slice->bounded);
    bool more = mt_mailbox_has_more(slice->slot);
    mt_credit_pop_unlock(slice->bounded);
    return more;
}

static mt_release_t release(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    mt_bounded_head_t *bounded = slice->bounded;
    if (bounded) mt_credit_settle(bounded, slice->frame.generation);
    mt_slice_settle_count(slice);
    // In a row: without a message between. Cleared before the release, after which the slot may be another's.
    uint32_t stalls = slice->node ? 0 : slot->stalls;
    slot->stalls = 0;
    bool is_locked = has_pop_lock(slice);
    if (is_locked) mt_credit_pop_lock(bounded);
    mt_release_t result = mt_mailbox_release(slot, slice->thread);
    if (is_locked) mt_credit_pop_unlock(bounded);
    if (result == MT_STALLED) slot->stalls = stalls;
    return result;
}

// The owner keeps its claim of a half-linked queue and comes back; never spins. The stall list looks at the tail, so a
// mailbox whose tail a sender may move stays in the queue.
static void stall(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    bool may_wait_apart = ++slot->stalls >= STALLS_BEFORE_APART && !has_pop_lock(slice);
    if (may_wait_apart && mt__stall_add(mt_runtime_of(slot), slot)) return;
    mt_submit_last(slice->thread, slot);
}

static void set_gauges(mt_slot_t *slot, uint32_t length, uint32_t oldest) {
    // release: for who follows an alias that had this slot (alias.c); for reports relaxed would do.
    mt_a32_store_rel(&slot->length, length);
    mt_a32_store_rlx(&slot->oldest, oldest);
}

// What reports see of the queue: how long it is at least, and when its oldest message was sent.
static void publish_depth(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    uint32_t length = slice->bounded ? 0 : mt__depth_measure(slice);
    bool is_locked = has_pop_lock(slice);
    if (is_locked) mt_credit_pop_lock(slice->bounded);
    // acquire: as in pop: the tick of the node.
    const mt_node_t *oldest = (const mt_node_t *)mt_aptr_load_acq(&slot->tail->next);
    uint32_t tick = mt__tick_of(mt_runtime_of(slot), oldest);
    if (is_locked) mt_credit_pop_unlock(slice->bounded);
    // A tick of 0 counts as 1.
    set_gauges(slot, oldest ? length : 0, oldest ? tick + !tick : 0);
    slot->flags |= MT_SLOT_MEASURED;
}

static void requeue(mt_slice_t *slice) {
    if (slice->bounded) mt_credit_settle(slice->bounded, slice->frame.generation);
    mt_slice_settle_count(slice);
    slice->budget = 0;
    publish_depth(slice);
    mt_submit_last(slice->thread, slice->slot);
}

static void set_phase(mt_slice_t *slice, uint32_t phase) {
    // release: by rule; a killer only acts on IN.
    mt_a64_store_rel(&slice->slot->phase, mt_phase_make(slice->frame.generation, phase));
}

// The reason of the oldest exit record of this incarnation, retained; the records are freed.
static void *take_exit_reason(mt_slice_t *slice) {
    // acq_rel: acquire pairs with the push in mt__signal_exit.
    mt_node_t *record = (mt_node_t *)mt_aptr_xchg(&slice->slot->exits, NULL);
    void *reason = NULL;
    while (record) {
        mt_node_t *next = (mt_node_t *)mt_aptr_load_rlx(&record->next);
        const mt_news_t *news = (const mt_news_t *)(const void *)record->payload;
        if (record->generation == slice->frame.generation) {
            if (reason) mt_hooks.reason_release(reason);
            reason = news->reason; // the stack is newest first: the last one found is the oldest
            slice->reason_from = news->from;
        } else {
            mt_hooks.reason_release(news->reason);
        }
        mt_node_free(slice->thread, record);
        record = next;
    }
    return reason;
}

// What a signal wanted is happening: nobody need take the process any more, and its last words are heard. A kill stays.
static void calm_down(mt_slot_t *slot, uint64_t life) {
    const uint64_t done = MT_LIFE_EXIT | MT_LIFE_LINK | MT_LIFE_FENCE;
    // acq_rel: by rule. A take that looked before this fails at its CAS, a later one sees that it is not asked for.
    while (!(life & (MT_LIFE_KILL | MT_LIFE_TAKEN)) && life & done && !mt_a64_cas(&slot->life, &life, life & ~done)) {
    }
}

static uint32_t die(mt_slice_t *slice, uint64_t life) {
    slice->reason_from = 0;
    calm_down(slice->slot, life);
    slice->reason = life & MT_LIFE_KILL ? NULL : take_exit_reason(slice);
    if (!slice->reason) slice->reason = mt_hooks.reason_retain(mt_hooks.reason_killed);
    mt_slice_settle_count(slice);
    return slice->kind = MT_SLICE_DIE;
}

// What waits aside is queued, to reports.
static void publish_aside(mt_slot_t *slot) {
    const mt_node_t *oldest = slot->aside->first;
    if (!oldest) return;
    uint32_t tick = mt__tick_of(mt_runtime_of(slot), oldest);
    set_gauges(slot, slot->aside->count, tick + !tick);
    slot->flags |= MT_SLOT_MEASURED;
}

// What few processes have to do as they leave; what they are then.
__attribute__((noinline)) static uint32_t leave_rarely(mt_slot_t *slot, uint64_t life) {
    if (slot->flags & MT_SLOT_MEASURED) {
        slot->flags &= ~MT_SLOT_MEASURED;
        set_gauges(slot, 0, 0);
    }
    if (life & MT_LIFE_ASIDE && mt_slot_is_suspended(slot)) {
        publish_aside(slot);
        return MT_ACTIVITY_SUSPENDED;
    }
    return slot->flags & MT_SLOT_HIBERNATED ? MT_ACTIVITY_HIBERNATING : MT_ACTIVITY_WAITING;
}

// Empty: gives the process back, or says why not. True: the slice is over.
static bool leave(mt_slice_t *slice, uint64_t life) {
    mt_slot_t *slot = slice->slot;
    uint32_t activity = MT_ACTIVITY_WAITING;
    if (MT_UNLIKELY(slot->flags | (life & MT_LIFE_ASIDE))) activity = leave_rarely(slot, life);
    mt_a32_store_rlx(&slot->activity, activity);
    if (MT_UNLIKELY(slot->deferred)) mt__depth_forget(slot);
    set_phase(slice, MT_PHASE_OUT);
    switch (release(slice)) {
    case MT_RELEASED:
        return true;
    case MT_STALLED:
        stall(slice);
        return true;
    case MT_MORE:
        if (MT_LIKELY(!slice->is_stalled)) break;
        stall(slice);
        return true;
    case MT_LOOK:
        break;
    }
    set_phase(slice, MT_PHASE_BUSY);
    mt_a32_store_rlx(&slot->activity, MT_ACTIVITY_RUNNING);
    return false;
}

static bool turn_is_over(mt_slice_t *slice) {
    if (slice->budget == 0) return true;
    if (slice->budget & 15) return false;
    // A guess: a turn that ends too early or late, where the context has gone.
    const mt_worker_t *worker = mt__context_of(slice->thread);
    if (!worker) return false;
    return mt__now(worker->runtime) - mt_a64_load_rlx(&worker->turn_start_ns) >= TURN_MAX_NS;
}

// What the core handles by itself; true: the node is done.
static bool handle_system(mt_slice_t *slice, mt_node_t *node) {
    if (node->generation != slice->frame.generation) {
        mt_process_dead_letter(slice->thread, slice->slot, node, MT_DEAD_NO_PROCESS);
        return true;
    }
    if (node->kind == MT_KIND_SIGNAL) {
        if (!mt_slice_defer(slice, node->reply)) mt_reply_complete(node->reply, MT_REPLY_OVERLOADED);
        return true;
    }
    if (node->flags & MT_NODE_CREDIT && slice->bounded) mt_credit_popped(slice->bounded, slice->frame.generation);
    if (node->kind == MT_KIND_EXIT || node->kind == MT_KIND_DOWN) {
        mt_tie_ref_t tie = ((const mt_news_t *)(const void *)node->payload)->tie;
        mt_pid_t pid = mt_slot_pid(slice->slot, node->generation);
        // Its tie was given up meanwhile: it was never said.
        if (!tie || (slice->reads_late ? mt_tie_is_unread(pid, tie) : mt_tie_read(slice->thread, pid, tie)))
            return false;
        mt_payload_destroy(node->ops, node->payload);
        node->ops = NULL;
        return true;
    }
    if (node->kind == MT_KIND_CALL && !mt_reply_is_armed(node->reply)) {
        mt_process_dead_letter(slice->thread, slice->slot, node, MT_DEAD_EXPIRED);
        return true;
    }
    return false;
}

// The next message of a process that is suspended, or was and has messages aside: those first. NULL: none for now.
static mt_node_t *take_beside(mt_slice_t *slice) {
    slice->is_stalled = false;
    if (!mt_slot_is_suspended(slice->slot)) {
        mt_node_t *node = mt__aside_take(slice);
        return node ? node : pop(slice);
    }
    // Senders that displace move the same links.
    bool is_locked = has_pop_lock(slice);
    if (is_locked) mt_credit_pop_lock(slice->bounded);
    mt_aside_result_t result = mt__aside_collect(slice);
    if (is_locked) mt_credit_pop_unlock(slice->bounded);
    slice->is_stalled = result == MT_ASIDE_STALLED;
    return result == MT_ASIDE_FOR_NOW ? pop(slice) : NULL;
}

static uint32_t next_slow(mt_slice_t *slice, mt_node_t *node, bool may_leave) {
    mt_slot_t *slot = slice->slot;
    // Parked for a stop that the handler did not return: it waits no longer.
    if (MT_UNLIKELY(slice->frame.parked_reply)) mt_slice_publish_parked(slice);
    uint64_t life;
    for (;;) {
        if (!node) {
            // acquire: pairs with the CAS in mark, and in send_command.
            life = mt_a64_load_acq(&slot->life);
            if (MT_UNLIKELY(life & MT_LIFE_SYSTEM) && !mt_life_is_lethal(life, slice->frame.generation))
                return slice->kind = MT_SLICE_SYSTEM;
            if (turn_is_over(slice) && (has_more(slice) || mt__aside_has_more(slot))) {
                if (!may_leave) return slice->kind = MT_SLICE_YIELD; // who runs it next looks at its life
                // A killed process is told at once; its budget is its own affair.
                if (mt_life_is_lethal(life, slice->frame.generation)) return die(slice, life);
                set_phase(slice, MT_PHASE_OUT);
                requeue(slice);
                return slice->kind = MT_SLICE_LEAVE;
            }
            // Not a look at the slot's rare line where nothing is aside; only the owner changes the flag.
            node = MT_UNLIKELY(life & MT_LIFE_ASIDE) ? take_beside(slice) : pop(slice);
        }
        // acquire, after the pop: see mt_slice_next.
        life = mt_a64_load_acq(&slot->life);
        bool is_calm = mt_life_is_calm(life, slice->frame.generation);
        if (MT_UNLIKELY(!is_calm) && mt_life_is_lethal(life, slice->frame.generation)) {
            slice->undelivered = node;
            return die(slice, life);
        }
        if (!node) {
            if (MT_UNLIKELY(life & MT_LIFE_SYSTEM)) continue;
            if (!may_leave) return slice->kind = MT_SLICE_NONE;
            if (leave(slice, life)) return slice->kind = MT_SLICE_LEAVE;
            continue;
        }
        if (!handle_system(slice, node)) break;
        node = NULL;
    }
    if (slice->budget) slice->budget--;
    // Commands come first at the next look, which is the long way then.
    if (MT_UNLIKELY(life & MT_LIFE_SYSTEM)) slice->budget &= ~15u;
    if (node->kind <= MT_KIND_TICK) slice->handled++;
    slice->node = node;
    slice->payload = node->payload;
    slice->reply = node->reply;
    return slice->kind = node->kind;
}

uint32_t mt__slice_next_slow(mt_slice_t *slice, mt_node_t *node) { return next_slow(slice, node, true); }

uint32_t mt__slice_poll_slow(mt_slice_t *slice, mt_node_t *node) {
    // On a thread that is no worker's: what else waits for it is not this runtime's business.
    if (slice->budget == 0 && !mt__context_of(slice->thread)) {
        publish_depth(slice);
        slice->budget = mt_runtime_of(slice->slot)->config.run_budget;
    }
    return next_slow(slice, node, false);
}

// The slot has no incarnation and its queue is empty: its generation ends, and the next spawn may have it. We still own
// the mailbox; a spawner that takes the slot now only pushes.
static void retire(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    if (slot->flags & MT_SLOT_RETIRED) return;
    slot->flags = MT_SLOT_RETIRED;
    slot->last_generation = 0;
    void *reason = slot->last_reason;
    slot->last_reason = NULL;
    mt__phase_retire(slot, slice->thread);
    if (reason) mt_hooks.reason_release(reason);
}

static void refuse_name(mt_reply_ref_t start, mt_pid_t holder) {
    mt_reply_t *reply = mt_reply_claim(start);
    if (!reply) return;
    *(uint64_t *)(void *)reply->value = holder;
    void *waiter = mt_reply_finish(reply, MT_REPLY_NAME_TAKEN);
    if (waiter) mt_hooks.resume(waiter);
}

// Puts a new incarnation in place. False: it is over before it began (killed, or its name is taken).
static bool begin(mt_slice_t *slice, mt_node_t *node) {
    mt_slot_t *slot = slice->slot;
    mt_runtime_t *runtime = mt_runtime_of(slot);
    slice->bounded = mt_credit_of(slot, node->generation);
    slice->is_slow = slice->bounded != NULL;
    // Before the phase lets senders displace. Whole: what an INIT's ops do not know is the engine's.
    if (has_pop_lock(slice)) node = copy_out(slice, node, mt_node_capacity(node));
    const mt_init_t *init = (const mt_init_t *)(const void *)node->payload;
    slot->flags = 0;
    slot->generation = slice->frame.generation = node->generation;
    // release: the class behind it, for mt_pid_class and snapshots; the owner itself needs no order.
    mt_aptr_store_rel(&slot->klass, (void *)(uintptr_t)init->klass);
    slot->high_water = init->high_water;
    // release: for who follows an alias that had this slot (alias.c); who reads the owner's word needs no order.
    mt_a64_store_rel(&slot->parent, init->parent);
    mt_a64_store_rlx(&slot->current_call, 0);
    slot->idle_timer = 0;
    slot->pending = NULL;
    slot->stalls = 0;
    mt_a64_store_rlx(&slot->edge, 0);
    set_phase(slice, MT_PHASE_BUSY);
    slice->stats = mt_stats(slice->thread, runtime);
    slice->node = node;
    slice->payload = node->payload;
    slice->reply = node->reply;
    slice->kind = MT_KIND_INIT;
    slice->frame.call = 0;
    // acquire: pairs with the CAS in mark: an exit record that came before INIT was handled.
    uint64_t life = mt_a64_load_acq(&slot->life);
    uint64_t holder = 0;
    mt_status_t named = MT_OK;
    if (mt_life_is_lethal(life, node->generation)) die(slice, life);
    else if (init->name)
        named = mt_names_register(runtime->names, init->name, mt_slot_pid(slot, node->generation), &holder);
    if (slice->kind == MT_KIND_INIT && named == MT_OK) {
        // release: the name behind it; pairs with the acquire in mt_pid_snapshot.
        mt_aptr_store_rel(&slot->name, (void *)(uintptr_t)init->name);
        mt_a32_store_rlx(&slot->activity, MT_ACTIVITY_STARTING); // relaxed: for reports, as all of it
        return true;
    }
    mt_reply_ref_t start = 0; // that hears of more than the reason, when all is over
    if (named != MT_OK) {
        start = node->reply;
        node->reply = 0;
        // Its start has failed, which is no news for who is linked (R2).
        slice->reason = mt_hooks.reason_retain(mt_hooks.reason_normal);
    }
    mt_slice_exit_begin(slice, slice->reason);
    slice->undelivered = node; // its start fails with the reason, its argument is destroyed
    mt_slice_exit_finish(slice);
    if (named == MT_NAME_TAKEN) refuse_name(start, holder);
    else if (named != MT_OK) mt_reply_complete(start, MT_REPLY_OVERLOADED);
    return false;
}

// Whether a slot that was retired here has been spawned again for another runtime, whose threads must run it.
static bool lives_elsewhere(mt_slot_t *slot) {
    // has_more before the runtime: the acquire of the link pairs with the push of INIT, which follows the runtime's
    // store.
    if (!(slot->flags & MT_SLOT_RETIRED) || !mt_mailbox_has_more(slot)) return false;
    mt_runtime_t *runtime = mt_runtime_of(slot);
    // A stopped runtime has no threads: whoever is here drains for it.
    return runtime != mt_runtime_current() && mt_a32_load_acq(&runtime->state) != MT_RUNTIME_STOPPED;
}

// Dead-letters what arrives at a slot without an incarnation, until the next INIT. False: the slice is over.
static bool drain(mt_slice_t *slice, uint32_t *budget) {
    mt_slot_t *slot = slice->slot;
    for (;;) {
        if ((*budget == 0 && mt_mailbox_has_more(slot)) || lives_elsewhere(slot)) {
            mt_submit_last(slice->thread, slot);
            return false;
        }
        mt_node_t *node = mt_mailbox_pop(slot, slice->thread);
        if (!node) {
            retire(slice);
            mt__drop_exit_records(slice->thread, slot); // of signals that met the end
            mt__aside_end(slice->thread, slot, MT_DEAD_NO_PROCESS);
            mt_release_t result = mt_mailbox_release(slot, slice->thread);
            if (result == MT_STALLED) stall(slice);
            if (result == MT_RELEASED || result == MT_STALLED) return false;
            continue;
        }
        if (*budget) --*budget;
        // acquire: pairs with spawn's release of LIVE for an INIT.
        uint32_t generation = mt_life_generation(mt_a64_load_acq(&slot->life));
        if (node->kind == MT_KIND_INIT && node->generation == generation) {
            if (begin(slice, node)) return true;
            continue;
        }
        mt_process_dead_letter(slice->thread, slot, node,
                               node->generation == slot->last_generation ? MT_DEAD_RECEIVER_ENDED : MT_DEAD_NO_PROCESS);
    }
}

// The incarnation in place goes on. A killed one keeps its phase: a taken one's is its old thread's to store.
static void go_on(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    slice->frame.generation = slot->generation;
    slice->stats = mt_stats(slice->thread, mt_runtime_of(slot));
    slice->bounded = mt_credit_of(slot, slot->generation);
    slice->kind = MT_SLICE_NONE;
    slice->frame.call = 0;
    // acquire: pairs with the CAS in mark: a change of life that was poked before this slice is seen.
    uint64_t life = mt_a64_load_acq(&slot->life);
    bool is_calm = mt_life_is_calm(life, slot->generation);
    slice->is_slow = slice->bounded || life & MT_LIFE_ASIDE;
    if (MT_UNLIKELY(!is_calm) && mt_life_is_lethal(life, slot->generation)) die(slice, life);
    else set_phase(slice, MT_PHASE_BUSY);
    mt_a32_store_rlx(&slot->activity, MT_ACTIVITY_RUNNING);
}

void mt_slice_run(mt_thread_t *thread, mt_slot_t *slot, uint32_t *budget) {
    mt_slice_t slice;
    memset(&slice, 0, offsetof(mt_slice_t, scratch));
    slice.frame.slot = slice.slot = slot;
    slice.frame.below = thread->frame;
    slice.thread = thread;
    slice.budget = *budget;
    unsigned char scratch[MT_NODE_HEADER + MT_NODE_PAYLOAD_MAX] __attribute__((aligned(16)));
    slice.scratch = scratch;
    mt_run_t run = MT_RUN_EXITED;
    while (run == MT_RUN_EXITED) {
        // Plain read: this thread owns the slot.
        if (slot->generation) go_on(&slice);
        else if (!drain(&slice, &slice.budget)) break;
        thread->frame = &slice.frame;
        const mt_class_t *klass = mt_aptr_load_rlx(&slot->klass);
        run = klass->run(klass->context, &slice);
        thread->frame = slice.frame.below;
        // An abandoned slice did not come to count; the block is this thread's, the slot is another's.
        if (MT_UNLIKELY(slice.handled)) {
            mt_a64_bump(&slice.stats->handled, slice.handled - slice.counted);
            slice.handled = slice.counted = 0;
        }
    }
    *budget = slice.budget;
}

void mt_slice_hibernate(mt_slice_t *slice) {
    slice->slot->flags |= MT_SLOT_HIBERNATED;
    mt_thread_trim(slice->thread);
}

bool mt_slice_idle_fired(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    if ((uint32_t)slice->reply != slot->idle_arming || !slot->idle_timer) return false;
    slot->idle_timer = 0;
    slot->idle_arming++;
    return true;
}

const mt_class_t *mt_pid_class(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return NULL;
    // acquire: pairs with the release in begin; life is read after it.
    const mt_class_t *klass = mt_aptr_load_acq(&slot->klass);
    // Read again after it: the class is that of the living incarnation, unless its first message is still queued.
    uint64_t life = mt_a64_load_acq(&slot->life);
    return mt_life_generation(life) == mt_pid_generation(pid) && life & MT_LIFE_LIVE ? klass : NULL;
}

void mt_slice_adopt(mt_slice_t *slice, const mt_slice_t *worker, unsigned char *scratch) {
    *slice = *worker;
    slice->scratch = scratch;
    if (!worker->node || (unsigned char *)worker->node != worker->scratch) return;
    memcpy(scratch, worker->scratch, MT_NODE_HEADER + MT_NODE_PAYLOAD_MAX);
    slice->node = (mt_node_t *)(void *)scratch;
    slice->payload = slice->node->payload;
}

void mt_slice_resume(mt_slice_t *slice, mt_thread_t *thread) {
    mt_slice_move(slice, thread);
    slice->budget = mt_runtime_of(slice->slot)->config.run_budget;
}

bool mt_slice_give_back(mt_slice_t *slice) {
    // acquire: by rule; leave looks at a flag that only the owner changes.
    return leave(slice, mt_a64_load_acq(&slice->slot->life));
}

void mt_slice_yield(mt_slice_t *slice) {
    set_phase(slice, MT_PHASE_OUT);
    requeue(slice);
}

void mt_slice_hand_over(mt_slice_t *slice) {
    if (slice->bounded) mt_credit_settle(slice->bounded, slice->frame.generation);
    mt_slice_settle_count(slice);
    set_phase(slice, MT_PHASE_OUT);
    mt_submit(slice->thread, slice->slot);
}
