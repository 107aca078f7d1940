// SPDX-License-Identifier: Apache-2.0
// Kill is fencing: what a handler does outside comes before the DOWN of its process or not at all; one coroner; the
// thread that comes back from a taken handler hurts nobody. Two messages, each with an effect; a killer who does the
// monitor thread's part too. Variants: the second handler ends only after the DOWN, or after the slot was used again.
#include "actor.h"

static mt_pid_t victim, successor;
static uint32_t messages;
static uint32_t downs_before_end; // the second handler ends after so many DOWNs

static bool is_gated; // the handler ends when the killer is about to come
static mt_a32_t gate;

// An effect of a handler: inside the fence or not at all.
static void have_effect(mt_thread_t *thread, uint32_t number) {
    if (!mt_effect_begin(thread)) return;
    actor_log(ACTOR_EFFECT + number);
    mt_effect_end(thread);
}

static bool is_told(void *unused) {
    (void)unused;
    return mt_a32_load_acq(&actor_downs) >= downs_before_end;
}

static void on_message(mt_slice_t *slice, uint64_t word) {
    if (is_gated) MODEL_AWAIT(gate, 0);
    have_effect(slice->thread, (uint32_t)word);
    if (word == 0 || !downs_before_end) return;
    model_await(is_told, NULL);
    have_effect(slice->thread, 7);
}

static void setup_with(uint32_t count, uint32_t downs) {
    downs_before_end = downs;
    actor_world(2, on_message);
    victim = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor_watch(mt_thread_current, victim, 1);
    actor_settle();
    actor_name_slot(victim);
    messages = count;
    if (count == 2) actor_send(mt_thread_current, victim, 0);
    actor_send(mt_thread_current, victim, 1);
}

static void setup_ends(void) { setup_with(2, 0); }
static void setup_stuck(void) { setup_with(2, 1); }
static void setup_meets(void) {
    setup_with(1, 0);
    is_gated = true;
}
static void setup_returns(void) {
    setup_with(1, 1); // of two, 380,000 executions
    actor_share_slots();
}

static mt_thread_t *kill_it(void) {
    mt_thread_t *self = world_enter();
    MODEL_EXPECT(mt_process_kill(self, victim));
    actor_retry(self, victim);
    return self;
}

// The killer is a worker afterwards: the other one may sit in the handler.
static void worker_and_coroner(uint32_t thread) {
    if (thread == 2) {
        mt_a32_xchg(&gate, 1);
        kill_it();
    }
    actor_work();
}

// And it uses the slot again; the stuck thread comes back whenever it likes.
static void worker_and_successor(uint32_t thread) {
    if (thread == 2) {
        mt_thread_t *self = kill_it();
        actor_work_until_slot(self);
        successor = actor_spawn(self, false, 0, MT_POLICY_UNBOUNDED);
        MODEL_EXPECT(successor && mt_pid_generation(successor) == 2);
        actor_send(self, successor, 0);
    }
    actor_work();
}

static void check(void) {
    MODEL_EXPECT(actor.begun[1] == 1 && actor.ended[1] == 1);
    MODEL_EXPECT(actor_logged(ACTOR_DOWN + 1) == 1);
    for (uint32_t effect = 0; effect < 8; effect++) {
        MODEL_EXPECT(actor_logged(ACTOR_EFFECT + effect) <= (successor && effect == 0 ? 2 : 1));
        if (!successor) MODEL_EXPECT(!actor_logged_after(ACTOR_EFFECT + effect, ACTOR_DOWN + 1));
    }
    // Each message was handled or became a dead letter.
    MODEL_EXPECT((mt_a64_load_acq(&actor.handled[1]) ^ mt_a64_load_acq(&actor.dead[1])) == (messages == 2 ? 3 : 2));
}

static void check_stuck(void) {
    check();
    MODEL_EXPECT(actor_logged(ACTOR_EFFECT + 7) == 0);
}

static void check_returns(void) {
    check_stuck();
    MODEL_EXPECT(actor.begun[2] == 1 && actor.ended[2] == 0);
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[2]) == 1);
    mt_process_check(mt_slot_of(successor));
}

#define KILL(NAME, SETUP, BODY, FINISH, DAEMONS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = 2, .daemons = DAEMONS)

KILL(kill_handlers_end, setup_ends, worker_and_coroner, check, 3u << 1);
KILL(kill_meets_end, setup_meets, worker_and_coroner, check, 3u << 1);
KILL(kill_stuck, setup_stuck, worker_and_coroner, check_stuck, 3u << 1);
KILL(kill_returns, setup_returns, worker_and_successor, check_returns, 3u << 1);
