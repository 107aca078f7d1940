// SPDX-License-Identifier: Apache-2.0
// How a check talks to the processes of the probe engine: start, send, call, stop, and the account at the end.
#include "probe_engine.h"

#include <stdlib.h>

mt_a64_t probe_made, probe_made_sum, probe_ended, probe_ended_sum;

// --- Messages --------------------------------------------------------------------------------------------------------

void probe_end_message(uint64_t id) {
    mt_a64_add(&probe_ended, 1);
    mt_a64_add(&probe_ended_sum, id);
}

static void destroy_message(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    probe_end_message(((probe_message_t *)payload)->id);
}
static void destroy_init(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    probe_end_message(((probe_init_t *)payload)->message.id);
}
static void destroy_stop(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    probe_reason_release((void *)((probe_message_t *)payload)->a);
    probe_end_message(((probe_message_t *)payload)->id);
}

static const mt_payload_ops_t message_ops = {
    .destroy = destroy_message, .name = "probe", .size = sizeof(probe_message_t)};
static const mt_payload_ops_t init_ops = {.destroy = destroy_init, .name = "probe", .size = sizeof(probe_init_t)};
static const mt_payload_ops_t stop_ops = {.destroy = destroy_stop, .name = "stop", .size = sizeof(probe_message_t)};

