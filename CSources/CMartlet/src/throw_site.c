// SPDX-License-Identifier: Apache-2.0
// The hook at each throw, and what it keeps.
#include "martlet/throw_site.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>

#include "martlet/phase.h"
#include "runtime_state.h"
#include "symbol_table.h"

typedef void (*will_throw_t)(void *error);

// The Swift runtime's, where there is one: the C checks have none.
extern mt_aptr_t _swift_willThrow __attribute__((weak));
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *size, uint32_t flags)
    __attribute__((weak));
// Swift's calling convention passes two plain words as C does.
extern const char *swift_EnumCaseName(const void *value, const void *type) __attribute__((weak));

static mt_aptr_t hook_before; // will_throw_t, the one that was there

// The last throw of this thread that was recorded.
typedef struct {
    const void *error; // NULL: none
    uint32_t count;
    uintptr_t stack_end; // of this thread, 0: not asked yet
    uintptr_t frames[MT_THROW_FRAMES_MAX];
} throw_site_t;
static _Thread_local throw_site_t site;

static uintptr_t stack_end(void) {
    pthread_attr_t attributes;
    void *start = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    bool is_known = pthread_attr_getstack(&attributes, &start, &size) == 0;
    pthread_attr_destroy(&attributes);
    return is_known ? (uintptr_t)start + size : 0;
}

// Follows the frame pointers up to `end`. Each must lie above the one before, on this stack: code that keeps none ends
// the walk or makes it skip, but never leads it to memory that is not there. It may lead into a red zone of
// AddressSanitizer, whose business frames are not.
__attribute__((noinline, no_sanitize("address"))) static void walk(uintptr_t frame, uintptr_t end) {
    site.count = 0;
    while (site.count < MT_THROW_FRAMES_MAX && frame % sizeof(uintptr_t) == 0 && frame + 2 * sizeof(uintptr_t) <= end) {
        const uintptr_t *words = (const uintptr_t *)frame;
        if (!words[1]) break;
        site.frames[site.count++] = words[1];
        // Asynchronous Swift frames mark theirs in a high bit.
        uintptr_t next = words[0] & ~(UINT64_C(1) << 60);
        if (next <= frame) break;
        frame = next;
    }
}

static bool admit(mt_report_limit_t *limit, uint32_t per_second, uint64_t now_ns, bool counts) {
    uint64_t second = now_ns / 1000000000u & UINT32_MAX;
    // relaxed: a count; the CAS decides.
    uint64_t window = mt_a64_load_rlx(&limit->window);
    for (;;) {
        uint64_t used = window >> 32 == second ? (uint32_t)window : 0;
        if (used >= per_second) return false;
        // acq_rel: by rule.
        if (!counts || mt_a64_cas(&limit->window, &window, second << 32 | (used + 1))) return true;
    }
}

bool mt_crash_admit(mt_runtime_t *runtime, uint64_t *suppressed) {
    *suppressed = 0;
    if (!admit(&runtime->crash_limit, runtime->config.crash_reports_max, mt__now(runtime), true)) {
        mt_a64_add_rlx(&runtime->crash_limit.suppressed, 1);
        return false;
    }
    // acq_rel: by rule: each is told once.
    if (mt_a64_load_rlx(&runtime->crash_limit.suppressed))
        *suppressed = mt_a64_xchg(&runtime->crash_limit.suppressed, 0);
    return true;
}

// Called by the Swift runtime at each throw of the program.
static void will_throw(void *error) {
    // acquire: pairs with the exchange in mt_throw_site_install.
    will_throw_t before = (will_throw_t)(uintptr_t)mt_aptr_load_acq(&hook_before);
    if (before) before(error);
    mt_thread_t *thread = mt_thread_current;
    const mt_frame_t *frame = thread ? thread->frame : NULL;
    if (!frame || !frame->is_in) return;
    site.error = NULL; // another error may have had that address
    mt_runtime_t *runtime = mt_runtime_of(frame->slot);
    uint64_t now = mt__now(runtime);
    if (!admit(&runtime->crash_limit, runtime->config.crash_reports_max, now, false)) return;
    if (!admit(&runtime->throw_limit, MT_THROW_SITES_PER_SECOND, now, true)) return;
    if (!site.stack_end) site.stack_end = stack_end();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), end = site.stack_end;
    // What is above the slice is the scheduler's. The frame of an in-place call may lie in a task's memory.
    if ((uintptr_t)frame > here && (uintptr_t)frame < end) end = (uintptr_t)frame;
    walk(here, end);
    site.error = error;
}

static void install(void) {
    if (!&_swift_willThrow) return;
    void *found = mt_aptr_load_acq(&_swift_willThrow);
    do {
        mt_aptr_store_rel(&hook_before, found); // before anybody can come here
        // acq_rel: release publishes the one before; pairs with the runtime's load at a throw.
    } while (!mt_aptr_cas(&_swift_willThrow, &found, (void *)(uintptr_t)will_throw));
}

void mt_throw_site_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

uint32_t mt_throw_site_take(const void *error, uintptr_t frames[MT_THROW_FRAMES_MAX]) {
    if (!site.error || site.error != error) return 0;
    site.error = NULL;
    memcpy(frames, site.frames, site.count * sizeof *frames);
    return site.count;
}

// Whether the image at `base` is the program itself.
static bool is_executable(uintptr_t base) {
    Dl_info info;
    uintptr_t entry = getauxval(AT_ENTRY);
    return entry && dladdr((void *)entry, &info) && (uintptr_t)info.dli_fbase == base;
}

bool mt_code_place_of(uintptr_t address, mt_code_place_t *out) {
    Dl_info info;
    // A return address: the call is before it.
    if (!dladdr((void *)(address - 1), &info) || !info.dli_fname) return false;
    uintptr_t base = (uintptr_t)info.dli_fbase;
    out->image = info.dli_fname;
    out->image_offset = address - base;
    out->symbol[0] = 0;
    out->symbol_offset = 0;
    if (info.dli_sname) {
        strncpy(out->symbol, info.dli_sname, sizeof out->symbol - 1);
        out->symbol[sizeof out->symbol - 1] = 0;
        out->symbol_offset = address - (uintptr_t)info.dli_saddr;
    } else {
        // The name that the program was started by may lead elsewhere by now.
        const char *path = is_executable(base) ? "/proc/self/exe" : info.dli_fname;
        if (mt__symbol_find(path, base, address - 1, out->symbol, sizeof out->symbol, &out->symbol_offset))
            out->symbol_offset++;
    }
    return true;
}

char *mt_demangle(const char *symbol) {
    if (!&swift_demangle) return NULL;
    return swift_demangle(symbol, strlen(symbol), NULL, NULL, 0);
}

const char *mt_enum_case_name(const void *value, const void *type) {
    // The kind word of a type's metadata: 0x201 is an enum, 0x202 an optional.
    if (!&swift_EnumCaseName || *(const uintptr_t *)type != 0x201) return NULL;
    return swift_EnumCaseName(value, type);
}
