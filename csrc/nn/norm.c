/* Batch normalisation: a channel after another, each read twice while the cache holds it.
 *
 *   for each run of channels (parallel), for each channel, or all of them where space is 1:
 *     forward:   moments of its chunks, combined; then y
 *     gradient:  sums of its chunks, added; then gx
 *
 * A chunk is some images' planes, or a piece of a long one, and depends on the problem alone; the
 * chunks of a channel are combined in double, in their order (Chan, Golub and LeVeque 1979). So no
 * byte depends on the threads.
 *
 * Where the statistics are given, the forward pass is one of all elements as they lie. */
#include <math.h>

#include "../conv/integers.h"
#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"

#define LIMIT ((int64_t)1 << 62)

/* Elements of a chunk: twice read, it stays in a first-level cache. Its planes lie apart, in no
 * more lines than the cache has ways. */
#define CHUNK_ELEMENTS 4096
#define CHUNK_PLANES 16
/* Elements of a tile: some 10 microseconds. Fewer than MANY in all are done before another thread
 * has woken. */
#define TILE_ELEMENTS (32 << 10)
#define MANY (32 << 10)
/* Where space is 1: channels of a tile, and rows of a chunk, which are added one by one. */
#define COLUMNS 64
#define CHUNK_ROWS 128

typedef struct run {
    const fc_batch_norm *p;
    const fc_norm_kernels *kernels;
    int64_t item, tile_channels;
    const char *x, *gy, *weight, *bias;
    char *out, *gw, *gb, *running_mean, *running_variance;
    double *mean, *inverse;
    const double *given_mean, *given_inverse;
} run;

/* ---- Values of either type ------------------------------------------------------------------- */

static double value_at(const run *r, const void *values, int64_t i) {
    return r->item == 4 ? ((const float *)values)[i] : ((const double *)values)[i];
}

static void put(const run *r, void *values, int64_t i, double value) {
    if (r->item == 4) ((float *)values)[i] = (float)value;
    else ((double *)values)[i] = value;
}

static double rounded(const run *r, double value) { return r->item == 4 ? (float)value : value; }

/* ---- One channel ----------------------------------------------------------------------------- */

/* Where a channel lies, in x and in gy and out. */
typedef struct channel {
    int64_t index; /* of the arrays of channels */
    int64_t planes, step, length;
    const char *x, *gy;
    char *out;
} channel;

static fc_norm norm_of(const channel *c) {
    return (fc_norm){.planes = c->planes,
                     .step = c->step,
                     .length = c->length,
                     .x = c->x,
                     .gy = c->gy,
                     .out = c->out};
}

/* Chunk after chunk into `all`, of which `count` elements are in there. */
typedef void (*combine_fn)(double *all, double count, const double *chunk, double elements);

static void add_sums(double *all, double count, const double *chunk, double elements) {
    (void)count, (void)elements;
    all[0] += chunk[0];
    all[1] += chunk[1];
}

static void add_moments(double *all, double count, const double *chunk, double elements) {
    const double delta = chunk[0] - all[0], share = elements / (count + elements);
    if (count == 0) {
        all[0] = chunk[0];
        all[1] = chunk[1];
        return;
    }
    all[0] += delta * share;
    all[1] += chunk[1] + delta * delta * count * share;
}

static void over_chunks(const run *r, const channel *c, double center,
                        void (*kernel)(const fc_norm *, double *), combine_fn combine,
                        double *all) {
    const int64_t planes = clamp64(CHUNK_ELEMENTS / c->length, 1, CHUNK_PLANES);
    double count = 0;
    all[0] = all[1] = 0;
    for (int64_t n = 0; n < c->planes; n += planes)
        for (int64_t i = 0; i < c->length; i += CHUNK_ELEMENTS) {
            const int64_t at = (n * c->step + i) * r->item;
            fc_norm chunk = norm_of(c);
            double result[2];
            chunk.planes = min64(planes, c->planes - n);
            chunk.length = min64(CHUNK_ELEMENTS, c->length - i);
            chunk.x = c->x + at;
            chunk.gy = c->gy ? c->gy + at : NULL;
            chunk.center = center;
            kernel(&chunk, result);
            const double elements = (double)(chunk.planes * chunk.length);
            combine(all, count, result, elements);
            count += elements;
        }
}

