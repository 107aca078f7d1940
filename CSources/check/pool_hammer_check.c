// SPDX-License-Identifier: Apache-2.0
// Hammers of the node pool, and what a node costs: alone, in bursts, and from a producer to a consumer.
#include "check.h"

#include "martlet/pool.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

// A bounded queue of nodes with one producer and one consumer.
enum { RING = 1024 };
typedef struct {
    mt_a64_t head; // written by the consumer
    unsigned char pad_head[56];
    mt_a64_t tail; // written by the producer
    unsigned char pad_tail[56];
    mt_node_t *cells[RING];
} ring_t;

static bool ring_put(ring_t *ring, mt_node_t *node) {
    uint64_t tail = mt_a64_load_rlx(&ring->tail); // relaxed: our own
    // acquire: pairs with ring_take's release; the cell has been read.
    if (tail - mt_a64_load_acq(&ring->head) == RING) return false;
    ring->cells[tail % RING] = node;
    mt_a64_store_rel(&ring->tail, tail + 1); // release: publishes the cell and the node
    return true;
}

static mt_node_t *ring_take(ring_t *ring) {
    uint64_t head = mt_a64_load_rlx(&ring->head); // relaxed: our own
    // acquire: pairs with ring_put's release.
    if (head == mt_a64_load_acq(&ring->tail)) return NULL;
    mt_node_t *node = ring->cells[head % RING];
    mt_a64_store_rel(&ring->head, head + 1); // release: the cell may be written again
    return node;
}

typedef struct {
    ring_t *rings; // one for each pair of threads
    mt_a32_t ended[32];
    mt_a64_t nodes;
} pairs_t;

static void stamp(mt_node_t *node, uint64_t value) {
    size_t words = mt_node_capacity(node) / 8;
    uint64_t *payload = mt_node_payload(node);
    node->reply = value;
    payload[0] = payload[words / 2] = payload[words - 1] = value;
}

static void produce(pairs_t *pairs, uint32_t pair) {
    mt_thread_t *thread = mt_thread_self();
    uint64_t random = pair + 1, number = 0;
    while (!mt_check_time_is_up()) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t bits = mt_check_random(&random);
            // Mostly small ones, now and then any size.
            mt_node_t *node = mt_node_alloc(thread, bits % 8 ? 24 : bits / 8 % (MT_NODE_PAYLOAD_MAX + 1));
            EXPECT(node != NULL);
            stamp(node, (uint64_t)pair << 56 | ++number);
            while (!ring_put(&pairs->rings[pair], node)) sched_yield();
        }
    }
    mt_a64_add_rlx(&pairs->nodes, number);
    mt_a32_store_rel(&pairs->ended[pair], 1); // release: the last put comes before
}

static void consume(pairs_t *pairs, uint32_t pair) {
    mt_thread_t *thread = mt_thread_self();
    for (uint64_t number = 1;;) {
        bool ended = mt_a32_load_acq(&pairs->ended[pair]); // acquire: a look after it finds all that was put
        mt_node_t *node = ring_take(&pairs->rings[pair]);
        if (!node && ended) break;
        if (!node) {
            sched_yield();
            continue;
        }
        size_t words = mt_node_capacity(node) / 8;
        uint64_t *payload = mt_node_payload(node), value = (uint64_t)pair << 56 | number++;
        EXPECT(node->reply == value && payload[0] == value);
        EXPECT(payload[words / 2] == value && payload[words - 1] == value);
        memset(payload, 0xEE, words * 8);
        mt_node_free(thread, node);
    }
}

static void pair_body(void *argument, uint32_t number) {
    if (number % 2 == 0) {
        produce(argument, number / 2);
    } else {
        consume(argument, number / 2);
    }
}

static void expect_quiet(void) {
    for (uint32_t size_class = 0; size_class < MT_NODE_CLASSES; size_class++) EXPECT(mt_pool_live(size_class) == 0);
    mt_pool_check();
    mt_thread_check();
}

MT_CHECK(pool_producers_and_consumers) {
    uint32_t count = mt_check_threads() / 2;
    pairs_t pairs = {.rings = calloc(count, sizeof(ring_t))};
    mt_check_begin_hammer();
    mt_check_run_threads(2 * count, pair_body, &pairs);
    free(pairs.rings);
    expect_quiet();
    mt_check_figure("nodes", (double)mt_a64_load_rlx(&pairs.nodes) / 1e6, "million");
}

