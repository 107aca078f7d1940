// SPDX-License-Identifier: Apache-2.0
// The mailbox alone, on slots of its own that no scheduler knows: its states one by one, then producers, poke and claim
// against whoever owns it.
#include "probe_engine.h"

#include <sched.h>
#include <stdlib.h>

static mt_slot_t *make_slot(void) {
    mt_slot_t *slot = aligned_alloc(MT_CACHE_LINE, sizeof *slot);
    MT_ASSERT(slot);
    *slot = (mt_slot_t){.flags = MT_SLOT_RETIRED};
    mt_mailbox_init(slot);
    return slot;
}

static mt_node_t *make_node(uint64_t value) {
    mt_node_t *node = mt_node_alloc(mt_thread_self(), 8);
    MT_ASSERT(node);
    node->ops = NULL;
    node->reply = value;
    *(uint64_t *)mt_node_payload(node) = value;
    return node;
}

static bool is_next(mt_slot_t *slot, uint64_t value) {
    mt_node_t *node = mt_mailbox_pop(slot, mt_thread_self());
    return node && node->reply == value && *(uint64_t *)mt_node_payload(node) == value;
}

static bool is_idle(mt_slot_t *slot) { return mt_a64_load_acq(&slot->head) == mt_mailbox_idle_word(slot); }

