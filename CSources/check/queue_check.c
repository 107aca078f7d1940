// SPDX-License-Identifier: Apache-2.0
// The run queues alone, with slots that are nothing but items: ring, spill, stealing, run-next, inject queue.
#include "probe_engine.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 2048 };

// A runtime without threads. Static: the thread's cache of counters may point to it for ever.
static mt_runtime_t fake;
static mt_worker_t *workers[3];
static mt_slot_t *items;

static void open_queues(void) {
    if (!items) {
        pthread_mutex_init(&fake.lock, NULL);
        pthread_mutex_init(&fake.stats_mutex, NULL);
        items = aligned_alloc(MT_CACHE_LINE, ITEMS * sizeof *items);
        for (uint32_t i = 0; i < 3; i++)
            workers[i] = aligned_alloc(MT_CACHE_LINE, (sizeof(mt_worker_t) + 63) / 64 * 64);
    }
    memset(items, 0, ITEMS * sizeof *items);
    for (uint32_t i = 0; i < 3; i++) {
        memset(workers[i], 0, sizeof *workers[i]);
        workers[i]->runtime = &fake;
        workers[i]->number = i;
    }
    MT_ASSERT(mt_thread_self() && !fake.inject_first && !mt_a32_load_acq(&fake.inject_count));
}

static mt_item_t item(uint32_t i) { return (mt_item_t)&items[i]; }

MT_CHECK(queue_ring_is_fifo) {
    open_queues();
    mt_worker_t *owner = workers[0];
    mt_a32_store_rlx(&owner->ring_head, UINT32_MAX - 100); // the counters wrap on the way
    mt_a32_store_rlx(&owner->ring_tail, UINT32_MAX - 100);
    EXPECT(mt__ring_is_empty(owner) && mt__ring_take(owner) == 0);
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < MT_RING_SIZE; i++) mt__ring_put(owner, item(i));
        EXPECT(!mt__ring_is_empty(owner));
        for (uint32_t i = 0; i < MT_RING_SIZE; i++) EXPECT(mt__ring_take(owner) == item(i));
        EXPECT(mt__ring_is_empty(owner) && mt__inject_take(&fake) == 0);
    }
}

// The older half goes to the inject queue, in order and whole.
MT_CHECK(queue_spill_and_inject_order) {
    open_queues();
    mt_worker_t *owner = workers[0];
    mt__inject(&fake, item(1000));
    for (uint32_t i = 0; i <= MT_RING_SIZE; i++) mt__ring_put(owner, item(i));
    mt__inject(&fake, item(1001));
    EXPECT(mt_a32_load_acq(&fake.inject_count) == MT_RING_SIZE / 2 + 2);
    EXPECT(mt__inject_take(&fake) == item(1000));
    for (uint32_t i = 0; i < MT_RING_SIZE / 2; i++) EXPECT(mt__inject_take(&fake) == item(i));
    EXPECT(mt__inject_take(&fake) == item(1001) && mt__inject_take(&fake) == 0);
    for (uint32_t i = MT_RING_SIZE / 2; i <= MT_RING_SIZE; i++) EXPECT(mt__ring_take(owner) == item(i));
    EXPECT(mt__ring_take(owner) == 0);
}

MT_CHECK(queue_steal_half) {
    open_queues();
    for (uint32_t count = 1; count <= MT_RING_SIZE; count = count * 2 + 1) {
        for (uint32_t i = 0; i < count; i++) mt__ring_put(workers[0], item(i));
        uint32_t stolen = count - count / 2;
        EXPECT(mt__ring_steal(workers[1], workers[0]) == item(0));
        for (uint32_t i = 1; i < stolen; i++) EXPECT(mt__ring_take(workers[1]) == item(i));
        for (uint32_t i = stolen; i < count; i++) EXPECT(mt__ring_take(workers[0]) == item(i));
        EXPECT(mt__ring_is_empty(workers[0]) && mt__ring_is_empty(workers[1]));
    }
    EXPECT(mt__ring_steal(workers[1], workers[0]) == 0);
    // A thief with a full ring takes one, for itself.
    for (uint32_t i = 0; i < MT_RING_SIZE; i++) mt__ring_put(workers[1], item(i));
    for (uint32_t i = 0; i < 10; i++) mt__ring_put(workers[0], item(1000 + i));
    EXPECT(mt__ring_steal(workers[1], workers[0]) == item(1000) && mt__ring_take(workers[0]) == item(1001));
    EXPECT(mt__ring_take(workers[1]) == item(0));
}

MT_CHECK(queue_run_next) {
    open_queues();
    EXPECT(mt__run_next_take(workers[0]) == 0 && mt__run_next_put(workers[0], item(1)) == 0);
    EXPECT(mt__run_next_put(workers[0], item(2)) == item(1)); // the displaced one comes back
    EXPECT(mt__run_next_take(workers[0]) == item(2) && mt__run_next_take(workers[0]) == 0);
}

