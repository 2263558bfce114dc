/* The thread pool: a loop over tiles on the calling thread and on whichever others come in time.
 *
 * A loop takes one of a fixed set of boards, writes itself there and opens it. Threads join an open
 * board by one compare-and-swap on its state, claim tiles from its counter, and leave. The caller
 * claims tiles too; when none are left it closes the board, so that nobody joins any more, and
 * waits for those who are inside. A thread that has not woken by then is never waited for.
 *
 *   open boards    a bit a board        what a thread that has nothing to do looks through
 *   idle threads   a bit a thread       whom to wake
 *
 * There is no lock to take over the pool as a whole, and so none that a forked child could inherit
 * locked, and nothing is done under a lock but going to sleep and waking one sleeper. A caller
 * invites at most FANOUT threads, and so does each that joins, until as many are invited as the
 * loop can use: 128 CPUs are busy after seven steps. Inviting means waking an idle thread or, where
 * there is none and the pool is smaller than the loop asks for, creating one.
 *
 * No wake-up is lost: a caller first opens its board and then looks for idle threads; a thread
 * first shows itself idle and then looks once more for open boards, both in sequentially consistent
 * order. A wake-up too many is harmless.
 *
 * With several open boards a thread joins the one with the fewest, and moves on between two tiles
 * when another has two fewer than its own. A loop inside a tile runs on the tile's thread alone.
 *
 * A helper that loses its CPU to another process inside a tile keeps its caller waiting for as long
 * as the system lets the other run, some milliseconds, and so does a caller's own CPU that was given
 * away while it waited: then two threads would be slower than one. So after such a wait the pool
 * does without as many helpers for a while, and for longer each time that it happens again.
 *
 * Results cannot depend on any of this: which thread runs a tile is not visible to the tile, but
 * for its scratch. */
#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "clock.h"
#include "float_env.h"

enum {
    BOARDS = 64, /* loops that can have helpers at one time: further callers work alone */
    WORDS = FC_MAX_WORKERS / 64,
    FANOUT = 2,
    STACK_BYTES = 1 << 20 /* a tile needs a few KB, but static thread-local storage is here too */
};

#define SPIN_NS 50000 /* before sleeping: some layers of a small net follow within this */
/* For the last helpers. One that lost its CPU takes longer, and may need the caller's. */
#define WAIT_SPIN_NS 20000
#define POLL_NS 100000000   /* between two calls of `interrupted` */
#define RETRY_NS 1000000000 /* after the system refused a thread */
/* From when a thread that waits for its CPU has lost it. */
#define LOST_NS 300000
/* How long the pool then does without a helper. A time slice is 2 to 4 ms on Linux: a loss that
 * comes back each time costs 1%. */
#define REST_NS_LEAST 10000000
#define REST_NS_MOST 640000000

/* A board's state in one word, so that joining checks and counts in one step. */
#define JOINED(state) ((int)((state) & 0xffff))       /* helpers inside */
#define LIMIT(state)  ((int)((state) >> 16 & 0xffff)) /* helpers it can use */
#define OPEN          (UINT64_C(1) << 32)             /* may be joined */
#define WAITING       (UINT64_C(1) << 33) /* the caller sleeps until the last helper leaves */

typedef struct board {
    _Alignas(128) _Atomic uint64_t state;
    /* Written before it opens; read by those who have joined. */
    fc_tile_fn fn;
    void *context;
    int64_t tiles;
    _Alignas(128) _Atomic int64_t next; /* the first tile not yet claimed */
    _Alignas(128) _Atomic int invites;  /* helpers still to be invited */
    _Atomic uint64_t slots[WORDS];      /* worker numbers in use, from 1 */
    _Atomic int lost;                   /* helpers that had lost their CPU when they left */
    _Atomic int64_t left_at;            /* when one last left a caller that sleeps */
    pthread_mutex_t lock;               /* for the caller's sleep only */
    pthread_cond_t left;
} board;

enum { SPINNING, SLEEPING, WOKEN };

