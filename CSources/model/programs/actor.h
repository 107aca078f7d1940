// SPDX-License-Identifier: Apache-2.0
// Processes for programs: a runtime without its threads, a class whose handler is the program's, a run queue that is
// one word, and an account: which message each incarnation handled, what became a dead letter, who heard of the end.
//
// The run queue stands in for the scheduler (its own programs: park.c, ring.c): one read-modify-write to put, one to
// take, so that the programs of processes stay small. It asserts that a process is never in it twice.
#ifndef MARTLET_MODEL_ACTOR_H
#define MARTLET_MODEL_ACTOR_H

#include "world.h"

#include "martlet/system.h"
#include "runtime_state.h"

#define ACTOR_GENERATIONS 4
#define ACTOR_WORDS 8

typedef struct actor_account {
    // Plain, the owner's: of each generation.
    uint32_t begun[ACTOR_GENERATIONS], ended[ACTOR_GENERATIONS];
    void *reason[ACTOR_GENERATIONS];   // why it ended
    uint32_t heard[ACTOR_GENERATIONS]; // EXIT and DOWN messages
    mt_news_t news[ACTOR_GENERATIONS]; // the last of them
    // By any thread: bit n of a generation's word: message n.
    mt_a64_t handled[ACTOR_GENERATIONS];
    mt_a64_t dead[ACTOR_GENERATIONS];
} actor_account_t;
extern actor_account_t actor;

// What happens outside, in the order in which it happens: ACTOR_EFFECT + n, ACTOR_DOWN + n, ACTOR_HEARD + generation.
#define ACTOR_EFFECT 0x100u
#define ACTOR_DOWN 0x200u
#define ACTOR_HEARD 0x300u // and the generation of who heard an EXIT or DOWN; after actor_log_news
void actor_log(uint32_t event);
// How often an event is in the log; and whether the first stands behind the second somewhere. In finish.
uint32_t actor_logged(uint32_t event);
bool actor_logged_after(uint32_t event, uint32_t earlier);

// In setup: EXIT and DOWN messages go into the log.
void actor_log_news(void);

// In setup: a process that is told to end has one effect before it does, ACTOR_EFFECT.
void actor_say_last_words(void);

extern mt_a32_t actor_downs; // how many DOWNs went out

// Runs in the process, for message `word`.
typedef void (*actor_handler_t)(mt_slice_t *slice, uint64_t word);

extern mt_runtime_t *actor_runtime;
extern void *const actor_stopped, *const actor_exit_reason; // reasons
extern const mt_class_t actor_class;

// In setup: a runtime, records for `threads` threads, the handler of all processes.
void actor_world(uint32_t threads, actor_handler_t handler);
// In setup or in a body: a process; 0: refused.
mt_pid_t actor_spawn(mt_thread_t *thread, bool traps_exits, uint32_t capacity, mt_policy_t policy);
// One that traps, linked with its starter and watched by it.
mt_pid_t actor_spawn_tied(mt_thread_t *thread, mt_pid_t starter);
// In setup: what traces call the words of its slot.
void actor_name_slot(mt_pid_t pid);
// In setup: runs everything that is queued.
void actor_settle(void);

// A cast that carries `word`; the status of the send. A refused one is freed.
mt_status_t actor_send(mt_thread_t *thread, mt_pid_t pid, uint64_t word);
// A command of the system lane that carries `word`; the account is that of messages. `reply`: who hears of its end, 0:
// nobody. A refused one is freed.
mt_status_t actor_command(mt_thread_t *thread, mt_pid_t pid, uint64_t word, mt_reply_ref_t reply);
// What a command does besides being handled.
#define ACTOR_SUSPEND 6
#define ACTOR_RESUME 7
// A stop message.
void actor_stop(mt_thread_t *thread, mt_pid_t pid);
// In setup: an armed reply slot that a resume logs as ACTOR_DOWN + number (at least 1), and a watch of the process with
// it.
void actor_watch(mt_thread_t *thread, mt_pid_t pid, uint32_t number);

// Runs queued processes for ever. A daemon's body.
void actor_work(void);
// One look at the run queue; false: it was empty.
bool actor_work_once(mt_thread_t *thread);
// Keeps trying to take a killed process, as the monitor thread does, and runs what is queued meanwhile.
void actor_retry(mt_thread_t *thread, mt_pid_t pid);

// In setup, at its end: from here on processes go to the scheduler that ships, not to the run queue of one word.
void actor_use_scheduler(void);

// A program in which thread 1 works for ever, actor_work.
#define ACTOR_PROGRAM(NAME, SETUP, BODY, FINISH, THREADS) \
    MODEL_PROGRAM(NAME, .setup = SETUP, .body = BODY, .finish = FINISH, .threads = THREADS, .daemons = 1u << 1)

// Where freed slots go, instead of to the magazine of who freed them: the next spawn of any thread has them at once.
// actor_await_slot sleeps until there is one.
void actor_share_slots(void);
void actor_await_slot(void);
// Runs what is queued meanwhile.
void actor_work_until_slot(mt_thread_t *thread);

#endif
