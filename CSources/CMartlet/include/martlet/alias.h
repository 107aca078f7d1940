// SPDX-License-Identifier: Apache-2.0
// Aliases: second addresses of a mailbox that can be turned off while it lives on, so that a late reply vanishes
// (erlang:alias/1, R4). An alias looks like a pid. Its slot has no process: `life` says ALIAS, `parent` whose it is,
// and a sender that finds no process there is sent on. So a message through an alias comes straight to the mailbox, in
// order with the others of its sender, and carries the alias's number (mt_node_alias). The number is its owner's, and
// not the index: that of an ended alias serves the next one, while a late message of the old one may still be queued.
//
//      FREE --make--> generation | ALIAS --end--> FREE, generation + 1
#ifndef MARTLET_ALIAS_H
#define MARTLET_ALIAS_H

#include "node.h"
#include "slot.h"
#include "thread.h"

// An alias of a live process; 0: out of memory or slots, or the process has ended. number: not 0, and another one for
// each alias of that process. Whoever made it ends it. Any thread, lock-free.
mt_pid_t mt_alias_make(mt_thread_t *thread, mt_pid_t target, uint32_t number);
// False: it had ended. A message that was sent before stays in the mailbox. Any thread.
bool mt_alias_end(mt_thread_t *thread, mt_pid_t alias);

// The number of the alias that a message came through, 0: none. Owner of the message.
static inline uint32_t mt_node_alias(const mt_node_t *node) { return node->flags & MT_NODE_ALIAS ? node->spare : 0; }

// Whom a pid leads to: itself, or the process of a live alias, whose number is in *number then. *slot is that of the
// result. Any thread.
mt_pid_t mt__alias_resolve(mt_slot_t **slot, mt_pid_t pid, uint32_t *number);

#endif
