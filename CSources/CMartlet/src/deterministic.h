// SPDX-License-Identifier: Apache-2.0
// What a deterministic runtime is made of. Private to the core.
#ifndef MARTLET_DETERMINISTIC_STATE_H
#define MARTLET_DETERMINISTIC_STATE_H

#include "martlet/deterministic.h"
#include "runtime_state.h"

// A thread whose handler waits for a reply. On its stack.
typedef struct mt_blocked {
    struct mt_blocked *next;
    mt_reply_ref_t ref;
    mt_a32_t token; // 1: the context is its again
} mt_blocked_t;

// Somebody who waits until nothing else can run.
typedef struct mt_idle_waiter {
    struct mt_idle_waiter *next; // by until_ns, then by age
    uint64_t until_ns;
    void *continuation;
} mt_idle_waiter_t;

// The number of a process in its run. Open addressing by slot index; index 0 is an empty cell.
typedef struct mt_census_cell {
    uint32_t index, generation;
    uint64_t ordinal;
} mt_census_cell_t;

// The processes of a run in the order in which the scheduler met them: what a trace and a victim are told by, as pids
// depend on what ran before in the same OS process.
typedef struct mt_census {
    mt_census_cell_t *cells; // capacity of them, a power of two; half of them at most are used
    uint32_t capacity, used;
    mt_pid_t *born; // by ordinal, 1 first; ended ones too
    uint32_t born_count, born_capacity;
} mt_census_t;

struct mt_deterministic {
    // Read by any thread. First: the context of the environment.
    mt_virtual_clock_t clock;
    mt_a64_t random; // state of env.random
    // Constant once the runtime has started.
    mt_deterministic_ops_t ops;
    mt_runtime_t *runtime;
    // The rest belongs to the thread that has the worker's context; it changes hands by tokens.
    bool is_running; // between begin and end
    bool is_warned;  // stuck was called once
    uint64_t choice; // state of the generator of choices
    uint64_t trace;
    uint64_t steps, steps_max;
    uint64_t messages; // to servers
    bool is_excused;   // the next message to a server has had its faults
    mt_faults_t faults;
    mt_item_t *items; // runnable
    uint32_t count, capacity;
    mt_census_t census;
    mt_idle_waiter_t *waiters;
    mt_blocked_t *blocked; // oldest first
    mt_blocked_t *chosen;  // of them: it gets the context next
    mt_pid_t held_pid;     // whose mailbox a fault fills, 0: none
    uint32_t held_count;   // with so many credits
};

// A number below n from the generator of choices.
uint32_t mt__deterministic_below(mt_deterministic_t *run, uint32_t n);
// Adds a step to the trace.
void mt__deterministic_note(mt_deterministic_t *run, uint64_t what, uint64_t who);
// Moves the clock; never back.
void mt__deterministic_set_time(mt_deterministic_t *run, uint64_t now_ns);

// census.c
// Forgets all processes.
void mt__census_clear(mt_census_t *census);
// The number of the slot's incarnation, a new one when it was not seen before; 0: the slot never had one in this run,
// or out of memory.
uint64_t mt__census_meet(mt_census_t *census, mt_slot_t *slot);

// deterministic_faults.c
// Before a message to a server: what the plan has for it. True: choose again, other things have become possible.
bool mt__faults_before_message(mt_deterministic_t *run, mt_thread_t *thread, mt_slot_t *slot);
// Gives the room back that a fault took. False: it had taken none.
bool mt__faults_release(mt_deterministic_t *run);

// deterministic_step.c
// Makes room for one more runnable item. False: out of memory, nothing changed.
bool mt__deterministic_has_room(mt_deterministic_t *run);
// Takes everything runnable out of the worker's queues.
void mt__deterministic_collect(mt_deterministic_t *run);

#endif
