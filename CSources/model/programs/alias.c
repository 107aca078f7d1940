// SPDX-License-Identifier: Apache-2.0
// Aliases: a message through one, while it ends and its slot serves a process, or the next alias. It comes to whom the
// alias was of, with its number, or to nobody.
#include "actor.h"

#include "martlet/alias.h"

#define NUMBER 5u
#define WORD 2u

static mt_pid_t target, stranger, alias;
static mt_status_t status;

static void handle(mt_slice_t *slice, uint64_t word) {
    MODEL_EXPECT(word == WORD && slice->slot == mt_slot_of(target) && mt_node_alias(slice->node) == NUMBER);
}

static void setup(void) {
    actor_world(3, handle);
    target = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    stranger = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor = (actor_account_t){0};
    alias = mt_alias_make(mt_thread_current, target, NUMBER);
    actor_share_slots();
    actor_name_slot(alias);
    MODEL_NAME(mt_slot_of(alias)->parent);
    MODEL_NAME(mt_slot_of(alias)->length);
}

static void send(void) { status = actor_send(world_enter(), alias, WORD); }

// The slot is a process's, whose parent is the stranger.
static void end_and_spawn(void) {
    mt_thread_t *thread = world_enter();
    MODEL_EXPECT(mt_alias_end(thread, alias));
    mt_node_t *node = mt_node_alloc(thread, sizeof(mt_init_t));
    node->ops = NULL;
    node->reply = 0;
    *(mt_init_t *)(void *)node->payload = (mt_init_t){.klass = &actor_class, .parent = stranger};
    const mt_spawn_t spec = {.init = node};
    mt_pid_t pid;
    MODEL_EXPECT(mt_process_spawn(actor_runtime, thread, &spec, &pid) == MT_OK);
    MODEL_EXPECT(mt_pid_index(pid) == mt_pid_index(alias));
}

static void end_and_make(void) {
    mt_thread_t *thread = world_enter();
    MODEL_EXPECT(mt_alias_end(thread, alias));
    mt_pid_t next = mt_alias_make(thread, stranger, NUMBER + 1);
    MODEL_EXPECT(mt_pid_index(next) == mt_pid_index(alias));
}

static void beside_spawn(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) send();
    else end_and_spawn();
}

static void beside_alias(uint32_t thread) {
    if (thread == 1) actor_work();
    else if (thread == 2) send();
    else end_and_make();
}

static void check(void) {
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[1]) == (uint64_t)(status == MT_OK) << WORD);
    MODEL_EXPECT(mt_a64_load_acq(&actor.dead[1]) == 0);
}

#define ALIAS(NAME, BODY) \
    MODEL_PROGRAM(NAME, .setup = setup, .body = BODY, .finish = check, .threads = 3, .bound = 2, .daemons = 1u << 1)

ALIAS(alias_process, beside_spawn);
ALIAS(alias_next, beside_alias);
