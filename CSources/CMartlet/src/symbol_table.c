// SPDX-License-Identifier: Apache-2.0
// The symbol table of an ELF file, read in place. Every offset is checked: the file may have changed since it was
// started.
#include "symbol_table.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const unsigned char *bytes;
    size_t size;
} file_t;

// `size` bytes at `offset`, 8-aligned; NULL: not all there.
static const void *part(const file_t *file, uint64_t offset, uint64_t size) {
    bool is_there = offset <= file->size && size <= file->size - offset && offset % 8 == 0;
    return is_there ? file->bytes + offset : NULL;
}

static const ElfW(Shdr) * sections(const file_t *file, const ElfW(Ehdr) * header) {
    if (header->e_shentsize != sizeof(ElfW(Shdr))) return NULL;
    return part(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof(ElfW(Shdr)));
}

static bool copy_name(const file_t *file, const ElfW(Shdr) * strings, uint32_t at, char *name, size_t capacity) {
    if (strings->sh_offset > file->size || strings->sh_size > file->size - strings->sh_offset) return false;
    if (at >= strings->sh_size) return false;
    const char *text = (const char *)file->bytes + strings->sh_offset + at;
    size_t length = strnlen(text, strings->sh_size - at);
    if (length >= capacity) length = capacity - 1;
    memcpy(name, text, length);
    name[length] = 0;
    return length > 0;
}

static bool find(const file_t *file, uintptr_t base, uintptr_t address, char *name, size_t capacity, uint64_t *offset) {
    const ElfW(Ehdr) *header = part(file, 0, sizeof *header);
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return false;
    // The addresses of a position-independent image count from its start.
    uint64_t value = header->e_type == ET_DYN ? address - base : address;
    const ElfW(Shdr) *all = sections(file, header);
    for (uint32_t i = 0; all && i < header->e_shnum; i++) {
        if (all[i].sh_type != SHT_SYMTAB || all[i].sh_link >= header->e_shnum) continue;
        const ElfW(Sym) *symbols = part(file, all[i].sh_offset, all[i].sh_size);
        if (!symbols) return false;
        for (uint64_t at = 0; at < all[i].sh_size / sizeof *symbols; at++) {
            const ElfW(Sym) *symbol = &symbols[at];
            if ((symbol->st_info & 15) != STT_FUNC || value - symbol->st_value >= symbol->st_size) continue;
            *offset = value - symbol->st_value;
            return copy_name(file, &all[all[i].sh_link], symbol->st_name, name, capacity);
        }
    }
    return false;
}

bool mt__symbol_find(const char *path, uintptr_t base, uintptr_t address, char *name, size_t capacity,
                     uint64_t *offset) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    struct stat about;
    file_t file = {0};
    if (fstat(descriptor, &about) == 0 && about.st_size > 0) {
        file.size = (size_t)about.st_size;
        void *bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        file.bytes = bytes == MAP_FAILED ? NULL : bytes;
    }
    close(descriptor);
    if (!file.bytes) return false;
    bool is_found = find(&file, base, address, name, capacity, offset);
    munmap((void *)(uintptr_t)file.bytes, file.size);
    return is_found;
}
