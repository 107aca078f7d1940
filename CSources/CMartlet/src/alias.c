// SPDX-License-Identifier: Apache-2.0
// Aliases: making, ending and following them.
#include "martlet/alias.h"

#include "martlet/process.h"
#include "runtime_state.h"

mt_pid_t mt_alias_make(mt_thread_t *thread, mt_pid_t target, uint32_t number) {
    mt_slot_t *of = mt_slot_of(target);
    if (!of || !mt_pid_is_alive(target)) return 0;
    uint32_t index = mt_region_take(&mt_slots, &thread->slots);
    if (!index) return 0;
    mt_slot_t *slot = (mt_slot_t *)mt_region_at(&mt_slots, index);
    uint32_t generation = mt__slot_next_generation(slot);
    mt_aptr_store_rlx(&slot->runtime, mt_runtime_of(of));
    // release: who still looks for the alias before, and sees one of these, sees that it has ended; pairs with the
    // acquires in mt__alias_resolve.
    mt_a64_store_rel(&slot->parent, target);
    mt_a32_store_rel(&slot->length, number);
    // release: the three above; pairs with the acquire in mt__alias_resolve.
    mt_a64_store_rel(&slot->life, mt_life_make(generation, MT_LIFE_ALIAS));
    return mt_pid_make(generation, index);
}

bool mt_alias_end(mt_thread_t *thread, mt_pid_t alias) {
    mt_slot_t *slot = mt_slot_of(alias);
    uint64_t life = mt_life_make(mt_pid_generation(alias), MT_LIFE_ALIAS);
    // acq_rel: who wins ends it; release: by rule, as every end of a generation.
    if (!slot || !mt_a64_cas(&slot->life, &life, mt_life_make(mt_pid_generation(alias) + 1, 0))) return false;
    // release: by rule, so that whoever sees it sees that the alias has ended; pairs with the acquire in
    // mt__alias_resolve.
    mt_a32_store_rel(&slot->length, 0);
    // A generation that would wrap retires the slot for ever.
    if (mt_pid_generation(alias) + 1 != UINT32_MAX) mt_region_give(&mt_slots, &thread->slots, mt_pid_index(alias));
    return true;
}

mt_pid_t mt__alias_resolve(mt_slot_t **slot, mt_pid_t pid, uint32_t *number) {
    // acquire: pairs with the release in make: whose it is.
    uint64_t life = mt_a64_load_acq(&(*slot)->life);
    if (life != mt_life_make(mt_pid_generation(pid), MT_LIFE_ALIAS)) return pid;
    // acquire: so that the second look at `life` comes after both.
    mt_pid_t target = mt_a64_load_acq(&(*slot)->parent);
    uint32_t found = mt_a32_load_acq(&(*slot)->length);
    if (mt_a64_load_acq(&(*slot)->life) != life) return pid; // ended meanwhile: that is no process's pid
    *number = found;
    *slot = mt_slot_of(target);
    return target;
}
