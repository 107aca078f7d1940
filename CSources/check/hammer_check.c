// SPDX-License-Identifier: Apache-2.0
// Everything at once: eight threads start, send, call, stop, kill, signal, watch and arm timers on a few hundred
// processes, whose handlers do the same to each other. Afterwards all is accounted for: each message handled or
// destroyed once, each call answered once, and no process, reply slot, node or timer left.
#include "probe_engine.h"

#include <stdlib.h>

#define PLACES 256u
#define THREADS 8u
#define MS UINT64_C(1000000)

typedef struct {
    probe_world_t world;
    mt_a64_t places[PLACES];
    const mt_name_t *names[8];
    mt_a64_t begun, answered, by_kind[MT_REPLY_GRANTED + 1], spawned;
} town_t;

static town_t *town;

static mt_pid_t anybody(uint32_t bits) { return mt_a64_load_acq(&town->places[bits % PLACES]); }

// One answer, of a kind that can be; what came with it is released by the client.
static void end_call(mt_reply_ref_t ref, uint64_t patience_ns) {
    if (!ref) return;
    mt_a64_add_rlx(&town->begun, 1);
    mt_reply_kind_t kind = probe_call_end(ref, mt_check_now_ns() + patience_ns, NULL);
    EXPECT(kind == MT_REPLY_VALUE || kind == MT_REPLY_EXITED || kind == MT_REPLY_TIMEOUT ||
           kind == MT_REPLY_NO_PROCESS || kind == MT_REPLY_NAME_TAKEN || kind == MT_REPLY_OVERLOADED);
    mt_a64_add_rlx(&town->by_kind[kind], 1);
    mt_a64_add_rlx(&town->answered, 1);
}

static void do_something(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);

// --- What handlers do ------------------------------------------------------------------------------------------------

static void call_another(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    if (!mt_block_begin(slice->thread)) return;
    mt_reply_ref_t ref = probe_call_begin(anybody((uint32_t)a), probe_answer, a, 0); // perhaps itself: a timeout
    end_call(ref, MS / 2);
    mt_block_end(slice->thread);
}

static void arm_own_timer(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    uint64_t ref = 0;
    mt_node_t *node = probe_message(MT_KIND_MESSAGE, probe_count, 1, 0);
    mt_status_t status = mt_timed_send(slice->thread, mt_runtime_of(slice->slot), a % (4 * MS), state->pid, node, &ref);
    if (status != MT_OK) probe_discard(node); // killed
    else if (a % 4 == 0) mt_timers_cancel(ref, NULL);
}

static void do_something(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    uint32_t bits = (uint32_t)a;
    state->count++;
    switch (b % 8) {
    case 0:
        call_another(slice, state, a, 0);
        break;
    case 1:
        arm_own_timer(slice, state, a, 0);
        break;
    case 2:
        mt_process_kill(slice->thread, anybody(bits));
        break; // perhaps itself
    case 3:
        probe_exit(anybody(bits), 5);
        break;
    case 4:
        probe_stop_async(anybody(bits), 6, 0);
        break;
    default: // a chain of at most b / 8 casts
        if (b / 8) probe_cast(anybody(bits), do_something, a * 31 + 7, (b / 8 - 1) * 8 + 5);
        break;
    }
}

// --- What threads do -------------------------------------------------------------------------------------------------

static void spawn_somewhere(uint32_t bits) {
    static const mt_policy_t policies[] = {MT_POLICY_UNBOUNDED, MT_POLICY_UNBOUNDED, MT_POLICY_REJECT,
                                           MT_POLICY_DROP_OLDEST};
    probe_spec_t spec = {.policy = policies[bits % 4],
                         .capacity = bits / 4 % 16 + 1,
                         .traps_exits = bits / 64 % 8 == 0,
                         .name = bits / 512 % 8 ? NULL : town->names[bits / 4096 % 8],
                         .init = bits / 32768 % 4 ? NULL : do_something,
                         .a = bits,
                         .b = 5};
    mt_reply_ref_t start = bits & 1u << 20 ? mt_reply_arm(mt_thread_self(), 0, 0, MT_FOREVER) : 0;
    mt_pid_t pid = 0;
    mt_status_t status = probe_spawn_async(&town->world, &spec, start, &pid);
    EXPECT(status == MT_OK || status == MT_SYSTEM_LIMIT);
    if (status != MT_OK && start) mt_reply_complete(start, MT_REPLY_OVERLOADED);
    if (status == MT_OK) mt_a64_add_rlx(&town->spawned, 1);
    // Whoever lived there goes: every living process can be met.
    if (status == MT_OK) mt_process_kill(mt_thread_self(), mt_a64_xchg(&town->places[bits / 64 % PLACES], pid));
    end_call(start, PROBE_WAIT_NS);
}

