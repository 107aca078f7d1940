// SPDX-License-Identifier: Apache-2.0
// Names of functions that the dynamic linker does not know: those of the executable itself, and what its image hides.
#ifndef MARTLET_SYMBOL_TABLE_H
#define MARTLET_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Looks in the symbol table of an ELF file for the function that an address lies in; `base` is where the image is
// mapped. Copies at most capacity - 1 bytes of its name and tells the distance from its start. False: not found, or the
// file was stripped. Reads the whole table: milliseconds. Any thread.
bool mt__symbol_find(const char *path, uintptr_t base, uintptr_t address, char *name, size_t capacity,
                     uint64_t *offset);

#endif
