// SPDX-License-Identifier: Apache-2.0
// The reply slot: where the answer of one call, start or stop goes. Reply, timeout, cancellation, death of the callee
// and overload are all the same operation, complete; the first wins, the others learn that they are late. Nothing of it
// ever enters the caller's mailbox.
//
//      FREE --arm--> ARMED --claim(CAS)--> CLAIMED --finish--> DONE --free--> FREE, generation + 1
//                      |                      |
//                      +---- wait (CAS): W ---+     W: finish wakes the waiter
//
// Contract. arm, wait, take, free: the caller alone. claim and finish: any thread, once: claim gives the exclusive
// right to `value`, `kind` and finish. Progress: lock-free. The caller never leaves while CLAIMED (a few instructions
// of the replier): a timeout that loses to CLAIMED yields the reply. Handles are {generation:32 | index:32}; a stale
// one fails its generation check. Checked with its mutants: Documentation/design/reply-slots.md.
#ifndef MARTLET_REPLY_H
#define MARTLET_REPLY_H

#include "hooks.h"
#include "slot.h"
#include "status.h"
#include "thread.h"

typedef uint64_t mt_reply_ref_t; // 0 is none

#define MT_REPLY_FREE UINT64_C(0)
#define MT_REPLY_ARMED UINT64_C(1)
#define MT_REPLY_CLAIMED UINT64_C(2)
#define MT_REPLY_DONE UINT64_C(3)
#define MT_REPLY_PHASE UINT64_C(3)
#define MT_REPLY_WAITER UINT64_C(4)   // somebody sleeps: finish wakes it
#define MT_REPLY_NUDGE UINT64_C(16)   // its waiter may be woken to look again (mt_reply_nudge)
#define MT_REPLY_DEFERRED UINT64_C(8) // the handler returned without an answer: anyone may still give it (cycle.h)
#define MT_REPLY_THREAD UINT64_C(32)  // with W: a thread on `futex`, which may leave as soon as it sees DONE
_Static_assert((MT_REPLY_PHASE | MT_REPLY_WAITER | MT_REPLY_NUDGE | MT_REPLY_DEFERRED | MT_REPLY_THREAD) ==
                   MT_REPLY_PHASE + MT_REPLY_WAITER + MT_REPLY_NUDGE + MT_REPLY_DEFERRED + MT_REPLY_THREAD,
               "each flag is a bit of its own");

// What completed it.
typedef enum __attribute__((enum_extensibility(closed))) mt_reply_kind {
    MT_REPLY_VALUE MT_SWIFT("value"), // `value` holds the reply
    MT_REPLY_TIMEOUT MT_SWIFT("timeout"),
    MT_REPLY_NO_PROCESS MT_SWIFT("noProcess"),
    MT_REPLY_EXITED MT_SWIFT("exited"), // `value` holds a reason object, retained
    MT_REPLY_CANCELLED MT_SWIFT("cancelled"),
    MT_REPLY_OVERLOADED MT_SWIFT("overloaded"),
    MT_REPLY_SHUT_DOWN MT_SWIFT("shutDown"),
    MT_REPLY_NAME_TAKEN MT_SWIFT("nameTaken"), // a start: `value` holds the pid of the holder
    MT_REPLY_GRANTED MT_SWIFT("granted"),      // a castWaiting: room was given, one credit belongs to the waiter
    MT_REPLY_CYCLE MT_SWIFT("cycle"),          // it would wait for itself; `value` holds the path (cycle.h)
} mt_reply_kind_t;

#define MT_REPLY_VALUE_MAX 64

typedef struct mt_reply {
    mt_a64_t word;      // generation:32 | flags; see above
    mt_aptr_t waiter;   // a continuation, or NULL: a thread on `futex` (THREAD); written by the caller before W
    mt_a32_t futex;     // 1 once DONE, for a thread that waits
    uint32_t kind;      // mt_reply_kind_t; written by the claimer
    mt_a64_t caller;    // the process that waits, 0: none is known; read by anyone (cycle.h)
    mt_a64_t callee;    // whom the call asks; read by anyone (cycle.h)
    mt_a64_t deadline;  // when the caller gives up; written by it, read by handlers
    uint64_t free_link; // region.h's free list
    mt_a64_t timer;     // of the deadline, 0: none is known; see mt_reply_note_timer
    unsigned char value[MT_REPLY_VALUE_MAX]; // larger values are boxed by the replier
} mt_reply_t;
_Static_assert(sizeof(mt_reply_t) == 128, "two cache lines, the control words in the first");

