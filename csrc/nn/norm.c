/* Batch normalisation: a channel after another, each read twice while the cache holds it.
 *
 *   for each run of channels (parallel), for each channel:
 *     forward:   moments of its chunks, combined; then y
 *     gradient:  sums of its chunks, added; then gx
 *
 * A chunk is some images' planes, or a piece of a long one, and depends on the problem alone; the
 * chunks of a channel are combined in double, in their order (Chan, Golub and LeVeque 1979). So no
 * byte depends on the threads.
 *
 * Planes of one element lie apart: some channels at a time are transposed, and back. */
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
/* Transposed: channels that fill a line, but for scratch memory without end. */
#define LINE_CHANNELS 16
#define LONG_BATCH (64 << 10)

typedef struct run {
    const fc_batch_norm *p;
    const fc_norm_kernels *kernels;
    int64_t item, tile_channels;
    const char *x, *gy, *weight, *bias;
    char *out, *gw, *gb, *running_mean, *running_variance;
    double *mean, *inverse;
    const double *given_mean, *given_inverse;
} run;

/* ---- Values of either type --------------------------------------------------------------------- */

static double value_at(const run *r, const void *values, int64_t i) {
    return r->item == 4 ? ((const float *)values)[i] : ((const double *)values)[i];
}

static void put(const run *r, void *values, int64_t i, double value) {
    if (r->item == 4) ((float *)values)[i] = (float)value;
    else ((double *)values)[i] = value;
}

/* ---- One channel ------------------------------------------------------------------------------- */

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

static void forward_channel(const run *r, const channel *c) {
    const fc_batch_norm *p = r->p;
    const int64_t i = c->index;
    const double count = (double)(p->batch * p->space);
    double mean, variance;
    if (p->training) {
        double moments[2];
        over_chunks(r, c, 0, r->kernels->moments, add_moments, moments);
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
    const double inverse = 1 / sqrt(variance + p->eps);
    fc_norm norm = norm_of(c);
    norm.scale = inverse * (r->weight ? value_at(r, r->weight, i) : 1);
    norm.shift = r->bias ? value_at(r, r->bias, i) : 0;
    /* What the mean loses as a float goes into the shift. */
    norm.center = r->item == 4 ? (float)mean : mean;
    norm.shift -= (mean - norm.center) * norm.scale;
    r->kernels->apply(&norm);
    r->mean[i] = mean;
    r->inverse[i] = inverse;
}

/* With d = x - center, lost = mean - center, and s and t the sums of gy and of gy * (x - mean):
 * gw = inverse * t and
 *   gx = weight * inverse * (gy - s / count - (x - mean) * inverse^2 * t / count)
 * or, where mean and variance are given, weight * inverse * gy. */
static void grad_channel(const run *r, const channel *c) {
    const fc_batch_norm *p = r->p;
    const int64_t i = c->index;
    const double count = (double)(p->batch * p->space);
    const double mean = r->given_mean[i], inverse = r->given_inverse[i];
    const double center = r->item == 4 ? (float)mean : mean, lost = mean - center;
    double sums[2] = {0, 0};
    if (r->gw || r->gb || (r->out && p->training)) {
        over_chunks(r, c, center, r->kernels->sums, add_sums, sums);
        sums[1] -= lost * sums[0];
        if (r->gb) put(r, r->gb, i, sums[0]);
        if (r->gw) put(r, r->gw, i, inverse * sums[1]);
    }
    if (!r->out) return;
    fc_norm norm = norm_of(c);
    norm.scale = inverse * (r->weight ? value_at(r, r->weight, i) : 1);
    if (p->training) {
        norm.center = center;
        norm.slope = -norm.scale * inverse * inverse * sums[1] / count;
        norm.shift = -norm.scale * sums[0] / count - norm.slope * lost;
        r->kernels->grad(&norm);
    } else {
        norm.x = norm.gy;
        r->kernels->apply(&norm);
    }
}

/* ---- All channels ------------------------------------------------------------------------------ */

static void run_channel(const run *r, const channel *c) {
    if (r->gy) grad_channel(r, c);
    else forward_channel(r, c);
}

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
        run_channel(r, &c);
    }
}

/* Planes of one element; the result takes the place of what was copied last. */
static void run_columns(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const fc_batch_norm *p = r->p;
    const fc_conv_kernels *move = &fc_kernels_for(p->dtype)->conv;
    const int64_t first = tile * r->tile_channels, rows = p->batch;
    const int64_t channels = min64(r->tile_channels, p->channels - first);
    char *x = scratch, *gy = r->gy ? x + r->tile_channels * rows * r->item : NULL;
    char *out = gy ? gy : x;
    move->transpose(x, rows, r->x + first * r->item, p->channels, rows, channels);
    if (gy) move->transpose(gy, rows, r->gy + first * r->item, p->channels, rows, channels);
    for (int64_t i = 0; i < channels; i++) {
        const int64_t at = i * rows * r->item;
        const channel c = {.index = first + i,
                           .planes = 1,
                           .step = rows,
                           .length = rows,
                           .x = x + at,
                           .gy = gy ? gy + at : NULL,
                           .out = r->out ? out + at : NULL};
        run_channel(r, &c);
    }
    if (r->out) move->transpose(r->out + first * r->item, p->channels, out, rows, channels, rows);
}

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
    const int columns = p->space == 1 && p->channels > 1;
    const int64_t least = columns && p->batch <= LONG_BATCH ? LINE_CHANNELS : 1;
    fc_call how = call ? *call : (fc_call){0};
    if (elements * p->channels < MANY) how.threads = 1;
    r->item = fc_sizeof(p->dtype);
    r->kernels = &fc_kernels_for(p->dtype)->nn->norm;
    r->tile_channels = clamp64(TILE_ELEMENTS / elements, min64(least, p->channels), p->channels);
    const int64_t tiles = ceil_div(p->channels, r->tile_channels);
    const int64_t scratch = columns ? r->tile_channels * p->batch * r->item * (r->gy ? 2 : 1) : 0;
    return fc_share_out(&how, tiles, scratch, columns ? run_columns : run_planes, r);
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
