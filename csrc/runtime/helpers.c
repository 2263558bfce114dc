/* The pool's own threads: how they are invited, what they do at a board, and how they wait for the
 * next.
 *
 *   for ever:
 *       join the open board with the fewest helpers
 *           invite others; claim tiles until there are none, or another board is worse off; leave
 *       where there is no such board: show itself idle, look once more, spin a while, sleep
 *
 * A caller invites at most FANOUT threads, and so does each that joins, until as many are invited
 * as the loop can use: 128 CPUs are busy after seven steps. Inviting means waking an idle thread
 * or, where there is none and the pool is smaller than the loop asks for, creating one.
 *
 * No wake-up is lost: a caller first opens its board and then looks for idle threads; a thread
 * first shows itself idle and then looks once more for open boards, both in sequentially consistent
 * order. A wake-up too many is harmless.
 *
 * A helper that finds itself on its caller's CPU leaves the board at once, and that CPU: there it
 * would work in the caller's place. One that its caller has moved there (lost_cpus.c) leaves once
 * its tile is done. */
#include "helpers.h"

#include <sched.h>

#include "clock.h"
#include "float_env.h"
#include "lost_cpus.h"
#include "rest.h"
#include "spawn.h"

#define FANOUT 2
#define SPIN_NS 50000       /* before sleeping */
#define RETRY_NS 1000000000 /* after the system refused a thread */

enum { SPINNING, SLEEPING, WOKEN };

static _Thread_local fc_helper *me;

int fc_is_helper(void) { return me != NULL; }

/* ---- Sleeping and waking --------------------------------------------------------------------- */

static void wake(int id) {
    fc_helper *h = &fc_helpers[id];
    if (atomic_exchange(&h->wake, WOKEN) != SLEEPING) return;
    pthread_mutex_lock(&h->lock);
    pthread_cond_signal(&h->woken);
    pthread_mutex_unlock(&h->lock);
}

static int is_woken(fc_helper *h) {
    return atomic_load_explicit(&h->wake, memory_order_relaxed) == WOKEN;
}

static int is_woken_within(fc_helper *h, int64_t nanoseconds) {
    const int64_t end = fc_clock() + nanoseconds;
    do {
        for (int i = 0; i < 32 && !is_woken(h); i++) fc_cpu_relax();
    } while (!is_woken(h) && fc_clock() < end);
    return is_woken(h);
}

/* Spins, while some layers of a small net would follow. A caller that has had no CPU meanwhile, and
 * so cannot finish its tile, gets this one's. */
static void spin(fc_helper *h) {
    if (is_woken_within(h, SPIN_NS / 2)) return;
    const int64_t time = fc_last_caller_time(h);
    if (is_woken_within(h, SPIN_NS / 2)) return;
    if (time >= 0 && fc_last_caller_time(h) == time) fc_move_last_caller(h);
}

/* Sleeps until woken, after a short spin if it may. */
static void wait_for_wake(int id, int may_spin) {
    fc_helper *h = &fc_helpers[id];
    /* With more threads than CPUs a spin would take the CPU from one that works. */
    if (may_spin && id < fc_threads.cpus - 1) spin(h);
    int spinning = SPINNING;
    if (atomic_compare_exchange_strong(&h->wake, &spinning, SLEEPING)) {
        pthread_mutex_lock(&h->lock);
        while (atomic_load(&h->wake) != WOKEN) pthread_cond_wait(&h->woken, &h->lock);
        pthread_mutex_unlock(&h->lock);
    }
    atomic_store(&h->wake, SPINNING);
}

/* Wakes one idle thread; 0 where there is none. Low numbers first: their caches are warm. */
static int wake_idle(void) {
    for (int w = 0; w < FC_WORDS; w++) {
        uint64_t idle;
        while ((idle = atomic_load(&fc_threads.idle[w])) != 0) {
            int id = w * 64 + __builtin_ctzll(idle);
            if (!(atomic_fetch_and(&fc_threads.idle[w], ~fc_bit(id)) & fc_bit(id)))
                continue; /* too late */
            wake(id);
            return 1;
        }
        if (atomic_load_explicit(&fc_threads.count, memory_order_relaxed) <= w * 64 + 64) break;
    }
    return 0;
}

