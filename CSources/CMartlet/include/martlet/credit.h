// SPDX-License-Identifier: Apache-2.0
// Room in a bounded mailbox. A sender takes a credit before it pushes, the consumer gives it back when it pops; system
// messages, signals and replies take none. Unbounded mailboxes never come here.
//
//      credit   63            32  31      30       0
//               | generation   | WAITERS |  room   |        one word decides between "room came" and "I wait"
//
// Contract. take: any thread, lock-free. give: the owner. wait, cancel: any thread; a mutex, both are about to sleep or
// have slept. While WAITERS is set plain senders find it full: first come, first served. A grant carries its credit, so
// no herd wakes. The generation keeps a late sender from taking room of the next incarnation. Checked with its mutants:
// Documentation/design/credits.md.
//
// Displacing (.dropOldest): consumer-side discarding would not bound memory while a handler runs, so a sender without a
// credit removes the oldest droppable message itself and inherits its credit. Mailboxes with this policy alone pay for
// it with a mutex around pop and release.
#ifndef MARTLET_CREDIT_H
#define MARTLET_CREDIT_H

#include "reply.h"
#include "slot.h"
#include "status.h"

typedef enum __attribute__((enum_extensibility(closed))) mt_policy {
    MT_POLICY_UNBOUNDED MT_SWIFT("unbounded"),
    MT_POLICY_REJECT MT_SWIFT("reject"),
    MT_POLICY_DROP_NEWEST MT_SWIFT("dropNewest"),
    MT_POLICY_DROP_OLDEST MT_SWIFT("dropOldest"),
} mt_policy_t;

#define MT_CREDIT_WAITERS UINT64_C(0x80000000)
#define MT_CREDIT_ROOM UINT64_C(0x7FFFFFFF)
#define MT_CAPACITY_MAX 0x7FFFFFFFu

// One sender that waits for room. On the waiter's stack or in its frame, until mt_credit_cancel or a grant returned.
typedef struct mt_credit_waiter {
    mt_reply_ref_t reply;
    struct mt_credit_waiter *next, *previous; // guarded by the mailbox's waiter mutex
    bool is_queued;                           // guarded by it
} mt_credit_waiter_t;

typedef struct mt_bounded mt_bounded_t; // opaque; the words below are its first line
typedef struct mt_bounded_head {
    mt_a64_t credit;
    mt_a32_t capacity; // this and the next: written by spawn before LIVE; late senders of the last life may read them
    mt_a32_t policy;   // mt_policy_t
    uint32_t batch;    // plain: written by spawn, the owner's: room is given back so many messages at a time
    uint32_t owed;     // plain: the owner's: popped and not yet given back
} mt_bounded_head_t;

// Senders without room act on it. Any thread.
static inline mt_policy_t mt_credit_policy(const mt_bounded_head_t *bounded) {
    // relaxed: published with the credit word; who reads the next incarnation's by chance is refused by its generation.
    return (mt_policy_t)mt_a32_load_rlx(&bounded->policy);
}

// Gives a slot that is not LIVE yet a bound, or none. Spawner. MT_NO_MEMORY: nothing changed.
mt_status_t mt_credit_attach(mt_slot_t *slot, uint32_t generation, uint32_t capacity, mt_policy_t policy);

// The bound of this incarnation, NULL when it has none. Any thread that read `life` LIVE at that generation.
static inline mt_bounded_head_t *mt_credit_of(mt_slot_t *slot, uint32_t generation) {
    // relaxed: published by the release of `life` that made this generation LIVE. acquire: its capacity and policy.
    mt_bounded_head_t *bounded = (mt_bounded_head_t *)mt_aptr_load_rlx(&slot->bounded);
    if (MT_LIKELY(!bounded)) return NULL;
    return mt_a64_load_acq(&bounded->credit) >> 32 == generation ? bounded : NULL;
}

typedef enum mt_credit_result { MT_CREDIT_TAKEN, MT_CREDIT_FULL, MT_CREDIT_OVER } mt_credit_result_t;

// Takes one credit. OVER: another generation. Any thread, lock-free; an overloaded mailbox costs its senders no RMW.
static inline mt_credit_result_t mt_credit_take(mt_bounded_head_t *bounded, uint32_t generation) {
    uint64_t word = mt_a64_load_acq(&bounded->credit);
    for (;;) {
        if (word >> 32 != generation) return MT_CREDIT_OVER;
        if (word & MT_CREDIT_WAITERS || !(word & MT_CREDIT_ROOM)) return MT_CREDIT_FULL;
        // acq_rel: by rule; the room itself orders nothing.
        if (mt_a64_cas(&bounded->credit, &word, word - 1)) return MT_CREDIT_TAKEN;
    }
}

// Gives `count` credits back and hands them to waiters. Owner.
void mt_credit_give(mt_bounded_head_t *bounded, uint32_t generation, uint32_t count);
// Gives back what is owed when a batch is full. Owner, after a pop of a node with MT_NODE_CREDIT.
static inline void mt_credit_popped(mt_bounded_head_t *bounded, uint32_t generation) {
    if (++bounded->owed < bounded->batch) return;
    uint32_t owed = bounded->owed;
    bounded->owed = 0;
    mt_credit_give(bounded, generation, owed);
}
// Gives back all that is owed. Owner, before every release.
static inline void mt_credit_settle(mt_bounded_head_t *bounded, uint32_t generation) {
    uint32_t owed = bounded->owed;
    if (!owed) return;
    bounded->owed = 0;
    mt_credit_give(bounded, generation, owed);
}

// Takes a credit or queues the waiter, whose armed reply slot is then completed with GRANTED (the credit is the
// waiter's), NO_PROCESS, or what its timeout says. Any thread; a mutex.
mt_credit_result_t mt_credit_wait(mt_bounded_head_t *bounded, uint32_t generation, mt_credit_waiter_t *waiter);
// Ends the waiter after its slot was completed, whatever completed it. The waiter's memory is free afterwards.
void mt_credit_leave(mt_bounded_head_t *bounded, mt_credit_waiter_t *waiter);
// Completes all waiters with EXITED and the reason; no sender displaces any more. Owner, at exit.
void mt_credit_close(mt_bounded_head_t *bounded, void *reason);

// Puts a credit back that was granted or taken and not used. Any thread.
void mt_credit_return(mt_bounded_head_t *bounded, uint32_t generation);

// The pop lock of MT_POLICY_DROP_OLDEST.
void mt_credit_pop_lock(mt_bounded_head_t *bounded);
void mt_credit_pop_unlock(mt_bounded_head_t *bounded);
// Queued messages of a bounded mailbox. A hint.
static inline uint32_t mt_credit_length(const mt_bounded_head_t *bounded) {
    return mt_a32_load_rlx(&bounded->capacity) - (uint32_t)(mt_a64_load_rlx(&bounded->credit) & MT_CREDIT_ROOM);
}

#endif
