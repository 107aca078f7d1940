// SPDX-License-Identifier: Apache-2.0
// The environment of the system.
#include "martlet/env.h"

#include "martlet/memory.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "breadcrumb_stack.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t system_now_ns(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t mt_env_now_upper(void) {
    // The resolution is the kernel's tick, 1 to 10 ms; 10 is right for all of them.
    const uint64_t resolution_ns = 10000000;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec + resolution_ns;
}

static uint64_t system_random(void *context) {
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) bits = system_now_ns(context) * 0x9E3779B97F4A7C15u;
    return bits;
}

typedef struct {
    void (*body)(void *);
    void *argument;
    char name[16];
} thread_start_t;

static void *thread_main(void *raw) {
    thread_start_t start = *(thread_start_t *)raw;
    free(raw);
    pthread_setname_np(pthread_self(), start.name);
    stack_t stack;
    bool has_stack = mt__signal_stack_begin(&stack);
    start.body(start.argument);
    if (has_stack) mt__signal_stack_end(&stack);
    return NULL;
}

static mt_status_t system_thread_start(void *context, const char *name, void (*body)(void *), void *argument,
                                       uint64_t *handle) {
    (void)context;
    thread_start_t *start = mt_alloc_zeroed(sizeof *start);
    if (!start) return MT_NO_MEMORY;
    *start = (thread_start_t){.body = body, .argument = argument};
    strncpy(start->name, name, sizeof start->name - 1);
    // Signals are for the program's own threads; those of faults must reach the thread that faults.
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(start);
        return MT_SYSTEM_LIMIT;
    }
    *handle = (uint64_t)thread;
    return MT_OK;
}

static void system_thread_join(void *context, uint64_t handle) {
    (void)context;
    pthread_join((pthread_t)handle, NULL);
}

static void system_thread_detach(void *context, uint64_t handle) {
    (void)context;
    pthread_detach((pthread_t)handle);
}

// FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, which is what now_ns counts.
static bool system_park(void *context, mt_a32_t *word, uint32_t expected, uint64_t deadline_ns) {
    (void)context;
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                          deadline_ns == MT_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    return !(result == -1 && errno == ETIMEDOUT);
}

static void system_unpark(void *context, mt_a32_t *word, uint32_t count) {
    (void)context;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, (int)count, NULL, NULL, 0);
}

const mt_env_t mt_env_system = {
    .now_ns = system_now_ns,
    .random = system_random,
    .thread_start = system_thread_start,
    .thread_join = system_thread_join,
    .thread_detach = system_thread_detach,
    .park = system_park,
    .unpark = system_unpark,
};
