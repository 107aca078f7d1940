// SPDX-License-Identifier: Apache-2.0
// Every atomic operation of the C core, by name and memory order. Nothing else may use <stdatomic.h> or the compiler's
// builtins (`make lint` checks), so that one header decides what an atomic is: C11 here, C11 with a seeded delay before
// each operation when MT_CHAOS is defined (the stress build).
//
// Suffixes: rlx relaxed, acq acquire, rel release, sc sequentially consistent. Read-modify-writes without a suffix are
// acquire-release. There are no fences: order is put on operations (a fence is invisible to ThreadSanitizer). The sc
// operations are for Dekker pairs alone (store X, read Y against store Y, read X), each with its story at the call.
#ifndef MARTLET_ATOMIC_H
#define MARTLET_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    _Atomic(uint32_t) value;
} mt_a32_t;
typedef struct {
    _Atomic(uint64_t) value;
} mt_a64_t;
typedef struct {
    _Atomic(void *) value;
} mt_aptr_t;

_Static_assert(sizeof(mt_a32_t) == 4 && sizeof(mt_a64_t) == 8 && sizeof(mt_aptr_t) == 8,
               "atomics have the size of their value");

#ifdef MT_CHAOS
void mt_chaos_point(void); // yields or sleeps now and then, from a seed
#define MT_POINT() mt_chaos_point()
#else
#define MT_POINT() ((void)0)
#endif

#define MT__ATOMIC_OPS(NAME, BOX, T)                                                                 \
    static inline T mt_##NAME##_load_rlx(const BOX *a) {                                             \
        MT_POINT();                                                                                  \
        return atomic_load_explicit(&((BOX *)a)->value, memory_order_relaxed);                       \
    }                                                                                                \
    static inline T mt_##NAME##_load_acq(const BOX *a) {                                             \
        MT_POINT();                                                                                  \
        return atomic_load_explicit(&((BOX *)a)->value, memory_order_acquire);                       \
    }                                                                                                \
    static inline T mt_##NAME##_load_sc(const BOX *a) {                                              \
        MT_POINT();                                                                                  \
        return atomic_load_explicit(&((BOX *)a)->value, memory_order_seq_cst);                       \
    }                                                                                                \
    static inline void mt_##NAME##_store_rlx(BOX *a, T v) {                                          \
        MT_POINT();                                                                                  \
        atomic_store_explicit(&a->value, v, memory_order_relaxed);                                   \
    }                                                                                                \
    static inline void mt_##NAME##_store_rel(BOX *a, T v) {                                          \
        MT_POINT();                                                                                  \
        atomic_store_explicit(&a->value, v, memory_order_release);                                   \
    }                                                                                                \
    static inline void mt_##NAME##_store_sc(BOX *a, T v) {                                           \
        MT_POINT();                                                                                  \
        atomic_store_explicit(&a->value, v, memory_order_seq_cst);                                   \
    }                                                                                                \
    static inline T mt_##NAME##_xchg(BOX *a, T v) {                                                  \
        MT_POINT();                                                                                  \
        return atomic_exchange_explicit(&a->value, v, memory_order_acq_rel);                         \
    }                                                                                                \
    static inline T mt_##NAME##_xchg_sc(BOX *a, T v) {                                               \
        MT_POINT();                                                                                  \
        return atomic_exchange_explicit(&a->value, v, memory_order_seq_cst);                         \
    }                                                                                                \
    /* On failure *expected is what was found, read with acquire. */                                 \
    static inline bool mt_##NAME##_cas(BOX *a, T *expected, T v) {                                   \
        MT_POINT();                                                                                  \
        return atomic_compare_exchange_strong_explicit(&a->value, expected, v, memory_order_acq_rel, \
                                                       memory_order_acquire);                        \
    }                                                                                                \
    static inline bool mt_##NAME##_cas_sc(BOX *a, T *expected, T v) {                                \
        MT_POINT();                                                                                  \
        return atomic_compare_exchange_strong_explicit(&a->value, expected, v, memory_order_seq_cst, \
                                                       memory_order_seq_cst);                        \
    }

#define MT__ATOMIC_MATH(NAME, BOX, T)                                                               \
    /* Both return the value before. Subtract by adding the two's complement. */                    \
    static inline T mt_##NAME##_add(BOX *a, T v) {                                                  \
        MT_POINT();                                                                                 \
        return atomic_fetch_add_explicit(&a->value, v, memory_order_acq_rel);                       \
    }                                                                                               \
    static inline T mt_##NAME##_add_sc(BOX *a, T v) {                                               \
        MT_POINT();                                                                                 \
        return atomic_fetch_add_explicit(&a->value, v, memory_order_seq_cst);                       \
    }                                                                                               \
    /* Statistics with many writers; orders nothing. */                                             \
    static inline T mt_##NAME##_add_rlx(BOX *a, T v) {                                              \
        return atomic_fetch_add_explicit(&a->value, v, memory_order_relaxed);                       \
    }                                                                                               \
    /* Statistics with one writer, read by anyone; orders nothing, costs a plain add. */            \
    static inline void mt_##NAME##_bump(BOX *a, T v) {                                              \
        atomic_store_explicit(&a->value, atomic_load_explicit(&a->value, memory_order_relaxed) + v, \
                              memory_order_relaxed);                                                \
    }

MT__ATOMIC_OPS(a32, mt_a32_t, uint32_t)
MT__ATOMIC_OPS(a64, mt_a64_t, uint64_t)
MT__ATOMIC_OPS(aptr, mt_aptr_t, void *)
MT__ATOMIC_MATH(a32, mt_a32_t, uint32_t)
MT__ATOMIC_MATH(a64, mt_a64_t, uint64_t)

// A hint in a short bounded loop; not a way to wait.
static inline void mt_cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
