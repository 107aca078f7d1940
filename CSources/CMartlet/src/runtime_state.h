// SPDX-License-Identifier: Apache-2.0
// What a runtime and its workers are made of. Private to the core: the scheduler, the monitor thread and the runtime's
// own start and stop share it.
#ifndef MARTLET_RUNTIME_STATE_H
#define MARTLET_RUNTIME_STATE_H

#include <pthread.h>

#include "martlet/credit.h"
#include "martlet/deterministic.h"
#include "martlet/pool.h"
#include "martlet/runtime.h"
#include "martlet/stats.h"

// A thing to run: a slot, or a task's job with the low bit set. 0 is none.
typedef uint64_t mt_item_t;
#define MT_ITEM_JOB UINT64_C(1)
#define MT_ITEM_BITS UINT64_C(7) // with MT_JOB_GLOBAL and MT_JOB_CARRIER, which are the job's own business

// Cells of a worker's ring. More than a burst of wake-ups on one core; overflow goes to the inject queue by halves.
#ifndef MT_RING_SIZE
#define MT_RING_SIZE 256u
#endif
// Stalled processes that wait apart; more of them stay in the run queues.
#ifndef MT_STALLED_MAX
#define MT_STALLED_MAX 64u
#endif
// Deadlines that a worker keeps out of the wheel, at first; the ring grows (deadline.c).
#ifndef MT_NURSERY_SIZE
#define MT_NURSERY_SIZE 256u
#endif
// Kills and exits under retry by the monitor grow from this.
#define MT_RETRIES_INITIAL 16u

typedef struct mt_nursery_entry {
    mt_reply_ref_t ref;
    uint64_t deadline_ns;
} mt_nursery_entry_t;

struct mt_worker {
    // Line 0: anyone.
    mt_a32_t ring_head;     // CAS by owner and thieves
    mt_a32_t turns;         // owner stores, monitor and thieves read: stands still while one item runs
    mt_aptr_t run_next;     // owner puts, owner and thieves take
    mt_a64_t turn_start_ns; // owner stores, monitor reads; 0: no turn
    mt_a64_t running_pid;   // owner stores, monitor reads; 0: none, or a job
    unsigned char pad0[MT_CACHE_LINE - 32];
    // Line 1: the owner; tail is read by thieves.
    mt_a32_t ring_tail;
    uint32_t number;
    uint32_t find_count; // every 61st look starts at the inject queue
    uint32_t budget;     // messages left in this turn
    uint64_t random;
    mt_runtime_t *runtime;
    uint64_t nursery_due_ns; // when entries first..mark leave
    bool is_searching;
    unsigned char pad1[MT_CACHE_LINE - 48];
    mt_a64_t cells[MT_RING_SIZE]; // owner writes, thieves read
    mt_aptr_t holder;             // mt_runner_t that runs it, NULL on its way; the holder and the monitor write
    mt_nursery_entry_t *nursery;  // owner; a ring of nursery_capacity, a power of two
    uint32_t nursery_capacity;
    uint32_t nursery_first, nursery_mark, nursery_next;
    // Parking: `is_parked` and the link are guarded by the runtime's lock.
    mt_a32_t token; // 1: wake up
    bool is_parked;
    mt_worker_t *next_parked;
    // The monitor's memory of the last look.
    uint32_t seen_turns;
    uint32_t reported_turns;
};

// An OS thread of the runtime: runs a worker's context, or waits as a spare for one.
typedef struct mt_runner {
    mt_runtime_t *runtime;
    mt_worker_t *worker; // the context it was given; the giver's until the token, then its own
    mt_a32_t token;      // 1: a context was given, or the runtime stops
    uint64_t handle;
    mt_thread_t *thread;          // constant
    struct mt_runner *next_spare; // guarded by the lock
    struct mt_runner *next;       // all runners; guarded by the lock
    // Of a thread whose context was taken: since when its turn has lasted (0: it was not), with what, and whether the
    // watchdog has said so. Guarded by the lock.
    uint64_t stuck_since_ns;
    mt_pid_t stuck_pid;
    bool is_reported;
} mt_runner_t;

#define MT_RUNTIME_RUNNING 0u
#define MT_RUNTIME_CLOSED 1u  // no new processes
#define MT_RUNTIME_STOPPED 2u // the threads end

// How many reports were made in one second, and how many were not since the last one.
typedef struct mt_report_limit {
    mt_a64_t window; // second:32 | used:32
    mt_a64_t suppressed;
} mt_report_limit_t;

struct mt_runtime {
    mt_env_t env;
    mt_config_t config;
    mt_deterministic_t *deterministic; // NULL: the ordinary scheduler; constant
    mt_a32_t state;
    mt_a32_t processes;  // live
    mt_timers_t *timers; // constant once started
    bool timers_ended;   // by who stops
    mt_names_t *names;
    mt_worker_t **workers; // config.workers of them

