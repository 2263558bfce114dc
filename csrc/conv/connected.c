/* Dot products of few rows of x with the rows of w: fully connected layers, and the convolutions
 * that are one: a kernel as large as the input.
 *
 *   for each tile (parallel): a range of outputs, of some rows of x
 *     for each chunk of rows that stays in the L2:
 *       for each block of rows of w:             read once, where they lie
 *         for each block of rows of x:           one call of the kernel
 *
 * Nothing is packed: for one row that takes four to seven times as long, and as pixels of a direct
 * convolution 64 images of 512 to 512 channels take twice the time, packed once or not (AMD Zen 4,
 * November 2026). A dot product adds the same terms in the same order whatever the tile, so neither
 * tiles nor their sizes change a byte. */
#include "connected.h"

#include <string.h>

#include "../runtime/caches.h"
#include "../runtime/threads.h"
#include "integers.h"

/* Multiply-adds of a tile: some 10 microseconds, the weights coming from memory. */
#define TILE_WORK (128 << 10)

typedef struct run {
    fc_connected d;
    int64_t tile_rows, tile_outputs; /* of a tile */
    int64_t row_tiles, group_tiles;  /* tiles of all rows; of the outputs of a group */
} run;

static void begin_rows(const fc_connected *d, int64_t n, int64_t last_row, int64_t at,
                       int64_t outputs) {
    const size_t bytes = (size_t)(outputs * d->item);
    for (; n < last_row; n++) {
        char *y = d->y + (n * d->groups * d->out + at) * d->item;
        if (d->bias) memcpy(y, d->bias + at * d->item, bytes);
        else memset(y, 0, bytes);
    }
}

/* NaN passes. */
#define CLAMP(real)                                                                                \
    do {                                                                                           \
        real *y = (real *)(d->y + (n * d->groups * d->out + at) * d->item);                        \
        const real min = (real)d->min, max = (real)d->max;                                         \
        for (int64_t o = 0; o < outputs; o++) y[o] = y[o] < min ? min : y[o] > max ? max : y[o];   \
    } while (0)
static void clamp_rows(const fc_connected *d, int64_t n, int64_t last_row, int64_t at,
                       int64_t outputs) {
    for (; n < last_row; n++)
        if (d->item == 4) CLAMP(float);
        else CLAMP(double);
}

/* Rows [first, last) of x, and outputs [at, at + outputs), counted over all groups but of one. */
static void multiply(const fc_connected *d, int64_t first, int64_t last, int64_t at,
                     int64_t outputs) {
    const fc_conv_kernels *k = &d->kernels->conv;
    const int64_t rows = ceil_div(last - first, ceil_div(last - first, k->dot_rows)),
                  columns = k->dot_columns[rows - 1];
    int64_t offset[FC_DOT_COLUMNS];
    for (int j = 0; j < FC_DOT_COLUMNS; j++) offset[j] = j * d->in;
    for (int64_t o = at; o < at + outputs; o += columns)
        for (int64_t n = first; n < last; n += rows) {
            const fc_dot dot = {
                .segments = 1,
                .length = d->in,
                .lda = d->groups * d->in,
                .a = d->x + (n * d->groups + at / d->out) * d->in * d->item,
                .b = d->w + o * d->in * d->item,
                .offset = offset,
                .c = d->y + (n * d->groups * d->out + o) * d->item,
                .ldc = d->groups * d->out,
            };
            k->dot[min64(rows, last - n) - 1][min64(columns, at + outputs - o) - 1](&dot);
        }
}

static void run_tile(void *context, int64_t tile, int worker) {
    (void)worker;
    const run *r = context;
    const fc_connected *d = &r->d;
    const int64_t row = tile % r->row_tiles * r->tile_rows,
                  last = min64(row + r->tile_rows, d->rows);
    tile /= r->row_tiles;
    const int64_t output = tile % r->group_tiles * r->tile_outputs,
                  at = tile / r->group_tiles * d->out + output,
                  outputs = min64(r->tile_outputs, d->out - output);
    const int64_t chunk = max64(d->kernels->conv.dot_rows,
                                fc_caches_found.l2 / 2 / max64(1, times64(d->in, d->item)));
    begin_rows(d, row, last, at, outputs);
    for (int64_t n = row; n < last; n += chunk) multiply(d, n, min64(n + chunk, last), at, outputs);
    if (d->clamp) clamp_rows(d, row, last, at, outputs);
}

/* How many of `pieces`, each worth `work` multiply-adds, make a tile. */
static int64_t pieces_of_tile(int64_t pieces, int64_t work) {
    return clamp64(TILE_WORK / max64(1, work), 1, pieces);
}

/* Tiles are of all rows, so that weights are read once; only where a block of outputs is more than
 * a tile's work, of some rows. */
fc_status fc_connected_run(const fc_connected *d, const fc_call *call) {
    const int64_t block = FC_DOT_COLUMNS, most = d->kernels->conv.dot_rows;
    const int64_t each = times64(d->in, block), row_blocks = ceil_div(d->rows, most);
    run r = {.d = *d};
    r.tile_outputs = pieces_of_tile(ceil_div(d->out, block), times64(d->rows, each)) * block;
    r.tile_rows = pieces_of_tile(row_blocks, times64(most, each)) * most;
    if (r.tile_outputs > block) r.tile_rows = row_blocks * most;
    r.row_tiles = ceil_div(d->rows, r.tile_rows);
    r.group_tiles = ceil_div(d->out, r.tile_outputs);
    const int64_t tiles = r.row_tiles * r.group_tiles * d->groups;
    const double work = (double)d->rows * (double)d->groups * (double)d->out * (double)d->in;
    const int workers = work < 2 * TILE_WORK ? 1 : fc_workers(call, tiles);
    return fc_parallel_for(call, workers, tiles, run_tile, &r);
}

/* ---- Convolutions ---- */

int fc_connected_suits(const fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->out != 1 || a->offset != 0 || a->taps != a->in ||
            (a->taps > 1 && a->offset_step != 1))
            return 0;
    }
    return c->layout == FC_CHANNELS_FIRST || fc_correlation_taps(c) == 1;
}

/* Two loads for a multiply-add, and the lanes' sum. */
double fc_connected_cost(const fc_correlation *c) {
    const fc_tuning *t = &c->kernels->tuning;
    const double vectors = (double)fc_correlation_depth(c) / c->kernels->lanes + 2;
    return 1e-9 * (t->item + (double)(c->groups * c->out_channels) * vectors * t->multiply * 2);
}

fc_status fc_connected_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call) {
    const fc_connected d = {
        .kernels = c->kernels,
        .item = c->item,
        .rows = c->batch,
        .groups = c->groups,
        .in = fc_correlation_depth(c),
        .out = c->out_channels,
        .x = x,
        .w = w,
        .bias = bias,
        .y = y,
        .clamp = c->clamp,
        .min = c->min,
        .max = c->max,
    };
    return d.rows ? fc_connected_run(&d, call) : FC_OK;
}
