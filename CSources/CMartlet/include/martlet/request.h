// SPDX-License-Identifier: Apache-2.0
// A request whose answer is taken later, by whoever is first; and collections of them, whose answers are taken in the
// order in which they come. Below each lies a reply slot (reply.h), whose caller's side belongs to who holds the
// request.
//
//      FREE --make--> LIVE --hold (CAS)--> LIVE|HELD --end--> FREE, generation + 1
//                      ^------ put back ------'                 TAKEN, FORGOTTEN or neither: how
//
//     its timer   deadline: TIMEOUT --MT_REQUEST_KEEP_NS--> nobody took it: reclaimed
//                 patient: answered, and its process is gone or there was none --MT_REQUEST_KEEP_NS--> reclaimed
//                 its process ends: reclaimed at once
//
// Contract. Handles are {generation:32 | index:32}; copies of one are equal, and the first to hold it has the answer.
// Nothing is freed by handles going away: who abandons a request, its timer, or the end of the process that made it
// does. Progress: lock-free but for the timer's shard.
//
// Collections (mt_gather_t). Each request in one has itself as the waiter of its reply slot, tagged; completing the
// slot puts it on a stack, and wakes who waits. `head` alone says what is the case:
//
//     NULL --arrive (CAS)--> newest request --take (xchg)--> NULL          arrive at WAITING: wakes, at CLOSED:
//     reclaims
//       '---wait (CAS)---> WAITING --arrive or leave---'     any --close (xchg)--> CLOSED
//
// Why it is correct. One word decides between "an answer came" and "I wait": no Dekker pair. From the registration on
// only the arrival parts a request from its slot's completer, so a completer never comes to one that was used again;
// and each registered request keeps the collection's memory. Documentation/design/requests.md.
#ifndef MARTLET_REQUEST_H
#define MARTLET_REQUEST_H

#include "reply.h"
#include "runtime.h"
#include "timer.h"

typedef uint64_t mt_request_ref_t; // 0 is none

// A request that nobody takes is kept for so long after its deadline.
#define MT_REQUEST_KEEP_NS UINT64_C(60000000000)
#define MT_REQUESTS_MAX (1u << 24)

#define MT_REQUEST_LIVE UINT64_C(1)
#define MT_REQUEST_HELD UINT64_C(2)       // somebody takes it, waits for it, or it is in a collection
#define MT_REQUEST_DUE UINT64_C(4)        // its timer has fired; the holder's
#define MT_REQUEST_ORPHAN UINT64_C(8)     // abandoned, or its process has ended: who puts it back reclaims it
#define MT_REQUEST_TAKEN UINT64_C(16)     // with FREE: the one before was taken
#define MT_REQUEST_FORGOTTEN UINT64_C(32) // with FREE: the one before was left beyond its time
#define MT_REQUEST_PATIENT UINT64_C(64)   // kept as long as it is unanswered, or its process lives

typedef struct mt_gather mt_gather_t;

typedef struct mt_request {
    mt_a64_t word;               // generation:32 | flags
    mt_a64_t reply;              // its reply slot; written by the maker
    const mt_payload_ops_t *ops; // plain, holder: how to end a value that nobody takes
    const void *type;            // plain, holder: the layer above's, for its errors
    uint64_t timer;              // plain, holder: 0 if none
    mt_gather_t *gather;         // plain, holder: the collection it is in
    struct mt_request *next;     // plain: link of the arrivals; pusher, then who takes them
    uint64_t free_link;          // region.h's free list
} mt_request_t;
_Static_assert(sizeof(mt_request_t) == 64, "one line");

// How long a request is kept.
typedef enum __attribute__((enum_extensibility(closed))) mt_keep {
    MT_KEEP_DEADLINE MT_SWIFT("deadline"), // the slot's and MT_REQUEST_KEEP_NS; without one until it is taken
    MT_KEEP_PATIENT MT_SWIFT("patient"),   // without a deadline; see MT_REQUEST_PATIENT
} mt_keep_t;