// The identity of a message: two that were mixed up change the sum.
static uint64_t next_id(void) {
    uint64_t id = (mt_a64_add(&probe_made, 1) + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mt_a64_add(&probe_made_sum, id);
    return id;
}

mt_node_t *probe_message(mt_kind_t kind, probe_action_t action, uint64_t a, uint64_t b) {
    mt_node_t *node = mt_node_alloc(mt_thread_self(), sizeof(probe_message_t));
    if (!node) return NULL;
    node->kind = kind;
    node->ops = kind == MT_KIND_STOP ? &stop_ops : &message_ops;
    node->reply = 0;
    *(probe_message_t *)mt_node_payload(node) = (probe_message_t){action, a, b, next_id()};
    return node;
}

void probe_discard(mt_node_t *node) {
    node->ops->destroy(node->ops, mt_node_payload(node));
    mt_node_free(mt_thread_self(), node);
}

static mt_status_t send(mt_pid_t pid, mt_node_t *node) {
    mt_thread_t *thread = mt_thread_self();
    mt_status_t status = mt_process_send(thread, pid, node);
    if (status == MT_OK || status == MT_DISPLACED) return status;
    mt_process_count_refused(thread, pid, node->ops, status == MT_FULL ? MT_DEAD_FULL : MT_DEAD_NO_PROCESS);
    probe_discard(node);
    return status;
}

mt_status_t probe_cast(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b) {
    mt_node_t *node = probe_message(MT_KIND_CAST, action, a, b);
    return node ? send(pid, node) : MT_NO_MEMORY;
}

mt_reply_ref_t probe_call_begin(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b) {
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *node = probe_message(MT_KIND_CALL, action, a, b);
    if (!node) return 0;
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    node->reply = ref;
    mt_status_t status = ref ? send(pid, node) : MT_NO_MEMORY;
    if (status == MT_OK || status == MT_DISPLACED) return ref;
    if (!ref) probe_discard(node);
    if (ref) mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
    if (ref) mt_reply_free(thread, ref);
    return 0;
}

mt_reply_kind_t probe_call_end(mt_reply_ref_t ref, uint64_t deadline_ns, uint64_t *word) {
    mt_reply_wait_blocking(ref, &mt_env_system, deadline_ns);
    mt_reply_t *reply = mt_reply_of(ref);
    mt_reply_kind_t kind = reply->kind;
    uint64_t value = *(uint64_t *)(void *)reply->value;
    if (kind == MT_REPLY_EXITED) {
        probe_reason_t *reason = (probe_reason_t *)value;
        value = reason->number;
        probe_reason_release(reason);
    }
    mt_reply_free(mt_thread_self(), ref);
    if (word) *word = value;
    return kind;
}

mt_reply_kind_t probe_call(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b, uint64_t *word) {
    mt_reply_ref_t ref = probe_call_begin(pid, action, a, b);
    return ref ? probe_call_end(ref, MT_FOREVER, word) : MT_REPLY_NO_PROCESS;
}

// --- Processes -------------------------------------------------------------------------------------------------------

mt_status_t probe_spawn_async(probe_world_t *world, const probe_spec_t *spec, mt_reply_ref_t start, mt_pid_t *pid) {
    static const probe_spec_t plain;
    if (!spec) spec = &plain;
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *node = mt_node_alloc(thread, sizeof(probe_init_t));
    if (!node) return MT_NO_MEMORY;
    node->ops = &init_ops;
    node->reply = start;
    *(probe_init_t *)mt_node_payload(node) = (probe_init_t){.base = {.klass = &probe_class, .name = spec->name},
                                                            .message = {spec->init, spec->a, spec->b, next_id()}};
    mt_spawn_t spawn = {.init = node,
                        .capacity = spec->capacity,
                        .policy = spec->policy,
                        .traps_exits = spec->traps_exits,
                        .waits = spec->waits};
    mt_status_t status = mt_process_spawn(world->runtime, thread, &spawn, pid);
    if (status != MT_OK) probe_discard(node);
    return status;
}

mt_pid_t probe_spawn_answer(probe_world_t *world, const probe_spec_t *spec, mt_reply_kind_t *kind,
                            mt_status_t *status) {
    mt_reply_ref_t start = mt_reply_arm(mt_thread_self(), 0, 0, MT_FOREVER);
    mt_pid_t pid = 0;
    *kind = MT_REPLY_OVERLOADED;
    *status = start ? probe_spawn_async(world, spec, start, &pid) : MT_NO_MEMORY;
    if (*status != MT_OK && start) mt_reply_complete(start, MT_REPLY_OVERLOADED);
    if (start) *kind = probe_call_end(start, MT_FOREVER, NULL);
    return *status == MT_OK && *kind == MT_REPLY_VALUE ? pid : 0;
}

mt_pid_t probe_spawn(probe_world_t *world, const probe_spec_t *spec) {
    mt_reply_kind_t kind;
    mt_status_t status;
    mt_pid_t pid = probe_spawn_answer(world, spec, &kind, &status);
    EXPECT(pid != 0);
    return pid;
}

mt_status_t probe_stop_async(mt_pid_t pid, uint32_t number, mt_reply_ref_t ref) {
    probe_reason_t *reason = probe_reason_make(number);
    mt_node_t *node = probe_message(MT_KIND_STOP, NULL, (uint64_t)reason, 0);
    if (!node) {
        probe_reason_release(reason);
        return MT_NO_MEMORY;
    }
    node->reply = ref;
    mt_status_t status = mt_process_send_system(mt_thread_self(), pid, node);
    if (status != MT_OK) probe_discard(node);
    return status;
}

bool probe_stop(mt_pid_t pid, uint32_t number) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    if (probe_stop_async(pid, number, ref) != MT_OK) mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
    return probe_call_end(ref, MT_FOREVER, NULL) == MT_REPLY_EXITED;
}

uint64_t probe_join(mt_pid_t pid) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    if (mt_process_watch(thread, pid, ref) != MT_OK) mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
    uint64_t number = 0;
    mt_reply_kind_t kind = probe_call_end(ref, mt_check_now_ns() + PROBE_WAIT_NS, &number);
    EXPECT(kind == MT_REPLY_EXITED || kind == MT_REPLY_NO_PROCESS);
    return kind == MT_REPLY_EXITED ? number : UINT64_MAX;
}

bool probe_exit(mt_pid_t pid, uint32_t number) {
    probe_reason_t *reason = probe_reason_make(number);
    bool is_lethal = mt_process_exit_signal(mt_thread_self(), pid, 0, reason);
    probe_reason_release(reason);
    return is_lethal;
}

void probe_runtime_check_slots(const mt_pid_t *pids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (pids[i]) mt_process_check(mt_slot_of(pids[i]));
}

// --- Waiting ---------------------------------------------------------------------------------------------------------

