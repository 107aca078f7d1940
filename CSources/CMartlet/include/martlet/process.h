// SPDX-License-Identifier: Apache-2.0
// Birth, messages and death of a process.
//
//      FREE --spawn--> LIVE --exit begins--> DYING --queue empty--> FREE, generation + 1
//
// The mailbox belongs to the slot and is never reset: incarnations follow each other in one queue, each node carries
// its target's generation, and what arrives for another incarnation is a dead letter: its call fails with the exit
// reason, its payload is destroyed by the worker with no lock held. Checked with its mutants:
// Documentation/design/process-lifetime.md.
#ifndef MARTLET_PROCESS_H
#define MARTLET_PROCESS_H

#include "credit.h"
#include "cycle.h"
#include "mailbox.h"
#include "phase.h"
#include "runtime.h"
#include "stats.h"
#include "status.h"
#include "tie.h"

struct mt_slice;

// How a slice of the engine ended.
typedef enum __attribute__((enum_extensibility(closed))) mt_run {
    MT_RUN_LEFT MT_SWIFT("left"), // mt_slice_next said LEAVE, or the process was handed to a task: touch nothing
    MT_RUN_ABANDONED MT_SWIFT("abandoned"), // the process was taken out of a handler: touch nothing
    MT_RUN_EXITED MT_SWIFT("exited"),       // the exit protocol ran: the slot has no incarnation
} mt_run_t;

// What runs the processes of one type. One constant per type; never freed.
typedef struct mt_class {
    // Handles messages until the slice is over. When slice->kind is INIT, the first of this incarnation: its payload is
    // the engine's to move out.
    mt_run_t (*run)(void *context, struct mt_slice *slice);
    void *context;
    const void *type_id; // compared by in-place callers
    bool is_server;      // its engine takes slot->pending
    const char *name;
    // What its messages are called in reports; NULL: not at all. Constants.
    const char *call, *cast, *message;
    uint32_t state_size, message_size; // bytes: of the state, of the largest message
} mt_class_t;

// What runs a live process, NULL if it has ended. A hint. Any thread.
const mt_class_t *mt_pid_class(mt_pid_t pid);

// The payload of an INIT node begins with this; the engine's own bytes follow.
typedef struct mt_init {
    const mt_class_t *klass;
    const mt_name_t *name; // registered before the engine runs; NULL: none
    mt_pid_t parent;       // 0: started outside a process
    uint32_t high_water;   // queued messages of an unbounded mailbox that are reported, 0: none
} mt_init_t;

typedef struct mt_spawn {
    mt_node_t *init;   // kind INIT, payload complete; `reply` is the start's reply slot or 0
    uint32_t capacity; // of the mailbox, unless unbounded
    mt_policy_t policy;
    bool traps_exits;
    mt_pid_t starter;      // whom the new process is tied to, before its first message
    bool links;            // with a link
    mt_tie_ref_t *monitor; // with a monitor, whose reference goes here; NULL: none
    mt_waits_t waits;      // who waits for the start, with a reply slot
    mt_pid_t owner;        // the process whose task runs on this thread, 0: none
} mt_spawn_t;

// Starts a process: its first message is spec->init, then the pid is shown. MT_SHUT_DOWN, MT_SYSTEM_LIMIT,
// MT_NO_MEMORY, MT_INVALID (capacity), MT_NO_PROCESS (the spawning handler was killed): nothing happened, the node is
// the caller's. Any thread.
mt_status_t mt_process_spawn(mt_runtime_t *runtime, mt_thread_t *thread, const mt_spawn_t *spec, mt_pid_t *pid);

// Sends a user message; `kind`, `ops`, `reply` and the payload are complete. MT_OK or MT_DISPLACED: the node is the
// mailbox's. MT_NO_PROCESS or MT_FULL: the node is the caller's still, not counted yet (mt_process_count_refused).
// Never waits. Any thread.
mt_status_t mt_process_send_slow(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, mt_node_t *node);

