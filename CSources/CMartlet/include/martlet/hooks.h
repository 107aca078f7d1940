// SPDX-License-Identifier: Apache-2.0
// What the core asks of the language above it. Set once, before the first runtime; plain reads after that.
#ifndef MARTLET_HOOKS_H
#define MARTLET_HOOKS_H

#include <stddef.h>

#include "node.h"
#include "status.h"
#include "thread.h"

typedef struct mt_hooks {
    // Exit reasons are opaque counted objects; NULL is none.
    void *(*reason_retain)(void *reason);
    void (*reason_release)(void *reason);
    void *reason_normal;     // never freed; the one object for it
    void *reason_killed;     // never freed
    void *reason_no_process; // never freed
    // A payload whose ops are a type of the language: ends it, and says how many bytes it has in a node.
    void (*value_destroy)(const void *type, void *payload);
    size_t (*value_size)(const void *type);
    // Continues a suspended caller. Any thread, no lock held.
    void (*resume)(void *continuation);
    // Runs a task's job on a worker of the runtime with that context.
    void (*run_job)(void *job, void *runtime_context); // the job may carry MT_JOB_*
    // A job that a stopped runtime will not run: it must run elsewhere.
    void (*orphan_job)(void *job);
    // A thread of a stopped runtime ends: so must the tasks that wait on it (thread->idle_carriers). That thread.
    void (*end_carriers)(mt_thread_t *thread);
    // Where a job keeps the link that queues may use, bytes from its start.
    uint32_t job_link_offset;
    // A handler runs longer than the stall limit. Monitor thread, no lock held.
    void (*stalled)(void *runtime_context, uint64_t pid, uint64_t elapsed_ns);
    // An unbounded mailbox has reached its high-water mark: at least so many messages. A worker, no lock held.
    void (*high_water)(void *runtime_context, uint64_t pid, uint32_t length);
    // A message was not delivered; `from` is the process that sent it, 0 where that is not known. The thread that
    // dropped it, no lock held.
    void (*dead_letter)(void *runtime_context, uint64_t pid, uint64_t from, const mt_payload_ops_t *ops,
                        uint32_t cause);
} mt_hooks_t;

extern mt_hooks_t mt_hooks;

// Sets them, from one thread, before the first runtime.
void mt_hooks_set(const mt_hooks_t *hooks);

// The type behind tagged ops, NULL when they are the core's own or none.
static inline const void *mt_payload_type(const mt_payload_ops_t *ops) {
    uintptr_t word = (uintptr_t)ops;
    return word & MT_OPS_TYPE ? (const void *)(word & ~(uintptr_t)MT_OPS_TYPE) : NULL;
}

// The ops of a payload that is a value of a type of the language.
static inline const mt_payload_ops_t *mt_payload_ops_of(const void *type) {
    return (const mt_payload_ops_t *)((uintptr_t)type | MT_OPS_TYPE);
}

// Ends a payload. Runs user code: no lock held, outside read sections.
static inline void mt_payload_destroy(const mt_payload_ops_t *ops, void *payload) {
    const void *type = mt_payload_type(ops);
    if (type) mt_hooks.value_destroy(type, payload);
    else if (ops && ops->destroy) ops->destroy(ops, payload);
}

// Bytes of a payload in its node.
static inline size_t mt_payload_size(const mt_payload_ops_t *ops) {
    const void *type = mt_payload_type(ops);
    return type ? mt_hooks.value_size(type) : ops ? ops->size : 0;
}

#endif
