// SPDX-License-Identifier: Apache-2.0
// The cold half of credits: waiters, grants, displacing.
#include "martlet/credit.h"

#include "martlet/mailbox.h"
#include "martlet/memory.h"
#include "runtime_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Messages to look past in search of a droppable one.
#define DISPLACE_LOOK_MAX 8
// Room is given back in batches of at most this many, so that a producer and the consumer do not fight for the line.
#define GIVE_BATCH_MAX 16u

struct mt_bounded {
    mt_bounded_head_t head;
    unsigned char pad[MT_CACHE_LINE - sizeof(mt_bounded_head_t)];
    pthread_mutex_t waiters_mutex; // guards the list
    mt_credit_waiter_t *first, *last;
    pthread_mutex_t pop_mutex; // MT_POLICY_DROP_OLDEST: pop, release and displace
};

static mt_bounded_t *whole(mt_bounded_head_t *head) { return (mt_bounded_t *)head; }

mt_status_t mt_credit_attach(mt_slot_t *slot, uint32_t generation, uint32_t capacity, mt_policy_t policy) {
    mt_bounded_t *bounded = (mt_bounded_t *)mt_aptr_load_rlx(&slot->bounded);
    if (policy == MT_POLICY_UNBOUNDED) return MT_OK; // the word's old generation says that it does not count
    if (capacity == 0 || capacity > MT_CAPACITY_MAX) return MT_INVALID;
    if (!bounded) {
        // Stays with the slot for ever: a late sender may look at the credit word at any time.
        bounded = mt_alloc_lines(sizeof *bounded);
        if (!bounded) return MT_NO_MEMORY;
        pthread_mutex_init(&bounded->waiters_mutex, NULL);
        pthread_mutex_init(&bounded->pop_mutex, NULL);
    }
    mt_a32_store_rlx(&bounded->head.capacity, capacity);
    mt_a32_store_rlx(&bounded->head.policy, policy);
    bounded->head.owed = 0;
    uint32_t batch = capacity / 8 < GIVE_BATCH_MAX ? capacity / 8 : GIVE_BATCH_MAX;
    bounded->head.batch = batch ? batch : 1;
    // release: the fields above, for a sender that finds this generation in the word.
    mt_a64_store_rel(&bounded->head.credit, (uint64_t)generation << 32 | capacity);
    mt_aptr_store_rel(&slot->bounded, bounded);
    return MT_OK;
}

static void unlink_waiter(mt_bounded_t *bounded, mt_credit_waiter_t *waiter) {
    *(waiter->previous ? &waiter->previous->next : &bounded->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &bounded->last) = waiter->previous;
    waiter->is_queued = false;
}

// Takes WAITERS off when the list is empty. Under the mutex: only who holds it sets or clears the flag.
static void clear_flag_if_empty(mt_bounded_t *bounded) {
    if (bounded->first) return;
    // acq_rel: by rule; the mutex orders the list, the CAS keeps room that is given meanwhile.
    uint64_t word = mt_a64_load_acq(&bounded->head.credit);
    while (word & MT_CREDIT_WAITERS && !mt_a64_cas(&bounded->head.credit, &word, word & ~MT_CREDIT_WAITERS)) {
    }
}

// One credit, unless its incarnation is over. What the word was, 0 if it is.
static uint64_t put_back(mt_bounded_t *bounded, uint32_t generation) {
    // acq_rel: by rule; the generation is checked by the CAS itself: a grant may outlive the incarnation.
    uint64_t word = mt_a64_load_acq(&bounded->head.credit);
    do {
        if (word >> 32 != generation) return 0;
    } while (!mt_a64_cas(&bounded->head.credit, &word, word + 1));
    return word;
}