/* What a channel's elements are made with. */
typedef struct values {
    double center, scale, slope, shift;
} values;

static values forward_values(const run *r, int64_t i, const double *moments) {
    const fc_batch_norm *p = r->p;
    const double count = (double)(p->batch * p->space);
    double mean, variance;
    if (p->training) {
        mean = moments[0];
        variance = moments[1] / count;
        if (r->running_mean) {
            const double old_mean = value_at(r, r->running_mean, i);
            const double old_variance = value_at(r, r->running_variance, i);
            const double unbiased = moments[1] / (count - 1), m = p->momentum;
            put(r, r->running_mean, i, (1 - m) * old_mean + m * mean);
            put(r, r->running_variance, i, (1 - m) * old_variance + m * unbiased);
        }
    } else {
        mean = value_at(r, r->running_mean, i);
        variance = value_at(r, r->running_variance, i);
    }
    r->mean[i] = mean;
    r->inverse[i] = 1 / sqrt(variance + p->eps);
    values v = {.center = rounded(r, mean)};
    v.scale = r->inverse[i] * (r->weight ? value_at(r, r->weight, i) : 1);
    /* What the mean loses as a float goes into the shift. */
    v.shift = (r->bias ? value_at(r, r->bias, i) : 0) - (mean - v.center) * v.scale;
    return v;
}

static int needs_sums(const run *r) { return r->gw || r->gb || (r->out && r->p->training); }

/* With s and t the sums of gy and of gy * (x - mean): gw = inverse * t and
 *
 *   gx = weight * inverse * (gy - s / count - (x - mean) * inverse^2 * t / count)
 *
 * or, where mean and variance were given, weight * inverse * gy. `sums` are of gy and of
 * gy * (x - center). */
static values grad_values(const run *r, int64_t i, const double *sums) {
    const fc_batch_norm *p = r->p;
    const double count = (double)(p->batch * p->space);
    const double mean = r->given_mean[i], inverse = r->given_inverse[i];
    values v = {.center = rounded(r, mean)};
    const double lost = mean - v.center, t = sums[1] - lost * sums[0];
    if (r->gb) put(r, r->gb, i, sums[0]);
    if (r->gw) put(r, r->gw, i, inverse * t);
    v.scale = inverse * (r->weight ? value_at(r, r->weight, i) : 1);
    if (p->training) {
        v.slope = -v.scale * inverse * inverse * t / count;
        v.shift = -v.scale * sums[0] / count - v.slope * lost;
    } else v.center = 0;
    return v;
}

static void set_values(fc_norm *norm, values v) {
    norm->center = v.center;
    norm->scale = v.scale;
    norm->slope = v.slope;
    norm->shift = v.shift;
}

static void forward_channel(const run *r, const channel *c) {
    double moments[2];
    over_chunks(r, c, 0, r->kernels->moments, add_moments, moments);
    fc_norm norm = norm_of(c);
    set_values(&norm, forward_values(r, c->index, moments));
    r->kernels->apply(&norm);
}

static void grad_channel(const run *r, const channel *c) {
    double sums[2] = {0, 0};
    const double center = rounded(r, r->given_mean[c->index]);
    if (needs_sums(r)) over_chunks(r, c, center, r->kernels->sums, add_sums, sums);
    const values v = grad_values(r, c->index, sums);
    if (!r->out) return;
    fc_norm norm = norm_of(c);
    set_values(&norm, v);
    if (!r->p->training) norm.x = norm.gy;
    (r->p->training ? r->kernels->grad : r->kernels->apply)(&norm);
}

/* ---- All channels ---------------------------------------------------------------------------- */

static void run_planes(void *context, int64_t tile, void *scratch) {
    (void)scratch;
    const run *r = context;
    const fc_batch_norm *p = r->p;
    const int64_t first = tile * r->tile_channels;
    for (int64_t i = first; i < min64(first + r->tile_channels, p->channels); i++) {
        const int64_t at = i * p->space * r->item;
        const channel c = {.index = i,
                           .planes = p->batch,
                           .step = p->channels * p->space,
                           .length = p->space,
                           .x = r->x + at,
                           .gy = r->gy ? r->gy + at : NULL,
                           .out = r->out ? r->out + at : NULL};
        (r->gy ? grad_channel : forward_channel)(r, &c);
    }
}

