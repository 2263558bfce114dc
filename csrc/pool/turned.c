/* Planes, channels first, pooled as pixels: lanes then lie across the planes.
 *
 *   for each group of some vectors of planes, and band of rows of what is written:
 *       turned[element, plane] = in[plane, element], of the rows that the band takes
 *       made = those rows, by a kernel of channels last, channels being planes
 *       out[plane, element] = made[element, plane]
 *
 * forward and back. Scratch: turned | made | their places, for the maximum with its index | the
 * kernel's own.
 *
 * By rows, a short row of the output takes as long as one of a whole vector, and to part its
 * columns costs more than to reduce them; indices take an instruction for each. Turned, vectors are
 * full whatever the windows, for some instructions an element of the input. So turning is for
 * planes of few columns, and for windows that lie in no order. The choice never depends on the
 * batch, nor do bytes then. */
#include "turned.h"

#include "../kernels/kernels.h"
#include "../kernels/pool_window.h"

/* Scratch at most, without a gradient's lines: a part of a second-level cache. */
#define MOST_BYTES (384 << 10)

/* Vectors of planes at once, if they find room: kernels of channels last have 4 in registers. */
#define VECTORS 4

/* Cycles (AMD Zen 5, November 2026): of a vector that is turned; of one of the output, besides its
 * taps; of a row by `lines`, of stride 1, of a stride that lines are split by, and of others; of an
 * element by `windows`. */
#define TURN 5
#define MADE 12
#define ROW_UNIT 25
#define ROW_SPLIT 35
#define ROW 50
#define ELEMENT 30

/* Of rows up to this many vectors, indices and gradients are faster turned whatever the windows;
 * of up to so many columns, indices of the strides that lines are split by. */
#define SHORT_VECTORS 3
#define SPLIT_COLUMNS 128

/* Vectors of less lanes have no masks: less than VECTORS of them are taken lane by lane. */
#define MASKED_LANES 8

static int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

/* Pieces of `each` elements. */
static int64_t pieces_of(int64_t elements, int64_t each) { return (elements - 1) / each + 1; }

/* Elements of a window inside the input, at most. */
static int64_t taps_of(const fc_pool *p, int axis) {
    return fc_min(p->kernel[axis], p->input[axis]);
}

/* Whether the planes are many enough to fill half a vector, or as many as must be, and not so large
 * that no index of theirs is exact. */
static int is_open(const fc_pool_job *job, int64_t lanes) {
    const fc_pool *p = &job->pool;
    const int64_t least = lanes < MASKED_LANES ? VECTORS * lanes : (lanes + 1) / 2;
    return p->channels >= least && volume(p->input) <= FC_POOL_MAX_OFFSET &&
           volume(p->output) <= FC_POOL_MAX_OFFSET;
}

int fc_pool_turns(const fc_pool_job *job, int op, int by_lines) {
    const fc_pool *p = &job->pool;
    const int64_t lanes = fc_kernels_for(p->dtype)->lanes, stride = p->stride[2];
    if (op == FC_POOL_LP || !is_open(job, lanes)) return 0;
    if (job->adaptive) return 1;
    if (op == FC_POOL_ARGMAX)
        return stride > 4 || p->input[2] <= SHORT_VECTORS * lanes ||
               (stride > 2 && p->input[2] <= SPLIT_COLUMNS);
    const double rows = (double)(p->output[0] * p->output[1]), made = (double)volume(p->output),
                 deep = (double)(taps_of(p, 0) * taps_of(p, 1)), wide = (double)taps_of(p, 2);
    const double row = stride == 1 ? ROW_UNIT : stride == 3 || stride == 4 ? ROW_SPLIT : ROW;
    double by_rows = row + 2 * deep * (double)pieces_of(p->input[2], lanes);
    if (by_lines) by_rows += 2 * wide * (double)pieces_of(p->output[2], lanes);
    else by_rows += (ELEMENT + wide) * (double)p->output[2];
    const double tap = op == FC_POOL_AVG ? 1 : 2,
                 used = (double)p->channels / (double)(pieces_of(p->channels, lanes) * lanes);
    const double turned = (TURN * (double)volume(p->input) + made * (tap * deep * wide + MADE)) /
                          (double)lanes / used;
    return 1.1 * turned < rows * by_rows;
}

