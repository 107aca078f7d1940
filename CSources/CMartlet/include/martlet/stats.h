// SPDX-License-Identifier: Apache-2.0
// Conservation counters: sent = handled + refused + discarded when nothing moves. One block for each thread and
// runtime, written by that thread alone, summed by whoever asks.
#ifndef MARTLET_STATS_H
#define MARTLET_STATS_H

#include "runtime.h"
#include "status.h"

// Why a message was not delivered; counts dead letters.
typedef enum __attribute__((enum_extensibility(closed))) mt_dead_cause {
    MT_DEAD_NO_PROCESS MT_SWIFT("noProcess"),
    MT_DEAD_FULL MT_SWIFT("full"),
    MT_DEAD_RECEIVER_ENDED MT_SWIFT("receiverEnded"),
    MT_DEAD_EXPIRED MT_SWIFT("expired"),
    MT_DEAD_LATE_REPLY MT_SWIFT("lateReply"),
} mt_dead_cause_t;
#define MT_DEAD_CAUSES 5

typedef struct mt_stats {
    mt_a64_t sent;      // messages accepted by a mailbox or refused
    mt_a64_t handled;   // given to a handler or returned by receive
    mt_a64_t refused;   // no process, or full
    mt_a64_t discarded; // accepted and then dropped
    mt_a64_t spawns;
    mt_a64_t exits;
    mt_a64_t steals;
    mt_a64_t parks;
    mt_a64_t dead[MT_DEAD_CAUSES];
    mt_runtime_t *runtime;
    mt_thread_t *thread;
    struct mt_stats *next; // in the runtime's list; guarded by its lock
} mt_stats_t;

mt_stats_t *mt__stats_slow(mt_thread_t *thread, mt_runtime_t *runtime);
// Makes the block of a thread that is still to be started. False: out of memory. Any thread.
bool mt__stats_reserve(mt_thread_t *thread, mt_runtime_t *runtime);
// Frees the blocks of a runtime that did not start: no thread has used one.
void mt__stats_free(mt_runtime_t *runtime);

// Bytes of nodes, slots, reply slots and timers that are in use or kept for the next use. Any thread; blocks briefly.
uint64_t mt_memory_resident_bytes(void);

// Bytes that malloc has given out and not got back, of all its arenas: what a leak raises, and fragmentation does not.
// Any thread; takes the lock of each arena.
uint64_t mt_memory_heap_bytes(void);

// The calling thread's block for that runtime; never NULL. Out of memory a thread has one block in reserve, for one
// runtime; after that it shares a block with others in its plight, which may lose counts.
static inline mt_stats_t *mt_stats(mt_thread_t *thread, mt_runtime_t *runtime) {
    if (MT_LIKELY(thread->stats_runtime == (void *)runtime)) return (mt_stats_t *)thread->stats;
    return mt__stats_slow(thread, runtime);
}

#endif
