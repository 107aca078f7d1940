// SPDX-License-Identifier: Apache-2.0
// Call cycles on real threads: short and long ones, closed one after the other and all at once; in place; through a
// start; what is none: an answer that was deferred, a process that is about to end, a slot's earlier process.
#include "probe_engine.h"

#include <stdlib.h>

#define RING_MAX 10

typedef struct ring {
    mt_pid_t pids[RING_MAX];
    uint32_t count;
    mt_a32_t inside, refused, answered, failed;
    mt_a64_t named; // pids in all the paths
} ring_t;

// A call from a handler that blocks, as the Swift side makes it.
static mt_reply_kind_t ask(mt_pid_t callee, probe_action_t action, uint64_t a, uint64_t b, mt_cycle_t **cycle) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, mt_thread_current_pid(), callee, MT_FOREVER);
    if (mt_cycle_enter(thread, 0, ref)) {
        mt_node_t *node = probe_message(MT_KIND_CALL, action, a, b);
        node->reply = ref;
        if (mt_process_send(thread, callee, node) != MT_OK) {
            probe_discard(node);
            mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
        }
        mt_call_wait_blocking(thread, mt_pid_runtime_any(callee), ref, MT_FOREVER);
    }
    mt_reply_kind_t kind = mt_reply_of(ref)->kind;
    mt_cycle_t *found = kind == MT_REPLY_CYCLE ? mt_cycle_take(ref) : NULL;
    if (cycle) *cycle = found;
    else mt_cycle_free(found);
    if (kind == MT_REPLY_EXITED) probe_reason_release(*(void **)mt_reply_value(ref));
    mt_reply_free(thread, ref);
    return kind;
}

static uint32_t place_of(const ring_t *ring, mt_pid_t pid) {
    uint32_t at = 0;
    while (at < ring->count && ring->pids[at] != pid) at++;
    return at;
}

static void note(ring_t *ring, mt_reply_kind_t kind, mt_cycle_t *cycle, mt_pid_t self) {
    if (kind == MT_REPLY_CYCLE) {
        EXPECT(cycle && cycle->count == ring->count && mt_cycle_pid(cycle, 0) == self);
        for (uint32_t i = 0; cycle && i < cycle->count; i++)
            EXPECT(mt_cycle_pid(cycle, i) == ring->pids[(place_of(ring, self) + i) % ring->count]);
    }
    mt_a32_add(kind == MT_REPLY_CYCLE ? &ring->refused : kind == MT_REPLY_VALUE ? &ring->answered : &ring->failed, 1);
    mt_cycle_free(cycle);
}

// Each asks the next, once the one before has asked it; the last one asks the first.
static void ask_next(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    ring_t *ring = (ring_t *)a;
    mt_cycle_t *cycle = NULL;
    mt_reply_kind_t kind = ask(ring->pids[(b + 1) % ring->count], ask_next, a, (b + 1) % ring->count, &cycle);
    note(ring, kind, cycle, state->pid);
    if (slice->reply) probe_reply_with(mt_thread_self(), slice->reply, b);
}

// With threads for all who block.
static void open_wide(probe_world_t *world) {
    mt_config_t config = probe_config(2);
    config.spares_max = 2 * RING_MAX;
    probe_open_with(world, &config);
}

MT_CHECK(cycle_one_after_the_other) {
    probe_world_t world;
    open_wide(&world);
    for (uint32_t count = 2; count <= RING_MAX; count += 4) {
        ring_t ring = {.count = count};
        for (uint32_t i = 0; i < count; i++) ring.pids[i] = probe_spawn(&world, NULL);
        EXPECT(probe_call(ring.pids[0], ask_next, (uint64_t)&ring, 0, NULL) == MT_REPLY_VALUE);
        EXPECT(mt_a32_load_acq(&ring.refused) == 1 && mt_a32_load_acq(&ring.answered) == count - 1);
        for (uint32_t i = 0; i < count; i++) EXPECT(probe_stop(ring.pids[i], 3));
    }
    probe_close(&world);
}

// All are inside their handlers before the first asks.
static void ask_together(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    ring_t *ring = (ring_t *)a;
    mt_a32_add(&ring->inside, 1);
    mt_thread_t *thread = slice->thread;
    bool gave_way = mt_block_begin(thread);
    while (mt_a32_load_acq(&ring->inside) < ring->count) mt_cpu_relax();
    if (gave_way) mt_block_end(thread);
    mt_cycle_t *cycle = NULL;
    mt_reply_kind_t kind = ask(ring->pids[(b + 1) % ring->count], probe_answer, 0, 0, &cycle);
    note(ring, kind, cycle, state->pid);
}

static bool is_over(void *raw) {
    ring_t *ring = raw;
    return mt_a32_load_acq(&ring->refused) + mt_a32_load_acq(&ring->answered) + mt_a32_load_acq(&ring->failed) ==
           ring->count;
}

