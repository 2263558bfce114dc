/* The parallel loop: every tile once, on distinct workers; many callers, nested loops,
 * interruption, sleeping threads, signals, floating-point modes. */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "fastconv.h"
#include "runtime/clock.h"
#include "runtime/threads.h"
#include "test.h"

enum { TILES = 2000 };

static void work_for(int64_t nanoseconds) {
    for (int64_t end = fc_clock() + nanoseconds; fc_clock() < end;) fc_cpu_relax();
}

/* ---- Every tile once, on distinct workers ---------------------------------------------------- */

typedef struct loop {
    int workers;
    int64_t nanoseconds; /* a tile */
    _Atomic int runs[TILES];
    _Atomic int busy[FC_MAX_WORKERS];
    _Atomic int clashes, strays;
    int64_t plain[FC_MAX_WORKERS]; /* not atomic: ThreadSanitizer sees whether a worker's own memory
                                      is safe */
} loop;

static void loop_tile(void *context, int64_t tile, int worker) {
    loop *l = context;
    if (worker < 0 || worker >= l->workers) {
        l->strays++;
        return;
    }
    if (atomic_exchange(&l->busy[worker], 1)) l->clashes++;
    l->plain[worker] += tile;
    l->runs[tile]++;
    if (l->nanoseconds) work_for(l->nanoseconds);
    atomic_store(&l->busy[worker], 0);
}

static void run_loop(int workers, int64_t tiles, int64_t nanoseconds) {
    loop *l = calloc(1, sizeof *l);
    l->workers = workers;
    l->nanoseconds = nanoseconds;
    CHECK(fc_parallel_for(NULL, workers, tiles, loop_tile, l) == FC_OK);
    int64_t sum = 0, once = 0;
    for (int i = 0; i < workers; i++) sum += l->plain[i];
    for (int64_t i = 0; i < TILES; i++) once += l->runs[i] == (i < tiles);
    CHECK(once == TILES, "%d workers, %d tiles: each exactly once", workers, (int)tiles);
    CHECK(sum == tiles * (tiles - 1) / 2);
    CHECK(l->clashes == 0 && l->strays == 0, "%d clashes, %d strays", l->clashes, l->strays);
    free(l);
}

static void every_tile_once(void) {
    static const int workers[] = {1, 2, 3, 4, 7, 16, 65, 200};
    static const int64_t tiles[] = {1, 2, 3, 5, 64, 500, TILES};
    for (unsigned i = 0; i < sizeof workers / sizeof *workers; i++)
        for (unsigned j = 0; j < sizeof tiles / sizeof *tiles; j++)
            if (workers[i] <= tiles[j]) run_loop(workers[i], tiles[j], j % 2 * 5000);
    CHECK(fc_parallel_for(NULL, 4, 0, loop_tile, NULL) == FC_OK, "no tiles: nothing runs");
    CHECK(fc_parallel_for(NULL, 4, -1, loop_tile, NULL) == FC_OK);
}

static void short_loops(void) {
    for (int i = 0; i < 3000; i++) run_loop(2 + i % 3, 2 + i % 3, 0);
}

/* Asked for a million threads, the pool makes do with what it has. */
static void absurd_counts(void) {
    fc_set_num_threads(1000000);
    int workers = fc_workers(NULL, TILES);
    CHECK(workers == FC_MAX_WORKERS);
    run_loop(workers, TILES, 1000);
    CHECK(fc_pool_threads() < FC_MAX_WORKERS);
    fc_set_num_threads(2);
}

/* ---- Several callers ------------------------------------------------------------------------- */

static void *caller(void *context) {
    uint64_t random = 1 + (uint64_t)(uintptr_t)context;
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 60 : 300); i++) {
        int64_t tiles = test_random_in(&random, 2, 60);
        run_loop((int)test_random_in(&random, 1, tiles < 6 ? tiles : 6), tiles,
                 test_random_in(&random, 0, 3) * 1000);
    }
    return NULL;
}

static void many_callers(void) {
    pthread_t threads[80]; /* more than there are boards */
    for (int i = 0; i < 80; i++) {
        int count = i < 8 ? 8 : 80;
        if (i == 8 && TEST_UNDER_SANITIZER) break;
        if (i != 0 && i != 8) continue;
        for (int j = 0; j < count; j++)
            pthread_create(&threads[j], NULL, caller, (void *)(intptr_t)j);
        for (int j = 0; j < count; j++) pthread_join(threads[j], NULL);
    }
}

/* A loop that comes while a long one has all the threads gets some of them. */
typedef struct shared {
    pthread_t own;
    _Atomic int helped;
} shared;

static void shared_tile(void *context, int64_t tile, int worker) {
    shared *s = context;
    (void)tile;
    if (worker != 0) s->helped++;
    test_sleep_ms(3);
}

