// SPDX-License-Identifier: Apache-2.0
// A small engine in C, for the checks of processes: a message is a function to run in the process and two words. It
// accounts for everything it makes (messages, states, reasons), so that a check can end with "nothing is left".
//
//     probe_world_t world;
//     probe_open(&world, 2);
//     mt_pid_t pid = probe_spawn(&world, NULL);
//     probe_cast(pid, probe_count, 1, 0);
//     probe_close(&world); // kills what lives, stops the runtime, expects that nothing is left
#ifndef MARTLET_CHECK_PROBE_ENGINE_H
#define MARTLET_CHECK_PROBE_ENGINE_H

#include "check.h"
#include "martlet/martlet.h"
#include "runtime_state.h"

#define PROBE_SENDERS 16
#define PROBE_WAIT_NS UINT64_C(10000000000) // a condition that takes longer has been missed

typedef struct probe_state {
    mt_pid_t pid;
    uint64_t count;               // of probe_count
    uint64_t timeouts;            // idle timeouts handled
    uint64_t exits, downs;        // signals that came as messages
    uint64_t last_number;         // of the reason of the last of them
    uint64_t last[PROBE_SENDERS]; // of probe_in_order
} probe_state_t;

// Runs in the process, as its handler. `reply` of the slice is the call's.
typedef void (*probe_action_t)(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);

// A payload: what to do, with what, and who it is (for the account).
typedef struct probe_message {
    probe_action_t action;
    uint64_t a, b, id;
} probe_message_t;

typedef struct probe_init {
    mt_init_t base;
    probe_message_t message;
} probe_init_t;

extern const mt_class_t probe_class;
void probe_end_message(uint64_t id);

// A counted reason of an exit.
typedef struct probe_reason {
    mt_a32_t count;
    uint32_t number;
} probe_reason_t;

typedef struct probe_world {
    mt_runtime_t *runtime;
    mt_virtual_clock_t clock; // of probe_open_virtual
    uint64_t replies_before, nodes_before, slots_before;
} probe_world_t;

typedef struct probe_spec {
    const mt_name_t *name;
    uint32_t capacity;
    mt_policy_t policy;
    bool traps_exits;
    probe_action_t init; // NULL: nothing
    uint64_t a, b;
    mt_waits_t waits; // of whoever waits for the start
} probe_spec_t;

// Messages made and ended, by number and by the sum of their identities.
extern mt_a64_t probe_made, probe_made_sum, probe_ended, probe_ended_sum;
extern mt_a64_t probe_states, probe_reasons; // living
extern probe_reason_t probe_normal, probe_killed, probe_no_process;
extern mt_a64_t probe_exits, probe_downs; // signals that came as messages, by all processes

void probe_open(probe_world_t *world, uint32_t workers);
void probe_open_virtual(probe_world_t *world, uint32_t workers);
mt_config_t probe_config(uint32_t workers);
// Starts with that configuration.
void probe_open_with(probe_world_t *world, const mt_config_t *config);
// Kills all, stops the runtime, expects that nothing of it is left. Nobody sends any more.
void probe_close(probe_world_t *world);
// The first half of it: no process is left, and what was sent was handled, refused or discarded.
void probe_end_all(probe_world_t *world);

// Waits until *word is at least `value`, at most PROBE_WAIT_NS.
bool probe_wait_word(const mt_a64_t *word, uint64_t value);
bool probe_wait_word32(const mt_a32_t *word, uint32_t value);
// Waits until the condition holds, looking each millisecond. For what has no word to wait on.
bool probe_eventually(bool (*condition)(void *argument), void *argument);
uint64_t probe_live_nodes(void);

// Spawns and waits for the start; 0: it failed, with *kind.
mt_pid_t probe_spawn(probe_world_t *world, const probe_spec_t *spec);
mt_pid_t probe_spawn_answer(probe_world_t *world, const probe_spec_t *spec, mt_reply_kind_t *kind, mt_status_t *status);
// Spawns without waiting for the start.
mt_status_t probe_spawn_async(probe_world_t *world, const probe_spec_t *spec, mt_reply_ref_t start, mt_pid_t *pid);
mt_node_t *probe_message(mt_kind_t kind, probe_action_t action, uint64_t a, uint64_t b);
// Ends a message and frees its node.
void probe_discard(mt_node_t *node);
// Sends; what is refused is counted and ended.
mt_status_t probe_cast(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b);
// A call that is under way: 0 if it was refused.
mt_reply_ref_t probe_call_begin(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b);
// Waits for the answer and frees the slot; `word` (may be NULL) is what came with it: a reply, or a reason's number.
mt_reply_kind_t probe_call_end(mt_reply_ref_t ref, uint64_t deadline_ns, uint64_t *word);
mt_reply_kind_t probe_call(mt_pid_t pid, probe_action_t action, uint64_t a, uint64_t b, uint64_t *word);
// Stops with a reason of that number and waits for the end; false: no such process.
bool probe_stop(mt_pid_t pid, uint32_t number);
// A stop without waiting; `ref` may be 0.
mt_status_t probe_stop_async(mt_pid_t pid, uint32_t number, mt_reply_ref_t ref);
// Waits for the end of a process; its reason's number, or UINT64_MAX when it had ended.
uint64_t probe_join(mt_pid_t pid);
// Sends an exit signal with a reason of that number.
bool probe_exit(mt_pid_t pid, uint32_t number);
void probe_runtime_check_slots(const mt_pid_t *pids, uint32_t count);

probe_reason_t *probe_reason_make(uint32_t number);
void probe_reason_release(void *reason);

// Actions.
void probe_count(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);     // count += a
void probe_add_to(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);    // *(mt_a64_t *)a += b
void probe_in_order(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);  // sender a's b-th message
void probe_answer(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);    // replies a + count
void probe_keep_call(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b); // *(mt_a64_t *)a = the call
void probe_block_on(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);  // gate a, then sends count to b
void probe_suspend(mt_slice_t *slice, probe_state_t *state, uint64_t a, uint64_t b);   // as a command: a true or false
void probe_reply_with(mt_thread_t *thread, mt_reply_ref_t ref, uint64_t value);        // from any thread

// A handler's gate: it says that it is inside, and waits for the key.
typedef struct probe_gate {
    mt_a32_t inside, key;
} probe_gate_t;
void probe_gate_enter(probe_gate_t *gate); // the handler
// The same with another thread standing in; false: there is none.
bool probe_gate_enter_politely(mt_thread_t *thread, probe_gate_t *gate);
void probe_gate_open(probe_gate_t *gate); // lets it go
static inline bool probe_gate_wait(probe_gate_t *gate) { return probe_wait_word32(&gate->inside, 1); }

#endif
