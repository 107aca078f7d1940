// SPDX-License-Identifier: Apache-2.0
// Birth and messages of processes: start, stop, names, limits, slots that are used again. Ends by force: kill_check.c.
#include "probe_engine.h"

#include <dirent.h>

static bool is_gone(mt_pid_t pid) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    // While the end is still under way a watch is taken, and answered when it is over.
    mt_status_t watch = mt_process_watch(thread, pid, ref);
    bool gone = !mt_pid_is_alive(pid) && (watch == MT_NO_PROCESS || watch == MT_OK);
    gone = gone && probe_cast(pid, probe_count, 1, 0) == MT_NO_PROCESS && !mt_process_kill(thread, pid);
    gone = gone && !probe_exit(pid, 9) && probe_call(pid, probe_answer, 0, 0, NULL) == MT_REPLY_NO_PROCESS;
    if (watch != MT_OK) mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
    probe_call_end(ref, MT_FOREVER, NULL);
    return gone;
}

MT_CHECK(process_start_cast_call_stop) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t pid = probe_spawn(&world, NULL);
    EXPECT(mt_pid_is_alive(pid) && mt_pid_generation(pid) != 0);
    for (uint64_t i = 1; i <= 1000; i++) EXPECT(probe_cast(pid, probe_in_order, 3, i) == MT_OK);
    uint64_t value = 0;
    EXPECT(probe_call(pid, probe_answer, 5, 0, &value) == MT_REPLY_VALUE && value == 1005);
    mt_runtime_wait_idle(world.runtime);
    mt_process_check(mt_slot_of(pid));
    EXPECT(probe_stop(pid, 7) && is_gone(pid) && !probe_stop(pid, 7));
    mt_runtime_wait_idle(world.runtime);
    mt_process_check(mt_slot_of(pid));
    mt_statistics_t statistics;
    mt_runtime_statistics(world.runtime, &statistics);
    EXPECT(statistics.handled == 1001 && statistics.refused == 2 && statistics.processes == 0);
    probe_close(&world);
}

MT_CHECK(process_forged_pids) {
    probe_world_t world;
    probe_open(&world, 1);
    const mt_pid_t forged[] = {0, 1, UINT64_MAX, mt_pid_make(1, MT_SLOTS_MAX), mt_pid_make(0, 1), UINT32_MAX};
    for (uint32_t i = 0; i < sizeof forged / sizeof forged[0]; i++) EXPECT(is_gone(forged[i]));
    probe_close(&world);
}

// The slot of the last process is taken again; its pid is worth nothing.
MT_CHECK(process_slot_reuse_and_stale_pids) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t before = 0;
    uint32_t reused = 0;
    for (uint32_t i = 0; i < 500; i++) {
        mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){.capacity = i % 3, .policy = i % 3 ? MT_POLICY_REJECT : 0});
        EXPECT(pid != before);
        reused += mt_pid_generation(pid) > 1;
        if (before) EXPECT(is_gone(before));
        EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK);
        uint64_t value = 0;
        mt_runtime_wait_idle(world.runtime); // a bound of one has room again
        EXPECT(probe_call(pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 1);
        EXPECT(i % 2 ? probe_stop(pid, 3) : mt_process_kill(mt_thread_self(), pid));
        if (i % 2 == 0) probe_join(pid);
        before = pid;
    }
    EXPECT(reused > 100);
    probe_close(&world);
}

// A generation that would wrap retires its slot for ever.
MT_CHECK(process_generation_does_not_wrap) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    EXPECT(probe_stop(probe_spawn(&world, NULL), 3)); // fills this thread's stock of slots
    mt_slot_t *slot = (mt_slot_t *)mt_region_at(&mt_slots, thread->slots.loaded);
    EXPECT(thread->slots.loaded != 0 && mt_a64_load_acq(&slot->life) >> 32 != UINT32_MAX);
    if (mt_a64_load_acq(&slot->life) == 0) mt_mailbox_init(slot);
    slot->flags = MT_SLOT_RETIRED;
    mt_a64_store_rel(&slot->life, mt_life_make(UINT32_MAX, 0));
    mt_pid_t pid = probe_spawn(&world, NULL);
    EXPECT(mt_slot_of(pid) == slot && mt_pid_generation(pid) == UINT32_MAX);
    EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK && probe_stop(pid, 3) && is_gone(pid));
    world.slots_before++;
    probe_close(&world);
    EXPECT(mt_a64_load_acq(&slot->life) == mt_life_make(UINT32_MAX, MT_LIFE_DYING) && thread->slots.loaded);
}

