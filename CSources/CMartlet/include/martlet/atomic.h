// SPDX-License-Identifier: Apache-2.0
// Every atomic operation of the C core, by name and memory order. Nothing else may use <stdatomic.h> or the compiler's
// builtins (`make lint` checks), so that one header decides what an atomic is:
//
//   C11         what ships
//   MT_CHAOS    C11 with a seeded delay before each operation: the stress build (`make chaos`, src/chaos.c)
//   MT_MODEL    a call of the model checker, which decides who runs next and what a load may see (`make model`,
//               CSources/model); never linked into a program
//
// Suffixes: rlx relaxed, acq acquire, rel release, sc sequentially consistent. Read-modify-writes without a suffix are
// acquire-release. There are no fences: order is put on operations (a fence is invisible to ThreadSanitizer). The sc
// operations are for Dekker pairs alone (store X, read Y against store Y, read X), each with its story at the call.
#ifndef MARTLET_ATOMIC_H
#define MARTLET_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- The back ends: what an atomic is, and its five operations. ORDER is relaxed, acquire, release, acq_rel or
// seq_cst.

#ifdef MT_MODEL

typedef struct {
    uint32_t value;
} mt_a32_t;
typedef struct {
    uint64_t value;
} mt_a64_t;
typedef struct {
    void *value;
} mt_aptr_t;

typedef enum {
    mt_model_relaxed,
    mt_model_acquire,
    mt_model_release,
    mt_model_acq_rel,
    mt_model_seq_cst,
    mt_model_statistic, // relaxed, and of no interest to the others: no thread is preempted here
} mt_model_order_t;

// The checker's half (CSources/model/memory.c). `size` is 4 or 8.
uint64_t mt_model_load(const void *atomic, uint32_t size, mt_model_order_t order);
void mt_model_store(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order);
uint64_t mt_model_exchange(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order);
bool mt_model_compare_exchange(void *atomic, uint32_t size, uint64_t *expected, uint64_t value, mt_model_order_t order);
uint64_t mt_model_add(void *atomic, uint32_t size, uint64_t value, mt_model_order_t order);
void mt_model_relax(void);