static void stop_or_watch(mt_pid_t pid, uint32_t bits) {
    mt_thread_t *thread = mt_thread_self();
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    mt_status_t status = bits % 2 ? probe_stop_async(pid, 4, ref) : mt_process_watch(thread, pid, ref);
    if (status != MT_OK) mt_reply_complete(ref, MT_REPLY_NO_PROCESS);
    end_call(ref, bits % 4 ? PROBE_WAIT_NS * (bits % 2) : MS);
}

static void send_later(mt_pid_t pid, uint32_t bits) {
    uint64_t ref = 0, left;
    mt_node_t *node = probe_message(MT_KIND_CAST, do_something, bits, 5);
    EXPECT(mt_timed_send(mt_thread_self(), town->world.runtime, bits % (4 * MS), pid, node, &ref) == MT_OK);
    if (bits % 4 == 0) mt_timers_cancel(ref, &left);
}

static void hammer_body(void *raw, uint32_t number) {
    (void)raw;
    uint64_t random = number * 7919 + 1;
    while (!mt_check_time_is_up()) {
        uint32_t bits = mt_check_random(&random), more = mt_check_random(&random);
        mt_pid_t pid = anybody(bits / 64);
        switch (bits % 32) {
        case 0:
        case 1:
        case 2:
        case 3:
            spawn_somewhere(more);
            break;
        case 4:
            mt_process_kill(mt_thread_self(), pid);
            break;
        case 5:
            probe_exit(pid, 5);
            break;
        case 6:
        case 7:
            stop_or_watch(pid, more);
            break;
        case 8:
        case 9:
            send_later(pid, more);
            break;
        case 10:
        case 11:
        case 12:
        case 13:
            end_call(probe_call_begin(pid, probe_answer, more, 0), PROBE_WAIT_NS);
            break;
        case 14: // never answered: ends by its deadline or with the process
            end_call(probe_call_begin(pid, probe_count, 1, 0), more % MS);
            break;
        default:
            probe_cast(pid, do_something, more, more % 64);
            break;
        }
    }
}

static bool has_no_timer(void *raw) { return mt_timers_stats(mt_runtime_timers(raw)).live == 0; }

MT_CHECK(hammer_everything) {
    static town_t the_town;
    the_town = (town_t){0};
    town = &the_town;
    mt_config_t config = probe_config(3);
    config.processes_max = 300;
    config.run_budget = 16;
    probe_open_with(&town->world, &config);
    for (uint32_t i = 0; i < 8; i++) town->names[i] = mt_name_intern((char[]){'h', (char)('a' + i), 0}, 2);
    mt_check_begin_hammer();
    mt_check_run_threads(THREADS, hammer_body, NULL);
    EXPECT(probe_eventually(has_no_timer, town->world.runtime)); // those of the runtime itself
    probe_end_all(&town->world);
    EXPECT(mt_a64_load_acq(&town->begun) == mt_a64_load_acq(&town->answered));
    mt_statistics_t statistics;
    mt_runtime_statistics(town->world.runtime, &statistics);
    EXPECT(mt_timers_check(mt_runtime_timers(town->world.runtime)) == 0);
    mt_pid_t pids[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) pids[i] = mt_a64_load_acq(&town->places[i]);
    probe_runtime_check_slots(pids, PLACES);
    mt_check_figure("processes", (double)mt_a64_load_acq(&town->spawned) / 1e3, "thousand");
    mt_check_figure("messages", (double)statistics.sent / 1e3, "thousand");
    mt_check_figure("discarded", (double)statistics.discarded / 1e3, "thousand");
    static const char *const kinds[] = {"values", "timeouts", "no process", "exited"};
    for (uint32_t i = 0; i < 4; i++) mt_check_figure(kinds[i], (double)mt_a64_load_acq(&town->by_kind[i]), "");
    probe_close(&town->world);
}
