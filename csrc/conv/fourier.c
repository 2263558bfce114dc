/* Convolution by Fourier transforms: the sums over taps are products point by point.
 *
 *   H = transforms of the weights             [group][out][in][rows of points]
 *   for each item (parallel):                   an image, a group, two tiles, some output channels
 *     for each input channel:
 *       the tiles, padding filled in              one is the real part, the other the imaginary one
 *       X = their transform                       columns, then rows, a vector's width at a time
 *     for each output channel:
 *       for each width of rows:
 *         sums = sum over input channels of X H     in that order
 *         transformed back
 *       columns transformed back; + bias, clamped
 *
 * The weights are real, so that two tiles in one never mix. Overlap-save: a tile of n positions
 * gives n - taps + 1 outputs, and what lies beyond is wrong and dropped. A tile of a line is taken
 * for a matrix, row by row: transforms of its columns, a turn of each element, and transforms of
 * its rows are a transform of the line.
 *
 * All arithmetic is in double, whatever the type: what a transform errs by is relative to the
 * largest values of its tile, not to those that a sum is made of. Results below that error are
 * zero, as the direct sum would give where all products are. NaN and Inf spread over their tile,
 * and large values may overflow: an image in which a result is not finite is computed again by the
 * direct algorithm. */
#include "fourier.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "cache_blocks.h"
#include "correlate.h"
#include "depthwise.h"
#include "integers.h"
#include "plane.h"

/* Standard deviations of the rounding error that a result may be. */
#define ERRORS 8.0

typedef struct run {
    const fc_correlation *c;
    const fc_fourier *f;
    const fc_fft_kernels *fft;
    int lanes;
    fc_fourier_roots roots;
    const char *x, *weights, *bias; /* bias: or NULL */
    char *y;
    double *spectra, *sizes; /* H and, of each, the sum of the magnitudes of its taps */
    int64_t first, channels; /* output channels of each group that H is of */
    atomic_uchar *overflow;  /* of each image */
    char *scratch;
    int64_t scratch_bytes; /* of a worker */
} run;

/* Scratch of a worker. */
typedef struct bench {
    double *re, *im;  /* the tile */
    double *x, *sums; /* transforms of the input channels; of one width of rows */
    double *lines;    /* of columns */
} bench;

static int64_t sums_elements(const fc_fourier *f) { return 2 * 8 * f->size[2]; }
static int64_t lines_elements(const fc_fourier *f) { return 2 * 8 * max64(f->size[0], f->size[1]); }

/* Elements from row to row of a tile: rows that are a power of two apart would share few lines of
 * the caches. */
static int64_t pitch_of(const fc_fourier *f) { return f->size[2] + 8; }
static int64_t tile_elements(const fc_fourier *f) { return f->rows * pitch_of(f); }

static int64_t bench_bytes(const fc_correlation *c, const fc_fourier *f) {
    const int64_t doubles = times64(f->elements, 2 * c->in_channels) +
                            times64(2 * f->rows, pitch_of(f)) + sums_elements(f) +
                            lines_elements(f);
    return fc_aligned(times64(doubles, sizeof(double)));
}

static bench bench_of(const run *r, int worker) {
    bench b;
    b.re = (double *)(r->scratch + worker * r->scratch_bytes);
    b.im = b.re + tile_elements(r->f);
    b.x = b.im + tile_elements(r->f);
    b.sums = b.x + 2 * r->f->elements * r->c->in_channels;
    b.lines = b.sums + sums_elements(r->f);
    return b;
}

/* ---- Transforms of a tile ---- */

static void transform_columns(const run *r, const bench *b, int back) {
    const fc_fourier *f = r->f;
    const int64_t row = pitch_of(f), plane = f->size[1] * row;
    for (int step = 0; step < 2; step++) {
        const int axis = back ? 1 - step : step;
        if (f->size[axis] == 1) continue;
        const fc_fft_turn *turn = f->line && axis == 1 ? &r->roots.turn : NULL;
        const int64_t lines = axis == 0 ? 1 : f->size[0], rows = axis == 0 ? f->size[1] : 1;
        for (int64_t i = 0; i < lines * rows; i++) {
            const int64_t at = axis == 0 ? i * row : i * plane;
            for (int64_t w = 0; w < f->size[2]; w += r->lanes)
                r->fft->columns(&r->roots.axis[axis], b->re + at + w, b->im + at + w,
                                axis == 0 ? plane : row, turn, w / r->lanes, back, b->lines);
        }
    }
}

