// SPDX-License-Identifier: Apache-2.0
// The lists of ties, and the state of one: what tie.c and tie_fire.c do under the locks. Nothing here locks.
#ifndef MARTLET_SRC_TIE_LIST_H
#define MARTLET_SRC_TIE_LIST_H

#include "martlet/tie.h"

#include <pthread.h>

// The lock of a process (tie.c).
pthread_mutex_t *mt__tie_lock_of(mt_pid_t pid);

static inline mt_tie_t *mt__tie_at(uint32_t index) { return (mt_tie_t *)mt_region_at(&mt_ties, index); }
static inline mt_tie_end_t *mt__tie_end(uint32_t handle) { return &mt__tie_at(handle >> 1)->ends[handle & 1]; }
static inline mt_tie_end_t *mt__tie_other(uint32_t handle) { return mt__tie_end(handle ^ 1); }
// relaxed: constant while the tie's generation lasts, which the locks or the word vouch for.
static inline mt_pid_t mt__tie_pid(mt_tie_end_t *end) { return mt_a64_load_rlx(&end->pid); }
// relaxed: under a lock that guards the tie.
static inline uint64_t mt__tie_word(uint32_t handle) { return mt_a64_load_rlx(&mt__tie_at(handle >> 1)->word); }

static inline void mt__tie_set(uint32_t handle, uint64_t state) {
    uint64_t word = mt__tie_word(handle) & ~(MT_TIE_LIVE | MT_TIE_FIRED);
    // release: the pids, for who holds the reference; pairs with the acquire in look_up.
    mt_a64_store_rel(&mt__tie_at(handle >> 1)->word, word | state);
}

static inline uint32_t *mt__tie_list(uint32_t handle) {
    mt_slot_t *slot = mt_slot_of(mt__tie_pid(mt__tie_end(handle)));
    if (!(mt__tie_word(handle) & MT_TIE_MONITOR)) return &slot->links;
    return handle & 1 ? &slot->watched_by : &slot->watching;
}

static inline void mt__tie_count(uint32_t handle, uint32_t change) {
    mt_slot_t *slot = mt_slot_of(mt__tie_pid(mt__tie_end(handle)));
    if (!(mt__tie_word(handle) & MT_TIE_MONITOR)) slot->link_count += change;
    else if (handle & 1) slot->watcher_count += change;
}

static inline void mt__tie_insert(uint32_t handle) {
    uint32_t *list = mt__tie_list(handle);
    mt_tie_end_t *end = mt__tie_end(handle);
    end->next = *list;
    end->previous = 0;
    if (*list) mt__tie_end(*list)->previous = handle;
    *list = handle;
    mt__tie_count(handle, 1);
}

static inline void mt__tie_take_out(uint32_t handle) {
    mt_tie_end_t *end = mt__tie_end(handle);
    if (end->previous) mt__tie_end(end->previous)->next = end->next;
    else *mt__tie_list(handle) = end->next;
    if (end->next) mt__tie_end(end->next)->previous = end->previous;
    mt__tie_count(handle, (uint32_t)-1);
}

#endif
