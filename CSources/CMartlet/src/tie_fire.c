// SPDX-License-Identifier: Apache-2.0
// The end of a process: its ties fire, each once.
#include "exit_signal.h"
#include "tie_list.h"

// Ties that fire while the lock of their process is held: others wait so long.
#define FIRE_BATCH 32u

// Tells the process at the other end, if it is to hear of it. True: the tie is used up, with what it had to say.
static bool tell(uint32_t ended, uint64_t word, void *reason, mt__signal_t *signal) {
    mt_tie_end_t *end = mt__tie_other(ended);
    mt_pid_t receiver = mt__tie_pid(end), from = mt__tie_pid(mt__tie_end(ended));
    bool is_monitor = word & MT_TIE_MONITOR;
    // A watcher that ends is not told, and what it watched does not care.
    if (receiver == from || (is_monitor && !(ended & 1))) return true;
    mt_news_t news = {reason, mt__tie_ref(ended >> 1), from};
    mt_slot_t *slot = mt_slot_of(receiver);
    *signal = is_monitor ? mt__signal_down(slot, receiver, end->news, &news)
                         : mt__signal_exit(slot, receiver, end->news, &news);
    if (!signal->is_none) end->news = NULL;
    return !signal->message;
}

// One tie of a process that ended; both locks are held. `ended` is its end. True: it is in no list any more, discard
// it.
static bool fire(uint32_t ended, void *reason, mt__signal_t *signal) {
    uint64_t word = mt__tie_word(ended);
    // FIRED: the peer ended before, and what it said will not be read.
    bool is_used_up = word & MT_TIE_FIRED || tell(ended, word, reason, signal);
    mt__tie_take_out(ended);
    if (is_used_up && word & MT_TIE_LIVE) mt__tie_take_out(ended ^ 1);
    mt__tie_set(ended, is_used_up ? 0 : MT_TIE_FIRED);
    return is_used_up;
}

static uint32_t first_tie(const mt_slot_t *slot) {
    return slot->links ? slot->links : slot->watched_by ? slot->watched_by : slot->watching;
}

// The next tie, with both locks held; own is held at the call. 0: none is left, own is held still. May open own for a
// moment, to take them in order.
static uint32_t next_tie(mt_slot_t *slot, mt_pid_t pid, mt_pid_t *peer) {
    for (uint32_t handle; (handle = first_tie(slot));) {
        *peer = mt__tie_pid(mt__tie_other(handle));
        if (mt__tie_lock_of(*peer) == mt__tie_lock_of(pid) || pthread_mutex_trylock(mt__tie_lock_of(*peer)) == 0)
            return handle;
        uint64_t word = mt__tie_word(handle);
        pthread_mutex_unlock(mt__tie_lock_of(pid));
        mt__tie_lock_both(pid, *peer);
        // Still the first, and the same: others may only have taken ties out.
        if (first_tie(slot) == handle && mt__tie_word(handle) == word) return handle;
        if (mt__tie_lock_of(*peer) != mt__tie_lock_of(pid)) pthread_mutex_unlock(mt__tie_lock_of(*peer));
    }
    return 0;
}

void mt__ties_fire(mt_thread_t *thread, mt_slot_t *slot, mt_pid_t pid, void *reason) {
    bool is_done = false;
    while (!is_done) {
        mt__signal_t signals[FIRE_BATCH];
        uint32_t used_up[FIRE_BATCH];
        uint32_t signal_count = 0, used_count = 0;
        mt__tie_lock(pid);
        while (signal_count < FIRE_BATCH && used_count < FIRE_BATCH) {
            mt_pid_t peer;
            uint32_t handle = next_tie(slot, pid, &peer);
            is_done = handle == 0;
            if (is_done) break;
            mt__signal_t signal = {.is_none = true};
            if (fire(handle, reason, &signal)) used_up[used_count++] = handle >> 1;
            if (mt__tie_lock_of(peer) != mt__tie_lock_of(pid)) pthread_mutex_unlock(mt__tie_lock_of(peer));
            if (!signal.is_none) signals[signal_count++] = signal;
        }
        mt__tie_unlock(pid);
        for (uint32_t i = 0; i < signal_count; i++) mt__signal_send(thread, &signals[i]);
        for (uint32_t i = 0; i < used_count; i++) mt__tie_discard(thread, used_up[i]);
    }
}
