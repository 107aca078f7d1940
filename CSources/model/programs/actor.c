// SPDX-License-Identifier: Apache-2.0
// Processes for programs.
#include "actor.h"

#define LOG_MAX 32

actor_account_t actor;
mt_runtime_t *actor_runtime;
static int stopped_object, exit_object, killed_object, normal_object, no_process_object;
void *const actor_stopped = &stopped_object, *const actor_exit_reason = &exit_object;

static actor_handler_t handler;
static mt_a64_t run_queue; // bit n: the slot with index n

// --- The account -----------------------------------------------------------------------------------------------------

static mt_a32_t log_count;
mt_a32_t actor_downs;
static uint32_t log_events[LOG_MAX]; // each written by who took its number

void actor_log(uint32_t event) {
    uint32_t at = mt_a32_add(&log_count, 1);
    MODEL_EXPECT(at < LOG_MAX);
    log_events[at] = event;
}

uint32_t actor_logged(uint32_t event) {
    uint32_t found = 0, count = mt_a32_load_acq(&log_count);
    for (uint32_t i = 0; i < count; i++) found += log_events[i] == event;
    return found;
}

bool actor_logged_after(uint32_t event, uint32_t earlier) {
    bool seen = false;
    uint32_t count = mt_a32_load_acq(&log_count);
    for (uint32_t i = 0; i < count; i++) {
        if (seen && log_events[i] == event) return true;
        seen = seen || log_events[i] == earlier;
    }
    return false;
}

static void note(mt_a64_t *words, uint64_t word) {
    uint64_t before = mt_a64_add(words, UINT64_C(1) << word);
    MODEL_EXPECT(!(before >> word & 1));
}

// --- Hooks -----------------------------------------------------------------------------------------------------------

static void *retain(void *reason) { return reason; }
static void release(void *reason) { (void)reason; }

// A continuation is the number of who waits.
static void resume(void *continuation) {
    actor_log(ACTOR_DOWN + (uint32_t)(uintptr_t)continuation);
    mt_a32_add(&actor_downs, 1);
}

static void end_word(const mt_payload_ops_t *ops, void *payload) {
    (void)ops;
    uint64_t word = *(uint64_t *)payload;
    note(&actor.dead[word >> 32], (uint32_t)word);
}
// Payloads carry generation:32 | word, so that a dead letter knows what it was sent to.
static const mt_payload_ops_t word_ops = {.destroy = end_word, .name = "word", .size = 8};

// --- The engine ------------------------------------------------------------------------------------------------------

static bool says_last_words;
void actor_say_last_words(void) { says_last_words = true; }

// As a server's terminate: user code between the signal and the end.
static void last_words(mt_slice_t *slice) {
    mt_slice_enter(slice, 0);
    if (mt_effect_begin(slice->thread)) {
        actor_log(ACTOR_EFFECT);
        mt_effect_end(slice->thread);
    }
    MODEL_EXPECT(mt_slice_leave(slice));
}

static mt_run_t end_with(mt_slice_t *slice, void *reason) {
    uint32_t generation = slice->frame.generation;
    if (says_last_words) last_words(slice);
    mt_slice_exit_begin(slice, reason);
    actor.ended[generation]++;
    actor.reason[generation] = reason;
    slice->slot->state = NULL;
    mt_slice_exit_finish(slice);
    return MT_RUN_EXITED;
}

static bool logs_news;
void actor_log_news(void) { logs_news = true; }

// Each is handled as a message with its word, beside the handler; two of them do something.
static void run_commands(mt_slice_t *slice) {
    for (mt_node_t *node; (node = mt_slice_next_command(slice));) {
        uint64_t word = world_word(node);
        MODEL_EXPECT(word >> 32 == slice->frame.generation);
        node->ops = NULL;
        mt_node_free(slice->thread, node);
        note(&actor.handled[slice->frame.generation], (uint32_t)word);
        bool is_suspend = (uint32_t)word == ACTOR_SUSPEND;
        if (is_suspend || (uint32_t)word == ACTOR_RESUME) MODEL_EXPECT(mt_slice_suspend(slice, is_suspend));
    }
}

static mt_run_t run(void *context, mt_slice_t *slice) {
    (void)context;
    if (slice->kind == MT_KIND_INIT) actor.begun[slice->frame.generation]++;
    if (slice->kind == MT_SLICE_DIE) return end_with(slice, slice->reason);
    for (;;) {
        uint32_t kind = mt_slice_next(slice);
        if (kind == MT_SLICE_LEAVE) return MT_RUN_LEFT;
        if (kind == MT_SLICE_DIE) return end_with(slice, slice->reason);
        if (kind == MT_SLICE_SYSTEM) {
            run_commands(slice);
            continue;
        }
        if (kind == MT_KIND_STOP) return end_with(slice, actor_stopped);
        if (kind == MT_KIND_EXIT || kind == MT_KIND_DOWN) {
            actor.heard[slice->frame.generation]++;
            actor.news[slice->frame.generation] = *(const mt_news_t *)slice->payload;
            if (logs_news) actor_log(ACTOR_HEARD + slice->frame.generation);
            continue;
        }
        uint64_t word = *(uint64_t *)slice->payload;
        MODEL_EXPECT(word >> 32 == slice->frame.generation && !mt_slot_is_suspended(slice->slot));
        note(&actor.handled[slice->frame.generation], (uint32_t)word);
        mt_slice_enter(slice, kind == MT_KIND_CALL ? slice->reply : 0);
        if (handler) handler(slice, (uint32_t)word);
        if (!mt_slice_leave(slice)) return MT_RUN_ABANDONED;
    }
}

