// SPDX-License-Identifier: Apache-2.0
// What can be seen of a process from outside, without stopping it: reports, tools and the watchdog read it. Not exact:
// each word is from a moment of its own, and what an owner publishes once a slice is as old as the slice.
#ifndef MARTLET_REPORT_H
#define MARTLET_REPORT_H

#include "process.h"

typedef struct mt_snapshot {
    const mt_class_t *klass; // NULL: its first message is still queued
    const mt_name_t *name;
    mt_pid_t parent;
    mt_pid_t calling; // waits in a call to it; 0: it does not
    mt_pid_t client;  // whose call it handles; 0: none, or no process
    uint64_t handled;
    uint64_t running_ns; // of the handler that runs: since its turn began; 0: not known
    bool is_running;     // inside user code
    uint32_t doing;      // then: a message kind or MT_DOING_*
    uint32_t length;     // queued messages: exact with a bound, else at least
    bool is_bounded;
    bool has_age;
    uint32_t age_ms; // of the oldest message, when a turn last ended with messages left
    bool is_hibernating, is_suspended;
    bool is_queued; // has an owner: running, or in a run queue
} mt_snapshot_t;
// False: the process has ended. A hint. Any thread; takes the scheduler's lock for a handler without a worker.
bool mt_pid_snapshot(mt_pid_t pid, mt_snapshot_t *out);

// Bytes of a process: slot, state and queued nodes, these by the size of its largest message. A hint. Any thread.
uint64_t mt_snapshot_bytes(const mt_snapshot_t *snapshot);

// Whom a process waits for in a call, 0: nobody. A hint. Any thread, wait-free.
mt_pid_t mt_pid_calling(mt_pid_t pid);

// What reports call it that user code is busy with. A constant string. Any thread, also in a signal handler.
const char *mt_class_doing(const mt_class_t *klass, uint32_t doing);

// Labels, for humans. Longer texts are cut, at the start of a character.
#define MT_LABEL_MAX 128u
typedef struct mt_label {
    uint32_t length;
    char text[];
} mt_label_t;
// Gives a live process a label in place of an earlier one; an empty text takes it away. False: out of memory, or it has
// ended. The process itself; blocks briefly.
bool mt_label_set(mt_pid_t pid, const char *text, size_t length);
// Copies the label of a live process into `out` and says how long it is; 0: none. Any thread; blocks briefly.
size_t mt_label_copy(mt_pid_t pid, char out[MT_LABEL_MAX]);

#endif
