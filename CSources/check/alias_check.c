// SPDX-License-Identifier: Apache-2.0
// Aliases: they lead to the mailbox until they are ended, and never to another.
#include "probe_engine.h"

#include "martlet/alias.h"

MT_CHECK(process_alias_leads_there_until_it_ends) {
    probe_world_t world;
    probe_open(&world, 2);
    mt_thread_t *thread = mt_thread_self();
    mt_pid_t pid = probe_spawn(&world, &(probe_spec_t){0});
    mt_pid_t alias = mt_alias_make(thread, pid, 1);
    EXPECT(alias && alias != pid && !mt_pid_is_alive(alias) && !mt_pid_is_there(alias));
    for (uint64_t i = 1; i <= 100; i++) EXPECT(probe_cast(i % 2 ? alias : pid, probe_in_order, 0, i) == MT_OK);
    EXPECT(probe_call(pid, probe_answer, 0, 0, NULL) == MT_REPLY_VALUE);
    EXPECT(!mt_process_kill(thread, alias));
    EXPECT(mt_alias_end(thread, alias) && !mt_alias_end(thread, alias));
    EXPECT(probe_cast(alias, probe_count, 1, 0) == MT_NO_PROCESS);
    // Its slot serves the next process, whose pid it is not.
    mt_pid_t next = probe_spawn(&world, &(probe_spec_t){0});
    EXPECT(probe_cast(alias, probe_count, 1, 0) == MT_NO_PROCESS && probe_stop(next, 4));
    mt_pid_t late = mt_alias_make(thread, pid, 1);
    EXPECT(probe_stop(pid, 3));
    EXPECT(probe_cast(late, probe_count, 1, 0) == MT_NO_PROCESS && mt_alias_end(thread, late));
    EXPECT(mt_alias_make(thread, pid, 1) == 0);
    probe_close(&world);
    mt_thread_detach();
}

typedef struct {
    mt_pid_t pid;
    mt_a64_t alias;
} target_t;

// The first thread makes and ends aliases, the others send to whatever alias it shows.
static void body(void *raw, uint32_t number) {
    target_t *target = raw;
    mt_thread_t *thread = mt_thread_self();
    while (!mt_check_time_is_up()) {
        for (int i = 0; i < 64; i++) {
            if (number == 0) {
                mt_pid_t old = mt_a64_xchg(&target->alias, mt_alias_make(thread, target->pid, 1));
                EXPECT(!old || mt_alias_end(thread, old));
            } else {
                probe_cast(mt_a64_load_acq(&target->alias), probe_count, 1, 0);
            }
        }
    }
}

MT_CHECK(process_alias_hammer) {
    probe_world_t world;
    probe_open(&world, 2);
    target_t target = {.pid = probe_spawn(&world, &(probe_spec_t){0})};
    mt_check_begin_hammer();
    mt_check_run_threads(mt_check_threads(), body, &target);
    EXPECT(mt_alias_end(mt_thread_self(), mt_a64_load_acq(&target.alias)));
    probe_close(&world);
    mt_thread_detach();
}
