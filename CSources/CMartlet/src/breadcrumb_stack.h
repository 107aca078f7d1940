// SPDX-License-Identifier: Apache-2.0
// A second stack for signal handlers, so that a handler which overflowed its thread's stack can still be named.
#ifndef MARTLET_BREADCRUMB_STACK_H
#define MARTLET_BREADCRUMB_STACK_H

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

// Room for the line and for a handler behind ours. Its pages are used by a signal only.
#define MT_SIGNAL_STACK_BYTES (64u * 1024u)

// Gives the calling thread one, unless it has one. False: it has, or there is no memory. The thread.
static inline bool mt__signal_stack_begin(stack_t *stack) {
    stack_t before;
    if (sigaltstack(NULL, &before) != 0 || !(before.ss_flags & SS_DISABLE)) return false;
    void *memory = mmap(NULL, MT_SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    *stack = (stack_t){.ss_sp = memory, .ss_size = MT_SIGNAL_STACK_BYTES};
    if (sigaltstack(stack, NULL) == 0) return true;
    munmap(memory, MT_SIGNAL_STACK_BYTES);
    return false;
}

// The same thread, before it ends.
static inline void mt__signal_stack_end(const stack_t *stack) {
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(stack->ss_sp, MT_SIGNAL_STACK_BYTES);
}

#endif
