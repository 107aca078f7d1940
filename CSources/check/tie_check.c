// SPDX-License-Identifier: Apache-2.0
// Links and monitors: who hears of an end, once, and what is given up is not heard of (R12-R14).
#include "probe_engine.h"

#include <string.h>

static mt_pid_t spawn(probe_world_t *world, bool traps) {
    probe_spec_t spec = {.traps_exits = traps};
    return probe_spawn(world, &spec);
}

static void link_pids(mt_pid_t a, mt_pid_t b) { EXPECT(mt_tie_link(mt_thread_self(), a, b) == MT_OK); }

static mt_tie_ref_t monitor(mt_pid_t a, mt_pid_t b) {
    mt_tie_ref_t ref = 0;
    EXPECT(mt_tie_monitor(mt_thread_self(), a, b, &ref) == MT_OK && ref);
    return ref;
}

static void read_state(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    uint64_t values[] = {state->exits, state->downs, state->last_number};
    probe_reply_with(slice->thread, slice->reply, values[a]);
}

// What a process has heard, behind all that was sent to it so far.
static uint64_t ask(mt_pid_t pid, uint64_t what) {
    uint64_t value = UINT64_MAX;
    EXPECT(probe_call(pid, read_state, what, 0, &value) == MT_REPLY_VALUE);
    return value;
}
static uint64_t exits_of(mt_pid_t pid) { return ask(pid, 0); }
static uint64_t downs_of(mt_pid_t pid) { return ask(pid, 1); }
static uint64_t number_of(mt_pid_t pid) { return ask(pid, 2); }

static bool is_gone(void *raw) { return !mt_pid_is_there(*(mt_pid_t *)raw); }
// Until nothing is left of it: its stop is answered before its ties speak.
static void expect_gone(mt_pid_t pid) { EXPECT(probe_eventually(is_gone, &pid)); }

static uint32_t links_of(mt_pid_t pid) {
    mt_pid_t peers[16];
    return mt_tie_peers(pid, MT_TIE_LINKS, peers, 16);
}

MT_CHECK(tie_link) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = spawn(&world, false), b = spawn(&world, false), trapping = spawn(&world, true);
    link_pids(a, b);
    link_pids(b, a); // one link a pair
    EXPECT(links_of(a) == 1 && links_of(b) == 1);
    link_pids(b, trapping);
    link_pids(trapping, trapping);
    EXPECT(links_of(b) == 2 && links_of(trapping) == 1);
    EXPECT(probe_stop(a, 9));
    expect_gone(b);
    EXPECT(mt_pid_is_alive(trapping) && exits_of(trapping) == 1 && number_of(trapping) == 9);
    EXPECT(links_of(trapping) == 0);
    // The peer is gone: its signal comes at once.
    link_pids(trapping, b);
    EXPECT(exits_of(trapping) == 2 && number_of(trapping) == 2);
    mt_pid_t late = spawn(&world, false);
    link_pids(late, b);
    expect_gone(late);
    probe_close(&world);
}

MT_CHECK(tie_normal_and_killed) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = spawn(&world, false), b = spawn(&world, false), trapping = spawn(&world, true);
    link_pids(a, b);
    link_pids(a, trapping);
    mt_reply_ref_t watch = mt_reply_arm(mt_thread_self(), 0, a, MT_FOREVER);
    EXPECT(mt_process_watch(mt_thread_self(), a, watch) == MT_OK);
    mt_node_t *stop = probe_message(MT_KIND_STOP, NULL, (uint64_t)mt_hooks.reason_retain(&probe_normal), 0);
    EXPECT(mt_process_send_system(mt_thread_self(), a, stop) == MT_OK);
    EXPECT(probe_call_end(watch, MT_FOREVER, NULL) == MT_REPLY_EXITED);
    expect_gone(a);
    EXPECT(mt_pid_is_alive(b) && links_of(b) == 0);                         // normal ends nobody
    EXPECT(exits_of(trapping) == 1 && number_of(trapping) == 3);            // and is told to who traps
    EXPECT(!mt_process_exit_signal(mt_thread_self(), b, a, &probe_normal)); // R13
    EXPECT(mt_process_exit_signal(mt_thread_self(), trapping, a, &probe_normal) && exits_of(trapping) == 2);
    EXPECT(mt_process_exit_signal(mt_thread_self(), b, b, &probe_normal)); // but for oneself
    expect_gone(b);
    mt_pid_t c = spawn(&world, false), d = spawn(&world, false);
    link_pids(c, d);
    link_pids(trapping, d);
    EXPECT(mt_process_kill(mt_thread_self(), c));
    expect_gone(d); // linked peers see `killed`
    EXPECT(exits_of(trapping) == 3 && number_of(trapping) == 1);
    probe_close(&world);
}

