/* One axis resized: every element of the result is a weighted sum of some along the axis.
 *
 * Lanes lie across the axis. Where it is the last one, some vectors' lanes of its rows are turned at
 * a time, so that what were columns of them are vectors, and the result is turned back. */
#include "../conv/integers.h"
#include "../kernels/kernels.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"

/* Multiply-adds of a tile: some 10 microseconds. Fewer than MANY are done before another thread has
 * woken. */
#define TILE_WORK (32 << 10)
#define MANY (32 << 10)

/* Rows are turned so many vectors' lanes at a time, or one vector's; longer ones than find room in
 * so much scratch are not. */
#define VECTORS 4
#define MOST_SCRATCH (256 << 10)

typedef struct run {
    fc_resize_job job;
    fc_resize_fn fn;
    const fc_kernels *kernels;
    int64_t size; /* of an element */
    int64_t rows, tile_rows;
    int64_t turned; /* rows at once, or 0 */
} run;

static void run_turned(const run *r, int64_t first, int64_t last, char *scratch) {
    const int64_t input = r->job.input, output = r->job.output, lanes = r->kernels->lanes;
    char *const made = scratch + (input + lanes) * r->turned * r->size;
    fc_resize_job job = r->job;
    job.x = scratch;
    job.y = made;
    for (int64_t row = first; row < last; row += r->turned) {
        const int64_t rows = min64(last - row, r->turned);
        job.inner = ceil_div(rows, lanes) * lanes;
        r->kernels->pool.turn((const char *)r->job.x + row * input * r->size, input, rows, input,
                              job.inner, scratch);
        r->fn(&job, 0, output);
        r->kernels->pool.turn_back(made, output, rows, output, job.inner,
                                   (char *)r->job.y + row * output * r->size, NULL);
    }
}

static void run_tile(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const int64_t first = tile * r->tile_rows, last = min64(first + r->tile_rows, r->rows);
    if (r->turned) run_turned(r, first, last, scratch);
    else r->fn(&r->job, first, last);
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
    const int64_t lanes = kernels->lanes, size = fc_sizeof(p->dtype),
                  bytes = times64(p->input + p->output + 2 * lanes, lanes * size);
    const int64_t vectors = bytes <= MOST_SCRATCH / VECTORS ? VECTORS : 1,
                  turned = last && bytes <= MOST_SCRATCH ? vectors * lanes : 0;
    run r = {.job = {.input = p->input,
                     .output = p->output,
                     .inner = p->inner,
                     .taps = p->taps,
                     .sources = p->sources,
                     .weights = p->weights,
                     .x = x,
                     .y = y},
             .fn = last && !turned ? kernels->nn->resize_long : kernels->nn->resize,
             .kernels = kernels,
             .size = size,
             .turned = turned,
             .rows = p->outer * (last ? 1 : p->output)};
    const int64_t work = times64(last ? p->output : p->inner, p->taps);
    r.tile_rows = clamp64(TILE_WORK / work, 1, r.rows);
    if (turned) r.tile_rows = ceil_div(r.tile_rows, turned) * turned;
    fc_call how = call ? *call : (fc_call){0};
    if (times64(r.rows, work) < MANY) how.threads = 1;
    return fc_share_out(&how, ceil_div(r.rows, r.tile_rows), turned ? vectors * bytes : 0, run_tile,
                        &r);
}
