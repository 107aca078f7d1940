// SPDX-License-Identifier: Apache-2.0
// Address space: reserve much, make readable what is used, give pages back and keep the addresses.
#ifndef MARTLET_SRC_MEMORY_H
#define MARTLET_SRC_MEMORY_H

#include "martlet/memory.h"

// Reserves size bytes at a multiple of alignment (a power of two, at least a page), unreadable. NULL: refused. Any
// thread.
void *mt__space_reserve(size_t size, size_t alignment);

// Gives a whole reservation back.
void mt__space_unreserve(void *address, size_t size);

// Makes a page-aligned part of a reservation readable, writable and zero; a root for the leak checker. False: no
// memory.
bool mt__space_commit(void *address, size_t size);

// Asks for huge pages in a committed part, as many as lie in it whole. Any thread.
void mt__space_prefer_huge(void *address, size_t size);

// Gives the pages of a committed part back: it reads as zeros from now on, and may be written again. Any thread.
void mt__space_discard(void *address, size_t size);

#endif