MT_CHECK(tie_monitor) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = spawn(&world, false), b = spawn(&world, false);
    mt_tie_ref_t first = monitor(a, b), second = monitor(a, b), third = monitor(a, b);
    monitor(a, a); // hears nothing
    EXPECT(first != second && mt_tie_demonitor(mt_thread_self(), second));
    EXPECT(!mt_tie_demonitor(mt_thread_self(), second));
    EXPECT(probe_stop(b, 7));
    expect_gone(b);
    EXPECT(downs_of(a) == 2 && number_of(a) == 7);
    EXPECT(!mt_tie_demonitor(mt_thread_self(), third)); // was read
    monitor(a, b);
    EXPECT(downs_of(a) == 3 && number_of(a) == 2);
    EXPECT(!mt_tie_demonitor(mt_thread_self(), 0) && !mt_tie_demonitor(mt_thread_self(), UINT64_MAX));
    probe_close(&world);
}

// What waits in the mailbox is taken back with the tie.
MT_CHECK(tie_flush) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = spawn(&world, true), b = spawn(&world, false);
    probe_gate_t gate = {{0}, {0}};
    mt_tie_ref_t ref = monitor(a, b);
    link_pids(a, b);
    EXPECT(probe_cast(a, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    EXPECT(probe_stop(b, 7));
    expect_gone(b);
    EXPECT(!mt_tie_demonitor(mt_thread_self(), ref));
    mt_tie_unlink(mt_thread_self(), a, b);
    mt_tie_unlink(mt_thread_self(), a, b);
    probe_gate_open(&gate);
    EXPECT(downs_of(a) == 0 && exits_of(a) == 0);
    probe_close(&world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

MT_CHECK(tie_many) {
    probe_world_t world;
    probe_open(&world, 2);
    enum { LINKS = 2000, MONITORS = 20000 };
    mt_pid_t hub = spawn(&world, true), watcher = spawn(&world, false);
    static mt_pid_t pids[LINKS];
    for (uint32_t i = 0; i < LINKS; i++) link_pids(hub, pids[i] = spawn(&world, i % 2));
    for (uint32_t i = 0; i < MONITORS; i++) monitor(watcher, hub);
    for (uint32_t i = 0; i < LINKS; i += 4) mt_tie_unlink(mt_thread_self(), pids[i], hub);
    for (uint32_t i = 0; i < 10; i++) {
        EXPECT(probe_stop(pids[4 * i + 1], 4));
        expect_gone(pids[4 * i + 1]);
    }
    EXPECT(exits_of(hub) == 10);
    EXPECT(mt_process_kill(mt_thread_self(), hub));
    expect_gone(hub);
    EXPECT(downs_of(watcher) == MONITORS && number_of(watcher) == 1);
    mt_runtime_wait_idle(world.runtime);
    for (uint32_t i = 0; i < LINKS; i++) {
        bool was_stopped = i % 4 == 1 && i < 40;
        EXPECT(mt_pid_is_alive(pids[i]) == (i % 4 != 2 && !was_stopped)); // unlinked, or trapping
        if (i % 4 == 3 || (i % 4 == 1 && !was_stopped)) EXPECT(exits_of(pids[i]) == 1);
    }
    probe_close(&world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

// A process whose link says that it is over has no effect after unlink: it was told before.
static void unlink_late(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    probe_gate_enter((probe_gate_t *)a);
    mt_tie_unlink(slice->thread, state->pid, b);
    EXPECT(!mt_effect_begin(slice->thread)); // it pairs with no end
}

MT_CHECK(tie_unlink_when_doomed) {
    probe_world_t world;
    mt_config_t config = probe_config(3);
    probe_open_with(&world, &config);
    mt_pid_t a = spawn(&world, false), b = spawn(&world, false);
    link_pids(a, b);
    probe_gate_t gate = {{0}, {0}};
    EXPECT(probe_cast(a, unlink_late, (uint64_t)&gate, b) == MT_OK && probe_gate_wait(&gate));
    EXPECT(probe_stop(b, 7));
    expect_gone(b);
    probe_gate_open(&gate);
    expect_gone(a);
    probe_close(&world);
}

// A tie speaks in its process alone: the slot of one that has ended may belong to another that is tied as well.
MT_CHECK(tie_stale_unlink) {
    probe_world_t world;
    probe_open(&world, 1);
    mt_pid_t peer = spawn(&world, true), first = spawn(&world, false), second = 0;
    EXPECT(mt_process_kill(mt_thread_self(), first));
    expect_gone(first);
    for (uint32_t i = 0; i < 100000 && mt_pid_index(second) != mt_pid_index(first); i++) {
        if (second) EXPECT(mt_process_kill(mt_thread_self(), second));
        second = spawn(&world, true);
    }
    EXPECT(mt_pid_index(second) == mt_pid_index(first) && second != first);
    link_pids(second, peer);
    mt_tie_unlink(mt_thread_self(), first, peer); // its task may still run
    EXPECT(links_of(second) == 1 && links_of(peer) == 1);
    mt_tie_unlink(mt_thread_self(), peer, first);
    EXPECT(links_of(second) == 1 && links_of(peer) == 1);
    mt_tie_unlink(mt_thread_self(), peer, second);
    EXPECT(links_of(second) == 0 && links_of(peer) == 0);
    probe_close(&world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

// A link with an ended process has spoken as it was made; unlink takes that back like any other.
MT_CHECK(tie_unlink_ended) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_pid_t a = spawn(&world, true), b = spawn(&world, false), c = spawn(&world, false);
    probe_gate_t gate = {{0}, {0}};
    EXPECT(probe_cast(a, probe_block_on, (uint64_t)&gate, 0) == MT_OK && probe_gate_wait(&gate));
    link_pids(a, b);
    EXPECT(probe_stop(b, 7) && probe_stop(c, 7));
    expect_gone(b);
    expect_gone(c);
    link_pids(a, b); // speaks a second time
    link_pids(a, b);
    link_pids(a, c);
    mt_tie_unlink(mt_thread_self(), a, b);
    probe_gate_open(&gate);
    EXPECT(exits_of(a) == 1 && number_of(a) == 2);
    probe_close(&world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

// Unlinking is no end of its own: a process that its parent asks to end goes on until its handler has (R11).
typedef struct {
    probe_gate_t gate;
    mt_a64_t effects;
} farewell_t;

static void unlink_and_act(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    farewell_t *farewell = (farewell_t *)a;
    probe_gate_enter(&farewell->gate);
    mt_tie_unlink(slice->thread, state->pid, b);
    mt_tie_unlink(slice->thread, state->pid, b);
    if (!mt_effect_begin(slice->thread)) return;
    mt_a64_add(&farewell->effects, 1);
    mt_effect_end(slice->thread);
}

MT_CHECK(tie_unlink_is_no_fence) {
    probe_world_t world;
    mt_config_t config = probe_config(3);
    probe_open_with(&world, &config);
    mt_pid_t a = spawn(&world, false), b = spawn(&world, false);
    farewell_t farewell = {0};
    link_pids(a, b);
    EXPECT(probe_cast(a, unlink_and_act, (uint64_t)&farewell, b) == MT_OK && probe_gate_wait(&farewell.gate));
    mt_slot_t *slot = mt_slot_of(a);
    // As a signal of the parent's leaves it: the handler is not taken.
    uint64_t life = mt_a64_load_acq(&slot->life);
    EXPECT(mt_a64_cas(&slot->life, &life, life | MT_LIFE_EXIT));
    probe_gate_open(&farewell.gate);
    expect_gone(a);
    EXPECT(mt_a64_load_acq(&farewell.effects) == 1 && mt_pid_is_alive(b));
    probe_close(&world);
}

// A retry that comes when the signal is being followed takes nobody: last words are heard to the end.
MT_CHECK(tie_take_needs_doom) {
    probe_world_t world;
    mt_config_t config = probe_config(3);
    probe_open_with(&world, &config);
    mt_pid_t a = spawn(&world, false);
    farewell_t farewell = {0};
    EXPECT(probe_cast(a, unlink_and_act, (uint64_t)&farewell, a) == MT_OK && probe_gate_wait(&farewell.gate));
    EXPECT(mt_process_take(mt_thread_self(), a) && mt_pid_is_alive(a));
    probe_gate_open(&farewell.gate);
    EXPECT(probe_wait_word(&farewell.effects, 1) && probe_stop(a, 7));
    probe_close(&world);
}

// Two runtimes: their processes share the table, and so the ties.
MT_CHECK(tie_two_runtimes) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_config_t config = probe_config(1);
    mt_runtime_t *other = NULL;
    EXPECT(mt_runtime_start(&config, &other) == MT_OK);
    probe_world_t there = world;
    there.runtime = other;
    enum { COUNT = 100 };
    mt_pid_t here = spawn(&world, true), linked[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        linked[i] = spawn(&there, i % 2);
        link_pids(i % 3 ? here : linked[i], i % 3 ? linked[i] : here);
        monitor(here, linked[i]);
        monitor(linked[i], here);
    }
    EXPECT(mt_runtime_close(other));
    for (uint32_t i = 0; i < COUNT; i++) EXPECT(mt_process_kill(mt_thread_self(), linked[i]));
    EXPECT(mt_runtime_wait_empty(other, MT_FOREVER));
    EXPECT(mt_runtime_stop(other, MT_FOREVER) == 0);
    mt_runtime_release(other);
    EXPECT(exits_of(here) == COUNT && downs_of(here) == COUNT && number_of(here) == 1);
    EXPECT(links_of(here) == 0);
    link_pids(here, linked[0]);
    monitor(here, linked[1]);
    EXPECT(exits_of(here) == COUNT + 1 && downs_of(here) == COUNT + 1 && number_of(here) == 2);
    probe_close(&world);
    EXPECT(mt_region_live(&mt_ties) == 0);
}

// --- Everything at once ----------------------------------------------------------------------------------------------

enum { PLACES = 48 };
typedef struct {
    probe_world_t world;
    mt_a64_t places[PLACES];
    mt_a64_t monitors, cancelled;
    mt_a64_t refs[PLACES];
} town_t;
static town_t *town;

static mt_pid_t anybody(uint32_t bits) { return mt_a64_load_acq(&town->places[bits % PLACES]); }

static void step(uint32_t bits) {
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t a = anybody(bits >> 8), b = anybody(bits >> 16);
    mt_a64_t *kept = &town->refs[(bits >> 24) % PLACES];
    mt_tie_ref_t ref = 0;
    switch (bits % 8) {
    case 0:
    case 1:
        mt_tie_link(thread, a, b);
        break;
    case 2:
        mt_tie_unlink(thread, a, b);
        break;
    case 3:
    case 4:
        if (mt_tie_monitor(thread, a, b, &ref) == MT_OK) mt_a64_add(&town->monitors, 1);
        mt_a64_xchg(kept, ref);
        break;
    case 5:
        if (mt_tie_demonitor(thread, mt_a64_load_acq(kept))) mt_a64_add(&town->cancelled, 1);
        break;
    case 6:
        if (bits % 3 == 0) probe_exit(a, 5);
        else mt_process_kill(thread, a);
        break;
    default: {
        probe_spec_t spec = {.traps_exits = bits >> 30 & 1};
        mt_pid_t pid = 0;
        if (probe_spawn_async(&town->world, &spec, 0, &pid) == MT_OK)
            mt_process_kill(thread, mt_a64_xchg(&town->places[(bits >> 8) % PLACES], pid));
    }
    }
}

static void body(void *raw, uint32_t number) {
    (void)raw;
    uint32_t bits = number * 2654435761u + 12345;
    while (!mt_check_time_is_up())
        for (int i = 0; i < 64; i++) {
            bits ^= bits << 13, bits ^= bits >> 17, bits ^= bits << 5;
            step(bits);
        }
}

MT_CHECK(tie_hammer) {
    static town_t storage;
    memset(&storage, 0, sizeof storage);
    town = &storage;
    probe_open(&town->world, 2);
    uint64_t downs = mt_a64_load_acq(&probe_downs);
    for (uint32_t i = 0; i < PLACES; i++) mt_a64_store_rel(&town->places[i], spawn(&town->world, i % 2));
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), body, NULL);
    for (uint32_t i = 0; i < PLACES; i++) mt_process_kill(mt_thread_self(), anybody(i));
    mt_runtime_wait_idle(town->world.runtime);
    // Each monitor was heard of, given up, or ended with its watcher.
    EXPECT(mt_a64_load_acq(&probe_downs) - downs + mt_a64_load_acq(&town->cancelled) <=
           mt_a64_load_acq(&town->monitors));
    probe_close(&town->world);
    EXPECT(mt_region_live(&mt_ties) == 0);
    mt_region_check(&mt_ties);
}
