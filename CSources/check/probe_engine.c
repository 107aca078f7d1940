// SPDX-License-Identifier: Apache-2.0
// The engine itself: how it runs a slice, and what its actions do. How checks talk to it: probe_client.c.
#include "probe_engine.h"

#include <stdlib.h>

mt_a64_t probe_states, probe_reasons;
probe_reason_t probe_normal = {.number = 3}, probe_killed = {.number = 1};
mt_a64_t probe_exits, probe_downs;
probe_reason_t probe_no_process = {.number = 2};

static void *retain(void *raw) {
    mt_a32_add(&((probe_reason_t *)raw)->count, 1);
    mt_a64_add(&probe_reasons, 1);
    return raw;
}

void probe_reason_release(void *raw) {
    probe_reason_t *reason = raw;
    uint32_t before = mt_a32_add(&reason->count, (uint32_t)-1);
    EXPECT(before > 0);
    mt_a64_add(&probe_reasons, (uint64_t)-1);
    if (before == 1 && reason != &probe_killed && reason != &probe_no_process && reason != &probe_normal) free(reason);
}

probe_reason_t *probe_reason_make(uint32_t number) {
    probe_reason_t *reason = calloc(1, sizeof *reason);
    MT_ASSERT(reason);
    reason->number = number;
    return retain(reason);
}

__attribute__((constructor)) static void set_hooks(void) {
    mt_hooks.reason_retain = retain;
    mt_hooks.reason_release = probe_reason_release;
    mt_hooks.reason_normal = &probe_normal;
    mt_hooks.reason_killed = &probe_killed;
    mt_hooks.reason_no_process = &probe_no_process;
}

static void end_state(probe_state_t *state) {
    if (!state) return;
    free(state);
    mt_a64_add(&probe_states, (uint64_t)-1);
}

static mt_run_t end_with(mt_slice_t *slice, void *reason) {
    probe_state_t *state = mt_slice_state_is_held(slice) ? NULL : slice->slot->state;
    mt_slice_exit_begin(slice, reason);
    end_state(state);
    slice->slot->state = NULL;
    mt_slice_exit_finish(slice);
    return MT_RUN_EXITED;
}

// Runs an action as user code. False: the process was taken out of it, this thread holds the state.
static bool run_action(mt_slice_t *slice, probe_state_t *state, const probe_message_t *message, mt_reply_ref_t call) {
    mt_slice_enter(slice, call);
    if (message->action) message->action(slice, state, message->a, message->b);
    bool is_ours = mt_slice_leave(slice);
    probe_end_message(message->id);
    if (!is_ours) end_state(state);
    return is_ours;
}

static bool run_init(mt_slice_t *slice) {
    probe_init_t init = *(probe_init_t *)slice->payload;
    probe_state_t *state = calloc(1, sizeof *state);
    MT_ASSERT(state);
    mt_a64_add(&probe_states, 1);
    state->pid = mt_slot_pid(slice->slot, slice->frame.generation);
    slice->slot->state = state;
    mt_reply_ref_t start = slice->reply;
    mt_slice_enter(slice, start);
    if (init.message.action) init.message.action(slice, state, init.message.a, init.message.b);
    slice->frame.call = 0;
    bool is_ours = mt_slice_leave(slice);
    probe_end_message(init.message.id);
    if (!is_ours) end_state(state);
    else mt_reply_complete(start, MT_REPLY_VALUE);
    return is_ours;
}

static void hear(probe_state_t *state, uint32_t kind, const void *payload) {
    const mt_news_t *news = payload;
    state->last_number = ((probe_reason_t *)news->reason)->number;
    if (kind == MT_KIND_EXIT) state->exits++;
    else state->downs++;
    mt_a64_add(kind == MT_KIND_EXIT ? &probe_exits : &probe_downs, 1);
    probe_reason_release(news->reason);
}

