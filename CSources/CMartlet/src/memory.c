// SPDX-License-Identifier: Apache-2.0
// Address space from the kernel, and allocations that a test can make fail.
#include "memory.h"

#include "martlet/atomic.h"
#include "martlet/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Allocations until the first that fails, and how many fail from there; 0 and 0 when no test asks. How many have.
static mt_a64_t fail_in;
static mt_a64_t fail_count;
static mt_a64_t refusals;

void mt_alloc_fail_at(uint64_t nth, uint64_t count) {
    // relaxed: a test's knob; tests that need an order start their threads after it.
    mt_a64_store_rlx(&fail_in, 0);
    mt_a64_store_rlx(&fail_count, nth ? count : 0);
    if (nth) mt_a64_store_rlx(&refusals, 0);
    mt_a64_store_rlx(&fail_in, nth);
}

uint64_t mt_alloc_refusals(void) { return mt_a64_load_rlx(&refusals); }

// Takes one from a counter that stops at 0; what it was.
static uint64_t count_down(mt_a64_t *counter) {
    uint64_t before = mt_a64_load_rlx(counter);
    while (before > 0 && !mt_a64_cas(counter, &before, before - 1)) {
    }
    return before;
}

bool mt_alloc_refused(void) {
    // relaxed: 0 and 0 unless a test asked.
    if (MT_LIKELY(mt_a64_load_rlx(&fail_in) == 0 && mt_a64_load_rlx(&fail_count) == 0)) return false;
    if (count_down(&fail_in) > 1 || count_down(&fail_count) == 0) return false;
    mt_a64_add_rlx(&refusals, 1);
    return true;
}

void *mt_alloc_zeroed(size_t size) { return mt_alloc_refused() ? NULL : calloc(1, size); }

void *mt_alloc_lines(size_t size) {
    size = (size + MT_CACHE_LINE - 1) / MT_CACHE_LINE * MT_CACHE_LINE;
    void *memory = mt_alloc_refused() ? NULL : aligned_alloc(MT_CACHE_LINE, size);
    if (memory) memset(memory, 0, size);
    return memory;
}

void *mt_alloc_grown(void *block, size_t size) { return mt_alloc_refused() ? NULL : realloc(block, size); }

void *mt__space_reserve(size_t size, size_t alignment) {
    // Not backed and not readable, so it counts neither as memory nor, under strict overcommit, against the limit.
    size_t room = size + alignment;
    unsigned char *start = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    unsigned char *base = (unsigned char *)(((uintptr_t)start + alignment - 1) & ~(uintptr_t)(alignment - 1));
    if (base > start) munmap(start, (size_t)(base - start));
    if (base + size < start + room) munmap(base + size, (size_t)(start + room - (base + size)));
    return base;
}

void mt__space_unreserve(void *address, size_t size) { munmap(address, size); }

bool mt__space_commit(void *address, size_t size) {
    if (mprotect(address, size, PROT_READ | PROT_WRITE) != 0) return false;
    MT_LEAK_ROOT(address, size);
    return true;
}

void mt__space_prefer_huge(void *address, size_t size) {
    // Advice: where huge pages are off, or none is free, small ones come as ever.
    (void)madvise(address, size, MADV_HUGEPAGE);
}

void mt__space_discard(void *address, size_t size) {
    // Cannot fail for a range of ours; if it did, the memory would only stay resident.
    (void)madvise(address, size, MADV_DONTNEED);
}
