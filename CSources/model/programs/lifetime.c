// SPDX-License-Identifier: Apache-2.0
// Incarnations that follow each other in one slot: generation 1 stops, a stranger who still knows it sends or kills,
// and somebody spawns generation 2 in the freed slot. Every message is handled once, or dead-lettered once, or refused;
// never by another incarnation than the one it was sent to.
#include "actor.h"

static mt_pid_t first;
static mt_status_t late_status, new_status;
static mt_pid_t second;

static void setup(void) {
    actor_world(3, NULL);
    first = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor_share_slots();
    actor_stop(mt_thread_current, first);
    actor_name_slot(first);
}

static void send_late(void) { late_status = actor_send(world_enter(), first, 0); }

static void respawn(bool sends) {
    mt_thread_t *thread = world_enter();
    actor_await_slot();
    second = actor_spawn(thread, false, 0, MT_POLICY_UNBOUNDED);
    MODEL_EXPECT(second != 0);
    if (sends) new_status = actor_send(thread, second, 1);
}

static void check_both(void) {
    MODEL_EXPECT(actor.begun[1] == 1 && actor.ended[1] == 1 && actor.reason[1] == actor_stopped);
    MODEL_EXPECT(actor.begun[2] == 1 && actor.ended[2] == 0);
    MODEL_EXPECT(mt_pid_is_alive(second) && mt_pid_generation(second) == 2);
    mt_process_check(mt_slot_of(second));
}

static void check_late(void) {
    check_both();
    uint64_t handled = mt_a64_load_acq(&actor.handled[1]), dead = mt_a64_load_acq(&actor.dead[1]);
    // STOP was queued before it.
    MODEL_EXPECT(handled == 0);
    MODEL_EXPECT(dead == (late_status == MT_OK));
}

static void check_late_and_new(void) {
    check_late();
    MODEL_EXPECT(new_status == MT_OK && mt_a64_load_acq(&actor.handled[2]) == 2);
}

static void late_sender(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) send_late();
    else respawn(false);
}

static void setup_queued(void) {
    setup();
    late_status = actor_send(mt_thread_current, first, 0);
}

static void new_sender(uint32_t thread) {
    if (thread == 1) actor_work();
    else respawn(true);
}

static void late_killer(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 3) respawn(false);
    else mt_process_kill(world_enter(), first);
}

static void check_killed(void) {
    MODEL_EXPECT(actor.begun[1] == 1 && actor.ended[1] == 1);
    MODEL_EXPECT(actor.begun[2] == 1 && actor.ended[2] == 0);
    MODEL_EXPECT(mt_pid_is_alive(second));
}

ACTOR_PROGRAM(lifetime_late_sender, setup, late_sender, check_late, 3);
ACTOR_PROGRAM(lifetime_new_sender, setup_queued, new_sender, check_late_and_new, 2);
ACTOR_PROGRAM(lifetime_late_kill, setup, late_killer, check_killed, 3);
