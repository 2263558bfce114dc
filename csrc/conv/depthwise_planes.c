/* Depthwise convolution and its input gradient, channels first, in the way that should be fastest.
 *
 * In place, for the common shapes of kernels (FC_DEPTHWISE_SHAPES):
 *
 *   for each item (parallel): a band of rows of some planes
 *     for each bunch of these planes that stays in the cache (the next one is asked for, if far):
 *       one call of the kernel for each pass: an input gradient of stride 2 has several
 *
 * Gathered, for any other: depthwise_gathered.c. Channels in the vectors: depthwise_turned.c.
 *
 * The sum of an output runs over its products in their order, however it is cut. */
#include "depthwise_planes.h"
#include "depthwise_lines.h"
#include "depthwise_turned.h"
#include "integers.h"

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define ITEM_WORK (1 << 17)     /* multiply-adds of an item, about */
#define SERIAL_WORK (1 << 17)   /* of a problem that is not worth a second thread */
#define BUNCH_BYTES (256 << 10) /* of planes: well inside the L2 cache */
#define PASSES 4                /* of an input gradient of stride 2 */
/* More than caches are likely to hold: see cut_streams. On Zen 5, November 2026, it takes a half to
 * a third of the time for 8 x 144 x 56 x 56, on one thread or two. */
#define FAR_BYTES (8 << 20)
#define WORKER_ITEMS 8          /* that a thread should have to take, of long ones */
#define PLANE_BYTES (512 << 10) /* that need no bands */
#define CHANNELS 8           /* of a group: with more, the general correlation has its tiles full */
#define MOST_BYTES (4 << 20) /* of lines: a kernel that needs more is left to it too */

/* ---- Shapes that have a kernel of their own ---- */

typedef struct shape {
    int kh, kw0, kw1, stride;
} shape;

static const shape shapes[] = {
#define ENTRY(KH, KW0, KW1, S) {KH, KW0, KW1, S},
    FC_DEPTHWISE_SHAPES(ENTRY)
#undef ENTRY
};

/* The kernel for a correlation, or for the even and the odd columns of a pair; or -1. */
static int find_shape(const fc_correlation *c, const fc_correlation *odd) {
    const fc_axis *a = c->axis;
    if (!fc_axis_is_flat(&a[0]) || c->in_channels != 1 || a[1].stride != a[2].stride) return -1;
    if (a[1].stride > 1 && (a[1].offset_step > 1 || a[2].offset_step > 1)) return -1;
    if (!odd && a[2].step > 1) return -1;
    for (int i = 0; i < FC_DEPTHWISE_PLANES; i++) {
        const shape *s = &shapes[i];
        if (a[1].taps == s->kh && a[1].stride == s->stride && a[2].taps == s->kw0 &&
            (odd ? odd->axis[2].taps : 0) == s->kw1)
            return c->kernels->conv.depthwise_planes[i] ? i : -1;
    }
    return -1;
}

/* Whether rows are no more than half a vector. */
static int is_narrow(const fc_correlation *c, int shape) {
    return shape >= 0 && shape < FC_DEPTHWISE_WHOLES && c->kernels->conv.depthwise_narrow &&
           2 * c->axis[2].out <= c->kernels->lanes;
}

static fc_depthwise_planes_fn kernel_for(const fc_correlation *c, int shape) {
    return is_narrow(c, shape) ? c->kernels->conv.depthwise_narrow[shape]
                               : c->kernels->conv.depthwise_planes[shape];
}

/* Two phases of an input gradient that are the even and the odd columns of the same rows. */
static int is_pair(const fc_correlation *even, const fc_correlation *odd) {
    const fc_axis *a = even->axis, *b = odd->axis;
    return a[2].step == 2 && a[2].start == 0 && b[2].start == 1 && a[1].start == b[1].start &&
           a[0].start == b[0].start && a[2].offset_step == b[2].offset_step &&
           find_shape(even, odd) >= 0;
}

/* ---- In place ---- */

void fc_planes_pass_run(const fc_planes_pass *r, int64_t image, int64_t first, int64_t planes,
                        int64_t first_row, int64_t last_row) {
    const fc_correlation *c = r->c;
    const int64_t channels = c->groups * c->out_channels;
    fc_depthwise_planes t = r->job;
    t.first_row = first_row;
    t.last_row = last_row;
    t.planes = planes;
    t.x = r->x + (image * c->groups + first / c->out_channels) * t.x_plane * c->item;
    t.w = r->w + first * t.w_plane * c->item;
    t.y = r->y + (image * channels + first) * t.y_plane * c->item;
    t.bias = r->bias ? r->bias + first * c->item : NULL;
    r->kernel(&t);
}

