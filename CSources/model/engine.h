// SPDX-License-Identifier: Apache-2.0
// The inside of the model checker: what its files share. model.h is what programs see.
//
//     explore.c   which schedule comes next: the stack of choices
//     threads.c   the threads of one execution: who may run, who sleeps on what
//     fiber.c     a stack and a switch
//     atomics.c   what a load may see: the history of each atomic, and what is ordered before what
//     shadow.c    plain accesses: data races, use after free; what has to be undone
//     heap.c      malloc and free, address space
//     sync.c      mutexes, parking, the clock
//     trace.c     one failing execution in words
#ifndef MARTLET_MODEL_ENGINE_H
#define MARTLET_MODEL_ENGINE_H

#include "model.h"

#include <stdio.h>

// --- Vector clocks: how much of each thread happened before.

typedef struct model_clock {
    uint32_t at[MODEL_THREADS_MAX];
} model_clock_t;

static inline void model_clock_join(model_clock_t *into, const model_clock_t *from) {
    for (int i = 0; i < MODEL_THREADS_MAX; i++)
        if (from->at[i] > into->at[i]) into->at[i] = from->at[i];
}

// --- threads.c

typedef enum model_state {
    MODEL_READY,
    MODEL_WAITING,  // model_wait
    MODEL_AWAITING, // model_await
    MODEL_LOCKING,  // on a mutex
    MODEL_PARKED,   // on a word
    MODEL_ENDED,
} model_state_t;

typedef struct model_thread_state {
    model_state_t state;
    model_clock_t clock;
    void *stack_pointer;               // while it does not run
    void *tls;                         // its mt_thread_current, while it does not run
    const void *sleeps_on;             // a mutex or a word
    bool (*condition)(void *argument); // AWAITING
    void *argument;
    uint32_t known_stores; // its loads see none older than the newest of so many stores
    uint64_t deadline_ns;
    uint32_t stores_seen; // WAITING: stores of the execution when it went to sleep
    uint32_t tried_at;    // WAITING: it has run with fresh reads at so many stores
    uint32_t refused_at;  // its last park found the word changed, at so many stores
    bool is_fresh;        // its loads see the latest
    bool timed_out;
    bool has_moved; // it has done something since it was switched to
} model_thread_t;

extern model_thread_t model_threads[MODEL_THREADS_MAX];
extern uint32_t model_current;
extern uint32_t model_stores; // of this execution, by anyone
extern bool model_is_running; // false in setup: nothing is looked at
extern bool model_is_alone;   // in finish: no choices

static inline model_thread_t *model_self(void) { return &model_threads[model_current]; }
// The thread's own count, which every change of memory moves on: a plain write behind a release must look unordered.
static inline uint32_t model_epoch(void) { return model_self()->clock.at[model_current]; }
static inline void model_tick(void) { model_self()->clock.at[model_current]++; }

// Before an operation that others may see: here another thread may go first.
void model_point(void);
// The current thread cannot go on until its state says READY again.
void model_sleep(model_state_t state);
// Runs one execution of the program.
void model_run_threads(const model_program_t *program);
// Ends the execution from inside a thread.
__attribute__((noreturn)) void model_leave(void);

// --- fiber.c

#define MODEL_STACK_SIZE ((size_t)256 * 1024)
// Makes a stack on which model_fiber_switch enters `entry`, which never returns.
void *model_fiber_make(void *stack_end, void (*entry)(void));
void model_fiber_switch(void **save_to, void *to);

// --- explore.c

typedef enum model_outcome { MODEL_FINE, MODEL_FAILED, MODEL_AGAIN } model_outcome_t;
// One of 0 ..< count.
uint32_t model_decide(uint32_t count);
// The execution is worth nothing: something was found to be shared that was thought to be private.
__attribute__((noreturn)) void model_abandon(void);
extern uint32_t model_preemptions_left;
extern uint32_t model_execution; // number, from 1; stamps all that belongs to one execution

