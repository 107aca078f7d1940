// SPDX-License-Identifier: Apache-2.0
// One life of a runtime that touches everything that allocates, and takes every refusal for an answer: what the sweep
// (allocation_sweep_check.c) runs once for each allocation that can fail.
#ifndef MARTLET_CHECK_ALLOCATION_SCENARIO_H
#define MARTLET_CHECK_ALLOCATION_SCENARIO_H

#include "probe_engine.h"

// Runs it in a process that has not used the core yet. Allocations may fail until it turns that off itself, before its
// last steps: they expect that the runtime works as ever, and that nothing is left when it has stopped.
void allocation_scenario(void);

// The same of a deterministic runtime.
void allocation_scenario_deterministic(void);

// The steps between start and end (allocation_steps.c); each uses what it can get.
typedef struct {
    probe_world_t world;
    mt_thread_t *thread;
} allocation_life_t;

void allocation_step_names(allocation_life_t *life);
void allocation_step_nodes(allocation_life_t *life);
void allocation_step_crowd(allocation_life_t *life);
void allocation_step_flood(allocation_life_t *life);
void allocation_step_debts(allocation_life_t *life);
void allocation_step_room(allocation_life_t *life);
void allocation_step_displaced(allocation_life_t *life);
void allocation_step_timers(allocation_life_t *life);
void allocation_step_deadlines(allocation_life_t *life);
void allocation_step_signals(allocation_life_t *life);
void allocation_step_suspended(allocation_life_t *life);
void allocation_step_in_place(allocation_life_t *life);
void allocation_step_threads(allocation_life_t *life);

// A process, 0: refused, and how it was refused is among the documented ways.
mt_pid_t allocation_spawn(allocation_life_t *life, const probe_spec_t *spec);
// Puts the runtime's clock forward, and fires what is due then.
void allocation_clock_forward(allocation_life_t *life, uint64_t by_ns);
// What may be answered when memory is short; `pid` 0: there is nobody.
bool allocation_is_typed(mt_status_t status, mt_pid_t pid);

#endif