const mt_class_t actor_class = {.run = run, .type_id = &actor_class, .name = "actor"};

// --- The run queue ---------------------------------------------------------------------------------------------------

static bool has_run_queue;

void __real_mt_submit(mt_thread_t *thread, mt_slot_t *slot);
void __real_mt_submit_last(mt_thread_t *thread, mt_slot_t *slot);

static void put(mt_slot_t *slot) {
    uint64_t bit = UINT64_C(1) << mt_region_index(&mt_slots, slot);
    if (mt_a64_add(&run_queue, bit) & bit) model_fail("two owners: the process is in the run queue already");
}

void __wrap_mt_submit(mt_thread_t *thread, mt_slot_t *slot);
void __wrap_mt_submit(mt_thread_t *thread, mt_slot_t *slot) {
    if (has_run_queue) put(slot);
    else __real_mt_submit(thread, slot);
}

// Only the condition may look at the tail: senders that displace move it. A suspended process sets a node aside when
// its successor is linked, or it has none.
static bool is_whole(void *raw) {
    mt_slot_t *slot = raw;
    mt_node_t *next = (mt_node_t *)mt_aptr_load_acq(&slot->tail->next);
    if (!next || !(mt_a64_load_acq(&slot->life) & MT_LIFE_ASIDE)) return next != NULL;
    return mt_aptr_load_acq(&next->next) || (mt_a64_load_acq(&slot->head) & ~MT_HEAD_BITS) == (uint64_t)next;
}

// A stalled process comes back when its queue is whole again.
void __wrap_mt_submit_last(mt_thread_t *thread, mt_slot_t *slot);
void __wrap_mt_submit_last(mt_thread_t *thread, mt_slot_t *slot) {
    if (!has_run_queue) {
        __real_mt_submit_last(thread, slot);
        return;
    }
    if (slot->stalls) model_await(is_whole, slot);
    put(slot);
}

void actor_name_slot(mt_pid_t pid) {
    mt_slot_t *slot = mt_slot_of(pid);
    MODEL_NAME(slot->head);
    MODEL_NAME(slot->life);
    MODEL_NAME(slot->phase);
    MODEL_NAME(slot->stub_next);
    MODEL_NAME(slot->exits);
    MODEL_NAME(slot->system);
}

void actor_use_scheduler(void) { has_run_queue = false; }

bool actor_work_once(mt_thread_t *thread) {
    uint64_t queued = mt_a64_load_acq(&run_queue);
    mt_slot_t *slot = NULL;
    if (queued) {
        uint32_t index = (uint32_t)__builtin_ctzll(queued);
        // Another worker was first: a look in vain.
        if (!mt_a64_cas(&run_queue, &queued, queued & ~(UINT64_C(1) << index))) return true;
        slot = mt_region_at(&mt_slots, index);
    }
    uint32_t budget = 100;
    if (slot) mt_slice_run(thread, slot, &budget);
    return slot != NULL;
}

void actor_work(void) {
    mt_thread_t *thread = world_enter();
    for (;;)
        if (!actor_work_once(thread)) MODEL_AWAIT(run_queue, 0);
}

static bool is_worth_a_try(void *raw) {
    mt_pid_t pid = *(mt_pid_t *)raw;
    const mt_slot_t *slot = mt_slot_of(pid);
    uint64_t life = mt_a64_load_acq(&slot->life);
    return mt_a64_load_acq(&run_queue) || life >> 32 != pid >> 32 || !(life & MT_LIFE_LIVE) ||
           mt_a64_load_acq(&slot->phase) == mt_phase_make(mt_pid_generation(pid), MT_PHASE_IN);
}

void actor_retry(mt_thread_t *thread, mt_pid_t pid) {
    while (!mt_process_take(thread, pid))
        if (!actor_work_once(thread)) model_await(is_worth_a_try, &pid);
}

// --- The world -------------------------------------------------------------------------------------------------------

void actor_world(uint32_t threads, actor_handler_t program_handler) {
    handler = program_handler;
    mt_hooks = (mt_hooks_t){.reason_retain = retain,
                            .reason_release = release,
                            .reason_normal = &normal_object,
                            .reason_killed = &killed_object,
                            .reason_no_process = &no_process_object,
                            .resume = resume};
    actor_runtime = world_runtime(1, 0, threads);
    has_run_queue = true;
    MODEL_NAME(run_queue);
    MODEL_NAME(log_count);
}

