// SPDX-License-Identifier: Apache-2.0
// What the memory layer knows of sanitizers and of failure: poisoning and leak roots as macros that vanish in plain
// builds, and the counter by which a test makes the k-th allocation fail. Not an allocator: see pool.h and region.h.
#ifndef MARTLET_MEMORY_H
#define MARTLET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 1 in C compiled for AddressSanitizer. Not in what Swift imports: the importer is not told of sanitizers.
#if defined(__SANITIZE_ADDRESS__)
#define MT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MT_ASAN 1
#endif
#endif

// What lives in regions and nodes may hold the only reference to an object of the program.
#ifdef MT_ASAN
void __lsan_register_root_region(const void *address, size_t size);
#define MT_LEAK_ROOT(address, size) __lsan_register_root_region(address, size)
#else
#define MT_LEAK_ROOT(address, size) ((void)0)
#endif

// Poisoning of free nodes, so that AddressSanitizer finds their late use. Inline functions of Swift and of C must agree
// on it, so it is asked for by name, for all code at once: swift build --sanitize=address -Xcc -DMT_POISON_NODES.
#ifdef MT_POISON_NODES
void __asan_poison_memory_region(void const volatile *address, size_t size);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);
int __asan_address_is_poisoned(void const volatile *address);
#define MT_POISON(address, size) __asan_poison_memory_region(address, size)
#define MT_UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#define MT_IS_POISONED(address) (__asan_address_is_poisoned(address) != 0)
#else
#define MT_POISON(address, size) ((void)0)
#define MT_UNPOISON(address, size) ((void)0)
#define MT_IS_POISONED(address) false
#endif

// For tests: of the allocations from now on, `count` fail, the nth (1 is the next) being the first of them. 0 turns it
// off. Counted are slow paths only: a refill of a magazine past the depot, and the functions below. Any thread.
void mt_alloc_fail_at(uint64_t nth, uint64_t count);

// How many have failed since a test last asked for some. Any thread.
uint64_t mt_alloc_refusals(void);

// Counts one allocation; true: it has to fail. One relaxed load when no test asked. Any thread, lock-free.
bool mt_alloc_refused(void);

// calloc(1, size) that mt_alloc_fail_at reaches; the caller frees it with free(). NULL: no memory. Any thread.
void *mt_alloc_zeroed(size_t size);

// The same in whole cache lines, so that nothing else lies in the first or the last of them.
void *mt_alloc_lines(size_t size);

// realloc that mt_alloc_fail_at reaches: NULL, and `block` is as it was. Any thread.
void *mt_alloc_grown(void *block, size_t size);

#endif
