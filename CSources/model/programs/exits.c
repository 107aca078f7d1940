// SPDX-License-Identifier: Apache-2.0
// Exit signals and kills beside messages. A lethal signal is not overtaken by a later message of its sender; the first
// reason wins but for a kill; a process that traps is not ended by a signal; nothing is handled after the end.
#include "actor.h"

static mt_pid_t target;
static bool was_signalled;
static mt_status_t status_after;
static uint64_t nodes; // in use before

static void setup_with(uint32_t threads, bool traps) {
    actor_world(threads, NULL);
    target = actor_spawn(mt_thread_current, traps, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor_name_slot(target);
    nodes = mt_pool_live(0);
}
static void setup_two(void) { setup_with(3, false); }
static void setup_trapping(void) { setup_with(2, true); }

static void signal_it(void) { was_signalled = mt_process_exit_signal(world_enter(), target, 0, actor_exit_reason); }

static void signal_then_send(void) {
    signal_it();
    status_after = actor_send(mt_thread_current, target, 3);
}

static void kill_and_exit(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) signal_it();
    else mt_process_kill(world_enter(), target);
}

static void exit_then_message(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) signal_then_send();
    else actor_send(world_enter(), target, 1);
}

static void exit_alone(uint32_t thread) {
    if (thread == 1) actor_work();
    else signal_it();
}

static void exit_of_a_trapper(uint32_t thread) {
    if (thread == 1) actor_work();
    else signal_then_send();
}

static void check_over(void) {
    MODEL_EXPECT(actor.begun[1] == 1 && actor.ended[1] == 1);
    MODEL_EXPECT(!mt_pid_is_there(target));
    MODEL_EXPECT(!(mt_a64_load_acq(&actor.handled[1]) & mt_a64_load_acq(&actor.dead[1])));
    MODEL_EXPECT(mt_aptr_load_acq(&mt_slot_of(target)->exits) == NULL);
    mt_process_check(mt_slot_of(target));
    MODEL_EXPECT(mt_pool_live(0) == nodes);
}

static void check_kill_and_exit(void) {
    check_over();
    MODEL_EXPECT(actor.reason[1] == mt_hooks.reason_killed || (was_signalled && actor.reason[1] == actor_exit_reason));
}

static void check_order(void) {
    check_over();
    MODEL_EXPECT(was_signalled && actor.reason[1] == actor_exit_reason);
    MODEL_EXPECT(!(mt_a64_load_acq(&actor.handled[1]) >> 3 & 1));
    MODEL_EXPECT(status_after == MT_NO_PROCESS || mt_a64_load_acq(&actor.dead[1]) >> 3 & 1);
}

static void check_trapper(void) {
    MODEL_EXPECT(was_signalled && actor.heard[1] == 1 && actor.ended[1] == 0 && status_after == MT_OK);
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[1]) == 8);
    mt_process_check(mt_slot_of(target));
}

ACTOR_PROGRAM(exits_kill_and_exit, setup_two, kill_and_exit, check_kill_and_exit, 3);
ACTOR_PROGRAM(exits_then_message, setup_two, exit_then_message, check_order, 3);
ACTOR_PROGRAM(exits_alone, setup_two, exit_alone, check_kill_and_exit, 2);
ACTOR_PROGRAM(exits_trapping, setup_trapping, exit_of_a_trapper, check_trapper, 2);
