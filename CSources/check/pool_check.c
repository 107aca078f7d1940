// SPDX-License-Identifier: Apache-2.0
// Checks of pool.h and thread.h. The pool is the process's own, so each check leaves nothing in use behind.
#include "check.h"

#include "martlet/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A sanitizer's shadow counts as resident and stays.
#if defined(MT_ASAN) || defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#elif defined(__has_feature)
#define SHADOWED __has_feature(thread_sanitizer)
#else
#define SHADOWED 0
#endif

static void expect_quiet(void) {
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) EXPECT(mt_pool_live(size_class) == 0);
    mt_pool_check();
    mt_thread_check();
}

// A node written in every byte its owner may write.
static void fill(mt_node_t *node, uint32_t seed) {
    mt_aptr_store_rlx(&node->next, NULL);
    node->ops = NULL;
    node->reply = node->generation = seed;
    memset(node->payload, (int)(seed & 255), mt_node_capacity(node));
}
static bool is_filled(const mt_node_t *node, uint32_t seed) {
    size_t size = mt_node_capacity(node);
    return node->generation == seed && node->reply == seed && node->payload[0] == (seed & 255) &&
           node->payload[size / 2] == (seed & 255) && node->payload[size - 1] == (seed & 255);
}

MT_CHECK(pool_classes) {
    EXPECT(mt_node_class(0) == 0 && mt_node_class(24) == 0 && mt_node_class(25) == 1 && mt_node_class(88) == 1);
    EXPECT(mt_node_class(216) == 2 && mt_node_class(217) == 3 && mt_node_class(472) == 3 && mt_node_class(473) == 4);
    EXPECT(mt_node_class(MT_NODE_PAYLOAD_MAX) == 4);
    mt_thread_t *thread = mt_thread_self();
    for (size_t size = 0; size <= MT_NODE_PAYLOAD_MAX; size++) {
        mt_node_t *node = mt_node_alloc(thread, size);
        EXPECT(node != NULL && (uintptr_t)node % MT_NODE_ALIGNMENT == 0);
        EXPECT(node->size_class == mt_node_class(size) && mt_node_capacity(node) >= size);
        EXPECT(mt_pool_live(node->size_class) == 1);
        fill(node, (uint32_t)size);
        EXPECT(!MT_IS_POISONED(node->payload) && !MT_IS_POISONED(node->payload + mt_node_capacity(node) - 1));
        mt_node_free(thread, node);
#ifdef MT_POISON_NODES
        EXPECT(MT_IS_POISONED(node->payload) && MT_IS_POISONED(node->payload + mt_node_capacity(node) - 1));
#endif
        mt_pool_check();
    }
    expect_quiet();
}

// Random allocations, frees, flushes and trims against a list of what is out, checked at every step.
MT_CHECK(pool_model) {
    enum { OUT_MAX = 3000 };
    static mt_node_t *out[OUT_MAX];
    static uint32_t seeds[OUT_MAX];
    mt_thread_t *thread = mt_thread_self();
    uint32_t out_count = 0;
    uint64_t random = 3;
    for (uint32_t step = 0; step < 4000; step++) {
        uint32_t choice = mt_check_random(&random) % 128;
        bool growing = step / 600 % 2 == 0;
        if (choice == 0) {
            mt_thread_trim(thread);
        } else if (choice == 1) {
            mt_pool_trim();
        } else if (choice < (growing ? 100u : 30u) && out_count < OUT_MAX) {
            uint32_t size = mt_check_random(&random) % 3 ? 20 : mt_check_random(&random) % MT_NODE_PAYLOAD_MAX;
            out[out_count] = mt_node_alloc(thread, size);
            seeds[out_count] = step;
            fill(out[out_count++], step);
        } else if (out_count > 0) {
            uint32_t pick = mt_check_random(&random) % out_count;
            EXPECT(is_filled(out[pick], seeds[pick]));
            mt_node_free(thread, out[pick]);
            out[pick] = out[--out_count];
            seeds[pick] = seeds[out_count];
        }
        uint64_t live = 0;
        for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) live += mt_pool_live(size_class);
        EXPECT(live == out_count);
        if (step % 8 == 0) mt_pool_check();
    }
    while (out_count > 0) mt_node_free(thread, out[--out_count]);
    expect_quiet();
}

MT_CHECK(pool_no_memory) {
    enum { OUT_MAX = 40 * MT_BATCH };
    static mt_node_t *out[OUT_MAX];
    mt_thread_t *thread = mt_thread_self();
    for (uint64_t nth = 1; nth < 30; nth++) {
        mt_thread_trim(thread);
        mt_pool_trim();
        uint32_t count = 0;
        mt_alloc_fail_at(nth, 1);
        for (mt_node_t *node; count < OUT_MAX - 1 && (node = mt_node_alloc(thread, 100)) != NULL; count++)
            fill(out[count] = node, count);
        EXPECT(count + 1 >= nth && count <= (nth - 1) * MT_BATCH); // a refill is an allocation, of a batch or less
        EXPECT(mt_pool_live(2) == count);
        mt_pool_check();
        out[count] = mt_node_alloc(thread, 100); // the next allocation works again
        EXPECT(out[count] != NULL);
        fill(out[count], count);
        mt_alloc_fail_at(0, 0);
        for (uint32_t i = 0; i <= count; i++) {
            EXPECT(is_filled(out[i], i));
            mt_node_free(thread, out[i]);
        }
        mt_pool_check();
    }
    expect_quiet();
}

