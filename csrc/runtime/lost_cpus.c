/* Threads that have lost their CPU to another process.
 *
 * One that does so inside a tile keeps the others waiting for as long as the system lets that
 * process run, some milliseconds, even where a CPU stands idle by then: two threads would be slower
 * than one. So who waits gives its own CPU to the one it waits for: the caller, about to sleep
 * (threads.c), to a helper, and a helper that has done its share (helpers.c) to the caller. One
 * that has no CPU is one whose time on a CPU stands still between two looks. */
#include "lost_cpus.h"

/* ---- Helpers, by their caller ---------------------------------------------------------------- */

/* The first thread that exists from `id` on; -1 where there is none. */
static int next_made(int id) {
    for (int w = id / 64; w < FC_WORDS; w++) {
        const uint64_t made = atomic_load(&fc_threads.made[w]) >> (id % 64);
        if (made) return id + __builtin_ctzll(made);
        id = (w + 1) * 64;
    }
    return -1;
}

int fc_move_lost_helpers(const fc_board *b) {
    int lost = 0;
    for (int id = 0; (id = next_made(id)) >= 0; id++) {
        fc_helper *h = &fc_helpers[id];
        if (atomic_load(&h->at) != b) continue;
        const int64_t time = fc_thread_time(h->cpu);
        const int stands = atomic_exchange(&h->time, time) == time;
        if (stands && atomic_load(&h->was_moved)) continue;
        if (stands && fc_move_begins(&h->stay)) {
            atomic_store(&h->was_moved, 1);
            fc_thread_move_here(h->cpu);
            fc_move_ends(&h->stay);
        }
        lost += atomic_load(&h->was_moved);
    }
    return lost;
}

/* ---- The caller, by a helper ----------------------------------------------------------------- */

int64_t fc_last_caller_time(const fc_helper *h) {
    const fc_board *b = h->last;
    if (!b || !(atomic_load(&b->state) & FC_OPEN) || atomic_load(&b->opened) != h->last_opened)
        return -1;
    return fc_thread_time(atomic_load(&b->caller));
}

/* The caller does not return before (run_shared, threads.c): a thread that it then started, or a
 * child, would inherit what it may only for a moment. */
void fc_move_last_caller(fc_helper *h) {
    fc_board *b = h->last;
    if (!fc_move_begins(&b->stay)) return;
    if (fc_last_caller_time(h) >= 0) fc_thread_move_here(atomic_load(&b->caller));
    fc_move_ends(&b->stay);
}
