// SPDX-License-Identifier: Apache-2.0
// The hook of Swift's global executor.
#include "martlet/global_executor.h"

#include "martlet/deterministic.h"
#include "martlet/request.h"

#include <dlfcn.h>
#include <pthread.h>

typedef __attribute__((swiftcall)) void (*enqueue_t)(void *job);
typedef __attribute__((swiftcall)) void (*hook_t)(void *job, enqueue_t original);

static mt_aptr_t installed; // the mt_runtime_t that has the hook; NULL: none
static mt_aptr_t original;  // what the hook replaced; seen at the first job
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool is_hooked; // guarded by mutex: the hook is ours

static __attribute__((swiftcall)) void enqueue_global(void *job, enqueue_t fallback) {
    mt_aptr_store_rlx(&original, (void *)fallback);
    void *tagged = (void *)((uint64_t)job | MT_JOB_GLOBAL);
    // In a run as a job of the runtime's own executor: on the generic one a yield would leave it without coming here.
    if (mt_deterministic_is_here() && mt_submit_job(mt_runtime_current(), job)) return;
    // acquire: pairs with the CAS in mt_global_executor_install: the runtime.
    mt_runtime_t *runtime = mt_aptr_load_acq(&installed);
    if (!runtime || !mt_submit_job(runtime, tagged)) fallback(job);
}

// Takes the hook if nobody has it. The variable is the language runtime's: a plain pointer that it reads before every
// enqueue.
static bool take_hook(void) {
    pthread_mutex_lock(&mutex);
    if (!is_hooked) {
        hook_t *hook = (hook_t *)dlsym(RTLD_DEFAULT, "swift_task_enqueueGlobal_hook");
        is_hooked = hook && !*hook;
        if (is_hooked) *hook = enqueue_global;
    }
    bool is_ours = is_hooked;
    pthread_mutex_unlock(&mutex);
    return is_ours;
}

bool mt_global_executor_install(mt_runtime_t *runtime) {
    if (!take_hook()) return false;
    void *nobody = NULL;
    // release: the runtime; pairs with the acquire in enqueue_global.
    return mt_aptr_cas(&installed, &nobody, runtime);
}

bool mt_global_executor_serve_runs(void) { return take_hook(); }

void mt_global_executor_enqueue_elsewhere(void *tagged) {
    void *job = (void *)((uint64_t)tagged & ~(MT_JOB_GLOBAL | MT_JOB_CARRIER));
    enqueue_t elsewhere = (enqueue_t)mt_aptr_load_rlx(&original);
    if (!elsewhere) elsewhere = (enqueue_t)dlsym(RTLD_DEFAULT, "swift_task_enqueueGlobal");
    if (elsewhere) elsewhere(job);
}

// Weak: the check program of the core is linked without the language's runtime.
extern __attribute__((swiftcall, weak)) void swift_continuation_resume(void *task);

void mt_task_resume(void *continuation) {
    if (MT_UNLIKELY(mt_waiter_is_request(continuation))) mt_request_arrive(continuation);
    else swift_continuation_resume(continuation);
}