static inline mt_reply_t *mt_reply_of(mt_reply_ref_t ref) {
    if (MT_UNLIKELY(!mt_region_contains_index(&mt_replies, (uint32_t)ref))) return NULL;
    return (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
}

static inline uint64_t mt_reply_word(mt_reply_ref_t ref, uint64_t flags) {
    return (ref & ~UINT64_C(0xFFFFFFFF)) | flags;
}

// A slot armed for one answer; 0 when there is no memory. The caller owns it until mt_reply_free.
static inline mt_reply_ref_t mt_reply_arm(mt_thread_t *thread, mt_pid_t caller, mt_pid_t callee, uint64_t deadline_ns) {
    uint32_t index = mt_region_take(&mt_replies, &thread->replies);
    if (MT_UNLIKELY(!index)) return 0;
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, index);
    // relaxed: this thread owns the free slot; late completers only compare the generation.
    uint64_t generation = mt_a64_load_rlx(&reply->word) >> 32;
    // release, both: whoever reads them in a cycle walk sees that the slot's last life is over (cycle.c).
    mt_a64_store_rel(&reply->caller, caller);
    mt_a64_store_rel(&reply->callee, callee);
    mt_a64_store_rlx(&reply->deadline, deadline_ns);
    mt_a64_store_rlx(&reply->timer, 0);
    mt_aptr_store_rlx(&reply->waiter, NULL);
    mt_a32_store_rlx(&reply->futex, 0);
    // release: the words above, for a stale handle of a cycle walk that meets the new generation.
    mt_a64_store_rel(&reply->word, generation << 32 | MT_REPLY_ARMED);
    return generation << 32 | index;
}

// The waiter of a slot that nobody else knows yet: a queued asynchronous call. Saves wait's CAS. Caller.
static inline void mt_reply_set_waiter(mt_reply_ref_t ref, void *continuation) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    mt_aptr_store_rlx(&reply->waiter, continuation); // relaxed: W publishes it
    // relaxed: the slot is published by the push that carries its handle.
    mt_a64_store_rlx(&reply->word, mt_reply_word(ref, MT_REPLY_ARMED | MT_REPLY_WAITER));
}

// The same for a waiter that the nursery may wake once before there is an answer, so that only calls that last pay for
// a cancellation handler. Caller.
static inline void mt_reply_set_nudged_waiter(mt_reply_ref_t ref, void *continuation) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    mt_aptr_store_rlx(&reply->waiter, continuation); // relaxed: W publishes it
    // relaxed: as in mt_reply_set_waiter.
    mt_a64_store_rlx(&reply->word, mt_reply_word(ref, MT_REPLY_ARMED | MT_REPLY_WAITER | MT_REPLY_NUDGE));
}

// Wakes such a waiter if it still sleeps; its task looks, and waits again. Any thread.
void mt_reply_nudge(mt_reply_ref_t ref);

// The right to answer; NULL: too late. On success write `kind` and the value, then mt_reply_finish. Any thread.
static inline mt_reply_t *mt_reply_claim(mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_of(ref);
    if (MT_UNLIKELY(!reply)) return NULL;
    // acquire: with the CAS below, the caller's words (waiter) before its W.
    uint64_t word = mt_a64_load_acq(&reply->word);
    for (;;) {
        if ((word ^ ref) >> 32 || (word & MT_REPLY_PHASE) != MT_REPLY_ARMED) return NULL;
        uint64_t claimed = (word & ~MT_REPLY_PHASE) | MT_REPLY_CLAIMED;
        // acq_rel: excludes every other completer, and the waiter's leaving.
        if (MT_LIKELY(mt_a64_cas(&reply->word, &word, claimed))) return reply;
    }
}

// Publishes the answer. Returns what the claimer must resume, NULL when nobody sleeps as a continuation. The slot is
// not touched afterwards. The claimer.
static inline void *mt_reply_finish(mt_reply_t *reply, mt_reply_kind_t kind) {
    void mt__reply_wake_thread(mt_reply_t * reply);
    reply->kind = kind;
    // acquire: pairs with the CAS of mt_reply_wait: the waiter, when W came before the claim or soon after it.
    uint64_t word = mt_a64_load_acq(&reply->word);
    // A continuation that is registered cannot leave before it is resumed: only a thread's word changes behind DONE.
    void *waiter = word & MT_REPLY_WAITER ? mt_aptr_load_rlx(&reply->waiter) : NULL;
    if (MT_LIKELY(waiter != NULL)) {
        // release: kind and value; pairs with the acquire in mt_reply_is_done. W cannot change any more.
        mt_a64_store_rel(&reply->word, (word & ~MT_REPLY_PHASE) | MT_REPLY_DONE);
        return waiter;
    }
    // relaxed: before DONE, which publishes it: a thread that finds DONE frees the slot, and from then on it is not
    // ours.
    mt_a32_store_rlx(&reply->futex, 1);
    // acq_rel: W may be set at this very moment: the exchange says which came first. release: kind, value and futex.
    word = mt_a64_xchg(&reply->word, (word & ~MT_REPLY_PHASE) | MT_REPLY_DONE);
    if (MT_LIKELY(!(word & MT_REPLY_WAITER))) return NULL;
    if (!(word & MT_REPLY_THREAD)) return mt_aptr_load_rlx(&reply->waiter);
    mt__reply_wake_thread(reply);
    return NULL;
}