/* The tile's, to `spectrum`; the sum of the squares of its elements. */
static double transform_tile(const run *r, const bench *b, double *spectrum) {
    const fc_fourier *f = r->f;
    const int64_t pitch = pitch_of(f);
    double squares = 0;
    transform_columns(r, b, 0);
    for (int64_t row = 0; row < f->rows; row += r->lanes)
        squares += r->fft->rows(&r->roots.axis[2], b->re + row * pitch, b->im + row * pitch, pitch,
                                spectrum + 2 * row * f->size[2]);
    return squares / (double)f->rows;
}

/* ---- Weights ---- */

static double weight_at(const fc_correlation *c, const char *w, int64_t i) {
    return c->item == 4 ? ((const float *)w)[i] : ((const double *)w)[i];
}

/* Where tap t of an axis of n positions goes: before the origin, around the end. */
static int64_t place_of(int64_t t, int64_t n) { return t ? n - t : 0; }

/* The taps of one pair of channels; the sum of their magnitudes. */
static double set_taps(const run *r, const bench *b, int64_t at) {
    const fc_correlation *c = r->c;
    const fc_fourier *f = r->f;
    const int64_t *n = f->length, width = f->size[2], pitch = pitch_of(f);
    const double scale = 1 / (double)f->elements;
    double size = 0;
    memset(b->re, 0, (size_t)(2 * tile_elements(f)) * sizeof(double));
    for (int64_t d = 0; d < c->axis[0].taps; d++)
        for (int64_t h = 0; h < c->axis[1].taps; h++) {
            const int64_t tap = at + d * c->w_axis[0] + h * c->w_axis[1];
            const int64_t row = place_of(d, n[0]) * n[1] + place_of(h, n[1]);
            for (int64_t w = 0; w < c->axis[2].taps; w++) {
                const int64_t place = place_of(w, n[2]);
                const int64_t rows = f->line ? place / width : row; /* a line is cut into rows */
                const double value = weight_at(c, r->weights, tap + w * c->w_axis[2]);
                b->re[rows * pitch + place - (f->line ? rows * width : 0)] = value * scale;
                size += fabs(value);
            }
        }
    return size;
}

/* H of one pair of channels. */
static void transform_weight(void *context, int64_t index, int worker) {
    const run *r = context;
    const fc_correlation *c = r->c;
    const bench b = bench_of(r, worker);
    const int64_t in = index % c->in_channels, out = index / c->in_channels % r->channels,
                  group = index / c->in_channels / r->channels;
    r->sizes[index] =
        set_taps(r, &b, group * c->w_group + (r->first + out) * c->w_out + in * c->w_in);
    transform_tile(r, &b, r->spectra + 2 * r->f->elements * index);
}

/* ---- Input ---- */

/* Where row `row` of tile `index` begins, in outputs. */
static void row_start(const fc_fourier *f, int64_t index, int64_t row, int64_t start[3]) {
    for (int i = 2; i >= 0; i--) {
        start[i] = index % f->tiles[i] * f->valid[i];
        index /= f->tiles[i];
    }
    if (f->line) {
        start[2] += row * f->size[2];
        return;
    }
    start[0] += row / f->size[1];
    start[1] += row % f->size[1];
}

/* Which input position of an axis output `o` begins at; -1: none, or one that no output reads. */
static int64_t source(const fc_correlation *c, int i, int64_t o) {
    const fc_axis *a = &c->axis[i];
    if (o > a->out + a->taps - 2) return -1;
    const int64_t position = o + a->offset;
    if (position >= 0 && position < a->in) return position;
    return c->padding_mode == FC_PAD_ZEROS ? -1
                                           : fc_padded_position(position, a->in, c->padding_mode);
}

static void bring_span(const run *r, const char *from, int64_t step, int64_t n, double *to) {
    const float *single = (const float *)from;
    const double *real = (const double *)from;
    if (step == 1 && r->c->item == 4) r->fft->widen(single, n, to);
    else if (step == 1) memcpy(to, real, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++) to[i] = r->c->item == 4 ? single[i * step] : real[i * step];
}

/* n positions beyond the ends of a line, from output `o` on. */
static void bring_padding(const run *r, const char *line, int64_t step, int64_t o, int64_t n,
                          double *to) {
    if (r->c->padding_mode == FC_PAD_ZEROS) {
        memset(to, 0, (size_t)n * sizeof *to);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t position = source(r->c, 2, o + i);
        to[i] = position < 0 ? 0 : weight_at(r->c, line, position * step);
    }
}

