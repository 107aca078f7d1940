// SPDX-License-Identifier: Apache-2.0
// Handlers on the caller's thread: a claimed process is this thread's alone, gives way to kills as on a worker, and
// goes back to the scheduler with whatever came meanwhile.
#include "probe_engine.h"

#include <sched.h>
#include <stdlib.h>

MT_CHECK(in_place_call) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL), other = probe_spawn(&world, NULL);
    mt_runtime_wait_idle(world.runtime);
    mt_in_place_t call, nested;
    EXPECT(!mt_in_place_begin(&call, pid, &call, MT_FOREVER)); // another type
    mt_runtime_wait_idle(world.runtime);
    EXPECT(mt_in_place_begin(&call, pid, NULL, MT_FOREVER));
    EXPECT(mt_thread_self()->frame == &call.frame && mt_thread_current_pid() == pid);
    EXPECT(!mt_in_place_begin(&nested, pid, NULL, MT_FOREVER)); // this thread is inside it
    probe_state_t *state = call.state;
    EXPECT(state->pid == pid);
    state->count += 3;
    EXPECT(probe_cast(pid, probe_count, 1, 0) == MT_OK && probe_cast(other, probe_count, 1, 0) == MT_OK); // effects
    probe_reply_with(mt_thread_self(), call.reply, state->count);
    EXPECT(mt_in_place_end(&call, NULL) && mt_thread_self()->frame == NULL);
    uint64_t value = 0;
    EXPECT(probe_call_end(call.reply, MT_FOREVER, &value) == MT_REPLY_VALUE && value == 3);
    EXPECT(probe_call(pid, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 4); // what came meanwhile
    EXPECT(probe_stop(pid, 3) && !mt_in_place_begin(&call, pid, NULL, MT_FOREVER));
    probe_close(&world);
}

// A slot that had a bound once serves in place again; a stale claim of one that has a bound now leaves it in order.
MT_CHECK(in_place_and_bounds) {
    probe_world_t world;
    probe_open(&world, 1);
    const probe_spec_t bounded = {.capacity = 2, .policy = MT_POLICY_DROP_OLDEST};
    mt_pid_t pid = 0;
    for (uint32_t round = 0; round < 200; round++) {
        bool is_bounded = round % 2 == 0;
        mt_pid_t old = pid;
        pid = probe_spawn(&world, is_bounded ? &bounded : NULL);
        mt_runtime_wait_idle(world.runtime);
        mt_in_place_t call;
        EXPECT(!old || !mt_in_place_begin(&call, old, NULL, MT_FOREVER));
        mt_runtime_wait_idle(world.runtime);
        bool is_in = mt_in_place_begin(&call, pid, NULL, MT_FOREVER);
        EXPECT(is_in == !is_bounded);
        if (is_in) {
            probe_reply_with(mt_thread_self(), call.reply, 1);
            EXPECT(mt_in_place_end(&call, NULL));
            EXPECT(probe_call_end(call.reply, MT_FOREVER, NULL) == MT_REPLY_VALUE);
        }
        EXPECT(probe_stop(pid, 3));
        mt_runtime_wait_idle(world.runtime);
        mt_thread_trim(mt_thread_self()); // the workers' slots come around
    }
    probe_close(&world);
}

// A handler that returns without an answer: the call is the process's debt from then on.
MT_CHECK(in_place_deferred) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_runtime_wait_idle(world.runtime);
    mt_in_place_t call;
    EXPECT(mt_in_place_begin(&call, pid, NULL, MT_FOREVER) && mt_in_place_end(&call, NULL));
    EXPECT(mt_a64_load_acq(&mt_reply_of(call.reply)->word) & MT_REPLY_DEFERRED);
    EXPECT(probe_stop(pid, 5));
    uint64_t value = 0;
    EXPECT(probe_call_end(call.reply, MT_FOREVER, &value) == MT_REPLY_EXITED && value == 5);
    probe_close(&world);
}