MT_CHECK(process_names) {
    probe_world_t world;
    probe_open(&world, 2);
    const mt_name_t *name = mt_name_intern("probe", 5);
    mt_reply_kind_t kind;
    mt_status_t status;
    mt_pid_t first = probe_spawn(&world, &(probe_spec_t){.name = name});
    EXPECT(mt_names_lookup(mt_runtime_names(world.runtime), name) == first);
    EXPECT(probe_spawn_answer(&world, &(probe_spec_t){.name = name}, &kind, &status) == 0);
    EXPECT(status == MT_OK && kind == MT_REPLY_NAME_TAKEN);
    EXPECT(probe_stop(first, 4)); // its name is free before anybody hears of the end
    EXPECT(mt_names_lookup(mt_runtime_names(world.runtime), name) == 0);
    mt_pid_t second = probe_spawn(&world, &(probe_spec_t){.name = name});
    EXPECT(mt_names_lookup(mt_runtime_names(world.runtime), name) == second);
    probe_close(&world);
}

MT_CHECK(process_limit_and_close) {
    probe_world_t world;
    mt_config_t config = probe_config(1);
    config.processes_max = 3;
    probe_open_with(&world, &config);
    mt_pid_t pids[3], pid;
    mt_reply_kind_t kind;
    mt_status_t status;
    for (uint32_t i = 0; i < 3; i++) pids[i] = probe_spawn(&world, NULL);
    EXPECT(probe_spawn_async(&world, NULL, 0, &pid) == MT_SYSTEM_LIMIT);
    EXPECT(probe_spawn_async(&world, &(probe_spec_t){.policy = MT_POLICY_REJECT}, 0, &pid) == MT_SYSTEM_LIMIT);
    EXPECT(probe_stop(pids[1], 3));
    mt_runtime_wait_idle(world.runtime); // the slot counts until its queue is empty
    EXPECT(probe_spawn_async(&world, &(probe_spec_t){.policy = MT_POLICY_REJECT}, 0, &pid) == MT_INVALID);
    pids[1] = probe_spawn_answer(&world, NULL, &kind, &status);
    EXPECT(pids[1] != 0);
    mt_runtime_wait_idle(world.runtime);
    probe_runtime_check_slots(pids, 3);
    EXPECT(mt_runtime_close(world.runtime) && !mt_runtime_close(world.runtime));
    EXPECT(probe_spawn_async(&world, NULL, 0, &pid) == MT_SHUT_DOWN);
    EXPECT(probe_cast(pids[0], probe_count, 1, 0) == MT_OK); // closed to births only
    probe_close(&world);
}

// Births against the end of a runtime: who waits for the last process is told, by whoever uncounts it.
typedef struct {
    probe_world_t world;
    mt_a32_t refused, ended;
} closing_t;

static void closing_body(void *raw, uint32_t number) {
    closing_t *closing = raw;
    mt_runtime_t *runtime = closing->world.runtime;
    if (number == 0) {
        EXPECT(mt_runtime_close(runtime) && probe_wait_word32(&closing->refused, 100));
        EXPECT(mt_runtime_wait_empty(runtime, mt_check_now_ns() + PROBE_WAIT_NS));
        mt_a32_store_rel(&closing->ended, 1);
        return;
    }
    while (!mt_a32_load_acq(&closing->ended)) {
        mt_pid_t pid = 0;
        mt_status_t status = probe_spawn_async(&closing->world, NULL, 0, &pid);
        if (status == MT_OK) EXPECT(mt_process_kill(mt_thread_self(), pid));
        else mt_a32_add(&closing->refused, status == MT_SHUT_DOWN);
    }
}