/* Helpers that lost their CPU in an earlier loop rest for a moment. */
static int is_helped_again(void) {
    for (int i = 0; i < 100; i++) {
        shared s = {.helped = 0};
        fc_parallel_for(NULL, 4, 8, shared_tile, &s);
        if (s.helped > 0) return 1;
        test_sleep_ms(20);
    }
    return 0;
}

static void *long_loop(void *context) {
    fc_parallel_for(NULL, 4, 200, shared_tile, context);
    return NULL;
}

static int a_second_loop_is_helped(void) {
    shared first = {.helped = 0}, second = {.helped = 0};
    pthread_create(&first.own, NULL, long_loop, &first);
    test_sleep_ms(10);
    CHECK(fc_parallel_for(NULL, 4, 100, shared_tile, &second) == FC_OK);
    pthread_join(first.own, NULL);
    return second.helped > 0;
}

static void helpers_are_shared(void) {
    int shared = 0;
    CHECK(is_helped_again(), "helpers are still resting");
    for (int i = 0; i < 20 && !shared; i++) shared = a_second_loop_is_helped();
    CHECK(shared, "no helper moved to the second loop");
}

/* ---- Without a CPU of one's own -------------------------------------------------------------- */

static _Atomic int competing;

static void *compete(void *context) {
    while (competing) {
    }
    return context;
}

#ifdef __linux__
/* Threads of this process, of those there are now, that may run on other CPUs than `allowed`. */
static int moved_threads(const cpu_set_t *allowed) {
    int moved = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
        cpu_set_t now;
        const int id = atoi(task->d_name);
        if (id > 0 && sched_getaffinity(id, sizeof now, &now) == 0)
            moved += !CPU_EQUAL(&now, allowed);
    }
    if (tasks) closedir(tasks);
    return moved;
}

static cpu_set_t allowed_cpus(void) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    return allowed;
}
#else
typedef int cpu_set_t;
static int moved_threads(const cpu_set_t *allowed) { return (void)allowed, 0; }
static cpu_set_t allowed_cpus(void) { return 0; }
#endif

/* While others take the CPUs, threads are moved and loops do without helpers for a while; loops are
 * complete all the same, every thread may run where it might before, and helpers come back. */
static void helpers_that_lose_their_cpu(void) {
    enum { OTHERS = 8 };
    pthread_t others[OTHERS];
    const cpu_set_t allowed = allowed_cpus();
    competing = 1;
    for (int i = 0; i < OTHERS; i++) pthread_create(&others[i], NULL, compete, NULL);
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 20 : 100); i++) run_loop(2 + i % 3, 20, 50000);
    competing = 0;
    for (int i = 0; i < OTHERS; i++) pthread_join(others[i], NULL);
    /* Who moves itself or another may have lost its CPU meanwhile, and goes on when it is back. */
    for (int i = 0; i < 500 && moved_threads(&allowed) != 0; i++) test_sleep_ms(10);
    CHECK(moved_threads(&allowed) == 0, "%d threads on other CPUs", moved_threads(&allowed));
    CHECK(is_helped_again(), "helpers stay away");
}

/* ---- Nested loops ---------------------------------------------------------------------------- */

typedef struct nested {
    pthread_t thread;
    _Atomic int64_t *sum;
} nested;

static void inner_tile(void *context, int64_t tile, int worker) {
    nested *n = context;
    CHECK(worker == 0 && pthread_equal(pthread_self(), n->thread),
          "an inner loop stays on its thread");
    *n->sum += tile + 1;
}

static void outer_tile(void *context, int64_t tile, int worker) {
    nested n = {.thread = pthread_self(), .sum = context};
    (void)tile, (void)worker;
    CHECK(fc_workers(NULL, 100) == 1);
    CHECK(fc_parallel_for(NULL, 4, 10, inner_tile, &n) == FC_OK);
}

static void nested_loops(void) {
    _Atomic int64_t sum = 0;
    CHECK(fc_parallel_for(NULL, 4, 200, outer_tile, &sum) == FC_OK);
    CHECK(sum == 200 * 55);
    CHECK(fc_parallel_for(NULL, 1, 10, outer_tile, &sum) == FC_OK);
    CHECK(sum == 210 * 55);
}

/* ---- Interruption ---------------------------------------------------------------------------- */

typedef struct stopper {
    pthread_t thread;
    int calls, stop_at;
    int64_t asked; /* at */
    _Atomic int64_t tiles;
} stopper;

/* A machine that is busy may delay a question by any time, but none comes early. */
static int ask(void *context) {
    stopper *s = context;
    const int64_t now = fc_clock();
    CHECK(pthread_equal(pthread_self(), s->thread), "asked on the calling thread only");
    CHECK(now - s->asked > 50000000, "asked after %d ms", (int)((now - s->asked) / 1000000));
    s->asked = now;
    return ++s->calls >= s->stop_at;
}