// Hands room to waiters, first come first served, until one of the two runs out. A waiter that timed out meanwhile
// loses its turn, not the credit.
static void grant(mt_bounded_t *bounded, uint32_t generation) {
    for (;;) {
        pthread_mutex_lock(&bounded->waiters_mutex);
        mt_credit_waiter_t *waiter = bounded->first;
        if (!waiter) clear_flag_if_empty(bounded);
        // acq_rel: by rule; generation and room are decided by the CAS.
        uint64_t word = mt_a64_load_acq(&bounded->head.credit);
        bool took = false;
        while (waiter && word >> 32 == generation && word & MT_CREDIT_ROOM && !took)
            took = mt_a64_cas(&bounded->head.credit, &word, word - 1);
        mt_reply_ref_t reply = 0;
        if (took) {
            reply = waiter->reply;
            unlink_waiter(bounded, waiter);
            clear_flag_if_empty(bounded);
        }
        pthread_mutex_unlock(&bounded->waiters_mutex);
        if (!took) return;
        if (!mt_reply_complete(reply, MT_REPLY_GRANTED)) put_back(bounded, generation);
    }
}

void mt_credit_give(mt_bounded_head_t *head, uint32_t generation, uint32_t count) {
    // acq_rel: by rule. The owner gives only to its own incarnation, whose generation the word carries until it ends.
    uint64_t before = mt_a64_add(&head->credit, count);
    MT_DEBUG_ASSERT((before & MT_CREDIT_ROOM) + count <= mt_a32_load_rlx(&head->capacity));
    if (MT_UNLIKELY(before & MT_CREDIT_WAITERS)) grant(whole(head), generation);
}

void mt_credit_return(mt_bounded_head_t *head, uint32_t generation) {
    if (put_back(whole(head), generation) & MT_CREDIT_WAITERS) grant(whole(head), generation);
}

mt_credit_result_t mt_credit_wait(mt_bounded_head_t *head, uint32_t generation, mt_credit_waiter_t *waiter) {
    mt_bounded_t *bounded = whole(head);
    pthread_mutex_lock(&bounded->waiters_mutex);
    // acquire: by rule; each way out is decided by a CAS, or by a generation that never comes back.
    uint64_t word = mt_a64_load_acq(&head->credit);
    mt_credit_result_t result = MT_CREDIT_FULL;
    for (;;) {
        if (word >> 32 != generation) {
            result = MT_CREDIT_OVER;
            break;
        }
        if (!bounded->first && word & MT_CREDIT_ROOM) {
            if (!mt_a64_cas(&head->credit, &word, word - 1)) continue;
            result = MT_CREDIT_TAKEN;
            break;
        }
        // The flag and the room are one word: the owner's give either comes before this CAS, which then fails and sees
        // the room, or sees the flag.
        if (word & MT_CREDIT_WAITERS || mt_a64_cas(&head->credit, &word, word | MT_CREDIT_WAITERS)) break;
    }
    waiter->is_queued = false;
    if (result == MT_CREDIT_FULL) {
        waiter->next = NULL;
        waiter->previous = bounded->last;
        *(bounded->last ? &bounded->last->next : &bounded->first) = waiter;
        bounded->last = waiter;
        waiter->is_queued = true;
    }
    pthread_mutex_unlock(&bounded->waiters_mutex);
    return result;
}

void mt_credit_leave(mt_bounded_head_t *head, mt_credit_waiter_t *waiter) {
    mt_bounded_t *bounded = whole(head);
    // Even when it was granted: the granter has read the waiter under this mutex and is past it now.
    pthread_mutex_lock(&bounded->waiters_mutex);
    if (waiter->is_queued) {
        unlink_waiter(bounded, waiter);
        clear_flag_if_empty(bounded);
    }
    pthread_mutex_unlock(&bounded->waiters_mutex);
}

void mt_credit_close(mt_bounded_head_t *head, void *reason) {
    mt_bounded_t *bounded = whole(head);
    // Under the pop mutex: from here the owner pops without it, since no displacer finds its generation.
    pthread_mutex_lock(&bounded->pop_mutex);
    uint64_t word = mt_a64_load_acq(&head->credit);
    while (!mt_a64_cas(&head->credit, &word, word & MT_CREDIT_WAITERS)) {
    }
    pthread_mutex_unlock(&bounded->pop_mutex);
    for (;;) {
        pthread_mutex_lock(&bounded->waiters_mutex);
        mt_credit_waiter_t *waiter = bounded->first;
        mt_reply_ref_t reply = waiter ? waiter->reply : 0;
        if (waiter) unlink_waiter(bounded, waiter);
        clear_flag_if_empty(bounded);
        // No generation has room 0 and no flag for ever: the word of a dead incarnation grants nothing more.
        if (!waiter) mt_a64_store_rel(&head->credit, 0);
        pthread_mutex_unlock(&bounded->waiters_mutex);
        if (!waiter) return;
        mt_reply_complete_exited(reply, reason);
    }
}

