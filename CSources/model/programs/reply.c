// SPDX-License-Identifier: Apache-2.0
// Reply slots: two who answer, one who waits (a thread on the futex, or a continuation), and the slot armed again for
// the next call, which a late answer must miss. Kind and value are plain: an answer that is not complete shows as a
// race.
#include "world.h"

#include "martlet/reply.h"

static mt_reply_ref_t first, second;
static bool won[4]; // plain: each completer its own
static mt_a32_t resumed;
static uint32_t registered; // how often the caller's continuation was
static uint32_t kind;

static void resume(void *continuation) {
    (void)continuation;
    mt_a32_add(&resumed, 1);
}

static void setup(void) {
    MT_ASSERT(mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link), 65536) ==
              MT_OK);
    mt_hooks.resume = resume;
    world_threads(3, NULL);
    mt_thread_t *caller = world_record(1);
    first = mt_reply_arm(caller, 0, 0, MT_FOREVER);
    mt_reply_t *reply = mt_reply_of(first);
    MODEL_NAME(reply->word);
    MODEL_NAME(reply->futex);
    MODEL_NAME(reply->waiter);
    MODEL_NAME(reply->kind);
}

static void setup_continuation(void) {
    setup();
    mt_reply_set_nudged_waiter(first, &resumed);
    registered = 1;
}

static void complete(uint32_t number) {
    world_enter();
    mt_reply_t *reply = mt_reply_claim(first);
    if (!reply) return;
    won[number] = true;
    *(uint64_t *)(void *)reply->value = number;
    void *waiter = mt_reply_finish(reply, MT_REPLY_VALUE);
    if (waiter) mt_hooks.resume(waiter);
}

static void take_and_arm_again(mt_thread_t *thread) {
    kind = mt_reply_of(first)->kind;
    if (kind == MT_REPLY_VALUE) MODEL_EXPECT(won[*(uint64_t *)mt_reply_value(first)]);
    mt_reply_free(thread, first);
    second = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    MODEL_EXPECT((uint32_t)second == (uint32_t)first);
}

static void wait_blocking(uint64_t deadline_ns) {
    mt_thread_t *thread = world_enter();
    mt_reply_wait_blocking(first, &mt_env_system, deadline_ns);
    take_and_arm_again(thread);
}

static void two_completers(uint32_t thread) {
    if (thread == 1) wait_blocking(MT_FOREVER);
    else complete(thread);
}

// Nobody answers in time, or somebody just does.
static void with_timeout(uint32_t thread) {
    if (thread == 1) wait_blocking(1000000000 + 1000); // the checker's clock begins at a second
    else if (thread == 2) complete(thread);
    else model_advance(2000);
}

static void until_resumed(uint32_t times) {
    while (mt_a32_load_acq(&resumed) < times) MODEL_AWAIT(resumed, times - 1);
}

// A continuation that may be woken to look again before there is an answer.
static void nudged(uint32_t thread) {
    if (thread == 2) complete(2);
    if (thread == 3) mt_reply_nudge(first);
    if (thread != 1) return;
    mt_thread_t *self = world_enter();
    until_resumed(1);
    if (!mt_reply_is_done(first) && mt_reply_wait(first, &kind)) until_resumed(++registered);
    take_and_arm_again(self);
}

// --- The timer of a call that lasts, armed by a worker that goes through its nursery.

static mt_a32_t cancelled[2]; // times that the timer of the first call and that of the second were
static bool armed;

static void cancel(uint64_t timer) {
    if (timer) mt_a32_add(&cancelled[timer - 1], 1);
}

static void aged(uint32_t thread) {
    if (thread == 2) complete(2);
    if (thread == 3 && mt_reply_is_armed(first)) {
        armed = true;
        if (!mt_reply_note_timer(first, 1)) cancel(1);
    }
    if (thread != 1) return;
    mt_thread_t *self = world_enter();
    mt_reply_wait_blocking(first, &mt_env_system, MT_FOREVER);
    cancel(mt_reply_timer(first));
    take_and_arm_again(self);
    MODEL_EXPECT(mt_reply_note_timer(second, 2));
}

static void check_second(void) {
    MODEL_EXPECT(mt_reply_is_armed(second));
    MODEL_EXPECT(!mt_reply_is_armed(first));
    MODEL_EXPECT(mt_a32_load_acq(&mt_reply_of(second)->futex) == 0);
}
static void check_two(void) {
    check_second();
    MODEL_EXPECT(kind == MT_REPLY_VALUE && won[2] + won[3] == 1);
}
static void check_timeout(void) {
    check_second();
    MODEL_EXPECT(kind == (won[2] ? MT_REPLY_VALUE : MT_REPLY_TIMEOUT));
}
static void check_nudged(void) {
    check_second();
    MODEL_EXPECT(kind == MT_REPLY_VALUE && won[2]);
    MODEL_EXPECT(mt_a32_load_acq(&resumed) == registered); // a continuation that is resumed twice is the end
}

static void check_aged(void) {
    check_second();
    MODEL_EXPECT((mt_a32_load_acq(&cancelled[0]) > 0) == armed); // none is left behind
    MODEL_EXPECT(mt_a32_load_acq(&cancelled[1]) == 0);           // and who still waits keeps its own
}

#define REPLY(NAME, SETUP, BODY, FINISH, THREADS, PASSES) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS, .time_passes = PASSES)

REPLY(reply_two, setup, two_completers, check_two, 3, false);
REPLY(reply_timeout, setup, with_timeout, check_timeout, 3, true);
REPLY(reply_aged, setup, aged, check_aged, 3, false);
REPLY(reply_nudged, setup_continuation, nudged, check_nudged, 3, false);