typedef struct sleeper {
    _Alignas(128) _Atomic int wake;
    pthread_mutex_t lock;
    pthread_cond_t woken;
} sleeper;

static board boards[BOARDS];
static sleeper sleepers[FC_MAX_WORKERS];

static struct {
    _Alignas(128) _Atomic uint64_t open; /* boards that may want helpers */
    _Alignas(128) _Atomic uint64_t idle[WORDS];
    _Alignas(128) _Atomic uint64_t used; /* boards taken */
    _Atomic uint64_t made[WORDS];        /* threads that exist */
    _Atomic int count;                   /* of them, or about to exist */
    _Atomic int64_t retry_at;            /* no thread is created before */
    _Atomic unsigned generation;         /* forks behind this process */
    _Atomic int resting;                 /* helpers done without, */
    _Atomic int64_t rest_until;          /* until then, */
    _Atomic int64_t rest_ns;             /* which was as long */
    int cpus;
} pool;

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

/* This thread's own. */
static _Thread_local int inside; /* a tile, or a loop over tiles */
static _Thread_local int is_helper;
static _Thread_local int64_t last_poll;
static _Thread_local long evicted; /* `evictions` when it was last asked */

static inline uint64_t bit(int i) { return UINT64_C(1) << (i % 64); }

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
    for (int i = 0; i < BOARDS; i++) {
        pthread_mutex_init(&boards[i].lock, NULL);
        pthread_cond_init(&boards[i].left, &attributes);
    }
    pthread_condattr_destroy(&attributes);
}

/* A child has one thread, and so an empty pool. Whatever the others held in the parent is made
 * anew. A loop that was forked from within sees by the generation that its board and helpers are
 * gone. */
static void after_fork_in_child(void) {
    atomic_fetch_add(&pool.generation, 1);
    atomic_store(&pool.open, 0);
    atomic_store(&pool.used, 0);
    atomic_store(&pool.count, 0);
    atomic_store(&pool.retry_at, 0);
    atomic_store(&pool.resting, 0);
    for (int i = 0; i < WORDS; i++) {
        atomic_store(&pool.idle[i], 0);
        atomic_store(&pool.made[i], 0);
    }
    init_boards();
}

/* Whether this process is a child forked since `generation`. */
static int forked_since(unsigned generation) {
    return atomic_load_explicit(&pool.generation, memory_order_relaxed) != generation;
}

static void init_pool(void) {
    init_boards();
    pool.cpus = fc_cpu_count();
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* ---- Waking and creating threads ------------------------------------------------------------- */

static void *helper_main(void *argument);

static void wake(int id) {
    sleeper *s = &sleepers[id];
    if (atomic_exchange(&s->wake, WOKEN) != SLEEPING) return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->woken);
    pthread_mutex_unlock(&s->lock);
}

static int is_woken(sleeper *s) {
    return atomic_load_explicit(&s->wake, memory_order_relaxed) == WOKEN;
}

/* Sleeps until woken, after a short spin. */
static void wait_for_wake(int id) {
    sleeper *s = &sleepers[id];
    /* With more threads than CPUs a spin would take the CPU from one that works. */
    if (id < pool.cpus - 1) {
        int64_t end = fc_clock() + SPIN_NS;
        do {
            for (int i = 0; i < 32 && !is_woken(s); i++) fc_cpu_relax();
        } while (!is_woken(s) && fc_clock() < end);
    }
    int spinning = SPINNING;
    if (atomic_compare_exchange_strong(&s->wake, &spinning, SLEEPING)) {
        pthread_mutex_lock(&s->lock);
        while (atomic_load(&s->wake) != WOKEN) pthread_cond_wait(&s->woken, &s->lock);
        pthread_mutex_unlock(&s->lock);
    }
    atomic_store(&s->wake, SPINNING);
}

/* Wakes one idle thread; 0 where there is none. Low numbers first: their caches are warm. */
static int wake_idle(void) {
    for (int w = 0; w < WORDS; w++) {
        uint64_t idle;
        while ((idle = atomic_load(&pool.idle[w])) != 0) {
            int id = w * 64 + __builtin_ctzll(idle);
            if (!(atomic_fetch_and(&pool.idle[w], ~bit(id)) & bit(id))) continue; /* too late */
            wake(id);
            return 1;
        }
        if (atomic_load_explicit(&pool.count, memory_order_relaxed) <= w * 64 + 64) break;
    }
    return 0;
}

