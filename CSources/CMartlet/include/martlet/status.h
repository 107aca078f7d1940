// SPDX-License-Identifier: Apache-2.0
// How the C core reports: a status for what can happen to a correct program, mt_fatal for what cannot.
#ifndef MARTLET_STATUS_H
#define MARTLET_STATUS_H

#include <stdbool.h>
#include <stdint.h>

// The name of an enumerator in Swift.
#define MT_SWIFT(name) __attribute__((swift_name(name)))

// Result of every fallible function of the core. 0 is success.
typedef enum __attribute__((enum_extensibility(closed))) mt_status {
    MT_OK MT_SWIFT("ok") = 0,
    MT_NO_MEMORY MT_SWIFT("noMemory"),       // the allocator or the kernel refused
    MT_SYSTEM_LIMIT MT_SWIFT("systemLimit"), // a configured limit: process slots, reply slots, timers, threads
    MT_NO_PROCESS MT_SWIFT("noProcess"),     // the generation is over, or the process has begun to end
    MT_FULL MT_SWIFT("full"),                // the mailbox is full
    MT_DISPLACED MT_SWIFT("displaced"),      // queued in place of the oldest message
    MT_NAME_TAKEN MT_SWIFT("nameTaken"),     // the name belongs to another process
    MT_SHUT_DOWN MT_SWIFT("shutDown"),       // the runtime takes no new processes
    MT_INVALID MT_SWIFT("invalid"),          // an argument is out of range
} mt_status_t;

// Stops the program: a broken invariant or misuse of the C API, never a condition of the environment. Any thread.
__attribute__((noreturn, cold, format(printf, 3, 4))) void mt_fatal(const char *file, int line, const char *format,
                                                                    ...);

#define MT_FATAL(...) mt_fatal(__FILE__, __LINE__, __VA_ARGS__)
// Always on: a broken invariant must not go on.
#define MT_ASSERT(cond)                                                            \
    do {                                                                           \
        if (__builtin_expect(!(cond), 0)) MT_FATAL("broken invariant: %s", #cond); \
    } while (0)
// On in checked builds only: for hot paths.
#ifdef MT_CHECKED
#define MT_DEBUG_ASSERT(cond) MT_ASSERT(cond)
#else
#define MT_DEBUG_ASSERT(cond) ((void)0)
#endif

#define MT_LIKELY(x) __builtin_expect(!!(x), 1)
#define MT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MT_CACHE_LINE 64

#endif
