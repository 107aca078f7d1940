// SPDX-License-Identifier: Apache-2.0
// Collections of requests: two that are answered while somebody waits for the next, or closes the collection. Each is
// taken once or reclaimed once, nobody sleeps for ever, and the collection's memory ends behind the last.
#include "world.h"

#include "martlet/request.h"

static mt_gather_t *gather;
static mt_request_ref_t requests[4];
static mt_reply_ref_t replies[4];
static uint32_t taken;

static void resume(void *waiter) {
    MODEL_EXPECT(mt_waiter_is_request(waiter));
    mt_request_arrive(waiter);
}

static void setup(void) {
    MT_ASSERT(mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link), 65536) ==
              MT_OK);
    MT_ASSERT(mt_region_init(&mt_requests, "requests", sizeof(mt_request_t), offsetof(mt_request_t, free_link),
                             65536) == MT_OK);
    mt_hooks.resume = resume;
    world_threads(3, NULL);
    mt_thread_t *thread = world_record(1);
    for (uint32_t i = 2; i < 4; i++) {
        mt_thread_t *other = world_record(i);
        mt_region_give(&mt_requests, &other->requests, mt_region_take(&mt_requests, &other->requests));
        mt_region_give(&mt_replies, &other->replies, mt_region_take(&mt_replies, &other->replies));
    }
    mt_region_give(&mt_replies, &thread->replies, mt_region_take(&mt_replies, &thread->replies));
    gather = mt_gather_make();
    for (uint32_t i = 2; i < 4; i++) {
        replies[i] = mt_reply_arm(thread, 0, 0, MT_FOREVER);
        requests[i] = mt_request_make(thread, NULL, replies[i], NULL, NULL, MT_KEEP_DEADLINE);
        MODEL_EXPECT(mt_request_hold(requests[i]) == MT_HOLD_YOURS);
        mt_gather_add(gather, requests[i]);
    }
    model_name(gather, "gather->head");
}

static void answer(uint32_t number) {
    world_enter();
    mt_reply_t *reply = mt_reply_claim(replies[number]);
    if (!reply) return;
    void *waiter = mt_reply_finish(reply, MT_REPLY_VALUE);
    if (waiter) mt_hooks.resume(waiter);
}

static void take_all(mt_thread_t *thread) {
    for (mt_request_ref_t ref = mt_gather_take(gather); ref;) {
        mt_request_ref_t next = mt_request_next(ref);
        MODEL_EXPECT(mt_reply_is_done(mt_request_reply(ref)));
        mt_reply_free(thread, mt_request_reply(ref));
        mt_request_end(thread, ref);
        taken++;
        ref = next;
    }
}

static void one_waits(uint32_t thread) {
    if (thread != 1) {
        answer(thread);
        return;
    }
    mt_thread_t *self = world_enter();
    while (take_all(self), taken < 2) {
        mt_reply_ref_t waiter = mt_reply_arm(self, 0, 0, MT_FOREVER);
        if (mt_gather_wait(gather, waiter)) mt_reply_wait_blocking(waiter, &mt_env_system, MT_FOREVER);
        else mt_reply_complete(waiter, MT_REPLY_GRANTED);
        mt_gather_leave(gather);
        mt_reply_free(self, waiter);
    }
    mt_gather_close(gather);
}

static void one_closes(uint32_t thread) {
    if (thread != 1) {
        answer(thread);
        return;
    }
    world_enter();
    mt_gather_close(gather);
    for (uint32_t i = 2; i < 4; i++) mt_reply_complete(replies[i], MT_REPLY_CANCELLED);
}

static void check(void) {
    for (uint32_t i = 2; i < 4; i++) {
        MODEL_EXPECT(!mt_reply_is_armed(replies[i]) && mt_request_hold(requests[i]) != MT_HOLD_OTHERS);
        MODEL_EXPECT(mt_a64_load_acq(&mt_request_of(requests[i])->word) >> 32 == (requests[i] >> 32) + 1);
        MODEL_EXPECT(mt_a64_load_acq(&mt_reply_of(replies[i])->word) >> 32 > replies[i] >> 32);
    }
}
static void check_taken(void) {
    check();
    MODEL_EXPECT(taken == 2);
}

MODEL_PROGRAM(gather_waits, .setup = setup, .body = one_waits, .finish = check_taken, .threads = 3);
MODEL_PROGRAM(gather_closes, .setup = setup, .body = one_closes, .finish = check, .threads = 3);