MT_CHECK(mailbox_push_pop_release) {
    mt_thread_t *thread = mt_thread_self();
    uint64_t nodes = probe_live_nodes();
    mt_slot_t *slot = make_slot();
    mt_process_check(slot);
    EXPECT(is_idle(slot) && !mt_mailbox_has_more(slot));
    EXPECT(mt_mailbox_push(slot, make_node(1)));  // idle: ours now
    EXPECT(!mt_mailbox_push(slot, make_node(2))); // owned
    EXPECT(!is_idle(slot) && mt_mailbox_has_more(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_MORE);
    EXPECT(is_next(slot, 1) && mt_mailbox_has_more(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_MORE); // the popped node is the stub meanwhile
    EXPECT(is_next(slot, 2) && mt_mailbox_pop(slot, thread) == NULL);
    EXPECT(probe_live_nodes() == nodes + 1);
    EXPECT(mt_mailbox_release(slot, thread) == MT_RELEASED);
    EXPECT(is_idle(slot) && probe_live_nodes() == nodes); // an idle process holds no node
    mt_process_check(slot);
    EXPECT(mt_mailbox_push(slot, make_node(3)) && is_next(slot, 3));
    EXPECT(mt_mailbox_release(slot, thread) == MT_RELEASED);
    mt_process_check(slot);
    free(slot);
}

MT_CHECK(mailbox_claim_and_poke) {
    mt_thread_t *thread = mt_thread_self();
    mt_slot_t *slot = make_slot();
    EXPECT(mt_mailbox_claim(slot) && !mt_mailbox_claim(slot)); // one wins
    EXPECT(!mt_mailbox_poke(slot));                            // busy: a signal waits
    EXPECT(!mt_mailbox_poke(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_LOOK); // once
    EXPECT(mt_mailbox_release(slot, thread) == MT_RELEASED);
    EXPECT(mt_mailbox_poke(slot)); // idle: ours, with nothing queued
    EXPECT(!is_idle(slot) && mt_mailbox_pop(slot, thread) == NULL);
    // A push over a signal: the message is there, and whoever pops it looks at `life`.
    EXPECT(!mt_mailbox_poke(slot) && !mt_mailbox_push(slot, make_node(1)));
    EXPECT(mt_mailbox_release(slot, thread) == MT_MORE && is_next(slot, 1));
    // A signal over a message: still in the queue when the process would idle.
    EXPECT(!mt_mailbox_poke(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_LOOK);
    EXPECT(mt_mailbox_release(slot, thread) == MT_RELEASED);
    EXPECT(mt_mailbox_push(slot, make_node(2)) && !mt_mailbox_claim(slot));
    EXPECT(is_next(slot, 2) && !mt_mailbox_claim(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_RELEASED);
    mt_process_check(slot);
    free(slot);
}

// A producer between its exchange and its store, by hand.
MT_CHECK(mailbox_half_linked) {
    mt_thread_t *thread = mt_thread_self();
    mt_slot_t *slot = make_slot();
    mt_node_t *node = make_node(1);
    mt_aptr_store_rlx(&node->next, NULL);
    uint64_t previous = mt_a64_xchg(&slot->head, (uint64_t)node);
    EXPECT(previous == mt_mailbox_idle_word(slot));
    EXPECT(mt_mailbox_pop(slot, thread) == NULL && mt_mailbox_release(slot, thread) == MT_STALLED);
    EXPECT(!mt_mailbox_push(slot, make_node(2))); // behind the cut
    EXPECT(mt_mailbox_pop(slot, thread) == NULL && mt_mailbox_release(slot, thread) == MT_STALLED);
    EXPECT(!mt_mailbox_poke(slot));
    EXPECT(mt_mailbox_release(slot, thread) == MT_STALLED);
    mt_aptr_store_rel(&((mt_node_t *)(previous & ~MT_HEAD_BITS))->next, node);
    EXPECT(mt_mailbox_release(slot, thread) == MT_MORE);
    EXPECT(is_next(slot, 1) && is_next(slot, 2));
    EXPECT(mt_mailbox_release(slot, thread) == MT_LOOK && mt_mailbox_release(slot, thread) == MT_RELEASED);
    mt_process_check(slot);
    free(slot);
}

// --- Hammer ----------------------------------------------------------------------------------------------------------

enum { CONSUMED_AT_ONCE = 64, BACKLOG_MAX = 4096 };

typedef struct {
    mt_slot_t *slot;
    mt_a64_t signals; // changes that a poke announces
    unsigned char pad[56];
    mt_a64_t sent[64], claims, pokes;
    // Plain, the owner's: a second owner is a race, and shows in the numbers.
    uint64_t handled[64], seen_signals, total;
    mt_a64_t consumed; // total, for producers that wait
} post_t;

// Consumes as the owner until the mailbox is idle; another thread may go on from the middle, so it holds no state.
static void own(post_t *post) {
    mt_thread_t *thread = mt_thread_self();
    for (;;) {
        mt_node_t *node = mt_mailbox_pop(post->slot, thread);
        if (node) {
            uint64_t value = *(uint64_t *)mt_node_payload(node), producer = value >> 48;
            EXPECT(node->reply == value);
            EXPECT((value & UINT64_C(0xFFFFFFFFFFFF)) == ++post->handled[producer]); // each once, in order
            post->total++;
            continue;
        }
        // acquire: a signal announced before a poke that this release meets is seen (I4).
        post->seen_signals = mt_a64_load_acq(&post->signals);
        mt_a64_store_rel(&post->consumed, post->total);
        switch (mt_mailbox_release(post->slot, thread)) {
        case MT_RELEASED:
            return;
        case MT_STALLED:
            sched_yield();
            break;
        case MT_LOOK:
        case MT_MORE:
            break;
        }
    }
}

static void post_body(void *raw, uint32_t number) {
    post_t *post = raw;
    uint64_t random = number + 1, count = 0;
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        if (bits % 64 == 0) {
            mt_a64_add(&post->signals, 1);
            mt_a64_add_rlx(&post->pokes, 1);
            if (mt_mailbox_poke(post->slot)) own(post);
        } else if (bits % 64 == 1) {
            if (mt_mailbox_claim(post->slot)) {
                mt_a64_add_rlx(&post->claims, 1);
                own(post);
            }
        } else {
            if (mt_mailbox_push(post->slot, make_node((uint64_t)number << 48 | ++count))) own(post);
        }
        mt_a64_store_rlx(&post->sent[number], count);
        if (bits % 32 == 2) sched_yield();
    }
}

// Whoever finds it idle owns it: ownership passes between all threads, with the plain words.
MT_CHECK(mailbox_hammer_mpsc) {
    uint64_t nodes = probe_live_nodes();
    post_t *post = aligned_alloc(MT_CACHE_LINE, (sizeof *post + 63) / 64 * 64);
    MT_ASSERT(post);
    *post = (post_t){.slot = make_slot()};
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), post_body, post);
    mt_process_check(post->slot); // quiescent: whoever came last gave it back
    uint64_t total = 0;
    for (uint32_t i = 0; i < mt_check_threads(); i++) {
        EXPECT(post->handled[i] == mt_a64_load_rlx(&post->sent[i]));
        total += post->handled[i];
    }
    EXPECT(post->total == total && post->seen_signals == mt_a64_load_rlx(&post->signals));
    EXPECT(probe_live_nodes() == nodes);
    mt_check_figure("messages", (double)total / 1e6, "million");
    mt_check_figure("claims", (double)mt_a64_load_rlx(&post->claims), "");
    free(post->slot);
    free(post);
}
