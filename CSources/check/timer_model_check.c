// SPDX-License-Identifier: Apache-2.0
// Timers against a model that is searched from end to end: random arms, cancels, deaths of owners and steps of time.
#include "timer_probe.h"

#include <stdlib.h>

#define MODELS 400
#define OWNERS 6

typedef struct {
    probe_t probe;
    bool live;
    uint32_t owner; // 0: the runtime
    uint64_t ref, when_ns, period_ns;
    mt_timer_policy_t policy;
    uint32_t fired, dropped;
} model_t;

typedef struct {
    world_t world;
    model_t models[MODELS];
    uint32_t heads[OWNERS];
    uint64_t now_ns, random;
} run_t;

static uint64_t pick_delay(run_t *run) { return mt_check_random(&run->random) >> (mt_check_random(&run->random) % 30); }

static void model_arm(run_t *run, model_t *model) {
    model->owner = mt_check_random(&run->random) % OWNERS;
    model->when_ns = run->now_ns + pick_delay(run);
    model->period_ns = mt_check_random(&run->random) % 3 ? 0 : 1 + pick_delay(run);
    model->policy = mt_check_random(&run->random) % 2 ? MT_TIMER_FIXED_RATE : MT_TIMER_FIXED_DELAY;
    mt_timer_spec_t spec = {.ops = &probe_ops,
                            .payload = &model->probe,
                            .target = model->when_ns,
                            .owner = model->owner,
                            .when_ns = model->when_ns,
                            .period_ns = model->period_ns,
                            .policy = model->policy};
    uint32_t *head = model->owner ? &run->heads[model->owner] : NULL;
    memset(&model->probe, 0, sizeof model->probe);
    model->fired = model->dropped = 0;
    model->live = mt_timers_arm(run->world.timers, &spec, head, &model->ref) == MT_OK;
    EXPECT(model->live);
}

static void model_advance(run_t *run) {
    uint64_t step = pick_delay(run) * (mt_check_random(&run->random) % 16 ? 1 : 1000);
    run->now_ns += step;
    uint32_t expected = 0, fired = run_to(&run->world, run->now_ns);
    for (uint32_t i = 0; i < MODELS; i++) {
        model_t *model = &run->models[i];
        if (!model->live || (model->when_ns + TICK_NS - 1) / TICK_NS * TICK_NS > run->now_ns) continue;
        expected++;
        model->fired++;
        EXPECT(model->probe.last_now_ns == run->now_ns);
        if (model->period_ns == 0) model->live = false;
        else if (model->policy == MT_TIMER_FIXED_DELAY) model->when_ns = run->now_ns + model->period_ns;
        else model->when_ns += ((run->now_ns - model->when_ns) / model->period_ns + 1) * model->period_ns;
    }
    EXPECT(fired == expected);
}

static void model_kill(run_t *run, uint32_t owner) {
    mt_timers_cancel_owner(run->world.timers, owner, &run->heads[owner]);
    for (uint32_t i = 0; i < MODELS; i++) {
        model_t *model = &run->models[i];
        if (!model->live || model->owner != owner) continue;
        model->live = false;
        model->dropped++;
    }
}

static void model_cancel(run_t *run, model_t *model) {
    uint64_t remaining_ns = 0, expected_ns = model->when_ns > run->now_ns ? model->when_ns - run->now_ns : 0;
    EXPECT(mt_timers_remaining(model->ref, &remaining_ns) == model->live);
    EXPECT(!model->live || remaining_ns == expected_ns);
    if (mt_check_random(&run->random) % 2) return;
    EXPECT(mt_timers_cancel(model->ref, &remaining_ns) == model->live);
    EXPECT(!model->live || remaining_ns == expected_ns);
    model->dropped += model->live;
    model->live = false;
}

MT_CHECK(timer_random_against_a_model) {
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_t *run = calloc(1, sizeof *run);
        world_open(&run->world, 1u << seed % 4);
        run->random = seed * 991;
        for (uint32_t step = 0; step < 6000; step++) {
            model_t *model = &run->models[mt_check_random(&run->random) % MODELS];
            uint32_t kind = mt_check_random(&run->random) % 64;
            if (kind == 0) model_kill(run, 1 + mt_check_random(&run->random) % (OWNERS - 1));
            else if (kind < 6) model_advance(run);
            else if (model->live || kind < 10) model_cancel(run, model);
            else model_arm(run, model);
            EXPECT(model->probe.fired == model->fired && model->probe.dropped == model->dropped);
        }
        uint64_t live = 0;
        for (uint32_t i = 0; i < MODELS; i++) live += run->models[i].live;
        EXPECT(mt_timers_check(run->world.timers) == live && mt_timers_stats(run->world.timers).live == live);
        world_close(&run->world);
        for (uint32_t i = 0; i < MODELS; i++)
            EXPECT(run->models[i].probe.dropped == run->models[i].dropped + run->models[i].live);
        free(run);
    }
}
