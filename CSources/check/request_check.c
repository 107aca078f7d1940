// SPDX-License-Identifier: Apache-2.0
// Requests taken later: who holds, how they end, what their timers and their process's end do; takers, an abandoner and
// a replier against each other; collections on real threads. At the end no slot and no request is left.
#include "probe_engine.h"

#include <sched.h>

static mt_a64_t values_ended;
static void end_value(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    EXPECT(*(uint64_t *)payload == 77);
    mt_a64_add(&values_ended, 1);
}
static const mt_payload_ops_t value_ops = {.destroy = end_value, .name = "value", .size = 8};

static void resume(void *waiter) {
    EXPECT(mt_waiter_is_request(waiter));
    mt_request_arrive(waiter);
}

static mt_request_ref_t make(probe_world_t *world, uint64_t timeout_ns) {
    mt_thread_t *thread = mt_thread_self();
    uint64_t deadline = mt_instant_after(mt__now(world->runtime), timeout_ns);
    mt_reply_ref_t reply = mt_reply_arm(thread, 0, 0, deadline);
    return mt_request_make(thread, world->runtime, reply, &value_ops, NULL, MT_KEEP_DEADLINE);
}

static bool answer(mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_claim(ref);
    if (!reply) return false;
    *(uint64_t *)(void *)reply->value = 77;
    void *waiter = mt_reply_finish(reply, MT_REPLY_VALUE);
    if (waiter) mt_hooks.resume(waiter);
    return true;
}

// Takes what is held and done; its kind.
static mt_reply_kind_t take(mt_request_ref_t ref) {
    mt_reply_ref_t reply = mt_request_reply(ref);
    EXPECT(mt_reply_is_done(reply));
    mt_reply_kind_t kind = mt_reply_of(reply)->kind;
    mt_reply_free(mt_thread_self(), reply);
    mt_request_end(mt_thread_self(), ref);
    return kind;
}

static void open_world(probe_world_t *world, bool is_virtual) {
    if (is_virtual) probe_open_virtual(world, 1);
    else probe_open(world, 2);
    mt_hooks.resume = resume;
    mt_a64_store_rlx(&values_ended, 0);
}

static void close_world(probe_world_t *world) {
    probe_close(world); // expects that no reply slot is left
    EXPECT(mt_region_live(&mt_requests) == 0);
    mt_region_check(&mt_requests);
}

MT_CHECK(request_holds) {
    probe_world_t world;
    open_world(&world, false);
    mt_request_ref_t ref = make(&world, MT_FOREVER);
    EXPECT(mt_request_hold(ref) == MT_HOLD_YOURS && mt_request_hold(ref) == MT_HOLD_OTHERS && mt_request_is_held(ref));
    mt_request_put_back(ref);
    EXPECT(!mt_request_is_held(ref) && mt_request_hold(ref) == MT_HOLD_YOURS);
    EXPECT(answer(mt_request_reply(ref)) && take(ref) == MT_REPLY_VALUE);
    EXPECT(mt_request_hold(ref) == MT_HOLD_TAKEN && !mt_request_is_held(ref));
    mt_request_abandon(ref); // nothing
    mt_request_ref_t next = make(&world, MT_FOREVER);
    EXPECT((uint32_t)next == (uint32_t)ref && mt_request_hold(ref) == MT_HOLD_OVER);
    mt_request_abandon(next);
    EXPECT(mt_request_hold(next) == MT_HOLD_OVER && mt_request_hold(0) == MT_HOLD_OVER);
    EXPECT(mt_request_hold(UINT64_MAX) == MT_HOLD_OVER);
    next = make(&world, MT_FOREVER);
    EXPECT(answer(mt_a64_load_acq(&mt_request_of(next)->reply)));
    mt_request_abandon(next); // its value ends
    EXPECT(mt_a64_load_acq(&values_ended) == 1);
    next = make(&world, MT_FOREVER);
    EXPECT(mt_request_hold(next) == MT_HOLD_YOURS);
    mt_request_abandon(next); // whoever waits is told
    EXPECT(take(next) == MT_REPLY_CANCELLED);
    close_world(&world);
}

static void pass(probe_world_t *world, uint64_t ns) {
    uint64_t now_ns = mt_virtual_clock_now(&world->clock) + ns;
    mt_virtual_clock_set(&world->clock, now_ns);
    mt_runtime_drive_timers(world->runtime);
    mt_runtime_wait_idle(world->runtime);
}