// Killed while its handler runs here: the end does not wait, the call fails, this thread has no effect and no process.
MT_CHECK(in_place_kill) {
    probe_world_t world;
    probe_open(&world, 2);
    for (uint32_t round = 0; round < 20; round++) {
        mt_pid_t pid = probe_spawn(&world, NULL), other = probe_spawn(&world, NULL);
        mt_runtime_wait_idle(world.runtime);
        mt_in_place_t call;
        EXPECT(mt_in_place_begin(&call, pid, NULL, MT_FOREVER));
        probe_state_t *state = call.state;
        EXPECT(round % 2 ? mt_process_kill(mt_thread_self(), pid) : probe_exit(pid, 8));
        uint64_t value = 0;
        EXPECT(probe_call_end(call.reply, MT_FOREVER, &value) == MT_REPLY_EXITED && value == (round % 2 ? 1 : 8));
        mt_pid_t next = 0;
        EXPECT(probe_spawn_async(&world, NULL, 0, &next) != MT_OK);    // no effect
        EXPECT(probe_cast(other, probe_count, 1, 0) == MT_NO_PROCESS); // no effect
        state->count++;                                                // its memory is this thread's still
        EXPECT(!mt_in_place_end(&call, NULL) && mt_thread_self()->frame == NULL);
        free(state);
        mt_a64_add(&probe_states, (uint64_t)-1);
        EXPECT(probe_spawn_async(&world, NULL, 0, &next) == MT_OK); // perhaps in the same slot
        EXPECT(probe_call(other, probe_answer, 0, 0, &value) == MT_REPLY_VALUE && value == 0);
        EXPECT(probe_call(next, probe_answer, 0, 0, &value) == MT_REPLY_VALUE);
        EXPECT(probe_stop(other, 3) && probe_stop(next, 3));
    }
    probe_close(&world);
}

// --- Hammer ----------------------------------------------------------------------------------------------------------

typedef struct {
    probe_world_t world;
    mt_a64_t pids[4], in_place, queued, failed;
} hall_t;

static void answer_alone(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)a, (void)b;
    state->count++; // plain: two owners are a race
    probe_reply_with(slice->thread, slice->reply, state->count);
}

static void call_in_place(hall_t *hall, mt_in_place_t *call) {
    probe_state_t *state = call->state;
    state->count++;
    uint64_t value = state->count;
    probe_reply_with(call->thread, call->reply, value);
    if (!mt_in_place_end(call, NULL)) {
        free(state);
        mt_a64_add(&probe_states, (uint64_t)-1);
    }
    uint64_t got = 0;
    mt_reply_kind_t kind = probe_call_end(call->reply, MT_FOREVER, &got);
    EXPECT((kind == MT_REPLY_VALUE && got == value) || kind == MT_REPLY_EXITED);
    mt_a64_add_rlx(&hall->in_place, 1);
}

static void hall_body(void *raw, uint32_t number) {
    hall_t *hall = raw;
    uint64_t random = number;
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        mt_a64_t *place = &hall->pids[bits / 64 % 4];
        mt_pid_t pid = mt_a64_load_acq(place);
        mt_in_place_t call;
        if (number == 0 && bits % 64 < 2) { // the one who kills also bears
            bool killed = bits % 2 ? mt_process_kill(mt_thread_self(), pid) : probe_exit(pid, 5);
            EXPECT(killed);
            mt_a64_store_rel(place, probe_spawn(&hall->world, NULL));
        } else if (bits % 8 < 5 && mt_in_place_begin(&call, pid, NULL, MT_FOREVER)) {
            if (bits % 16 == 0) sched_yield();
            call_in_place(hall, &call);
        } else if (bits % 8 == 7) {
            probe_cast(pid, probe_count, 1, 0);
        } else {
            mt_reply_kind_t kind = probe_call(pid, answer_alone, 0, 0, NULL);
            EXPECT(kind == MT_REPLY_VALUE || kind == MT_REPLY_EXITED || kind == MT_REPLY_NO_PROCESS);
            mt_a64_add_rlx(kind == MT_REPLY_VALUE ? &hall->queued : &hall->failed, 1);
        }
    }
}

MT_CHECK(in_place_hammer) {
    hall_t hall = {0};
    probe_open(&hall.world, 2);
    for (uint32_t i = 0; i < 4; i++) mt_a64_store_rel(&hall.pids[i], probe_spawn(&hall.world, NULL));
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), hall_body, &hall);
    mt_check_figure("in place", (double)mt_a64_load_rlx(&hall.in_place) / 1e3, "thousand");
    mt_check_figure("queued", (double)mt_a64_load_rlx(&hall.queued) / 1e3, "thousand");
    mt_check_figure("failed", (double)mt_a64_load_rlx(&hall.failed), "");
    probe_close(&hall.world);
}
