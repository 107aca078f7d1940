// SPDX-License-Identifier: Apache-2.0
// The removers' side of grace, and readers without a thread record.
#include "martlet/grace.h"

mt_grace_t mt_grace = {.ticket = {1}};

uint64_t mt__grace_enter_anonymous(void) {
    // sc: as the exchange in mt_grace_enter.
    mt_a64_add_sc(&mt_grace.anonymous, 1);
    return MT_GRACE_ANONYMOUS;
}

void mt__grace_leave_anonymous(void) {
    // release half: as in mt_grace_leave.
    mt_a64_add(&mt_grace.anonymous, (uint64_t)-1);
}

uint64_t mt_grace_retire(void) {
    // release half: what made the entry unreachable; pairs with the acquire in mt_grace_enter. Weaker, a reader with a
    // later ticket, for which nobody waits, might still find it.
    return mt_a64_add(&mt_grace.ticket, 1);
}

static void take_least(void *context, mt_thread_t *thread) {
    uint64_t *least = context;
    // sc: the second half of the pair in mt_grace_enter. acquire: pairs with mt_grace_leave.
    uint64_t reading = mt_a64_load_sc(&thread->reading);
    if (reading && reading < *least) *least = reading;
}

uint64_t mt_grace_oldest(void) {
    // sc: as in take_least. They show no ticket, so nothing is free while one is inside.
    if (mt_a64_load_sc(&mt_grace.anonymous)) return 0;
    uint64_t least = UINT64_MAX;
    mt_thread_for_each(take_least, &least);
    return least;
}
