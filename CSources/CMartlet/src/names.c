// SPDX-License-Identifier: Apache-2.0
// Registrations: which process of a runtime holds which name.
//
// Every change of a cell is one CAS on its pid, so the cell itself says at each moment who holds the name. A pid never
// comes back (its generation is over for ever), so a CAS that expects a pid cannot hit a later holder of the same bits.
//
//     0 --register--> pid --unregister(pid)--> 0
//                     pid, dead --register(other)--> other
//
//                 register         unregister       lookup, for_each
//     register    CAS decides      CAS decides      acquire of the CAS
//     unregister                   CAS decides      acquire of the CAS
//
// Segments are created on demand, installed by CAS and freed with the table alone: a lookup needs no read section.
#include "martlet/names.h"
#include "martlet/memory.h"

#include <stdlib.h>

#define SEGMENT_CELLS (1u << MT_NAMES_SEGMENT_BITS)

static mt_names_cell_t *segment_get(const mt_names_t *names, uint32_t index) {
    // acquire: pairs with the CAS in cell_make; weaker, its zeroed cells may be missed.
    return mt_aptr_load_acq(&names->segments[index]);
}

// The cell of a name, NULL when its segment was never needed.
static mt_names_cell_t *cell_find(const mt_names_t *names, const mt_name_t *name) {
    mt_names_cell_t *segment = segment_get(names, name->id >> MT_NAMES_SEGMENT_BITS);
    return segment ? &segment[name->id & (SEGMENT_CELLS - 1)] : NULL;
}

// The cell of a name, with its segment; NULL when memory is exhausted.
static mt_names_cell_t *cell_make(mt_names_t *names, const mt_name_t *name) {
    mt_names_cell_t *cell = cell_find(names, name);
    if (MT_LIKELY(cell)) return cell;
    void *segment = mt_alloc_zeroed(SEGMENT_CELLS * sizeof(mt_names_cell_t));
    if (!segment) return NULL;
    void *expected = NULL;
    // release half: publishes the zeroed cells; pairs with the acquire in segment_get and mt_names_lookup. acquire half
    // on failure: the winner's segment, which cell_find reads again.
    if (!mt_aptr_cas(&names->segments[name->id >> MT_NAMES_SEGMENT_BITS], &expected, segment)) free(segment);
    return cell_find(names, name);
}

mt_status_t mt_names_create(bool (*is_alive)(uint64_t pid), mt_names_t **names) {
    *names = mt_alloc_zeroed(sizeof **names);
    if (!*names) return MT_NO_MEMORY;
    (*names)->is_alive = is_alive;
    return MT_OK;
}

void mt_names_destroy(mt_names_t *names) {
    if (!names) return;
    for (uint32_t i = 0; i < MT_NAMES_SEGMENTS_MAX; i++) free(segment_get(names, i));
    free(names);
}

mt_status_t mt_names_register(mt_names_t *names, const mt_name_t *name, uint64_t pid, uint64_t *holder) {
    MT_DEBUG_ASSERT(pid != 0);
    *holder = 0;
    mt_names_cell_t *cell = cell_make(names, name);
    if (!cell) return MT_NO_MEMORY;
    // relaxed: always the same value, and published to for_each by the CAS on the pid that follows.
    mt_aptr_store_rlx(&cell->name, (void *)(uintptr_t)name);
    uint64_t found = 0;
    // release half: publishes the incarnation behind pid and the cell's name; pairs with the acquire in mt_names_lookup
    // and mt_names_for_each. acquire half: is_alive(found) looks at a slot that its registration published.
    while (!mt_a64_cas(&cell->pid, &found, pid)) {
        if (found == 0) continue; // it was freed since the look before: take it
        MT_DEBUG_ASSERT(!mt_rcu_is_reading());
        if (names->is_alive(found)) {
            *holder = found;
            return MT_NAME_TAKEN;
        }
    }
    return MT_OK;
}

bool mt_names_unregister(mt_names_t *names, const mt_name_t *name, uint64_t pid) {
    mt_names_cell_t *cell = cell_find(names, name);
    if (!cell || pid == 0) return false;
    uint64_t expected = pid;
    // release half: what the holder did under the name is seen by the next holder, whose CAS acquires.
    return mt_a64_cas(&cell->pid, &expected, 0);
}

void mt_names_for_each(const mt_names_t *names, void (*visit)(void *context, const mt_name_t *name, uint64_t pid),
                       void *context) {
    MT_DEBUG_ASSERT(!mt_rcu_is_reading());
    for (uint32_t i = 0; i < MT_NAMES_SEGMENTS_MAX; i++) {
        const mt_names_cell_t *segment = segment_get(names, i);
        if (!segment) continue;
        for (uint32_t c = 0; c < SEGMENT_CELLS; c++) {
            // acquire: pairs with the CAS in mt_names_register; brings the cell's name and the slot behind the pid.
            const uint64_t pid = mt_a64_load_acq(&segment[c].pid);
            // relaxed: ordered by the acquire of the pid.
            if (pid != 0) visit(context, mt_aptr_load_rlx(&segment[c].name), pid);
        }
    }
}
