// SPDX-License-Identifier: Apache-2.0
// Memory for the states of processes.
#include "martlet/pool.h"

#include <stdlib.h>

static bool fits(size_t size, size_t alignment) { return size <= MT_NODE_PAYLOAD_MAX && alignment <= 8; }

void *mt_state_alloc(size_t size, size_t alignment) {
    if (fits(size, alignment)) {
        mt_thread_t *thread = mt_thread_self();
        mt_node_t *node = thread ? mt_node_alloc(thread, size) : NULL;
        return node ? node->payload : NULL;
    }
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    if (mt_alloc_refused()) return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void mt_state_free(void *state, size_t size, size_t alignment) {
    if (!fits(size, alignment)) {
        free(state);
        return;
    }
    mt_thread_t *thread = mt_thread_self();
    // A thread without a record has no magazine to give it to; it has run user code, so it has one.
    if (thread) mt_node_free(thread, (mt_node_t *)(void *)((unsigned char *)state - MT_NODE_HEADER));
}
