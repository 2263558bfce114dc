/* Which pooling kernel serves a job, and how its output is cut into tiles for the threads.
 *
 * channels last:   windows that overlap, or few channels  pixel_lines
 *                  everything else                        pixels
 * channels first:  one window over the whole plane        planes
 *                  stride 2, 2 or 3 taps along a row      halves
 *                  stride 1, 2 x 2, 3 x 3 or 5 x 5 taps   rolls
 *                  short rows, adaptive, many indices     turned (turned.c says when)
 *                  a small fixed stride, a short window   lines
 *                  everything else                        windows
 *
 * Tiles are ranges of rows of what is written, of a row's columns where it is very long, and of
 * channels. They never cut a sum: their sizes are free to change without a byte of the result
 * changing. */
#include "run.h"

#include "../kernels/kernels.h"
#include "../kernels/pool_window.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "turned.h"

/* Elements read or written by a tile, about: some 10 microseconds. */
#define TILE_WORK 32768

/* Channels last, a line serves pixels of less than this many vectors: of windows that share its
 * columns, and of others (3 x 3 windows at stride 1 of 256 channels as fast either way, of 64 half
 * as fast again by lines; AMD Zen 5, November 2026). */
#define LINE_VECTORS 9
#define FEW_VECTORS 2

typedef struct grid {
    int64_t rows, columns, channels;                /* in all */
    int64_t tile_rows, tile_columns, tile_channels; /* of a tile */
    int64_t row_tiles, column_tiles, channel_tiles;
} grid;

static int64_t tiles_of(int64_t all, int64_t each) { return (all - 1) / each + 1; }

/* Cut `rows` x `columns` x `channels` elements, each worth `work`, into tiles; columns never into
 * wider ones than `most_columns`. */
static grid cut(int64_t rows, int64_t columns, int64_t channels, int64_t most_columns,
                int64_t work) {
    const int64_t elements = fc_max(TILE_WORK / fc_max(work, 1), 1);
    grid g = {.rows = rows, .columns = columns, .channels = channels};
    g.tile_channels = fc_min(channels, fc_max(elements, 256));
    g.tile_columns = fc_min(fc_min(columns, most_columns),
                            fc_max(elements / g.tile_channels, 1024 / g.tile_channels + 1));
    g.tile_rows = fc_min(rows, fc_max(elements / (g.tile_columns * g.tile_channels), 1));
    g.row_tiles = tiles_of(rows, g.tile_rows);
    g.column_tiles = tiles_of(columns, g.tile_columns);
    g.channel_tiles = tiles_of(channels, g.tile_channels);
    return g;
}

static fc_pool_tile tile_of(const grid *g, int64_t tile) {
    const int64_t channel = tile % g->channel_tiles * g->tile_channels;
    const int64_t column = tile / g->channel_tiles % g->column_tiles * g->tile_columns;
    const int64_t row = tile / g->channel_tiles / g->column_tiles * g->tile_rows;
    return (fc_pool_tile){
        .first_row = row,
        .last_row = fc_min(row + g->tile_rows, g->rows),
        .first_column = column,
        .last_column = fc_min(column + g->tile_columns, g->columns),
        .first_channel = channel,
        .last_channel = fc_min(channel + g->tile_channels, g->channels),
    };
}

typedef struct run {
    const fc_pool_job *job;
    fc_pool_fn kernel;
    const fc_conv *columns; /* of unfold and fold, which have no job */
    fc_columns_fn move;
    const void *in;
    void *out;
    grid grid;
    int64_t scratch_bytes; /* of a worker */
} run;

static void run_tile(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const fc_pool_tile t = tile_of(&r->grid, tile);
    if (r->move) r->move(r->columns, r->in, r->out, &t);
    else r->kernel(r->job, &t, scratch);
}

static fc_status run_grid(run *r, const fc_call *call) {
    const int64_t tiles = r->grid.row_tiles * r->grid.column_tiles * r->grid.channel_tiles;
    return fc_share_out(call, tiles, r->scratch_bytes, run_tile, r);
}

static int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

/* Elements of a window inside the input, at most. */
static int64_t window_elements(const fc_pool_job *job) {
    int64_t elements = 1;
    for (int a = 0; a < 3; a++) {
        const fc_pool *p = &job->pool;
        elements *=
            job->adaptive ? p->input[a] / p->output[a] + 1 : fc_min(p->kernel[a], p->input[a]);
    }
    return elements;
}

