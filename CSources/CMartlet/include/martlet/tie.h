// SPDX-License-Identifier: Apache-2.0
// Ties: links and monitors between processes. Who is tied to whom; what a signal does to a process is process.h.
//
//      process A                                  process B
//      links ------> [ end 0 |  tie  | end 1 ] <------ links          a link is in both lists
//      watching ---> [ end 0 |  tie  | end 1 ] <------ watched_by     a monitor of A on B
//
// Contract. A tie takes effect at once, with no message to the other side, so that a busy peer delays nobody and link
// plus unlink wake nobody. What it needs to speak when a process ends is set aside when it is made: death never
// allocates. When B ends, each of its ties fires once: a monitor as a DOWN message; a link as a message to a process
// that traps exits, else as an exit signal. A message carries its tie, and is dropped when A gave the tie up before it
// came to read it: unlink and demonitor are final, also for what is already in the mailbox.
//
//      word    generation:32 | LIVE --B ended--> FIRED --A read it--> free, generation + 1
//                                |-------------- A gave it up ------------^
//
// Locks. A tie is changed under the locks of both its processes, a fired one under A's; a process has the lock of its
// slot index, one of MT_TIE_LOCKS. Two are taken in order of address, and nothing but nodes and retries is touched
// under them: no user code, no scheduler. An exit signal is decided under the receiver's lock, with trapping and
// unlinking: one of them is first. Why locks and not messages, as OTP has: Documentation/adr/0016-ties.md.
//
// Who may run together: everything with everything. Blocks only for the few steps of another holder.
#ifndef MARTLET_TIE_H
#define MARTLET_TIE_H

#include "slot.h"
#include "status.h"
#include "thread.h"

typedef uint64_t mt_tie_ref_t; // {generation:32 | index:32}, 0 is none

#define MT_TIE_LIVE UINT64_C(1)    // in the lists of both; neither flag: in none
#define MT_TIE_FIRED UINT64_C(2)   // in the list of the process that lives
#define MT_TIE_MONITOR UINT64_C(4) // else a link

// An end's handle: index of the tie times two, plus which end; 0 is none.
typedef struct mt_tie_end {
    mt_a64_t pid;            // whose; constant while the generation lasts
    uint32_t next, previous; // handles in the list of that process; guarded by its lock
    mt_node_t *news;         // set aside for what this process will be told; NULL: never, or sent
} mt_tie_end_t;

typedef struct mt_tie {
    mt_a64_t word;
    uint64_t free_link;   // region.h's free list
    mt_tie_end_t ends[2]; // of a monitor: 0 watches, 1 is watched
} mt_tie_t;
_Static_assert(sizeof(mt_tie_t) == 64, "one cache line");

// The payload of EXIT and DOWN messages.
typedef struct mt_news {
    void *reason;     // retained
    mt_tie_ref_t tie; // 0: a signal without a link
    mt_pid_t from;    // who ended, or sent the signal; 0: nobody's code
} mt_news_t;

#define MT_TIES_MAX (1u << 25)

// Links two processes; at most one link a pair. A peer that has ended is an exit signal `noproc` at once. MT_OK, also
// when `self` is `peer`; MT_NO_PROCESS: `self` has ended; MT_NO_MEMORY. Any thread.
mt_status_t mt_tie_link(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer);
// Gives the link up, and what it has already said. Any thread. A process that the peer's end is already ending has no
// effect any more.
void mt_tie_unlink(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer);
// Watches a process from another: one DOWN when it ends, at once when it has. MT_OK or MT_NO_MEMORY; MT_NO_PROCESS:
// `self` has ended. Any thread.
mt_status_t mt_tie_monitor(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer, mt_tie_ref_t *ref);
// Gives a monitor up, and its DOWN. False: it had fired, or is unknown. Any thread.
bool mt_tie_demonitor(mt_thread_t *thread, mt_tie_ref_t ref);

// The owner of `pid` hands out a message of a tie. False: it was given up, drop the message. Any thread.
bool mt_tie_read(mt_thread_t *thread, mt_pid_t pid, mt_tie_ref_t ref);
// Whether mt_tie_read would be true. Any thread.
bool mt_tie_is_unread(mt_pid_t pid, mt_tie_ref_t ref);

// Which list mt_tie_peers reads.
typedef enum __attribute__((enum_extensibility(closed))) mt_tie_list {
    MT_TIE_LINKS MT_SWIFT("links"),
    MT_TIE_WATCHING MT_SWIFT("watching"),
    MT_TIE_WATCHED_BY MT_SWIFT("watchedBy"),
} mt_tie_list_t;
// The peers of a process, at most `capacity` of them, newest first; how many were written. Ties that have fired are not
// among them. Any thread.
uint32_t mt_tie_peers(mt_pid_t pid, mt_tie_list_t list, mt_pid_t *out, uint32_t capacity);

// --- For process.c, slice.c and exit.c -----------------------------------------------------------------------------

// A tie with what it will need; 0: out of memory.
uint32_t mt__tie_make(mt_thread_t *thread, bool is_monitor);
void mt__tie_discard(mt_thread_t *thread, uint32_t index);
mt_tie_ref_t mt__tie_ref(uint32_t index);
// Ties a new process to its starter by a made tie. False: the starter has ended, discard the tie. Under both locks,
// with the first message of the process: no tie may speak before that is in the mailbox.
bool mt__tie_join_new(uint32_t index, mt_pid_t starter, mt_pid_t pid);
// A process has ended, DYING is set: all its ties fire or end. The owner; no lock held.
void mt__ties_fire(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, void *reason);
void mt__tie_lock(mt_pid_t pid);
void mt__tie_unlock(mt_pid_t pid);
void mt__tie_lock_both(mt_pid_t a, mt_pid_t b);
void mt__tie_unlock_both(mt_pid_t a, mt_pid_t b);

// Asserts that an idle slot without an incarnation has no ties. Nothing else may touch the slot.
void mt_tie_check(const mt_slot_t *slot);

#endif