/* Of each channel of a tile, as reals, which take no more room than this. */
typedef struct column_values {
    double center[COLUMNS], scale[COLUMNS], slope[COLUMNS], shift[COLUMNS];
} column_values;

static void put_values(const run *r, column_values *to, int64_t i, values v) {
    put(r, to->center, i, v.center);
    put(r, to->scale, i, v.scale);
    put(r, to->slope, i, v.slope);
    put(r, to->shift, i, v.shift);
}

/* Channels from `first` on, in the rows from `row` on. */
static fc_norm_rows columns_of(const run *r, const column_values *values, int64_t first,
                               int64_t channels, int64_t row, int64_t rows) {
    const int64_t at = (row * r->p->channels + first) * r->item;
    return (fc_norm_rows){.rows = rows,
                          .step = r->p->channels,
                          .channels = channels,
                          .space = 1,
                          .x = r->x + at,
                          .gy = r->gy ? r->gy + at : NULL,
                          .out = r->out ? r->out + at : NULL,
                          .center = values->center,
                          .scale = values->scale,
                          .slope = values->slope,
                          .shift = values->shift};
}

/* The chunks of all channels of a tile, combined: all[i] belongs to channel first + i. */
static void over_row_chunks(const run *r, const column_values *values, int64_t first,
                            int64_t channels, void (*kernel)(const fc_norm_rows *, double *),
                            combine_fn combine, double all[][2]) {
    double result[2 * COLUMNS];
    for (int64_t row = 0; row < r->p->batch; row += CHUNK_ROWS) {
        const int64_t rows = min64(CHUNK_ROWS, r->p->batch - row);
        const fc_norm_rows chunk = columns_of(r, values, first, channels, row, rows);
        kernel(&chunk, result);
        for (int64_t i = 0; i < channels; i++) {
            const double one[2] = {result[i], result[channels + i]};
            combine(all[i], (double)row, one, (double)rows);
        }
    }
}

static void run_columns(void *context, int64_t tile, void *scratch) {
    (void)scratch;
    const run *r = context;
    const fc_batch_norm *p = r->p;
    const int64_t first = tile * COLUMNS, channels = min64(COLUMNS, p->channels - first);
    double all[COLUMNS][2] = {{0}};
    column_values values = {.center = {0}};
    if (r->gy) {
        for (int64_t i = 0; i < channels; i++) put(r, values.center, i, r->given_mean[first + i]);
        if (needs_sums(r))
            over_row_chunks(r, &values, first, channels, r->kernels->column_sums, add_sums, all);
        for (int64_t i = 0; i < channels; i++)
            put_values(r, &values, i, grad_values(r, first + i, all[i]));
    } else {
        over_row_chunks(r, &values, first, channels, r->kernels->column_moments, add_moments, all);
        for (int64_t i = 0; i < channels; i++)
            put_values(r, &values, i, forward_values(r, first + i, all[i]));
    }
    if (!r->out) return;
    fc_norm_rows whole = columns_of(r, &values, first, channels, 0, p->batch);
    if (r->gy && !p->training) whole.x = whole.gy;
    (r->gy && p->training ? r->kernels->column_grad : r->kernels->apply_rows)(&whole);
}

/* ---- Given statistics ------------------------------------------------------------------------ */

typedef struct given {
    const run *r;
    char *center, *scale, *shift; /* of each channel */
    int64_t tile_rows, channel_tiles;
} given;

static void run_given(void *context, int64_t tile, void *scratch) {
    (void)scratch;
    const given *g = context;
    const run *r = g->r;
    const fc_batch_norm *p = r->p;
    const int64_t row = tile / g->channel_tiles * g->tile_rows;
    const int64_t first = tile % g->channel_tiles * r->tile_channels;
    const int64_t at = (row * p->channels + first) * p->space * r->item;
    const fc_norm_rows rows = {.rows = min64(g->tile_rows, p->batch - row),
                               .step = p->channels * p->space,
                               .channels = min64(r->tile_channels, p->channels - first),
                               .space = p->space,
                               .x = r->x + at,
                               .out = r->out + at,
                               .center = g->center + first * r->item,
                               .scale = g->scale + first * r->item,
                               .shift = g->shift + first * r->item};
    r->kernels->apply_rows(&rows);
}

