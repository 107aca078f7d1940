// SPDX-License-Identifier: Apache-2.0
// Reply slots: each transition, handles that are stale, completers against each other and against a waiter, and slots
// that are used again while somebody still completes their last life.
#include "probe_engine.h"

#include <sched.h>
#include <string.h>

static uint64_t phase_of(mt_reply_ref_t ref) { return mt_a64_load_acq(&mt_reply_of(ref)->word) & MT_REPLY_PHASE; }
static void *resumed; // by the resume hook of these checks
static void resume(void *continuation) { resumed = continuation; }

static void open_region(void) {
    EXPECT(mt_region_init(&mt_replies, "reply slots", sizeof(mt_reply_t), offsetof(mt_reply_t, free_link), 1u << 24) ==
           MT_OK);
    mt_hooks.resume = resume;
    resumed = NULL;
}

MT_CHECK(reply_value) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 7, 8, 9);
    mt_reply_t *reply = mt_reply_of(ref);
    EXPECT(ref != 0 && mt_reply_is_armed(ref) && !mt_reply_is_done(ref));
    EXPECT(mt_reply_caller(ref) == 7 && mt_a64_load_rlx(&reply->callee) == 8 && mt_reply_own_deadline(reply) == 9);
    EXPECT(mt_reply_claim(ref) == reply && phase_of(ref) == MT_REPLY_CLAIMED);
    EXPECT(!mt_reply_is_armed(ref) && mt_reply_claim(ref) == NULL);
    EXPECT(!mt_reply_complete(ref, MT_REPLY_TIMEOUT)); // too late
    EXPECT(mt_reply_finish(reply, MT_REPLY_VALUE) == NULL && mt_reply_is_done(ref));
    EXPECT(reply->kind == MT_REPLY_VALUE && !mt_reply_wait(ref, &ref)); // no sleep: it is there
    EXPECT(!mt_reply_complete(ref, MT_REPLY_TIMEOUT) && reply->kind == MT_REPLY_VALUE);
    mt_reply_free(thread, ref);
    EXPECT(phase_of(ref) == MT_REPLY_FREE && mt_reply_claim(ref) == NULL);
}

MT_CHECK(reply_stale_and_forged_handles) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t first = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    EXPECT(mt_reply_complete(first, MT_REPLY_CANCELLED));
    mt_reply_free(thread, first);
    mt_reply_ref_t second = mt_reply_arm(thread, 0, 0, MT_FOREVER); // the same slot: last in, first out
    EXPECT((uint32_t)second == (uint32_t)first && second >> 32 == (first >> 32) + 1);
    EXPECT(!mt_reply_is_armed(first) && mt_reply_claim(first) == NULL);
    mt_reply_mark_deferred(first);
    EXPECT(!mt_reply_complete(first, MT_REPLY_TIMEOUT) && mt_reply_is_armed(second));
    EXPECT(!(mt_a64_load_acq(&mt_reply_of(second)->word) & MT_REPLY_DEFERRED));
    EXPECT(mt_reply_claim(0) == NULL && mt_reply_claim(UINT64_MAX) == NULL && !mt_reply_is_armed(UINT64_MAX));
    mt_reply_mark_deferred(UINT64_MAX);
    mt_reply_mark_deferred(second);
    EXPECT(mt_reply_is_armed(second) && mt_a64_load_acq(&mt_reply_of(second)->word) & MT_REPLY_DEFERRED);
    EXPECT(mt_reply_complete(second, MT_REPLY_SHUT_DOWN)); // deferred: anyone may still answer
    mt_reply_mark_deferred(second);
    mt_reply_free(thread, second);
}

MT_CHECK(reply_continuation) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    int waiter = 0;
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    mt_reply_set_waiter(ref, &waiter); // before it is shared
    EXPECT(mt_reply_complete(ref, MT_REPLY_TIMEOUT) && resumed == &waiter && mt_reply_is_done(ref));
    mt_reply_free(thread, ref);
    ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    EXPECT(mt_reply_wait(ref, &waiter)); // while armed
    mt_reply_mark_deferred(ref);         // keeps the waiter
    EXPECT(mt_reply_finish(mt_reply_claim(ref), MT_REPLY_VALUE) == &waiter);
    mt_reply_free(thread, ref);
    ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    mt_reply_t *reply = mt_reply_claim(ref);
    EXPECT(mt_reply_wait(ref, &waiter)); // while claimed: finish finds it all the same
    EXPECT(mt_reply_finish(reply, MT_REPLY_VALUE) == &waiter && mt_reply_is_done(ref));
    mt_reply_free(thread, ref);
}