MT_CHECK(request_timer) {
    probe_world_t world;
    open_world(&world, true);
    mt_request_ref_t late = make(&world, 5000000), kept = make(&world, 5000000), held = make(&world, 5000000);
    EXPECT(answer(mt_a64_load_acq(&mt_request_of(kept)->reply)) && mt_request_hold(held) == MT_HOLD_YOURS);
    pass(&world, 10000000);
    EXPECT(mt_request_hold(late) == MT_HOLD_YOURS && take(late) == MT_REPLY_TIMEOUT);
    EXPECT(mt_request_hold(kept) == MT_HOLD_YOURS);
    mt_request_put_back(kept);
    pass(&world, MT_REQUEST_KEEP_NS + 2000000);
    EXPECT(mt_request_hold(kept) == MT_HOLD_FORGOTTEN && mt_a64_load_acq(&values_ended) == 1);
    EXPECT(mt_request_hold(late) != MT_HOLD_YOURS);
    mt_request_put_back(held); // nobody could reclaim it meanwhile
    pass(&world, MT_REQUEST_KEEP_NS);
    pass(&world, MT_REQUEST_KEEP_NS); // the time of who held it does not count
    EXPECT(mt_request_hold(held) == MT_HOLD_FORGOTTEN);
    close_world(&world);
}

static mt_a64_t made[3];

static void make_some(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state, (void)b;
    for (int i = 0; i < 3; i++) mt_a64_store_rel(&made[i], make((probe_world_t *)a, MT_FOREVER));
    EXPECT(answer(mt_a64_load_acq(&mt_request_of(mt_a64_load_acq(&made[0]))->reply)));
}

// What a process requested goes with it; what is held just then, when it is put back.
MT_CHECK(request_owner_ends) {
    probe_world_t world;
    open_world(&world, false);
    mt_pid_t pid = probe_spawn(&world, NULL);
    EXPECT(probe_cast(pid, make_some, (uint64_t)&world, 0) == MT_OK);
    EXPECT(probe_wait_word(&made[2], 1));
    mt_runtime_wait_idle(world.runtime);
    EXPECT(mt_request_hold(mt_a64_load_acq(&made[2])) == MT_HOLD_YOURS && probe_stop(pid, 3));
    EXPECT(mt_request_hold(mt_a64_load_acq(&made[0])) == MT_HOLD_OVER && mt_a64_load_acq(&values_ended) == 1);
    EXPECT(mt_request_hold(mt_a64_load_acq(&made[1])) == MT_HOLD_OVER);
    mt_request_put_back(mt_a64_load_acq(&made[2]));
    EXPECT(mt_request_hold(mt_a64_load_acq(&made[2])) == MT_HOLD_OVER);
    close_world(&world);
}

static mt_request_ref_t make_patient(probe_world_t *world, mt_pid_t owner) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t reply = mt_reply_arm(thread, owner, 0, MT_FOREVER);
    return mt_request_make(thread, world->runtime, reply, &value_ops, NULL, MT_KEEP_PATIENT);
}

// Kept while it is unanswered, or whose it is lives; then a while longer.
MT_CHECK(request_patient) {
    probe_world_t world;
    open_world(&world, true);
    mt_pid_t pid = probe_spawn(&world, NULL);
    mt_request_ref_t own = make_patient(&world, pid), free = make_patient(&world, 0), open = make_patient(&world, 0);
    EXPECT(mt_request_owner(own) == pid && mt_request_owner(free) == 0);
    EXPECT(answer(mt_a64_load_acq(&mt_request_of(own)->reply)));
    EXPECT(answer(mt_a64_load_acq(&mt_request_of(free)->reply)));
    for (int i = 0; i < 3; i++) pass(&world, MT_REQUEST_KEEP_NS + 2000000);
    EXPECT(mt_request_hold(free) == MT_HOLD_FORGOTTEN && mt_a64_load_acq(&values_ended) == 1);
    EXPECT(mt_request_hold(own) == MT_HOLD_YOURS && mt_request_hold(open) == MT_HOLD_YOURS);
    mt_request_put_back(own);
    mt_request_put_back(open);
    EXPECT(probe_stop(pid, 3));
    for (int i = 0; i < 3; i++) pass(&world, MT_REQUEST_KEEP_NS + 2000000);
    EXPECT(mt_request_hold(own) == MT_HOLD_FORGOTTEN && mt_a64_load_acq(&values_ended) == 2);
    EXPECT(mt_request_owner(own) == 0 && mt_request_hold(open) == MT_HOLD_YOURS);
    mt_request_put_back(open);
    mt_request_abandon(open);
    mt_request_ref_t vain = make(&world, MT_FOREVER);
    EXPECT(mt_request_hold(vain) == MT_HOLD_YOURS);
    mt_reply_complete(mt_request_reply(vain), MT_REPLY_TIMEOUT);
    mt_reply_free(mt_thread_self(), mt_request_reply(vain));
    mt_request_end_forgotten(mt_thread_self(), vain);
    EXPECT(mt_request_hold(vain) == MT_HOLD_FORGOTTEN);
    close_world(&world);
}

// --- Races -----------------------------------------------------------------------------------------------------------

// Thread 0 makes requests; the others take, abandon and answer whatever they find. Each ends once.
typedef struct {
    probe_world_t world;
    mt_a64_t ref, made, taken, ended;
} market_t;