static bool run_commands(mt_slice_t *slice, probe_state_t *state) {
    for (mt_node_t *node; (node = mt_slice_next_command(slice));) {
        probe_message_t message = *(probe_message_t *)(void *)node->payload;
        slice->reply = node->reply;
        mt_node_free(slice->thread, node);
        if (message.action == probe_suspend) { // the engine's own business, not user code
            probe_suspend(slice, state, message.a, message.b);
            probe_end_message(message.id);
            continue;
        }
        if (!run_action(slice, state, &message, slice->reply)) return false;
    }
    return true;
}

static mt_run_t engine_run(void *context, mt_slice_t *slice) {
    (void)context;
    if (slice->kind == MT_KIND_INIT && !run_init(slice)) return MT_RUN_ABANDONED;
    if (slice->kind == MT_SLICE_DIE) return end_with(slice, slice->reason);
    probe_state_t *state = slice->slot->state;
    for (;;) {
        uint32_t kind = mt_slice_next(slice);
        if (kind == MT_SLICE_LEAVE) return MT_RUN_LEFT;
        if (kind == MT_SLICE_DIE) return end_with(slice, slice->reason);
        if (kind == MT_KIND_TIMEOUT) {
            state->timeouts += slice->reply == slice->slot->idle_arming;
            continue;
        }
        if (kind == MT_SLICE_SYSTEM) {
            if (!run_commands(slice, state)) return MT_RUN_ABANDONED;
            continue;
        }
        if (kind == MT_KIND_EXIT || kind == MT_KIND_DOWN) {
            hear(state, kind, slice->payload);
            continue;
        }
        probe_message_t message = *(probe_message_t *)slice->payload;
        if (kind == MT_KIND_STOP) {
            if (slice->reply && !mt_slice_defer(slice, slice->reply))
                mt_reply_complete(slice->reply, MT_REPLY_OVERLOADED);
            probe_end_message(message.id);
            return end_with(slice, (void *)message.a);
        }
        if (!run_action(slice, state, &message, kind == MT_KIND_CALL ? slice->reply : 0)) return MT_RUN_ABANDONED;
    }
}

const mt_class_t probe_class = {.run = engine_run, .name = "probe"};

// --- Actions ---------------------------------------------------------------------------------------------------------

void probe_count(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)b;
    state->count += a;
}

void probe_add_to(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state;
    mt_a64_add((mt_a64_t *)a, b);
}

void probe_in_order(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice;
    EXPECT(state->last[a] + 1 == b);
    state->last[a] = b;
    state->count++;
}

void probe_reply_with(mt_thread_t *thread, mt_reply_ref_t ref, uint64_t value) {
    mt_frame_t *frame = thread->frame;
    if (frame && frame->call == ref) frame->call = 0;
    mt_reply_t *reply = mt_reply_claim(ref);
    if (!reply) return;
    *(uint64_t *)(void *)reply->value = value;
    EXPECT(mt_reply_finish(reply, MT_REPLY_VALUE) == NULL);
}

void probe_answer(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)b;
    probe_reply_with(slice->thread, slice->reply, a + state->count);
}

void probe_keep_call(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    mt_a64_store_rel((mt_a64_t *)a, slice->reply); // release: pairs with the load of who answers
}

void probe_suspend(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)state, (void)b;
    probe_reply_with(slice->thread, slice->reply, mt_slice_suspend(slice, a));
}

void probe_gate_enter(probe_gate_t *gate) {
    mt_a32_add(&gate->inside, 1);
    while (mt_a32_load_acq(&gate->key) == 0) mt_env_system.park(NULL, &gate->key, 0, MT_FOREVER);
}

bool probe_gate_enter_politely(mt_thread_t *thread, probe_gate_t *gate) {
    if (!mt_block_begin(thread)) return false;
    probe_gate_enter(gate);
    mt_block_end(thread);
    return true;
}

void probe_gate_open(probe_gate_t *gate) {
    mt_a32_xchg(&gate->key, 1);
    mt_env_system.unpark(NULL, &gate->key, UINT32_MAX >> 1);
}

void probe_block_on(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b) {
    (void)slice, (void)state;
    probe_gate_enter((probe_gate_t *)a);
    if (b) probe_cast(b, probe_count, 1, 0);
}
