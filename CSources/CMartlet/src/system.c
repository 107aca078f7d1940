// SPDX-License-Identifier: Apache-2.0
// The system lane: commands, and the messages of suspended processes.
#include "martlet/system.h"

#include "runtime_state.h"

#include <stdlib.h>

static bool is_over(uint64_t life, mt_pid_t pid) { return (life ^ pid) >> 32 || !(life & MT_LIFE_LIVE); }

static void set_next(mt_node_t *node, mt_node_t *next) {
    // relaxed: published by the CAS of the stack, or the owner's alone.
    mt_aptr_store_rlx(&node->next, next);
}
static mt_node_t *next_of(mt_node_t *node) { return (mt_node_t *)mt_aptr_load_rlx(&node->next); }

// --- Commands --------------------------------------------------------------------------------------------------------

static mt_status_t send_command(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, mt_node_t *node) {
    // acquire: pairs with the release of LIVE in mt_process_spawn.
    uint64_t life = mt_a64_load_acq(&slot->life);
    if (is_over(life, pid)) return MT_NO_PROCESS;
    node->kind = MT_KIND_COMMAND;
    node->flags = 0;
    node->generation = mt_pid_generation(pid);
    mt_reply_ref_t reply = node->reply; // the node is the owner's once it is pushed
    void *top = mt_aptr_load_rlx(&slot->system);
    do {
        set_next(node, top);
        // release: the command; pairs with the exchange in take_stack.
    } while (!mt_aptr_cas(&slot->system, &top, node));
    // acq_rel: an RMW also when the flag is there: see the top of system.h. On a successor too: its owner ends what
    // came late.
    while (life & MT_LIFE_LIVE && !mt_a64_cas(&slot->life, &life, life | MT_LIFE_SYSTEM)) {
    }
    if (mt_mailbox_poke(slot)) mt_submit(thread, slot);
    // It met the end. A successor that begins between may keep the node until somebody asks it, or it ends; who asked
    // this one must not wait so long.
    if (is_over(life, pid) && reply) mt_reply_complete(reply, MT_REPLY_NO_PROCESS);
    return MT_OK;
}

mt_status_t mt_process_send_command(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node) {
    mt_slot_t *slot = mt_slot_of(pid);
    // A sender that was killed has no effect; it hears what it would hear of a dead receiver.
    if (!slot || !mt_effect_begin(thread)) return MT_NO_PROCESS;
    mt_status_t status = send_command(thread, slot, pid, node);
    mt_effect_end(thread);
    return status;
}

static void change_life(mt_slot_t *slot, uint32_t generation, uint64_t set, uint64_t clear) {
    // acquire: by rule; the CAS decides.
    uint64_t life = mt_a64_load_acq(&slot->life);
    while (mt_life_generation(life) == generation && life & MT_LIFE_LIVE)
        // acq_rel: acquire pairs with the CAS in send_command: its push.
        if (mt_a64_cas(&slot->life, &life, (life | set) & ~clear)) return;
}

// The whole stack, oldest first.
static mt_node_t *take_stack(mt_slot_t *slot) {
    // acq_rel: acquire pairs with the push in send_command.
    mt_node_t *node = (mt_node_t *)mt_aptr_xchg(&slot->system, NULL);
    mt_node_t *oldest = NULL;
    while (node) {
        mt_node_t *next = next_of(node);
        set_next(node, oldest);
        oldest = node;
        node = next;
    }
    return oldest;
}

static mt_aside_t *ensure(mt_slot_t *slot) {
    if (!slot->aside) slot->aside = mt_alloc_zeroed(sizeof *slot->aside);
    return slot->aside;
}

static void end_node(mt_thread_t *thread, mt_slot_t *slot, mt_node_t *node, mt_dead_cause_t cause) {
    mt_process_dead_letter(thread, slot, node, cause);
    mt_node_free(thread, node);
}

// Moves commands, oldest first, to the end of the owner's list; those of another incarnation are dead letters.
static void keep(mt_thread_t *thread, mt_slot_t *slot, mt_node_t *node, uint32_t generation, mt_dead_cause_t cause) {
    mt_node_t *last = slot->aside ? slot->aside->commands : NULL;
    while (last && next_of(last)) last = next_of(last);
    while (node) {
        mt_node_t *next = next_of(node);
        set_next(node, NULL);
        bool is_kept = node->generation == generation;
        if (is_kept && !ensure(slot)) {
            mt_reply_complete(node->reply, MT_REPLY_OVERLOADED);
            is_kept = false;
        }
        if (!is_kept) {
            end_node(thread, slot, node, cause);
        } else {
            if (last) set_next(last, node);
            else slot->aside->commands = node;
            last = node;
        }
        node = next;
    }
}

// What came since the last look.
static void collect(mt_slice_t *slice) {
    uint32_t generation = slice->frame.generation;
    change_life(slice->slot, generation, 0, MT_LIFE_SYSTEM);
    keep(slice->thread, slice->slot, take_stack(slice->slot), generation, MT_DEAD_NO_PROCESS);
}