/* Whether the only window holds the whole plane. */
static int is_global(const fc_pool_job *job) {
    for (int a = 0; a < 3; a++) {
        if (job->pool.output[a] != 1) return 0;
        const fc_window w = fc_window_of(job, a, 0);
        if (w.count != job->pool.input[a]) return 0;
    }
    return 1;
}

/* Whether windows lie as the kernel `halves` has them, or `rolls`. */
static int is_halved(const fc_pool_job *job, int op) {
    const fc_pool *p = &job->pool;
    if (job->adaptive || p->stride[2] != 2 || p->dilation[2] != 1) return 0;
    if (op == FC_POOL_ARGMAX)
        return p->kernel[2] == 2 && p->pad[2] == 0 && 2 * p->output[2] <= p->input[2];
    return p->kernel[2] == 2 || p->kernel[2] == 3;
}

static int is_rolled(const fc_pool_job *job, int op) {
    const fc_pool *p = &job->pool;
    const int64_t taps = p->kernel[2];
    return !job->adaptive && p->kernel[0] == 1 && p->input[0] == p->output[0] &&
           p->stride[1] == 1 && p->stride[2] == 1 && p->dilation[1] == 1 && p->dilation[2] == 1 &&
           p->kernel[1] == taps && (taps == 2 || taps == 3 || taps == 5) &&
           taps <= fc_kernels_for(p->dtype)->pool.roll_taps &&
           fc_overhang(p, 2) <= (op == FC_POOL_AVG ? taps - 1 : taps / 2);
}

/* Whether an average's gradient is one for the kernel `spread`. Of short vectors, windows of stride
 * 2 that overlap much are faster by lines. */
static int is_spread(const fc_pool_job *job) {
    const fc_pool *p = &job->pool;
    const int64_t s = p->stride[2], lanes = fc_kernels_for(p->dtype)->lanes;
    if (job->adaptive || s < 2 || s > FC_POOL_MAX_PHASES) return 0;
    const int64_t taps = (p->kernel[2] - 1) / s + 1;
    return p->kernel[0] <= p->stride[0] &&
           (p->kernel[1] - 1) / p->stride[1] < FC_POOL_SPREAD_ROWS &&
           taps + (s + lanes - 2) / s <= lanes && (taps <= 2 || s > 2 || lanes > 4);
}

/* Whether the rows can be taken as lines, and then how many columns of the output one line serves.
 */
static int64_t columns_of_line(const fc_pool_job *job) {
    const fc_pool *p = &job->pool;
    int64_t extent;
    if (job->adaptive || p->stride[2] > FC_POOL_MAX_PHASES) return 0;
    if (__builtin_mul_overflow(p->kernel[2] - 1, p->dilation[2], &extent) ||
        extent > FC_POOL_LINE / 2)
        return 0;
    return (FC_POOL_LINE - extent - 1) / p->stride[2] + 1;
}

/* Channels last: the columns of the output whose line is no longer than FC_POOL_LINE elements; 0
 * where windows do not lie along lines. */
static int64_t columns_of_pixel_line(const fc_pool_job *job) {
    const fc_pool *p = &job->pool;
    const int64_t channels = p->channels;
    int64_t extent;
    if (job->adaptive || __builtin_mul_overflow(p->kernel[2] - 1, p->dilation[2], &extent) ||
        extent >= FC_POOL_LINE / channels)
        return 0;
    return (FC_POOL_LINE / channels - extent - 1) / p->stride[2] + 1;
}

/* Whether offsets within a window are exact as reals. */
static int offsets_fit(const fc_pool_job *job) {
    int64_t extent = 0;
    for (int a = 0; a < 3; a++) {
        const int64_t reach = fc_min(job->pool.input[a] - 1, FC_POOL_MAX_OFFSET);
        if (job->adaptive) {
            extent = extent * job->pool.input[a] +
                     fc_min(reach, job->pool.input[a] / job->pool.output[a] + 1);
        } else {
            int64_t taps;
            const fc_pool *p = &job->pool;
            if (__builtin_mul_overflow(p->kernel[a] - 1, p->dilation[a], &taps)) taps = INT64_MAX;
            extent = extent * p->input[a] + fc_min(reach, taps);
        }
        if (extent >= FC_POOL_MAX_OFFSET) return 0;
    }
    return 1;
}

