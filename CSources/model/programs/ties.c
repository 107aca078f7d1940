// SPDX-License-Identifier: Apache-2.0
// Links and monitors beside the ends of processes: one DOWN a monitor, none after it was given up; after unlink a
// process lives or was told before; two that end at once leave nothing; a slot's next incarnation is tied to nobody.
//
// `self` is of generation 1, `peer` of generation 2, so that the account tells them apart.
#include "actor.h"

static mt_pid_t self, peer;
static mt_tie_ref_t ref, second_ref;
static bool was_live;

static mt_pid_t of_generation(uint32_t generation, bool traps) {
    mt_pid_t pid = actor_spawn(mt_thread_current, traps, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    while (mt_pid_generation(pid) < generation) {
        actor_stop(mt_thread_current, pid);
        actor_settle();
        pid = actor_spawn(mt_thread_current, traps, 0, MT_POLICY_UNBOUNDED);
        actor_settle();
    }
    return pid;
}

static void setup_with(uint32_t threads, bool traps, actor_handler_t handler) {
    actor_world(threads, handler);
    peer = of_generation(2, false);
    self = of_generation(1, traps);
    MODEL_EXPECT(mt_pid_generation(self) == 1 && mt_pid_generation(peer) == 2);
    actor = (actor_account_t){0};
    actor_name_slot(self);
    actor_log_news();
}

static void end_peer(void) {
    mt_thread_t *thread = world_enter();
    MODEL_EXPECT(mt_process_exit_signal(thread, peer, 0, actor_exit_reason));
    while (actor_work_once(thread)) {
    }
}

static uint32_t ties_of(mt_pid_t pid) {
    mt_pid_t peers[4];
    uint32_t count = 0;
    for (mt_tie_list_t list = MT_TIE_LINKS; list <= MT_TIE_WATCHED_BY; list++)
        count += mt_tie_peers(pid, list, peers, 4);
    return count;
}

static void check_peer_ended(void) {
    MODEL_EXPECT(actor.ended[2] == 1 && actor.reason[2] == actor_exit_reason);
    MODEL_EXPECT(mt_region_live(&mt_ties) == 0);
}

// --- Unlink beside the end of the peer: what the process does after it -----------------------------------------------

static void unlink_and_act(mt_slice_t *slice, uint64_t word) {
    (void)word;
    mt_tie_unlink(slice->thread, self, peer);
    if (!mt_effect_begin(slice->thread)) return;
    actor_log(ACTOR_EFFECT);
    mt_effect_end(slice->thread);
}

static void setup_unlink(void) {
    setup_with(2, false, unlink_and_act);
    MT_ASSERT(mt_tie_link(mt_thread_current, self, peer) == MT_OK);
    actor_send(mt_thread_current, self, 0);
}

static void work_beside_end(uint32_t thread) {
    if (thread == 2) end_peer();
    actor_work();
}

static void check_unlink(void) {
    check_peer_ended();
    MODEL_EXPECT(actor_logged(ACTOR_EFFECT) + actor.ended[1] == 1);
    MODEL_EXPECT(!actor.ended[1] || actor.reason[1] == actor_exit_reason);
}

// --- A process that traps: the EXIT message is flushed ---------------------------------------------------------------

static void setup_unlink_trapping(void) {
    setup_with(2, true, unlink_and_act);
    MT_ASSERT(mt_tie_link(mt_thread_current, self, peer) == MT_OK);
    actor_send(mt_thread_current, self, 0);
}

static void check_unlink_trapping(void) {
    check_peer_ended();
    MODEL_EXPECT(actor.ended[1] == 0 && actor_logged(ACTOR_EFFECT) == 1);
    MODEL_EXPECT(!actor_logged_after(ACTOR_HEARD + 1, ACTOR_EFFECT));
}

// --- Monitor, or link, beside the end of the peer --------------------------------------------------------------------

static void setup_monitor(void) { setup_with(3, false, NULL); }
static void setup_link(void) { setup_with(3, true, NULL); }

static void monitor_beside_end(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) end_peer();
    else MODEL_EXPECT(mt_tie_monitor(world_enter(), self, peer, &ref) == MT_OK);
}

static void link_beside_end(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) end_peer();
    else MODEL_EXPECT(mt_tie_link(world_enter(), self, peer) == MT_OK);
}

static void check_told_once(void) {
    check_peer_ended();
    MODEL_EXPECT(actor.ended[1] == 0 && actor.heard[1] == 1 && actor.news[1].from == peer);
    MODEL_EXPECT(actor.news[1].reason == actor_exit_reason || actor.news[1].reason == mt_hooks.reason_no_process);
}