/* n positions of a line of the input (NULL: of zeros) from output `o` on. */
static void bring_line(const run *r, const char *line, int64_t step, int64_t o, int64_t n,
                       double *to) {
    const fc_correlation *c = r->c;
    const fc_axis *a = &c->axis[2];
    if (!line) {
        memset(to, 0, (size_t)n * sizeof *to);
        return;
    }
    const int64_t first = clamp64(-a->offset - o, 0, n);
    const int64_t end = min64(a->in - a->offset, a->out + a->taps - 1);
    const int64_t last = clamp64(end - o, first, n);
    bring_padding(r, line, step, o, first, to);
    if (last > first)
        bring_span(r, line + (o + first + a->offset) * step * c->item, step, last - first,
                   to + first);
    bring_padding(r, line, step, o + last, n - last, to + last);
}

/* A tile of a channel, or zeros where there is no such tile. */
static void bring_tile(const run *r, int64_t image, int64_t channel, int64_t index, double *to) {
    const fc_correlation *c = r->c;
    const fc_fourier *f = r->f;
    const int64_t all = c->groups * c->in_channels;
    const int64_t space = c->axis[0].in * c->axis[1].in * c->axis[2].in;
    const int last = c->layout == FC_CHANNELS_LAST;
    const int64_t step = last ? all : 1;
    const char *x = r->x + (image * all * space + channel * (last ? 1 : space)) * c->item;
    for (int64_t row = 0; row < f->rows; row++) {
        int64_t start[3];
        row_start(f, index, row, start);
        const int64_t plane = index < f->count ? source(c, 0, start[0]) : -1;
        const int64_t h = source(c, 1, start[1]);
        const char *line = NULL;
        if (plane >= 0 && h >= 0)
            line = x + (plane * c->axis[1].in + h) * c->axis[2].in * step * c->item;
        bring_line(r, line, step, start[2], f->size[2], to + row * pitch_of(f));
    }
}

/* ---- Output ---- */

/* n results, which are finished where they are; whether all sums were finite. */
static int store_line(const run *r, const fc_fft_finish *finish, double *from, int64_t n, char *to,
                      int64_t step) {
    const int finite = r->fft->finish(finish, n, from);
    float *single = (float *)to;
    double *real = (double *)to;
    if (step == 1 && r->c->item == 4) r->fft->narrow(from, n, single);
    else if (step == 1) memcpy(real, from, (size_t)n * sizeof *from);
    else if (r->c->item == 4)
        for (int64_t i = 0; i < n; i++) single[i * step] = (float)from[i];
    else
        for (int64_t i = 0; i < n; i++) real[i * step] = from[i];
    return finite;
}

static int store_tile(const run *r, const fc_fft_finish *finish, int64_t image, int64_t channel,
                      int64_t index, double *from) {
    const fc_correlation *c = r->c;
    const fc_fourier *f = r->f;
    const int64_t all = c->groups * c->out_channels;
    const int64_t space = c->axis[0].out * c->axis[1].out * c->axis[2].out;
    const int last = c->layout == FC_CHANNELS_LAST;
    const int64_t step = last ? all : 1;
    char *y = r->y + (image * all * space + channel * (last ? 1 : space)) * c->item;
    int64_t first[3];
    int finite = 1;
    row_start(f, index, 0, first);
    for (int64_t row = 0; row < f->rows; row++) {
        int64_t at[3];
        row_start(f, index, row, at);
        if (at[0] >= min64(first[0] + f->valid[0], c->axis[0].out) ||
            at[1] >= min64(first[1] + f->valid[1], c->axis[1].out))
            continue;
        const int64_t end = min64(first[2] + f->valid[2], c->axis[2].out);
        const int64_t n = min64(f->size[2], end - at[2]);
        const int64_t pixel = (at[0] * c->axis[1].out + at[1]) * c->axis[2].out + at[2];
        if (n > 0)
            finite &= store_line(r, finish, from + row * pitch_of(f), n, y + pixel * step * c->item,
                                 step);
    }
    return finite;
}

/* ---- Items ---- */

/* What a result of two tiles errs by: `size` is that of the weights times that of the tiles. */
static double error_of(const fc_fourier *f, double size) {
    return ERRORS * DBL_EPSILON * sqrt(log2((double)f->elements)) * size;
}