int fc_pool_turns_back(const fc_pool_job *job) {
    const int64_t lanes = fc_kernels_for(job->pool.dtype)->lanes;
    return is_open(job, lanes) && (job->adaptive || job->pool.input[2] <= SHORT_VECTORS * lanes);
}

/* Positions from a window's first tap to its last. */
static int64_t extent_of(const fc_pool *p, int axis) {
    int64_t reach;
    if (__builtin_mul_overflow(p->kernel[axis] - 1, p->dilation[axis], &reach)) reach = INT64_MAX;
    return fc_min(reach, p->input[axis] - 1) + 1;
}

/* Rows of `in` that `band` rows of `out` take, at most. */
static int64_t rows_of_band(const fc_pool_job *job, int64_t band) {
    const fc_pool *p = &job->pool;
    if (p->input[0] * p->output[0] > 1) return job->back ? p->output[1] : p->input[1];
    if (job->back) return fc_windows_over(job, 1, band);
    if (job->adaptive) return fc_min(p->input[1], fc_scale(band, p->input[1], p->output[1], 1) + 2);
    return fc_min(p->input[1], (band - 1) * p->stride[1] + extent_of(p, 1));
}

static int64_t bytes_of(const fc_pool_job *job, int op, int64_t planes, int64_t band) {
    const fc_pool *p = &job->pool;
    const int64_t *in = job->back ? p->output : p->input, *out = job->back ? p->input : p->output;
    const int64_t lanes = fc_kernels_for(p->dtype)->lanes,
                  taken = in[0] * rows_of_band(job, band) * in[2] + lanes,
                  made = out[0] * band * out[2] + lanes;
    return (taken + (op == FC_POOL_ARGMAX ? 2 : 1) * made) * planes * fc_sizeof(p->dtype);
}

/* The rows of `out` that find room, of so many planes at once; 0 where even one does not, or where
 * bands would share most of what they take. */
static int64_t band_of(const fc_pool_job *job, int op, int64_t planes, int64_t lanes) {
    const fc_pool *p = &job->pool;
    const int64_t rows = job->back ? p->input[1] : p->output[1];
    int64_t band = rows;
    if (bytes_of(job, op, planes, band) <= MOST_BYTES) return band;
    if (p->input[0] * p->output[0] > 1) return 0;
    while (band > 1 && bytes_of(job, op, planes, band) > MOST_BYTES) band = (band + 1) / 2;
    if (bytes_of(job, op, planes, band) > MOST_BYTES) return 0;
    const int shared = !job->back && !job->adaptive && band * p->stride[1] < p->kernel[1];
    return shared && planes > lanes ? 0 : band;
}

int64_t fc_pool_turn(fc_pool_job *job, int op) {
    const fc_pool *p = &job->pool;
    const fc_pool_kernels *kernels = &fc_kernels_for(p->dtype)->pool;
    const int64_t lanes = fc_kernels_for(p->dtype)->lanes, size = fc_sizeof(p->dtype);
    job->turned = fc_min(VECTORS, pieces_of(p->batch * p->channels, lanes)) * lanes;
    job->band = band_of(job, op, job->turned, lanes);
    if (!job->band && lanes >= MASKED_LANES) {
        job->turned = lanes;
        job->band = band_of(job, op, job->turned, lanes);
    }
    if (!job->band) return 0;
    const int64_t *in = job->back ? p->output : p->input,
                  bytes = bytes_of(job, op, job->turned, job->band);
    job->taken = in[0] * rows_of_band(job, job->band) * in[2] + lanes;
    job->pixels = job->back ? kernels->grad_pixels[op] : kernels->pixels[op];
    if (!job->back) return bytes;
    job->lines = FC_POOL_LINES / 2;
    job->phase = fc_windows_over(job, 2, p->input[2]) * job->turned + FC_POOL_SLACK;
    return bytes + 16 * p->input[2] + (job->lines + 1) * job->phase * size;
}