MT_CHECK(cycle_all_at_once) {
    probe_world_t world;
    open_wide(&world);
    mt_pid_t pids[RING_MAX];
    for (uint32_t i = 0; i < RING_MAX; i++) pids[i] = probe_spawn(&world, NULL);
    uint32_t rounds = 0;
    mt_check_begin_hammer();
    for (; rounds < 20 || !mt_check_time_is_up(); rounds++) {
        ring_t ring = {.count = 2 + rounds % (RING_MAX - 1)};
        for (uint32_t i = 0; i < ring.count; i++) ring.pids[i] = pids[i];
        for (uint32_t i = 0; i < ring.count; i++)
            EXPECT(probe_cast(pids[i], ask_together, (uint64_t)&ring, i) == MT_OK);
        if (!probe_eventually(is_over, &ring)) break;
        EXPECT(mt_a32_load_acq(&ring.refused) == 1 && mt_a32_load_acq(&ring.failed) == 0);
        mt_runtime_wait_idle(world.runtime);
    }
    mt_check_figure("rounds", rounds, "");
    EXPECT(mt_cycle_given_up() == 0);
    probe_close(&world);
}

// This thread runs one in place, which asks another, which asks back.
static void ask_back(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    mt_reply_kind_t kind = ask((mt_pid_t)a, probe_answer, 0, 0, NULL);
    probe_reply_with(mt_thread_self(), slice->reply, kind);
}

MT_CHECK(cycle_in_place) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t one = probe_spawn(&world, NULL), two = probe_spawn(&world, NULL), other = probe_spawn(&world, NULL);
    for (uint32_t has_replied = 0; has_replied < 2; has_replied++) {
        mt_runtime_wait_idle(world.runtime);
        mt_thread_t *thread = mt_thread_self();
        mt_in_place_t outer, inner;
        EXPECT(mt_in_place_begin(&outer, one, NULL, MT_FOREVER) && mt_in_place_begin(&inner, two, NULL, MT_FOREVER));
        EXPECT(mt_reply_caller(inner.reply) == one && mt_reply_caller(outer.reply) == 0);
        if (has_replied) probe_reply_with(thread, inner.reply, 1);
        for (uint32_t round = 0; round < 2; round++) {
            mt_reply_ref_t ref = mt_reply_arm(thread, two, other, MT_FOREVER);
            EXPECT(mt_cycle_enter(thread, 0, ref));
            mt_node_t *node = probe_message(MT_KIND_CALL, ask_back, round ? two : one, 0);
            node->reply = ref;
            EXPECT(mt_process_send(thread, other, node) == MT_OK);
            uint64_t kind = 0;
            EXPECT(probe_call_end(ref, MT_FOREVER, &kind) == MT_REPLY_VALUE && kind == MT_REPLY_CYCLE);
        }
        EXPECT(inner.frame.has_stand_in == has_replied);
        if (!has_replied) probe_reply_with(thread, inner.reply, 1);
        EXPECT(mt_in_place_end(&inner, NULL));
        probe_reply_with(thread, outer.reply, 1);
        EXPECT(mt_in_place_end(&outer, NULL));
        EXPECT(probe_call_end(inner.reply, MT_FOREVER, NULL) == MT_REPLY_VALUE);
        EXPECT(probe_call_end(outer.reply, MT_FOREVER, NULL) == MT_REPLY_VALUE);
    }
    probe_close(&world);
}

