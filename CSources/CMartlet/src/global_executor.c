// SPDX-License-Identifier: Apache-2.0
// The hook of Swift's global executor.
#include "martlet/global_executor.h"

#include <dlfcn.h>

typedef __attribute__((swiftcall)) void (*enqueue_t)(void *job);
typedef __attribute__((swiftcall)) void (*hook_t)(void *job, enqueue_t original);

static mt_aptr_t installed; // the mt_runtime_t that has the hook
static mt_aptr_t original;  // what the hook replaced; seen at the first job

static __attribute__((swiftcall)) void enqueue_global(void *job, enqueue_t fallback) {
    mt_aptr_store_rlx(&original, (void *)fallback);
    mt_runtime_t *runtime = mt_aptr_load_acq(&installed);
    if (!mt_submit_job(runtime, (void *)((uint64_t)job | MT_JOB_GLOBAL))) fallback(job);
}

bool mt_global_executor_install(mt_runtime_t *runtime) {
    // The variable is the language runtime's; a plain pointer that it reads before every enqueue.
    hook_t *hook = (hook_t *)dlsym(RTLD_DEFAULT, "swift_task_enqueueGlobal_hook");
    if (!hook || *hook) return false;
    void *nobody = NULL;
    if (!mt_aptr_cas(&installed, &nobody, runtime)) return false;
    *hook = enqueue_global;
    return true;
}

void mt_global_executor_enqueue_elsewhere(void *tagged) {
    void *job = (void *)((uint64_t)tagged & ~MT_JOB_GLOBAL);
    enqueue_t elsewhere = (enqueue_t)mt_aptr_load_rlx(&original);
    if (!elsewhere) elsewhere = (enqueue_t)dlsym(RTLD_DEFAULT, "swift_task_enqueueGlobal");
    if (elsewhere) elsewhere(job);
}

// Weak: the check program of the core is linked without the language's runtime.
extern __attribute__((swiftcall, weak)) void swift_continuation_resume(void *task);

void mt_task_resume(void *continuation) { swift_continuation_resume(continuation); }
