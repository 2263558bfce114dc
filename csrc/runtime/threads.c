/* The thread pool: a loop over tiles on the calling thread and on whichever others come in time.
 *
 * A loop takes one of a fixed set of boards, writes itself there and opens it. Helpers, the pool's
 * own threads, join an open board by one compare-and-swap on its state, claim tiles from its
 * counter, and leave (helpers.c). The caller claims tiles too; when none are left it closes the
 * board, so that nobody joins any more, and waits for those who are inside. A helper that has not
 * woken by then is never waited for.
 *
 *   open boards    a bit a board        what a helper that has nothing to do looks through
 *   idle helpers   a bit a thread       whom to wake
 *
 * There is no lock to take over the pool as a whole, and so none that a forked child could inherit
 * locked, and nothing is done under a lock but going to sleep and waking one thread that sleeps.
 *
 * With several open boards a helper joins the one with the fewest, and moves on between two tiles
 * when another has two fewer than its own. A loop inside a tile runs on the tile's thread alone.
 *
 * A thread that loses its CPU inside a tile would keep the others waiting: one of them gives it its
 * own (lost_cpus.c). After that, and where a helper finds itself on its caller's CPU, the pool does
 * without a helper for a while (rest.c).
 *
 * Results cannot depend on any of this: which thread runs a tile is not visible to the tile, but
 * for its scratch. */
#include <sched.h>

#include "board.h"
#include "clock.h"
#include "float_env.h"
#include "helpers.h"
#include "lost_cpus.h"
#include "rest.h"

/* For the last helpers. One that lost its CPU takes longer, and may need the caller's. */
#define WAIT_SPIN_NS 20000
/* Between two looks at the last helpers: one that ran in none of that time has lost its CPU. */
#define LOOK_SPIN_NS 20000
#define LOOK_NS 500000
#define LOST_NS 300000    /* the caller, when it wakes up so late */
#define POLL_NS 100000000 /* between two calls of `interrupted` */

fc_board fc_boards[FC_BOARDS];
fc_helper fc_helpers[FC_MAX_WORKERS];
struct fc_threads fc_threads;

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

/* This thread's own, of a caller. */
static _Thread_local int inside; /* a tile, or a loop over tiles */
static _Thread_local int64_t last_poll;
static _Thread_local fc_thread_cpu self;

/* ---- Start, and start again in a forked child ------------------------------------------------ */

/* Deadlines are on the monotonic clock where a condition variable can use it. */
#ifdef __APPLE__
#define COND_CLOCK CLOCK_REALTIME
#else
#define COND_CLOCK CLOCK_MONOTONIC
#endif

static void init_boards(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, COND_CLOCK);
#endif
    for (int i = 0; i < FC_BOARDS; i++) {
        fc_boards[i].stay = (fc_stay){0};
        pthread_mutex_init(&fc_boards[i].lock, NULL);
        pthread_cond_init(&fc_boards[i].left, &attributes);
    }
    pthread_condattr_destroy(&attributes);
}

/* A child has one thread, and so an empty pool. Whatever the others held in the parent is made
 * anew. A loop that was forked from within sees by the generation that its board and helpers are
 * gone. */
static void after_fork_in_child(void) {
    atomic_fetch_add(&fc_threads.generation, 1);
    atomic_store(&fc_threads.open, 0);
    atomic_store(&fc_threads.used, 0);
    atomic_store(&fc_threads.count, 0);
    atomic_store(&fc_threads.retry_at, 0);
    fc_rest_after_fork();
    for (int i = 0; i < FC_WORDS; i++) {
        atomic_store(&fc_threads.idle[i], 0);
        atomic_store(&fc_threads.made[i], 0);
    }
    for (int i = 0; i < FC_MAX_WORKERS; i++) {
        atomic_store(&fc_helpers[i].at, NULL);
        fc_helpers[i].stay = (fc_stay){0};
    }
    self.id = 0;
    init_boards();
}

/* Whether this process is a child forked since `generation`. */
static int forked_since(unsigned generation) {
    return atomic_load_explicit(&fc_threads.generation, memory_order_relaxed) != generation;
}

