// SPDX-License-Identifier: Apache-2.0
// Deadlines that wait in a worker's nursery: the worker ages them, into the wheel and with a nudge, while somebody
// answers. Every caller is resumed, and resumed again only after it has registered again.
#include "world.h"

#include "runtime_state.h"

#define CALLS 2

static mt_runtime_t *runtime;
static mt_reply_ref_t calls[CALLS];
static mt_a32_t resumed[CALLS];
static uint32_t waits[CALLS]; // plain: how often the caller has registered

static void resume(void *continuation) { mt_a32_add((mt_a32_t *)continuation, 1); }

static void setup(void) {
    mt_hooks.resume = resume;
    runtime = world_runtime(1, 0, 2);
    mt_thread_t *worker = world_record(1);
    mt_aptr_store_rlx(&worker->worker, runtime->workers[0]);
    worker->runtime = runtime;
    for (uint32_t i = 0; i < CALLS; i++) {
        calls[i] = mt_reply_arm(worker, 0, 0, MT_FOREVER);
        mt_reply_set_nudged_waiter(calls[i], &resumed[i]);
        waits[i] = 1;
    }
}

static void look_again(uint32_t call) {
    if (mt_a32_load_acq(&resumed[call]) == waits[call] && !mt_reply_is_done(calls[call]))
        if (mt_reply_wait(calls[call], &resumed[call])) waits[call]++;
}

// More deadlines than the ring first holds; then it ages twice, which empties it.
static void keep_and_age(void) {
    mt_thread_t *self = world_enter();
    mt_worker_t *worker = runtime->workers[0];
    uint64_t deadline = mt_env_system_now() + 10000000000;
    for (uint32_t i = 0; i < CALLS; i++) mt_deadline_arm(self, runtime, calls[i], deadline);
    mt_deadline_arm(self, runtime, calls[0], MT_FOREVER);
    uint64_t now = mt_env_system_now();
    mt__nursery_age(worker, now);
    mt__nursery_age(worker, now + 10000000);
    mt__nursery_age(worker, now + 20000000);
    MODEL_EXPECT(mt__nursery_deadline(worker) == MT_FOREVER);
    for (uint32_t i = 0; i < CALLS; i++) look_again(i);
}

static void age_and_answer(uint32_t thread) {
    if (thread == 1) {
        keep_and_age();
        return;
    }
    world_enter();
    for (uint32_t i = 0; i < CALLS; i++) mt_reply_complete(calls[i], MT_REPLY_VALUE);
}

static void check(void) {
    for (uint32_t i = 0; i < CALLS; i++) {
        MODEL_EXPECT(mt_reply_is_done(calls[i]));
        MODEL_EXPECT(mt_a32_load_acq(&resumed[i]) == waits[i]);
    }
    mt_timers_check(runtime->timers);
}

MODEL_PROGRAM(nursery_ages, .setup = setup, .body = age_and_answer, .finish = check, .threads = 2);
