// SPDX-License-Identifier: Apache-2.0
// The signal handler of the breadcrumb.
#include "martlet/breadcrumb.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "martlet/report.h"
#include "martlet/slice.h"
#include "runtime_state.h"

typedef struct {
    int number;
    const char *name;
    struct sigaction before;
} fault_t;

// `before` is written by install, before that signal comes here.
static fault_t faults[] = {{.number = SIGILL, .name = "SIGILL"},   {.number = SIGTRAP, .name = "SIGTRAP"},
                           {.number = SIGSEGV, .name = "SIGSEGV"}, {.number = SIGBUS, .name = "SIGBUS"},
                           {.number = SIGFPE, .name = "SIGFPE"},   {.number = SIGABRT, .name = "SIGABRT"}};
#define FAULTS (sizeof faults / sizeof *faults)

// A fault in here, or in a handler behind this one, says nothing more. initial-exec: no allocation at first use.
static _Thread_local bool is_inside __attribute__((tls_model("initial-exec")));

// --- The line --------------------------------------------------------------------------------------------------------

// Longer names are cut: one write, and no more than a line.
#define LINE_MAX_BYTES 1024u
#define PART_MAX_BYTES 256u

typedef struct {
    size_t length;
    char text[LINE_MAX_BYTES];
} line_t;

static void add_bytes(line_t *line, const char *text, size_t length) {
    if (length > PART_MAX_BYTES) length = PART_MAX_BYTES;
    for (size_t i = 0; i < length && line->length < LINE_MAX_BYTES - 1; i++) {
        // A name may hold anything; the line stays one line.
        line->text[line->length++] = (unsigned char)text[i] < 0x20 ? '?' : text[i];
    }
}

static void add(line_t *line, const char *text) { add_bytes(line, text, strlen(text)); }

static void add_number(line_t *line, uint32_t number) {
    char digits[10];
    size_t count = 0;
    do digits[sizeof digits - ++count] = (char)('0' + number % 10);
    while (number /= 10);
    add_bytes(line, digits + sizeof digits - count, count);
}

static const char *kind_name(uint32_t doing) {
    switch (doing) {
    case MT_KIND_CALL:
        return "call ";
    case MT_KIND_CAST:
        return "cast ";
    case MT_KIND_MESSAGE:
        return "message ";
    case MT_KIND_TICK:
        return "timer message ";
    default:
        return "";
    }
}

static void add_process(line_t *line, const mt_frame_t *frame) {
    mt_slot_t *slot = frame->slot;
    add(line, "process <");
    add_number(line, mt_region_index(&mt_slots, slot));
    add(line, ".");
    add_number(line, frame->generation);
    add(line, "> ");
    // relaxed: this thread owns the process, and wrote them or got them with it.
    const mt_class_t *klass = mt_aptr_load_rlx(&slot->klass);
    add(line, klass && klass->name ? klass->name : "of unknown type");
    const mt_name_t *name = mt_aptr_load_rlx(&slot->name);
    if (name) {
        size_t length = 0;
        const char *text = mt_name_text(name, &length);
        add(line, " \"");
        add_bytes(line, text, length);
        add(line, "\"");
    }
    const mt_label_t *label = mt_aptr_load_rlx(&slot->label);
    if (!label) return;
    add(line, " (label: ");
    add_bytes(line, label->text, label->length);
    add(line, ")");
}

static void add_doing(line_t *line, const mt_frame_t *frame) {
    mt_slot_t *slot = frame->slot;
    if (!frame->is_in) {
        add(line, ", between two messages");
        return;
    }
    mt_snapshot_t inside = {0};
    mt__report_doing(slot, &inside);
    add(line, ", handling ");
    add(line, kind_name(inside.doing));
    add(line, mt_class_doing(mt_aptr_load_rlx(&slot->klass), inside.doing));
}

// False: nothing of a runtime runs on this thread.
static bool describe(line_t *line, const char *signal_name) {
    const mt_thread_t *thread = mt_thread_current;
    if (!thread || (!thread->frame && !thread->runtime)) return false;
    const mt_frame_t *frame = thread->frame;
    const mt_runtime_t *runtime = frame ? mt_runtime_of(frame->slot) : thread->runtime;
    if (!runtime->config.has_breadcrumb) return false;
    add(line, "martlet: ");
    add(line, signal_name);
    add(line, " in ");
    if (!frame) {
        add(line, "a task, or the runtime itself, on one of its threads");
    } else {
        add_process(line, frame);
        add_doing(line, frame);
        if (frame->below) {
            add(line, ", called by ");
            add_process(line, frame->below);
        }
    }
    line->text[line->length++] = '\n';
    return true;
}

// --- The signal ------------------------------------------------------------------------------------------------------

// What would have happened without us.
static void go_on(const fault_t *fault, siginfo_t *info, void *context) {
    const struct sigaction *before = &fault->before;
    if (before->sa_flags & SA_SIGINFO) before->sa_sigaction(fault->number, info, context);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) before->sa_handler(fault->number);
    else if (before->sa_handler == SIG_DFL) signal(fault->number, SIG_DFL);
    // To the end, also where the faulting instruction would not be run again: sent by kill, or a breakpoint. Blocked
    // until this handler returns. A handler that repaired the fault has left itself in place, and the program goes on.
    struct sigaction now;
    bool is_over =
        sigaction(fault->number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
    if (is_over) raise(fault->number);
}

static void on_fault(int number, siginfo_t *info, void *context) {
    int error = errno;
    const fault_t *fault = NULL;
    for (size_t i = 0; i < FAULTS; i++)
        if (faults[i].number == number) fault = &faults[i];
    if (!fault) return;
    if (!is_inside) {
        is_inside = true;
        line_t line;
        line.length = 0;
        if (describe(&line, fault->name)) (void)!write(STDERR_FILENO, line.text, line.length);
    }
    go_on(fault, info, context);
    is_inside = false;
    errno = error;
}

static mt_a32_t is_installed;

static void install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    // The thread's own stack may be what is used up. A second fault of the kind, in here, ends the program at once.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FAULTS; i++) {
        if (sigaction(faults[i].number, NULL, &faults[i].before) == 0) sigaction(faults[i].number, &action, NULL);
    }
    mt_a32_store_rel(&is_installed, 1); // release: by rule
}

void mt_breadcrumb_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

bool mt_breadcrumb_is_installed(void) { return mt_a32_load_acq(&is_installed); }