/* Takes the number of a thread that does not exist. */
static int take_id(void) {
    for (int w = 0; w < WORDS; w++) {
        uint64_t made;
        while ((made = ~atomic_load(&pool.made[w])) != 0) {
            int id = w * 64 + __builtin_ctzll(made);
            if (!(atomic_fetch_or(&pool.made[w], bit(id)) & bit(id))) return id;
        }
    }
    return -1;
}

/* Signals are for the program's own threads; those that a fault raises cannot wait. */
static void block_signals(sigset_t *before) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static int start_thread(int id) {
    sleeper *s = &sleepers[id];
    atomic_store(&s->wake, SPINNING);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->woken, NULL);

    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t before;
    block_signals(&before);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, helper_main, (void *)(intptr_t)id);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* Creates a thread if the pool has fewer than `most`; 0 where it has not, or where the system
 * refuses. */
static int create_thread(int most) {
    int64_t retry_at = atomic_load_explicit(&pool.retry_at, memory_order_relaxed);
    if (retry_at != 0 && fc_clock() < retry_at) return 0;
    int count = atomic_load(&pool.count);
    do {
        if (count >= most) return 0;
    } while (!atomic_compare_exchange_weak(&pool.count, &count, count + 1));
    int id = take_id();
    if (id >= 0 && start_thread(id)) return 1;
    if (id >= 0) atomic_fetch_and(&pool.made[id / 64], ~bit(id));
    atomic_fetch_sub(&pool.count, 1);
    atomic_store_explicit(&pool.retry_at, fc_clock() + RETRY_NS, memory_order_relaxed);
    return 0;
}

/* Invites some of those whom the loop still wants. Called by the caller and by everyone who has
 * joined. */
static void invite(board *b, int limit) {
    for (int i = 0; i < FANOUT; i++) {
        if (atomic_load_explicit(&b->next, memory_order_relaxed) >= b->tiles) return;
        if (atomic_load_explicit(&b->invites, memory_order_relaxed) <= 0) return;
        if (atomic_fetch_sub_explicit(&b->invites, 1, memory_order_relaxed) <= 0) return;
        if (!wake_idle() && !create_thread(limit)) return;
    }
}

/* ---- Helpers without a CPU ------------------------------------------------------------------- */

/* How often the system has taken this thread's CPU away from it. */
static long evictions(void) {
#ifdef RUSAGE_THREAD
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) == 0) return usage.ru_nivcsw;
#endif
    return 0;
}

/* Does without `helpers` for a while: the longer, the sooner after the last time. */
static void rest(int helpers) {
    const int64_t now = fc_clock(), last = atomic_load(&pool.rest_until);
    int64_t span = atomic_load(&pool.rest_ns);
    span = span && now < last + span ? 4 * span : REST_NS_LEAST;
    if (span > REST_NS_MOST) span = REST_NS_MOST;
    if (now < last) helpers += atomic_load(&pool.resting);
    atomic_store(&pool.rest_ns, span);
    atomic_store(&pool.rest_until, now + span);
    atomic_store(&pool.resting, helpers);
}

/* After a wait for the board's helpers since `start`. */
static void rest_if_lost(const board *b, int64_t start) {
    const int64_t now = fc_clock(), left_at = atomic_load(&b->left_at);
    int lost = atomic_load(&b->lost);
    if (lost == 0 && left_at && now - left_at > LOST_NS) lost = 1; /* the caller's own */
    if (lost && now - start > LOST_NS) rest(lost);
}

