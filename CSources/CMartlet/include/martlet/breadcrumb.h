// SPDX-License-Identifier: Apache-2.0
// The last line of a program that dies by a trap: which process ran on that thread, and what it was handling. A trap
// (array bounds, overflow, fatalError) cannot be caught in Swift and ends the OS process; the line says which message
// did it. Async-signal-safe: it reads constants and the thread's own frame, and calls write alone.
//
//     martlet: SIGILL in process <12.3> Counter "counter.main" (label: north), handling call Counter.Call
//
// Not a recovery: the signal goes on to whoever handled it before (Swift's backtracer), and the OS process dies of it.
// Documentation/adr/0015-crash-reports.md.
#ifndef MARTLET_BREADCRUMB_H
#define MARTLET_BREADCRUMB_H

#include <stdbool.h>

// Installs the handlers of SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE and SIGABRT, once for the OS process. Handlers that
// are installed later come first, and may go on to these. Any thread.
void mt_breadcrumb_install(void);

// Whether they are there. Any thread.
bool mt_breadcrumb_is_installed(void);

#endif