// --- Demonitor beside DOWN -------------------------------------------------------------------------------------------

static void demonitor_and_act(mt_slice_t *slice, uint64_t word) {
    (void)word;
    was_live = mt_tie_demonitor(slice->thread, ref);
    actor_log(ACTOR_EFFECT);
}

static void setup_demonitor(void) {
    setup_with(2, false, demonitor_and_act);
    MT_ASSERT(mt_tie_monitor(mt_thread_current, self, peer, &ref) == MT_OK);
    actor_send(mt_thread_current, self, 0);
}

static void check_demonitor(void) {
    check_peer_ended();
    MODEL_EXPECT(actor_logged(ACTOR_EFFECT) == 1 && !actor_logged_after(ACTOR_HEARD + 1, ACTOR_EFFECT));
    MODEL_EXPECT(!was_live || actor.heard[1] == 0);
}

// --- A reference whose tie is another's by now -----------------------------------------------------------------------

static bool gave_first, gave_second;
static mt_pid_t third, fourth;

static void setup_stale(void) {
    setup_with(2, false, NULL);
    third = of_generation(1, false);
    fourth = of_generation(1, false);
    // The same tie comes back to thread 2.
    mt_thread_t *setup = mt_thread_current;
    mt_thread_current = world_record(2);
    MT_ASSERT(mt_tie_monitor(mt_thread_current, self, peer, &ref) == MT_OK);
    mt_thread_current = setup;
}

static void give_up_twice(uint32_t thread) {
    if (thread == 1) {
        gave_first = mt_tie_demonitor(world_enter(), ref);
        return;
    }
    gave_second = mt_tie_demonitor(world_enter(), ref);
    MODEL_EXPECT(mt_tie_monitor(mt_thread_current, third, fourth, &second_ref) == MT_OK);
}

static void check_stale(void) {
    MODEL_EXPECT(gave_first != gave_second && second_ref != ref &&
                 (!gave_second || (uint32_t)second_ref == (uint32_t)ref));
    mt_pid_t watched = 0;
    MODEL_EXPECT(mt_tie_peers(third, MT_TIE_WATCHING, &watched, 1) == 1 && watched == fourth);
    MODEL_EXPECT(ties_of(fourth) == 1 && ties_of(self) + ties_of(peer) == 0 && mt_region_live(&mt_ties) == 1);
}

// --- Two linked processes that watch each other end at once ----------------------------------------------------------

static void setup_both(void) {
    setup_with(2, false, NULL);
    MT_ASSERT(mt_tie_link(mt_thread_current, self, peer) == MT_OK);
    MT_ASSERT(mt_tie_monitor(mt_thread_current, self, peer, &ref) == MT_OK);
}

static void kill_both(uint32_t thread) {
    mt_thread_t *record = world_enter();
    mt_process_kill(record, thread == 1 ? self : peer); // false where the other's end was first
    actor_work();
}

static void check_both(void) {
    MODEL_EXPECT(actor.ended[1] == 1 && actor.ended[2] == 1);
    MODEL_EXPECT(actor.reason[1] == mt_hooks.reason_killed && actor.reason[2] == mt_hooks.reason_killed);
    MODEL_EXPECT(mt_region_live(&mt_ties) == 0);
    mt_process_check(mt_slot_of(self));
    mt_process_check(mt_slot_of(peer));
}

// --- A slot that is used again ---------------------------------------------------------------------------------------

static mt_pid_t successor;

static void setup_reuse(void) {
    setup_with(3, true, NULL);
    actor_share_slots();
    actor_stop(mt_thread_current, peer);
}

static void respawn(void) {
    mt_thread_t *thread = world_enter();
    actor_await_slot();
    successor = actor_spawn(thread, true, 0, MT_POLICY_UNBOUNDED);
    MODEL_EXPECT(mt_pid_generation(successor) == 3);
}

static void link_beside_spawn(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) MODEL_EXPECT(mt_tie_link(world_enter(), self, peer) == MT_OK);
    else respawn();
}

static void check_reuse(void) {
    MODEL_EXPECT(actor.heard[1] == 1 && actor.news[1].from == peer);
    MODEL_EXPECT(actor.news[1].reason == actor_stopped || actor.news[1].reason == mt_hooks.reason_no_process);
    MODEL_EXPECT(actor.begun[3] == 1 && actor.heard[3] == 0 && ties_of(successor) == 0);
    MODEL_EXPECT(mt_region_live(&mt_ties) == 0);
}

