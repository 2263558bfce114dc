/* The thread pool's state: what its callers (threads.c), its helpers (helpers.c) and the moves of
 * either to another CPU (lost_cpus.c) share. */
#ifndef FC_BOARD_H
#define FC_BOARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "thread_cpu.h"
#include "threads.h"

enum {
    FC_BOARDS = 64, /* loops that can have helpers at one time: further callers work alone */
    FC_WORDS = FC_MAX_WORKERS / 64
};

static inline uint64_t fc_bit(int i) { return UINT64_C(1) << (i % 64); }

/* A board's state in one word, so that joining checks and counts in one step. */
#define FC_JOINED(state) ((int)((state)&0xffff))        /* helpers inside */
#define FC_LIMIT(state) ((int)((state) >> 16 & 0xffff)) /* helpers it can use */
#define FC_OPEN (UINT64_C(1) << 32)                     /* may be joined */
#define FC_WAITING (UINT64_C(1) << 33) /* the caller sleeps until the last helper leaves */

/* A thread that is being moved may for a moment run on one CPU only, and one that it then starts
 * would inherit that for good: never both at once. Who moves another asks first; who starts a thread
 * is then left where it is, and waits for those who were faster. */
typedef struct fc_stay {
    _Atomic int movers, starts;
} fc_stay;

static inline int fc_move_begins(fc_stay *s) {
    atomic_fetch_add(&s->movers, 1);
    if (!atomic_load(&s->starts)) return 1;
    atomic_fetch_sub(&s->movers, 1);
    return 0;
}

static inline void fc_move_ends(fc_stay *s) { atomic_fetch_sub(&s->movers, 1); }

/* Where a loop stands while it may have helpers. */
typedef struct fc_board {
    _Alignas(128) _Atomic uint64_t state;
    /* Written before it opens; read by those who have joined. */
    fc_tile_fn fn;
    void *context;
    int64_t tiles;
    int cpu;                            /* the caller's */
    _Atomic fc_thread_cpu caller;       /* by which also those who have left look after it, */
    _Atomic unsigned opened;            /* while this is the number they knew */
    fc_stay stay;                       /* the caller's */
    _Alignas(128) _Atomic int64_t next; /* the first tile not yet claimed */
    _Alignas(128) _Atomic int invites;  /* helpers still to be invited */
    _Atomic uint64_t slots[FC_WORDS];   /* worker numbers in use, from 1 */
    _Atomic int64_t left_at;            /* when one last left a caller that sleeps */
    pthread_mutex_t lock;               /* for the caller's sleep only */
    pthread_cond_t left;
} fc_board;

/* A thread of the pool's own. */
typedef struct fc_helper {
    _Alignas(128) _Atomic int wake; /* spins, sleeps or is woken (helpers.c) */
    pthread_mutex_t lock;           /* for its sleep only */
    pthread_cond_t woken;
    fc_thread_cpu cpu;
    _Atomic(const fc_board *) at; /* the board it is inside */
    _Atomic int64_t time;         /* on a CPU, when its caller last looked */
    _Atomic int was_moved;        /* to its caller's CPU */
    fc_stay stay;
    fc_board *last;       /* the one it was inside before it slept, */
    unsigned last_opened; /* for that loop */
} fc_helper;

extern fc_board fc_boards[FC_BOARDS];
extern fc_helper fc_helpers[FC_MAX_WORKERS];

extern struct fc_threads {
    _Alignas(128) _Atomic uint64_t open; /* boards that may want helpers */
    _Alignas(128) _Atomic uint64_t idle[FC_WORDS];
    _Alignas(128) _Atomic uint64_t used; /* boards taken */
    _Atomic uint64_t made[FC_WORDS];     /* threads that exist */
    _Atomic int count;                   /* of them, or about to exist */
    _Atomic int64_t retry_at;            /* no thread is created before */
    _Atomic unsigned generation;         /* forks behind this process */
    int cpus;
} fc_threads;

static inline void fc_close_to_newcomers(fc_board *b) {
    atomic_fetch_and(&fc_threads.open, ~fc_bit((int)(b - fc_boards)));
}

#endif