/* What all windows divide by, 0 where they differ. */
static int64_t whole_divisor(const fc_pool_job *job) {
    int64_t product = 1;
    if (job->divisor) return job->divisor;
    for (int a = 0; a < 3; a++) {
        const fc_pool *p = &job->pool;
        if (job->adaptive) return 0;
        const fc_window first = fc_window_of(job, a, 0),
                        last = fc_window_of(job, a, p->output[a] - 1);
        const int64_t size = fc_min(fc_window_size(job, &first), fc_window_size(job, &last));
        if (size != p->kernel[a] || __builtin_mul_overflow(product, size, &product)) return 0;
    }
    return product;
}

/* Adaptive windows of equal size are the fixed ones of that size. */
static void make_regular(fc_pool_job *job) {
    fc_pool *p = &job->pool;
    for (int a = 0; a < 3; a++)
        if (p->input[a] % p->output[a]) return;
    job->adaptive = 0;
    for (int a = 0; a < 3; a++) {
        p->kernel[a] = p->stride[a] = p->input[a] / p->output[a];
        p->dilation[a] = 1;
        p->pad[a] = 0;
    }
}

/* The job as the kernels read it. */
static fc_pool_job prepared(const fc_pool_job *given) {
    fc_pool_job job = *given;
    if (job.pool.channels == 1)
        job.pool.layout = FC_CHANNELS_FIRST; /* either way they lie the same */
    if (job.adaptive) make_regular(&job);
    job.whole = (double)whole_divisor(&job);
    if (job.whole != 0) job.inverse = 1 / job.whole;
    return job;
}

/* A power of two of lines that leave half of a first-level cache free, but no more than there is
 * use for. */
static int64_t lines_at_hand(int64_t length, int64_t useful) {
    int64_t lines = 1;
    while (lines < FC_POOL_LINES && lines < useful && 2 * lines * length <= FC_POOL_LINE)
        lines *= 2;
    return lines;
}

/* A tile's columns where the windows' lie anyhow: as many as keep to one line, roughly. */
static int64_t columns_of_windows(const fc_pool_job *job) {
    const fc_pool *p = &job->pool;
    if (p->input[2] <= FC_POOL_LINE) return FC_POOL_LINE;
    const int64_t stride = job->adaptive ? p->input[2] / p->output[2] + 1 : p->stride[2];
    return stride >= FC_POOL_LINE / 2 ? 1 : fc_max(FC_POOL_LINE / 2 / stride, 1);
}

/* Channels last: by lines where windows share columns of them, or where the channels of a pixel
 * leave much of a vector empty. */
static void choose_pixels(run *r, fc_pool_job *job, int op, int64_t rows, int64_t work) {
    const fc_pool *p = &job->pool;
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int64_t lanes = fc_kernels_for(p->dtype)->lanes, size = fc_sizeof(p->dtype);
    const int shared = p->stride[2] == 1 && p->kernel[2] > 1 && p->output[2] > p->kernel[2];
    const int64_t columns = columns_of_pixel_line(job);
    if (columns && kernels->pixel_lines[op] &&
        p->channels < (shared ? LINE_VECTORS : FEW_VECTORS) * lanes) {
        r->kernel = kernels->pixel_lines[op];
        r->grid = cut(rows, p->output[2], p->channels, columns, work);
        job->phase =
            ((r->grid.tile_columns - 1) * p->stride[2] + (p->kernel[2] - 1) * p->dilation[2] + 1) *
                p->channels +
            FC_POOL_SLACK;
        job->lines = lines_at_hand(job->phase, r->grid.tile_rows);
        r->scratch_bytes = (job->lines * job->phase + r->grid.tile_columns) * size;
    } else {
        r->kernel = kernels->pixels[op];
        r->grid = cut(rows, p->output[2], p->channels, p->output[2], work);
    }
}