/* The helpers to do without now. */
static int resting(void) {
    const int helpers = atomic_load_explicit(&pool.resting, memory_order_relaxed);
    if (helpers == 0 || fc_clock() < atomic_load(&pool.rest_until)) return helpers;
    atomic_store_explicit(&pool.resting, 0, memory_order_relaxed);
    return 0;
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
    if (!call || !call->interrupted || is_helper) return 0;
    int64_t now = fc_clock_coarse();
    if (now - last_poll < POLL_NS) return 0;
    last_poll = now;
    return call->interrupted(call->context) != 0;
}

/* ---- Helpers --------------------------------------------------------------------------------- */

static void close_to_newcomers(board *b) { atomic_fetch_and(&pool.open, ~bit((int)(b - boards))); }

/* Takes a free worker number in [1, limit]: there is one, as no more than `limit` are inside.
 * Starting at the thread's own, threads do not compete for numbers, and a thread finds its scratch
 * in its cache. */
static int take_slot(board *b, int id, int limit) {
    for (int i = id % limit;; i = i + 1 < limit ? i + 1 : 0)
        if (!(atomic_fetch_or(&b->slots[i / 64], bit(i)) & bit(i))) return i + 1;
}

static void free_slot(board *b, int slot) {
    atomic_fetch_and(&b->slots[(slot - 1) / 64], ~bit(slot - 1));
}

/* Whether another open board has so many fewer helpers that this one should give one up. */
static int should_move(const board *mine) {
    uint64_t others =
        atomic_load_explicit(&pool.open, memory_order_relaxed) & ~bit((int)(mine - boards));
    if (!others) return 0;
    int here = JOINED(atomic_load_explicit(&mine->state, memory_order_relaxed));
    for (; others; others &= others - 1) {
        uint64_t state =
            atomic_load_explicit(&boards[__builtin_ctzll(others)].state, memory_order_relaxed);
        if ((state & OPEN) && JOINED(state) < LIMIT(state) && JOINED(state) + 1 < here) return 1;
    }
    return 0;
}

/* Joins the open board with the fewest helpers; NULL where none wants any. */
static board *join_any(uint64_t *joined) {
    for (;;) {
        board *best = NULL;
        uint64_t best_state = 0;
        for (uint64_t open = atomic_load(&pool.open); open; open &= open - 1) {
            board *b = &boards[__builtin_ctzll(open)];
            uint64_t state = atomic_load(&b->state);
            if (!(state & OPEN) || JOINED(state) >= LIMIT(state)) continue;
            if (!best || JOINED(state) < JOINED(best_state)) best = b, best_state = state;
        }
        if (!best) return NULL;
        *joined = best_state;
        if (atomic_compare_exchange_strong(&best->state, &best_state, best_state + 1)) return best;
    }
}

/* The board may serve another loop as soon as the count is down: it is static, so a late signal
 * harms nobody. */
static void leave(board *b) {
    if (atomic_load_explicit(&b->state, memory_order_relaxed) & WAITING) {
        const long now = evictions();
        if (now != evicted) atomic_fetch_add(&b->lost, 1);
        evicted = now;
        atomic_store(&b->left_at, fc_clock());
    }
    uint64_t before = atomic_fetch_sub(&b->state, 1);
    if (!(before & WAITING) || JOINED(before) != 1) return;
    pthread_mutex_lock(&b->lock);
    pthread_cond_signal(&b->left);
    pthread_mutex_unlock(&b->lock);
}

static void help(board *b, int id, int limit) {
    int slot = take_slot(b, id, limit);
    invite(b, limit);
    do {
        int64_t tile = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
        if (tile >= b->tiles) {
            close_to_newcomers(b);
            break;
        }
        b->fn(b->context, tile, slot);
    } while (!should_move(b));
    free_slot(b, slot);
    leave(b);
}

static void *helper_main(void *argument) {
    int id = (int)(intptr_t)argument;
    fc_float_default();
    is_helper = inside = 1;
    for (;;) {
        uint64_t state;
        board *b = join_any(&state);
        if (!b) {
            atomic_fetch_or(&pool.idle[id / 64], bit(id));
            b = join_any(&state);
            if (!b) wait_for_wake(id);
            int was_idle = (atomic_fetch_and(&pool.idle[id / 64], ~bit(id)) & bit(id)) != 0;
            if (!b) continue;
            /* Invited while it found work by itself: pass the invitation on. */
            if (!was_idle) wake_idle();
        }
        help(b, id, LIMIT(state));
    }
    return NULL;
}

