// SPDX-License-Identifier: Apache-2.0
// The allocator behind names, as a variable: the check program puts one there that fails.
#ifndef MARTLET_NAMES_ALLOC_H
#define MARTLET_NAMES_ALLOC_H

#include <stddef.h>

// calloc. Changed by tests alone, while no other thread uses names: no atomic.
extern void *(*mt__names_calloc)(size_t count, size_t size);

#endif