void mt_credit_pop_lock(mt_bounded_head_t *head) { pthread_mutex_lock(&whole(head)->pop_mutex); }
void mt_credit_pop_unlock(mt_bounded_head_t *head) { pthread_mutex_unlock(&whole(head)->pop_mutex); }

static bool is_droppable(const mt_node_t *node, uint32_t generation) {
    return node->generation == generation && node->flags & MT_NODE_CREDIT && node->kind >= MT_KIND_CAST &&
           node->kind <= MT_KIND_TICK;
}

// Under the pop mutex. A droppable node with a successor is cut out; one at the end of the chain can only go as the
// consumer would take it, which makes it the stub: its payload leaves, it stays.
static mt_node_t *cut_oldest(mt_slot_t *slot, uint32_t generation, bool *stays) {
    mt_node_t *before = slot->tail;
    for (int looked = 0; looked <= DISPLACE_LOOK_MAX; looked++) {
        // acquire: as in mt_mailbox_pop: the node; and its successor, whose producer has left it.
        mt_node_t *node = (mt_node_t *)mt_aptr_load_acq(&before->next);
        if (!node) return NULL;
        mt_node_t *after = (mt_node_t *)mt_aptr_load_acq(&node->next);
        if (is_droppable(node, generation)) {
            *stays = after == NULL;
            // release: keeps the successor's payload visible to who follows the new link.
            if (after) mt_aptr_store_rel(&before->next, after);
            else if (before == slot->tail) slot->tail = node;
            else return NULL;
            return node;
        }
        before = node;
    }
    return NULL;
}

// Whether a sender may take messages out, under the pop mutex: the incarnation is in place and not over, so that its
// owner touches the tail under this mutex alone. Before its INIT and after its end it does so without.
static bool may_displace(mt_slot_t *slot, const mt_bounded_head_t *head, uint32_t generation) {
    // acquire: pairs with the release of phase when the incarnation was put in place, after INIT was popped: the tail.
    if (mt_a64_load_acq(&slot->phase) >> 32 != generation) return false;
    if (mt_a64_load_acq(&head->credit) >> 32 != generation) return false;
    // Idle: nothing is queued, and the tail belongs to who comes next.
    return !(mt_a64_load_acq(&slot->head) & MT_HEAD_IDLE);
}

bool mt__displace(mt_slot_t *slot, mt_bounded_head_t *head, uint32_t generation, mt_thread_t *thread,
                  mt__displaced_t *out) {
    mt_credit_pop_lock(head);
    bool may = may_displace(slot, head, generation), stays = false;
    mt_node_t *old_tail = may ? slot->tail : NULL;
    mt_node_t *node = may ? cut_oldest(slot, generation, &stays) : NULL;
    out->is_taken = node != NULL;
    out->ops = node ? node->ops : NULL;
    if (out->ops) memcpy(out->payload, node->payload, mt_payload_size(out->ops));
    mt_node_t *garbage = !node ? NULL : !stays ? node : old_tail != mt_mailbox_stub(slot) ? old_tail : NULL;
    mt_credit_pop_unlock(head);
    if (garbage) mt_node_free(thread, garbage);
    return node != NULL;
}

void mt__end_displaced(mt_thread_t *thread, mt_pid_t pid, mt__displaced_t *displaced) {
    if (MT_LIKELY(!displaced->is_taken)) return;
    mt_runtime_t *runtime = mt_runtime_of(mt_slot_of(pid));
    mt_stats_t *stats = mt_stats(thread, runtime);
    mt_a64_bump(&stats->discarded, 1);
    mt_a64_bump(&stats->dead[MT_DEAD_FULL], 1);
    mt_payload_destroy(displaced->ops, displaced->payload);
    if (mt_hooks.dead_letter) mt_hooks.dead_letter(runtime->config.context, pid, 0, displaced->ops, MT_DEAD_FULL);
}
