// SPDX-License-Identifier: Apache-2.0
// Aliases: second addresses of a mailbox that can be turned off while it lives on, so that a late reply vanishes
// (erlang:alias/1, R4). An alias looks like a pid. Its slot has no process: `life` says ALIAS, `parent` whose it is,
// and a sender that finds no process there is sent on. So a message through an alias comes straight to the mailbox, in
// order with the others of its sender, and says which alias that was (mt_node_alias).
//
//      FREE --make--> generation | ALIAS --end--> FREE, generation + 1
#ifndef MARTLET_ALIAS_H
#define MARTLET_ALIAS_H

#include "node.h"
#include "slot.h"
#include "thread.h"

// An alias of a live process; 0: out of memory or slots, or the process has ended. Whoever made it ends it. Any thread,
// lock-free.
mt_pid_t mt_alias_make(mt_thread_t *thread, mt_pid_t target);
// False: it had ended. A message that was sent before stays in the mailbox. Any thread.
bool mt_alias_end(mt_thread_t *thread, mt_pid_t alias);

// What tells an alias from all others of its mailbox, never 0: its index and the low 14 bits of its generation. With
// the index alone a message through an ended alias, still unread, would pass for one through the next that has its
// slot; to be mistaken so, 16,384 aliases must take that slot in turn with not one message read in between.
static inline uint64_t mt_alias_key(mt_pid_t alias) {
    const uint16_t bits = (uint16_t)(mt_pid_generation(alias) << MT_NODE_ALIAS_SHIFT | MT_NODE_ALIAS);
    return (uint64_t)bits << 32 | mt_pid_index(alias);
}

// The key of the alias that a message came through, 0: none. Owner of the message.
static inline uint64_t mt_node_alias(const mt_node_t *node) {
    if (!(node->flags & MT_NODE_ALIAS)) return 0;
    return (uint64_t)(uint16_t)(node->flags & ~MT_NODE_CREDIT) << 32 | node->spare;
}

// Whom a pid leads to: itself, or the process of a live alias. *slot is that of the result. Any thread.
mt_pid_t mt__alias_resolve(mt_slot_t **slot, mt_pid_t pid);

#endif
