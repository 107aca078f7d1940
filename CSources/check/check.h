// SPDX-License-Identifier: Apache-2.0
// The harness of the C checks: a check registers itself, the main program runs all or some. No framework beyond this.
//
//     MT_CHECK(pool_smoke) { EXPECT(mt_node_class(0) == 0); }
//
// A failed EXPECT is reported and the check goes on; it runs on any thread. Broken invariants (MT_ASSERT) end the
// program.
#ifndef MARTLET_CHECK_H
#define MARTLET_CHECK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mt_check {
    const char *name;
    void (*body)(void);
    bool is_first;
    struct mt_check *next;
} mt_check_t;

// Called before main by MT_CHECK; the record lives as long as the program.
void mt_check_register(mt_check_t *check);

#define MT_CHECK(NAME) MT__CHECK(NAME, false)
// Before all others: what needs a program in which nobody has used the core.
#define MT_CHECK_FIRST(NAME) MT__CHECK(NAME, true)

#define MT__CHECK(NAME, IS_FIRST)                                                              \
    static void check_##NAME(void);                                                            \
    __attribute__((constructor)) static void register_##NAME(void) {                           \
        static mt_check_t check = {.name = #NAME, .body = check_##NAME, .is_first = IS_FIRST}; \
        mt_check_register(&check);                                                             \
    }                                                                                          \
    static void check_##NAME(void)

// Any thread.
#define EXPECT(cond) ((cond) ? (void)0 : mt_check_failed(__FILE__, __LINE__, #cond))
void mt_check_failed(const char *file, int line, const char *condition);

// How many expectations of the running check have failed so far. Any thread.
uint32_t mt_check_failures(void);

// A figure for the reader, printed below the check's line: "name: value unit". Any thread.
void mt_check_figure(const char *name, double value, const char *unit);

// Threads a hammer uses (--threads, default 4), and whether its time (--seconds, default 1) since mt_check_begin_hammer
// is over. The latter from any thread, cheap enough to ask every few hundred operations.
uint32_t mt_check_threads(void);
void mt_check_begin_hammer(void);
bool mt_check_time_is_up(void);

// Monotonic nanoseconds.
uint64_t mt_check_now_ns(void);

// Starts count threads of body(argument, number) and waits for their end.
void mt_check_run_threads(uint32_t count, void (*body)(void *argument, uint32_t number), void *argument);

// A small generator for tests; *state is any number. One owner.
uint32_t mt_check_random(uint64_t *state);

#endif