// A nudge takes the waiter away once, while there is no answer; it is not for threads.
MT_CHECK(reply_nudge) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    int waiter = 0;
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    mt_reply_set_nudged_waiter(ref, &waiter);
    mt_reply_nudge(ref);
    EXPECT(resumed == &waiter && mt_reply_is_armed(ref));
    resumed = NULL;
    mt_reply_nudge(ref); // spent
    EXPECT(resumed == NULL && mt_reply_wait(ref, &waiter));
    mt_reply_nudge(ref); // it sleeps for good now
    EXPECT(resumed == NULL && mt_reply_complete(ref, MT_REPLY_CANCELLED) && resumed == &waiter);
    mt_reply_free(thread, ref);
    mt_reply_ref_t next = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    mt_reply_set_nudged_waiter(next, &waiter);
    resumed = NULL;
    mt_reply_nudge(ref); // stale
    EXPECT(resumed == NULL && mt_reply_complete(next, MT_REPLY_TIMEOUT) && resumed == &waiter);
    resumed = NULL;
    mt_reply_nudge(next); // answered
    EXPECT(resumed == NULL);
    mt_reply_free(thread, next);
    ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    EXPECT(mt_reply_wait(ref, NULL)); // a thread
    mt_reply_nudge(ref);
    EXPECT(resumed == NULL && mt_reply_complete(ref, MT_REPLY_TIMEOUT) && mt_reply_is_done(ref));
    mt_reply_free(thread, ref);
}

MT_CHECK(reply_reason_is_retained) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    probe_reason_t *reason = probe_reason_make(5);
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    EXPECT(mt_reply_complete_exited(ref, reason) && mt_a32_load_rlx(&reason->count) == 2);
    EXPECT(!mt_reply_complete_exited(ref, reason) && mt_a32_load_rlx(&reason->count) == 2); // late: not retained
    uint64_t number = 0;
    EXPECT(probe_call_end(ref, MT_FOREVER, &number) == MT_REPLY_EXITED && number == 5);
    probe_reason_release(reason);
    EXPECT(mt_a64_load_rlx(&probe_reasons) == 0);
}

MT_CHECK(reply_blocking_timeout) {
    open_region();
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
    uint64_t begin = mt_check_now_ns(), deadline = begin + 3000000;
    mt_reply_wait_blocking(ref, &mt_env_system, deadline);
    EXPECT(mt_check_now_ns() >= deadline && mt_reply_of(ref)->kind == MT_REPLY_TIMEOUT);
    EXPECT(!mt_reply_complete(ref, MT_REPLY_VALUE));
    mt_reply_free(thread, ref);
    ref = mt_reply_arm(thread, 0, 0,
                       MT_FOREVER); // a deadline in the past, and one that never comes with the answer there
    mt_reply_wait_blocking(ref, &mt_env_system, 1);
    EXPECT(mt_reply_of(ref)->kind == MT_REPLY_TIMEOUT);
    mt_reply_wait_blocking(ref, &mt_env_system, MT_FOREVER);
    mt_reply_free(thread, ref);
}

// --- Races -----------------------------------------------------------------------------------------------------------

// Thread 0 calls: arms, shows the handle, waits, frees, in a hurry. The others complete whatever handle they find, most
// of them late. Each call has one winner, whose value arrives.
typedef struct {
    mt_a64_t ref;
    mt_a64_t won[64], calls, timeouts, ended;
} race_t;

