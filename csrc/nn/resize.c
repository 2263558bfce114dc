/* One axis resized: every element of the result is a weighted sum of some along the axis. */
#include "../conv/integers.h"
#include "../kernels/kernels.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"

/* Multiply-adds of a tile: some 10 microseconds. Fewer than MANY are done before another thread has
 * woken. */
#define TILE_WORK (32 << 10)
#define MANY (32 << 10)

/* Bytes of scratch, at most, for rows to be turned in. */
#define MOST_SCRATCH (256 << 10)

typedef struct run {
    fc_resize_job job;
    fc_resize_fn fn;
    int64_t rows, tile_rows;
} run;

static void run_tile(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const int64_t first = tile * r->tile_rows;
    r->fn(&r->job, first, min64(first + r->tile_rows, r->rows), scratch);
}

static fc_status check(const fc_resize *p) {
    FC_REQUIRE(p && p->sources, FC_INVALID_NULL);
    FC_REQUIRE(p->dtype == FC_F32 || p->dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(p->outer > 0 && p->input > 0 && p->output > 0 && p->inner > 0 && p->taps > 0,
               FC_INVALID_SIZE);
    const int64_t rows = times64(times64(p->outer, p->inner), 8);
    FC_REQUIRE(times64(rows, max64(p->input, p->output)) < FC_TOO_MANY, FC_INVALID_SIZE);
    FC_REQUIRE(times64(p->taps, p->output) < FC_TOO_MANY, FC_INVALID_SIZE);
    for (int64_t i = 0; i < p->taps * p->output; i++)
        FC_REQUIRE(p->sources[i] >= (p->weights ? -1 : 0) && p->sources[i] < p->input,
                   FC_INVALID_INDEX);
    return FC_OK;
}

fc_status fc_resize_axis(const fc_resize *p, const void *x, void *y, const fc_call *call) {
    FC_TRY(check(p));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    /* Rows of the kernel: along the last axis a whole one, else one element's. */
    const int last = p->inner == 1;
    const fc_kernels *kernels = fc_kernels_for(p->dtype);
    const int64_t lanes = kernels->lanes,
                  turned = times64(p->input + lanes, lanes * fc_sizeof(p->dtype));
    const int turn = last && turned <= MOST_SCRATCH;
    run r = {.job = {.input = p->input,
                     .output = p->output,
                     .inner = p->inner,
                     .taps = p->taps,
                     .sources = p->sources,
                     .weights = p->weights,
                     .x = x,
                     .y = y},
             .fn = turn   ? kernels->nn->resize_turned
                   : last ? kernels->nn->resize_long
                          : kernels->nn->resize,
             .rows = p->outer * (last ? 1 : p->output)};
    const int64_t work = times64(last ? p->output : p->inner, p->taps);
    r.tile_rows = clamp64(TILE_WORK / work, 1, r.rows);
    if (turn) r.tile_rows = ceil_div(r.tile_rows, lanes) * lanes;
    fc_call how = call ? *call : (fc_call){0};
    if (times64(r.rows, work) < MANY) how.threads = 1;
    return fc_share_out(&how, ceil_div(r.rows, r.tile_rows), turn ? turned : 0, run_tile, &r);
}
