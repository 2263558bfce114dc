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
 * A thread that loses its CPU to another process inside a tile keeps the others waiting for as long
 * as the system lets that process run, some milliseconds, even where a CPU stands idle by then:
 * two threads would be slower than one. So who waits gives its own CPU to the one it waits for, the
 * caller to a helper (move_lost) and a helper that has done its share to the caller (spin); one
 * that has no CPU is one whose time on a CPU stands still. After that, and where a helper finds
 * itself on its caller's CPU, the pool does without a helper for a while (rest.c).
 *
 * Results cannot depend on any of this: which thread runs a tile is not visible to the tile, but
 * for its scratch. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "clock.h"
#include "float_env.h"
#include "rest.h"
#include "spawn.h"
#include "thread_cpu.h"

enum {
    BOARDS = 64, /* loops that can have helpers at one time: further callers work alone */
    WORDS = FC_MAX_WORKERS / 64,
    FANOUT = 2
};

#define SPIN_NS 50000 /* before sleeping */
/* For the last helpers. One that lost its CPU takes longer, and may need the caller's. */
#define WAIT_SPIN_NS 20000
/* Between two looks at the last helpers: one that ran in none of that time has lost its CPU. */
#define LOOK_SPIN_NS 20000
#define LOOK_NS      500000
#define LOST_NS      300000     /* the caller, when it wakes up so late */
#define POLL_NS 100000000   /* between two calls of `interrupted` */
#define RETRY_NS 1000000000 /* after the system refused a thread */

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
    int cpu;                            /* the caller's */
    _Atomic fc_thread_cpu caller;       /* by which also those who have left look after it, */
    _Atomic unsigned opened;            /* while this is the number they knew */
    _Atomic int movers;                 /* of them, who are moving the caller */
    _Alignas(128) _Atomic int64_t next; /* the first tile not yet claimed */
    _Alignas(128) _Atomic int invites;  /* helpers still to be invited */
    _Atomic uint64_t slots[WORDS];      /* worker numbers in use, from 1 */
    _Atomic int64_t left_at;            /* when one last left a caller that sleeps */
    pthread_mutex_t lock;               /* for the caller's sleep only */
    pthread_cond_t left;
} board;

enum { SPINNING, SLEEPING, WOKEN };

typedef struct sleeper {
    _Alignas(128) _Atomic int wake;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    fc_thread_cpu cpu;
    _Atomic(const board *) at; /* the board it is inside */
    _Atomic int64_t time;      /* on a CPU, when its caller last looked */
    _Atomic int was_moved;     /* to its caller's CPU */
    board *last;               /* the one it was inside before it slept, */
    unsigned last_opened;      /* for that loop */
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
    int cpus;
} pool;

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

/* This thread's own. */
static _Thread_local int inside; /* a tile, or a loop over tiles */
static _Thread_local int is_helper;
static _Thread_local int64_t last_poll;
static _Thread_local fc_thread_cpu self; /* of a caller */
static _Thread_local sleeper *me;        /* of a helper */

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
        atomic_store(&boards[i].movers, 0);
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
    fc_rest_after_fork();
    for (int i = 0; i < WORDS; i++) {
        atomic_store(&pool.idle[i], 0);
        atomic_store(&pool.made[i], 0);
    }
    for (int i = 0; i < FC_MAX_WORKERS; i++) atomic_store(&sleepers[i].at, NULL);
    self.id = 0;
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

static int is_woken_within(sleeper *s, int64_t nanoseconds) {
    const int64_t end = fc_clock() + nanoseconds;
    do {
        for (int i = 0; i < 32 && !is_woken(s); i++) fc_cpu_relax();
    } while (!is_woken(s) && fc_clock() < end);
    return is_woken(s);
}

/* The time on a CPU of the caller whose board this thread was at last; -1 where it needs it no
 * more. */
static int64_t last_caller_time(const sleeper *s) {
    const board *b = s->last;
    if (!b || !(atomic_load(&b->state) & OPEN) || atomic_load(&b->opened) != s->last_opened)
        return -1;
    return fc_thread_time(atomic_load(&b->caller));
}

/* The caller does not return before (run_shared): a thread that it then started, or a child, would
 * inherit what it may only for a moment. */
static void move_caller(sleeper *s) {
    board *b = s->last;
    atomic_fetch_add(&b->movers, 1);
    if (last_caller_time(s) >= 0) fc_thread_move_here(atomic_load(&b->caller));
    atomic_fetch_sub(&b->movers, 1);
}

/* Spins, while some layers of a small net would follow. A caller that has had no CPU meanwhile, and
 * so cannot finish its tile, gets this one's. */
static void spin(sleeper *s) {
    if (is_woken_within(s, SPIN_NS / 2)) return;
    const int64_t time = last_caller_time(s);
    if (is_woken_within(s, SPIN_NS / 2)) return;
    if (time >= 0 && last_caller_time(s) == time) move_caller(s);
}

/* Sleeps until woken, after a short spin if it may. */
static void wait_for_wake(int id, int may_spin) {
    sleeper *s = &sleepers[id];
    /* With more threads than CPUs a spin would take the CPU from one that works. */
    if (may_spin && id < pool.cpus - 1) spin(s);
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

static int start_thread(int id) {
    sleeper *s = &sleepers[id];
    atomic_store(&s->wake, SPINNING);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->woken, NULL);
    return fc_spawn(helper_main, (void *)(intptr_t)id);
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
        if (wake_idle()) continue;
        if (me && atomic_load(&me->was_moved)) return; /* a thread would inherit its place */
        if (!create_thread(limit)) return;
    }
}

