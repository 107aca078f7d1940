// SPDX-License-Identifier: Apache-2.0
// What programs share.
#include "world.h"

static mt_thread_t *records[MODEL_THREADS_MAX];

// So that the magazines have items: what an execution does with pools is for the pools' own programs.
static void stock(mt_thread_t *thread) {
    static const size_t sizes[] = {8, MT_NODE_SIZE(1) - MT_NODE_HEADER};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mt_node_t *node = mt_node_alloc(thread, sizes[i]);
        mt_node_free(thread, node);
    }
    if (!mt_slots.base) return;
    mt_region_give(&mt_slots, &thread->slots, mt_region_take(&mt_slots, &thread->slots));
    mt_region_give(&mt_replies, &thread->replies, mt_region_take(&mt_replies, &thread->replies));
    if (mt_ties.base) mt_region_give(&mt_ties, &thread->ties, mt_region_take(&mt_ties, &thread->ties));
    mt_region_give(&mt_timer_items, &thread->timers, mt_region_take(&mt_timer_items, &thread->timers));
}

void world_threads(uint32_t count, mt_runtime_t *runtime) {
    for (uint32_t i = 0; i <= count; i++) {
        mt_thread_current = NULL;
        records[i] = mt_thread_attach();
        stock(records[i]);
        records[i]->runtime = runtime; // any of them may run its processes
        if (runtime) mt_stats(records[i], runtime);
    }
    mt_thread_current = records[0];
}

mt_runtime_t *world_runtime(uint32_t workers, uint32_t spares, uint32_t count) {
    mt_config_t config = {.workers = workers,
                          .run_budget = 100,
                          .spares_max = spares,
                          .stall_limit_ns = MT_FOREVER,
                          .tick_ns = 1000000,
                          .processes_max = 16,
                          .env = mt_env_system};
    mt_runtime_t *runtime;
    MT_ASSERT(mt_runtime_start(&config, &runtime) == MT_OK);
    world_threads(count, runtime);
    return runtime;
}

mt_thread_t *world_record(uint32_t thread) { return records[thread]; }

void world_become(const model_started_t *started) {
    mt_thread_current = NULL;
    started->body(started->argument);
}

mt_thread_t *world_enter(void) { return mt_thread_current = records[model_thread()]; }

mt_node_t *world_node(mt_thread_t *thread, uint64_t word) {
    mt_node_t *node = mt_node_alloc(thread, 8);
    node->ops = NULL;
    node->kind = MT_KIND_CAST;
    node->reply = 0;
    node->flags = 0;
    *(uint64_t *)(void *)node->payload = word;
    return node;
}