/* By turned planes, where there is room. */
static int turn(run *r, fc_pool_job *job, int op) {
    r->scratch_bytes = fc_pool_turn(job, op);
    if (!r->scratch_bytes) return 0;
    r->kernel = fc_pool_turned;
    r->grid = cut(fc_pool_turned_units(job), 1, 1, 1, job->taken * job->turned);
    return 1;
}

fc_status fc_pool_forward(const fc_pool_job *given, int op, const fc_call *call) {
    fc_pool_job job = prepared(given);
    const fc_pool *p = &job.pool;
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int64_t rows = p->batch * p->output[0] * p->output[1], work = window_elements(&job);
    const int64_t line = columns_of_line(&job), size = fc_sizeof(p->dtype);
    const int exact = op != FC_POOL_ARGMAX || offsets_fit(&job);
    run r = {.job = &job};
    if (p->layout == FC_CHANNELS_LAST && exact) {
        choose_pixels(&r, &job, op, rows, work);
    } else if (p->layout == FC_CHANNELS_LAST) {
        r.kernel = kernels->windows[op];
        r.grid = cut(rows, p->output[2], p->channels, p->output[2], work);
    } else if (exact && is_global(&job)) {
        r.kernel = kernels->planes[op];
        r.grid = cut(p->batch * p->channels, 1, 1, 1, work);
    } else if (kernels->halves[op] && exact && is_halved(&job, op)) {
        r.kernel = kernels->halves[op];
        r.grid = cut(rows * p->channels, p->output[2], 1, FC_POOL_LINE, work);
        r.scratch_bytes = (r.grid.tile_columns + FC_POOL_SLACK) * size;
    } else if (kernels->rolls[op] && is_rolled(&job, op)) {
        r.kernel = kernels->rolls[op];
        r.grid = cut(rows * p->channels, p->output[2], 1, FC_POOL_LINE, p->kernel[2]);
        r.scratch_bytes = (r.grid.tile_columns + FC_POOL_SLACK) * size;
    } else if (exact && fc_pool_turns(&job, op, line > 0) && turn(&r, &job, op)) {
        /* that was all */
    } else if (line && exact) {
        r.kernel = kernels->lines[op];
        r.grid = cut(rows * p->channels, p->output[2], 1, line, work);
        job.phase = r.grid.tile_columns + (p->kernel[2] - 1) * p->dilation[2] / p->stride[2] + 1 +
                    FC_POOL_SLACK;
        job.lines = lines_at_hand(p->stride[2] * job.phase,
                                  op == FC_POOL_ARGMAX ? p->input[1] : r.grid.tile_rows);
        /* Above a stride of 2, whole lines besides the split ones, and tables. */
        const int64_t lines = p->stride[2] * (job.lines + (p->stride[2] > 2 ? job.lines + 1 : 0));
        r.scratch_bytes = p->kernel[2] * (8 + size) + (lines + 4) * job.phase * size;
    } else {
        r.kernel = kernels->windows[op];
        r.grid = cut(rows * p->channels, p->output[2], 1, columns_of_windows(&job), work);
        job.phase = fc_min(p->input[2], FC_POOL_LINE);
        r.scratch_bytes = job.phase * size;
    }
    return run_grid(&r, call);
}

/* Channels last, gradients: tiles of fewer columns where a line would be long; a few lines are to
 * stay in a second-level cache. */
static void keep_to_line(grid *g, const fc_pool_job *job) {
    while (g->tile_columns > 1 &&
           fc_windows_over(job, 2, g->tile_columns) * g->tile_channels > 4 * FC_POOL_LINE)
        g->tile_columns = (g->tile_columns + 1) / 2;
    g->column_tiles = tiles_of(g->columns, g->tile_columns);
}

/* Of stride 1: the sum over the windows that cover an element is a window of gy. */
static fc_pool_job exchange(const fc_pool_job *job) {
    fc_pool_job exchanged = *job;
    for (int a = 0; a < 3; a++) {
        exchanged.pool.input[a] = job->pool.output[a];
        exchanged.pool.output[a] = job->pool.input[a];
        exchanged.pool.pad[a] = job->pool.kernel[a] - 1 - job->pool.pad[a];
    }
    return exchanged;
}