static void market_body(void *raw, uint32_t number) {
    market_t *market = raw;
    uint64_t random = number + 1;
    while (number == 0 && !mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        mt_request_ref_t ref = make(&market->world, bits % 4 ? 1000000 + bits % 100000 : MT_FOREVER);
        mt_a64_store_rel(&market->ref, ref);
        mt_a64_add(&market->made, 1);
        for (uint32_t spin = bits % 512; spin; spin--) mt_cpu_relax();
        if (bits % 16 == 0) sched_yield();
        mt_request_abandon(ref);
    }
    if (number == 0) mt_a64_store_rel(&market->ended, 1);
    while (number > 0 && !mt_a64_load_acq(&market->ended)) {
        mt_request_ref_t ref = mt_a64_load_acq(&market->ref);
        if (!ref) continue;
        uint32_t bits = mt_check_random(&random);
        if (number == 1) {
            answer(mt_a64_load_acq(&mt_request_of(ref)->reply));
        } else if (mt_request_hold(ref) == MT_HOLD_YOURS) {
            if (mt_reply_is_done(mt_request_reply(ref))) {
                if (take(ref) == MT_REPLY_VALUE) mt_a64_add(&values_ended, 1);
                mt_a64_add(&market->taken, 1);
            } else {
                mt_request_put_back(ref);
            }
        } else if (bits % 64 == 0) {
            mt_request_abandon(ref);
        }
        if (bits % 8 == 0) sched_yield();
    }
}

MT_CHECK(request_hammer) {
    market_t market = {0};
    open_world(&market.world, false);
    mt_check_begin_hammer();
    mt_check_run_threads(4, market_body, &market);
    // The last holder may have put one back behind the abandoner: its timer or nobody has it.
    mt_request_abandon(mt_a64_load_acq(&market.ref));
    mt_check_figure("made", (double)mt_a64_load_acq(&market.made) / 1e3, "thousand");
    mt_check_figure("taken", (double)mt_a64_load_acq(&market.taken) / 1e3, "thousand");
    close_world(&market.world);
}

// Thread 0 collects rounds of 64; the others answer them.
#define ROUND 64
typedef struct {
    probe_world_t world;
    mt_a64_t replies[ROUND], ended, collected, rounds;
} fair_t;

static void collect(fair_t *fair, uint64_t *random) {
    mt_thread_t *thread = mt_thread_self();
    mt_gather_t *gather = mt_gather_make();
    uint32_t wanted = mt_check_random(random) % 4 ? ROUND : mt_check_random(random) % ROUND, got = 0;
    mt_reply_ref_t replies[ROUND];
    for (uint32_t i = 0; i < ROUND; i++) {
        mt_request_ref_t ref = make(&fair->world, MT_FOREVER);
        replies[i] = mt_a64_load_acq(&mt_request_of(ref)->reply);
        EXPECT(mt_request_hold(ref) == MT_HOLD_YOURS);
        if (i % 2) mt_a64_store_rel(&fair->replies[i], replies[i]);
        mt_gather_add(gather, ref);
        mt_a64_store_rel(&fair->replies[i], replies[i]);
    }
    while (got < wanted) {
        mt_reply_ref_t waiter = mt_reply_arm(thread, 0, 0, MT_FOREVER);
        if (!mt_gather_wait(gather, waiter)) mt_reply_complete(waiter, MT_REPLY_GRANTED);
        mt_reply_wait_blocking(waiter, &mt_env_system, mt_check_now_ns() + PROBE_WAIT_NS);
        EXPECT(mt_reply_of(waiter)->kind == MT_REPLY_GRANTED);
        mt_gather_leave(gather);
        mt_reply_free(thread, waiter);
        for (mt_request_ref_t ref = mt_gather_take(gather), next; ref; ref = next, got++) {
            next = mt_request_next(ref);
            EXPECT(take(ref) == MT_REPLY_VALUE);
        }
    }
    mt_gather_close(gather);
    for (uint32_t i = 0; i < ROUND; i++) mt_reply_complete(replies[i], MT_REPLY_CANCELLED);
    mt_a64_add(&fair->collected, got);
    mt_a64_add(&fair->rounds, 1);
}

static void fair_body(void *raw, uint32_t number) {
    fair_t *fair = raw;
    uint64_t random = number + 1;
    while (number == 0 && !mt_check_time_is_up()) collect(fair, &random);
    if (number == 0) mt_a64_store_rel(&fair->ended, 1);
    while (!mt_a64_load_acq(&fair->ended)) {
        uint32_t at = mt_check_random(&random) % ROUND;
        mt_reply_ref_t ref = mt_a64_load_acq(&fair->replies[at]);
        if (!ref || !answer(ref)) sched_yield();
    }
}

MT_CHECK(request_gather_hammer) {
    fair_t fair = {0};
    open_world(&fair.world, false);
    mt_check_begin_hammer();
    mt_check_run_threads(3, fair_body, &fair);
    mt_check_figure("collected", (double)mt_a64_load_acq(&fair.collected) / 1e3, "thousand");
    mt_check_figure("rounds", (double)mt_a64_load_acq(&fair.rounds), "");
    close_world(&fair.world);
}