/* ---- Creating threads, and inviting them ----------------------------------------------------- */

static void *helper_main(void *argument);

/* Takes the number of a thread that does not exist. */
static int take_id(void) {
    for (int w = 0; w < FC_WORDS; w++) {
        uint64_t made;
        while ((made = ~atomic_load(&fc_threads.made[w])) != 0) {
            int id = w * 64 + __builtin_ctzll(made);
            if (!(atomic_fetch_or(&fc_threads.made[w], fc_bit(id)) & fc_bit(id))) return id;
        }
    }
    return -1;
}

static int start_thread(int id, fc_stay *stay) {
    fc_helper *h = &fc_helpers[id];
    atomic_store(&h->wake, SPINNING);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->woken, NULL);
    atomic_store(&stay->starts, 1);
    while (atomic_load(&stay->movers) != 0) sched_yield();
    const int started = fc_spawn(helper_main, (void *)(intptr_t)id);
    atomic_store(&stay->starts, 0);
    return started;
}

/* Creates a thread if the pool has fewer than `most`; 0 where it has not, or where the system
 * refuses. `stay` is this thread's. */
static int create_thread(int most, fc_stay *stay) {
    int64_t retry_at = atomic_load_explicit(&fc_threads.retry_at, memory_order_relaxed);
    if (retry_at != 0 && fc_clock() < retry_at) return 0;
    int count = atomic_load(&fc_threads.count);
    do {
        if (count >= most) return 0;
    } while (!atomic_compare_exchange_weak(&fc_threads.count, &count, count + 1));
    int id = take_id();
    if (id >= 0 && start_thread(id, stay)) return 1;
    if (id >= 0) atomic_fetch_and(&fc_threads.made[id / 64], ~fc_bit(id));
    atomic_fetch_sub(&fc_threads.count, 1);
    atomic_store_explicit(&fc_threads.retry_at, fc_clock() + RETRY_NS, memory_order_relaxed);
    return 0;
}

void fc_invite(fc_board *b, int limit) {
    for (int i = 0; i < FANOUT; i++) {
        if (atomic_load_explicit(&b->next, memory_order_relaxed) >= b->tiles) return;
        if (atomic_load_explicit(&b->invites, memory_order_relaxed) <= 0) return;
        if (atomic_fetch_sub_explicit(&b->invites, 1, memory_order_relaxed) <= 0) return;
        if (wake_idle()) continue;
        if (!create_thread(limit, me ? &me->stay : &b->stay)) return;
    }
}

/* ---- At a board ------------------------------------------------------------------------------ */

/* Takes a free worker number in [1, limit]: there is one, as no more than `limit` are inside.
 * Starting at the thread's own, threads do not compete for numbers, and a thread finds its scratch
 * in its cache. */
static int take_slot(fc_board *b, int id, int limit) {
    for (int i = id % limit;; i = i + 1 < limit ? i + 1 : 0)
        if (!(atomic_fetch_or(&b->slots[i / 64], fc_bit(i)) & fc_bit(i))) return i + 1;
}

static void free_slot(fc_board *b, int slot) {
    atomic_fetch_and(&b->slots[(slot - 1) / 64], ~fc_bit(slot - 1));
}

/* Whether another open board has so many fewer helpers that this one should give one up. */
static int should_move(const fc_board *mine) {
    uint64_t others = atomic_load_explicit(&fc_threads.open, memory_order_relaxed) &
                      ~fc_bit((int)(mine - fc_boards));
    if (!others) return 0;
    int here = FC_JOINED(atomic_load_explicit(&mine->state, memory_order_relaxed));
    for (; others; others &= others - 1) {
        uint64_t state =
            atomic_load_explicit(&fc_boards[__builtin_ctzll(others)].state, memory_order_relaxed);
        if ((state & FC_OPEN) && FC_JOINED(state) < FC_LIMIT(state) && FC_JOINED(state) + 1 < here)
            return 1;
    }
    return 0;
}

