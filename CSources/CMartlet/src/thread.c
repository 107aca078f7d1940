// SPDX-License-Identifier: Apache-2.0
// Thread records: a list of all that only grows, a free list, and a pthread key whose destructor gives the record back.
#include "martlet/thread.h"

#include <unistd.h>

#include "forked.h"
#include "martlet/memory.h"
#include "martlet/region.h"
#include "martlet/stats.h"
#include "pool.h"

#include <pthread.h>

_Thread_local mt_thread_t *mt_thread_current;

// All records, newest first. Pushed under the mutex, read by anyone.
static mt_aptr_t all_records;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// Guarded by mutex.
static mt_thread_t *free_records;
static uint32_t records_count;
static pthread_key_t key;
static bool has_key;

static void at_thread_exit(void *record) {
    (void)record;
    mt_thread_detach();
}

// A record to use: an old one, else a new one in the list. NULL: out of memory. Mutex held.
static mt_thread_t *obtain(void) {
    if (!has_key) {
        if (pthread_key_create(&key, at_thread_exit) != 0) return NULL;
        has_key = true;
    }
    mt_thread_t *thread = free_records;
    if (thread) {
        free_records = thread->next_free;
        thread->next_free = NULL;
        return thread;
    }
    thread = mt_alloc_zeroed(sizeof *thread + sizeof(mt_stats_t));
    if (!thread) return NULL;
    thread->stats_spare = thread + 1;
    thread->number = ++records_count;
    thread->next = mt_aptr_load_rlx(&all_records); // relaxed: written under the mutex that we hold
    // release: publishes next and the zeroed counters; pairs with the load in mt_thread_for_each. sc: {all_records; a
    // word of a table} of a new reader against {that word; all_records} of a remover (grace.h): one of the two sees the
    // other.
    mt_aptr_store_sc(&all_records, thread);
    return thread;
}

mt_thread_t *mt_thread_reserve(void) {
    mt__forked_check();
    pthread_mutex_lock(&mutex);
    mt_thread_t *thread = obtain();
    pthread_mutex_unlock(&mutex);
    // relaxed: a statistic; the record itself changes hands under the mutex.
    if (thread) mt_a32_store_rlx(&thread->attached, 1);
    return thread;
}

void mt_thread_give_back(mt_thread_t *thread) {
    mt_a32_store_rlx(&thread->attached, 0); // relaxed: as in reserve
    pthread_mutex_lock(&mutex);
    thread->next_free = free_records;
    free_records = thread;
    pthread_mutex_unlock(&mutex);
}

void mt_thread_adopt(mt_thread_t *thread) {
    MT_ASSERT(!mt_thread_current);
    mt_thread_current = thread;
}

mt_thread_t *mt_thread_attach(void) {
    if (mt_thread_current) return mt_thread_current;
    mt_thread_t *thread = mt_thread_reserve();
    if (!thread) return NULL;
    if (pthread_setspecific(key, thread) != 0) {
        mt_thread_give_back(thread);
        return NULL;
    }
    mt_thread_current = thread;
    return thread;
}

static void forget_items(mt_magazine_t *magazine) {
    if (magazine->region) mt_region_forget(magazine->region, magazine);
}

void mt_thread_detach(void) {
    mt_thread_t *thread = mt_thread_current;
    if (!thread) return;
    mt__pool_flush(thread);
    forget_items(&thread->slots);
    forget_items(&thread->replies);
    forget_items(&thread->timers);
    forget_items(&thread->ties);
    forget_items(&thread->requests);
    thread->frame = NULL;
    mt_aptr_store_rlx(&thread->worker, NULL); // relaxed: the context went before
    thread->detached_from = NULL;
    thread->runtime = NULL;
    thread->stats_runtime = NULL;
    thread->stats = NULL;
    mt_thread_current = NULL;
    pthread_setspecific(key, NULL);
    mt_thread_give_back(thread);
}

static void flush_items(mt_magazine_t *magazine) {
    if (magazine->region) mt_region_flush(magazine->region, magazine);
}

void mt_thread_trim(mt_thread_t *thread) {
    MT_ASSERT(thread == mt_thread_current);
    mt__pool_flush(thread);
    flush_items(&thread->slots);
    flush_items(&thread->replies);
    flush_items(&thread->timers);
    flush_items(&thread->ties);
    flush_items(&thread->requests);
}

void mt_thread_for_each(void (*visitor)(void *context, mt_thread_t *thread), void *context) {
    // acquire, sc: pairs with the store in obtain; a record's next never changes after it.
    for (mt_thread_t *thread = mt_aptr_load_sc(&all_records); thread; thread = thread->next) visitor(context, thread);
}

void mt_thread_check(void) {
    pthread_mutex_lock(&mutex);
    uint32_t records = 0, attached = 0, free_count = 0;
    for (mt_thread_t *thread = mt_aptr_load_acq(&all_records); thread; thread = thread->next) {
        records++;
        attached += mt_a32_load_rlx(&thread->attached);
    }
    for (mt_thread_t *thread = free_records; thread; thread = thread->next_free) {
        MT_ASSERT(mt_a32_load_rlx(&thread->attached) == 0 && mt_a64_load_rlx(&thread->reading) == 0);
        MT_ASSERT(!thread->slots.region && !thread->replies.region && !thread->timers.region && !thread->ties.region);
        free_count++;
    }
    MT_ASSERT(records == records_count && attached + free_count == records);
    pthread_mutex_unlock(&mutex);
}

bool mt_thread_is_main(void) { return getpid() == gettid(); }
