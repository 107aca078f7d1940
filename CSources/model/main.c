// SPDX-License-Identifier: Apache-2.0
// The command: which programs, which bound, what to print. Each program runs in a child process of its own, so that
// none finds what another left, and a mutant that crashes is a mutant that was caught.
#include "engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static model_program_t *programs;

void model_register(model_program_t *program) {
    model_program_t **at = &programs;
    while (*at && strcmp((*at)->name, program->name) < 0) at = &(*at)->next;
    program->next = *at;
    *at = program;
}

static model_result_t *shared; // with the child

static void on_crash(int number) {
    shared->has_failed = shared->has_crashed = true;
    snprintf(shared->message, sizeof shared->message, "%s", strsignal(number));
    _exit(3);
}

static void catch_crashes(void) {
    static unsigned char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
}

// In a child: the result comes back through the shared page.
static void explore(const model_program_t *program, const model_options_t *options) {
    memset(shared, 0, sizeof *shared);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        catch_crashes();
        model_heap_init();
        model_shadow_init();
        model_explore(program, options, shared);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("model: fork");
        exit(2);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    shared->has_failed = true;
    if (!shared->message[0]) snprintf(shared->message, sizeof shared->message, "the program aborted");
}

static void print_result(const model_program_t *program, uint32_t bound, const model_options_t *options) {
    printf("%-26s ", program->name);
    if (options->random) printf("seed %-6llu ", (unsigned long long)options->seed);
    else printf("bound %u ", bound);
    printf("%10llu executions %7.2f s  ", (unsigned long long)shared->executions, shared->seconds);
    if (shared->has_failed) printf("FAILED: %s\n", shared->message);
    else printf("%s\n", shared->is_exhausted ? "exhaustive" : "not exhausted");
    fflush(stdout);
}

static int usage(void) {
    fprintf(stderr, "usage: martlet-model [--list] [--only NAME] [--bound N] [--executions N] [--random SEED]\n"
                    "                     [--quiet]\n"
                    "  --only NAME     the program of that name, or those it begins\n"
                    "  --bound N       preemptions instead of each program's own\n"
                    "  --executions N  at most so many a program (random: 20000)\n"
                    "  --random SEED   random schedules instead of all\n"
                    "  --quiet         no trace of a failure\n");
    return 2;
}

typedef struct command {
    const char *only;
    model_options_t options;
    bool list;
} command_t;

static bool parse(int count, char **arguments, command_t *command) {
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (!strcmp(name, "--list")) {
            command->list = true;
        } else if (!strcmp(name, "--quiet")) {
            command->options.quiet = true;
        } else if (!value) {
            return false;
        } else {
            i++;
            if (!strcmp(name, "--only")) command->only = value;
            else if (!strcmp(name, "--bound")) command->options.bound = (uint32_t)strtoul(value, NULL, 10);
            else if (!strcmp(name, "--executions")) command->options.executions_max = strtoull(value, NULL, 10);
            else if (!strcmp(name, "--random")) {
                command->options.random = true;
                command->options.seed = strtoull(value, NULL, 10);
            } else return false;
        }
    }
    return true;
}

// The bound of a program: its own, or what was asked for as far as it can go.
static uint32_t bound_of(const model_program_t *program, uint32_t asked) {
    if (!asked) return program->bound ? program->bound : 2;
    return program->deep && asked > program->deep ? program->deep : asked;
}

int main(int count, char **arguments) {
    command_t command = {.only = ""};
    if (!parse(count, arguments, &command)) return usage();
    if (command.options.random && !command.options.executions_max) command.options.executions_max = 20000;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;
    uint32_t found = 0, failed = 0, open_ended = 0;
    uint64_t executions = 0;
    double seconds = 0;
    for (const model_program_t *program = programs; program; program = program->next) {
        if (strncmp(program->name, command.only, strlen(command.only))) continue;
        found++;
        if (command.list) {
            printf("%s\n", program->name);
            continue;
        }
        model_options_t options = command.options;
        options.bound = bound_of(program, command.options.bound);
        explore(program, &options);
        print_result(program, options.bound, &options);
        failed += shared->has_failed;
        open_ended += !shared->has_failed && !shared->is_exhausted;
        executions += shared->executions;
        seconds += shared->seconds;
    }
    if (!found) {
        fprintf(stderr, "model: no program begins with \"%s\"\n", command.only);
        return 2;
    }
    if (command.list) return 0;
    printf("%u programs, %llu executions, %.1f s: %u failed", found, (unsigned long long)executions, seconds, failed);
    if (open_ended && !command.options.random) printf(", %u not exhausted", open_ended);
    printf("\n");
    return failed ? 1 : 0;
}