#define MT__LOAD(T, a, ORDER) ((T)(uintptr_t)mt_model_load((a), sizeof(T), mt_model_##ORDER))
#define MT__STORE(T, a, v, ORDER) mt_model_store((a), sizeof(T), (uint64_t)(uintptr_t)(v), mt_model_##ORDER)
#define MT__EXCHANGE(T, a, v, ORDER) \
    ((T)(uintptr_t)mt_model_exchange((a), sizeof(T), (uint64_t)(uintptr_t)(v), mt_model_##ORDER))
#define MT__ADD(T, a, v, ORDER) ((T)(uintptr_t)mt_model_add((a), sizeof(T), (uint64_t)(v), mt_model_##ORDER))
#define MT__CAS(T, a, expected, v, ORDER, FAILURE)                                                                 \
    ({                                                                                                             \
        uint64_t found = (uint64_t)(uintptr_t) * (expected);                                                       \
        bool done = mt_model_compare_exchange((a), sizeof(T), &found, (uint64_t)(uintptr_t)(v), mt_model_##ORDER); \
        *(expected) = (T)(uintptr_t)found;                                                                         \
        done;                                                                                                      \
    })

#else

#include <stdatomic.h>

typedef struct {
    _Atomic(uint32_t) value;
} mt_a32_t;
typedef struct {
    _Atomic(uint64_t) value;
} mt_a64_t;
typedef struct {
    _Atomic(void *) value;
} mt_aptr_t;

#ifdef MT_CHAOS
void mt_chaos_point(void); // yields or sleeps now and then, from a seed
#define MT_POINT() mt_chaos_point()
#else
#define MT_POINT() ((void)0)
#endif

#define MT__LOAD(T, a, ORDER) (MT_POINT(), atomic_load_explicit(&(a)->value, memory_order_##ORDER))
#define MT__STORE(T, a, v, ORDER) (MT_POINT(), atomic_store_explicit(&(a)->value, (v), memory_order_##ORDER))
#define MT__EXCHANGE(T, a, v, ORDER) (MT_POINT(), atomic_exchange_explicit(&(a)->value, (v), memory_order_##ORDER))
#define MT__ADD(T, a, v, ORDER) (MT_POINT(), atomic_fetch_add_explicit(&(a)->value, (v), memory_order_##ORDER))
#define MT__CAS(T, a, expected, v, ORDER, FAILURE)                                                           \
    (MT_POINT(), atomic_compare_exchange_strong_explicit(&(a)->value, (expected), (v), memory_order_##ORDER, \
                                                         memory_order_##FAILURE))
#define memory_order_statistic memory_order_relaxed

#endif

_Static_assert(sizeof(mt_a32_t) == 4 && sizeof(mt_a64_t) == 8 && sizeof(mt_aptr_t) == 8,
               "atomics have the size of their value");

// --- The operations.

#define MT__ATOMIC_OPS(NAME, BOX, T)                                                              \
    static inline T mt_##NAME##_load_rlx(const BOX *a) { return MT__LOAD(T, (BOX *)a, relaxed); } \
    static inline T mt_##NAME##_load_acq(const BOX *a) { return MT__LOAD(T, (BOX *)a, acquire); } \
    static inline T mt_##NAME##_load_sc(const BOX *a) { return MT__LOAD(T, (BOX *)a, seq_cst); }  \
    static inline void mt_##NAME##_store_rlx(BOX *a, T v) { MT__STORE(T, a, v, relaxed); }        \
    static inline void mt_##NAME##_store_rel(BOX *a, T v) { MT__STORE(T, a, v, release); }        \
    static inline void mt_##NAME##_store_sc(BOX *a, T v) { MT__STORE(T, a, v, seq_cst); }         \
    static inline T mt_##NAME##_xchg(BOX *a, T v) { return MT__EXCHANGE(T, a, v, acq_rel); }      \
    static inline T mt_##NAME##_xchg_sc(BOX *a, T v) { return MT__EXCHANGE(T, a, v, seq_cst); }   \
    /* On failure *expected is what was found, read with acquire. */                              \
    static inline bool mt_##NAME##_cas(BOX *a, T *expected, T v) {                                \
        return MT__CAS(T, a, expected, v, acq_rel, acquire);                                      \
    }                                                                                             \
    static inline bool mt_##NAME##_cas_sc(BOX *a, T *expected, T v) {                             \
        return MT__CAS(T, a, expected, v, seq_cst, seq_cst);                                      \
    }

#define MT__ATOMIC_MATH(NAME, BOX, T)                                                        \
    /* Both return the value before. Subtract by adding the two's complement. */             \
    static inline T mt_##NAME##_add(BOX *a, T v) { return MT__ADD(T, a, v, acq_rel); }       \
    static inline T mt_##NAME##_add_sc(BOX *a, T v) { return MT__ADD(T, a, v, seq_cst); }    \
    /* Statistics with many writers; orders nothing. */                                      \
    static inline T mt_##NAME##_add_rlx(BOX *a, T v) { return MT__ADD(T, a, v, statistic); } \
    /* Statistics with one writer, read by anyone; orders nothing, costs a plain add. */     \
    static inline void mt_##NAME##_bump(BOX *a, T v) { MT__STORE(T, a, MT__LOAD(T, a, statistic) + v, statistic); }

MT__ATOMIC_OPS(a32, mt_a32_t, uint32_t)
MT__ATOMIC_OPS(a64, mt_a64_t, uint64_t)
MT__ATOMIC_OPS(aptr, mt_aptr_t, void *)
MT__ATOMIC_MATH(a32, mt_a32_t, uint32_t)
MT__ATOMIC_MATH(a64, mt_a64_t, uint64_t)

// A hint in a short bounded loop; not a way to wait.
static inline void mt_cpu_relax(void) {
#if defined(MT_MODEL)
    mt_model_relax();
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
