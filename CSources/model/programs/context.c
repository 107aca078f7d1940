// SPDX-License-Identifier: Apache-2.0
// Taking a worker's context from a thread that is stuck (src/context.h): the thread that comes inside in the middle of
// its handler and at its end, and the monitor that wants the context. What belongs to the context is plain, so two
// owners show as a race; a context that nobody or both believe to have is an expectation.
#include "world.h"

#include "context.h"

#define VISITS 2u // a send in the handler, and the end of the handler

static mt_thread_t *thread;
static mt_worker_t worker, other;
static mt_runner_t runner;
static uint32_t touched; // the holder's, plain: stands for ring, run-next and nursery
static bool is_taken, is_lost, moves_on;

static void init(bool does_move_on) {
    moves_on = does_move_on;
    world_threads(2, NULL);
    thread = mt_thread_self();
    runner.thread = thread;
    mt__context_accept(thread, &runner, &worker);
    mt__context_leave(thread, MT_CONTEXT_OUTSIDE);
    MODEL_NAME(thread->is_inside);
    MODEL_NAME(thread->claim);
    MODEL_NAME(thread->worker);
    MODEL_NAME(worker.holder);
}

// A handler of that thread; then, where it moves on, the thread gives its context away and runs another one.
static void handle(void) {
    uint64_t before;
    for (uint32_t visit = 0; visit < VISITS; visit++) {
        mt_worker_t *mine = mt__context_enter(thread, &before);
        MODEL_EXPECT(mine == &worker || (!mine && thread->detached_from == worker.runtime));
        if (mine) touched++;
        is_lost = !mine;
        if (mine && moves_on && visit == 1) {
            mt__context_detach(thread);
            mt__context_accept(thread, &runner, &other);
        }
        mt__context_leave(thread, MT_CONTEXT_OUTSIDE);
    }
    // In its next handler: a claim that came late must not cost it the other context.
    if (moves_on && !is_lost) MODEL_EXPECT(mt__context_enter(thread, &before) == &other);
}

static void take(void) {
    is_taken = mt__context_take(&worker, thread);
    if (is_taken) touched++;
}

static void body(uint32_t number) {
    if (number == 1) handle();
    else take();
}

static void finish(void) {
    MODEL_EXPECT(touched <= VISITS + 1);
    if (!is_taken) MODEL_EXPECT(!is_lost && touched == VISITS);
    // Taken after the last visit: the thread finds it when it comes in again.
    uint64_t before;
    if (is_taken) MODEL_EXPECT(mt__context_enter(thread, &before) == NULL);
    MODEL_EXPECT(mt_a32_load_rlx(&thread->claim) == MT_CLAIM_NONE);
}

static void setup_take(void) { init(false); }
static void setup_moves_on(void) { init(true); }

MODEL_PROGRAM(context_take, .setup = setup_take, .body = body, .finish = finish, .threads = 2);
MODEL_PROGRAM(context_moves_on, .setup = setup_moves_on, .body = body, .finish = finish, .threads = 2);