/* Joins the open board with the fewest helpers; NULL where none wants any. */
static fc_board *join_any(uint64_t *joined) {
    for (;;) {
        fc_board *best = NULL;
        uint64_t best_state = 0;
        for (uint64_t open = atomic_load(&fc_threads.open); open; open &= open - 1) {
            fc_board *b = &fc_boards[__builtin_ctzll(open)];
            uint64_t state = atomic_load(&b->state);
            if (!(state & FC_OPEN) || FC_JOINED(state) >= FC_LIMIT(state)) continue;
            if (!best || FC_JOINED(state) < FC_JOINED(best_state)) best = b, best_state = state;
        }
        if (!best) return NULL;
        *joined = best_state;
        if (atomic_compare_exchange_strong(&best->state, &best_state, best_state + 1)) return best;
    }
}

/* The board may serve another loop as soon as the count is down: it is static, so a late signal
 * harms nobody. */
static void leave(fc_board *b) {
    if (atomic_load_explicit(&b->state, memory_order_relaxed) & FC_WAITING)
        atomic_store(&b->left_at, fc_clock());
    uint64_t before = atomic_fetch_sub(&b->state, 1);
    if (!(before & FC_WAITING) || FC_JOINED(before) != 1) return;
    pthread_mutex_lock(&b->lock);
    pthread_cond_signal(&b->left);
    pthread_mutex_unlock(&b->lock);
}

/* Returns 0 where this thread is on the caller's CPU, and so in its place. */
static int help(fc_board *b, int id, int limit) {
    if (b->cpu >= 0 && fc_current_cpu() == b->cpu) {
        leave(b);
        return 0;
    }
    fc_helper *h = &fc_helpers[id];
    atomic_store(&h->time, -1);
    atomic_store(&h->was_moved, 0);
    atomic_store(&h->at, b);
    h->last = b;
    h->last_opened = atomic_load(&b->opened);
    int slot = take_slot(b, id, limit);
    fc_invite(b, limit);
    do {
        int64_t tile = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
        if (tile >= b->tiles) {
            fc_close_to_newcomers(b);
            break;
        }
        b->fn(b->context, tile, slot);
    } while (!should_move(b));
    free_slot(b, slot);
    atomic_store(&h->at, NULL);
    leave(b);
    return !atomic_load(&h->was_moved);
}

/* Sleeps where there is nothing to do; returns a board where there is. */
static fc_board *wait_for_board(int id, uint64_t *joined) {
    atomic_fetch_or(&fc_threads.idle[id / 64], fc_bit(id));
    fc_board *b = join_any(joined);
    if (!b) wait_for_wake(id, 1);
    const int was_idle =
        (atomic_fetch_and(&fc_threads.idle[id / 64], ~fc_bit(id)) & fc_bit(id)) != 0;
    /* Invited while it found work by itself: pass the invitation on. */
    if (b && !was_idle) wake_idle();
    return b;
}

/* For a thread on its caller's CPU: it waits for another. Where the system keeps it there, it
 * sleeps, although there may be something to do. */
static void make_room(int id) {
    if (fc_leave_cpu()) return;
    fc_rest_briefly();
    atomic_fetch_or(&fc_threads.idle[id / 64], fc_bit(id));
    wait_for_wake(id, 0);
    atomic_fetch_and(&fc_threads.idle[id / 64], ~fc_bit(id));
}

static void *helper_main(void *argument) {
    int id = (int)(intptr_t)argument;
    fc_float_default();
    me = &fc_helpers[id];
    me->cpu = fc_thread_self();
    for (;;) {
        uint64_t state;
        fc_board *b = join_any(&state);
        if (!b) b = wait_for_board(id, &state);
        if (b && !help(b, id, FC_LIMIT(state))) make_room(id);
    }
    return NULL;
}
