// SPDX-License-Identifier: Apache-2.0
// The asymmetric barrier: a Dekker pair whose one side is hot and whose other side is rare. The hot side stores and
// loads without a read-modify-write; the rare side makes every thread of the OS process pass a full barrier
// (membarrier(2), expedited: some microseconds).
//
//   hot                                rare
//     store X  (mt_barrier_store)        store Y (sc)
//     load  Y  (sc)                      mt_barrier_heavy()
//                                        load  X (sc)           at least one of the two sees the other
//
// Why it is correct. The rare side's barrier acts at one point of every other thread's program. When that point is
// before the hot load, the load sees Y. When it is after the load, it is after the store too, and the rare load sees
// X or what was stored over it later. Where the kernel refuses the system call, mt_barrier_store is an exchange and the
// pair an ordinary Dekker pair of sequentially consistent operations; nothing else changes.
//
// Not a fence: on its own neither side orders anything.
#ifndef MARTLET_BARRIER_H
#define MARTLET_BARRIER_H

#include "atomic.h"
#include "status.h"

// Whether the kernel does the hot side's work. Written by mt_barrier_init before the first process is spawned.
extern bool mt_barrier_is_asymmetric;

// Asks the kernel, once for the OS process. Any thread; blocks briefly.
void mt_barrier_init(void);

// The rare side, between its store and its load. Any thread; some microseconds, blocks for no one.
void mt_barrier_heavy(void);

// The hot side's store of X. Load Y next, with an sc load. One writer at a time, wait-free.
static inline void mt_barrier_store(mt_a64_t *word, uint64_t value) {
    if (MT_UNLIKELY(!mt_barrier_is_asymmetric)) {
        // sc: the exchange is the whole barrier here.
        mt_a64_xchg_sc(word, value);
        return;
    }
    // release: what the hot side did before, for whom reads X.
    mt_a64_store_rel(word, value);
    // Nothing moves across in the compiled code; the rest is mt_barrier_heavy's.
    __asm__ volatile("" ::: "memory");
}

#endif
