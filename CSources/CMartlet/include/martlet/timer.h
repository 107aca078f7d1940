// SPDX-License-Identifier: Apache-2.0
// Timers: fire a callback at an instant, once or repeatedly, unless it is cancelled first. Not a clock (callers pass
// `now`), not a thread (somebody calls mt_timers_expire), not a queue (fire pushes where it wants).
//
// Overview. A runtime has one mt_timers_t: a power of two of shards, each a mutex, a hierarchical wheel (src/wheel.h)
// and a word `due` that says when it next has work. All timers of one owner lie in one shard. A timer is an item of
// 64 bytes in mt_timer_items, type-stable, so that a reference may be looked at for ever.
//
//     TimerRef  63            32 31             0      never 0; stale and forged ones are refused
//               | generation    | item index    |
//
// Contract.
//   - Never early: a timer fires at the first tick at or after its instant; the tick is rounded up, the clock down.
//   - A one-shot timer ends exactly one way: fired, cancelled (mt_timers_cancel said true) or dropped.
//   - Callbacks run with no lock held, on the thread that called expire, cancel, cancel_owner or destroy.
//   - A timer whose instant has passed when it is armed fires at the next expire.
// Documentation/design/timers.md has the protocol, Documentation/adr/0005-timers.md the rejected alternatives.
#ifndef MARTLET_TIMER_H
#define MARTLET_TIMER_H

#include "atomic.h"
#include "env.h"
#include "status.h"

#define MT_TIMER_ITEM_SIZE 64         // bytes of an item of mt_timer_items
#define MT_TIMER_ITEM_LINK 16         // where the region keeps its free link (8 bytes)
#define MT_TIMER_ITEMS_MAX (1u << 26) // address space is reserved for so many; a repeated timer takes two
#define MT_TIMER_TICK_NS 1000000u     // the default tick: 1 ms
#define MT_TIMER_BATCH 128            // timers taken out of a shard in one hold of its mutex
#define MT_TIMER_SHARDS_MAX 32768     // shards of all runtimes together, 4,096 runtimes of two workers; never freed

typedef struct mt_timers mt_timers_t;
typedef struct mt_timer_ops mt_timer_ops_t;

// What a callback is given: a copy, valid during the callback.
typedef struct mt_timer_event {
    const mt_timer_ops_t *ops;
    void *payload;
    uint64_t target;  // as armed
    uint64_t ref;     // the timer's TimerRef; of a one-shot timer already stale
    uint64_t when_ns; // the instant it was due
} mt_timer_event_t;

// How a kind of timer ends. One constant per kind; never freed.
struct mt_timer_ops {
    // The timer is due; now_ns is what expire was given. A one-shot timer's payload is consumed and the result ignored.
    // A repeated timer's payload stays with the timer; the result is the instant from which a fixed delay is counted
    // (now_ns, if in doubt), or MT_TIMER_END to end the timer: drop follows.
    uint64_t (*fire)(mt_timer_event_t *event, uint64_t now_ns);
    // The timer ends without firing (again): ends the payload.
    void (*drop)(mt_timer_event_t *event);
};
#define MT_TIMER_END 0

// How a repeated timer keeps time.
typedef enum __attribute__((enum_extensibility(closed))) mt_timer_policy {
    MT_TIMER_FIXED_RATE MT_SWIFT(
        "fixedRate"), // next = first multiple of the period after now, from the first instant; missed ones merge
    MT_TIMER_FIXED_DELAY MT_SWIFT("fixedDelay"), // next = period after the instant that fire returned
} mt_timer_policy_t;

typedef struct mt_timer_spec {
    const mt_timer_ops_t *ops;
    void *payload;      // the caller's until arm returned MT_OK, then the timer's
    uint64_t target;    // opaque: a pid, a reply slot
    uint64_t owner;     // a pid: its low half (slot index) chooses the shard; 0: the target does
    uint64_t when_ns;   // the (first) instant, absolute; MT_FOREVER never comes
    uint64_t period_ns; // 0: once
    mt_timer_policy_t policy;
} mt_timer_spec_t;

typedef struct mt_timer_stats {
    uint64_t live;        // armed or being fired; exact when quiescent
    uint64_t armed;       // calls of arm that succeeded
    uint64_t fired;       // calls of fire
    uint64_t cancelled;   // ended by mt_timers_cancel
    uint64_t dropped;     // ended by the owner's death, by destroy or by MT_TIMER_END
    uint64_t lateness_ns; // worst (now - when) of an expiry so far
} mt_timer_stats_t;

