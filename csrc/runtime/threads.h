/* A parallel loop over tiles, on a small pool of threads. See threads.c. */
#ifndef FC_THREADS_H
#define FC_THREADS_H

#include <stdint.h>

#include "../fastconv.h"

#define FC_MAX_WORKERS 1024 /* of one loop and of the whole pool, whatever was asked for */

/* Does tile `tile`. `worker` is below the loop's thread count and no two threads that run at once
 * share it: it picks the worker's own scratch. */
typedef void (*fc_tile_fn)(void *context, int64_t tile, int worker);

/* The number of workers a loop over `tiles` would use under `call`: scratch is sized by it. */
int fc_workers(const fc_call *call, int64_t tiles);

/* Run `fn` for every tile in [0, tiles), on at most `workers` threads, the caller being one of
 * them. Returns FC_OK, or FC_INTERRUPTED once the call's `interrupted` says so (some tiles were
 * then not run). A tile should take between a few microseconds and a few tens of milliseconds. A
 * loop inside a tile runs on the tile's thread alone. */
fc_status fc_parallel_for(const fc_call *call, int workers, int64_t tiles, fc_tile_fn fn,
                          void *context);

/* The pool's threads that exist now (tests). */
int fc_pool_threads(void);

#endif