/* ---- Helpers without a CPU ------------------------------------------------------------------- */

/* The first thread that exists from `id` on; -1 where there is none. */
static int next_made(int id) {
    for (int w = id / 64; w < WORDS; w++) {
        const uint64_t made = atomic_load(&pool.made[w]) >> (id % 64);
        if (made) return id + __builtin_ctzll(made);
        id = (w + 1) * 64;
    }
    return -1;
}

/* Moves helpers inside that have had no CPU since it last looked to the caller's, which the caller
 * is about to give up; returns how many it has moved. One that stands still there too waits for
 * something else. */
static int move_lost(const board *b) {
    int lost = 0;
    for (int id = 0; (id = next_made(id)) >= 0; id++) {
        sleeper *s = &sleepers[id];
        if (atomic_load(&s->at) != b) continue;
        const int64_t time = fc_thread_time(s->cpu);
        const int stands = atomic_exchange(&s->time, time) == time;
        if (stands && atomic_load(&s->was_moved)) continue;
        if (stands) {
            atomic_store(&s->was_moved, 1);
            fc_thread_move_here(s->cpu);
        }
        lost += atomic_load(&s->was_moved);
    }
    return lost;
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
    if (atomic_load_explicit(&b->state, memory_order_relaxed) & WAITING)
        atomic_store(&b->left_at, fc_clock());
    uint64_t before = atomic_fetch_sub(&b->state, 1);
    if (!(before & WAITING) || JOINED(before) != 1) return;
    pthread_mutex_lock(&b->lock);
    pthread_cond_signal(&b->left);
    pthread_mutex_unlock(&b->lock);
}

/* Returns 0 where this thread is on the caller's CPU, and so in its place. */
static int help(board *b, int id, int limit) {
    if (b->cpu >= 0 && fc_current_cpu() == b->cpu) {
        leave(b);
        return 0;
    }
    sleeper *s = &sleepers[id];
    atomic_store(&s->time, -1);
    atomic_store(&s->was_moved, 0);
    atomic_store(&s->at, b);
    s->last = b;
    s->last_opened = atomic_load(&b->opened);
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
    atomic_store(&s->at, NULL);
    leave(b);
    return !atomic_load(&s->was_moved);
}

/* Sleeps where there is nothing to do; returns a board where there is. */
static board *wait_for_board(int id, uint64_t *joined) {
    atomic_fetch_or(&pool.idle[id / 64], bit(id));
    board *b = join_any(joined);
    if (!b) wait_for_wake(id, 1);
    const int was_idle = (atomic_fetch_and(&pool.idle[id / 64], ~bit(id)) & bit(id)) != 0;
    /* Invited while it found work by itself: pass the invitation on. */
    if (b && !was_idle) wake_idle();
    return b;
}

/* For a thread on its caller's CPU: it waits for another. Where the system keeps it there, it
 * sleeps, although there may be something to do. */
static void make_room(int id) {
    if (fc_leave_cpu()) return;
    fc_rest_briefly();
    atomic_fetch_or(&pool.idle[id / 64], bit(id));
    wait_for_wake(id, 0);
    atomic_fetch_and(&pool.idle[id / 64], ~bit(id));
}

static void *helper_main(void *argument) {
    int id = (int)(intptr_t)argument;
    fc_float_default();
    is_helper = inside = 1;
    me = &sleepers[id];
    me->cpu = fc_thread_self();
    for (;;) {
        uint64_t state;
        board *b = join_any(&state);
        if (!b) b = wait_for_board(id, &state);
        if (b && !help(b, id, LIMIT(state))) make_room(id);
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
    b->cpu = fc_current_cpu();
    if (!self.id) self = fc_thread_self();
    atomic_store_explicit(&b->caller, self, memory_order_relaxed);
    atomic_fetch_add_explicit(&b->opened, 1, memory_order_relaxed);
    atomic_store_explicit(&b->next, 0, memory_order_relaxed);
    atomic_store_explicit(&b->invites, limit, memory_order_relaxed);
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

/* Whether every helper has left within `nanoseconds`. */
static int have_left(board *b, int64_t nanoseconds) {
    const int64_t end = fc_clock() + nanoseconds;
    do {
        for (int i = 0; i < 32; i++) {
            if (JOINED(atomic_load(&b->state)) == 0) return 1;
            fc_cpu_relax();
        }
    } while (fc_clock() < end);
    return 0;
}

/* Waits until every helper inside has finished its tile; asks meanwhile, and returns whether the
 * call is to stop. */
static int wait_for_helpers(board *b, const fc_call *call, int limit, unsigned generation) {
    const int may_spin = limit < pool.cpus;
    if (may_spin && have_left(b, WAIT_SPIN_NS)) return 0;
    int stop = 0, lost = move_lost(b);
    if (may_spin && have_left(b, LOOK_SPIN_NS)) return 0;
    atomic_fetch_or(&b->state, WAITING);
    for (int looked = may_spin; JOINED(atomic_load(&b->state)) != 0; looked = 1) {
        if (looked) lost = move_lost(b);
        pthread_mutex_lock(&b->lock);
        if (JOINED(atomic_load(&b->state)) != 0) sleep_on(b, LOOK_NS);
        pthread_mutex_unlock(&b->lock);
        stop |= interrupted(call);
        if (forked_since(generation)) return 1;
    }
    const int64_t left_at = atomic_load(&b->left_at);
    if (lost == 0 && left_at && fc_clock() - left_at > LOST_NS) lost = 1; /* the caller's own */
    if (lost) fc_rest(lost);
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
    while (atomic_load(&b->movers) != 0) sched_yield();
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
    if (workers > 1) workers -= fc_resting();
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
