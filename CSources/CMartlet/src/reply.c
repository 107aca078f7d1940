// SPDX-License-Identifier: Apache-2.0
// The cold half of reply slots: waiting, waking threads, completing without a value.
#include "martlet/reply.h"

#include "martlet/env.h"

mt_hooks_t mt_hooks;

void mt_hooks_set(const mt_hooks_t *hooks) { mt_hooks = *hooks; }

// The slot is DONE and may be in its next life: only its address is used. A wake that comes late hits nobody, or a
// later waiter that checks its word again.
void mt__reply_wake_thread(mt_reply_t *reply) { mt_env_system.unpark(NULL, &reply->futex, 1); }

static bool complete(mt_reply_ref_t ref, mt_reply_kind_t kind, void *reason) {
    mt_reply_t *reply = mt_reply_claim(ref);
    if (!reply) return false;
    if (reason) *(void **)(void *)reply->value = mt_hooks.reason_retain(reason);
    void *waiter = mt_reply_finish(reply, kind);
    if (waiter) mt_hooks.resume(waiter);
    return true;
}

bool mt_reply_complete(mt_reply_ref_t ref, mt_reply_kind_t kind) { return complete(ref, kind, NULL); }

bool mt_reply_complete_exited(mt_reply_ref_t ref, void *reason) { return complete(ref, MT_REPLY_EXITED, reason); }

static bool wait_as(mt_reply_ref_t ref, void *continuation, uint64_t flags) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    // relaxed: W publishes it. Atomic: a nudge may have woken the task before it slept, and then only the
    // continuation's own word, which ThreadSanitizer does not see, orders this behind the nudger's read.
    mt_aptr_store_rlx(&reply->waiter, continuation);
    // acquire: pairs with finish when it is DONE: kind and value.
    uint64_t word = mt_a64_load_acq(&reply->word);
    while ((word & MT_REPLY_PHASE) != MT_REPLY_DONE) {
        // release: the waiter; pairs with the claimer's acquire. CLAIMED may gain W too: finish's exchange sees it.
        if (mt_a64_cas(&reply->word, &word, word | flags)) return true;
    }
    return false;
}

bool mt_reply_wait(mt_reply_ref_t ref, void *continuation) {
    return wait_as(ref, continuation, continuation ? MT_REPLY_WAITER : MT_REPLY_WAITER | MT_REPLY_THREAD);
}

bool mt_reply_wait_nudged(mt_reply_ref_t ref, void *continuation) {
    return wait_as(ref, continuation, MT_REPLY_WAITER | MT_REPLY_NUDGE);
}

void mt_reply_wait_blocking(mt_reply_ref_t ref, const struct mt_env *env, uint64_t deadline_ns) {
    mt_reply_t *reply = (mt_reply_t *)mt_region_at(&mt_replies, (uint32_t)ref);
    if (!mt_reply_wait(ref, NULL)) return;
    while (!mt_reply_is_done(ref)) {
        if (env->park(env->context, &reply->futex, 0, deadline_ns)) continue;
        mt_reply_complete(ref, MT_REPLY_TIMEOUT);
        deadline_ns = MT_FOREVER; // lost to a claimer: its answer is a few instructions away
    }
}

void mt_reply_mark_deferred(mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_of(ref);
    if (!reply) return;
    uint64_t word = mt_a64_load_acq(&reply->word);
    while (!((word ^ ref) >> 32) && (word & MT_REPLY_PHASE) == MT_REPLY_ARMED) {
        // acq_rel: by rule; keeps W and the generation.
        if (mt_a64_cas(&reply->word, &word, word | MT_REPLY_DEFERRED)) return;
    }
}

void mt_reply_nudge(mt_reply_ref_t ref) {
    mt_reply_t *reply = mt_reply_of(ref);
    if (!reply) return;
    uint64_t word = mt_a64_load_acq(&reply->word);
    for (;;) {
        if ((word ^ ref) >> 32 || (word & MT_REPLY_PHASE) != MT_REPLY_ARMED || !(word & MT_REPLY_NUDGE)) return;
        // acq_rel: takes the waiter away from completers: who claims now finds nobody to wake. The waiter is read after
        // this: until its task runs again nobody writes it.
        if (mt_a64_cas(&reply->word, &word, word & ~(MT_REPLY_NUDGE | MT_REPLY_WAITER))) break;
    }
    mt_hooks.resume(mt_aptr_load_rlx(&reply->waiter)); // relaxed: behind the CAS
}

bool mt_reply_note_timer(mt_reply_ref_t ref, uint64_t timer) {
    mt_reply_t *reply = mt_reply_of(ref);
    if (!reply) return false;
    uint64_t none = 0;
    // Into an empty word only: the slot may be in its next life, whose timer may be here. One of the life before may be
    // here as well, noted as this one began: then ours stays armed until its deadline, and fires for nobody. acq_rel:
    // by rule; what shows it to the caller is the CAS below.
    mt_a64_cas(&reply->timer, &none, timer);
    uint64_t word = mt_a64_load_acq(&reply->word);
    while (!((word ^ ref) >> 32) && (word & MT_REPLY_PHASE) == MT_REPLY_ARMED) {
        // acq_rel: changes nothing. Who claims does so after it, and acquires the timer with it, for the caller too; or
        // has claimed before, and then it fails.
        if (mt_a64_cas(&reply->word, &word, word)) return true;
    }
    return false;
}
