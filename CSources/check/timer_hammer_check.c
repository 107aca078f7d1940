// SPDX-License-Identifier: Apache-2.0
// Timers under threads: each ends exactly once, none early, none after its cancel returned true; a driver never
// oversleeps; and what arm and cancel cost with a million live timers.
#include "check.h"

#include "martlet/region.h"
#include "martlet/timer.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 64
#define PROBES 64 // timers of a thread
#define TICK_NS 100000u

// One timer after another. The owning thread arms the next when the last one has ended.
typedef struct {
    mt_a64_t ref;     // of the armed timer; any thread may cancel it
    mt_a64_t stopped; // the reference whose cancel returned true last
    mt_a32_t fired, dropped, cancelled;
    bool repeats;   // owner's own, as the rest
    uint32_t ended; // fired (one-shot) and dropped when it was armed
} probe_t;

typedef struct {
    mt_timers_t *timers;
    uint32_t threads;
    struct {
        probe_t probes[PROBES];
        uint32_t head;
        uint64_t armed;
        unsigned char pad[MT_CACHE_LINE];
    } thread[THREADS_MAX];
} hammer_t;

static uint64_t hammer_fire(mt_timer_event_t *event, uint64_t now_ns) {
    probe_t *probe = event->payload;
    EXPECT(event->when_ns <= now_ns);
    // acquire: pairs with the release in try_cancel. Whoever saw true saw the last fire end before it.
    EXPECT(mt_a64_load_acq(&probe->stopped) != event->ref);
    mt_a32_add(&probe->fired, 1);
    return now_ns;
}

// The reference this thread is cancelling; 0: none.
static _Thread_local uint64_t cancelling;

static void hammer_drop(mt_timer_event_t *event) {
    EXPECT(cancelling == 0 || event->ref == cancelling); // a stale reference cancels no later timer
    mt_a32_add(&((probe_t *)event->payload)->dropped, 1);
}

static const mt_timer_ops_t hammer_ops = {.fire = hammer_fire, .drop = hammer_drop};

static void ignore(void *context) { (void)context; }

static void try_cancel(probe_t *probe) {
    uint64_t ref = mt_a64_load_acq(&probe->ref), remaining_ns;
    cancelling = ref;
    bool stopped = mt_timers_cancel(ref, &remaining_ns);
    cancelling = 0;
    if (!stopped) return;
    mt_a64_store_rel(&probe->stopped, ref);
    mt_a32_add(&probe->cancelled, 1);
}

// How often the probe's timers have ended. A repeated one ends by drop alone.
static uint32_t ended(const probe_t *probe) {
    uint32_t dropped = mt_a32_load_acq(&probe->dropped);
    return probe->repeats ? dropped : dropped + mt_a32_load_acq(&probe->fired);
}

static void arm_next(hammer_t *hammer, uint32_t number, probe_t *probe, uint64_t *random) {
    if (ended(probe) < probe->ended) return;
    EXPECT(ended(probe) == probe->ended); // not both, not twice
    mt_timer_spec_t spec = {.ops = &hammer_ops,
                            .payload = probe,
                            .owner = number + 1,
                            .when_ns = mt_check_now_ns() + mt_check_random(random) % 2000000,
                            .period_ns = probe->repeats ? 1 + mt_check_random(random) % 300000 : 0,
                            .policy = number % 2 ? MT_TIMER_FIXED_RATE : MT_TIMER_FIXED_DELAY};
    uint32_t *head = mt_check_random(random) % 4 ? &hammer->thread[number].head : NULL;
    uint64_t ref = 0;
    probe->ended++;
    spec.owner = head ? number + 1 : 1 + mt_check_random(random) % 16;
    EXPECT(mt_timers_arm(hammer->timers, &spec, head, &ref) == MT_OK);
    hammer->thread[number].armed++;
    mt_a64_store_rel(&probe->ref, ref);
}

static void hammer_body(void *argument, uint32_t number) {
    hammer_t *hammer = argument;
    uint64_t random = number * 7919 + 1;
    for (uint32_t step = 0; step % 64 || !mt_check_time_is_up(); step++) {
        probe_t *own = &hammer->thread[number].probes[mt_check_random(&random) % PROBES];
        probe_t *any =
            &hammer->thread[mt_check_random(&random) % hammer->threads].probes[mt_check_random(&random) % PROBES];
        arm_next(hammer, number, own, &random);
        if (step % 3 == 0) try_cancel(any);
        if (step % 16 == number % 16) mt_timers_expire(hammer->timers, mt_check_now_ns(), 4);
        if (step % 1024 == 5) mt_timers_cancel_owner(hammer->timers, number + 1, &hammer->thread[number].head);
        if (step % 4096 == 9) mt_timers_check(hammer->timers);
    }
}

