// SPDX-License-Identifier: Apache-2.0
// Running all Swift tasks of the OS process that have no executor of their own on one runtime: the opt-in behind
// Runtime.installAsGlobalExecutor. The language runtime's hook is found by name, so that the core links without it.
#ifndef MARTLET_GLOBAL_EXECUTOR_H
#define MARTLET_GLOBAL_EXECUTOR_H

#include "runtime.h"

// A job that belongs to no executor; OR-ed into the job's address.
#define MT_JOB_GLOBAL UINT64_C(2)
// A job that has an object of the language beside its link; OR-ed into the job's address.
#define MT_JOB_CARRIER UINT64_C(4)

// Continues a task that waits in an unsafe continuation without a value: the language runtime's own entry, called from
// here because what the language would inline around it reads the task's memory on this thread, which the task may free
// by then for all that ThreadSanitizer knows. Any thread, no lock held.
void mt_task_resume(void *continuation);

// True: the runtime has the hook from now on. False: another has it, or the language runtime has none. Any thread.
bool mt_global_executor_install(mt_runtime_t *runtime);
// Lets deterministic runs (deterministic.h) keep what their jobs queue on the global executor; not their sleeps, which
// the language takes elsewhere. False: another has the hook, or the language runtime has none. Any thread.
bool mt_global_executor_serve_runs(void);
// Gives a job to the language's own global executor. Any thread.
void mt_global_executor_enqueue_elsewhere(void *job);

#endif
