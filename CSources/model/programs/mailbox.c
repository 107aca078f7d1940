// SPDX-License-Identifier: Apache-2.0
// The mailbox: senders, a poker, a claimer and a worker. Tail, payload and the count of handled messages are plain, so
// two owners show as a race; a node freed early as a use after free; a lost wake-up as a deadlock. A queue that is cut
// (STALLED) waits for its link, as its process would come back later.
#include "world.h"

#include "martlet/mailbox.h"

#define SENDERS_MAX 2

static uint32_t senders, messages_each;
static bool pokes, cuts;
static mt_slot_t slot;
static mt_a32_t queued;                   // 1: in the run queue
static uint32_t next_of[SENDERS_MAX + 1]; // the owner's, plain: the next message of each sender
static uint32_t handled;                  // the owner's, plain
static bool saw_signal;                   // the owner's, plain
static mt_node_t *kept;                   // the owner's: what it has cut out

static void run_slice(mt_thread_t *thread);

static void submit(void) { MODEL_EXPECT(mt_a32_xchg(&queued, 1) == 0); }

static void init(uint32_t threads, uint32_t sender_count, uint32_t each, bool has_poke) {
    senders = sender_count;
    messages_each = each;
    pokes = has_poke;
    world_threads(threads, NULL);
    mt_mailbox_init(&slot);
    MODEL_NAME(slot.head);
    MODEL_NAME(slot.life);
    MODEL_NAME(slot.stub_next);
    MODEL_NAME(slot.tail);
    MODEL_NAME(queued);
    // The stub has been the tail before: what a first message left in it matters.
    mt_mailbox_push(&slot, world_node(world_record(0), 0));
    run_slice(world_record(0));
}

static void send_all(uint32_t number) {
    mt_thread_t *thread = world_enter();
    for (uint32_t i = 0; i < messages_each; i++) {
        mt_node_t *node = world_node(thread, (uint64_t)number << 32 | i);
        if (mt_mailbox_push(&slot, node)) submit();
    }
}

static void poke_once(void) {
    world_enter();
    mt_a64_add(&slot.life, 1);
    if (mt_mailbox_poke(&slot)) submit();
}

static void look(void) {
    if (mt_a64_load_acq(&slot.life)) saw_signal = true;
}

static void handle(const mt_node_t *node) {
    uint64_t word = world_word(node);
    MODEL_EXPECT(next_of[word >> 32] == (uint32_t)word);
    next_of[word >> 32]++;
    handled++;
}

// Takes the next one out and keeps it, as the owner of a suspended process does. False: there is none.
static bool cut_one(void) {
    for (;;) {
        mt_node_t *node = (mt_node_t *)mt_aptr_load_acq(&slot.tail->next);
        if (!node) return false;
        if (!mt_mailbox_cut(&slot, node)) {
            MODEL_AWAIT(node->next, 0);
            continue;
        }
        handle(node);
        mt_aptr_store_rlx(&node->next, kept);
        kept = node;
        return true;
    }
}

// What a worker does with a process: handles until it can give it back.
static void run_slice(mt_thread_t *thread) {
    for (;;) {
        if (cuts && cut_one()) {
            look();
            continue;
        }
        const mt_node_t *node = mt_mailbox_pop(&slot, thread);
        look();
        if (node) {
            handle(node);
            continue;
        }
        switch (mt_mailbox_release(&slot, thread)) {
        case MT_RELEASED:
            return;
        case MT_STALLED:
            MODEL_AWAIT(slot.tail->next, 0);
            break;
        case MT_LOOK:
        case MT_MORE:
            break;
        }
    }
}

// Sleeps for ever in the end: what it should have been woken for is missing then.
static void work(void) {
    mt_thread_t *thread = world_enter();
    for (;;) {
        MODEL_AWAIT(queued, 0);
        mt_a32_xchg(&queued, 0);
        run_slice(thread);
    }
}

// A caller that takes the idle process, does something to it, and gives it back.
static void claim_once(void) {
    mt_thread_t *thread = world_enter();
    if (!mt_mailbox_claim(&slot)) return;
    handled += 0x100;
    handled -= 0x100;
    look();
    if (mt_mailbox_release(&slot, thread) != MT_RELEASED) submit();
}

static void finish(void) {
    while (kept) {
        mt_node_t *node = kept;
        kept = (mt_node_t *)mt_aptr_load_rlx(&node->next);
        mt_node_free(world_enter(), node);
    }
    MODEL_EXPECT(handled == senders * messages_each + 1);
    MODEL_EXPECT(!pokes || saw_signal);
    MODEL_EXPECT(mt_a64_load_acq(&slot.head) == mt_mailbox_idle_word(&slot));
    MODEL_EXPECT(slot.tail == mt_mailbox_stub(&slot));
}

static void setup_two(void) { init(3, 2, 1, false); }
static void setup_two_by_two(void) { init(3, 2, 2, false); }
static void setup_poke(void) { init(3, 1, 2, true); }
static void setup_claim(void) { init(3, 1, 2, false); }
static void setup_all(void) { init(4, 1, 1, true); }
static void setup_cut(void) {
    init(3, 2, 1, false);
    cuts = true;
}
static void setup_cut_poke(void) {
    init(3, 1, 2, true);
    cuts = true;
}

static void two_senders(uint32_t thread) {
    if (thread == 1) work();
    else send_all(thread - 1);
}
static void sender_and_poke(uint32_t thread) {
    if (thread == 1) work();
    else if (thread == 2) send_all(1);
    else poke_once();
}
static void sender_and_claim(uint32_t thread) {
    if (thread == 1) work();
    else if (thread == 2) send_all(1);
    else claim_once();
}
static void sender_poke_claim(uint32_t thread) {
    if (thread == 4) claim_once();
    else sender_and_poke(thread);
}

#define MAILBOX(NAME, SETUP, BODY, THREADS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = finish, .threads = THREADS, .daemons = 1u << 1)

MAILBOX(mailbox_two, setup_two, two_senders, 3);
MAILBOX(mailbox_two_by_two, setup_two_by_two, two_senders, 3);
MAILBOX(mailbox_poke, setup_poke, sender_and_poke, 3);
MAILBOX(mailbox_claim, setup_claim, sender_and_claim, 3);
MAILBOX(mailbox_cut, setup_cut, two_senders, 3);
MAILBOX(mailbox_cut_poke, setup_cut_poke, sender_and_poke, 3);
MAILBOX(mailbox_poke_claim, setup_all, sender_poke_claim, 4);