fc_status fc_pool_backward(const fc_pool_job *given, int op, const fc_call *call) {
    fc_pool_job job = prepared(given);
    const fc_pool *p = &job.pool;
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int64_t rows = p->batch * p->input[0] * p->input[1], size = fc_sizeof(p->dtype);
    const int64_t line = columns_of_line(&job);
    const fc_pool_job exchanged = exchange(&job);
    run r = {.job = &job};
    job.back = 1;
    if (p->layout == FC_CHANNELS_LAST && op == FC_POOL_AVG && p->stride[0] == 1 &&
        p->stride[1] == 1 && p->stride[2] == 1 && job.whole != 0) {
        job = exchanged;
        choose_pixels(&r, &job, op, rows, window_elements(&job));
    } else if (p->layout == FC_CHANNELS_LAST) {
        r.kernel = kernels->grad_pixels[op];
        r.grid = cut(rows, p->input[2], p->channels, p->input[2], 1);
        keep_to_line(&r.grid, &job);
        job.phase =
            fc_windows_over(&job, 2, r.grid.tile_columns) * r.grid.tile_channels + FC_POOL_SLACK;
        job.lines = fc_max(lines_at_hand(job.phase, r.grid.tile_rows), fc_min(4, r.grid.tile_rows));
        r.scratch_bytes = 16 * r.grid.tile_columns + (job.lines + 1) * job.phase * size;
    } else if (op == FC_POOL_AVG && is_global(&job)) {
        r.kernel = kernels->grad_planes[op];
        r.grid = cut(p->batch * p->channels, 1, 1, 1, volume(p->input));
    } else if (op == FC_POOL_AVG && job.whole != 0 && is_rolled(&exchanged, op)) {
        job = exchanged;
        r.kernel = kernels->rolls[op];
        r.grid = cut(rows * p->channels, p->output[2], 1, FC_POOL_LINE, p->kernel[2]);
    } else if (op == FC_POOL_AVG && job.whole != 0 && is_spread(&job)) {
        r.kernel = kernels->grad_spread;
        r.grid = cut(rows * p->channels, p->input[2], 1, FC_POOL_LINE, 2);
        r.scratch_bytes = 2 * (p->stride[2] + FC_POOL_SLACK) * size;
    } else if (op == FC_POOL_AVG && fc_pool_turns_back(&job) && turn(&r, &job, op)) {
        /* that was all */
    } else if (line) {
        r.kernel = kernels->grad_lines[op];
        r.grid = cut(rows * p->channels, p->input[2], 1, FC_POOL_LINE, 4);
        job.phase = r.grid.tile_columns / p->stride[2] + (p->kernel[2] - 1) / p->stride[2] + 3 +
                    FC_POOL_SLACK;
        job.lines = lines_at_hand(job.phase, r.grid.tile_rows);
        r.scratch_bytes = ((job.lines + 1) * job.phase + 2 * (p->stride[2] + FC_POOL_SLACK)) * size;
    } else {
        r.kernel = kernels->grad_windows[op];
        r.grid = cut(rows * p->channels, p->input[2], 1, FC_POOL_LINE, 4);
        job.phase = fc_min(p->output[2], FC_POOL_LINE) + FC_POOL_SLACK;
        r.scratch_bytes = 2 * job.phase * (8 + size);
    }
    return run_grid(&r, call);
}

fc_status fc_pool_scatter(const fc_pool_job *job, int add, const fc_call *call) {
    const fc_pool *p = &job->pool;
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int last = p->layout == FC_CHANNELS_LAST;
    run r = {.job = job, .kernel = add ? kernels->scatter_add : kernels->scatter_set};
    r.grid = cut(last ? p->batch : p->batch * p->channels, 1, last ? p->channels : 1, 1,
                 volume(p->input) + volume(p->output));
    return run_grid(&r, call);
}

fc_status fc_pool_columns(const fc_conv *p, int fold, const void *in, void *out,
                          const fc_call *call) {
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int64_t taps = volume(p->kernel), planes = p->batch * p->in_channels;
    run r = {.columns = p, .move = fold ? kernels->fold : kernels->unfold, .in = in, .out = out};
    if (fold) r.grid = cut(planes * p->input[0] * p->input[1], p->input[2], 1, p->input[2], taps);
    else
        r.grid = cut(planes * taps * p->output[0] * p->output[1], p->output[2], 1, p->output[2], 1);
    return run_grid(&r, call);
}