static mt_pid_t spawn(mt_thread_t *thread, mt_spawn_t spec) {
    mt_node_t *node = mt_node_alloc(thread, sizeof(mt_init_t));
    node->ops = NULL;
    node->reply = 0;
    *(mt_init_t *)(void *)node->payload = (mt_init_t){.klass = &actor_class};
    spec.init = node;
    mt_pid_t pid = 0;
    if (mt_process_spawn(actor_runtime, thread, &spec, &pid) == MT_OK) return pid;
    mt_node_free(thread, node);
    return 0;
}

mt_pid_t actor_spawn(mt_thread_t *thread, bool traps_exits, uint32_t capacity, mt_policy_t policy) {
    return spawn(thread, (mt_spawn_t){.capacity = capacity, .policy = policy, .traps_exits = traps_exits});
}

mt_pid_t actor_spawn_tied(mt_thread_t *thread, mt_pid_t starter) {
    mt_tie_ref_t ref = 0;
    return spawn(thread, (mt_spawn_t){.traps_exits = true, .starter = starter, .links = true, .monitor = &ref});
}

void actor_settle(void) {
    while (actor_work_once(mt_thread_current)) {
    }
}

static mt_node_t *word_to(mt_thread_t *thread, mt_pid_t pid, uint64_t word) {
    mt_node_t *node = world_node(thread, (uint64_t)mt_pid_generation(pid) << 32 | word);
    node->ops = &word_ops;
    return node;
}

mt_status_t actor_command(mt_thread_t *thread, mt_pid_t pid, uint64_t word, mt_reply_ref_t reply) {
    mt_node_t *node = word_to(thread, pid, word);
    node->reply = reply;
    mt_status_t status = mt_process_send_command(thread, pid, node);
    if (status != MT_OK) mt_node_free(thread, node);
    return status;
}

mt_status_t actor_send(mt_thread_t *thread, mt_pid_t pid, uint64_t word) {
    mt_node_t *node = word_to(thread, pid, word);
    mt_status_t status = mt_process_send(thread, pid, node);
    if (status != MT_OK && status != MT_DISPLACED) mt_node_free(thread, node);
    return status;
}

void actor_stop(mt_thread_t *thread, mt_pid_t pid) {
    mt_node_t *node = world_node(thread, 0);
    node->kind = MT_KIND_STOP;
    if (mt_process_send_system(thread, pid, node) != MT_OK) mt_node_free(thread, node);
}

void actor_watch(mt_thread_t *thread, mt_pid_t pid, uint32_t number) {
    mt_reply_ref_t ref = mt_reply_arm(thread, 0, pid, MT_FOREVER);
    mt_reply_set_waiter(ref, (void *)(uintptr_t)number);
    MT_ASSERT(mt_process_watch(thread, pid, ref) == MT_OK);
}

// --- Slots that are shared at once -----------------------------------------------------------------------------------

static bool shares_slots;
static mt_a32_t free_slot;

static void drop_slots(void *context, mt_thread_t *thread) {
    (void)context;
    thread->slots = (mt_magazine_t){0};
}

void actor_share_slots(void) {
    shares_slots = true;
    // Nothing in a magazine: every take and give goes the long way, which ends here.
    mt_thread_for_each(drop_slots, NULL);
    MODEL_NAME(free_slot);
}

void actor_await_slot(void) { MODEL_AWAIT(free_slot, 0); }

static bool has_slot_or_work(void *unused) {
    (void)unused;
    return mt_a32_load_acq(&free_slot) || mt_a64_load_acq(&run_queue);
}

void actor_work_until_slot(mt_thread_t *thread) {
    while (!mt_a32_load_acq(&free_slot))
        if (!actor_work_once(thread)) model_await(has_slot_or_work, NULL);
}

uint32_t __real_mt__region_take_slow(mt_region_t *region, mt_magazine_t *magazine);
uint32_t __wrap_mt__region_take_slow(mt_region_t *region, mt_magazine_t *magazine);
uint32_t __wrap_mt__region_take_slow(mt_region_t *region, mt_magazine_t *magazine) {
    if (!shares_slots || region != &mt_slots) return __real_mt__region_take_slow(region, magazine);
    return mt_a32_xchg(&free_slot, 0);
}

void __real_mt__region_give_slow(mt_region_t *region, mt_magazine_t *magazine, uint32_t index);
void __wrap_mt__region_give_slow(mt_region_t *region, mt_magazine_t *magazine, uint32_t index);
void __wrap_mt__region_give_slow(mt_region_t *region, mt_magazine_t *magazine, uint32_t index) {
    if (shares_slots && region == &mt_slots) MODEL_EXPECT(mt_a32_xchg(&free_slot, index) == 0);
    else __real_mt__region_give_slow(region, magazine, index);
}
