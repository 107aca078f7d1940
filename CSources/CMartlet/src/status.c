// SPDX-License-Identifier: Apache-2.0
// The end of the program when an invariant is broken.
#include "martlet/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void mt_fatal(const char *file, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "martlet: fatal: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (%s:%d)\n", file, line);
    va_end(arguments);
    abort();
}
