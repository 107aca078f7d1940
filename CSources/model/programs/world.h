// SPDX-License-Identifier: Apache-2.0
// What programs share: thread records, a run queue of one, nodes with a number in them.
#ifndef MARTLET_MODEL_WORLD_H
#define MARTLET_MODEL_WORLD_H

#include "martlet/martlet.h"
#include "model.h"

// Records for threads 0 ... count, each with a few free items, and counters of that runtime unless NULL. In setup.
void world_threads(uint32_t count, mt_runtime_t *runtime);
// A runtime of which no thread runs, and records for threads 0 ... count. In setup.
mt_runtime_t *world_runtime(uint32_t workers, uint32_t spares, uint32_t count);
// Goes on as a thread that the core started, with the record that was reserved for it.
void world_become(const model_started_t *started);
// The record of the running thread; from then on mt_thread_current is right. In a body, first.
mt_thread_t *world_enter(void);
// The record of a thread, for setup.
mt_thread_t *world_record(uint32_t thread);

// A node that carries one word.
mt_node_t *world_node(mt_thread_t *thread, uint64_t word);
static inline uint64_t world_word(const mt_node_t *node) { return *(const uint64_t *)(const void *)node->payload; }

#endif
