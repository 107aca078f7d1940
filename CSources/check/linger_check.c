// SPDX-License-Identifier: Apache-2.0
// A carrier without work goes on with its worker's turn: as far as the turn's budget, of which its own burst has used.
#include "probe_engine.h"

enum { SERVERS = 4, EACH = 3 };

typedef struct {
    mt_pid_t servers[SERVERS];
    mt_a32_t handled, at_return, is_done;
    void *lingering;
} turn_t;

static void note(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    turn_t *turn = (turn_t *)a;
    if (!mt_a32_load_acq(&turn->is_done)) turn->lingering = slice->thread->lingering_carrier;
    mt_a32_add(&turn->handled, 1);
}

// Wakes servers, and lingers with what is left of its burst's budget.
static void linger(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    turn_t *turn = (turn_t *)a;
    for (uint32_t i = 0; i < SERVERS * EACH; i++) EXPECT(probe_cast(turn->servers[i % SERVERS], note, a, 0) == MT_OK);
    mt_frame_t *frame = slice->thread->frame;
    mt_linger(slice->thread, turn, (uint32_t)b);
    EXPECT(slice->thread->frame == frame && mt_thread_current_pid() == state->pid);
    EXPECT(!slice->thread->lingering_carrier);
    mt_a32_store_rel(&turn->at_return, mt_a32_load_acq(&turn->handled));
    mt_a32_store_rel(&turn->is_done, 1);
}

static void expect_handled(uint32_t budget, uint32_t expected) {
    probe_world_t world;
    probe_open(&world, 1);
    turn_t turn = {.lingering = NULL};
    for (uint32_t i = 0; i < SERVERS; i++) turn.servers[i] = probe_spawn(&world, NULL);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_runtime_wait_idle(world.runtime);
    EXPECT(probe_cast(pid, linger, (uint64_t)&turn, budget) == MT_OK);
    EXPECT(probe_wait_word32(&turn.is_done, 1) && probe_wait_word32(&turn.handled, SERVERS * EACH));
    EXPECT(mt_a32_load_acq(&turn.at_return) == expected);
    EXPECT(turn.lingering == (expected ? &turn : NULL));
    probe_close(&world);
}

MT_CHECK(linger_within_budget) {
    expect_handled(0, 0);
    expect_handled(1, 1);
    expect_handled(SERVERS * EACH - 1, SERVERS * EACH - 1);
    expect_handled(UINT32_MAX, SERVERS * EACH);
}
