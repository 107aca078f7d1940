// SPDX-License-Identifier: Apache-2.0
// What programs share.
#include "world.h"

static mt_thread_t *records[MODEL_THREADS_MAX];

void world_threads(uint32_t count) {
    for (uint32_t i = 0; i <= count; i++) {
        mt_thread_current = NULL;
        records[i] = mt_thread_attach();
        // So that the magazine has nodes: what an execution does with pools is for the pools' own programs.
        mt_node_t *node = mt_node_alloc(records[i], 8);
        mt_node_free(records[i], node);
    }
    mt_thread_current = records[0];
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
