// SPDX-License-Identifier: Apache-2.0
// The rare side of the asymmetric barrier, by membarrier(2).
#include "martlet/barrier.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

bool mt_barrier_is_asymmetric;

static long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

static void ask_kernel(void) {
    long commands = membarrier(MEMBARRIER_CMD_QUERY);
    if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return;
    mt_barrier_is_asymmetric = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void mt_barrier_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask_kernel);
}

void mt_barrier_heavy(void) {
    if (!mt_barrier_is_asymmetric) return;
    // It cannot fail once registered; going on without it would let two threads own a process.
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) MT_FATAL("membarrier failed after it was registered");
}