static void unlink_beside_spawn(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) mt_tie_unlink(world_enter(), peer, self);
    else {
        respawn();
        MODEL_EXPECT(mt_tie_link(mt_thread_current, self, successor) == MT_OK);
    }
}

static void check_stale_unlink(void) {
    MODEL_EXPECT(ties_of(self) == 1 && ties_of(successor) == 1 && mt_region_live(&mt_ties) == 1);
}

// A signal to the successor while the worker of the end before is still at its last words.
static void signal_successor(uint32_t thread) {
    if (thread == 1) {
        actor_work();
        return;
    }
    mt_thread_t *record = world_enter();
    actor_await_slot();
    successor = actor_spawn(record, false, 0, MT_POLICY_UNBOUNDED);
    MODEL_EXPECT(mt_tie_monitor(record, self, successor, &ref) == MT_OK);
    MODEL_EXPECT(mt_process_exit_signal(record, successor, 0, actor_exit_reason));
}

static void check_signalled(void) {
    MODEL_EXPECT(actor.heard[1] == 1 && actor.news[1].from == successor && actor.news[1].reason == actor_exit_reason);
    MODEL_EXPECT(mt_aptr_load_acq(&mt_slot_of(peer)->exits) == NULL);
}

// --- A start that ties, beside the end of the starter ----------------------------------------------------------------

static mt_pid_t child;

static void setup_start(void) {
    setup_with(2, true, NULL);
    child = 0;
}

static void start_beside_end(uint32_t thread) {
    mt_thread_t *record = world_enter();
    if (thread == 1) {
        child = actor_spawn_tied(record, peer);
        MODEL_EXPECT(child != 0);
    } else {
        MODEL_EXPECT(mt_process_exit_signal(record, peer, 0, actor_exit_reason));
    }
    actor_work();
}

// The child traps: it heard of the end, behind its first message, or was born dead.
static void check_start(void) {
    check_peer_ended();
    MODEL_EXPECT(mt_pid_generation(child) == 1 && actor.heard[1] == mt_pid_is_there(child));
    MODEL_EXPECT(actor.begun[1] == actor.heard[1] && actor.ended[1] == 0);
    MODEL_EXPECT(!actor.heard[1] || actor.news[1].reason == actor_exit_reason);
}

// --- A retry beside last words: the process is told to end, and has an effect while it does
// -----------------------------

static void setup_last_words(void) {
    setup_with(2, false, NULL);
    actor_say_last_words();
}

static void end_and_retry(uint32_t thread) {
    if (thread == 2) {
        mt_thread_t *record = world_enter();
        MODEL_EXPECT(mt_process_exit_signal(record, peer, 0, actor_exit_reason));
        // As the monitor thread, which may be late.
        mt_process_take(record, peer);
    }
    actor_work();
}

static void check_last_words(void) {
    check_peer_ended();
    MODEL_EXPECT(actor_logged(ACTOR_EFFECT) == 1);
}

#define TIES(NAME, SETUP, BODY, FINISH, THREADS, DAEMONS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS, .daemons = DAEMONS)

TIES(ties_unlink, setup_unlink, work_beside_end, check_unlink, 2, 3u << 1);
TIES(ties_unlink_trapping, setup_unlink_trapping, work_beside_end, check_unlink_trapping, 2, 3u << 1);
TIES(ties_monitor, setup_monitor, monitor_beside_end, check_told_once, 3, 1u << 1);
TIES(ties_link, setup_link, link_beside_end, check_told_once, 3, 1u << 1);
TIES(ties_demonitor, setup_demonitor, work_beside_end, check_demonitor, 2, 3u << 1);
TIES(ties_stale, setup_stale, give_up_twice, check_stale, 2, 0);
TIES(ties_both_end, setup_both, kill_both, check_both, 2, 3u << 1);
TIES(ties_reuse, setup_reuse, link_beside_spawn, check_reuse, 3, 1u << 1);
TIES(ties_reuse_unlink, setup_reuse, unlink_beside_spawn, check_stale_unlink, 3, 1u << 1);
TIES(ties_reuse_signal, setup_reuse, signal_successor, check_signalled, 2, 1u << 1);
TIES(ties_start, setup_start, start_beside_end, check_start, 2, 3u << 1);
TIES(ties_last_words, setup_last_words, end_and_retry, check_last_words, 2, 3u << 1);