// The same on the thread of the caller itself, while its handler runs in place: W cannot be set meanwhile, so a store
// is enough. The claimer.
static inline void mt_reply_finish_in_place(mt_reply_t *reply, mt_reply_kind_t kind) {
    reply->kind = kind;
    uint64_t word = mt_a64_load_rlx(&reply->word);
    mt_a64_store_rel(&reply->word, (word & ~MT_REPLY_PHASE) | MT_REPLY_DONE);
}

// Completes without a value. True if this was first. Any thread; resumes the waiter.
bool mt_reply_complete(mt_reply_ref_t ref, mt_reply_kind_t kind);
// Completes with MT_REPLY_EXITED; retains the reason for the caller when first.
bool mt_reply_complete_exited(mt_reply_ref_t ref, void *reason);

// Whether the answer is there. Caller.
static inline bool mt_reply_is_done(mt_reply_ref_t ref) {
    const mt_reply_t *reply = (const mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    // acquire: pairs with the release of finish: kind and value.
    return (mt_a64_load_acq(&reply->word) & MT_REPLY_PHASE) == MT_REPLY_DONE;
}

// Registers a continuation as the waiter of a shared slot. False: the answer is there, do not sleep. Caller.
bool mt_reply_wait(mt_reply_ref_t ref, void *continuation);
// The same, and the waiter may be woken to look again (mt_reply_nudge): it leaves the slot as it is when it has waited
// long enough. Caller.
bool mt_reply_wait_nudged(mt_reply_ref_t ref, void *continuation);
// Sleeps until the answer is there or the deadline passes; at the deadline completes the slot itself. Caller; blocks.
struct mt_env;
void mt_reply_wait_blocking(mt_reply_ref_t ref, const struct mt_env *env, uint64_t deadline_ns);

// The timer of the deadline, for mt_reply_timer. Caller.
static inline void mt_reply_set_timer(mt_reply_ref_t ref, uint64_t timer) {
    // relaxed: for itself.
    mt_a64_store_rlx(&((mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref))->timer, timer);
}
// The same, any thread. False: it was answered meanwhile, and who armed the timer cancels it.
bool mt_reply_note_timer(mt_reply_ref_t ref, uint64_t timer);
// The timer to cancel, 0: none is known. Caller, after DONE.
static inline uint64_t mt_reply_timer(mt_reply_ref_t ref) {
    const mt_reply_t *reply = (const mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    // relaxed: behind the caller's acquire of DONE, which the claimer stored after the note.
    return mt_a64_load_rlx(&reply->timer);
}

// Gives the slot back, its value moved out or destroyed. Caller, after DONE.
static inline void mt_reply_free(mt_thread_t *thread, mt_reply_ref_t ref) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    uint64_t generation = (ref >> 32) + 1;
    // A generation that would wrap retires the slot for ever: one slot of memory per 4 * 10^9 calls through it.
    if (MT_UNLIKELY(generation > UINT32_MAX)) return;
    // release: late completers that still read the slot see the old words or the new generation.
    mt_a64_store_rel(&reply->word, generation << 32 | MT_REPLY_FREE);
    mt_region_give(&mt_replies, &thread->replies, (uint32_t)ref);
}

// Marks an unanswered call whose handler returned. Owner of the callee.
void mt_reply_mark_deferred(mt_reply_ref_t ref);
// Where the value lies. The claimer before finish, the caller after DONE.
static inline void *mt_reply_value(mt_reply_ref_t ref) {
    return ((mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref))->value;
}

// Whether it is still unanswered at this generation. Any thread; a hint unless the caller asks.
static inline bool mt_reply_is_armed(mt_reply_ref_t ref) {
    const mt_reply_t *reply = mt_reply_of(ref);
    // acquire: pairs with the release in arm: callee and deadline of that generation.
    uint64_t word = reply ? mt_a64_load_acq(&reply->word) : 0;
    return !((word ^ ref) >> 32) && (word & MT_REPLY_PHASE) == MT_REPLY_ARMED;
}

// Whom the slot's call asks.
static inline mt_pid_t mt_reply_callee(const mt_reply_t *reply) { return mt_a64_load_rlx(&reply->callee); }
// When the caller gives up, of a slot that is the caller's.
static inline uint64_t mt_reply_own_deadline(const mt_reply_t *reply) { return mt_a64_load_rlx(&reply->deadline); }
// The process that asked, 0: none. Of an unanswered call; else what the slot says now.
static inline mt_pid_t mt_reply_caller(mt_reply_ref_t ref) {
    return mt_reply_is_armed(ref) ? mt_a64_load_rlx(&mt_reply_of(ref)->caller) : 0;
}
// The instant the caller gives up, MT_FOREVER: never, 0: it has or was answered.
static inline uint64_t mt_reply_deadline(mt_reply_ref_t ref) {
    return mt_reply_is_armed(ref) ? mt_a64_load_rlx(&mt_reply_of(ref)->deadline) : 0;
}

#endif