// A request around an armed reply slot, which belongs to it from now on. 0: no memory, or the calling process was
// killed; the slot is the caller's still. Any thread.
mt_request_ref_t mt_request_make(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t reply,
                                 const mt_payload_ops_t *ops, const void *type, mt_keep_t keep);

typedef enum __attribute__((enum_extensibility(closed))) mt_hold {
    MT_HOLD_YOURS MT_SWIFT("yours"),
    MT_HOLD_OTHERS MT_SWIFT("others"),       // held by somebody else
    MT_HOLD_TAKEN MT_SWIFT("taken"),         // it is over, and was taken
    MT_HOLD_FORGOTTEN MT_SWIFT("forgotten"), // it is over: left beyond its time
    MT_HOLD_OVER MT_SWIFT("over"),           // it is over: abandoned, or how cannot be told any more
} mt_hold_t;
// The right to take it: `yours` until mt_request_put_back or mt_request_end. Any thread.
mt_hold_t mt_request_hold(mt_request_ref_t ref);
// Whether somebody holds it. A hint. Any thread.
bool mt_request_is_held(mt_request_ref_t ref);
// Not taken after all. The holder.
void mt_request_put_back(mt_request_ref_t ref);
// Its answer was taken and its reply slot freed. The holder.
void mt_request_end(mt_thread_t *thread, mt_request_ref_t ref);
// The same where the holder waited in vain: later takers hear `forgotten`.
void mt_request_end_forgotten(mt_thread_t *thread, mt_request_ref_t ref);
// The process that made it; 0: none, or the request is over. Any thread.
mt_pid_t mt_request_owner(mt_request_ref_t ref);
// Gives up what the caller holds. Runs user code (the value's end).
void mt_request_drop(mt_request_ref_t ref);
// Gives it up: its slot is cancelled, a value that is there destroyed. If somebody waits for it, that one is told. Any
// thread; runs user code (the value's end).
void mt_request_abandon(mt_request_ref_t ref);

static inline mt_request_t *mt_request_of(mt_request_ref_t ref) {
    return (mt_request_t *)mt_region_at(&mt_requests, (uint32_t)ref);
}
// Its reply slot. The holder.
static inline mt_reply_ref_t mt_request_reply(mt_request_ref_t ref) {
    return mt_a64_load_rlx(&mt_request_of(ref)->reply);
}
static inline const void *mt_request_type(mt_request_ref_t ref) { return mt_request_of(ref)->type; }

// --- Collections

// NULL: no memory.
mt_gather_t *mt_gather_make(void);
// Adds a request that the caller holds for the collection. One thread at a time, for all that follow.
void mt_gather_add(mt_gather_t *gather, mt_request_ref_t ref);
// Those that have been answered since, as a list over mt_request_next, the newest first; 0: none.
mt_request_ref_t mt_gather_take(mt_gather_t *gather);
static inline mt_request_ref_t mt_request_ref(const mt_request_t *request) {
    return request ? mt_reply_word(mt_a64_load_rlx(&request->word), mt_region_index(&mt_requests, request)) : 0;
}
static inline mt_request_ref_t mt_request_next(mt_request_ref_t ref) {
    return mt_request_ref(mt_request_of(ref)->next);
}
// Completes the armed slot with GRANTED at the next arrival. False: something has arrived: do not wait.
bool mt_gather_wait(mt_gather_t *gather, mt_reply_ref_t waiter);
// After the slot is done, whatever did it.
void mt_gather_leave(mt_gather_t *gather);
// Ends the collection; what arrives from now on is reclaimed by who answers. The caller then cancels the reply slots of
// those that are in it. Runs user code.
void mt_gather_close(mt_gather_t *gather);
// A slot's waiter that is a request. What resumes tasks calls it. Any thread, no lock held.
static inline bool mt_waiter_is_request(const void *waiter) { return ((uintptr_t)waiter & 1u) != 0; }
void mt_request_arrive(void *waiter);

#endif
