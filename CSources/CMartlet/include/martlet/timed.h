// SPDX-License-Identifier: Apache-2.0
// Timers that send: a message after a delay, and the idle timeout of a process. The wheel itself is timer.h.
#ifndef MARTLET_TIMED_H
#define MARTLET_TIMED_H

#include "slice.h"
#include "timer.h"

// Sends `node` (kind, ops and payload complete) to pid after delay_ns, rounded up. The timer belongs to the process
// whose handler runs on this thread, else to the runtime. MT_OK: the node is the timer's. Else it is the caller's:
// MT_NO_PROCESS (the calling process was killed), MT_NO_MEMORY, MT_SYSTEM_LIMIT, MT_SHUT_DOWN. A message that meets a
// dead process or a full mailbox is refused and counted then. Any thread.
mt_status_t mt_timed_send(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, mt_pid_t pid, mt_node_t *node,
                          uint64_t *ref);

// The same for what a process owes itself, such as a timeout of its state: a full mailbox takes it, and it is never
// displaced. One that meets a dead process is dropped, as its timer would have been. Any thread.
mt_status_t mt_timed_owe(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, mt_pid_t pid, mt_node_t *node,
                         uint64_t *ref);

// Calls fire(payload, now) of `ops` after delay_ns and then, if period_ns is not 0, again. Same owner and results.
mt_status_t mt_timed_call(mt_thread_t *thread, mt_runtime_t *runtime, uint64_t delay_ns, uint64_t period_ns,
                          mt_timer_policy_t policy, const mt_timer_ops_t *ops, void *payload, uint64_t *ref);

// Arms the idle timeout of the slice's process: a TIMEOUT message at when_ns whose `reply` is slot->idle_arming. One at
// a time; an armed one that is due earlier stays, one due later is replaced. MT_NO_MEMORY and the like: none is armed.
// Owner, in BUSY.
mt_status_t mt_slice_arm_idle(mt_slice_t *slice, uint64_t when_ns);
// Forgets it: a TIMEOUT that is on its way is stale from now on. Owner.
void mt_slice_disarm_idle(mt_slice_t *slice);

#endif
