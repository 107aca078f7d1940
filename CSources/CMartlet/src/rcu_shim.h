// SPDX-License-Identifier: Apache-2.0
// All that the core uses of liburcu: read sections of the flavour urcu-bp and the hash table cds_lfht. Included by
// intern.c alone (`make lint` checks); adr/0003 says why this flavour, and why only the library's public functions:
// without _LGPL_SOURCE nothing of its code is compiled into ours.
//
// The library is not instrumented, and Debian's 0.13 has no annotations, so ThreadSanitizer sees neither a read section
// nor the publication of a node. MT__RCU_PUBLISH and MT__RCU_ACQUIRE tell it of the one order we rely on, address by
// address: what was written to a node before it was added is seen by whoever finds that node. Nothing else is hidden.
#ifndef MARTLET_RCU_SHIM_H
#define MARTLET_RCU_SHIM_H

#ifdef _LGPL_SOURCE
#error "liburcu is used through its public functions only: adr/0003"
#endif

#include "martlet/status.h"

#include <urcu/rculfhash.h>
#include <urcu/urcu-bp.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MT__TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define MT__TSAN 1
#endif

#ifdef MT__TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define MT__RCU_ACQUIRE(address) __tsan_acquire(address)
#define MT__RCU_PUBLISH(address) __tsan_release(address)
#else
#define MT__RCU_ACQUIRE(address) ((void)(address))
#define MT__RCU_PUBLISH(address) ((void)(address))
#endif

// Read sections the calling thread is in: 0 or 1, since sections do not nest. Kept in checked builds only.
#ifdef MT_CHECKED
static _Thread_local uint32_t mt__rcu_depth;
#define MT__RCU_ENTER() MT_ASSERT(mt__rcu_depth++ == 0)
#define MT__RCU_LEAVE() MT_ASSERT(--mt__rcu_depth == 0)
#define MT__RCU_DEPTH() mt__rcu_depth
#else
#define MT__RCU_ENTER() ((void)0)
#define MT__RCU_LEAVE() ((void)0)
#define MT__RCU_DEPTH() 0
#endif

// Begins a read section. Short, no allocation, no call out of the core. Any thread; the first of a thread registers it.
static inline void mt__rcu_read_lock(void) {
    MT__RCU_ENTER();
    urcu_bp_read_lock();
}

// Ends it.
static inline void mt__rcu_read_unlock(void) {
    urcu_bp_read_unlock();
    MT__RCU_LEAVE();
}

#endif
