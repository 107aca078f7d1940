// SPDX-License-Identifier: Apache-2.0
// Looking at processes: what they wait for, labels, what runs.
#include <string.h>

#include "probe_engine.h"

// A wait is seen while its slot is unanswered, and never for an earlier call of the same slot.
MT_CHECK(report_calling) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t caller = probe_spawn(&world, NULL), callee = probe_spawn(&world, NULL);
    EXPECT(mt_pid_calling(caller) == 0);
    mt_reply_ref_t ref = mt_reply_arm(thread, caller, callee, MT_FOREVER);
    mt_a64_store_rel(&mt_slot_of(caller)->edge, ref); // as a call that is about to sleep does
    mt_snapshot_t snapshot;
    EXPECT(mt_pid_calling(caller) == callee && mt_pid_calling(callee) == 0);
    EXPECT(mt_pid_snapshot(caller, &snapshot) && snapshot.calling == callee);
    EXPECT(mt_reply_complete(ref, MT_REPLY_TIMEOUT) && mt_pid_calling(caller) == 0);
    mt_reply_free(thread, ref);
    mt_reply_ref_t other = mt_reply_arm(thread, 0, callee, MT_FOREVER);
    EXPECT((uint32_t)other == (uint32_t)ref && mt_pid_calling(caller) == 0);
    EXPECT(mt_reply_complete(other, MT_REPLY_TIMEOUT));
    mt_reply_free(thread, other);
    mt_a64_store_rel(&mt_slot_of(caller)->edge, 0);
    EXPECT(mt_process_kill(thread, caller) && probe_join(caller) != 0);
    EXPECT(mt_pid_calling(caller) == 0 && !mt_pid_snapshot(caller, &snapshot));
    probe_close(&world);
}

MT_CHECK(report_labels) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL);
    char text[MT_LABEL_MAX];
    EXPECT(mt_label_copy(pid, text) == 0);
    EXPECT(mt_label_set(pid, "north", 5) && mt_label_copy(pid, text) == 5 && !memcmp(text, "north", 5));
    char longer[MT_LABEL_MAX + 2];
    memset(longer, 'a', sizeof longer);
    memcpy(longer + MT_LABEL_MAX - 1, "\xC3\xA9", 2); // a character across the limit goes
    EXPECT(mt_label_set(pid, longer, sizeof longer) && mt_label_copy(pid, text) == MT_LABEL_MAX - 1);
    EXPECT(mt_label_set(pid, "", 0) && mt_label_copy(pid, text) == 0);
    EXPECT(mt_label_set(pid, "south", 5) && probe_stop(pid, 3));
    EXPECT(mt_label_copy(pid, text) == 0 && !mt_label_set(pid, "late", 4));
    probe_close(&world);
}

static void look_at_itself(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice;
    (void)b;
    mt_snapshot_t snapshot;
    EXPECT(mt_pid_snapshot(state->pid, &snapshot) && snapshot.is_running && snapshot.is_queued);
    mt_a64_add((mt_a64_t *)a, snapshot.doing == MT_KIND_CALL || snapshot.doing == MT_DOING_UNKNOWN);
}

MT_CHECK(report_running) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_a64_t seen;
    mt_a64_store_rel(&seen, 0);
    EXPECT(probe_cast(pid, look_at_itself, (uint64_t)&seen, 0) == MT_OK && probe_wait_word(&seen, 1));
    mt_runtime_wait_idle(world.runtime);
    mt_snapshot_t snapshot;
    EXPECT(mt_pid_snapshot(pid, &snapshot) && !snapshot.is_running && !snapshot.is_queued && snapshot.handled == 1);
    EXPECT(snapshot.length == 0 && !snapshot.has_age && mt_snapshot_bytes(&snapshot) >= sizeof(mt_slot_t));
    EXPECT(!strcmp(mt_class_doing(snapshot.klass, MT_KIND_INIT), "init"));
    EXPECT(!strcmp(mt_class_doing(snapshot.klass, MT_KIND_CALL), "code"));
    probe_close(&world);
}
