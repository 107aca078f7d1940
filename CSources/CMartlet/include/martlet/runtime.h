// SPDX-License-Identifier: Apache-2.0
// A runtime: workers, timers, names and counters that processes run on. Several may live in one OS process; slots,
// nodes and reply slots are shared by all (pids are unique over all runtimes).
#ifndef MARTLET_RUNTIME_H
#define MARTLET_RUNTIME_H

#include "env.h"
#include "hooks.h"
#include "names.h"
#include "reply.h"
#include "slot.h"
#include "thread.h"
#include "timer.h"

typedef struct mt_runtime mt_runtime_t;
typedef struct mt_worker mt_worker_t;
struct mt_deterministic;

typedef struct mt_config {
    uint32_t workers;        // at least 1
    uint32_t run_budget;     // messages a turn, at least 1
    uint32_t spares_max;     // threads that may stand in for blocked ones
    uint64_t stall_limit_ns; // MT_FOREVER: no watchdog
    // A handler that runs longer keeps its thread, and another stands in for it; MT_FOREVER: never.
    uint64_t stand_in_after_ns;
    uint64_t tick_ns;       // of the timer wheel, at least 1
    uint32_t processes_max; // at most MT_SLOTS_MAX
    mt_env_t env;
    void *context;                          // handed to the hooks
    uint32_t crash_reports_max;             // logged a second
    bool has_breadcrumb;                    // a fault on a thread that runs its code is named (breadcrumb.h)
    struct mt_deterministic *deterministic; // NULL, or env is its (deterministic.h): one worker, no other thread
} mt_config_t;

// Starts a runtime with its threads. MT_INVALID, MT_NO_MEMORY or MT_SYSTEM_LIMIT: nothing was started. Any thread.
mt_status_t mt_runtime_start(const mt_config_t *config, mt_runtime_t **out);

// Refuses new processes from now on: spawn answers MT_SHUT_DOWN. False if it did already. Any thread.
bool mt_runtime_close(mt_runtime_t *runtime);

// Sleeps until no process of a closed runtime is left, or deadline_ns of the system's clock. False: some are. Not from
// one of its own threads.
bool mt_runtime_wait_empty(mt_runtime_t *runtime, uint64_t deadline_ns);

// Stops the workers, joins every thread and frees what the runtime owns. After mt_runtime_close, when no process of it
// is alive or the last ones are killed and stuck: a thread that is still inside user code is waited for at most until
// deadline_ns, then left behind (counted in the result). Not from one of its own threads. The struct itself is never
// freed: late senders may still hold it (they find every process dead).
uint32_t mt_runtime_stop(mt_runtime_t *runtime, uint64_t deadline_ns);

// Frees the names of a stopped runtime. Nobody looks up a name in it any more.
void mt_runtime_release(mt_runtime_t *runtime);

// The pieces of a runtime, for the layers above.
const mt_env_t *mt_runtime_env(const mt_runtime_t *runtime);
mt_timers_t *mt_runtime_timers(mt_runtime_t *runtime);
mt_names_t *mt_runtime_names(mt_runtime_t *runtime);
void *mt_runtime_context(const mt_runtime_t *runtime);
static inline mt_runtime_t *mt_runtime_of(mt_slot_t *slot) { return (mt_runtime_t *)mt_aptr_load_rlx(&slot->runtime); }
// The runtime this thread works for, NULL on other threads.
static inline mt_runtime_t *mt_runtime_current(void) {
    mt_thread_t *thread = mt_thread_current;
    return thread ? thread->runtime : NULL;
}

// An upper bound of now, at most 10 ms ahead, for deadlines that must not be early; cheaper than now_ns.
uint64_t mt_runtime_now_upper(const mt_runtime_t *runtime);
// Coarse milliseconds for the age of messages: one relaxed load.
uint32_t mt_runtime_tick(const mt_runtime_t *runtime);

// Hands a process that this thread owns to the scheduler. Any thread, never fails.
void mt_submit(mt_thread_t *thread, mt_slot_t *slot);
// The same to the back of the worker's ring: a process that used its budget.
void mt_submit_last(mt_thread_t *thread, mt_slot_t *slot);
// Queues a task's job. Any thread. False: the runtime has stopped.
bool mt_submit_job(mt_runtime_t *runtime, void *job);

// Around a wait that blocks the thread, inside a handler too: another thread takes over this one's run queue. False:
// the limit of spare threads is reached; do not block. Any thread; outside workers they do nothing and answer true.
bool mt_block_begin(mt_thread_t *thread);
void mt_block_end(mt_thread_t *thread);

// From inside a job that has nothing left to do: goes on with the worker's turn in its place until the turn is over or
// somebody has taken `carrier` from thread->lingering_carrier, to give it work. So a task that would suspend and soon
// be resumed by what runs next need not. `budget`: what its last burst of messages has left; the turn is over with it,
// or a process that is never done would make it last for ever. One at a time on a thread; elsewhere than on a worker,
// and in a deterministic run, nothing. The worker's thread; anything may run.
void mt_linger(mt_thread_t *thread, void *carrier, uint32_t budget);

// From inside a job or a slice that is about to wait for a process which this thread has just woken: runs that here and
// now, if it is what this worker would run next. So who waits for a start need not suspend. What runs inside may do the
// same, but not without end; elsewhere than on a worker, and in a deterministic run, nothing. Any thread; the process,
// whatever its messages say, may run, and the thread may have lost its context when this returns.
void mt_run_woken(mt_thread_t *thread, mt_pid_t pid);

// Whether nothing runs and nothing is queued: every worker sleeps. For virtual time. Any thread.
bool mt_runtime_is_idle(mt_runtime_t *runtime);
// Sleeps until idle. Not from a worker.
void mt_runtime_wait_idle(mt_runtime_t *runtime);
// Fires what is due at now_ns of the runtime's clock, on this thread. For virtual time.
void mt_runtime_drive_timers(mt_runtime_t *runtime);

// Whether a deadline armed now on this thread would go to a nursery, which also nudges. Caller.
bool mt_deadline_has_nursery(const mt_thread_t *thread, const mt_runtime_t *runtime);
// Arms the deadline of a reply slot: first in the worker's nursery, where most calls end; else in the wheel. Caller.
void mt_deadline_arm(mt_thread_t *thread, mt_runtime_t *runtime, mt_reply_ref_t ref, uint64_t deadline_ns);
// Drops a deadline that went to the wheel. Caller, after DONE.
void mt_deadline_cancel(mt_reply_ref_t ref);

// Conservation counters and gauges, summed over all threads; consistent when the runtime is quiescent.
typedef struct mt_statistics {
    uint64_t sent, handled, refused, discarded;
    uint64_t spawns, exits, steals, parks;
    uint64_t dead_letters[5]; // by mt_dead_cause_t
    uint64_t timers, timer_lag_ns;
    uint64_t processes;
} mt_statistics_t;
void mt_runtime_statistics(mt_runtime_t *runtime, mt_statistics_t *out);

// Calls visit for each live pid of the runtime. Any thread; processes come and go meanwhile.
void mt_runtime_for_each(mt_runtime_t *runtime, void (*visit)(void *context, mt_pid_t pid), void *context);

#endif
