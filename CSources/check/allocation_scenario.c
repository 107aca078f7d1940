// SPDX-License-Identifier: Apache-2.0
// Start, end and account of the sweep's scenario.
#include "allocation_scenario.h"

#include "martlet/deterministic.h"

// The system's clock, put forward: what is far away can be made to come.
static mt_a64_t ahead_ns;
static uint64_t now_ahead(void *context) { return mt_env_system.now_ns(context) + mt_a64_load_acq(&ahead_ns); }
void allocation_clock_forward(allocation_life_t *life, uint64_t by_ns) {
    mt_a64_add(&ahead_ns, by_ns);
    mt_runtime_drive_timers(life->world.runtime);
}

bool allocation_is_typed(mt_status_t status, mt_pid_t pid) {
    if (!pid) return status == MT_NO_PROCESS || status == MT_NO_MEMORY;
    return status == MT_OK || status == MT_NO_MEMORY || status == MT_SYSTEM_LIMIT;
}

mt_pid_t allocation_spawn(allocation_life_t *life, const probe_spec_t *spec) {
    mt_reply_kind_t kind;
    mt_status_t status;
    mt_pid_t pid = probe_spawn_answer(&life->world, spec, &kind, &status);
    EXPECT(allocation_is_typed(status, 1));
    // Refused on its first slice, where its name is registered: said, too.
    EXPECT(pid || status != MT_OK || kind == MT_REPLY_OVERLOADED);
    return pid;
}

static void kill_one(void *context, mt_pid_t pid) {
    (void)context;
    mt_process_kill(mt_thread_self(), pid);
}

static bool has_no_process(void *runtime) {
    mt_statistics_t statistics;
    mt_runtime_statistics(runtime, &statistics);
    return statistics.processes == 0;
}

// Nothing moves any more: every structure by itself.
static void check_memory(void) {
    mt_thread_check();
    mt_pool_check();
    mt_region_check(&mt_slots);
    mt_region_check(&mt_replies);
    mt_region_check(&mt_timer_items);
    EXPECT(mt_region_live(&mt_timer_items) == 0);
}

// Memory is back: the runtime is as good as new.
static void expect_recovered(allocation_life_t *life) {
    mt_alloc_fail_at(0, 0);
    mt_pid_t pid = probe_spawn(&life->world, NULL);
    uint64_t value = 0;
    EXPECT(pid && probe_cast(pid, probe_count, 3, 0) == MT_OK);
    EXPECT(pid && probe_call(pid, probe_answer, 4, 0, &value) == MT_REPLY_VALUE && value == 7);
}

static bool begin(allocation_life_t *life, const mt_config_t *config) {
    mt_status_t status = mt_runtime_start(config, &life->world.runtime);
    EXPECT(status == MT_OK ? life->world.runtime != NULL
                           : life->world.runtime == NULL && allocation_is_typed(status, 1));
    return status == MT_OK;
}

static void end(allocation_life_t *life) {
    // The end under refusals first: each kill may want memory to be remembered.
    mt_runtime_for_each(life->world.runtime, kill_one, NULL);
    EXPECT(probe_eventually(has_no_process, life->world.runtime));
    expect_recovered(life);
    mt_runtime_wait_idle(life->world.runtime);
    mt_timers_check(life->world.runtime->timers);
    probe_close(&life->world);
}

static void run(const mt_config_t *config, void (*const *steps)(allocation_life_t *life)) {
    allocation_life_t life = {.thread = mt_thread_self()};
    if (life.thread && begin(&life, config)) {
        for (; *steps; steps++) (*steps)(&life);
    } else {
        // What failed has left nothing in the way of the next try.
        mt_alloc_fail_at(0, 0);
        life.thread = mt_thread_self();
        EXPECT(life.thread && begin(&life, config));
    }
    end(&life);
    check_memory();
}

void allocation_scenario(void) {
    void (*const steps[])(allocation_life_t * life) = {
        allocation_step_names,     allocation_step_nodes,
        allocation_step_crowd,     allocation_step_flood,
        allocation_step_debts,     allocation_step_room,
        allocation_step_displaced, allocation_step_timers,
        allocation_step_deadlines, allocation_step_signals,
        allocation_step_suspended, allocation_step_in_place,
        allocation_step_threads,   NULL,
    };
    mt_config_t config = probe_config(2);
    config.env.now_ns = now_ahead;
    run(&config, steps);
}

void allocation_scenario_deterministic(void) {
    void (*const steps[])(allocation_life_t * life) = {
        allocation_step_names,   allocation_step_crowd,     allocation_step_debts,
        allocation_step_signals, allocation_step_suspended, NULL,
    };
    const mt_deterministic_ops_t ops = {0};
    mt_deterministic_t *deterministic = mt_deterministic_create(&ops);
    if (!deterministic) return;
    mt_config_t config = probe_config(1);
    config.env = mt_env_deterministic(deterministic);
    config.deterministic = deterministic;
    run(&config, steps);
}
