// SPDX-License-Identifier: Apache-2.0
// An environment with a clock that a test moves; all else is the system's.
#include "martlet/env.h"

static uint64_t virtual_now_ns(void *context) {
    // acquire: pairs with the release in mt_virtual_clock_set; what the test did before it moved the clock is seen.
    return mt_a64_load_acq(&((mt_virtual_clock_t *)context)->now_ns);
}

static bool virtual_park(void *context, mt_a32_t *word, uint32_t expected, uint64_t deadline_ns) {
    if (deadline_ns != MT_FOREVER && virtual_now_ns(context) >= deadline_ns) return false;
    return mt_env_system.park(NULL, word, expected, MT_FOREVER);
}

mt_env_t mt_env_virtual(mt_virtual_clock_t *clock) {
    mt_env_t env = mt_env_system;
    env.context = clock;
    env.now_ns = virtual_now_ns;
    env.park = virtual_park;
    env.is_virtual = true;
    return env;
}

void mt_virtual_clock_set(mt_virtual_clock_t *clock, uint64_t now_ns) {
    // release: pairs with the acquire in virtual_now_ns.
    mt_a64_store_rel(&clock->now_ns, now_ns);
}

uint64_t mt_virtual_clock_now(const mt_virtual_clock_t *clock) { return virtual_now_ns((void *)(uintptr_t)clock); }
