/* A parallel loop in which every worker has a share of its own: a run of neighbouring tiles, that
 * it does from the first on; then it helps with the others'.
 *
 * It serves what is bound by memory, as pooling is. What one call leaves in a core's cache the next
 * one finds there, if the same worker comes to the same rows: lines that another core has written
 * come slower than from memory. And a run of neighbouring tiles is what prefetchers follow.
 *
 * Each claim of the pool of threads takes one tile of some share, so that the claims are as many
 * as the tiles. Which worker does a tile is not visible to it but for its scratch. */
#include "shares.h"

#include <stdatomic.h>

#include "scratch.h"
#include "status.h"
#include "threads.h"

typedef struct share {
    _Alignas(FC_ALIGN) _Atomic int64_t next;
    int64_t end;
} share;

typedef struct shared_loop {
    share *shares; /* one a worker; NULL where there is only one */
    int workers;
    fc_share_fn fn;
    void *context;
    char *scratch;
    int64_t scratch_bytes;
} shared_loop;

static int64_t claim(const shared_loop *l, int worker) {
    for (int i = worker;; i = i + 1 < l->workers ? i + 1 : 0) {
        share *s = &l->shares[i];
        if (atomic_load_explicit(&s->next, memory_order_relaxed) >= s->end) continue;
        const int64_t tile = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
        if (tile < s->end) return tile;
    }
}

static void run_share(void *context, int64_t tile, int worker) {
    const shared_loop *l = context;
    l->fn(l->context, l->shares ? claim(l, worker) : tile,
          l->scratch_bytes ? l->scratch + worker * l->scratch_bytes : NULL);
}

fc_status fc_share_out(const fc_call *call, int64_t tiles, int64_t scratch_bytes, fc_share_fn fn,
                       void *context) {
    const int workers = fc_workers(call, tiles);
    const int64_t shares_bytes = workers > 1 ? workers * (int64_t)sizeof(share) : 0;
    FC_REQUIRE(scratch_bytes <= INT64_MAX / 2 / workers, FC_OUT_OF_MEMORY);
    shared_loop l = {.workers = workers,
                     .fn = fn,
                     .context = context,
                     .scratch_bytes = fc_aligned(scratch_bytes)};
    char *block = NULL;
    if (shares_bytes + l.scratch_bytes) {
        block = fc_scratch(shares_bytes + l.scratch_bytes * workers);
        FC_REQUIRE(block, FC_OUT_OF_MEMORY);
        l.scratch = block + shares_bytes;
    }
    if (shares_bytes) {
        l.shares = (share *)block;
        for (int i = 0; i < workers; i++) {
            atomic_init(&l.shares[i].next, tiles / workers * i + tiles % workers * i / workers);
            l.shares[i].end = tiles / workers * (i + 1) + tiles % workers * (i + 1) / workers;
        }
    }
    const fc_status status = fc_parallel_for(call, workers, tiles, run_share, &l);
    if (block) fc_scratch_free(block);
    return status;
}
