// SPDX-License-Identifier: Apache-2.0
// Spawning, sending the long way, and asking for the end of a process.
#include "martlet/process.h"
#include "martlet/alias.h"

#include "martlet/call.h"
#include "runtime_state.h"

// The first user of a slot makes its mailbox; afterwards the mailbox lives as long as the slot.
uint32_t mt__slot_next_generation(mt_slot_t *slot) {
    // relaxed: the slot was on the free list, whose exchange ordered everything before.
    uint32_t generation = mt_life_generation(mt_a64_load_rlx(&slot->life));
    if (generation) return generation;
    mt_mailbox_init(slot);
    slot->flags = MT_SLOT_RETIRED;
    return 1;
}

static bool is_over(uint64_t life, mt_pid_t pid) { return (life ^ pid) >> 32 || !(life & MT_LIFE_LIVE); }

// Sets a lethal flag. False: the process had ended.
static bool mark(mt_slot_t *slot, mt_pid_t pid, uint64_t flag) {
    uint64_t life = mt_a64_load_acq(&slot->life);
    for (;;) {
        if (is_over(life, pid)) return false;
        if (life & flag) return true;
        // acq_rel: by rule; generation-checked by the CAS itself.
        if (mt_a64_cas(&slot->life, &life, life | flag)) return true;
    }
}

// The ties of a process with its starter, made before it is: what can fail fails first.
typedef struct {
    uint32_t link, monitor; // 0: none
} mt_start_ties_t;

static bool make_ties(mt_thread_t *thread, const mt_spawn_t *spec, mt_start_ties_t *ties) {
    ties->link = spec->links ? mt__tie_make(thread, false) : 0;
    ties->monitor = spec->monitor ? mt__tie_make(thread, true) : 0;
    return (!spec->links || ties->link) && (!spec->monitor || ties->monitor);
}

static void discard_ties(mt_thread_t *thread, const mt_start_ties_t *ties) {
    if (ties->link) mt__tie_discard(thread, ties->link);
    if (ties->monitor) mt__tie_discard(thread, ties->monitor);
}

// Makes a process known to its starter's ties and pushes its first message, in one step: what a tie says comes behind.
static void push_tied(mt_thread_t *thread, const mt_spawn_t *spec, const mt_start_ties_t *ties, mt_slot_t *slot,
                      mt_pid_t pid) {
    if (spec->monitor) *spec->monitor = mt__tie_ref(ties->monitor);
    spec->init->generation = mt_pid_generation(pid);
    mt__tie_lock_both(spec->starter, pid);
    bool is_linked = !ties->link || mt__tie_join_new(ties->link, spec->starter, pid);
    bool is_watched = !ties->monitor || mt__tie_join_new(ties->monitor, spec->starter, pid);
    // The starter has ended; a killed one's task may still run. Born dead: nobody is left who would hear of it.
    if (!is_linked || !is_watched) mark(slot, pid, MT_LIFE_KILL);
    bool is_ours = mt_mailbox_push(slot, spec->init);
    mt__tie_unlock_both(spec->starter, pid);
    if (is_ours) mt_submit(thread, slot);
    if (!is_linked) mt__tie_discard(thread, ties->link);
    if (!is_watched) mt__tie_discard(thread, ties->monitor);
}