typedef struct model_result {
    bool has_failed, is_exhausted, has_crashed;
    uint64_t executions; // since the last restart; of a failure: which one
    uint64_t restarts;
    uint64_t steps_max;
    double seconds;
    char message[512];
} model_result_t;

typedef struct model_options {
    uint32_t bound;
    uint64_t executions_max; // 0: until exhausted
    uint64_t seed;           // with `random`
    bool random;
    bool quiet;
} model_options_t;

void model_explore(const model_program_t *program, const model_options_t *options, model_result_t *result);

// --- shadow.c

#define MODEL_WRITE 1u
#define MODEL_ATOMIC 2u
#define MODEL_STATISTIC 4u // no reason to preempt

typedef struct model_cell {
    uint32_t epoch;
    uint8_t thread, mask, kind, unused;
} model_cell_t;

#define MODEL_CELLS 6

// What is known of eight bytes.
typedef struct model_granule {
    uint32_t stamp;       // of the execution the rest belongs to
    uint16_t location[2]; // atomics.c: of each half; 0: none
    uint8_t cells_used;
    uint8_t flags;      // MODEL_IS_*
    uint8_t poisoned;   // bytes
    uint8_t base_flags; // as setup left them
    uint8_t base_poisoned;
    uint8_t contended; // bit n: half n, for all executions
    uint8_t unused[2];
    model_cell_t cells[MODEL_CELLS];
} model_granule_t;
_Static_assert(sizeof(model_granule_t) == 64, "one line");

#define MODEL_IS_FREED 1u
#define MODEL_IS_LOGGED 2u
#define MODEL_LINK_IS_FREE 4u // the link of a node that is in a pool

void model_shadow_init(void);
// Everything as setup left it.
void model_shadow_undo(void);
// NULL: memory that is nobody's business.
model_granule_t *model_granule(const void *address);
void *model_granule_address(const model_granule_t *granule);
// An access of `size` bytes within one granule. Finds races; keeps what has to be undone.
void model_access(model_granule_t *granule, const void *address, uint32_t size, uint32_t kind);
void model_access_range(const void *address, size_t size, uint32_t kind);
// Whether other threads touch it unordered: only there it matters who goes first.
static inline bool model_is_contended(const model_granule_t *granule, const void *address) {
    return granule && granule->contended >> ((uintptr_t)address >> 2 & 1) & 1;
}
void model_mark_freed(void *address, size_t size);
extern const void *model_fault_address; // of the last race or use after free

// --- atomics.c

void model_atomics_reset(void);
uint64_t model_read_memory(const void *atomic, uint32_t size); // the newest value
// A mutex or a clock is like an atomic that is exchanged: returns after the point, joined with the last releaser.
void model_acquire_object(void *object);
void model_release_object(void *object);

// --- heap.c

// The system's own, for the engine: malloc and the others are the programs' (--wrap).
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);

#define MODEL_ARENA ((unsigned char *)0x100000000000)
#define MODEL_ARENA_SIZE ((size_t)128 << 20)
#define MODEL_STACKS (MODEL_ARENA + MODEL_ARENA_SIZE) // behind the arena
void model_heap_init(void);
void model_heap_mark(void);  // setup has ended
void model_heap_reset(void); // back to the mark
unsigned char *model_stack_end(uint32_t thread);
unsigned char *model_heap_marked(void);
void *model_alloc(size_t size, size_t alignment);

// --- sync.c

void model_sync_reset(void);
void model_sync_mark(void); // setup has ended
extern uint64_t model_now_ns;
void model_wake_word(const void *word, uint32_t count);
void model_unlock_wake(const void *mutex);
// Moves the clock to the first deadline of a sleeper. False: there is none.
bool model_pass_time(void);

// --- trace.c

extern bool model_is_tracing;
__attribute__((format(printf, 2, 3))) void model_trace(void *pc, const char *format, ...);
// The program's name of an address, or its digits; valid for three more calls.
const char *model_name_of(const void *address);
void model_trace_begin(void);
void model_trace_print(void);

#endif
