// SPDX-License-Identifier: Apache-2.0
// A queue that is cut: a sender between its exchange and its link, another that linked before it, and the scheduler
// that ships. The process goes to the back of the ring, then to the stall list, and the worker sleeps with a timeout;
// it is never lost, and the worker never spins. The clock moves on when all sleep.
#include "actor.h"

static mt_pid_t target;

static void setup(void) {
    actor_world(3, NULL);
    target = actor_spawn(mt_thread_current, false, 0, MT_POLICY_UNBOUNDED);
    actor_settle();
    actor_name_slot(target);
    MODEL_NAME(actor_runtime->idle);
    MODEL_NAME(actor_runtime->inject_count);
    MODEL_NAME(actor_runtime->stalled_count);
    MODEL_NAME(actor_runtime->workers[0]->token);
    for (uint32_t i = 2; i < 4; i++) world_record(i)->runtime = NULL; // senders from outside
    actor_use_scheduler();
}

static void worker_and_senders(uint32_t thread) {
    mt_thread_t *self = world_enter();
    if (thread > 1) {
        MODEL_EXPECT(actor_send(self, target, thread) == MT_OK);
        return;
    }
    world_become(model_started(0));
}

static void check(void) {
    MODEL_EXPECT(mt_a64_load_acq(&actor.handled[1]) == 0xC);
    MODEL_EXPECT(mt_a32_load_acq(&actor_runtime->stalled_count) == 0);
    mt_process_check(mt_slot_of(target));
}

MODEL_PROGRAM(stall_two_senders, .setup = setup, .body = worker_and_senders, .finish = check, .threads = 3,
              .daemons = 1u << 1, .time_passes = true);