static mt_status_t spawn(mt_runtime_t *runtime, mt_thread_t *thread, const mt_spawn_t *spec,
                         const mt_start_ties_t *ties, mt_pid_t *pid) {
    // sc: Dekker with mt_runtime_close: {processes; load state} against {state; load processes}: a closer that finds no
    // process has refused every spawn it did not count.
    bool is_over_limit = mt_a32_add_sc(&runtime->processes, 1) >= runtime->config.processes_max;
    bool is_closed = mt_a32_load_sc(&runtime->state) != MT_RUNTIME_RUNNING;
    if (is_over_limit || is_closed) {
        mt__uncount_process(runtime);
        return is_closed ? MT_SHUT_DOWN : MT_SYSTEM_LIMIT;
    }
    uint32_t index = mt_region_take(&mt_slots, &thread->slots);
    mt_slot_t *slot = index ? (mt_slot_t *)mt_region_at(&mt_slots, index) : NULL;
    mt_status_t status = slot ? MT_OK : MT_SYSTEM_LIMIT;
    uint32_t generation = slot ? mt__slot_next_generation(slot) : 0;
    if (slot) status = mt_credit_attach(slot, generation, spec->capacity, spec->policy);
    if (status != MT_OK) {
        if (slot) {
            // release: by rule; the free list orders the slot for the next spawner.
            mt_a64_store_rel(&slot->life, mt_life_make(generation, 0));
            mt_region_give(&mt_slots, &thread->slots, index);
        }
        mt__uncount_process(runtime);
        return status;
    }
    mt_aptr_store_rlx(&slot->runtime, runtime);
    // release: runtime, credits, mailbox; pairs with the acquire of life in mt_process_send.
    mt_a64_store_rel(&slot->life, mt_life_make(generation, MT_LIFE_LIVE | (spec->traps_exits ? MT_LIFE_TRAP : 0)));
    mt_a64_bump(&mt_stats(thread, runtime)->spawns, 1);
    *pid = mt_pid_make(generation, index);
    spec->init->kind = MT_KIND_INIT;
    spec->init->flags = 0;
    if (spec->init->reply) mt__cycle_start(thread, spec->waits, spec->owner, spec->init->reply, *pid);
    // Pushed before anybody is shown the pid, so that no message can come before INIT.
    if (ties->link || ties->monitor) push_tied(thread, spec, ties, slot, *pid);
    else mt_process_push(thread, slot, generation, spec->init);
    return MT_OK;
}

mt_status_t mt_process_spawn(mt_runtime_t *runtime, mt_thread_t *thread, const mt_spawn_t *spec, mt_pid_t *pid) {
    // A spawner that was killed has no effect.
    if (!mt_effect_begin(thread)) return MT_NO_PROCESS;
    mt_start_ties_t ties;
    mt_status_t status = make_ties(thread, spec, &ties) ? spawn(runtime, thread, spec, &ties, pid) : MT_NO_MEMORY;
    if (status != MT_OK) discard_ties(thread, &ties);
    mt_effect_end(thread);
    return status;
}

// A credit for a user message, taken from a message that is displaced if the policy says so.
static mt_status_t take_credit(mt_thread_t *thread, mt_slot_t *slot, mt_bounded_head_t *bounded, uint32_t generation,
                               mt__displaced_t *displaced) {
    mt_credit_result_t result = mt_credit_take(bounded, generation);
    if (result == MT_CREDIT_TAKEN) return MT_OK;
    if (result == MT_CREDIT_OVER) return MT_NO_PROCESS;
    if (mt_credit_policy(bounded) != MT_POLICY_DROP_OLDEST) return MT_FULL;
    return mt__displace(slot, bounded, generation, thread, displaced) ? MT_DISPLACED : MT_FULL;
}

static mt_status_t send_checked(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, mt_node_t *node, bool is_granted,
                                mt__displaced_t *displaced) {
    const mt_pid_t sent_to = pid;
    pid = mt__alias_resolve(&slot, pid);
    const uint16_t via = pid == sent_to ? 0 : (uint16_t)(mt_alias_key(sent_to) >> 32);
    uint32_t generation = mt_pid_generation(pid);
    // acquire: pairs with the release of LIVE in mt_process_spawn: runtime, credits, mailbox.
    if (is_over(mt_a64_load_acq(&slot->life), pid)) return MT_NO_PROCESS;
    mt_status_t status = MT_OK;
    node->flags = (uint16_t)(via | (is_granted ? MT_NODE_CREDIT : 0));
    node->spare = mt_pid_index(sent_to);
    mt_bounded_head_t *bounded = mt_credit_of(slot, generation);
    if (bounded && !is_granted) {
        status = take_credit(thread, slot, bounded, generation, displaced);
        if (status != MT_OK && status != MT_DISPLACED) return status;
        node->flags |= MT_NODE_CREDIT;
    }
    mt_runtime_t *runtime = mt_runtime_of(slot);
    mt_a64_bump(&mt_stats(thread, runtime)->sent, 1);
    mt_process_push(thread, slot, generation, node);
    return status;
}