static void reuse_body(void *argument, uint32_t number) {
    (void)argument;
    (void)number;
    mt_thread_t *thread = mt_thread_self();
    EXPECT(thread != NULL && thread == mt_thread_self());
    EXPECT(thread->frame == NULL && mt_aptr_load_rlx(&thread->worker) == NULL && thread->stats == NULL &&
           thread->stats_runtime == NULL);
    thread->stats = thread;
    mt_thread_detach();
    EXPECT(mt_thread_current == NULL);
    EXPECT(mt_thread_self() == thread); // attached again, to the record that was freed last
    EXPECT(thread->stats == NULL);
}

typedef struct {
    pthread_barrier_t both;
    mt_a32_t refused;
} refusal_t;

static void refused_body(void *argument, uint32_t number) {
    refusal_t *refusal = argument;
    (void)number;
    // All want a record at the same time, and one of them finds no old one.
    pthread_barrier_wait(&refusal->both);
    if (!mt_thread_self()) mt_a32_add_rlx(&refusal->refused, 1);
    pthread_barrier_wait(&refusal->both);
    mt_alloc_fail_at(0, 0);
    EXPECT(mt_thread_self() != NULL);
    pthread_barrier_wait(&refusal->both); // nobody gives a record back before
}

static void count_records(void *context, mt_thread_t *thread) {
    (void)thread;
    ++*(uint32_t *)context;
}

MT_CHECK(thread_records_are_reused) {
    mt_check_run_threads(1, reuse_body, NULL);
    uint32_t before = 0, after = 0;
    mt_thread_for_each(count_records, &before);
    for (uint32_t round = 0; round < 50; round++) mt_check_run_threads(1, reuse_body, NULL);
    mt_thread_for_each(count_records, &after);
    EXPECT(before == after);
    mt_thread_check();
}

MT_CHECK(thread_no_memory) {
    EXPECT(mt_thread_self() != NULL);
    uint32_t before = 0, after = 0;
    mt_thread_for_each(count_records, &before);
    // As many new threads as there are records: one is this thread's, so at least one of them needs a new record.
    refusal_t refusal = {0};
    pthread_barrier_init(&refusal.both, NULL, before);
    mt_alloc_fail_at(1, UINT64_MAX);
    mt_check_run_threads(before, refused_body, &refusal);
    EXPECT(mt_a32_load_rlx(&refusal.refused) == 1);
    pthread_barrier_destroy(&refusal.both);
    mt_thread_for_each(count_records, &after);
    EXPECT(after == before + 1);
    mt_thread_check();
}

static void exit_body(void *argument, uint32_t number) {
    (void)number;
    mt_node_t **kept = argument;
    mt_thread_t *thread = mt_thread_self();
    for (uint32_t i = 0; i < 300; i++) kept[i] = mt_node_alloc(thread, 24);
    for (uint32_t i = 150; i < 300; i++) mt_node_free(thread, kept[i]);
}

MT_CHECK(thread_exit_returns_nodes) {
    static mt_node_t *kept[300];
    mt_thread_t *thread = mt_thread_self();
    for (uint32_t round = 0; round < 20; round++) {
        mt_check_run_threads(1, exit_body, kept);
        EXPECT(mt_pool_live(0) == 150);
        mt_pool_check();
        for (uint32_t i = 0; i < 150; i++) mt_node_free(thread, kept[i]);
        expect_quiet();
    }
    mt_thread_trim(thread);
    mt_pool_trim();
    EXPECT(mt_pool_resident_bytes() == 0); // the ended threads hold nothing
    EXPECT(mt_pool_cached_bytes() == 0);
}

static uint64_t resident_bytes_of_process(void) {
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
        fclose(file);
    }
    return (uint64_t)resident * 4096;
}

MT_CHECK(pool_flood_returns_memory) {
    enum { FLOOD = 1000000 };
    mt_thread_t *thread = mt_thread_self();
    mt_thread_trim(thread);
    mt_pool_trim();
    uint64_t before = resident_bytes_of_process();
    mt_node_t *queue = NULL;
    uint64_t begin = mt_check_now_ns();
    for (uint32_t i = 0; i < FLOOD; i++) {
        mt_node_t *node = mt_node_alloc(thread, 88);
        fill(node, i);
        mt_aptr_store_rlx(&node->next, queue);
        queue = node;
    }
    uint64_t peak = resident_bytes_of_process();
    EXPECT(mt_pool_live(1) == FLOOD && mt_pool_resident_bytes() >= (uint64_t)FLOOD * 128);
    while (queue) {
        mt_node_t *node = queue;
        queue = mt_aptr_load_rlx(&node->next);
        mt_node_free(thread, node);
    }
    double ns = (double)(mt_check_now_ns() - begin) / FLOOD;
    uint64_t after = resident_bytes_of_process();
    // 16 MiB of the depot, 1 MiB of slabs in reserve, what two batches of the thread and the depot's batches pin.
    EXPECT(mt_pool_cached_bytes() <= 16u << 20);
    EXPECT(mt_pool_resident_bytes() <= 18u << 20);
#if !SHADOWED
    EXPECT(peak > before + ((uint64_t)FLOOD * 128) && after < before + (20u << 20));
#endif
    mt_check_figure("alloc, fill and free, with page faults", ns, "ns");
    mt_check_figure("resident before", (double)before / 1e6, "MB");
    mt_check_figure("resident at the peak", (double)peak / 1e6, "MB");
    mt_check_figure("resident after", (double)after / 1e6, "MB");
    mt_thread_trim(thread);
    mt_pool_trim();
    EXPECT(mt_pool_resident_bytes() == 0);
    expect_quiet();
}
