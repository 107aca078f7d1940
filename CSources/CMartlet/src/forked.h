// SPDX-License-Identifier: Apache-2.0
// Whether this OS process is a child of fork that must not use the core.
#ifndef MARTLET_SRC_FORKED_H
#define MARTLET_SRC_FORKED_H

#include "martlet/status.h"

// Set in the child of a fork, after the first runtime was started, before fork returns there; never otherwise.
extern bool mt__is_forked;

// Asks the system to be told of forks. Any thread, once.
void mt__forked_watch(void);
// Says what is wrong and ends the child.
__attribute__((noreturn, cold)) void mt__forked_stop(void);

// At the entries that need no record of their thread, before any lock. Any thread; one load.
static inline void mt__forked_check(void) {
    if (MT_UNLIKELY(mt__is_forked)) mt__forked_stop();
}

#endif
