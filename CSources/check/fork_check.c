// SPDX-License-Identifier: Apache-2.0
// F22: a child of fork that uses the core is stopped with a message; one that does not, and the parent, go on.
#include "probe_engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    probe_world_t *world;
    mt_pid_t pid;
    uint64_t timer;
} used_t;

typedef void (*use_t)(used_t *used);

static void use_nothing(used_t *used) { (void)used; }
static void use_send(used_t *used) { probe_cast(used->pid, probe_count, 1, 0); }
static void use_kill(used_t *used) { mt_process_kill(mt_thread_self(), used->pid); }
static void use_spawn(used_t *used) {
    mt_process_spawn(used->world->runtime, mt_thread_self(), &(mt_spawn_t){0}, &used->pid);
}
static void use_job(used_t *used) { mt_submit_job(used->world->runtime, used); }
static void use_statistics(used_t *used) { mt_runtime_statistics(used->world->runtime, &(mt_statistics_t){0}); }
static void use_idle(used_t *used) { mt_runtime_wait_idle(used->world->runtime); }
static void use_close(used_t *used) { mt_runtime_close(used->world->runtime); }
static void use_timer(used_t *used) { mt_timers_cancel(used->timer, NULL); }
static void use_start(used_t *used) {
    mt_config_t config = probe_config(1);
    mt_runtime_start(&config, &used->world->runtime);
}

// What the child said before it ended, and how it ended.
static int in_child(use_t use, used_t *used, char *said, size_t size) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        alarm(20); // a hang is what this is about
        dup2(ends[1], 2);
        use(used);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(ends[0], said + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = 0;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

MT_CHECK(fork_child_is_told) {
    const use_t uses[] = {use_send, use_kill,  use_spawn, use_job,  use_statistics,
                          use_idle, use_close, use_timer, use_start};
    probe_world_t world;
    probe_open(&world, 2);
    used_t used = {.world = &world, .pid = probe_spawn(&world, NULL)};
    char said[1024];
    EXPECT(in_child(use_nothing, &used, said, sizeof said) == 0 && said[0] == 0);
    for (uint32_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        int status = in_child(uses[i], &used, said, sizeof said);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        EXPECT(strstr(said, "forked"));
        EXPECT(probe_call(used.pid, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE); // the parent goes on
    }
    probe_close(&world);
}