    unsigned char pad0[MT_CACHE_LINE];
    mt_a64_t idle; // searching:32 | parked:32
    mt_a32_t coarse_ms;
    mt_a32_t woken_ms;     // the coarse clock when the runtime last woke from a deep sleep, during which it stood still
    mt_a32_t idle_waiters; // threads in mt_runtime_wait_idle
    mt_a32_t idle_epoch;   // futex of theirs
    mt_a32_t detached;     // threads that run user code without a worker
    unsigned char pad1[MT_CACHE_LINE];

    pthread_mutex_t lock;  // guards the four lists below
    mt_a32_t inject_count; // written under the lock (sc), read by anyone
    mt_item_t inject_first, inject_last;
    mt_worker_t *parked;
    mt_runner_t *spares;
    mt_runner_t *runners;
    uint32_t runner_count; // all of them; at most workers + spares_max
    mt_a32_t stuck;        // runners whose context was taken and that did not come back; written under the lock
    mt_slot_t *stalled[MT_STALLED_MAX];
    mt_a32_t stalled_count;

    mt_a32_t threads; // alive; futex of stop
    // Timer driver: the parked worker that sleeps until the next deadline.
    mt_aptr_t driver; // mt_worker_t; CAS NULL -> self, store NULL by itself

    // Monitor thread.
    mt_a32_t monitor_token;   // 1: wake up
    mt_a32_t monitor_is_deep; // it sleeps without a timeout
    uint64_t monitor_handle;
    mt_thread_t *monitor_thread; // constant once it is started
    bool is_detached;            // a stop left threads behind
    pthread_mutex_t retry_mutex; // guards retries
    mt_pid_t *retries;
    uint32_t retry_count, retry_capacity;
    mt_a32_t retry_pending;

    mt_report_limit_t crash_limit; // crash reports
    mt_report_limit_t throw_limit; // recorded throws

    pthread_mutex_t stats_mutex; // guards the list
    mt_stats_t *stats;
    mt_stats_t stats_fallback;
    mt_runtime_t *next_runtime; // of all there ever were
};

struct mt_timer_spec;
// Whether timers that this thread arms belong to a process: the one whose handler runs on it.
bool mt__timed_owns(mt_thread_t *thread, mt_runtime_t *runtime);
// Arms a timer that belongs to that process, else to the runtime. MT_NO_PROCESS: the process was killed.
mt_status_t mt__timed_arm(mt_thread_t *thread, mt_runtime_t *runtime, struct mt_timer_spec *spec, uint64_t *ref);

static inline uint64_t mt__now(const mt_runtime_t *runtime) { return runtime->env.now_ns(runtime->env.context); }

// Whom a slice of the slot is about to run: who is in place, else the process whose INIT is queued. For the watchdog.
static inline mt_pid_t mt__pid_to_run(mt_slot_t *slot) {
    // acquire: by rule; INIT follows the store of its generation.
    uint32_t generation = slot->generation ? slot->generation : mt_life_generation(mt_a64_load_acq(&slot->life));
    return mt_slot_pid(slot, generation);
}

// queue.c
void mt__inject(mt_runtime_t *runtime, mt_item_t item);
mt_item_t mt__inject_take(mt_runtime_t *runtime);
mt_item_t mt__inject_take_batch(mt_worker_t *worker); // the first; more of them to the ring
void mt__ring_put(mt_worker_t *worker, mt_item_t item);
mt_item_t mt__ring_take(mt_worker_t *worker);
mt_item_t mt__ring_steal(mt_worker_t *thief, mt_worker_t *victim);
bool mt__ring_is_empty(const mt_worker_t *worker);
mt_item_t mt__run_next_put(mt_worker_t *worker, mt_item_t item);
mt_item_t mt__run_next_take(mt_worker_t *worker);
bool mt__stall_add(mt_runtime_t *runtime, mt_slot_t *slot);
mt_item_t mt__stall_take(mt_runtime_t *runtime);
// park.c
void mt__notify(mt_runtime_t *runtime);
void mt__park(mt_worker_t *worker);
void mt__wake_driver(void *runtime);
bool mt__has_work(mt_runtime_t *runtime);
void mt__tell_idle(mt_runtime_t *runtime);
void mt__enter_parked(mt_worker_t *worker, bool *was_last_searcher);
void mt__leave_parked(mt_worker_t *worker);
// worker.c
void mt__worker_run(mt_thread_t *thread, mt_worker_t *worker); // until its context is another's, or the runtime stops
// runner.c
// The record of a thread of the runtime that is still to be started, and its counters. NULL: out of memory.
mt_thread_t *mt__thread_reserve(mt_runtime_t *runtime);
mt_status_t mt__runner_start(mt_runtime_t *runtime, mt_worker_t *worker); // a thread that runs it
// A thread that waits for a context, out of the list of spares; started when there is none. NULL: the limit is reached,
// or the system refuses. Who obtains one gives it a context or puts it back. Any thread; blocks briefly.
mt_runner_t *mt__spare_obtain(mt_runtime_t *runtime);
void mt__spare_give(mt_runner_t *spare, mt_worker_t *worker);
void mt__spare_put_back(mt_runner_t *spare);
// Gives the context of a thread whose turn has lasted since `since_ns` to another thread. False: it moves again, or
// there is no other thread. Monitor.
bool mt__stand_in(mt_worker_t *worker, uint64_t since_ns, bool is_reported);
// A process that runs on a thread without its context for longer than the stall limit, told once; 0: none. Monitor.
mt_pid_t mt__stuck_unreported(mt_runtime_t *runtime, uint64_t now_ns, uint64_t *elapsed_ns);
// A message that a sender took out of a mailbox: its value ends where user code may run, outside locks and fences.
typedef struct mt__displaced {
    bool is_taken;
    const mt_payload_ops_t *ops;
    unsigned char payload[MT_NODE_PAYLOAD_MAX] __attribute__((aligned(16)));
} mt__displaced_t;

