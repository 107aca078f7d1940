// SPDX-License-Identifier: Apache-2.0
// Looking at processes.
#include "martlet/report.h"

#include <stdlib.h>
#include <string.h>

#include "martlet/slice.h"
#include "runtime_state.h"

// --- Labels ----------------------------------------------------------------------------------------------------------

// Readers copy under it, so that the process can free what it replaces. Few processes have a label, and fewer look.
static pthread_mutex_t label_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_alive(const mt_slot_t *slot, mt_pid_t pid) {
    // acquire: pairs with spawn's release of LIVE.
    uint64_t life = mt_a64_load_acq(&slot->life);
    return !((life ^ pid) >> 32) && life & MT_LIFE_LIVE;
}

static size_t cut(const char *text, size_t length) {
    if (length <= MT_LABEL_MAX) return length;
    length = MT_LABEL_MAX;
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    return length;
}

bool mt_label_set(mt_pid_t pid, const char *text, size_t length) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return false;
    length = cut(text, length);
    mt_label_t *label = NULL;
    if (length) {
        label = mt_alloc_refused() ? NULL : malloc(sizeof *label + length);
        if (!label) return false;
        label->length = (uint32_t)length;
        memcpy(label->text, text, length);
    }
    pthread_mutex_lock(&label_lock);
    // A process that ends takes its label away under the lock after it stopped being LIVE: none comes behind that.
    bool is_there = is_alive(slot, pid);
    mt_label_t *unused = label;
    if (is_there) {
        unused = mt_aptr_load_rlx(&slot->label); // relaxed: the lock
        mt_aptr_store_rlx(&slot->label, label);
    }
    pthread_mutex_unlock(&label_lock);
    free(unused);
    return is_there;
}

size_t mt_label_copy(mt_pid_t pid, char out[MT_LABEL_MAX]) {
    mt_slot_t *slot = mt_slot_of(pid);
    // relaxed: most have none, and need no lock to say so.
    if (!slot || !mt_aptr_load_rlx(&slot->label)) return 0;
    pthread_mutex_lock(&label_lock);
    const mt_label_t *label = is_alive(slot, pid) ? mt_aptr_load_rlx(&slot->label) : NULL;
    size_t length = label ? label->length : 0;
    if (length) memcpy(out, label->text, length);
    pthread_mutex_unlock(&label_lock);
    return length;
}

void mt__report_end(mt_slot_t *slot) {
    mt_a64_store_rlx(&slot->handled, 0);
    mt_a32_store_rel(&slot->length, 0); // release: as in set_gauges (slice.c)
    mt_a32_store_rlx(&slot->oldest, 0);
    mt_a32_store_rlx(&slot->running_since, 0);
    // relaxed: a label that is set at this moment finds the process DYING under the lock.
    if (MT_LIKELY(!mt_aptr_load_rlx(&slot->label))) return;
    pthread_mutex_lock(&label_lock);
    mt_label_t *label = mt_aptr_load_rlx(&slot->label);
    mt_aptr_store_rlx(&slot->label, NULL);
    pthread_mutex_unlock(&label_lock);
    free(label);
}

// --- Snapshots -------------------------------------------------------------------------------------------------------

uint32_t mt__tick_of(const mt_runtime_t *runtime, const mt_node_t *node) {
    uint32_t woken = mt_a32_load_rlx(&runtime->woken_ms); // relaxed: a clock of reports
    if (!node) return woken;
    return (int32_t)(node->tick - woken) < 0 ? woken : node->tick;
}

uint64_t mt__running_ns(mt_runtime_t *runtime, mt_slot_t *slot) {
    uint32_t index = mt_region_index(&mt_slots, slot);
    uint64_t since = 0;
    for (uint32_t i = 0; i < runtime->config.workers && !since; i++) {
        const mt_worker_t *worker = runtime->workers[i];
        // relaxed: hints. By index: a process that starts has no generation yet when its worker notes it.
        mt_pid_t pid = mt_a64_load_rlx(&worker->running_pid);
        if (pid && mt_pid_index(pid) == index) since = mt_a64_load_rlx(&worker->turn_start_ns);
    }
    // acquire: by rule; the lock guards the rest.
    if (!since && mt_a32_load_acq(&runtime->stuck)) {
        pthread_mutex_lock(&runtime->lock);
        for (const mt_runner_t *runner = runtime->runners; runner && !since; runner = runner->next)
            if (runner->stuck_since_ns && mt_pid_index(runner->stuck_pid) == index) since = runner->stuck_since_ns;
        pthread_mutex_unlock(&runtime->lock);
    }
    uint32_t since_ms = since ? 0 : mt_a32_load_rlx(&slot->running_since);
    uint64_t now = since || since_ms ? mt__now(runtime) : 0;
    // Milliseconds wrap, and their difference does not mind.
    if (since_ms) return ((uint32_t)(now / 1000000) - since_ms) * UINT64_C(1000000);
    return now > since ? now - since : 0;
}

static mt_pid_t calling(mt_slot_t *slot) {
    // acquire: pairs with the store of the edge: a wait that was published.
    mt_reply_ref_t edge = mt_a64_load_acq(&slot->edge);
    if (!edge || !mt_reply_is_armed(edge)) return 0;
    mt_pid_t callee = mt_reply_callee(mt_reply_of(edge));
    // Again after the read: the callee is that wait's.
    return mt_reply_is_armed(edge) ? callee : 0;
}