static void init_pool(void) {
    init_boards();
    fc_threads.cpus = fc_cpu_count();
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* ---- Interruption ---------------------------------------------------------------------------- */

/* The time of the last question belongs to the thread, not to the loop: a call of many short loops
 * is asked too. */
static void begin_polling(const fc_call *call) {
    if (!call || !call->interrupted) return;
    int64_t now = fc_clock_coarse();
    if (now - last_poll > 3 * (int64_t)POLL_NS) last_poll = now;
}

static int interrupted(const fc_call *call) {
    if (!call || !call->interrupted || fc_is_helper()) return 0;
    int64_t now = fc_clock_coarse();
    if (now - last_poll < POLL_NS) return 0;
    last_poll = now;
    return call->interrupted(call->context) != 0;
}

/* ---- Callers --------------------------------------------------------------------------------- */

static fc_status run_alone(const fc_call *call, int64_t tiles, fc_tile_fn fn, void *context) {
    for (int64_t tile = 0; tile < tiles; tile++) {
        fn(context, tile, 0);
        if (interrupted(call)) return FC_INTERRUPTED;
    }
    return FC_OK;
}

static fc_board *take_board(void) {
    uint64_t free;
    while ((free = ~atomic_load(&fc_threads.used)) != 0) {
        int i = __builtin_ctzll(free);
        if (!(atomic_fetch_or(&fc_threads.used, fc_bit(i)) & fc_bit(i))) return &fc_boards[i];
    }
    return NULL;
}

static void open_board(fc_board *b, int limit, int64_t tiles, fc_tile_fn fn, void *context) {
    b->fn = fn;
    b->context = context;
    b->tiles = tiles;
    b->cpu = fc_current_cpu();
    if (!self.id) self = fc_thread_self();
    atomic_store_explicit(&b->caller, self, memory_order_relaxed);
    atomic_fetch_add_explicit(&b->opened, 1, memory_order_relaxed);
    atomic_store_explicit(&b->next, 0, memory_order_relaxed);
    atomic_store_explicit(&b->invites, limit, memory_order_relaxed);
    atomic_store_explicit(&b->left_at, 0, memory_order_relaxed);
    for (int i = 0; i <= (limit - 1) / 64; i++)
        atomic_store_explicit(&b->slots[i], 0, memory_order_relaxed);
    atomic_store(&b->state, FC_OPEN | (uint64_t)limit << 16);
    atomic_fetch_or(&fc_threads.open, fc_bit((int)(b - fc_boards)));
}

static void sleep_on(fc_board *b, int64_t nanoseconds) {
    int64_t end = fc_clock_of(COND_CLOCK) + nanoseconds;
    struct timespec until = {.tv_sec = (time_t)(end / 1000000000),
                             .tv_nsec = (long)(end % 1000000000)};
    pthread_cond_timedwait(&b->left, &b->lock, &until);
}

/* Whether every helper has left within `nanoseconds`. */
static int have_left(fc_board *b, int64_t nanoseconds) {
    const int64_t end = fc_clock() + nanoseconds;
    do {
        for (int i = 0; i < 32; i++) {
            if (FC_JOINED(atomic_load(&b->state)) == 0) return 1;
            fc_cpu_relax();
        }
    } while (fc_clock() < end);
    return 0;
}

/* Waits until every helper inside has finished its tile; asks meanwhile, and returns whether the
 * call is to stop. */
static int wait_for_helpers(fc_board *b, const fc_call *call, int limit, unsigned generation) {
    const int may_spin = limit < fc_threads.cpus;
    if (may_spin && have_left(b, WAIT_SPIN_NS)) return 0;
    int stop = 0, lost = fc_move_lost_helpers(b);
    if (may_spin && have_left(b, LOOK_SPIN_NS)) return 0;
    atomic_fetch_or(&b->state, FC_WAITING);
    for (int looked = may_spin; FC_JOINED(atomic_load(&b->state)) != 0; looked = 1) {
        if (looked) lost = fc_move_lost_helpers(b);
        pthread_mutex_lock(&b->lock);
        if (FC_JOINED(atomic_load(&b->state)) != 0) sleep_on(b, LOOK_NS);
        pthread_mutex_unlock(&b->lock);
        stop |= interrupted(call);
        if (forked_since(generation)) return 1;
    }
    const int64_t left_at = atomic_load(&b->left_at);
    if (lost == 0 && left_at && fc_clock() - left_at > LOST_NS) lost = 1; /* the caller's own */
    if (lost) fc_rest(lost);
    return stop;
}

static fc_status run_shared(fc_board *b, const fc_call *call, int limit, int64_t tiles,
                            fc_tile_fn fn, void *context) {
    unsigned generation = atomic_load_explicit(&fc_threads.generation, memory_order_relaxed);
    int stop = 0;
    open_board(b, limit, tiles, fn, context);
    fc_invite(b, limit);
    while (!stop) {
        int64_t tile = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
        if (tile >= tiles) break;
        fn(context, tile, 0);
        stop = interrupted(call);
        /* `interrupted` ran the user's code, which forked, and this is the child: the helpers'
         * tiles are lost. */
        if (forked_since(generation)) return FC_INTERRUPTED;
    }
    if (stop) atomic_store_explicit(&b->next, tiles, memory_order_relaxed);
    fc_close_to_newcomers(b);
    if (FC_JOINED(atomic_fetch_and(&b->state, ~FC_OPEN)) != 0)
        stop |= wait_for_helpers(b, call, limit, generation);
    if (forked_since(generation)) return FC_INTERRUPTED;
    while (atomic_load(&b->stay.movers) != 0) sched_yield();
    atomic_fetch_and(&fc_threads.used, ~fc_bit((int)(b - fc_boards)));
    return stop ? FC_INTERRUPTED : FC_OK;
}

int fc_workers(const fc_call *call, int64_t tiles) {
    if (inside || fc_is_helper()) return 1;
    int64_t workers = call && call->threads > 0 ? call->threads : fc_get_num_threads();
    if (workers > tiles) workers = tiles;
    if (workers > FC_MAX_WORKERS) workers = FC_MAX_WORKERS;
    return workers < 1 ? 1 : (int)workers;
}

fc_status fc_parallel_for(const fc_call *call, int workers, int64_t tiles, fc_tile_fn fn,
                          void *context) {
    if (tiles <= 0) return FC_OK;
    if (workers > FC_MAX_WORKERS) workers = FC_MAX_WORKERS;
    if (workers > tiles) workers = (int)tiles;
    if (workers > 1) workers -= fc_resting();
    fc_board *b = NULL;
    if (workers > 1 && !inside && !fc_is_helper()) {
        pthread_once(&pool_once, init_pool);
        b = take_board();
    }
    fc_float_env env = fc_float_default();
    inside++;
    begin_polling(call);
    fc_status status = b ? run_shared(b, call, workers - 1, tiles, fn, context)
                         : run_alone(call, tiles, fn, context);
    inside--;
    fc_float_restore(env);
    return status;
}

int fc_pool_threads(void) { return atomic_load(&fc_threads.count); }
