// SPDX-License-Identifier: Apache-2.0
// F19: whichever allocation of a program's life fails, it is told so, nothing stops, nothing is lost and nothing leaks.
//
// The k-th allocation is refused, for k = 1, 2, ... until a whole run asks for fewer. Each run has a process of its
// own, forked before the core was used: what is allocated once a process (regions, timer shards, thread records, the
// table of names) is met in every run, and under AddressSanitizer each ends with a look for leaks. These checks must
// therefore run before all others, which their names see to: checks run in alphabetical order.
#include "allocation_scenario.h"

#include "martlet/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_MAX 2000u
#define FAILURES_MAX 5u // enough to see which
// A run that was refused nothing is the last one.
enum { RUN_REFUSED = 0, RUN_FAILED = 1, RUN_COMPLETE = 3 };

typedef void (*scenario_t)(void);

static int run_refusing(scenario_t scenario, uint64_t nth, uint64_t count) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60); // a hang is a failure too
        mt_alloc_fail_at(nth, count);
        scenario();
        uint64_t refusals = mt_alloc_refusals();
        mt_alloc_fail_at(0, 0);
        exit(mt_check_failures() ? RUN_FAILED : refusals ? RUN_REFUSED : RUN_COMPLETE);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return RUN_FAILED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void sweep(scenario_t scenario, uint64_t count) {
    EXPECT(!mt_thread_current); // nobody has used the core
    uint64_t nth = 1;
    int result = RUN_REFUSED;
    uint32_t failures = 0;
    for (; nth <= SWEEP_MAX && result != RUN_COMPLETE && failures < FAILURES_MAX; nth++) {
        result = run_refusing(scenario, nth, count);
        if (result == RUN_REFUSED || result == RUN_COMPLETE) continue;
        printf("  the run without allocation %u ended with %d\n", (unsigned)nth, result);
        failures++;
    }
    EXPECT(failures == 0);
    mt_check_figure("allocations refused", (double)(nth - 2), "runs");
}

MT_CHECK_FIRST(allocation_sweep_of_one) { sweep(allocation_scenario, 1); }
MT_CHECK_FIRST(allocation_sweep_of_thirty) { sweep(allocation_scenario, 30); }
MT_CHECK_FIRST(allocation_sweep_of_all) { sweep(allocation_scenario, UINT64_MAX); }
MT_CHECK_FIRST(allocation_sweep_deterministic) { sweep(allocation_scenario_deterministic, 1); }