// Creates the timers of a runtime. `shards` is rounded up to a power of two, tick_ns is at least 1. *env is copied; its
// context outlives the runtime. wake(context) runs with no lock held when a timer was armed that is due before the
// instant the driver sleeps until. MT_INVALID, MT_NO_MEMORY, MT_SYSTEM_LIMIT: *out is untouched. Any thread; blocks.
mt_status_t mt_timers_create(const mt_env_t *env, uint32_t shards, uint64_t tick_ns, void (*wake)(void *context),
                             void *context, mt_timers_t **out);
// Makes expire take out one timer in a hold, and lets `below(context, n)`, a number below n, say which of those that
// are due in one tick; timers of one owner, or to one target without one, keep the order of their arming. Before the
// first arm.
void mt_timers_set_choice(mt_timers_t *timers, uint32_t (*below)(void *context, uint32_t n), void *context);
// Drops every timer left and ends *timers. Who arms beside or after it hears MT_SHUT_DOWN; by reference (cancel,
// remaining) nothing is found. No other call on it may run or follow. Owner heads must still be readable. Blocks.
void mt_timers_destroy(mt_timers_t *timers);

// Arms a timer. owner_head is the head of the list of its owner's timers, a word that lives as long as the timers and
// is guarded by the shard's mutex: 0 at first, touched by nobody else; all timers of one head have the same owner word.
// NULL: the runtime owns it. *ref_out is written before the timer can fire. MT_SYSTEM_LIMIT, MT_NO_MEMORY,
// MT_SHUT_DOWN: nothing has changed, the payload is the caller's. Any thread; holds the shard's mutex for O(1). A
// repeated timer takes two items.
mt_status_t mt_timers_arm(mt_timers_t *timers, const mt_timer_spec_t *spec, uint32_t *owner_head, uint64_t *ref_out);

// Ends a timer; its payload is dropped on this thread. True: a one-shot timer will not fire, a repeated one will not
// fire again and no fire is under way; *remaining_ns (may be NULL) is what was left, 0 if overdue. False: it had fired,
// was cancelled, or never was; a repeated timer that is firing just now fires no more after this time. Any thread, any
// ref; holds the shard's mutex for O(1).
bool mt_timers_cancel(uint64_t ref, uint64_t *remaining_ns);
// What is left of a timer, 0 if overdue or (repeated) firing just now. False: it fired or was cancelled. Any thread,
// any ref.
bool mt_timers_remaining(uint64_t ref, uint64_t *remaining_ns);

// Drops all timers of an owner, MT_TIMER_BATCH a hold. One-shot timers that expire has taken already still fire: fire
// must tell a dead target by itself. The owner: no arm with this head runs beside it.
void mt_timers_cancel_owner(mt_timers_t *timers, uint64_t owner, uint32_t *owner_head);

// Fires what is due at now_ns, at most max_batches holds of some mutex; shards held by others are skipped. Returns how
// many fired. Whether more is due: mt_timers_next_due. Any thread, several at once.
uint32_t mt_timers_expire(mt_timers_t *timers, uint64_t now_ns, uint32_t max_batches);
// The first instant at which expire has something to do (mostly: fire; else to sort timers into finer slots), or
// MT_FOREVER. No timer fires before it. Any thread; one load a shard.
uint64_t mt_timers_next_due(const mt_timers_t *timers);

// The driver is the one thread that sleeps until the next due instant. enter publishes that instant and returns it:
// from then on an arm due before it calls wake. leave takes it back. One driver at a time.
uint64_t mt_timers_driver_enter(mt_timers_t *timers);
void mt_timers_driver_leave(mt_timers_t *timers);

// Counters since creation, summed over the shards. Any thread.
mt_timer_stats_t mt_timers_stats(const mt_timers_t *timers);
// Walks every timer under the locks, stops the program at a broken link, bitmap, list or count; returns the number of
// live timers. Any thread; for tests.
uint64_t mt_timers_check(mt_timers_t *timers);

// now + delay, or MT_FOREVER if that cannot be said in 64 bits.
static inline uint64_t mt_instant_after(uint64_t now_ns, uint64_t delay_ns) {
    return delay_ns > MT_FOREVER - now_ns ? MT_FOREVER : now_ns + delay_ns;
}

#endif
