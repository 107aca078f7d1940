// SPDX-License-Identifier: Apache-2.0
// Numbers for the processes of a deterministic run.
#include "deterministic.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_INITIAL 64u
// A table larger than this is given back between runs: clearing it would cost every later run.
#define CELLS_KEPT 4096u

void mt__census_clear(mt_census_t *census) {
    if (census->capacity > CELLS_KEPT) {
        free(census->cells);
        census->cells = NULL;
        census->capacity = 0;
    } else if (census->cells) {
        memset(census->cells, 0, census->capacity * sizeof *census->cells);
    }
    census->used = 0;
    census->born_count = 0;
}

static uint32_t hash(uint32_t index) { return (uint32_t)((index * UINT64_C(0x9E3779B97F4A7C15)) >> 32); }

// The cell of an index, or the empty one where it belongs.
static mt_census_cell_t *find(const mt_census_t *census, uint32_t index) {
    uint32_t mask = census->capacity - 1;
    for (uint32_t at = hash(index) & mask;; at = (at + 1) & mask) {
        mt_census_cell_t *cell = &census->cells[at];
        if (cell->index == index || cell->index == 0) return cell;
    }
}

// Room for one more cell. False: out of memory.
static bool make_room(mt_census_t *census) {
    if (census->used * 2 < census->capacity) return true;
    mt_census_t grown = {.capacity = census->capacity ? census->capacity * 2 : CELLS_INITIAL};
    grown.cells = mt_alloc_zeroed(grown.capacity * sizeof *grown.cells);
    if (!grown.cells) return false;
    for (uint32_t i = 0; i < census->capacity; i++)
        if (census->cells[i].index) *find(&grown, census->cells[i].index) = census->cells[i];
    free(census->cells);
    census->cells = grown.cells;
    census->capacity = grown.capacity;
    return true;
}

static bool add_born(mt_census_t *census, mt_pid_t pid) {
    if (census->born_count == census->born_capacity) {
        uint32_t capacity = census->born_capacity ? census->born_capacity * 2 : CELLS_INITIAL;
        mt_pid_t *grown = mt_alloc_grown(census->born, capacity * sizeof *grown);
        if (!grown) return false;
        census->born = grown;
        census->born_capacity = capacity;
    }
    census->born[census->born_count++] = pid;
    return true;
}

uint64_t mt__census_meet(mt_census_t *census, mt_slot_t *slot) {
    if (!make_room(census)) return 0;
    uint32_t index = mt_region_index(&mt_slots, slot);
    mt_census_cell_t *cell = find(census, index);
    // acquire: by rule; the slot is in a queue of this thread.
    uint64_t life = mt_a64_load_acq(&slot->life);
    bool is_there = life & (MT_LIFE_LIVE | MT_LIFE_DYING);
    if (!is_there || (cell->index && cell->generation == mt_life_generation(life)))
        return cell->index ? cell->ordinal : 0;
    if (!add_born(census, mt_pid_make(mt_life_generation(life), index))) return 0;
    if (!cell->index) census->used++;
    *cell = (mt_census_cell_t){index, mt_life_generation(life), census->born_count};
    return cell->ordinal;
}