mt_node_t *mt_slice_next_command(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    for (;;) {
        bool is_empty = !slot->aside || !slot->aside->commands;
        // acquire: by rule; the CAS in collect decides.
        if (is_empty && mt_a64_load_acq(&slot->life) & MT_LIFE_SYSTEM) collect(slice);
        mt_node_t *node = slot->aside ? slot->aside->commands : NULL;
        if (!node) return NULL;
        slot->aside->commands = next_of(node);
        if (!node->reply || mt_reply_is_armed(node->reply)) return node;
        // Who gave up must not find later that it was done after all.
        end_node(slice->thread, slot, node, MT_DEAD_EXPIRED);
    }
}

// --- Messages set aside ----------------------------------------------------------------------------------------------

static void go_aside(mt_slice_t *slice) {
    change_life(slice->slot, slice->frame.generation, MT_LIFE_ASIDE, 0);
    slice->is_slow = true;
}

bool mt_slice_suspend(mt_slice_t *slice, bool is_suspended) {
    mt_slot_t *slot = slice->slot;
    if (!is_suspended && !slot->aside) return true;
    if (!ensure(slot)) return false;
    slot->aside->is_suspended = is_suspended;
    // Resumed: mt__aside_take clears it behind the last message.
    if (is_suspended) go_aside(slice);
    return true;
}

bool mt_slice_watch(mt_slice_t *slice, bool is_watched) {
    mt_slot_t *slot = slice->slot;
    if (!is_watched && !slot->aside) return true;
    if (!ensure(slot)) return false;
    slot->aside->is_watched = is_watched;
    if (is_watched) go_aside(slice);
    return true;
}

void mt_slice_become(mt_slice_t *slice, const mt_class_t *klass) {
    // release: the class behind it; pairs with the acquires in mt_pid_class and mt_pid_snapshot.
    mt_aptr_store_rel(&slice->slot->klass, (void *)(uintptr_t)klass);
    if (slice->slot->aside && slice->slot->aside->commands)
        change_life(slice->slot, slice->frame.generation, MT_LIFE_SYSTEM, 0);
}

mt_node_t *mt__aside_take(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    mt_aside_t *aside = slot->aside;
    if (!aside) return NULL;
    if (aside->current) mt_node_free(slice->thread, aside->current);
    mt_node_t *node = aside->current = aside->first;
    if (node) {
        aside->first = next_of(node);
        aside->count--;
    } else if (!aside->is_watched) {
        change_life(slot, slice->frame.generation, 0, MT_LIFE_ASIDE);
        slice->is_slow = slice->bounded != NULL;
    }
    return node;
}

// The core's own, and an order to end: the stop, or the parent's exit signal.
static bool is_for_now(const mt_slice_t *slice, const mt_node_t *node) {
    if (node->generation != slice->frame.generation) return true;
    if (node->kind == MT_KIND_STOP || node->kind == MT_KIND_SIGNAL) return true;
    if (node->kind != MT_KIND_EXIT) return false;
    mt_pid_t from = ((const mt_news_t *)(const void *)node->payload)->from;
    return from && from == mt_slot_parent(slice->slot);
}

static void append(mt_aside_t *aside, mt_node_t *node) {
    set_next(node, NULL);
    if (aside->first) set_next(aside->last, node);
    else aside->first = node;
    aside->last = node;
    aside->count++;
}

mt_aside_result_t mt__aside_collect(mt_slice_t *slice) {
    mt_slot_t *slot = slice->slot;
    while (slice->budget) {
        // acquire: as in mt_mailbox_pop: the node.
        mt_node_t *node = (mt_node_t *)mt_aptr_load_acq(&slot->tail->next);
        if (!node) return MT_ASIDE_EMPTY;
        if (is_for_now(slice, node)) return MT_ASIDE_FOR_NOW;
        if (!mt_mailbox_cut(slot, node)) return MT_ASIDE_STALLED;
        append(slot->aside, node);
        slice->popped++;
        slice->budget--;
    }
    return MT_ASIDE_EMPTY;
}

static void end_list(mt_thread_t *thread, mt_slot_t *slot, mt_node_t *node, mt_dead_cause_t cause) {
    while (node) {
        mt_node_t *next = next_of(node);
        end_node(thread, slot, node, cause);
        node = next;
    }
}

// The incarnation that a slot without one in place may have got already, 0: none.
static uint32_t successor_of(mt_slot_t *slot) {
    // acquire: by rule. The take orders it behind the LIVE that each command's sender saw.
    uint64_t life = mt_a64_load_acq(&slot->life);
    return life & MT_LIFE_LIVE ? mt_life_generation(life) : 0;
}

void mt__aside_end(mt_thread_t *thread, mt_slot_t *slot, mt_dead_cause_t cause) {
    // A guess: who pushes later pokes, and the owner looks again.
    mt_node_t *came = mt_aptr_load_rlx(&slot->system) ? take_stack(slot) : NULL;
    mt_aside_t *aside = slot->aside;
    mt_node_t *asked = aside ? aside->commands : NULL;
    if (aside) {
        slot->aside = NULL;
        end_list(thread, slot, aside->first, cause);
        if (aside->current) mt_node_free(thread, aside->current);
        free(aside);
    }
    if (!asked && !came) return;
    uint32_t successor = successor_of(slot);
    keep(thread, slot, asked, successor, cause);
    keep(thread, slot, came, successor, cause);
}
