// SPDX-License-Identifier: Apache-2.0
// The tagged stack; depot.h has the argument.
#include "depot.h"

static uint64_t retagged(uint64_t top, uint32_t index) { return ((top >> 32) + 1) << 32 | index; }

void mt__depot_push(mt_depot_t *depot, const mt__link_ops_t *links, const void *space, uint32_t index) {
    // relaxed: only the CAS below decides, and it publishes nothing it read here but the index, which it compares.
    uint64_t top = mt_a64_load_rlx(&depot->top);
    do {
        links->store(space, index, (uint32_t)top);
        // release: publishes the link and the batch's contents; pairs with the acquires in mt__depot_pop.
    } while (!mt_a64_cas(&depot->top, &top, retagged(top, index)));
    mt_a32_add_rlx(&depot->count, 1);
}

uint32_t mt__depot_pop(mt_depot_t *depot, const mt__link_ops_t *links, const void *space) {
    // acquire (here and when the CAS fails): the link of the top batch was stored before the push of it. The CAS's own
    // acquire pairs with the same push and makes the batch's contents ours.
    uint64_t top = mt_a64_load_acq(&depot->top);
    while ((uint32_t)top != 0) {
        uint32_t next = links->load(space, (uint32_t)top);
        if (mt_a64_cas(&depot->top, &top, retagged(top, next))) {
            mt_a32_add_rlx(&depot->count, (uint32_t)-1);
            return (uint32_t)top;
        }
    }
    return 0;
}
