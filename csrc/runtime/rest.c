/* How long the thread pool does without helpers that have lost their CPU to another process. */
#include "rest.h"

#include <stdatomic.h>
#include <stdint.h>

#include "clock.h"

/* A loss costs some 0.2 ms: one that comes back each time costs little. But a process that shares
 * its CPU gives it back after some milliseconds, and one that spins ends: rests grow by a quarter,
 * so that little of that is missed. Beside a process that never sleeps, on one of two CPUs, layers
 * of 20 and 170 us took 26 and 264 us, and 26 to 33 and 290 to 330 with rests from 2 ms on that
 * doubled; 36 and 365 on one thread (AMD Zen 5, November 2026). */
#define LEAST_NS 500000
#define MOST_NS 64000000

/* To see that a helper would take its caller's CPU costs some microseconds. */
#define BRIEF_NS 1000000

static _Atomic int helpers_resting;
static _Atomic int64_t rest_until; /* the last rest's end, which */
static _Atomic int64_t rest_ns;    /* was as long */

void fc_rest(int helpers) {
    const int64_t now = fc_clock(), last = atomic_load(&rest_until);
    int64_t span = atomic_load(&rest_ns);
    span = span && now < last + span ? span + span / 4 : LEAST_NS;
    if (span > MOST_NS) span = MOST_NS;
    if (now < last) helpers += atomic_load(&helpers_resting);
    atomic_store(&rest_ns, span);
    atomic_store(&rest_until, now + span);
    atomic_store(&helpers_resting, helpers);
}

void fc_rest_briefly(void) {
    const int64_t now = fc_clock();
    if (now < atomic_load(&rest_until)) return;
    atomic_store(&rest_until, now + BRIEF_NS);
    atomic_store(&helpers_resting, 1);
}

int fc_resting(void) {
    const int helpers = atomic_load_explicit(&helpers_resting, memory_order_relaxed);
    if (helpers == 0 || fc_clock() < atomic_load(&rest_until)) return helpers;
    atomic_store_explicit(&helpers_resting, 0, memory_order_relaxed);
    return 0;
}

void fc_rest_after_fork(void) { atomic_store(&helpers_resting, 0); }