static fc_depthwise_planes planes_job(const fc_correlation *c, const fc_correlation *odd) {
    const fc_axis *a = c->axis, *b = odd ? odd->axis : a;
    return (fc_depthwise_planes){
        .multiplier = c->out_channels,
        .x_plane = a[1].in * a[2].in,
        .y_plane = a[1].size * a[2].size,
        .w_plane = c->out_channels > 1 ? c->w_out : c->w_group,
        .in_rows = a[1].in,
        .in_columns = a[2].in,
        .out_columns = odd ? a[2].size : a[2].out,
        .y_row = a[1].step * a[2].size,
        .stride = a[1].stride,
        .row_offset = a[1].offset,
        .row_step = max64(1, a[1].offset_step),
        .column_offset = {a[2].offset, b[2].offset},
        .column_step = a[2].offset_step,
        .w_row = a[1].weight_step * c->w_axis[1],
        .w_column = {a[2].weight, b[2].weight},
        .w_step = a[2].weight_step,
        .min = c->min,
        .max = c->max,
        .clamp = c->clamp,
    };
}

/* `odd`: or NULL. */
static fc_planes_pass pass_of(const fc_correlation *c, const fc_correlation *odd, const void *x,
                              const void *w, const void *bias, void *y) {
    const fc_axis *a = c->axis;
    return (fc_planes_pass){
        .c = c,
        .kernel = kernel_for(c, find_shape(c, odd)),
        .job = planes_job(c, odd),
        .x = x,
        .w = (const char *)w + (a[0].weight * c->w_axis[0] + a[1].weight * c->w_axis[1]) * c->item,
        .bias = bias,
        .y = (char *)y + a[1].start * a[2].size * c->item,
    };
}

/* The first of the correlations, and the next where they are a pair; how many it took, or 0. */
static int next_pass(const fc_correlation *c, int n, const void *x, const void *w, const void *bias,
                     void *y, fc_planes_pass *pass) {
    if (n > 1 && is_pair(&c[0], &c[1])) {
        *pass = pass_of(&c[0], &c[1], x, w, bias, y);
        return 2;
    }
    if (n > 1 && is_pair(&c[1], &c[0])) {
        *pass = pass_of(&c[1], &c[0], x, w, bias, y);
        return 2;
    }
    if (find_shape(c, NULL) < 0) return 0;
    *pass = pass_of(c, NULL, x, w, bias, y);
    return 1;
}

int fc_planes_passes(const fc_correlation *c, int n, const void *x, const void *w, const void *bias,
                     void *y, fc_planes_pass passes[]) {
    int count = 0;
    for (int i = 0, taken; i < n; i += taken, count++) {
        taken = next_pass(c + i, n - i, x, w, bias, y, &passes[count]);
        if (!taken) return 0;
    }
    return count;
}

/* Rows must be whole lines of a cache and of two vectors or more: none is stored in part then. */
void fc_planes_stream(fc_planes_pass passes[], int count) {
    for (int i = 0; i < count; i++) {
        const fc_axis *a = passes[i].c->axis;
        const int64_t row = a[2].size * passes[i].c->item;
        passes[i].job.stream = passes[i].job.out_columns == a[2].size && row >= 2 * FC_ALIGN &&
                               row % FC_ALIGN == 0 && (uintptr_t)passes[i].y % FC_ALIGN == 0;
    }
}

typedef struct planes_run {
    fc_planes_pass *pass;
    int passes;
    int64_t planes, bunch, plane_items, bands, band_rows;
    int far; /* whether x and y are not expected to be in a cache */
} planes_run;

/* The rows of a pass that belong to the first `row` of the first pass. */
static int64_t same_rows(const planes_run *r, int pass, int64_t row) {
    const int64_t all = r->pass[0].c->axis[1].out, own = r->pass[pass].c->axis[1].out;
    return row >= all ? own : row * own / all;
}

static void planes_item(void *context, int64_t index, int worker) {
    (void)worker;
    const planes_run *r = context;
    const fc_correlation *c = r->pass->c;
    const int64_t row = index % r->bands * r->band_rows;
    index /= r->bands;
    const int64_t first = index % r->plane_items * r->planes, image = index / r->plane_items;
    const int64_t last = min64(c->groups * c->out_channels, first + r->planes);
    for (int64_t p = first; p < last; p += r->bunch)
        for (int i = 0; i < r->passes; i++) {
            fc_planes_pass pass = r->pass[i];
            if (i == 0 && r->far && p + r->bunch < last) {
                /* The next bunch: all that the passes read, and write among each other's rows. */
                pass.job.x_soon = r->bunch / c->out_channels * pass.job.x_plane;
                pass.job.y_soon = r->bunch * pass.job.y_plane;
            }
            fc_planes_pass_run(&pass, image, p, min64(r->bunch, last - p), same_rows(r, i, row),
                               same_rows(r, i, row + r->band_rows));
        }
}

/* What no cache is expected to hold is asked for one bunch ahead, along with the arithmetic. The
 * items are long then, so that it is the same thread that needs it: asked for by another it comes
 * later than it would unasked. No sum depends on it. */