static mt_status_t send_fenced(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node, bool is_granted) {
    mt_slot_t *slot = mt_slot_of(pid);
    // A sender that was killed has no effect; it hears what it would hear of a dead receiver.
    if (!slot || !mt_effect_begin(thread)) return MT_NO_PROCESS;
    mt__displaced_t displaced;
    displaced.is_taken = false;
    mt_status_t status = send_checked(thread, slot, pid, node, is_granted, &displaced);
    mt_effect_end(thread);
    mt__end_displaced(thread, pid, &displaced);
    return status;
}

mt_status_t mt_process_send_slow(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, mt_node_t *node) {
    (void)slot;
    return send_fenced(thread, pid, node, false);
}

mt_status_t mt_process_send_granted(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node) {
    return send_fenced(thread, pid, node, true);
}

mt_status_t mt_process_send_system(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot || !mt_effect_begin(thread)) return MT_NO_PROCESS;
    // acquire: as in send_checked.
    bool over = is_over(mt_a64_load_acq(&slot->life), pid);
    node->flags = 0;
    if (!over) mt_process_push(thread, slot, mt_pid_generation(pid), node);
    mt_effect_end(thread);
    return over ? MT_NO_PROCESS : MT_OK;
}

mt_status_t mt_process_watch(mt_thread_t *thread, mt_pid_t pid, mt_reply_ref_t ref) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return MT_NO_PROCESS;
    mt_node_t *node = mt_node_alloc(thread, 0);
    if (!node) return MT_NO_MEMORY;
    node->kind = MT_KIND_SIGNAL;
    node->flags = 0;
    node->ops = NULL;
    node->reply = ref;
    // DYING too: the drain behind the exit answers it, with the reason.
    if (mt_pid_is_there(pid) && mt_effect_begin(thread)) {
        mt_process_push(thread, slot, mt_pid_generation(pid), node);
        mt_effect_end(thread);
        return MT_OK;
    }
    mt_node_free(thread, node);
    return MT_NO_PROCESS;
}

bool mt_process_kill(mt_thread_t *thread, mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot || !mark(slot, pid, MT_LIFE_KILL)) return false;
    if (mt_mailbox_poke(slot)) mt_submit(thread, slot);
    else if (!mt_process_take(thread, pid)) mt__retry_later(mt_runtime_of(slot), pid);
    return true;
}

void mt_process_count_refused(mt_thread_t *thread, mt_pid_t pid, const mt_payload_ops_t *ops, mt_dead_cause_t cause) {
    mt_slot_t *slot = mt_slot_of(pid);
    mt_runtime_t *runtime = slot ? mt_runtime_of(slot) : NULL;
    if (!runtime) return;
    mt_stats_t *stats = mt_stats(thread, runtime);
    mt_a64_bump(&stats->sent, 1);
    mt_a64_bump(&stats->refused, 1);
    mt_a64_bump(&stats->dead[cause], 1);
    if (!mt_hooks.dead_letter) return;
    // Refused at the door: its sender is here.
    const mt_frame_t *frame = thread->frame;
    mt_pid_t from = frame ? mt_slot_pid(frame->slot, frame->generation) : 0;
    mt_hooks.dead_letter(runtime->config.context, pid, from, ops, cause);
}

void mt_process_check(mt_slot_t *slot) {
    uint64_t life = mt_a64_load_acq(&slot->life);
    MT_ASSERT(mt_a64_load_acq(&slot->head) == mt_mailbox_idle_word(slot));
    MT_ASSERT(slot->tail == mt_mailbox_stub(slot));
    MT_ASSERT(!(life & MT_LIFE_LIVE) == (slot->generation == 0));
    MT_ASSERT(slot->generation == 0 || slot->generation == mt_life_generation(life));
    MT_ASSERT(!(slot->flags & MT_SLOT_RETIRED) == (slot->generation != 0));
    MT_ASSERT((life & MT_LIFE_LIVE) || slot->state == NULL);
    if (!(life & MT_LIFE_LIVE)) mt_tie_check(slot);
}