int64_t fc_pool_turned_units(const fc_pool_job *job) {
    const fc_pool *p = &job->pool;
    const int64_t rows = job->back ? p->input[1] : p->output[1];
    return pieces_of(p->batch * p->channels, job->turned) * pieces_of(rows, job->band);
}

/* The rows [from, to) of `in` that rows [first, last) of `out` take, of one depth. */
static void rows_taken(const fc_pool_job *job, int64_t first, int64_t last, int64_t *from,
                       int64_t *to) {
    *from = INT64_MAX;
    *to = 0;
    for (int64_t row = first; row < last; row++) {
        int64_t start, end;
        if (job->back) {
            fc_covering(job, 1, row, &start, &end);
            if (start >= end) continue;
        } else {
            const fc_window w = fc_window_of(job, 1, row);
            start = w.first;
            end = w.first + (w.count - 1) * w.step + 1;
        }
        *from = fc_min(*from, start);
        *to = fc_max(*to, end);
    }
    if (*from >= *to) *from = *to = 0; /* nothing covers them */
}

/* Where an array begins whose byte number `skipped` is at p. */
static void *base_of(void *p, int64_t skipped) {
    return (void *)((uintptr_t)p - (uintptr_t)skipped);
}

/* Rows [first, last) of `out` of the planes from `plane` on. */
static void pool_unit(const fc_pool_job *job, int64_t plane, int64_t first, int64_t last,
                      char *turned) {
    const fc_pool *p = &job->pool;
    const fc_kernels *kernels = fc_kernels_for(p->dtype);
    const int64_t *in = job->back ? p->output : p->input, *out = job->back ? p->input : p->output;
    const int64_t in_space = volume(in), out_space = volume(out), size = fc_sizeof(p->dtype);
    const int64_t planes = fc_min(p->batch * p->channels - plane, job->turned),
                  lanes = pieces_of(planes, kernels->lanes) * kernels->lanes;
    /* Of several depths, all rows. */
    int64_t from = 0, to = in[1];
    if (in[0] * out[0] == 1) rows_taken(job, first, last, &from, &to);
    const int64_t taken = in[0] * (to - from) * in[2], count = out[0] * (last - first) * out[2];
    const int64_t pixel = lanes * size, bytes = (count + kernels->lanes) * pixel;
    char *const made = turned + job->taken * job->turned * size, *const places = made + bytes;
    fc_pool_job inner = *job;
    inner.pool.layout = FC_CHANNELS_LAST;
    inner.pool.batch = 1;
    inner.pool.channels = lanes;
    inner.in = base_of(turned, from * in[2] * pixel);
    inner.out = base_of(made, first * out[2] * pixel);
    if (job->indices) inner.places = base_of(places, first * out[2] * pixel);
    const fc_pool_tile tile = {.first_row = first,
                               .last_row = out[0] > 1 ? out[0] * out[1] : last,
                               .last_column = out[2],
                               .last_channel = lanes};
    const int64_t start = plane * in_space + from * in[2], at = plane * out_space + first * out[2];
    kernels->pool.turn((const char *)job->in + start * size, in_space, planes, taken, lanes,
                       turned);
    job->pixels(&inner, &tile, job->indices ? places + bytes : places);
    kernels->pool.turn_back(made, out_space, planes, count, lanes, (char *)job->out + at * size,
                            NULL);
    if (job->indices)
        kernels->pool.turn_back(places, out_space, planes, count, lanes, NULL, job->indices + at);
}

void fc_pool_turned(const fc_pool_job *job, const fc_pool_tile *tile, void *scratch) {
    const int64_t rows = job->back ? job->pool.input[1] : job->pool.output[1],
                  bands = pieces_of(rows, job->band);
    for (int64_t unit = tile->first_row; unit < tile->last_row; unit++) {
        const int64_t first = unit % bands * job->band;
        pool_unit(job, unit / bands * job->turned, first, fc_min(first + job->band, rows), scratch);
    }
}
