// SPDX-License-Identifier: Apache-2.0
// Memory for the core and the programs: an arena in which an execution only goes forward, so that a freed block is
// never handed out again and every late use of it is seen. The linker leads malloc and free here (--wrap); so are the
// functions by which regions and slabs ask for address space (src/memory.h).
#include "engine.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STACKS_SIZE (MODEL_THREADS_MAX * MODEL_STACK_SIZE)
#define BLOCK_HEADER 16 // keeps the size
// Address space that is asked for at once: more is refused, as a system may; regions then ask for less.
#define SPACE_MAX ((size_t)20 << 20)

static unsigned char *next, *marked;

unsigned char *model_stack_end(uint32_t thread) { return MODEL_STACKS + (thread + 1) * MODEL_STACK_SIZE; }
unsigned char *model_heap_marked(void) { return marked; }

void model_heap_init(void) {
    void *got = mmap(MODEL_ARENA, MODEL_ARENA_SIZE + STACKS_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MODEL_ARENA) {
        perror("model: the arena");
        exit(2);
    }
    next = MODEL_ARENA + 64;
    marked = MODEL_STACKS;
}

void model_heap_mark(void) { marked = next; }
void model_heap_reset(void) { next = marked; }

void *model_alloc(size_t size, size_t alignment) {
    if (alignment < 16) alignment = 16;
    uintptr_t at = ((uintptr_t)next + BLOCK_HEADER + alignment - 1) & ~(alignment - 1);
    // Blocks share no granule.
    size_t whole = (size + 7) & ~(size_t)7;
    if (at + whole > (uintptr_t)MODEL_STACKS) return NULL;
    next = (unsigned char *)at + whole;
    *(size_t *)(at - BLOCK_HEADER) = size;
    return (void *)at;
}

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return model_alloc(size, 16); }

void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) { return model_alloc(size, alignment); }

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
    void *block = model_alloc(count * size, 16);
    if (block) memset(block, 0, count * size);
    return block;
}

void __wrap_free(void *block);
void __wrap_free(void *block) {
    if (block) model_mark_freed(block, *(size_t *)((uintptr_t)block - BLOCK_HEADER));
}

void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size) {
    void *grown = model_alloc(size, 16);
    if (!grown || !block) return grown;
    size_t before = *(size_t *)((uintptr_t)block - BLOCK_HEADER);
    memcpy(grown, block, before < size ? before : size);
    __wrap_free(block);
    return grown;
}

void *mt__space_reserve(size_t size, size_t alignment) {
    return size > SPACE_MAX ? NULL : model_alloc(size, alignment);
}
void mt__space_unreserve(void *address, size_t size) { (void)address, (void)size; }
void mt__space_prefer_huge(void *address, size_t size) { (void)address, (void)size; }
bool mt__space_commit(void *address, size_t size) {
    if (!model_is_running) memset(address, 0, size);
    return !model_is_running; // setup makes enough of everything: in an execution it would have to be undone
}
void mt__space_discard(void *address, size_t size) { (void)address, (void)size; }

bool mt_alloc_refused(void) { return false; }
void *mt_alloc_zeroed(size_t size) { return __wrap_calloc(1, size); }
void *mt_alloc_grown(void *block, size_t size) { return __wrap_realloc(block, size); }
void *mt_alloc_lines(size_t size) {
    void *memory = model_alloc(size, MT_CACHE_LINE);
    if (memory) memset(memory, 0, size);
    return memory;
}
