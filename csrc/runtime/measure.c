/* This machine's ceilings, measured on as many threads as a call may use: multiply-adds on
 * registers, and a copy of a block far larger than the caches. Each is measured several times and
 * the best is returned, as whatever else runs on the machine can only lower it. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../kernels/kernels.h"
#include "clock.h"
#include "scratch.h"
#include "status.h"
#include "threads.h"

enum { REPEATS = 8, TILE_NS = 1000000, COPY_TILE = 1 << 18 };

static double seconds_since(int64_t start) {
    double seconds = (double)(fc_clock() - start) * 1e-9;
    return seconds > 1e-9 ? seconds : 1e-9;
}

typedef struct arithmetic {
    const fc_kernels *kernels;
    int64_t rounds;
    _Atomic int nonsense; /* what the kernel returns must be used, or it need not run */
} arithmetic;

static void arithmetic_tile(void *context, int64_t tile, int worker) {
    arithmetic *a = context;
    (void)tile, (void)worker;
    if (a->kernels->measure(a->rounds) < 0) atomic_store(&a->nonsense, 1);
}

/* As many rounds as take about a tile's time on one thread, which wakes the CPU's vector units by
 * the way. */
static int64_t rounds_in_a_tile(const fc_kernels *kernels) {
    for (int64_t rounds = 1024;; rounds *= 2) {
        int64_t start = fc_clock();
        double sum = kernels->measure(rounds);
        int64_t took = fc_clock() - start;
        if (took >= TILE_NS / 2 || sum < 0) return rounds;
    }
}

fc_status fc_measure_flops(fc_dtype dtype, double seconds, double *flops, const fc_call *call) {
    FC_REQUIRE(flops, FC_INVALID_NULL);
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(seconds > 0 && seconds <= 3600, FC_INVALID_VALUE);
    arithmetic a = {.kernels = fc_kernels_for(dtype)};
    a.rounds = rounds_in_a_tile(a.kernels);
    int workers = fc_workers(call, FC_MAX_WORKERS);
    int64_t tiles = workers * (1 + (int64_t)(seconds * 1e9 / REPEATS / TILE_NS));
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        int64_t start = fc_clock();
        FC_TRY(fc_parallel_for(call, workers, tiles, arithmetic_tile, &a));
        double rate = (double)tiles * (double)a.rounds * (double)a.kernels->measure_flops /
                      seconds_since(start);
        if (rate > best) best = rate;
    }
    *flops = best;
    return FC_OK;
}

typedef struct copy {
    char *from, *to;
} copy;

static void copy_tile(void *context, int64_t tile, int worker) {
    const copy *c = context;
    (void)worker;
    memcpy(c->to + tile * COPY_TILE, c->from + tile * COPY_TILE, COPY_TILE);
}

static void touch_tile(void *context, int64_t tile, int worker) {
    const copy *c = context;
    (void)worker;
    memset(c->from + tile * COPY_TILE, 1, COPY_TILE);
    memset(c->to + tile * COPY_TILE, 0, COPY_TILE);
}

/* Twice the last cache where the system knows it, and at least 64 MB, so that nothing of it stays
 * there. */
static int64_t copy_tiles(void) {
    int64_t bytes = 1 << 26;
#ifdef _SC_LEVEL3_CACHE_SIZE
    int64_t cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (2 * cache > bytes) bytes = 2 * cache;
#endif
    if (bytes > 1 << 27) bytes = 1 << 27;
    return bytes / COPY_TILE;
}

static fc_status measure_copy(const copy *c, int64_t tiles, double seconds, double *bytes,
                              const fc_call *call) {
    int workers = fc_workers(call, tiles);
    FC_TRY(fc_parallel_for(call, workers, tiles, touch_tile, (void *)c));
    double best = 0;
    int64_t begin = fc_clock();
    for (int i = 0; i < 2 || seconds_since(begin) < seconds; i++) {
        int64_t start = fc_clock();
        FC_TRY(fc_parallel_for(call, workers, tiles, copy_tile, (void *)c));
        double rate = 2.0 * COPY_TILE * (double)tiles / seconds_since(start);
        if (rate > best) best = rate;
    }
    *bytes = best;
    return FC_OK;
}

fc_status fc_measure_bandwidth(double seconds, double *bytes, const fc_call *call) {
    FC_REQUIRE(bytes, FC_INVALID_NULL);
    FC_REQUIRE(seconds > 0 && seconds <= 3600, FC_INVALID_VALUE);
    int64_t tiles = copy_tiles();
    copy c = {.from = fc_scratch(tiles * COPY_TILE), .to = fc_scratch(tiles * COPY_TILE)};
    fc_status status =
        c.from && c.to ? measure_copy(&c, tiles, seconds, bytes, call) : FC_OUT_OF_MEMORY;
    fc_scratch_free(c.from);
    fc_scratch_free(c.to);
    return status;
}
