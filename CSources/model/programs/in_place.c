// SPDX-License-Identifier: Apache-2.0
// A call in place, beside a kill and a sender: the caller's thread owns the process while its handler runs, and gives
// it back or finds that it was taken. One coroner; the call is answered or fails once; no message is lost or doubled.
#include "actor.h"

#include "martlet/call.h"

static mt_pid_t target;
static mt_in_place_t call; // not on a stack: the checker looks at it
static bool has_begun, was_kept, replies;
static mt_status_t sent;

static void setup_with(uint32_t threads, bool answers) {
    replies = answers;
    actor_world(threads, NULL);
    target = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor_name_slot(target);
}
static void setup_two(void) { setup_with(2, true); }
static void setup_three(void) { setup_with(3, true); }
static void setup_silent(void) { setup_with(2, false); }

static void call_it(void) {
    world_enter();
    has_begun = mt_in_place_begin(&call, target, &actor_class, MT_FOREVER);
    if (!has_begun) return;
    if (mt_effect_begin(mt_thread_current)) {
        actor_log(ACTOR_EFFECT);
        mt_effect_end(mt_thread_current);
    }
    if (replies) {
        mt_reply_t *reply = mt_reply_claim(call.reply);
        if (reply) {
            mt_frame_answered(call.reply);
            mt_reply_finish_in_place(reply, MT_REPLY_VALUE);
        }
    }
    was_kept = mt_in_place_end(&call, NULL);
}

static mt_thread_t *kill_it(void) {
    mt_thread_t *thread = world_enter();
    mt_process_kill(thread, target);
    actor_retry(thread, target);
    return thread;
}

// The killer is the worker too: it runs the exit.
static void caller_and_killer(uint32_t thread) {
    if (thread == 1) {
        call_it();
        return;
    }
    kill_it();
    actor_work();
}

static void caller_killer_sender(uint32_t thread) {
    if (thread == 3) sent = actor_send(world_enter(), target, 1);
    else caller_and_killer(thread);
}

static void caller_and_sender(uint32_t thread) {
    if (thread == 1) {
        call_it();
    } else {
        sent = actor_send(world_enter(), target, 1);
        actor_work();
    }
}

static void check_call(void) {
    if (!has_begun) return;
    MODEL_EXPECT(actor_logged(ACTOR_EFFECT) <= 1);
    MODEL_EXPECT(mt_reply_is_done(call.reply) || (was_kept && !replies));
    if (mt_reply_is_done(call.reply)) mt_reply_free(world_enter(), call.reply);
}

static void check_killed(void) {
    check_call();
    MODEL_EXPECT(actor.begun[1] == 1 && actor.ended[1] == 1 && !mt_pid_is_there(target));
    mt_process_check(mt_slot_of(target));
}

static void check_killed_and_sent(void) {
    check_killed();
    uint64_t handled = mt_a64_load_acq(&actor.handled[1]), dead = mt_a64_load_acq(&actor.dead[1]);
    MODEL_EXPECT((sent == MT_OK ? 2 : 0) == (handled ^ dead));
}

static void check_sent(void) {
    check_call();
    MODEL_EXPECT(sent == MT_OK && mt_a64_load_acq(&actor.handled[1]) == 2 && actor.ended[1] == 0);
    mt_process_check(mt_slot_of(target));
}

#define IN_PLACE(NAME, SETUP, BODY, FINISH, THREADS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS, .daemons = 1u << 2)

IN_PLACE(in_place_kill, setup_two, caller_and_killer, check_killed, 2);
IN_PLACE(in_place_kill_silent, setup_silent, caller_and_killer, check_killed, 2);
// 1.9 million executions at bound 2.
MODEL_PROGRAM(in_place_kill_sender, .setup = setup_three, .body = caller_killer_sender, .finish = check_killed_and_sent,
              .threads = 3, .daemons = 1u << 2, .bound = 1, .deep = 2);
IN_PLACE(in_place_sender, setup_two, caller_and_sender, check_sent, 2);