// Fires or cancels what is left; then every timer armed has ended once.
static void settle_all(hammer_t *hammer) {
    for (uint32_t i = 0; i < hammer->threads; i++)
        for (uint32_t j = 0; j < PROBES; j++)
            if (hammer->thread[i].probes[j].repeats) try_cancel(&hammer->thread[i].probes[j]);
    uint64_t later_ns = mt_check_now_ns() + 10000000;
    while (mt_timers_next_due(hammer->timers) != MT_FOREVER) mt_timers_expire(hammer->timers, later_ns, UINT32_MAX);
}

MT_CHECK(timer_hammer_each_is_fired_or_cancelled) {
    uint64_t items = mt_region_live(&mt_timer_items), armed = 0, dropped = 0, fired = 0, cancelled = 0;
    hammer_t *hammer = calloc(1, sizeof *hammer);
    hammer->threads = mt_check_threads() * 2;
    if (hammer->threads > THREADS_MAX) hammer->threads = THREADS_MAX;
    EXPECT(mt_timers_create(&mt_env_system, 4, TICK_NS, ignore, NULL, &hammer->timers) == MT_OK);
    for (uint32_t i = 0; i < hammer->threads; i++)
        for (uint32_t j = 0; j < PROBES; j++) hammer->thread[i].probes[j].repeats = j % 8 == 0;
    mt_check_begin_hammer();
    mt_check_run_threads(hammer->threads, hammer_body, hammer);
    settle_all(hammer);
    for (uint32_t i = 0; i < hammer->threads; i++) {
        armed += hammer->thread[i].armed;
        for (uint32_t j = 0; j < PROBES; j++) {
            probe_t *probe = &hammer->thread[i].probes[j];
            EXPECT(ended(probe) == probe->ended); // nor neither
            EXPECT(mt_a32_load_acq(&probe->cancelled) <= mt_a32_load_acq(&probe->dropped));
            dropped += mt_a32_load_acq(&probe->dropped);
            fired += mt_a32_load_acq(&probe->fired);
            cancelled += mt_a32_load_acq(&probe->cancelled);
        }
        EXPECT(hammer->thread[i].head == 0);
    }
    mt_timer_stats_t stats = mt_timers_stats(hammer->timers);
    EXPECT(mt_timers_check(hammer->timers) == 0 && stats.live == 0);
    EXPECT(stats.armed == armed && stats.fired == fired && stats.cancelled + stats.dropped == dropped);
    mt_check_figure("timers armed", (double)armed, "");
    mt_check_figure("of these cancelled", (double)cancelled, "");
    mt_timers_destroy(hammer->timers);
    EXPECT(mt_region_live(&mt_timer_items) == items);
    free(hammer);
}

// ---- The driver's sleep

typedef struct {
    mt_timers_t *timers;
    mt_a32_t token; // the driver parks on it
    mt_a32_t over;
    mt_a32_t armers; // still at work
    mt_a64_t rounds;
} sleep_t;

static void wake_driver(void *context) {
    sleep_t *sleep = context;
    mt_a32_xchg(&sleep->token, 1);
    mt_env_system.unpark(NULL, &sleep->token, 1);
}

static uint64_t set_flag(mt_timer_event_t *event, uint64_t now_ns) {
    mt_a32_store_rel(event->payload, 1);
    return now_ns;
}

static void no_drop(mt_timer_event_t *event) { (void)event; }

static const mt_timer_ops_t flag_ops = {.fire = set_flag, .drop = no_drop};

static void drive(sleep_t *sleep) {
    while (!mt_a32_load_acq(&sleep->over)) {
        mt_a32_xchg(&sleep->token, 0);
        uint64_t until_ns = mt_timers_driver_enter(sleep->timers);
        if (!mt_a32_load_acq(&sleep->over)) mt_env_system.park(NULL, &sleep->token, 0, until_ns);
        mt_timers_driver_leave(sleep->timers);
        mt_timers_expire(sleep->timers, mt_check_now_ns(), 8);
    }
}