// Pushes without a look at life or credits, and hands the process to the scheduler if it was idle. Any thread.
static inline void mt_process_push(mt_thread_t *thread, mt_slot_t *slot, uint32_t generation, mt_node_t *node) {
    node->generation = generation;
    node->tick = mt_runtime_tick(mt_runtime_of(slot));
    if (mt_mailbox_push(slot, node)) mt_submit(thread, slot);
}

// As mt_process_send_slow; inline for the common case.
static inline mt_status_t mt_process_send(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (MT_UNLIKELY(!slot)) return MT_NO_PROCESS;
    // acquire: pairs with spawn's release of LIVE: runtime, credits and mailbox of that incarnation.
    uint64_t life = mt_a64_load_acq(&slot->life);
    mt_frame_t *frame = thread->frame;
    // relaxed: see mt_credit_of. A slot that ever had a bound, a dead pid and a handler's send go the long way.
    if (MT_UNLIKELY(((life ^ pid) >> 32) || !(life & MT_LIFE_LIVE) || mt_aptr_load_rlx(&slot->bounded) ||
                    (frame && frame->is_in)))
        return mt_process_send_slow(thread, slot, pid, node);
    mt_runtime_t *runtime = mt_runtime_of(slot);
    node->flags = 0;
    mt_a64_bump(&mt_stats(thread, runtime)->sent, 1);
    mt_process_push(thread, slot, mt_pid_generation(pid), node);
    return MT_OK;
}

// Sends a system message (STOP, SIGNAL, TIMEOUT): no credit, never refused by a bound. MT_OK or MT_NO_PROCESS. Any
// thread.
mt_status_t mt_process_send_system(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node);

// After a grant: pushes a user message whose credit the sender holds. MT_OK or MT_NO_PROCESS.
mt_status_t mt_process_send_granted(mt_thread_t *thread, mt_pid_t pid, mt_node_t *node);

// Ends a process, whatever it does. False: it had ended. Its exit runs on a worker. Any thread; lock-free but for a
// process inside a handler's runtime call, which the monitor thread takes within a millisecond.
bool mt_process_kill(mt_thread_t *thread, mt_pid_t pid);
// An exit signal with a reason object (retained by the core), from a process or from outside (0). A process that traps
// gets it as a message, another ends with it; `normal` is ignored by one that does not trap, unless it is its own
// (R13). False: it had ended, or the signal is ignored. Any thread.
bool mt_process_exit_signal(mt_thread_t *thread, mt_pid_t pid, mt_pid_t from, void *reason);
// Whether exit signals become messages from now on. One that was received before stays so. False: it has ended. Any
// thread.
bool mt_process_set_trap(mt_pid_t pid, bool traps);
bool mt_pid_traps(mt_pid_t pid);
// The monitor thread's retry: true when there is nothing left to do for that kill or exit.
bool mt_process_take(mt_thread_t *thread, mt_pid_t pid);

// Completes `ref` with MT_REPLY_EXITED when the process has ended, names and timers gone; also when its end has begun.
// MT_NO_PROCESS: it was over before. Any thread.
mt_status_t mt_process_watch(mt_thread_t *thread, mt_pid_t pid, mt_reply_ref_t ref);

// Ends a message that nobody will handle: fails its call or stop, destroys its payload, counts it. The node itself is
// not freed. Any thread with no lock held.
void mt_process_dead_letter(mt_thread_t *thread, mt_slot_t *slot, mt_node_t *node, mt_dead_cause_t cause);
// Counts a message refused at the door.
void mt_process_count_refused(mt_thread_t *thread, mt_pid_t pid, const mt_payload_ops_t *ops, mt_dead_cause_t cause);

// Asserts the invariants of an idle slot. Nothing else may touch the slot.
void mt_process_check(mt_slot_t *slot);

#endif
