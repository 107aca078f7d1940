// SPDX-License-Identifier: Apache-2.0
// What a program of the model checker says to it. A program is a few threads that use the shipped core; the checker
// runs it once for every schedule within a bound of preemptions, and for every value that a load may see.
//
//     setup     once, alone, before the first execution: what it leaves behind is where each execution begins
//     body      once a thread and execution; the threads are numbered from 1
//     finish    at the end of each execution, alone, ordered behind all threads: the expectations
//
// Everything between setup and finish is undone before the next execution: globals, the heap, stacks. A program keeps
// its state in globals or in memory of malloc; memory from elsewhere is neither undone nor looked at.
#ifndef MARTLET_MODEL_H
#define MARTLET_MODEL_H

#include "martlet/atomic.h"
#include "martlet/env.h"

#define MODEL_THREADS_MAX 8 // finish and setup count as one

typedef struct model_program {
    const char *name;
    void (*setup)(void);
    void (*body)(uint32_t thread);
    void (*finish)(void);
    uint32_t threads; // without setup and finish; below MODEL_THREADS_MAX
    uint32_t daemons; // bit n: thread n may sleep for ever when all others have ended
    uint32_t bound;   // preemptions in `make model`; 0: 2. Lower only where 2 takes too long, and the page says so
    uint32_t deep;    // at most so many preemptions in longer runs; 0: as many as are asked for
    bool time_passes; // when all sleep, the clock moves on to the first deadline. Else that is a deadlock
    struct model_program *next;
} model_program_t;

void model_register(model_program_t *program);

#define MODEL_PROGRAM(NAME, ...)                                                                        \
    static model_program_t program_##NAME = {.name = #NAME, __VA_ARGS__};                               \
    __attribute__((constructor)) static void register_##NAME(void) { model_register(&program_##NAME); } \
    _Static_assert(1, "takes the semicolon")

// Ends the execution as a failure.
__attribute__((noreturn, format(printf, 1, 2))) void model_fail(const char *format, ...);
#define MODEL_EXPECT(cond)                                                               \
    do {                                                                                 \
        if (!(cond)) model_fail("expected: %s (%s:%d)", #cond, __FILE_NAME__, __LINE__); \
    } while (0)

// The thread that runs, 0 in setup and finish.
uint32_t model_thread(void);
// Sleeps until another thread has stored something: how a program waits where the runtime would come back later. When
// all threads wait, each runs once more and sees the latest values; if that stores nothing, it is a deadlock.
void model_wait(void);
// Sleeps until the condition holds of the newest values, and sees nothing older afterwards: for waits that are not what
// is examined. The condition only reads.
void model_await(bool (*condition)(void *argument), void *argument);
// The same, until a word is something else.
void model_await_change(const void *word, uint32_t size, uint64_t while_it_is);
#define MODEL_AWAIT(word, value) model_await_change(&(word), sizeof(word), (uint64_t)(value))
// One of 0 ..< count: every one is tried.
uint32_t model_choose(uint32_t count);
// Moves the clock; sleepers whose deadline has come may go on.
void model_advance(uint64_t ns);
// What membarrier does: every thread sees at least all that was stored so far, and what it stores from now on comes
// after this in the eyes of the caller. No order for plain data.
void mt_model_membarrier(void);

// What a trace calls this word. In setup.
void model_name(const void *address, const char *name);
#define MODEL_NAME(lvalue) model_name(&(lvalue), #lvalue)

// Clock, random, threads and sleep of the checker. thread_start remembers the body: model_started.
extern const mt_env_t mt_env_system;
typedef struct model_started {
    void (*body)(void *argument);
    void *argument;
} model_started_t;
// What the n-th thread_start asked for, from 0; a program's thread may call it. NULL: not started.
const model_started_t *model_started(uint32_t number);
// The same, and sleeps until it was started: for threads that the core starts in an execution.
const model_started_t *model_await_started(uint32_t number);

#endif
