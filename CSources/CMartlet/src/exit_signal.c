// SPDX-License-Identifier: Apache-2.0
// Exit signals and the messages of ties, as the receiver meets them.
#include "exit_signal.h"

#include "runtime_state.h"

static void destroy_news(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    mt_hooks.reason_release(((mt_news_t *)payload)->reason);
}

static const mt_payload_ops_t news_ops = {.destroy = destroy_news, .name = "signal", .size = sizeof(mt_news_t)};

static void fill(mt_node_t *node, uint8_t kind, mt_pid_t pid, const mt_news_t *news) {
    node->ops = &news_ops;
    node->kind = kind;
    node->flags = 0;
    node->reply = 0;
    node->generation = mt_pid_generation(pid);
    *(mt_news_t *)(void *)node->payload = *news;
    mt_hooks.reason_retain(news->reason);
}

static bool is_over(uint64_t life, mt_pid_t pid) { return (life ^ pid) >> 32 || !(life & MT_LIFE_LIVE); }

mt__signal_t mt__signal_down(mt_slot_t *slot, mt_pid_t pid, mt_node_t *node, const mt_news_t *news) {
    fill(node, MT_KIND_DOWN, pid, news);
    return (mt__signal_t){.slot = slot, .pid = pid, .message = node};
}

// Whether the signal is one of the process' own parent that asks it to end: then its handler may end first, however
// long it takes, and `terminate` runs (R11). A link's is not: nobody waits who would lose patience.
static bool is_orderly(const mt_slot_t *slot, const mt_news_t *news) {
    // acquire: pairs with the release in begin: the class behind it. A guess while INIT is queued: no handler runs.
    const mt_class_t *klass = mt_aptr_load_acq(&slot->klass);
    return !news->tie && news->from && news->from == mt_slot_parent(slot) && klass && klass->is_server;
}

// Not trapped: `normal` is ignored, unless a process says it to itself (R13).
static bool is_ignored(mt_pid_t pid, const mt_news_t *news) {
    return news->reason == mt_hooks.reason_normal && (news->tie || news->from != pid);
}

mt__signal_t mt__signal_exit(mt_slot_t *slot, mt_pid_t pid, mt_node_t *node, const mt_news_t *news) {
    mt__signal_t none = {.is_none = true};
    // acquire: by rule; the CAS below decides. TRAP does not change under the lock.
    uint64_t life = mt_a64_load_acq(&slot->life);
    if (is_over(life, pid)) return none;
    if (life & MT_LIFE_TRAP) {
        fill(node, MT_KIND_EXIT, pid, news);
        return (mt__signal_t){.slot = slot, .pid = pid, .message = node};
    }
    if (is_ignored(pid, news)) return none;
    fill(node, MT_KIND_EXIT, pid, news);
    void *top = mt_aptr_load_rlx(&slot->exits);
    do {
        mt_aptr_store_rlx(&node->next, top);
        // release: the record; pairs with the exchange in the owner's take of the list.
    } while (!mt_aptr_cas(&slot->exits, &top, node));
    // acq_rel: release publishes the record; generation-checked by the CAS itself. When it meets the end the record is
    // freed by the owner, at its exit or after the poke.
    const uint64_t flags = MT_LIFE_EXIT | (news->tie ? MT_LIFE_LINK : 0);
    while (!is_over(life, pid) && !mt_a64_cas(&slot->life, &life, life | flags)) {
    }
    return (mt__signal_t){.slot = slot, .pid = pid, .may_take = !is_over(life, pid) && !is_orderly(slot, news)};
}

void mt__signal_send(mt_thread_t *thread, const mt__signal_t *signal) {
    if (signal->is_none) return;
    if (signal->message) mt_process_push(thread, signal->slot, mt_pid_generation(signal->pid), signal->message);
    else if (mt_mailbox_poke(signal->slot)) mt_submit(thread, signal->slot);
    // The handler may end first: the monitor's next look takes it if it has not.
    else if (signal->may_take) mt__retry_later(mt_runtime_of(signal->slot), signal->pid);
}

bool mt_process_exit_signal(mt_thread_t *thread, mt_pid_t pid, mt_pid_t from, void *reason) {
    mt_slot_t *slot = mt_slot_of(pid);
    // A sender that was killed has no effect.
    if (!slot || !mt_effect_begin(thread)) return false;
    mt_node_t *node = mt_node_alloc(thread, sizeof(mt_news_t));
    const mt_news_t news = {.reason = reason, .from = from};
    mt__signal_t signal = {.is_none = true};
    if (node) {
        mt__tie_lock(pid);
        signal = mt__signal_exit(slot, pid, node, &news);
        mt__tie_unlock(pid);
        if (signal.is_none) mt_node_free(thread, node);
        mt__signal_send(thread, &signal);
    }
    mt_effect_end(thread);
    if (node) return !signal.is_none;
    // Without memory for the reason the signal is as lethal and less eloquent; one that is trapped is lost.
    // acquire: by rule; the kill looks again.
    uint64_t life = mt_a64_load_acq(&slot->life);
    return !(life & MT_LIFE_TRAP) && !is_ignored(pid, &news) && mt_process_kill(thread, pid);
}

bool mt_process_set_trap(mt_pid_t pid, bool traps) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return false;
    mt__tie_lock(pid);
    uint64_t life = mt_a64_load_acq(&slot->life);
    // acq_rel: by rule; signals are decided under the same lock. One that was received before stays received.
    while (!is_over(life, pid) &&
           !mt_a64_cas(&slot->life, &life, traps ? life | MT_LIFE_TRAP : life & ~(uint64_t)MT_LIFE_TRAP)) {
    }
    mt__tie_unlock(pid);
    return !is_over(life, pid);
}

bool mt_pid_traps(mt_pid_t pid) {
    const mt_slot_t *slot = mt_slot_of(pid);
    // acquire: by rule; a hint.
    uint64_t life = slot ? mt_a64_load_acq(&slot->life) : 0;
    return !is_over(life, pid) && life & MT_LIFE_TRAP;
}