static fc_status forward_given(run *r, const fc_call *call) {
    const fc_batch_norm *p = r->p;
    const int64_t bytes = fc_aligned(p->channels * r->item);
    char *block = fc_scratch(3 * bytes);
    FC_REQUIRE(block, FC_OUT_OF_MEMORY);
    given g = {.r = r, .center = block, .scale = block + bytes, .shift = block + 2 * bytes};
    for (int64_t i = 0; i < p->channels; i++) {
        const values v = forward_values(r, i, NULL);
        put(r, g.center, i, v.center);
        put(r, g.scale, i, v.scale);
        put(r, g.shift, i, v.shift);
    }
    r->tile_channels = clamp64(TILE_ELEMENTS / p->space, 1, p->channels);
    g.channel_tiles = ceil_div(p->channels, r->tile_channels);
    g.tile_rows = clamp64(TILE_ELEMENTS / (r->tile_channels * p->space), 1, p->batch);
    const int64_t tiles = g.channel_tiles * ceil_div(p->batch, g.tile_rows);
    const fc_status status = fc_share_out(call, tiles, 0, run_given, &g);
    fc_scratch_free(block);
    return status;
}

/* ---- The functions --------------------------------------------------------------------------- */

static fc_status check(const fc_batch_norm *p) {
    int64_t elements;
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_REQUIRE(p->dtype == FC_F32 || p->dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(p->batch > 0 && p->channels > 0 && p->space > 0, FC_INVALID_SIZE);
    FC_REQUIRE(!__builtin_mul_overflow(p->batch, p->channels, &elements) &&
                   !__builtin_mul_overflow(elements, p->space, &elements) && elements < LIMIT / 8,
               FC_INVALID_SIZE);
    FC_REQUIRE(!p->training || elements > p->channels, FC_INVALID_SIZE);
    return FC_OK;
}

static fc_status run_all(run *r, const fc_call *call) {
    const fc_batch_norm *p = r->p;
    const int64_t elements = p->batch * p->space;
    fc_call how = call ? *call : (fc_call){0};
    if (elements * p->channels < MANY) how.threads = 1;
    r->item = fc_sizeof(p->dtype);
    r->kernels = &fc_kernels_for(p->dtype)->nn->norm;
    if (!r->gy && !p->training) return forward_given(r, &how);
    if (p->space == 1) return fc_share_out(&how, ceil_div(p->channels, COLUMNS), 0, run_columns, r);
    r->tile_channels = clamp64(TILE_ELEMENTS / elements, 1, p->channels);
    return fc_share_out(&how, ceil_div(p->channels, r->tile_channels), 0, run_planes, r);
}

fc_status fc_batch_norm_forward(const fc_batch_norm *problem, const void *x, const void *weight,
                                const void *bias, void *running_mean, void *running_variance,
                                double *mean, double *inverse, void *y, const fc_call *call) {
    FC_TRY(check(problem));
    FC_REQUIRE(x && y && mean && inverse, FC_INVALID_NULL);
    FC_REQUIRE(!running_mean == !running_variance, FC_INVALID_NULL);
    FC_REQUIRE(problem->training || running_mean, FC_INVALID_NULL);
    run r = {.p = problem,
             .x = x,
             .weight = weight,
             .bias = bias,
             .out = y,
             .running_mean = running_mean,
             .running_variance = running_variance,
             .mean = mean,
             .inverse = inverse};
    return run_all(&r, call);
}

fc_status fc_batch_norm_grad(const fc_batch_norm *problem, const void *x, const void *weight,
                             const double *mean, const double *inverse, const void *gy, void *gx,
                             void *gw, void *gb, const fc_call *call) {
    FC_TRY(check(problem));
    FC_REQUIRE(x && gy && mean && inverse, FC_INVALID_NULL);
    run r = {.p = problem,
             .x = x,
             .gy = gy,
             .weight = weight,
             .out = gx,
             .gw = gw,
             .gb = gb,
             .given_mean = mean,
             .given_inverse = inverse};
    return run_all(&r, call);
}