mt_pid_t mt_pid_calling(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    mt_pid_t callee = slot ? calling(slot) : 0;
    return callee && mt_pid_is_alive(pid) ? callee : 0;
}

// What user code does, if it runs.
static void look_inside(mt_slot_t *slot, mt_pid_t pid, mt_snapshot_t *out) {
    // acquire: pairs with the release in mt_phase_enter: what it is busy with, or something newer.
    uint64_t phase = mt_a64_load_acq(&slot->phase);
    out->is_running = phase == mt_phase_make(mt_pid_generation(pid), MT_PHASE_IN);
    if (!out->is_running) return;
    mt__report_doing(slot, out);
    out->running_ns = mt__running_ns(mt_runtime_of(slot), slot);
}

void mt__report_doing(mt_slot_t *slot, mt_snapshot_t *out) {
    uint64_t current = mt_a64_load_rlx(&slot->current_call);
    if ((uint32_t)current) {
        // relaxed: as the word above.
        bool is_starting = mt_a32_load_rlx(&slot->activity) == MT_ACTIVITY_STARTING;
        out->doing = is_starting ? MT_KIND_INIT : MT_KIND_CALL;
        out->client = out->doing == MT_KIND_CALL ? mt_reply_caller(current) : 0;
    } else {
        out->doing = current ? (uint32_t)(current >> 32) - 1 : MT_DOING_UNKNOWN;
    }
}

bool mt_pid_snapshot(mt_pid_t pid, mt_snapshot_t *out) {
    mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return false;
    mt_bounded_head_t *bounded = mt_credit_of(slot, mt_pid_generation(pid));
    uint32_t oldest = mt_a32_load_rlx(&slot->oldest); // relaxed: a gauge
    // acquire: pair with the releases in begin (slice.c): what the class and the name point to.
    *out = (mt_snapshot_t){.klass = mt_aptr_load_acq(&slot->klass),
                           .name = mt_aptr_load_acq(&slot->name),
                           .parent = mt_a64_load_rlx(&slot->parent),
                           .calling = calling(slot),
                           .handled = mt_a64_load_rlx(&slot->handled),
                           .length = bounded ? mt_credit_length(bounded) : mt_a32_load_rlx(&slot->length),
                           .is_bounded = bounded != NULL,
                           .is_queued = !(mt_a64_load_rlx(&slot->head) & MT_HEAD_IDLE)};
    uint32_t activity = mt_a32_load_rlx(&slot->activity);
    out->is_hibernating = !out->is_queued && activity == MT_ACTIVITY_HIBERNATING;
    out->is_suspended = !out->is_queued && activity == MT_ACTIVITY_SUSPENDED;
    if (out->is_queued) look_inside(slot, pid, out);
    // In a run queue there is at least what it was queued for.
    bool is_waiting = out->is_queued && !out->is_running;
    if (is_waiting && !bounded && !out->length) out->length = 1;
    out->has_age = out->length && oldest;
    // The clock itself: the coarse one stands still while all workers sleep.
    uint32_t now = out->has_age ? (uint32_t)(mt__now(mt_runtime_of(slot)) / 1000000) : 0;
    if (out->has_age && (int32_t)(now - oldest) > 0) out->age_ms = now - oldest;
    return mt_pid_is_alive(pid);
}

uint64_t mt_snapshot_bytes(const mt_snapshot_t *snapshot) {
    const mt_class_t *klass = snapshot->klass;
    uint64_t bytes = sizeof(mt_slot_t);
    if (!klass) return bytes;
    bool is_pooled = klass->state_size <= MT_NODE_PAYLOAD_MAX;
    if (klass->state_size) bytes += is_pooled ? MT_NODE_SIZE(mt_node_class(klass->state_size)) : klass->state_size;
    uint32_t payload = klass->message_size <= MT_NODE_PAYLOAD_MAX ? klass->message_size : sizeof(void *);
    return bytes + (uint64_t)snapshot->length * MT_NODE_SIZE(mt_node_class(payload));
}

const char *mt_class_doing(const mt_class_t *klass, uint32_t doing) {
    const char *name = NULL;
    switch (doing) {
    case MT_KIND_INIT:
        return "init";
    case MT_KIND_CALL:
        name = klass ? klass->call : NULL;
        break;
    case MT_KIND_CAST:
        name = klass ? klass->cast : NULL;
        break;
    case MT_KIND_MESSAGE:
    case MT_KIND_TICK:
        name = klass ? klass->message : NULL;
        break;
    case MT_KIND_UNEXPECTED:
        return "a message of another type";
    case MT_KIND_TIMEOUT:
        return "timeout";
    case MT_KIND_STOP:
        return "terminate";
    case MT_KIND_SIGNAL:
        return "signal";
    case MT_KIND_EXIT:
        return "exit signal";
    case MT_KIND_DOWN:
        return "DOWN";
    case MT_DOING_CONTINUE:
        return "continue";
    case MT_DOING_HIBERNATE:
        return "hibernate";
    default:
        break;
    }
    return name ? name : "code";
}