/* ---- Callers --------------------------------------------------------------------------------- */

static fc_status run_alone(const fc_call *call, int64_t tiles, fc_tile_fn fn, void *context) {
    for (int64_t tile = 0; tile < tiles; tile++) {
        fn(context, tile, 0);
        if (interrupted(call)) return FC_INTERRUPTED;
    }
    return FC_OK;
}

static board *take_board(void) {
    uint64_t free;
    while ((free = ~atomic_load(&pool.used)) != 0) {
        int i = __builtin_ctzll(free);
        if (!(atomic_fetch_or(&pool.used, bit(i)) & bit(i))) return &boards[i];
    }
    return NULL;
}

static void open_board(board *b, int limit, int64_t tiles, fc_tile_fn fn, void *context) {
    b->fn = fn;
    b->context = context;
    b->tiles = tiles;
    atomic_store_explicit(&b->next, 0, memory_order_relaxed);
    atomic_store_explicit(&b->invites, limit, memory_order_relaxed);
    atomic_store_explicit(&b->lost, 0, memory_order_relaxed);
    atomic_store_explicit(&b->left_at, 0, memory_order_relaxed);
    for (int i = 0; i <= (limit - 1) / 64; i++)
        atomic_store_explicit(&b->slots[i], 0, memory_order_relaxed);
    atomic_store(&b->state, OPEN | (uint64_t)limit << 16);
    atomic_fetch_or(&pool.open, bit((int)(b - boards)));
}

static void sleep_on(board *b, int64_t nanoseconds) {
    int64_t end = fc_clock_of(COND_CLOCK) + nanoseconds;
    struct timespec until = {.tv_sec = (time_t)(end / 1000000000),
                             .tv_nsec = (long)(end % 1000000000)};
    pthread_cond_timedwait(&b->left, &b->lock, &until);
}

/* Waits until every helper inside has finished its tile; asks meanwhile, and returns whether the
 * call is to stop. */
static int wait_for_helpers(board *b, const fc_call *call, int limit, unsigned generation) {
    const int64_t start = fc_clock();
    if (limit < pool.cpus) {
        do {
            for (int i = 0; i < 32; i++) {
                if (JOINED(atomic_load(&b->state)) == 0) return 0;
                fc_cpu_relax();
            }
        } while (fc_clock() < start + WAIT_SPIN_NS);
    }
    int stop = 0;
    atomic_fetch_or(&b->state, WAITING);
    while (JOINED(atomic_load(&b->state)) != 0) {
        pthread_mutex_lock(&b->lock);
        if (JOINED(atomic_load(&b->state)) != 0) sleep_on(b, POLL_NS);
        pthread_mutex_unlock(&b->lock);
        stop |= interrupted(call);
        if (forked_since(generation)) return 1;
    }
    rest_if_lost(b, start);
    return stop;
}

static fc_status run_shared(board *b, const fc_call *call, int limit, int64_t tiles, fc_tile_fn fn,
                            void *context) {
    unsigned generation = atomic_load_explicit(&pool.generation, memory_order_relaxed);
    int stop = 0;
    open_board(b, limit, tiles, fn, context);
    invite(b, limit);
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
    close_to_newcomers(b);
    if (JOINED(atomic_fetch_and(&b->state, ~OPEN)) != 0)
        stop |= wait_for_helpers(b, call, limit, generation);
    if (forked_since(generation)) return FC_INTERRUPTED;
    atomic_fetch_and(&pool.used, ~bit((int)(b - boards)));
    return stop ? FC_INTERRUPTED : FC_OK;
}

int fc_workers(const fc_call *call, int64_t tiles) {
    if (inside) return 1;
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
    if (workers > 1) workers -= resting();
    board *b = NULL;
    if (workers > 1 && !inside) {
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

int fc_pool_threads(void) { return atomic_load(&pool.count); }
