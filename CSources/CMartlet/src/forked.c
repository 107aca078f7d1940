// SPDX-License-Identifier: Apache-2.0
// A child of fork has one thread. The workers of its parent's runtimes are not there, locks of the core may be held for
// ever, and what waits for a reply waits for nobody. So the child may do anything but use the core, and is told so at
// its first try instead of hanging: the child's handler forgets the record of the thread that forked, so that every
// entry that asks for it comes to mt_thread_attach, which looks here. Nothing is paid on a hot path.
//
// exec and posix_spawn are not concerned, nor is a program that forks before its first runtime.
#include "forked.h"

#include "martlet/thread.h"

#include <pthread.h>

bool mt__is_forked;

// In the child, its only thread, before fork returns.
static void in_child(void) {
    mt__is_forked = true;
    mt_thread_current = NULL;
}

static void watch(void) {
    // It fails without memory only: then a child is not told.
    (void)pthread_atfork(NULL, NULL, in_child);
}

void mt__forked_watch(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}

void mt__forked_stop(void) {
    MT_FATAL("this process was forked from one that runs Martlet, and has none of its threads: start one by "
             "posix_spawn or fork and exec instead");
}