static void stopper_tile(void *context, int64_t tile, int worker) {
    stopper *s = context;
    (void)tile, (void)worker;
    s->tiles++;
    test_sleep_ms(1);
}

static void interruption(int workers) {
    stopper s = {.thread = pthread_self(), .stop_at = 3};
    fc_call call = {.interrupted = ask, .context = &s};
    CHECK(fc_parallel_for(&call, workers, 100000, stopper_tile, &s) == FC_INTERRUPTED);
    CHECK(s.calls == 3 && s.tiles < 20000, "%d tiles", (int)s.tiles);
    run_loop(4, 100, 0);

    s = (stopper){.thread = pthread_self(), .stop_at = 1000000};
    CHECK(fc_parallel_for(&call, workers, 150, stopper_tile, &s) == FC_OK,
          "asked, but not stopped");
    CHECK(s.tiles == 150);
}

/* Loops shorter than the interval: the call is asked all the same, and only after the interval. How
 * long ago it was last asked depends on the tests before, so counting starts at a question. */
static void interruption_of_short_loops(void) {
    stopper s = {.thread = pthread_self(), .stop_at = 1};
    fc_call call = {.interrupted = ask, .context = &s};
    while (fc_parallel_for(&call, 2, 20, stopper_tile, &s) == FC_OK) continue;
    int loops = 0;
    s.stop_at = 2;
    while (loops < 100 && fc_parallel_for(&call, 2, 20, stopper_tile, &s) == FC_OK) loops++;
    CHECK(loops < 40, "%d loops of 10 ms between two questions", loops);
}

static void uneven_tile(void *context, int64_t tile, int worker) {
    (void)context, (void)tile;
    test_sleep_ms(worker == 0 ? 2 : 400);
}

/* The caller has nothing left to do, and asks while it waits for its helper. After so long a pause
 * counting starts with the loop, and the caller's tiles end before the first question. */
static void interruption_while_waiting(void) {
    stopper s = {.thread = pthread_self(), .stop_at = 1};
    fc_call call = {.interrupted = ask, .context = &s};
    fc_status status = FC_OK;
    for (int i = 0; i < 20 && status == FC_OK; i++) {
        test_sleep_ms(400);
        status = fc_parallel_for(&call, 2, 30, uneven_tile, &s);
    }
    CHECK(status == FC_INTERRUPTED && s.calls >= 1);
}

/* ---- What the program around notices --------------------------------------------------------- */

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Soon: on a busy machine it takes them a while to come to it. */
static void idle_threads_sleep(void) {
    double busy = 1;
    run_loop(8, 100, 1000);
    for (int i = 0; i < 20 && busy > 0.05; i++) {
        const double before = cpu_seconds();
        test_sleep_ms(200);
        busy = cpu_seconds() - before;
    }
    CHECK(busy < 0.05, "%g s in 0.2 s", busy);
}

static void signals_are_left_to_the_program(void) {
    sigset_t set, before, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    kill(getpid(), SIGUSR1); /* would end the process on any thread that takes it */
    run_loop(4, 100, 10000);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
    signal(SIGUSR1, SIG_IGN); /* which discards it */
    signal(SIGUSR1, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#if defined(__x86_64__)
static void mode_tile(void *context, int64_t tile, int worker) {
    (void)tile, (void)worker;
    if ((_mm_getcsr() & ~0x3fu) != 0x1f80u) ++*(_Atomic int *)context;
}

static void floating_point_modes(void) {
    unsigned before = _mm_getcsr(),
             flushing = 0x1f80u | 0x8040u; /* flush to zero, denormals are zero */
    _Atomic int wrong = 0;
    _mm_setcsr(flushing);
    fc_parallel_for(NULL, 4, 200, mode_tile, &wrong);
    fc_parallel_for(NULL, 1, 2, mode_tile, &wrong);
    CHECK((_mm_getcsr() & ~0x3fu) == flushing, "the caller keeps its own mode");
    _mm_setcsr(before);
    CHECK(wrong == 0, "%d tiles did not run in the default mode", wrong);
}
#else
static void floating_point_modes(void) {}
#endif

void test_threads(void) {
    every_tile_once();
    short_loops();
    many_callers();
    helpers_are_shared();
    helpers_that_lose_their_cpu();
    nested_loops();
    interruption(1);
    interruption(4);
    interruption_of_short_loops();
    interruption_while_waiting();
    signals_are_left_to_the_program();
    floating_point_modes();
    if (!TEST_UNDER_SANITIZER) absurd_counts();
    idle_threads_sleep();
}
