// SPDX-License-Identifier: Apache-2.0
// Collections of requests: who is answered puts itself on a stack, and wakes who waits.
#include "martlet/request.h"

#include "martlet/env.h"
#include "martlet/memory.h"

#include <stdlib.h>

struct mt_gather {
    mt_aptr_t head;      // NULL, WAITING, CLOSED, or the newest that has arrived
    mt_a64_t waiter;     // the reply slot of who waits; written before WAITING
    mt_a64_t references; // its owner's, and one of each request that has not arrived
};

#define WAITING ((void *)(uintptr_t)1)
#define CLOSED ((void *)(uintptr_t)2)

mt_gather_t *mt_gather_make(void) {
    mt_gather_t *gather = mt_alloc_zeroed(sizeof *gather);
    if (gather) mt_a64_store_rlx(&gather->references, 1);
    return gather;
}

static void release(mt_gather_t *gather) {
    // acq_rel: what all of them did comes before the end of its memory.
    if (mt_a64_add(&gather->references, (uint64_t)-1) == 1) free(gather);
}

static void push(mt_gather_t *gather, mt_request_t *request) {
    // acquire: by rule; the CAS decides.
    void *head = mt_aptr_load_acq(&gather->head);
    for (;;) {
        if (head == CLOSED) {
            mt_request_drop(mt_request_ref(request));
            break;
        }
        request->next = head == WAITING ? NULL : head;
        // acq_rel: release publishes the answer's arrival, acquire pairs with the CAS in wait: the waiter.
        if (!mt_aptr_cas(&gather->head, &head, request)) continue;
        // It may have left, and another wait have begun: woken for nothing, it looks and waits again.
        if (head == WAITING) mt_reply_complete(mt_a64_load_acq(&gather->waiter), MT_REPLY_GRANTED);
        break;
    }
    release(gather);
}

void mt_request_arrive(void *waiter) {
    mt_request_t *request = (mt_request_t *)((uintptr_t)waiter & ~(uintptr_t)1);
    push(request->gather, request);
}

void mt_gather_add(mt_gather_t *gather, mt_request_ref_t ref) {
    mt_request_t *request = mt_request_of(ref);
    request->gather = gather;
    mt_a64_add(&gather->references, 1);
    // release, in it: the collection; pairs with the acquire in mt_reply_finish.
    if (!mt_reply_wait(mt_request_reply(ref), (void *)((uintptr_t)request | 1))) push(gather, request);
}

mt_request_ref_t mt_gather_take(mt_gather_t *gather) {
    // acquire: pairs with the CAS in push: the requests and their answers. Nobody waits now: the caller would.
    if (!mt_aptr_load_acq(&gather->head)) return 0;
    return mt_request_ref(mt_aptr_xchg(&gather->head, NULL));
}

bool mt_gather_wait(mt_gather_t *gather, mt_reply_ref_t waiter) {
    mt_a64_store_rel(&gather->waiter, waiter);
    void *nothing = NULL;
    // release: the waiter; pairs with the CAS in push.
    return mt_aptr_cas(&gather->head, &nothing, WAITING);
}

void mt_gather_leave(mt_gather_t *gather) {
    void *waiting = WAITING;
    mt_aptr_cas(&gather->head, &waiting, NULL); // acq_rel: by rule; else something has arrived
}

void mt_gather_close(mt_gather_t *gather) {
    // acq_rel: acquire as in take; who comes later sees CLOSED.
    mt_request_t *request = mt_aptr_xchg(&gather->head, CLOSED);
    while (request) {
        mt_request_t *next = request->next;
        mt_request_drop(mt_request_ref(request));
        request = next;
    }
    release(gather);
}
