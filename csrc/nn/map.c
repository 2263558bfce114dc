/* Element by element over arrays: blocks of neighbouring elements are dealt to the threads. An
 * element's value depends on nothing beside it, so that blocks are free to be of any size. */
#include "map.h"

#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

/* Elements of a block: some microseconds. Fewer than MANY elements are done before another thread
 * has woken (AMD Zen 5, November 2026). */
#define BLOCK_ELEMENTS (16 << 10)
#define MANY (64 << 10)

typedef struct run {
    const fc_map *map;
    fc_map_fn fn;
    int64_t count;
} run;

static void run_block(void *context, int64_t block, void *scratch) {
    (void)scratch;
    const run *r = context;
    const int64_t first = block * BLOCK_ELEMENTS;
    r->fn(r->map, first, first + BLOCK_ELEMENTS < r->count ? first + BLOCK_ELEMENTS : r->count);
}

/* All in one tile. */
static void run_all(void *context, int64_t tile, int worker) {
    (void)tile;
    (void)worker;
    const run *r = context;
    r->fn(r->map, 0, r->count);
}

fc_status fc_map_check(fc_dtype dtype, int64_t count) {
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(count >= 0 && count <= INT64_MAX / 16, FC_INVALID_SIZE);
    return FC_OK;
}

fc_status fc_map_run(const fc_map *map, fc_map_fn fn, int64_t count, const fc_call *call) {
    run r = {.map = map, .fn = fn, .count = count};
    if (count == 0) return FC_OK;
    if (count < MANY) return fc_parallel_for(call, 1, 1, run_all, &r);
    return fc_share_out(call, (count - 1) / BLOCK_ELEMENTS + 1, 0, run_block, &r);
}