// credit.c
// Removes the oldest droppable message of this generation and inherits its credit; its value is the caller's, who calls
// mt__end_displaced. False: nothing can be removed, or INIT is still queued. Any thread.
bool mt__displace(mt_slot_t *slot, mt_bounded_head_t *bounded, uint32_t generation, mt_thread_t *thread,
                  mt__displaced_t *out);
// Counts it, if there is one, and ends its value. Any thread, no lock held, outside the fence of an effect.
void mt__end_displaced(mt_thread_t *thread, mt_pid_t pid, mt__displaced_t *displaced);
// process.c
// The generation that a slot off the free list may be used with. The owner.
uint32_t mt__slot_next_generation(mt_slot_t *slot);
// exit.c
void mt__drop_exit_records(mt_thread_t *thread, mt_slot_t *slot);
// exit.c
struct mt_slice;
// At the end of a budget, in BUSY or OUT, before the slot is handed on: how many messages are queued at least.
uint32_t mt__depth_measure(struct mt_slice *slice);
void mt__depth_forget(mt_slot_t *slot); // the queue is empty; slot->deferred is there
// report.c
// The tick of a node, no earlier than the moment the runtime last woke up: before that the coarse clock stood still.
uint32_t mt__tick_of(const mt_runtime_t *runtime, const mt_node_t *node);
// What user code of a process is busy with: doing, client. Any thread, also in a signal handler.
struct mt_snapshot;
void mt__report_doing(mt_slot_t *slot, struct mt_snapshot *out);
// Nothing of an ended process is shown for the next one in its slot. Owner.
void mt__report_end(mt_slot_t *slot);
// How long the turn of a process lasts that is inside user code, 0: not known. Any thread.
uint64_t mt__running_ns(mt_runtime_t *runtime, mt_slot_t *slot);
// runtime.c
void mt__uncount_process(mt_runtime_t *runtime);
// The end of a generation: the slot goes to the free list, now or when the thread it was taken from comes back. Owner.
void mt__phase_retire(mt_slot_t *slot, mt_thread_t *thread);
void mt__drain_stopped(mt_runtime_t *runtime);
// monitor.c
void mt__monitor_main(void *runtime);
void mt__monitor_wake(mt_runtime_t *runtime);
void mt__retry_later(mt_runtime_t *runtime, mt_pid_t pid);
void mt__retry_kills(mt_runtime_t *runtime, mt_thread_t *thread);
// deadline.c
void mt__nursery_age(mt_worker_t *worker, uint64_t now_ns); // between turns
uint64_t mt__nursery_deadline(mt_worker_t *worker);         // when to look again, MT_FOREVER: empty
// deterministic.c
// Gives a runtime that starts its state, and makes its timers.
mt_status_t mt__deterministic_adopt(mt_deterministic_t *run, mt_runtime_t *runtime);
// That runtime did not start: another may.
void mt__deterministic_disown(mt_deterministic_t *run);
// deterministic_step.c
// The loop of a runner, in place of the ordinary one: returns when the runtime stops, or without the context when
// another thread is to go on.
void mt__deterministic_main(mt_deterministic_t *run, mt_thread_t *thread);
// Wakes that other thread.
void mt__deterministic_pass(mt_deterministic_t *run);
// A worker's handler waits for a reply: the context goes to another thread and comes back. False: there is no thread
// left, the slot is completed as overloaded.
bool mt__deterministic_wait(mt_thread_t *thread, mt_reply_ref_t ref);

#endif
