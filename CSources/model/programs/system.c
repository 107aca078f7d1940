// SPDX-License-Identifier: Apache-2.0
// The system lane: commands beside messages, beside a kill, and at a slot whose next incarnation has begun. Each
// command is handled or a dead letter, once, without anything else that would make the owner look; a refused one is
// neither.
#include "actor.h"

static mt_pid_t target, successor;
static mt_status_t status_of[ACTOR_WORDS]; // of each word, by who sends it
static uint64_t nodes;                     // in use before

static void setup_with(uint32_t threads) {
    actor_world(threads, NULL);
    target = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    // The first command makes what the owner keeps: not what is examined.
    MODEL_EXPECT(actor_command(mt_thread_current, target, 0, 0) == MT_OK);
    actor_settle();
    actor = (actor_account_t){0};
    for (int word = 0; word < ACTOR_WORDS; word++) status_of[word] = MT_NO_PROCESS;
    actor_name_slot(target);
    nodes = mt_pool_live(0);
}
static void setup(void) { setup_with(4); }

static void command(uint64_t word) { status_of[word] = actor_command(world_enter(), target, word, 0); }
static void message(uint64_t word) { status_of[word] = actor_send(world_enter(), target, word); }

// Two who ask, and perhaps a sender.
static void ask(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 4) message(thread);
    else command(thread);
}

static void ask_twice(uint32_t thread) {
    if (thread == 1) {
        actor_work();
        return;
    }
    command(2);
    command(3);
}

static void ask_beside_kill(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) command(2);
    else mt_process_kill(world_enter(), target);
}

// An exit that is ordered by message: it does not look for commands by itself.
static void ask_beside_stop(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) command(2);
    else actor_stop(world_enter(), target);
}

static uint64_t words_sent(void) {
    uint64_t words = 0;
    for (uint64_t word = 0; word < ACTOR_WORDS; word++) words |= (uint64_t)(status_of[word] == MT_OK) << word;
    return words;
}

static void check_account(void) {
    uint64_t handled = mt_a64_load_acq(&actor.handled[1]), dead = mt_a64_load_acq(&actor.dead[1]);
    MODEL_EXPECT((handled & dead) == 0);
    MODEL_EXPECT((handled | dead) == words_sent());
    MODEL_EXPECT(mt_aptr_load_acq(&mt_slot_of(target)->system) == NULL);
    MODEL_EXPECT(mt_pool_live(0) == nodes);
    mt_process_check(mt_slot_of(target));
}

static void check_alive(void) {
    check_account();
    MODEL_EXPECT(mt_a64_load_acq(&actor.dead[1]) == 0 && words_sent() != 0);
    MODEL_EXPECT(mt_life_is_calm(mt_a64_load_acq(&mt_slot_of(target)->life), 1));
}

static void check_over(void) {
    check_account();
    MODEL_EXPECT(actor.ended[1] == 1 && !mt_pid_is_there(target));
}

// --- The next incarnation --------------------------------------------------------------------------------------------

static void setup_reuse(void) {
    setup_with(3);
    actor_share_slots();
    actor_stop(mt_thread_current, target);
    nodes = mt_pool_live(0) - 1;
}

static void respawn(void) {
    mt_thread_t *thread = world_enter();
    actor_await_slot();
    successor = actor_spawn(thread, false, 0, MT_POLICY_UNBOUNDED);
    MODEL_EXPECT(mt_pid_generation(successor) == 2);
}

// A command to the successor while the worker of the end before is still at its last words.
static void ask_successor(uint32_t thread) {
    if (thread == 1) {
        actor_work();
        return;
    }
    respawn();
    MODEL_EXPECT(actor_command(mt_thread_current, successor, 3, 0) == MT_OK);
}

// A late one to its predecessor, which somebody waits for. Nobody asks the successor, who would find it.
static void ask_late(uint32_t thread) {
    if (thread != 2) {
        if (thread == 1) actor_work();
        respawn();
        return;
    }
    mt_thread_t *record = world_enter();
    mt_reply_ref_t ref = mt_reply_arm(record, 0, target, MT_FOREVER);
    mt_reply_set_waiter(ref, (void *)(uintptr_t)1);
    status_of[2] = actor_command(record, target, 2, ref);
}

static void check_successor(uint64_t words) {
    MODEL_EXPECT(actor.ended[1] == 1 && actor.begun[2] == 1 && actor.ended[2] == 0);
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[2]) == words && mt_a64_load_acq(&actor.dead[2]) == 0);
    MODEL_EXPECT(mt_life_is_calm(mt_a64_load_acq(&mt_slot_of(successor)->life), 2));
}

static void check_reuse(void) {
    check_successor(8);
    check_account();
}

// The predecessor's command is over when the successor is, if not before.
static void check_late(void) {
    MODEL_EXPECT(actor_logged(ACTOR_DOWN + 1) == (status_of[2] == MT_OK));
    check_successor(0);
    actor_stop(world_enter(), successor);
    actor_settle();
    check_account();
}

// --- A suspended process ---------------------------------------------------------------------------------------------

static void log_word(mt_slice_t *slice, uint64_t word) {
    (void)slice;
    actor_log((uint32_t)word);
}

static void setup_suspended(void) {
    actor_world(3, log_word);
    target = actor_spawn(mt_thread_current, true, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    MODEL_EXPECT(actor_command(mt_thread_current, target, ACTOR_SUSPEND, 0) == MT_OK);
    actor_settle();
    actor = (actor_account_t){0};
    for (int word = 0; word < ACTOR_WORDS; word++) status_of[word] = MT_NO_PROCESS;
    actor_name_slot(target);
    nodes = mt_pool_live(0);
}

// Two messages, set aside or not; the actor expects that none is handled while it is suspended.
static void resume(uint32_t thread) {
    if (thread == 1) {
        actor_work();
    } else if (thread == 2) {
        message(2);
        message(3);
    } else {
        command(ACTOR_RESUME);
    }
}

// Two who send to it, and it stays suspended: what is set aside is all there when it is resumed afterwards.
static void set_aside(uint32_t thread) {
    if (thread == 1) actor_work();
    else message(thread);
}

static void stop_suspended(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) message(2);
    else actor_stop(world_enter(), target);
}

static void check_resumed(void) {
    check_alive();
    MODEL_EXPECT(actor_logged_after(3, 2));
}

static void check_set_aside(void) {
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[1]) == 0 && mt_slot_of(target)->aside->count == 2);
    command(ACTOR_RESUME);
    actor_settle();
    check_alive();
}

static void check_stopped(void) {
    check_over();
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[1]) == 0);
}

#define SYSTEM(NAME, SETUP, BODY, FINISH, THREADS, BOUND)                                                   \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS, .bound = BOUND, \
                  .daemons = 1u << 1)

SYSTEM(system_two, setup, ask, check_alive, 3, 2);
SYSTEM(system_and_sender, setup, ask, check_alive, 4, 1); // ten million executions at 2
SYSTEM(system_again, setup, ask_twice, check_alive, 2, 2);
SYSTEM(system_kill, setup, ask_beside_kill, check_over, 3, 2);
SYSTEM(system_stop, setup, ask_beside_stop, check_over, 3, 2);
SYSTEM(system_reuse, setup_reuse, ask_successor, check_reuse, 2, 2);
SYSTEM(system_late, setup_reuse, ask_late, check_late, 3, 2);
SYSTEM(system_resume, setup_suspended, resume, check_resumed, 3, 2);
SYSTEM(system_aside, setup_suspended, set_aside, check_set_aside, 3, 2);
SYSTEM(system_stop_suspended, setup_suspended, stop_suspended, check_stopped, 3, 2);
