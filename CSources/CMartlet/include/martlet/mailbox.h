// SPDX-License-Identifier: Apache-2.0
// The mailbox: an intrusive queue with many producers and one consumer, the owner of the slot.
//
//   idle:     head = &stub|IDLE          no owner, in no run queue, holds no node
//   busy:     head -> n3                 tail -> n0 (already handled, now the stub) -> n1 -> n2 -> n3
//   in push:  head -> n3   n2 -/-> n3    between a producer's xchg and its store the chain is cut: STALLED
//
// Overview. A producer exchanges `head` and links its predecessor: one read-modify-write a send. Two low bits of head
// say IDLE (nobody owns the process: who removes the bit owns it and submits it) and SIGNAL (look at `life` before
// going idle). The consumer follows `next` from tail; a popped node stays as the queue's stub until the next pop or
// release, so its payload is moved out first. On empty the consumer gives the process back with
// CAS(head: last -> &stub|IDLE), which also frees the last node.
//
// Contract.                    push      poke      claim     pop/cut/release
//   push    any thread         parallel  parallel  parallel  parallel
//   poke    any thread         parallel  parallel  parallel  parallel
//   claim   any thread         parallel  parallel  one wins  fails: not idle
//   pop, cut, release          the owner alone
// Order: FIFO per producer. Progress: push is wait-free; the others lock-free. Nothing that can block or fault stands
// between the exchange and the store of a push.
//
// Why it is correct (checked exhaustively at preemption bound 2 with its mutants, design/mailbox.md):
//   I1 idle <=> head == &stub|IDLE <=> no owner, not in any run queue.
//   I2 the thread that removes IDLE submits or owns, nobody else.
//   I3 a node is freed once, by the owner, after its successor is linked or by a successful release; so a producer's
//      predecessor cannot be freed before the producer has linked it.
//   I4 SIGNAL set => the owner looks at `life` before idling. A push may overwrite SIGNAL: harmless, then head differs
//      from tail, and the chain (change of life; poke's RMW on head; the producer's xchg; its link; pop's acquire)
//      makes the change visible before that message is handled.
#ifndef MARTLET_MAILBOX_H
#define MARTLET_MAILBOX_H

#include "pool.h"
#include "slot.h"

#define MT_HEAD_IDLE UINT64_C(1)
#define MT_HEAD_SIGNAL UINT64_C(2)
#define MT_HEAD_BITS UINT64_C(3)

static inline mt_node_t *mt_mailbox_stub(mt_slot_t *slot) { return (mt_node_t *)&slot->stub_next; }
static inline uint64_t mt_mailbox_idle_word(mt_slot_t *slot) { return (uint64_t)mt_mailbox_stub(slot) | MT_HEAD_IDLE; }

// Makes the mailbox of a fresh slot: idle and empty. Before any other thread knows the slot.
static inline void mt_mailbox_init(mt_slot_t *slot) {
    mt_aptr_store_rlx(&slot->stub_next, NULL);
    slot->tail = mt_mailbox_stub(slot);
    mt_a64_store_rlx(&slot->head, mt_mailbox_idle_word(slot));
}

// Queues a node. True: the process was idle and this thread owns it now: submit it. Any thread, wait-free.
static inline bool mt_mailbox_push(mt_slot_t *slot, mt_node_t *node) {
    mt_aptr_store_rlx(&node->next, NULL); // published by the exchange
    // acq_rel: release publishes the node; acquire orders this after the predecessor's exchange (D2: an RMW by rule).
    uint64_t previous = mt_a64_xchg(&slot->head, (uint64_t)node);
    // release: publishes the node's payload; pairs with the acquire of `next` in mt_mailbox_pop.
    mt_aptr_store_rel(&((mt_node_t *)(previous & ~MT_HEAD_BITS))->next, node);
    return previous & MT_HEAD_IDLE;
}

// Makes a stranger's change of `life` seen. True: it was idle and this thread owns it now: submit it. False: its owner
// looks at `life` before it idles. Any thread, after the change; cold.
static inline bool mt_mailbox_poke(mt_slot_t *slot) {
    uint64_t head = mt_a64_load_rlx(&slot->head); // a guess: every path confirms it by CAS
    for (;;) {
        // acq_rel: release publishes the change of life to the owner, through release's failed CAS or a later push.
        uint64_t want = head & MT_HEAD_IDLE ? head & ~MT_HEAD_IDLE : head | MT_HEAD_SIGNAL;
        if (mt_a64_cas(&slot->head, &head, want)) return head & MT_HEAD_IDLE;
    }
}