// What is no cycle, and what of one is: by hand, without waiting.
MT_CHECK(cycle_edges) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t one = probe_spawn(&world, NULL), two = probe_spawn(&world, NULL);
    mt_reply_ref_t first = mt_reply_arm(thread, one, two, MT_FOREVER);
    EXPECT(mt_cycle_enter(thread, 0, first)); // no process: nothing is published
    EXPECT(mt_a64_load_acq(&mt_slot_of(one)->edge) == 0);
    EXPECT(mt_cycle_enter_task(one, first) && mt_a64_load_acq(&mt_slot_of(one)->edge) == first);
    mt_reply_ref_t second = mt_reply_arm(thread, two, one, MT_FOREVER);
    EXPECT(!mt_cycle_enter_task(two, second) && mt_reply_of(second)->kind == MT_REPLY_CYCLE);
    mt_cycle_t *cycle = mt_cycle_take(second);
    EXPECT(cycle && cycle->count == 2 && mt_cycle_pid(cycle, 0) == two && mt_cycle_pid(cycle, 1) == one);
    mt_cycle_free(cycle);
    mt_reply_free(thread, second);
    second = mt_reply_arm(thread, two, one, MT_FOREVER);
    mt_a64_store_rel(&mt_reply_of(first)->caller, two); // as of another process that had the slot
    EXPECT(mt_cycle_enter_task(two, second));
    mt_a64_store_rel(&mt_reply_of(first)->caller, one);
    mt_reply_mark_deferred(first); // anyone may answer
    EXPECT(mt_cycle_enter_task(two, second));
    EXPECT(mt_reply_complete(first, MT_REPLY_CANCELLED) && mt_cycle_enter_task(two, second));
    mt_reply_free(thread, first);
    first = mt_reply_arm(thread, one, two, MT_FOREVER); // the same slot, another life: the old edge is of no use
    EXPECT((uint32_t)first == (uint32_t)mt_a64_load_acq(&mt_slot_of(one)->edge) && mt_cycle_enter_task(two, second));
    EXPECT(mt_reply_complete(second, MT_REPLY_CANCELLED));
    mt_reply_free(thread, second);
    EXPECT(mt_cycle_enter_task(one, first) && mt_process_kill(thread, one));
    second = mt_reply_arm(thread, two, one, MT_FOREVER);
    EXPECT(mt_cycle_enter_task(two, second)); // it ends, and fails its callers
    EXPECT(mt_reply_complete(first, MT_REPLY_CANCELLED) && mt_reply_complete(second, MT_REPLY_CANCELLED));
    mt_reply_free(thread, first);
    mt_reply_free(thread, second);
    probe_close(&world);
}

// Longer than a walk may be, and a circle that the one who asks is not part of.
MT_CHECK(cycle_too_long) {
    enum { LENGTH = MT_CYCLE_STEPS_MAX + 2 };
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    static mt_pid_t pids[LENGTH];
    static mt_reply_ref_t refs[LENGTH];
    for (uint32_t i = 0; i < LENGTH; i++) pids[i] = probe_spawn(&world, NULL);
    uint64_t before = mt_cycle_given_up();
    for (uint32_t i = 0; i < LENGTH; i++) {
        refs[i] = mt_reply_arm(thread, pids[i], pids[(i + 1) % LENGTH], MT_FOREVER);
        EXPECT(mt_cycle_enter_task(pids[i], refs[i]));
    }
    EXPECT(mt_cycle_given_up() > before);
    for (uint32_t i = 0; i < LENGTH; i++) {
        EXPECT(mt_reply_complete(refs[i], MT_REPLY_CANCELLED));
        mt_reply_free(thread, refs[i]);
    }
    probe_close(&world);
}

// A start: the new process is told, not who waits for it.
static void ask_starter(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state;
    mt_cycle_t *cycle = NULL;
    mt_reply_kind_t kind = ask((mt_pid_t)b, probe_answer, 0, 0, &cycle);
    EXPECT(kind == MT_REPLY_CYCLE && cycle->count == 2);
    mt_cycle_free(cycle);
    mt_a64_add((mt_a64_t *)a, 1);
}

static mt_a64_t told;

static void start_one(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    probe_world_t *world = (probe_world_t *)a;
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t start = mt_reply_arm(thread, state->pid, 0, MT_FOREVER);
    probe_spec_t spec = {.init = ask_starter, .a = (uint64_t)&told, .b = state->pid, .waits = MT_WAITS_THREAD};
    mt_pid_t pid = 0;
    EXPECT(probe_spawn_async(world, &spec, start, &pid) == MT_OK);
    mt_call_wait_blocking(thread, world->runtime, start, MT_FOREVER);
    EXPECT(mt_reply_of(start)->kind == MT_REPLY_VALUE);
    mt_reply_free(thread, start);
    probe_reply_with(mt_thread_self(), slice->reply, 1);
}

MT_CHECK(cycle_start) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_a64_store_rlx(&told, 0);
    mt_pid_t pid = probe_spawn(&world, NULL);
    for (uint64_t round = 1; round <= 50; round++) {
        EXPECT(probe_call(pid, start_one, (uint64_t)&world, 0, NULL) == MT_REPLY_VALUE);
        EXPECT(mt_a64_load_acq(&told) == round);
    }
    probe_close(&world);
}

// What a call that blocks pays: an edge published, one step walked.
MT_CHECK(cycle_cost) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t one = probe_spawn(&world, NULL), two = probe_spawn(&world, NULL);
    mt_reply_ref_t ref = mt_reply_arm(thread, one, two, MT_FOREVER);
    enum { TIMES = 1000000 };
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        uint64_t begin = mt_check_now_ns();
        for (uint32_t i = 0; i < TIMES; i++) EXPECT(mt_cycle_enter_task(one, ref));
        double each = (double)(mt_check_now_ns() - begin) / TIMES;
        if (each < best) best = each;
    }
    mt_check_figure("enter", best, "ns");
    EXPECT(mt_reply_complete(ref, MT_REPLY_CANCELLED));
    mt_reply_free(thread, ref);
    probe_close(&world);
}
