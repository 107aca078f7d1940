// SPDX-License-Identifier: Apache-2.0
// The system lane: commands about a process, such as its state or its suspension, that wait behind no message (OTP sys,
// R21). What a command does is the engine's; here is how it gets there, and where a suspended process keeps what comes.
//
//      sender:    push on `system`; life gets SYSTEM (an RMW, always); poke
//      owner:     life loses SYSTEM; takes the whole stack          at most one message is handled in between
//
// Why no command is lost. The sender's RMW of life follows its push, the owner's precedes its take. If the sender's
// comes first, the owner's acquires it and the take finds the push; if it comes second, it sets SYSTEM anew, and poke
// makes the owner look.
//
// At the end. What the owner finds there are dead letters. The slot may have a successor by then, whose commands stay;
// one that comes late to the process before is ended by the successor's owner, and its caller is told by who sent it.
//
// Suspended. The owner goes on popping, so that stops, watches and signals work as ever, and sets user messages aside,
// in order and with their credits; resumed, it takes from there first. While anything is aside, life says ASIDE: every
// message goes the long way, and nobody runs the process in place. A suspended process is idle as any other.
#ifndef MARTLET_SYSTEM_H
#define MARTLET_SYSTEM_H

#include "slice.h"

// What few processes need; the owner's. Made by the first command, freed at the exit.
typedef struct mt_aside {
    mt_node_t *commands;     // taken off the stack and not handled yet, oldest first
    mt_node_t *first, *last; // user messages set aside
    mt_node_t *current;      // the one that is being handled
    uint32_t count;          // set aside
    bool is_suspended;
    bool is_watched; // the engine looks at every message: none may be handled in place
} mt_aside_t;

// Sends a command: ops, payload and `reply` complete. MT_NO_PROCESS: the node is the caller's. Else its reply slot
// hears from the engine, or of the end. Any thread, lock-free.
mt_status_t mt_process_send_command(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node);

// The next command; NULL: no more. Move its payload out and free the node. Owner, in BUSY.
mt_node_t *mt_slice_next_command(mt_slice_t *slice);

// From now on user messages are set aside, or no more. Idempotent. False: out of memory. Owner, in BUSY.
bool mt_slice_suspend(mt_slice_t *slice, bool is_suspended);
// From now on no call is handled in place, or may be again. False: out of memory. Owner, in BUSY.
bool mt_slice_watch(mt_slice_t *slice, bool is_watched);
// The process goes on as one of another class, whose state the engine has put in place. Hand it over afterwards: this
// slice is of the old one. Owner, in BUSY.
void mt_slice_become(mt_slice_t *slice, const mt_class_t *klass);
static inline bool mt_slot_is_suspended(const mt_slot_t *slot) { return slot->aside && slot->aside->is_suspended; }

// --- For slice.c and exit.c ------------------------------------------------------------------------------------------

// Whether commands were taken off the stack and not handled: an engine left in between. Owner.
static inline bool mt__aside_has_commands(const mt_slot_t *slot) { return slot->flags & MT_SLOT_COMMANDED; }
// Whether messages wait aside that are to be handled now. Owner.
static inline bool mt__aside_has_more(const mt_slot_t *slot) {
    return MT_UNLIKELY(slot->aside != NULL) && !slot->aside->is_suspended && slot->aside->first;
}
// The oldest of them; NULL: take from the mailbox. Owner.
mt_node_t *mt__aside_take(mt_slice_t *slice);
// Sets a message aside if the process is suspended and does not need it now, or if older ones wait there. The node is
// done then. Owner.
bool mt__aside_put(mt_slice_t *slice, mt_node_t *node);
// The end: all of it is dead letters, but for commands to the slot's next incarnation, which may have begun. Owner.
void mt__aside_end(mt_thread_t *thread, mt_slot_t *slot, mt_dead_cause_t cause);

#endif