// Every thread draws and gives back whole batches, so that they meet at the top of one depot, while one trims.
static void stampede_body(void *argument, uint32_t number) {
    mt_a64_t *operations = argument;
    mt_thread_t *thread = mt_thread_self();
    mt_node_t *out[3 * MT_BATCH];
    uint64_t random = number + 1, count = 0;
    while (!mt_check_time_is_up()) {
        for (uint32_t i = 0; i < 3 * MT_BATCH; i++) {
            out[i] = mt_node_alloc(thread, 24);
            stamp(out[i], (uint64_t)(number + 1) << 32 | i);
        }
        for (uint32_t i = 0; i < 3 * MT_BATCH; i++) {
            EXPECT(out[i]->reply == ((uint64_t)(number + 1) << 32 | i));
            EXPECT(*(uint64_t *)mt_node_payload(out[i]) == out[i]->reply);
            mt_node_free(thread, out[i]);
        }
        count += 3 * MT_BATCH;
        uint32_t bits = mt_check_random(&random) % 256;
        if (bits == 0) mt_thread_trim(thread);
        if (bits == 1) mt_pool_trim();
        if (bits == 2) mt_thread_detach();
        if (bits == 2) thread = mt_thread_self();
    }
    mt_a64_add_rlx(operations, count);
}

MT_CHECK(pool_stampede) {
    mt_a64_t operations = {0};
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), stampede_body, &operations);
    expect_quiet();
    mt_check_figure("exchanged batches", (double)mt_a64_load_rlx(&operations) / MT_BATCH / 1e3, "thousand");
}

static void short_life_body(void *argument, uint32_t number) {
    mt_node_t **handed_on = argument;
    mt_thread_t *thread = mt_thread_self();
    for (uint32_t i = 0; i < 200; i++) {
        mt_node_t *node = mt_node_alloc(thread, 24);
        stamp(node, number);
        mt_node_free(thread, node);
    }
    // Frees what a thread of the round before allocated.
    if (handed_on[number]) mt_node_free(thread, handed_on[number]);
    handed_on[number] = mt_node_alloc(thread, 24);
}

MT_CHECK(thread_shutdown_stampede) {
    mt_node_t *handed_on[64] = {0};
    mt_check_begin_hammer();
    uint32_t rounds = 0;
    for (; rounds < 3 || (!mt_check_time_is_up() && rounds < 300); rounds++) {
        mt_check_run_threads(mt_check_threads(), short_life_body, handed_on);
        EXPECT(mt_pool_live(0) == mt_check_threads());
        mt_pool_check();
        mt_thread_check();
    }
    for (uint32_t i = 0; i < mt_check_threads(); i++) mt_node_free(mt_thread_self(), handed_on[i]);
    expect_quiet();
}

// The cost of a node; figures only.
static double ns_each(uint64_t begin, uint64_t count) { return (double)(mt_check_now_ns() - begin) / (double)count; }

MT_CHECK(pool_cost_alone) {
    enum { ROUNDS = 2000000, BURST = 1000 };
    mt_thread_t *thread = mt_thread_self();
    uint64_t begin = mt_check_now_ns();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        mt_node_t *node = mt_node_alloc(thread, 24);
        __asm__ volatile("" : : "r"(node) : "memory");
        mt_node_free(thread, node);
    }
    mt_check_figure("alloc and free of one node", ns_each(begin, ROUNDS), "ns");
    static mt_node_t *out[BURST];
    begin = mt_check_now_ns();
    for (uint32_t round = 0; round < ROUNDS / BURST; round++) {
        for (uint32_t i = 0; i < BURST; i++) out[i] = mt_node_alloc(thread, 24);
        for (uint32_t i = 0; i < BURST; i++) mt_node_free(thread, out[i]);
    }
    mt_check_figure("alloc and free in bursts of 1,000", ns_each(begin, ROUNDS), "ns");
    expect_quiet();
}

enum { TRANSFERS = 2000000 };
static void transfer_body(void *argument, uint32_t number) {
    ring_t *ring = argument;
    mt_thread_t *thread = mt_thread_self();
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        if (number == 0) {
            mt_node_t *node = mt_node_alloc(thread, 24);
            stamp(node, i);
            while (!ring_put(ring, node)) sched_yield();
        } else {
            mt_node_t *node;
            while ((node = ring_take(ring)) == NULL) sched_yield();
            EXPECT(node->reply == i);
            mt_node_free(thread, node);
        }
    }
}

MT_CHECK(pool_cost_of_transfer) {
    ring_t *ring = calloc(1, sizeof *ring);
    uint64_t begin = mt_check_now_ns();
    mt_check_run_threads(2, transfer_body, ring);
    mt_check_figure("alloc, ring, free on another thread", ns_each(begin, TRANSFERS), "ns");
    free(ring);
    expect_quiet();
}
