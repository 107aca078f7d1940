// SPDX-License-Identifier: Apache-2.0
// What is still to be done for a process after its tie lock is open: pushes and wake-ups never happen under it.
#ifndef MARTLET_SRC_EXIT_SIGNAL_H
#define MARTLET_SRC_EXIT_SIGNAL_H

#include "martlet/process.h"
#include "martlet/tie.h"

typedef struct mt__signal {
    mt_slot_t *slot;
    mt_pid_t pid;
    mt_node_t *message; // to push; NULL: an exit record was left, poke
    bool may_take;      // a handler that does not end is taken
    bool is_none;       // nothing to do
} mt__signal_t;

// Makes an exit signal of a node for `news`: a message when the receiver traps, an exit record and MT_LIFE_EXIT when
// not, nothing when it is over or the signal is one that is ignored: the node is the caller's then (is_none). Retains
// the reason if used. Under the receiver's tie lock.
mt__signal_t mt__signal_exit(mt_slot_t *slot, mt_pid_t pid, mt_node_t *node, const mt_news_t *news);
// Makes a DOWN message. Under the receiver's tie lock.
mt__signal_t mt__signal_down(mt_slot_t *slot, mt_pid_t pid, mt_node_t *node, const mt_news_t *news);
// Does what is to be done. No lock held.
void mt__signal_send(mt_thread_t *thread, const mt__signal_t *signal);

#endif