MT_CHECK(process_hammer_close_meets_spawn) {
    mt_check_begin_hammer();
    for (uint32_t round = 0; round < 10 || !mt_check_time_is_up(); round++) {
        closing_t closing = {0};
        probe_open(&closing.world, 2);
        mt_check_run_threads(3, closing_body, &closing);
        probe_close(&closing.world);
    }
}

static uint32_t thread_count(void) {
    uint32_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks)) count++;
    if (tasks) closedir(tasks);
    return count;
}

// Runtimes side by side, one after the other; slots and pids are common to all, threads are not left behind.
MT_CHECK(process_many_runtimes) {
    uint32_t threads = thread_count();
    uint64_t value = 0;
    for (uint32_t round = 0; round < 20; round++) {
        probe_world_t one, two;
        probe_open(&one, 1 + round % 2);
        probe_open(&two, 2);
        mt_pid_t first = probe_spawn(&one, NULL), second = probe_spawn(&two, NULL);
        for (uint32_t i = 0; i < 100; i++) {
            EXPECT(probe_cast(first, probe_count, 1, 0) == MT_OK && probe_cast(second, probe_count, 2, 0) == MT_OK);
        }
        EXPECT(probe_call(first, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 100);
        EXPECT(probe_stop(first, 3));
        probe_end_all(&one);
        EXPECT(mt_runtime_stop(one.runtime, MT_FOREVER) == 0);
        EXPECT(is_gone(first));
        EXPECT(probe_call(second, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 200);
        mt_runtime_release(one.runtime);
        probe_close(&two);
    }
    EXPECT(thread_count() == threads);
}

// A slot dies in one runtime and is born again in another while a late message of its last life is in the first one's
// queue: the new incarnation runs on its own runtime's threads.
typedef struct {
    probe_world_t here, there;
    mt_pid_t dead;
    mt_a64_t born_here, born_there, same_slot;
} migration_t;

static void look_at_home(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state, (void)b;
    migration_t *migration = (migration_t *)a;
    mt_a64_add(mt_runtime_current() == migration->there.runtime ? &migration->born_there : &migration->born_here, 1);
}

static void send_late_and_spawn(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    migration_t *migration = (migration_t *)a;
    mt_node_t *late = probe_message(MT_KIND_SIGNAL, NULL, 0, 0);
    // As a sender that looked at `life` before the end and pushes after it.
    mt_process_push(slice->thread, mt_slot_of(migration->dead), mt_pid_generation(migration->dead), late);
    mt_pid_t pid = 0;
    probe_spec_t spec = {.init = look_at_home, .a = a};
    EXPECT(probe_spawn_async(&migration->there, &spec, 0, &pid) == MT_OK);
    mt_a64_add(&migration->same_slot, mt_slot_of(pid) == mt_slot_of(migration->dead));
}

MT_CHECK(process_slot_between_runtimes) {
    migration_t migration = {0};
    probe_open(&migration.here, 1);
    probe_open(&migration.there, 1);
    mt_pid_t spawner = probe_spawn(&migration.here, NULL);
    for (uint64_t round = 1; round <= 100; round++) {
        migration.dead = probe_spawn(&migration.here, NULL);
        EXPECT(probe_stop(migration.dead, 3));
        mt_runtime_wait_idle(migration.here.runtime); // its slot is the worker's next
        EXPECT(probe_cast(spawner, send_late_and_spawn, (uint64_t)&migration, 0) == MT_OK);
        EXPECT(probe_call(spawner, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE);
        if (!probe_wait_word(&migration.born_there, round)) break;
    }
    EXPECT(mt_a64_load_acq(&migration.same_slot) > 50 && mt_a64_load_acq(&migration.born_here) == 0);
    probe_end_all(&migration.here);
    probe_end_all(&migration.there);
    probe_close(&migration.here);
    probe_close(&migration.there);
}
