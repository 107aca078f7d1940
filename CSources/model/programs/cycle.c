// SPDX-License-Identifier: Apache-2.0
// Call cycles: processes that ask each other at the same moment, of which exactly one must be refused; and an edge that
// is answered just as the rest of a circle is drawn, which is no cycle. A cycle that is missed shows as a deadlock.
//
// A process is a slot and a thread that is inside its handler all the time: it asks, and when it has its answer, or was
// refused, it answers who asked it.
#include "world.h"

#include "martlet/cycle.h"

#define PROCESSES_MAX 4u

static mt_pid_t pids[PROCESSES_MAX + 1];  // from 1, as threads are
static mt_a64_t asked[PROCESSES_MAX + 1]; // the request of each, 1: it was refused and asked nothing
static mt_reply_ref_t refs[PROCESSES_MAX + 1];
static uint32_t ring;

static void setup_slots(uint32_t threads, uint32_t processes) {
    MT_ASSERT(mt_region_init(&mt_slots, "slots", sizeof(mt_slot_t), offsetof(mt_slot_t, free_link), 64) == MT_OK);
    MT_ASSERT(mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link), 65536) ==
              MT_OK);
    MT_ASSERT(mt_region_init(&mt_timer_items, "timers", 64, 0, 64) == MT_OK); // the records' stock
    world_threads(threads, NULL);
    for (uint32_t i = 1; i <= processes; i++) {
        uint32_t index = mt_region_take(&mt_slots, &world_record(0)->slots);
        mt_slot_t *slot = (mt_slot_t *)mt_region_at(&mt_slots, index);
        pids[i] = mt_pid_make(1, index);
        mt_a64_store_rlx(&slot->life, mt_life_make(1, MT_LIFE_LIVE));
        MODEL_NAME(slot->edge);
    }
}

static uint32_t after(uint32_t number) { return number % ring + 1; }
static uint32_t before(uint32_t number) { return (number + ring - 2) % ring + 1; }

// Arms a request of process `number`; false: it would wait for itself.
static bool ask(mt_thread_t *thread, uint32_t number, mt_pid_t callee) {
    refs[number] = mt_reply_arm(thread, pids[number], callee, MT_FOREVER);
    return mt_cycle_enter_task(pids[number], refs[number]);
}

static bool answer(mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_claim(ref);
    if (reply) mt_reply_finish(reply, MT_REPLY_VALUE);
    return reply != NULL;
}

static bool has_asked(void *word) { return mt_a64_load_rlx(word) != 0; }

static void in_ring(uint32_t number) {
    mt_thread_t *thread = world_enter();
    bool may_wait = ask(thread, number, pids[after(number)]);
    mt_a64_store_rel(&asked[number], may_wait ? refs[number] : 1);
    if (may_wait) mt_reply_wait_blocking(refs[number], &mt_env_system, MT_FOREVER);
    mt_a64_t *request = &asked[before(number)];
    model_await(has_asked, request);
    mt_reply_ref_t ref = mt_a64_load_acq(request);
    if (ref != 1) MODEL_EXPECT(answer(ref));
}

static void setup_two(void) { setup_slots(ring = 2, 2); }
static void setup_three(void) { setup_slots(ring = 3, 3); }

static void check_ring(void) {
    uint32_t refused = 0;
    for (uint32_t i = 1; i <= ring; i++) {
        uint32_t kind = mt_reply_of(refs[i])->kind;
        MODEL_EXPECT(mt_reply_is_done(refs[i]) && (kind == MT_REPLY_VALUE || kind == MT_REPLY_CYCLE));
        if (kind != MT_REPLY_CYCLE) continue;
        refused++;
        mt_cycle_t *cycle = mt_cycle_take(refs[i]);
        MODEL_EXPECT(cycle->count == ring);
        for (uint32_t n = 0, at = i; n < ring; n++, at = after(at)) MODEL_EXPECT(mt_cycle_pid(cycle, n) == pids[at]);
    }
    MODEL_EXPECT(refused == 1);
}

// 1 waits for 2. 2 answers it and asks 3, which asks 1: at no moment does 1 wait while 2 does. 1 asks 4 then, from the
// slot that it had before.
static bool is_refused[4];