bool probe_eventually(bool (*condition)(void *argument), void *argument) {
    uint64_t end = mt_check_now_ns() + PROBE_WAIT_NS;
    mt_a32_t nobody = {0};
    while (!condition(argument)) {
        if (mt_check_now_ns() >= end) return false;
        mt_env_system.park(NULL, &nobody, 0, mt_check_now_ns() + 200000);
    }
    return true;
}

typedef struct {
    const mt_a64_t *word;
    const mt_a32_t *word32;
    uint64_t value;
} at_least_t;

static bool is_at_least(void *raw) {
    const at_least_t *want = raw;
    return (want->word ? mt_a64_load_acq(want->word) : mt_a32_load_acq(want->word32)) >= want->value;
}

bool probe_wait_word(const mt_a64_t *word, uint64_t value) {
    bool came = probe_eventually(is_at_least, &(at_least_t){.word = word, .value = value});
    EXPECT(came);
    return came;
}

bool probe_wait_word32(const mt_a32_t *word, uint32_t value) {
    bool came = probe_eventually(is_at_least, &(at_least_t){.word32 = word, .value = value});
    EXPECT(came);
    return came;
}

// --- A runtime and its account ---------------------------------------------------------------------------------------

uint64_t probe_live_nodes(void) {
    uint64_t nodes = 0;
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) nodes += mt_pool_live(size_class);
    return nodes;
}

mt_config_t probe_config(uint32_t workers) {
    return (mt_config_t){.workers = workers,
                         .run_budget = 128,
                         .spares_max = 8,
                         .stall_limit_ns = MT_FOREVER,
                         .stand_in_after_ns = MT_FOREVER,
                         .tick_ns = 1000000,
                         .processes_max = 4096,
                         .env = mt_env_system};
}

void probe_open_with(probe_world_t *world, const mt_config_t *config) {
    EXPECT(mt_runtime_start(config, &world->runtime) == MT_OK);
    world->replies_before = mt_region_live(&mt_replies);
    world->slots_before = mt_region_live(&mt_slots);
    world->nodes_before = probe_live_nodes();
}

void probe_open(probe_world_t *world, uint32_t workers) {
    mt_config_t config = probe_config(workers);
    probe_open_with(world, &config);
}

void probe_open_virtual(probe_world_t *world, uint32_t workers) {
    mt_config_t config = probe_config(workers);
    mt_a64_store_rlx(&world->clock.now_ns, 0);
    config.env = mt_env_virtual(&world->clock);
    probe_open_with(world, &config);
}

static void kill_one(void *context, mt_pid_t pid) {
    (void)context;
    mt_process_kill(mt_thread_self(), pid);
}

static bool has_no_process(void *raw) {
    mt_statistics_t statistics;
    mt_runtime_statistics(raw, &statistics);
    return statistics.processes == 0;
}

void probe_end_all(probe_world_t *world) {
    mt_runtime_close(world->runtime);
    mt_runtime_for_each(world->runtime, kill_one, NULL);
    EXPECT(probe_eventually(has_no_process, world->runtime));
    mt_runtime_wait_idle(world->runtime);
    mt_statistics_t statistics;
    mt_runtime_statistics(world->runtime, &statistics);
    uint64_t ended = statistics.handled + statistics.refused + statistics.discarded;
    EXPECT(statistics.sent == ended);
    if (statistics.sent != ended)
        mt_check_figure("sent and not accounted for", (double)(int64_t)(statistics.sent - ended), "");
    EXPECT(statistics.spawns == statistics.exits);
    EXPECT(statistics.timers == 0);
}

void probe_close(probe_world_t *world) {
    probe_end_all(world);
    EXPECT(mt_runtime_stop(world->runtime, MT_FOREVER) == 0);
    mt_runtime_release(world->runtime);
    EXPECT(mt_a64_load_acq(&probe_made) == mt_a64_load_acq(&probe_ended));
    EXPECT(mt_a64_load_acq(&probe_made_sum) == mt_a64_load_acq(&probe_ended_sum));
    EXPECT(mt_a64_load_acq(&probe_states) == 0 && mt_a64_load_acq(&probe_reasons) == 0);
    EXPECT(mt_region_live(&mt_replies) == world->replies_before);
    EXPECT(mt_region_live(&mt_slots) == world->slots_before);
    EXPECT(probe_live_nodes() == world->nodes_before);
}
