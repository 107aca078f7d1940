// SPDX-License-Identifier: Apache-2.0
// What the core asks of the language above it. Set once, before the first runtime; plain reads after that.
#ifndef MARTLET_HOOKS_H
#define MARTLET_HOOKS_H

#include "status.h"

typedef struct mt_hooks {
    // Exit reasons are opaque counted objects; NULL is none.
    void *(*reason_retain)(void *reason);
    void (*reason_release)(void *reason);
    void *reason_killed;     // never freed
    void *reason_no_process; // never freed
    // Continues a suspended caller. Any thread, no lock held.
    void (*resume)(void *continuation);
    // Runs a task's job on a worker of the runtime with that context.
    void (*run_job)(void *job, void *runtime_context);
    // A job that a stopped runtime will not run: it must run elsewhere.
    void (*orphan_job)(void *job);
    // Where a job keeps the link that queues may use, bytes from its start.
    uint32_t job_link_offset;
    // A handler runs longer than the stall limit. Monitor thread, no lock held.
    void (*stalled)(void *runtime_context, uint64_t pid, const char *type, uint64_t elapsed_ns);
    // A message was not delivered. The thread that dropped it, no lock held.
    void (*dead_letter)(void *runtime_context, uint64_t pid, const char *type, uint32_t cause);
} mt_hooks_t;

extern mt_hooks_t mt_hooks;

#endif