static void setup_answered(void) {
    setup_slots(3, 4);
    MODEL_EXPECT(ask(world_record(1), 1, pids[2]));
}

static void answered(uint32_t thread) {
    mt_thread_t *self = world_enter();
    if (thread == 1) {
        mt_reply_wait_blocking(refs[1], &mt_env_system, MT_FOREVER);
        mt_reply_free(self, refs[1]);
        is_refused[1] = !ask(self, 1, pids[4]);
    } else {
        if (thread == 2) MODEL_EXPECT(answer(refs[1]));
        is_refused[thread] = !ask(self, thread, thread == 2 ? pids[3] : pids[1]);
    }
}

static void check_answered(void) { MODEL_EXPECT(!is_refused[1] && !is_refused[2] && !is_refused[3]); }

// 1 runs 2 in place, which asks 3, which asks 1: 1 sleeps with 2 on one thread.
static mt_frame_t lower, upper; // not on a stack: the checker looks at them
static bool has_replied;

static void setup_in_place(void) {
    setup_slots(2, 3);
    mt_thread_t *thread = world_record(1);
    lower = (mt_frame_t){.slot = mt_slot_of(pids[1]), .generation = 1, .is_in = true};
    upper = (mt_frame_t){.slot = mt_slot_of(pids[2]), .below = &lower, .generation = 1, .is_in_place = true};
    upper.call = mt_reply_arm(thread, pids[1], pids[2], MT_FOREVER);
    thread->frame = &upper;
}

static void setup_in_place_replied(void) {
    setup_in_place();
    MODEL_EXPECT(answer(upper.call));
    upper.call = 0;
    has_replied = true;
}

static void in_place(uint32_t thread) {
    mt_thread_t *self = world_enter();
    uint32_t number = thread + 1, other = thread == 1 ? 3 : 2;
    refs[number] = mt_reply_arm(self, pids[number], thread == 1 ? pids[3] : pids[1], MT_FOREVER);
    bool may_wait = mt_cycle_enter(self, thread == 1 ? 0 : pids[3], refs[number]);
    mt_a64_store_rel(&asked[number], may_wait ? refs[number] : 1);
    if (may_wait) mt_reply_wait_blocking(refs[number], &mt_env_system, MT_FOREVER);
    model_await(has_asked, &asked[other]);
    mt_reply_ref_t ref = mt_a64_load_acq(&asked[other]);
    if (ref != 1) MODEL_EXPECT(answer(ref));
    if (thread == 1 && upper.has_stand_in) mt__cycle_end_stand_in(&upper, self);
}

static void check_in_place(void) {
    uint32_t refused = 0;
    for (uint32_t i = 2; i <= 3; i++) {
        if (mt_reply_of(refs[i])->kind != MT_REPLY_CYCLE) continue;
        refused++;
        mt_cycle_t *cycle = mt_cycle_take(refs[i]);
        MODEL_EXPECT(cycle->count == 3 && mt_cycle_pid(cycle, 0) == pids[i]);
        MODEL_EXPECT(mt_cycle_pid(cycle, 1) == pids[i % 3 + 1] && mt_cycle_pid(cycle, 2) == pids[(i + 1) % 3 + 1]);
    }
    MODEL_EXPECT(refused == 1 && !upper.has_stand_in);
    MODEL_EXPECT(has_replied || mt_reply_is_armed(upper.call));
}

#define CYCLE(NAME, SETUP, BODY, FINISH, THREADS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS)

CYCLE(cycle_two, setup_two, in_ring, check_ring, 2);
// 2.4 million executions at bound 1.
MODEL_PROGRAM(cycle_three, .setup = setup_three, .body = in_ring, .finish = check_ring, .threads = 3, .bound = 1,
              .deep = 1);
CYCLE(cycle_answered, setup_answered, answered, check_answered, 3);
CYCLE(cycle_in_place, setup_in_place, in_place, check_in_place, 2);
CYCLE(cycle_in_place_replied, setup_in_place_replied, in_place, check_in_place, 2);