static void call_many(race_t *race) {
    mt_thread_t *thread = mt_thread_self();
    uint64_t random = 5, values = 0;
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random);
        mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
        memset(mt_reply_of(ref)->value, 0, 16);
        mt_a64_store_rel(&race->ref, ref); // release: shows the armed slot
        for (uint32_t spin = bits % 256; spin; spin--) mt_cpu_relax();
        uint64_t deadline = bits % 8 ? mt_check_now_ns() + PROBE_WAIT_NS : mt_check_now_ns() + bits % 4096;
        mt_reply_wait_blocking(ref, &mt_env_system, deadline);
        mt_reply_t *reply = mt_reply_of(ref);
        EXPECT(mt_a64_load_acq(&reply->word) >> 32 == ref >> 32 && mt_reply_is_done(ref));
        EXPECT(reply->kind == MT_REPLY_VALUE || reply->kind == MT_REPLY_TIMEOUT);
        const uint64_t *value = (const uint64_t *)(const void *)reply->value;
        if (reply->kind == MT_REPLY_VALUE) EXPECT(value[0] == ref && value[1] == ~ref);
        if (reply->kind == MT_REPLY_VALUE) values++;
        else mt_a64_bump(&race->timeouts, 1);
        mt_reply_free(thread, ref);
        mt_a64_bump(&race->calls, 1);
    }
    mt_a64_store_rel(&race->ended, values + 1);
}

static void race_body(void *raw, uint32_t number) {
    race_t *race = raw;
    if (number == 0) {
        call_many(race);
        return;
    }
    uint64_t won = 0, random = number;
    while (!mt_a64_load_acq(&race->ended)) {
        mt_reply_ref_t ref = mt_a64_load_acq(&race->ref);
        if (!ref) continue;
        for (uint32_t spin = mt_check_random(&random) % 64; spin; spin--) mt_cpu_relax();
        mt_reply_t *reply = mt_reply_claim(ref);
        if (!reply) {
            if (mt_check_random(&random) % 4 == 0) sched_yield();
            continue;
        }
        uint64_t *value = (uint64_t *)(void *)reply->value;
        value[0] = ref;
        value[1] = ~ref;
        EXPECT(mt_reply_finish(reply, MT_REPLY_VALUE) == NULL);
        won++;
    }
    mt_a64_store_rel(&race->won[number], won);
}

MT_CHECK(reply_hammer_late_completers) {
    open_region();
    uint64_t before = mt_region_live(&mt_replies);
    race_t race = {0};
    mt_check_begin_hammer();
    mt_check_run_threads(3, race_body, &race);
    EXPECT(mt_a64_load_rlx(&race.won[1]) + mt_a64_load_rlx(&race.won[2]) == mt_a64_load_rlx(&race.ended) - 1);
    EXPECT(mt_region_live(&mt_replies) == before);
    mt_check_figure("calls", (double)mt_a64_load_rlx(&race.calls) / 1e3, "thousand");
    mt_check_figure("timeouts", (double)mt_a64_load_rlx(&race.timeouts), "");
}

// A continuation's registration against its completion: it is resumed exactly when wait said that it will be.
typedef struct {
    mt_a64_t ref, answered;
    mt_a64_t resumes, waits, rounds;
} meet_t;

static void meet_body(void *raw, uint32_t number) {
    meet_t *meet = raw;
    mt_thread_t *thread = mt_thread_self();
    for (uint64_t round = 1; round <= 20000; round++) {
        if (number == 0) {
            mt_reply_ref_t ref = mt_reply_arm(thread, 0, 0, MT_FOREVER);
            mt_a64_store_rel(&meet->ref, ref);
            for (uint64_t spin = round % 97; spin; spin--) mt_cpu_relax();
            if (mt_reply_wait(ref, meet)) mt_a64_bump(&meet->waits, 1);
            while (mt_a64_load_acq(&meet->answered) != round) sched_yield();
            EXPECT(mt_reply_is_done(ref) && mt_reply_of(ref)->kind == MT_REPLY_CANCELLED);
            mt_reply_free(thread, ref);
        } else {
            mt_reply_ref_t ref;
            while ((ref = mt_a64_load_acq(&meet->ref)) == 0 || !mt_reply_is_armed(ref)) sched_yield();
            void *waiter = mt_reply_finish(mt_reply_claim(ref), MT_REPLY_CANCELLED);
            EXPECT(waiter == NULL || waiter == meet);
            if (waiter) mt_a64_bump(&meet->resumes, 1);
            mt_a64_store_rel(&meet->answered, round);
        }
    }
}

MT_CHECK(reply_waiter_meets_completer) {
    open_region();
    meet_t meet = {0};
    mt_check_run_threads(2, meet_body, &meet);
    EXPECT(mt_a64_load_rlx(&meet.waits) == mt_a64_load_rlx(&meet.resumes));
    mt_check_figure("waits of 20,000", (double)mt_a64_load_rlx(&meet.waits), "");
}