static void cut_streams(planes_run *r, int64_t bytes, int workers) {
    const fc_correlation *c = r->pass->c;
    const int64_t channels = c->groups * c->out_channels, all = channels * c->batch,
                  planes = all / (workers * WORKER_ITEMS);
    r->far =
        (double)bytes * (double)all > FAR_BYTES && bytes <= PLANE_BYTES && planes >= 2 * r->bunch;
    if (!r->far) return;
    fc_planes_stream(r->pass, r->passes);
    r->bands = 1;
    r->band_rows = c->axis[1].out;
    r->planes = min64(channels, up_to(planes, r->bunch));
    r->plane_items = ceil_div(channels, r->planes);
}

static fc_status run_planes(fc_planes_pass *pass, int passes, const fc_call *call) {
    const fc_correlation *c = pass->c;
    const fc_axis *a = c->axis;
    planes_run r = {.pass = pass, .passes = passes};
    const int64_t channels = c->groups * c->out_channels;
    double row = 0;
    for (int i = 0; i < passes; i++)
        row += (double)pass[i].job.out_columns * (double)fc_correlation_taps(pass[i].c);
    const double plane = row * (double)a[1].out;
    r.planes = clamp64((int64_t)(ITEM_WORK / (plane + 1)), 1, channels);
    r.planes = up_to(r.planes, c->out_channels);
    const int64_t bytes = (a[1].in * a[2].in + a[1].size * a[2].size) * c->item;
    r.bunch = passes == 1 ? r.planes : up_to(max64(1, BUNCH_BYTES / bytes), c->out_channels);
    r.plane_items = ceil_div(channels, r.planes);
    r.band_rows = up_to(max64(1, (int64_t)(ITEM_WORK / (row + 1))), 28); /* whole strips */
    r.bands = ceil_div(a[1].out, r.band_rows);
    cut_streams(&r, bytes, fc_workers(call, r.bands * r.plane_items * c->batch));
    const int64_t items = r.bands * r.plane_items * c->batch;
    const int workers =
        plane * (double)channels * (double)c->batch < SERIAL_WORK ? 1 : fc_workers(call, items);
    return fc_parallel_for(call, workers, items, planes_item, &r);
}

/* ---- Any of them ---- */

/* Vectors of one image's outputs. */
static double vectors_of(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    return (double)(c->groups * c->out_channels) * (double)(a[0].out * a[1].out) *
           (double)ceil_div(a[2].out, c->kernels->lanes);
}

/* In nanoseconds on one thread; fitted by hand, see kernels/tuning.h. */
static double planes_ns(const fc_correlation *c) {
    const double narrow = is_narrow(c, find_shape(c, NULL)) ? 0.5 : 1;
    const double tap = 0.72 * c->kernels->tuning.depthwise * narrow,
                 loads = c->axis[2].stride == 1 ? 1 : 2;
    return loads * vectors_of(c) * (1.3 + tap * (double)fc_correlation_depth(c));
}
static double lines_ns(const fc_correlation *c) {
    const double tap = 1.3 * c->kernels->tuning.depthwise;
    return vectors_of(c) * (4 + tap * (double)fc_correlation_depth(c));
}

static double in_place_ns(const fc_correlation *c) {
    return find_shape(c, NULL) >= 0 ? planes_ns(c) : lines_ns(c);
}

/* Whether to turn the channels into the vectors. */
static int turns(const fc_correlation *c) {
    return fc_depthwise_turns(c) && fc_depthwise_turned_ns(c) < in_place_ns(c);
}

double fc_depthwise_planes_ns(const fc_correlation *c) {
    return turns(c) ? fc_depthwise_turned_ns(c) : in_place_ns(c);
}

int fc_is_depthwise_planes(const fc_correlation *c) {
    if (c->layout != FC_CHANNELS_FIRST || c->groups < 2 || c->padding_mode != FC_PAD_ZEROS ||
        min64(c->in_channels, c->out_channels) > 1 ||
        max64(c->in_channels, c->out_channels) > CHANNELS)
        return 0;
    return find_shape(c, NULL) >= 0 || fc_lines_of(c).bytes <= MOST_BYTES;
}

int64_t fc_depthwise_planes_scratch(const fc_correlation *c, int threads) {
    if (turns(c)) return fc_depthwise_turned_scratch(c, threads);
    if (find_shape(c, NULL) >= 0) return 0;
    return fc_lines_scratch(c, threads);
}

fc_status fc_depthwise_planes_correlate(const fc_correlation *c, int n, const void *x,
                                        const void *w, const void *bias, void *y,
                                        const fc_call *call) {
    if (n == 1 && turns(c)) return fc_depthwise_turned_correlate(c, x, w, bias, y, call);
    fc_planes_pass pass[PASSES];
    const int passes = n <= PASSES ? fc_planes_passes(c, n, x, w, bias, y, pass) : 0;
    if (passes) return run_planes(pass, passes, call);
    for (int i = 0; i < n; i++)
        if (next_pass(c + i, 1, x, w, bias, y, pass)) FC_TRY(run_planes(pass, 1, call));
        else FC_TRY(fc_lines_correlate(&c[i], x, w, bias, y, call));
    return FC_OK;
}