MT_CHECK(queue_stall_list) {
    open_queues();
    mt_node_t nodes[2] = {0};
    for (uint32_t i = 0; i < MT_STALLED_MAX; i++) {
        items[i].tail = &nodes[0];
        EXPECT(mt__stall_add(&fake, &items[i]));
    }
    EXPECT(!mt__stall_add(&fake, &items[MT_STALLED_MAX]) && mt__stall_take(&fake) == 0);
    items[7].tail = &nodes[1];
    mt_aptr_store_rel(&nodes[1].next, &nodes[0]);
    EXPECT(mt__stall_take(&fake) == item(7) && mt__stall_take(&fake) == 0);
    mt_aptr_store_rel(&nodes[0].next, &nodes[1]);
    for (uint32_t i = 1; i < MT_STALLED_MAX; i++) EXPECT(mt__stall_take(&fake) != 0);
    EXPECT(mt__stall_take(&fake) == 0 && mt_a32_load_acq(&fake.stalled_count) == 0);
}

// --- Hammer ----------------------------------------------------------------------------------------------------------

typedef struct {
    mt_a64_t puts, takes[3], steals;
    mt_a32_t ended;
} traffic_t;

// Takes an item over: its plain word says that nobody else has it.
static void run_once(mt_item_t found) {
    mt_slot_t *slot = (mt_slot_t *)found;
    EXPECT(slot->stalls == 1);
    slot->stalls = 0;
    mt_a32_store_rel(&slot->activity, 0); // release: it may be put again
}

static void own_queues(traffic_t *traffic) {
    uint64_t random = 3, takes = 0, puts = 0;
    for (uint32_t next = 0; !mt_check_time_is_up(); next = (next + 1) % ITEMS) {
        mt_slot_t *slot = &items[next];
        uint32_t bits = mt_check_random(&random);
        // acquire: pairs with run_once; the last holder's writes are over.
        if (mt_a32_load_acq(&slot->activity) == 0) {
            mt_a32_store_rlx(&slot->activity, 1);
            slot->stalls = 1;
            puts++;
            mt_item_t displaced = bits % 4 ? (mt_item_t)slot : mt__run_next_put(workers[0], (mt_item_t)slot);
            if (displaced) mt__ring_put(workers[0], displaced);
        }
        if (bits % 3) continue;
        mt_item_t found = bits % 5 ? mt__ring_take(workers[0]) : mt__run_next_take(workers[0]);
        if (!found && bits % 7 == 0) found = mt__inject_take(&fake);
        if (found) run_once(found);
        takes += found != 0;
    }
    mt_a64_store_rel(&traffic->puts, puts);
    mt_a64_store_rel(&traffic->takes[0], takes);
    mt_a32_store_rel(&traffic->ended, 1);
}

static void queue_body(void *raw, uint32_t number) {
    traffic_t *traffic = raw;
    MT_ASSERT(mt_thread_self());
    if (number == 0) {
        own_queues(traffic);
        return;
    }
    mt_worker_t *self = workers[number], *other = workers[3 - number];
    uint64_t takes = 0, random = number;
    for (bool more = true; more;) {
        more = !mt_a32_load_acq(&traffic->ended); // acquire, before the look: nothing is put after it
        uint32_t bits = mt_check_random(&random);
        mt_item_t found = mt__ring_steal(self, bits % 4 ? workers[0] : other);
        if (!found && bits % 8 == 0) {
            void *next = mt_aptr_load_acq(&workers[0]->run_next);
            if (next && mt_aptr_cas(&workers[0]->run_next, &next, NULL)) found = (mt_item_t)next;
        }
        if (!found && bits % 4 == 1) found = mt__inject_take(&fake);
        if (found) run_once(found);
        takes += found != 0;
        for (uint32_t i = bits % 3; i && (found = mt__ring_take(self)); i--) {
            run_once(found);
            takes++;
        }
        if (!found && bits % 32 == 0) sched_yield();
    }
    mt_a64_store_rel(&traffic->takes[number], takes);
}

// One owner and two thieves, who also steal from each other: each item is run once for each time it was put.
MT_CHECK(queue_hammer_steal) {
    open_queues();
    traffic_t traffic = {0};
    mt_check_begin_hammer();
    mt_check_run_threads(3, queue_body, &traffic);
    uint64_t left = 0;
    mt_item_t found;
    for (uint32_t i = 0; i < 3; i++)
        for (; (found = mt__run_next_take(workers[i])) || (found = mt__ring_take(workers[i])); left++) run_once(found);
    for (; (found = mt__inject_take(&fake)); left++) run_once(found);
    uint64_t takes = 0;
    for (uint32_t i = 0; i < 3; i++) takes += mt_a64_load_acq(&traffic.takes[i]);
    EXPECT(takes + left == mt_a64_load_acq(&traffic.puts));
    for (uint32_t i = 0; i < ITEMS; i++) EXPECT(items[i].stalls == 0);
    mt_check_figure("items", (double)takes / 1e6, "million");
    mt_check_figure("by thieves", 100.0 * (double)(takes - mt_a64_load_acq(&traffic.takes[0])) / (double)takes, "%");
}
