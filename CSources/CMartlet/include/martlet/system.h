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
// Suspended. The owner goes on looking at its queue, so that stops, watches and signals work as ever, and sets all else
// aside, in order and with its credits: the nodes themselves, cut out of the queue (mailbox.h), so that nothing is lost
// for want of memory. Resumed, it takes from there first, and from the queue when that is empty. While anything is
// aside, life says ASIDE: every message goes the long way, and nobody runs the process in place. A suspended process is
// idle as any other.
#ifndef MARTLET_SYSTEM_H
#define MARTLET_SYSTEM_H

#include "slice.h"

// What few processes need; the owner's. Made by the first command, freed at the exit.
typedef struct mt_aside {
    mt_node_t *commands;     // taken off the stack and not handled yet, oldest first
    mt_node_t *first, *last; // messages set aside
    mt_node_t *current;      // the one that is being handled
    uint32_t count;          // of those set aside
    bool is_suspended;
    bool is_watched; // the engine looks at every message: none may be handled in place
} mt_aside_t;

// Sends a command: ops, payload and `reply` complete. MT_NO_PROCESS: the node is the caller's. Else its reply slot
// hears from the engine, or of the end. Any thread, lock-free.
mt_status_t mt_process_send_command(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node);

// The next command; NULL: no more. Those that nobody waits for any more are skipped. Move its payload out and free the
// node. Owner, in BUSY.
mt_node_t *mt_slice_next_command(mt_slice_t *slice);

// From now on messages are set aside, or no more. Idempotent. False: out of memory. Owner, in BUSY.
bool mt_slice_suspend(mt_slice_t *slice, bool is_suspended);
// From now on no call is handled in place, or may be again. False: out of memory. Owner, in BUSY.
bool mt_slice_watch(mt_slice_t *slice, bool is_watched);
// The process goes on as one of another class, whose state the engine has put in place; commands that wait are for that
// one, before any message. Hand it over afterwards: this slice is of the old one. Owner, in BUSY.
void mt_slice_become(mt_slice_t *slice, const mt_class_t *klass);
static inline bool mt_slot_is_suspended(const mt_slot_t *slot) { return slot->aside && slot->aside->is_suspended; }
// The same of the slice's process, without a look at the slot for most. Owner.
static inline bool mt_slice_is_suspended(const mt_slice_t *slice) {
    return MT_UNLIKELY(slice->is_slow) && mt_slot_is_suspended(slice->slot);
}

// --- For slice.c and exit.c ------------------------------------------------------------------------------------------

// Whether messages wait aside that are to be handled now. Owner.
static inline bool mt__aside_has_more(const mt_slot_t *slot) {
    return MT_UNLIKELY(slot->aside != NULL) && !slot->aside->is_suspended && slot->aside->first;
}
// The oldest of them, of a process that is not suspended; NULL: take from the mailbox. Owner.
mt_node_t *mt__aside_take(mt_slice_t *slice);
typedef enum mt_aside_result {
    MT_ASIDE_EMPTY,   // no message is linked, or the turn is over
    MT_ASIDE_FOR_NOW, // the next message is not to wait: pop it
    MT_ASIDE_STALLED, // one is to wait whose successor is not linked yet
} mt_aside_result_t;
// Sets aside what comes to a suspended process, up to a message that it needs now. Owner, with the pop lock if there is
// one.
mt_aside_result_t mt__aside_collect(mt_slice_t *slice);
// The end: all of it is dead letters, but for commands to the slot's next incarnation, which may have begun. Owner.
void mt__aside_end(mt_thread_t *thread, mt_slot_t *slot, mt_dead_cause_t cause);

#endif
