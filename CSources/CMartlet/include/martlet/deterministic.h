// SPDX-License-Identifier: Apache-2.0
// A runtime that a test can repeat: one thread at a time, virtual time, and one seed for every choice. Not a simulator
// of memory orders: those are the model checker's business; here each step is a whole message.
//
//     begin(seed) --> [ pick one of: process, job, due timer, blocked thread ]* --> nothing runnable
//                              ^                                                        |
//                              +---- time moves to the next timer or idle waiter <------+---> neither: stuck
//
// Contract. The worker's queues, wheel and processes are the ordinary ones; only who runs next is chosen here, by a
// generator that begins with the seed. Functions without a thread rule are for the thread that has the worker's
// context, inside a job; what other threads do to such a runtime works, and is a second source of order.
// Documentation/adr/0012-deterministic-runtime.md says what is repeated and what is not.
#ifndef MARTLET_DETERMINISTIC_H
#define MARTLET_DETERMINISTIC_H

#include "runtime.h"

typedef struct mt_deterministic mt_deterministic_t;

// What goes wrong on purpose. Messages are those to processes, counted from 1 in a run; 0 anywhere: never.
typedef struct mt_faults {
    uint64_t throw_at;       // the handler of this message throws
    uint64_t kill_every;     // before every so many messages a server is killed
    uint64_t delay_every;    // before every so many messages time passes though there is work
    uint64_t delay_max_ns;   // at most so much
    uint64_t overflow_every; // before every so many messages a bounded mailbox is full until nothing else can run
} mt_faults_t;

// Why a run cannot go on.
typedef enum __attribute__((enum_extensibility(closed))) mt_stuck {
    MT_STUCK_DEADLOCK MT_SWIFT("deadlock"), // nothing is runnable, no timer is armed
    MT_STUCK_ENDLESS MT_SWIFT("endless"),   // MT_STEPS_MAX steps and no end
} mt_stuck_t;

// Steps of one run. A step takes about a microsecond: no test wants to wait longer than for these.
#define MT_STEPS_MAX UINT64_C(100000000)

// What a run asks of the language above it.
typedef struct mt_deterministic_ops {
    // The run cannot go on. Called between two steps, once; what it wakes may run. If that does not end the run, it is
    // called again with is_last, and does not return.
    void (*stuck)(void *context, mt_stuck_t why, bool is_last);
    // A retained object for slot->pending that makes a server's next slice behave as if its handler had thrown.
    void *(*thrown)(void *context);
    void *context;
} mt_deterministic_ops_t;

// Makes the state of one runtime's runs. NULL: out of memory. Never freed: a late sender may read its clock. Any
// thread.
mt_deterministic_t *mt_deterministic_create(const mt_deterministic_ops_t *ops);

// The environment of a runtime whose configuration has `run` as its `deterministic`: virtual time, random numbers from
// the seed. Any thread.
mt_env_t mt_env_deterministic(mt_deterministic_t *run);

// Begins a run: time 0, counters 0, no timer, choices from the seed. The runtime has no processes, timers or jobs but
// the caller's.
mt_status_t mt_deterministic_begin(mt_deterministic_t *run, uint64_t seed, const mt_faults_t *faults);
// Ends it: time stands still, nothing is stuck any more, global jobs go elsewhere again.
void mt_deterministic_end(mt_deterministic_t *run);
// Lets go on who waits for an instant, without time passing; how many there were. A thread of the run.
uint32_t mt_deterministic_release_waiters(mt_deterministic_t *run);
// From here on no fault happens.
void mt_deterministic_stop_faults(mt_deterministic_t *run);

// Resumes the continuation when nothing can run before until_ns without time passing beyond it; until then time moves
// to each timer in order. False: out of memory.
bool mt_deterministic_wait_idle(mt_deterministic_t *run, uint64_t until_ns, void *continuation);

// Runs what is left of dead processes: their dead letters.
void mt_deterministic_drain_dead(mt_deterministic_t *run);

// Nanoseconds since begin. Any thread.
uint64_t mt_deterministic_now(const mt_deterministic_t *run);
// A hash over the steps so far: what was chosen among how many, which process, its message's kind, the time.
uint64_t mt_deterministic_trace(const mt_deterministic_t *run);
// Steps so far.
uint64_t mt_deterministic_steps(const mt_deterministic_t *run);

// Calls visit for each live process in the order of their starts.
void mt_deterministic_for_each(mt_deterministic_t *run, void (*visit)(void *context, mt_pid_t pid), void *context);

// Calls visit for each reply slot that is waited for and belongs to the runtime: the call's process, 0 for a wait
// without one, and who called, 0 if no process did. Any thread, when nothing moves.
void mt_deterministic_for_each_wait(mt_deterministic_t *run,
                                    void (*visit)(void *context, mt_pid_t callee, mt_pid_t caller), void *context);

// Whether jobs without an executor that this thread queues belong to a run. Any thread.
bool mt_deterministic_is_here(void);

#endif
