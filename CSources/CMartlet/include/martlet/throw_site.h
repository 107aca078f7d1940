// SPDX-License-Identifier: Apache-2.0
// Where the error was thrown that ends a process: the return addresses of the throwing thread, taken by the language
// runtime's hook at the throw, because nothing of the stack is left where the error is caught.
//
// Overview. The hook is one word of the Swift runtime, called before each throw of the whole program. Ours goes on to
// the one that was there. It walks the frame pointers of its own stack, only while a handler of a runtime runs on this
// thread whose next crash would be logged, and at most MT_THROW_SITES_PER_SECOND times a second, so that handlers that
// throw and catch all day pay a clock reading. Nothing is allocated. Documentation/adr/0015-crash-reports.md.
//
// Not here: names for the addresses are looked up by who writes the report.
#ifndef MARTLET_THROW_SITE_H
#define MARTLET_THROW_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_runtime;

// Callers that are kept, innermost first.
#define MT_THROW_FRAMES_MAX 24u
#define MT_THROW_SITES_PER_SECOND 100u

// Sets the hook, once for the OS process. Nothing happens where the language runtime has no such hook. Any thread.
void mt_throw_site_install(void);

// The addresses of the throw of `error`, if it was the last one on this thread and was recorded; 0: not known. Once.
// The thread that caught it, before it throws again.
uint32_t mt_throw_site_take(const void *error, uintptr_t frames[MT_THROW_FRAMES_MAX]);

// Where a return address lies: asks the dynamic linker, then the symbol table of the image's file. False: in no image.
// Any thread; blocks, for milliseconds where it reads a file.
#define MT_SYMBOL_MAX 1024u
typedef struct mt_code_place {
    char symbol[MT_SYMBOL_MAX]; // mangled; empty: not known
    uint64_t symbol_offset;
    const char *image; // its path; lives as long as it is loaded
    uint64_t image_offset;
} mt_code_place_t;
bool mt_code_place_of(uintptr_t address, mt_code_place_t *out);

// A mangled name for people; NULL: it is none, or the language runtime cannot say. Free it with free.
char *mt_demangle(const char *symbol);

// The name of the case of an enum, from its bytes alone: nothing they point to is looked at, so that the value may have
// been moved out or ended. NULL: no enum, or the language runtime cannot say. `type` is the enum's metadata.
const char *mt_enum_case_name(const void *value, const void *type);

// --- How many crash reports a second ---------------------------------------------------------------------------------

// Whether one more may be logged now, which then counts; *suppressed is how many were not since the last that was. Any
// thread, lock-free.
bool mt_crash_admit(struct mt_runtime *runtime, uint64_t *suppressed);

#endif