/* The sums of one output channel, transformed back; its weights' and the tiles' sizes. */
static void sum_channel(const run *r, const bench *b, const double *spectra) {
    const fc_fourier *f = r->f;
    const int64_t width = f->size[2], pitch = pitch_of(f), all = 2 * f->elements;
    for (int64_t row = 0; row < f->rows; row += r->lanes) {
        const int64_t at = 2 * row * width;
        r->fft->multiply(width, r->c->in_channels, b->x + at, all, spectra + at, all, b->sums);
        r->fft->rows_back(&r->roots.axis[2], b->re + row * pitch, b->im + row * pitch, pitch,
                          b->sums);
    }
    transform_columns(r, b, 1);
}

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    const fc_correlation *c = r->c;
    const fc_fourier *f = r->f;
    const bench b = bench_of(r, worker);
    const int64_t part = index % f->parts, pair = index / f->parts % f->pairs;
    const int64_t plane = index / f->parts / f->pairs, group = plane % c->groups,
                  image = plane / c->groups;
    double squares = 0;
    for (int64_t in = 0; in < c->in_channels; in++) {
        const int64_t channel = group * c->in_channels + in;
        bring_tile(r, image, channel, 2 * pair, b.re);
        bring_tile(r, image, channel, 2 * pair + 1, b.im);
        squares = fmax(squares, transform_tile(r, &b, b.x + 2 * f->elements * in));
    }
    const double size = sqrt(squares / (double)f->elements);
    const int64_t from = r->channels * part / f->parts, to = r->channels * (part + 1) / f->parts;
    int finite = 1;
    for (int64_t out = from; out < to; out++) {
        const int64_t first = (group * r->channels + out) * c->in_channels;
        const int64_t channel = group * c->out_channels + r->first + out;
        double weight = 0;
        for (int64_t in = 0; in < c->in_channels; in++) weight += r->sizes[first + in];
        const fc_fft_finish o = {.bias = r->bias ? weight_at(c, r->bias, channel) : 0,
                                 .below = error_of(f, weight * size),
                                 .low = c->clamp ? c->min : -HUGE_VAL,
                                 .high = c->clamp ? c->max : HUGE_VAL};
        if (!isfinite(o.below)) finite = 0; /* squares may overflow where no sum does */
        sum_channel(r, &b, r->spectra + 2 * f->elements * first);
        finite &= store_tile(r, &o, image, channel, 2 * pair, b.re);
        if (2 * pair + 1 < f->count)
            finite &= store_tile(r, &o, image, channel, 2 * pair + 1, b.im);
    }
    if (!finite) atomic_store_explicit(&r->overflow[image], 1, memory_order_relaxed);
}

/* ---- A whole correlation ---- */

/* The images with results that were not finite, by the direct sum. */
static fc_status run_overflown(const run *r, const fc_call *call) {
    const fc_correlation *c = r->c;
    int64_t in = c->groups * c->in_channels * c->item, out = c->groups * c->out_channels * c->item;
    for (int i = 0; i < 3; i++) {
        in *= c->axis[i].in;
        out *= c->axis[i].out;
    }
    fc_correlation one = *c;
    one.batch = 1;
    for (int64_t i = 0; i < c->batch; i++) {
        if (!atomic_load_explicit(&r->overflow[i], memory_order_relaxed)) continue;
        const fc_blocking b = fc_blocking_of(&one, FC_FORM_PLANES);
        const char *x = r->x + i * in;
        char *y = r->y + i * out;
        if (fc_is_depthwise(&one))
            FC_TRY(fc_depthwise_correlate(&one, x, r->weights, r->bias, y, call));
        else FC_TRY(fc_correlate(&one, &b, x, r->weights, r->bias, y, call));
    }
    return FC_OK;
}

/* H of some output channels of each group. */
static int64_t spectra_bytes(const fc_correlation *c, const fc_fourier *f, int64_t channels) {
    const int64_t planes = c->groups * channels * c->in_channels;
    const int64_t spectra = times64(planes, 2 * f->elements * (int64_t)sizeof(double));
    return spectra + fc_aligned(planes * (int64_t)sizeof(double));
}

static void use_spectra(run *r, char *memory, int64_t channels) {
    r->channels = channels;
    r->spectra = (double *)memory;
    r->sizes = r->spectra + 2 * r->f->elements * r->c->groups * channels * r->c->in_channels;
}

static fc_status make_spectra(run *r, int workers, const fc_call *call) {
    return fc_parallel_for(call, workers, r->c->groups * r->channels * r->c->in_channels,
                           transform_weight, r);
}

