// SPDX-License-Identifier: Apache-2.0
// One failing execution in words: who did what to which word, and where in the source. Lines are kept while the
// execution runs and translated afterwards, all at once, by the system's symbolizer (none: addresses stay).
#include "engine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 20000
#define NAMES_MAX 256

typedef struct line {
    void *pc;
    uint32_t thread;
    char text[104];
} line_t;

static line_t *lines;
static uint32_t line_count;
bool model_is_tracing;

// What addresses are called: names given by the program, else the address.
static struct {
    const void *address;
    const char *name;
} names[NAMES_MAX];
static uint32_t name_count;

void model_name(const void *address, const char *name) {
    if (name_count == NAMES_MAX) return;
    names[name_count].address = address;
    names[name_count++].name = name;
}

const char *model_name_of(const void *address) {
    static char text[4][32];
    static uint32_t next;
    for (uint32_t i = 0; i < name_count; i++)
        if (names[i].address == address) return names[i].name;
    char *out = text[next++ % 4];
    snprintf(out, sizeof text[0], "%p", address);
    return out;
}

void model_trace_begin(void) {
    if (!lines) lines = __real_calloc(LINES_MAX, sizeof *lines);
    line_count = 0;
}

void model_trace(void *pc, const char *format, ...) {
    if (line_count == LINES_MAX || !lines) return;
    line_t *line = &lines[line_count++];
    line->pc = pc;
    line->thread = model_current;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof line->text, format, arguments);
    va_end(arguments);
}

// "function file:line" of the innermost frame that is not the atomic itself.
static void read_place(FILE *symbolizer, char *place, size_t size) {
    char function[160], where[300];
    place[0] = 0;
    while (fgets(function, sizeof function, symbolizer) && function[0] != '\n') {
        if (!fgets(where, sizeof where, symbolizer)) return;
        if (place[0] || strstr(where, "/atomic.h:")) continue;
        function[strcspn(function, "\n")] = 0;
        where[strcspn(where, "\n")] = 0;
        char *base = strrchr(where, '/'), *column = strrchr(where, ':');
        if (column) *column = 0;
        snprintf(place, size, "%s %s", base ? base + 1 : where, function);
    }
}

static FILE *start_symbolizer(char *list_path) {
    FILE *list = fopen(list_path, "w");
    if (!list) return NULL;
    for (uint32_t i = 0; i < line_count; i++)
        fprintf(list, "%#lx\n", lines[i].pc ? (unsigned long)lines[i].pc - 1 : 1ul);
    fclose(list);
    char self[256], command[700];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return NULL;
    self[length] = 0;
    snprintf(command, sizeof command, "llvm-symbolizer --obj=%s --inlines <%s 2>/dev/null", self, list_path);
    return popen(command, "r");
}

void model_trace_print(void) {
    char list_path[64];
    snprintf(list_path, sizeof list_path, "/tmp/martlet-model-%d.txt", (int)getpid());
    FILE *symbolizer = start_symbolizer(list_path);
    for (uint32_t i = 0; i < line_count; i++) {
        char place[256] = "";
        if (symbolizer) read_place(symbolizer, place, sizeof place);
        if (!lines[i].pc) place[0] = 0;
        printf("  %*sT%u %-*s %s\n", (int)lines[i].thread * 2, "", lines[i].thread, 74 - (int)lines[i].thread * 2,
               lines[i].text, place);
    }
    if (symbolizer) pclose(symbolizer);
    unlink(list_path);
}
