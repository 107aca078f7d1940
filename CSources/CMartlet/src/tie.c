// SPDX-License-Identifier: Apache-2.0
// Links and monitors: made, given up, read. What happens when a process ends: tie_fire.c.
#include "martlet/tie.h"

#include "exit_signal.h"
#include "runtime_state.h"
#include "tie_list.h"

// Processes share a lock by index: 256 make a chance meeting rare, and cost 16 KiB.
#define MT_TIE_LOCKS 256u
typedef struct {
    pthread_mutex_t mutex;
    unsigned char pad[MT_CACHE_LINE - sizeof(pthread_mutex_t) % MT_CACHE_LINE];
} tie_lock_t;

static tie_lock_t locks[MT_TIE_LOCKS] = {[0 ... MT_TIE_LOCKS - 1] = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

pthread_mutex_t *mt__tie_lock_of(mt_pid_t pid) { return &locks[mt_pid_index(pid) % MT_TIE_LOCKS].mutex; }
void mt__tie_lock(mt_pid_t pid) { pthread_mutex_lock(mt__tie_lock_of(pid)); }
void mt__tie_unlock(mt_pid_t pid) { pthread_mutex_unlock(mt__tie_lock_of(pid)); }

void mt__tie_lock_both(mt_pid_t a, mt_pid_t b) {
    pthread_mutex_t *first = mt__tie_lock_of(a), *second = mt__tie_lock_of(b);
    pthread_mutex_lock(first < second ? first : second);
    if (first != second) pthread_mutex_lock(first < second ? second : first);
}
void mt__tie_unlock_both(mt_pid_t a, mt_pid_t b) {
    if (mt__tie_lock_of(a) != mt__tie_lock_of(b)) pthread_mutex_unlock(mt__tie_lock_of(b));
    pthread_mutex_unlock(mt__tie_lock_of(a));
}

// --- Finding ---------------------------------------------------------------------------------------------------------

// The link of two processes in the list of one of them, as the handle of its end; 0: none.
static uint32_t find(uint32_t list, mt_pid_t peer) {
    while (list && mt__tie_pid(mt__tie_other(list)) != peer) list = mt__tie_end(list)->next;
    return list;
}

// The live link of two live processes, as the handle of self's end. Looks through the shorter list: a supervisor with
// thousands of children has the long one.
static uint32_t find_link(mt_slot_t *self, mt_pid_t self_pid, mt_slot_t *peer, mt_pid_t peer_pid) {
    if (self->link_count <= peer->link_count) return find(self->links, peer_pid);
    uint32_t found = find(peer->links, self_pid);
    return found ? found ^ 1 : 0;
}

// --- Making and freeing ----------------------------------------------------------------------------------------------

mt_tie_ref_t mt__tie_ref(uint32_t index) { return (mt__tie_word(index << 1) >> 32) << 32 | index; }

uint32_t mt__tie_make(mt_thread_t *thread, bool is_monitor) {
    uint32_t index = mt_region_take(&mt_ties, &thread->ties);
    if (!index) return 0;
    mt_tie_t *tie = mt__tie_at(index);
    tie->ends[0].news = mt_node_alloc(thread, sizeof(mt_news_t));
    tie->ends[1].news = is_monitor ? NULL : mt_node_alloc(thread, sizeof(mt_news_t));
    // relaxed: nobody knows it yet; the free list ordered its last holder's words.
    uint64_t generation = mt_a64_load_rlx(&tie->word) >> 32;
    mt_a64_store_rlx(&tie->word, generation << 32 | (is_monitor ? MT_TIE_MONITOR : 0));
    if (tie->ends[0].news && (is_monitor || tie->ends[1].news)) return index;
    mt__tie_discard(thread, index);
    return 0;
}

void mt__tie_discard(mt_thread_t *thread, uint32_t index) {
    mt_tie_t *tie = mt__tie_at(index);
    for (int i = 0; i < 2; i++) {
        if (tie->ends[i].news) mt_node_free(thread, tie->ends[i].news);
        tie->ends[i].news = NULL;
    }
    uint64_t generation = (mt_a64_load_rlx(&tie->word) >> 32) + 1;
    // A generation that would wrap retires the tie for ever.
    if (generation > UINT32_MAX) return;
    // release: by rule; a stranger's stale reference sees another generation.
    mt_a64_store_rel(&tie->word, generation << 32);
    mt_region_give(&mt_ties, &thread->ties, index);
}

// --- Making a tie of two processes -----------------------------------------------------------------------------------

// The peer has ended: the tie's only word is that there is no such process. True: it is in self's list until that is
// read; else it is used up.
static bool join_ended(uint32_t index, mt_pid_t self, mt_pid_t peer, mt__signal_t *signal) {
    mt_tie_end_t *end = &mt__tie_at(index)->ends[0];
    mt_slot_t *slot = mt_slot_of(self);
    mt_news_t news = {mt_hooks.reason_no_process, mt__tie_ref(index), peer};
    bool is_monitor = mt__tie_word(index << 1) & MT_TIE_MONITOR;
    *signal =
        is_monitor ? mt__signal_down(slot, self, end->news, &news) : mt__signal_exit(slot, self, end->news, &news);
    if (!signal->is_none) end->news = NULL;
    if (!signal->message) return false;
    mt__tie_set(index << 1, MT_TIE_FIRED);
    mt__tie_insert(index << 1);
    return true;
}

// Both live. False: they are linked already, at most once a pair.
static bool join_live(uint32_t index, mt_pid_t self, mt_pid_t peer) {
    bool is_monitor = mt__tie_word(index << 1) & MT_TIE_MONITOR;
    if (!is_monitor && find_link(mt_slot_of(self), self, mt_slot_of(peer), peer)) return false;
    mt__tie_set(index << 1, MT_TIE_LIVE);
    mt__tie_insert(index << 1);
    mt__tie_insert(index << 1 | 1);
    return true;
}

// Both locks are held. False: the tie is used up, discard it. `signal` is to be sent.
static bool join(uint32_t index, mt_pid_t self, mt_pid_t peer, mt__signal_t *signal) {
    mt_tie_t *tie = mt__tie_at(index);
    // relaxed: published by the word. Under the locks: a stranger with a stale reference who sees one of these pids and
    // not yet the new generation waits for that process' lock, and then sees it.
    mt_a64_store_rlx(&tie->ends[0].pid, self);
    mt_a64_store_rlx(&tie->ends[1].pid, peer);
    signal->is_none = true;
    // LIVE, read under the lock of a process: its end takes that lock after DYING, so it will find the tie.
    if (!mt_pid_is_alive(self)) return false;
    return mt_pid_is_alive(peer) ? join_live(index, self, peer) : join_ended(index, self, peer, signal);
}

bool mt__tie_join_new(uint32_t index, mt_pid_t starter, mt_pid_t pid) {
    mt__signal_t none;
    return join(index, starter, pid, &none);
}

// False: self has ended.
static bool tie(mt_thread_t *thread, uint32_t index, mt_pid_t self, mt_pid_t peer) {
    mt__signal_t signal;
    mt__tie_lock_both(self, peer);
    bool is_used = join(index, self, peer, &signal), is_alive = mt_pid_is_alive(self);
    mt__tie_unlock_both(self, peer);
    if (!is_used) mt__tie_discard(thread, index);
    mt__signal_send(thread, &signal);
    return is_alive;
}

mt_status_t mt_tie_link(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer) {
    if (self == peer) return MT_OK;
    if (!mt_effect_begin(thread)) return MT_NO_PROCESS;
    uint32_t index = mt__tie_make(thread, false);
    bool is_alive = !index || tie(thread, index, self, peer);
    mt_effect_end(thread);
    return !index ? MT_NO_MEMORY : is_alive ? MT_OK : MT_NO_PROCESS;
}

mt_status_t mt_tie_monitor(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer, mt_tie_ref_t *ref) {
    *ref = 0;
    if (!mt_effect_begin(thread)) return MT_NO_PROCESS;
    uint32_t index = mt__tie_make(thread, true);
    if (index) *ref = mt__tie_ref(index);
    bool is_alive = !index || tie(thread, index, self, peer);
    mt_effect_end(thread);
    return !index ? MT_NO_MEMORY : is_alive ? MT_OK : MT_NO_PROCESS;
}

// --- Giving a tie up -------------------------------------------------------------------------------------------------

// A process that a link's signal has reached is over, whatever it still runs: nothing after unlink may have an effect.
// One that its parent asks to end may go on (R11).
static void fence_if_doomed(mt_slot_t *self, mt_pid_t pid) {
    // sc: by rule; the CAS decides. Under the lock, so the signal was received before, or will not be.
    uint64_t life = mt_a64_load_sc(&self->life);
    while (!((life ^ pid) >> 32) && life & MT_LIFE_LIVE && life & MT_LIFE_LINK)
        if (mt_a64_cas_sc(&self->life, &life, life | MT_LIFE_FENCE)) return;
}

// Takes out one link of two processes, or what is left of it when the peer has ended. 0: there is none.
static uint32_t unlink_one(mt_slot_t *self_slot, mt_pid_t self, mt_slot_t *peer_slot, mt_pid_t peer) {
    // The slot may be another's, which is linked as well.
    if (!mt_pid_is_alive(self)) return 0;
    // An ended peer has no list of its own any more; what it said may still be unread here.
    uint32_t found = mt_pid_is_alive(peer) ? find_link(self_slot, self, peer_slot, peer) : find(self_slot->links, peer);
    if (!found) return 0;
    if (mt__tie_word(found) & MT_TIE_LIVE) mt__tie_take_out(found ^ 1);
    mt__tie_take_out(found);
    mt__tie_set(found, 0);
    return found;
}

void mt_tie_unlink(mt_thread_t *thread, mt_pid_t self, mt_pid_t peer) {
    mt_slot_t *self_slot = mt_slot_of(self), *peer_slot = mt_slot_of(peer);
    if (!self_slot || !peer_slot || !mt_effect_begin(thread)) return;
    // Several, when it was linked again after its end.
    for (uint32_t found = 1; found;) {
        mt__tie_lock_both(self, peer);
        found = unlink_one(self_slot, self, peer_slot, peer);
        if (!found) fence_if_doomed(self_slot, self);
        mt__tie_unlock_both(self, peer);
        if (found) mt__tie_discard(thread, found >> 1);
    }
    mt_effect_end(thread);
}

// The pids of a reference; false: it is stale.
static bool look_up(mt_tie_ref_t ref, mt_pid_t *self, mt_pid_t *peer) {
    if (!(uint32_t)ref || !mt_region_contains_index(&mt_ties, (uint32_t)ref)) return false;
    mt_tie_t *tie = mt__tie_at((uint32_t)ref);
    // acquire: pairs with the release in join: the pids. Looked at again under the locks.
    uint64_t word = mt_a64_load_acq(&tie->word);
    *self = mt__tie_pid(&tie->ends[0]);
    *peer = mt__tie_pid(&tie->ends[1]);
    return !((word ^ ref) >> 32) && word & (MT_TIE_LIVE | MT_TIE_FIRED);
}

bool mt_tie_demonitor(mt_thread_t *thread, mt_tie_ref_t ref) {
    mt_pid_t self, peer;
    if (!look_up(ref, &self, &peer) || !mt_effect_begin(thread)) return false;
    uint32_t handle = (uint32_t)ref << 1;
    mt__tie_lock_both(self, peer);
    uint64_t word = mt__tie_word(handle);
    bool is_mine = !((word ^ ref) >> 32) && word & MT_TIE_MONITOR && word & (MT_TIE_LIVE | MT_TIE_FIRED);
    bool is_live = is_mine && word & MT_TIE_LIVE;
    if (is_live) mt__tie_take_out(handle | 1);
    if (is_mine) {
        mt__tie_take_out(handle);
        mt__tie_set(handle, 0);
    }
    mt__tie_unlock_both(self, peer);
    if (is_mine) mt__tie_discard(thread, (uint32_t)ref);
    mt_effect_end(thread);
    return is_live;
}

// The end of `pid` of a tie that has fired and is not read, under the lock of `pid`; 0: it was given up.
static uint32_t find_unread(mt_pid_t pid, mt_tie_ref_t ref) {
    uint32_t handle = (uint32_t)ref << 1;
    uint64_t word = mt__tie_word(handle);
    if ((word ^ ref) >> 32 || !(word & MT_TIE_FIRED)) return 0;
    // A link's two ends look alike but for their pids.
    return mt__tie_pid(mt__tie_end(handle)) == pid ? handle : handle ^ 1;
}

bool mt_tie_read(mt_thread_t *thread, mt_pid_t pid, mt_tie_ref_t ref) {
    mt__tie_lock(pid);
    uint32_t handle = find_unread(pid, ref);
    if (handle) {
        mt__tie_take_out(handle);
        mt__tie_set(handle, 0);
    }
    mt__tie_unlock(pid);
    if (handle) mt__tie_discard(thread, handle >> 1);
    return handle != 0;
}

bool mt_tie_is_unread(mt_pid_t pid, mt_tie_ref_t ref) {
    mt__tie_lock(pid);
    bool is_unread = find_unread(pid, ref) != 0;
    mt__tie_unlock(pid);
    return is_unread;
}

// --- Looking ---------------------------------------------------------------------------------------------------------

uint32_t mt_tie_peers(mt_pid_t pid, mt_tie_list_t list, mt_pid_t *out, uint32_t capacity) {
    const mt_slot_t *slot = mt_slot_of(pid);
    if (!slot) return 0;
    uint32_t written = 0;
    mt__tie_lock(pid);
    uint32_t handle = 0;
    if (mt_pid_is_alive(pid))
        handle = list == MT_TIE_LINKS ? slot->links : list == MT_TIE_WATCHING ? slot->watching : slot->watched_by;
    for (; handle && written < capacity; handle = mt__tie_end(handle)->next)
        if (mt__tie_word(handle) & MT_TIE_LIVE) out[written++] = mt__tie_pid(mt__tie_other(handle));
    mt__tie_unlock(pid);
    return written;
}

void mt_tie_check(const mt_slot_t *slot) {
    MT_ASSERT(!slot->links && !slot->watching && !slot->watched_by);
    MT_ASSERT(!slot->link_count && !slot->watcher_count);
}