// Arms one timer and waits for it: if the driver slept on, nothing would ever fire it.
static void arm_and_wait(sleep_t *sleep, uint32_t number, uint64_t *random) {
    mt_a32_t flag = {0};
    uint64_t begin_ns = mt_check_now_ns(), ref;
    mt_timer_spec_t spec = {
        .ops = &flag_ops, .payload = &flag, .owner = number, .when_ns = begin_ns + mt_check_random(random) % 30000};
    for (uint32_t spins = mt_check_random(random) % 2000; spins; spins--) mt_cpu_relax();
    EXPECT(mt_timers_arm(sleep->timers, &spec, NULL, &ref) == MT_OK);
    while (!mt_a32_load_acq(&flag)) {
        sched_yield();
        if (mt_check_now_ns() - begin_ns < 10000000000u) continue;
        EXPECT(false && "a timer was slept over");
        mt_timers_cancel(ref, NULL);
        break;
    }
    mt_a64_add(&sleep->rounds, 1);
}

static void sleep_body(void *argument, uint32_t number) {
    sleep_t *sleep = argument;
    if (number == 0) {
        drive(sleep);
        return;
    }
    uint64_t random = number;
    while (!mt_check_time_is_up()) arm_and_wait(sleep, number, &random);
    // The last armer ends the driver: one that ended it earlier would leave the others' timers to nobody.
    if (mt_a32_add(&sleep->armers, (uint32_t)-1) == 1) {
        mt_a32_store_rel(&sleep->over, 1);
        wake_driver(sleep);
    }
}

// With one armer nobody else's wake-up hides a missed one.
static void hammer_sleep(uint32_t armers) {
    sleep_t sleep = {.armers = {armers}};
    EXPECT(mt_timers_create(&mt_env_system, 4, 1000, wake_driver, &sleep, &sleep.timers) == MT_OK);
    mt_check_begin_hammer();
    mt_check_run_threads(armers + 1, sleep_body, &sleep);
    mt_check_figure("arms that a sleeping driver fired", (double)mt_a64_load_acq(&sleep.rounds), "");
    mt_timers_destroy(sleep.timers);
}

MT_CHECK(timer_hammer_driver_sleep_one_armer) { hammer_sleep(1); }
MT_CHECK(timer_hammer_driver_sleep_many_armers) { hammer_sleep(mt_check_threads()); }

// ---- Cost

#define MILLION 1000000u

static uint64_t forbidden(mt_timer_event_t *event, uint64_t now_ns) {
    (void)event;
    EXPECT(false && "fires");
    return now_ns;
}

static const mt_timer_ops_t cost_ops = {.fire = forbidden, .drop = no_drop};

// CPU time of this thread: others share the machine.
static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Arms a million timers of `owners` owners (0: the runtime's) and cancels them in steps of `stride`.
static void measure(const char *arm_name, const char *cancel_name, uint32_t owners, uint32_t stride) {
    mt_timers_t *timers;
    uint64_t *refs = malloc(MILLION * sizeof *refs), random = 1, base_ns = mt_check_now_ns() + 3600000000000u;
    uint32_t *heads = calloc(owners + 1, sizeof *heads);
    for (uint32_t i = 0; i < MILLION; i++) refs[i] = mt_check_random(&random) % 60000000000u;
    EXPECT(mt_timers_create(&mt_env_system, 8, MT_TIMER_TICK_NS, ignore, NULL, &timers) == MT_OK);
    uint64_t begin_ns = cpu_ns();
    for (uint32_t i = 0; i < MILLION; i++) {
        uint32_t owner = owners ? 1 + i % owners : 0;
        mt_timer_spec_t spec = {.ops = &cost_ops, .target = i, .owner = owner, .when_ns = base_ns + refs[i]};
        EXPECT(mt_timers_arm(timers, &spec, owner ? &heads[owner] : NULL, &refs[i]) == MT_OK);
    }
    uint64_t armed_ns = cpu_ns();
    for (uint32_t i = 0; i < MILLION; i++) EXPECT(mt_timers_cancel(refs[(uint64_t)i * stride % MILLION], NULL));
    uint64_t end_ns = cpu_ns();
    mt_check_figure(arm_name, (double)(armed_ns - begin_ns) / MILLION, "ns");
    mt_check_figure(cancel_name, (double)(end_ns - armed_ns) / MILLION, "ns");
    EXPECT(mt_timers_check(timers) == 0);
    mt_timers_destroy(timers);
    free(heads);
    free(refs);
}

MT_CHECK(timer_cost_with_a_million_live) {
    measure("first arm (fresh memory)", "cancel in order", 0, 1);
    measure("arm", "cancel in order", 0, 1);
    measure("arm, 1,000 owners", "cancel in order, 1,000 owners", 1000, 1);
    measure("arm", "cancel scattered", 0, 7919 * 13);
    measure("arm, 1,000 owners", "cancel scattered, 1,000 owners", 1000, 7919 * 13);
}