// Takes an idle, empty process. True: this thread is the owner. Any thread, wait-free.
static inline bool mt_mailbox_claim(mt_slot_t *slot) {
    uint64_t idle = mt_mailbox_idle_word(slot);
    if (mt_a64_load_rlx(&slot->head) != idle) return false; // a guess that saves the RMW; the CAS decides
    // acquire: pairs with the release of the CAS in mt_mailbox_release: tail and state of the last owner.
    return mt_a64_cas(&slot->head, &idle, idle & ~MT_HEAD_BITS);
}

// The next node, NULL when none is linked. It stays the queue's stub: move the payload out, do not free it. Owner.
static inline mt_node_t *mt_mailbox_pop(mt_slot_t *slot, mt_thread_t *thread) {
    mt_node_t *tail = slot->tail;
    // acquire: pairs with the release in mt_mailbox_push: the node's payload.
    mt_node_t *next = (mt_node_t *)mt_aptr_load_acq(&tail->next);
    if (!next) return NULL;
    slot->tail = next;
    if (tail != mt_mailbox_stub(slot)) mt_node_free(thread, tail);
    return next;
}

// Takes the node behind the tail out, for the owner to keep; the tail stays, and nothing is freed. False: a producer is
// between its exchange and its store, the node stays. Owner.
static inline bool mt_mailbox_cut(mt_slot_t *slot, mt_node_t *node) {
    mt_node_t *tail = slot->tail;
    // acquire, both: as in pop: behind its link a producer never comes back to the node.
    mt_node_t *after = (mt_node_t *)mt_aptr_load_acq(&node->next);
    if (!after) {
        // Its own link is there, so nobody else writes the tail's. relaxed: published by the CAS, for the next
        // producer.
        mt_aptr_store_rlx(&tail->next, NULL);
        uint64_t head = (uint64_t)node;
        // acq_rel: an RMW by rule, as poke; SIGNAL stays.
        while (!mt_a64_cas(&slot->head, &head, (uint64_t)tail | (head & MT_HEAD_SIGNAL)))
            if ((head & ~MT_HEAD_BITS) != (uint64_t)node) break;
        if ((head & ~MT_HEAD_BITS) == (uint64_t)node) return true;
        after = (mt_node_t *)mt_aptr_load_acq(&node->next);
    }
    // release: keeps the successor's payload visible to who follows the new link (credit.c).
    mt_aptr_store_rel(&tail->next, after ? after : node);
    return after != NULL;
}

// What became of an attempt to go idle.
typedef enum mt_release {
    MT_RELEASED, // no longer the owner: touch nothing
    MT_LOOK,     // a signal waits: look at `life`
    MT_MORE,     // a message is linked
    MT_STALLED,  // a producer is between its exchange and its store
} mt_release_t;

// Gives an empty process back. Owner; the owner no more on MT_RELEASED.
static inline mt_release_t mt_mailbox_release(mt_slot_t *slot, mt_thread_t *thread) {
    mt_node_t *tail = slot->tail;
    mt_node_t *stub = mt_mailbox_stub(slot);
    if (tail != stub) {
        // Never cleared while the stub is the tail: a producer may have linked there. relaxed: published by the CAS.
        mt_aptr_store_rlx(&slot->stub_next, NULL);
        slot->tail = stub;
    }
    uint64_t head = (uint64_t)tail;
    // release: tail, state and all the owner's words, for the next owner: pairs with push, claim and poke.
    if (mt_a64_cas(&slot->head, &head, mt_mailbox_idle_word(slot))) {
        if (tail != stub) mt_node_free(thread, tail);
        return MT_RELEASED;
    }
    slot->tail = tail;
    if (head == ((uint64_t)tail | MT_HEAD_SIGNAL)) {
        // acquire (of the failed CAS above): pairs with poke: its change of life. Only the bit is taken off; when the
        // CAS fails a producer came, and its message will be popped before the look.
        mt_a64_cas(&slot->head, &head, (uint64_t)tail);
        return MT_LOOK;
    }
    // acquire: as in pop.
    return mt_aptr_load_acq(&tail->next) ? MT_MORE : MT_STALLED;
}

// Whether a message is linked behind the current one. Owner.
static inline bool mt_mailbox_has_more(mt_slot_t *slot) { return mt_aptr_load_acq(&slot->tail->next) != NULL; }

#endif