/* What weights are made into: the roots, which point into the same memory, and H. */
static int64_t packed_spectra_at(const fc_fourier *f) {
    return fc_aligned((int64_t)sizeof(fc_fourier_roots)) + fc_aligned(fc_fourier_roots_bytes(f));
}

/* Scratch of one call, in bytes from its start. It may be large, and so it is of the memory that
 * results are of, which stays for the next call. */
typedef struct layout {
    int workers;
    int64_t spectra_at, overflow_at, workers_at, bytes;
} layout;

static layout layout_of(const fc_correlation *c, const fc_fourier *f, int packed,
                        const fc_call *call) {
    const int64_t items = max64(1, c->batch) * c->groups * f->pairs * f->parts;
    layout l = {.workers = fc_workers(call, max64(items, c->groups * f->at_once * c->in_channels))};
    l.spectra_at = packed ? 0 : fc_aligned(fc_fourier_roots_bytes(f));
    l.overflow_at = l.spectra_at + (packed ? 0 : spectra_bytes(c, f, f->at_once));
    l.workers_at = l.overflow_at + fc_aligned(max64(1, c->batch));
    l.bytes = l.workers_at + times64(l.workers, bench_bytes(c, f));
    return l;
}

static run run_of(const fc_correlation *c, const fc_fourier *f, const layout *l, char *scratch) {
    const fc_kernels *kernels = fc_kernels_for(FC_F64);
    return (run){.c = c,
                 .f = f,
                 .fft = &kernels->fft,
                 .lanes = kernels->lanes,
                 .overflow = (atomic_uchar *)(scratch + l->overflow_at),
                 .scratch = scratch + l->workers_at,
                 .scratch_bytes = bench_bytes(c, f)};
}

int64_t fc_fourier_scratch(const fc_correlation *c, const fc_fourier *f, int packed, int threads) {
    return layout_of(c, f, packed, &(fc_call){.threads = threads}).bytes;
}

int64_t fc_fourier_packed_bytes(const fc_correlation *c, const fc_fourier *f) {
    return packed_spectra_at(f) + spectra_bytes(c, f, c->out_channels);
}

fc_status fc_fourier_pack(const fc_correlation *c, const fc_fourier *f, const void *weights,
                          void *packed, const fc_call *call) {
    const layout l = layout_of(c, f, 1, call);
    char *scratch = fc_result_new(l.bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    run r = run_of(c, f, &l, scratch);
    fc_fourier_roots *roots = packed;
    char *memory = packed;
    *roots = fc_fourier_make_roots(
        f, r.lanes, (double *)(memory + fc_aligned((int64_t)sizeof(fc_fourier_roots))));
    r.roots = *roots;
    r.weights = weights;
    use_spectra(&r, memory + packed_spectra_at(f), c->out_channels);
    const fc_status status = make_spectra(&r, l.workers, call);
    fc_result_free(scratch);
    return status;
}

static fc_status run_blocks(run *r, const layout *l, const void *packed, char *scratch,
                            const fc_call *call) {
    const fc_correlation *c = r->c;
    const fc_fourier *f = r->f;
    const int64_t items = c->batch * c->groups * f->pairs * f->parts;
    if (packed) {
        r->roots = *(const fc_fourier_roots *)packed;
        use_spectra(r, (char *)packed + packed_spectra_at(f), c->out_channels);
        return fc_parallel_for(call, l->workers, items, run_item, r);
    }
    r->roots = fc_fourier_make_roots(f, r->lanes, (double *)scratch);
    for (r->first = 0; r->first < c->out_channels; r->first += f->at_once) {
        use_spectra(r, scratch + l->spectra_at, min64(f->at_once, c->out_channels - r->first));
        FC_TRY(make_spectra(r, l->workers, call));
        FC_TRY(fc_parallel_for(call, l->workers, items, run_item, r));
    }
    return FC_OK;
}

fc_status fc_fourier_correlate(const fc_correlation *c, const fc_fourier *f, const void *x,
                               const void *weights, const void *packed, const void *bias, void *y,
                               const fc_call *call) {
    if (c->batch == 0) return FC_OK;
    const layout l = layout_of(c, f, packed != NULL, call);
    char *scratch = fc_result_new(l.bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    run r = run_of(c, f, &l, scratch);
    r.x = x;
    r.weights = weights;
    r.bias = bias;
    r.y = y;
    memset(scratch + l.overflow_at, 0, (size_t)c->batch);
    fc_status status = run_blocks(&r, &l, packed, scratch, call);
    if (status == FC_OK) status = run_overflown(&r, call);
    fc_result_free(scratch);
    return status;
}
