/* The weight gradient of depthwise convolution, channels first, and with it the other gradients.
 *
 *   for each item (parallel): some planes of gy x a chunk of units
 *     in place (the common kernels): a unit is a band of rows of an image
 *       for each bunch of planes and images, as many as stay in the cache:
 *         weight gradient, input gradient, sums for the bias gradient
 *     gathered (any other): a unit is a slice of an image; for each box of its pixels:
 *       gather the lines that it needs, one call of the kernel
 *     where a sum came out not finite: once more, exactly
 *   the chunks' sums, in their order
 *
 * The kernels let products with padding be zero times gy, which is wrong where gy is not finite; it
 * can only show as a sum that is not finite either, so those are made again without such products.
 * The chunks depend on the problem alone: the bytes do not depend on the number of threads. */
#include "depthwise_lines.h"
#include "depthwise_planes.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define ITEM_WORK (1 << 17)   /* multiply-adds of an item, about */
#define SERIAL_WORK (1 << 17) /* of a problem that is not worth a second thread */
#define ITEMS 128             /* that a problem should give, if it is not tiny */
#define CHUNKS 16             /* of the images of large planes, at most, if that is enough */
#define BAND 28               /* rows of a band, at least: whole strips */
#define BAND_BYTES (512 << 10)
/* A bunch. Measured on Zen 5 (48 KB L1d, 1 MB L2), November 2026, seven layers of 7 to 112 pixels a
 * side: from 16 to 64 KB within a tenth; fewer pixels make the ends of sums costly, by a fifth. */
#define BUNCH_BYTES (32 << 10)
#define BUNCH_PIXELS 1024 /* that a sum should run over, at least */
/* What no cache is expected to hold is asked for one bunch ahead, gx too, strip by strip. Measured
 * as above: 8 x 144 x 56 x 56 on two threads, 2.2 ms where it is not done, 1.5 ms where a whole
 * bunch of x and gy is asked for at once, 0.9 ms so. */
#define FAR_BYTES (8 << 20)
#define WORKER_ITEMS 8 /* that a thread should have to take, rather than long streams */
#define MOST_PLANES 64 /* of an item, for a long stream */
#define PARTIAL_BYTES (4 << 20)
#define PASSES 4 /* of an input gradient of stride 2 */

typedef struct run {
    const fc_correlation *c;
    fc_depthwise_planes_fn kernel; /* or NULL: gathered */
    fc_lines lines;
    const char *x, *gy;
    char *gw, *partial, *scratch, *plane_sums; /* of gy, or NULL */
    int far;    /* whether x and gy come from memory rather than from a cache */
    int passes; /* that give the input gradient; in place only */
    fc_planes_pass pass[PASSES];
    int64_t channels, taps, planes, plane_items; /* of gy */
    int64_t bands, band_rows, units, chunks, chunk_units;
    int64_t bunch_images, bunch_planes;
} run;

static fc_depthwise_planes_fn kernel_for(const fc_correlation *c) {
    const fc_axis *a = c->axis, *h = &a[1], *w = &a[2];
    if (a[0].taps != 1 || a[0].in != 1 || a[0].out != 1 || a[0].offset != 0) return NULL;
    if (h->taps != w->taps || h->stride != w->stride) return NULL;
    if (h->stride > 1 && (h->offset_step > 1 || w->offset_step > 1)) return NULL;
#define ENTRY(KH, KW0, KW1, S) {KH, S},
    static const int shapes[][2] = {FC_DEPTHWISE_WHOLE(ENTRY)};
#undef ENTRY
    for (int i = 0; i < FC_DEPTHWISE_WHOLES; i++)
        if (h->taps == shapes[i][0] && h->stride == shapes[i][1])
            return c->kernels->conv.depthwise_planes_weight[i];
    return NULL;
}

/* Bands, so that few planes give many items and that a band of a large plane stays in the cache;
 * of small ones several images, and then planes, at once. */
static void cut_planes(run *r) {
    const fc_axis *a = r->c->axis;
    const int64_t bytes =
        r->c->item * (2 * a[1].in * a[2].in + r->c->out_channels * a[1].out * a[2].out);
    r->bands = max64(ceil_div(ITEMS, r->channels * r->c->batch), ceil_div(bytes, BAND_BYTES));
    r->bands = min64(ceil_div(a[1].out, BAND), r->bands);
    r->band_rows = up_to(ceil_div(a[1].out, r->bands), BAND);
    r->bands = ceil_div(a[1].out, r->band_rows);
    r->bunch_images = clamp64(ceil_div(BUNCH_PIXELS, a[1].out * a[2].out), 1, r->c->batch);
    if (r->bands > 1) r->bunch_images = 1;
    r->bunch_planes = max64(1, BUNCH_BYTES / (bytes * r->bunch_images)) * r->c->out_channels;
    if (r->bands > 1) r->bunch_planes = r->c->out_channels;
}

/* Whether x and gy are more than caches are likely to hold from whoever made them. */
static int is_far(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    const double planes = (double)c->batch * (double)c->groups * (double)c->item;
    return planes * (double)(a[1].in * a[2].in + c->out_channels * a[1].out * a[2].out) > FAR_BYTES;
}

static run run_of(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    run r = {.c = c, .kernel = kernel_for(c), .bands = 1, .band_rows = a[1].out};
    r.channels = c->groups * c->out_channels;
    r.taps = fc_correlation_taps(c);
    if (r.kernel) cut_planes(&r);
    else r.lines = fc_lines_of(c);
    r.far = r.kernel && is_far(c);
    r.units = c->batch * (r.kernel ? r.bands : a[0].out);
    const int64_t most = max64(1, PARTIAL_BYTES / (r.channels * r.taps * c->item));
    const int64_t wanted = r.kernel ? min64(r.units / r.bunch_images, CHUNKS) : 1;
    r.chunks = min64(min64(most, r.units), max64(wanted, ceil_div(ITEMS, r.channels)));
    r.chunk_units = ceil_div(r.units, r.chunks);
    r.chunks = ceil_div(r.units, r.chunk_units);
    return r;
}

/* Planes of an item: of large ones several, which is a stream from memory, if there are enough. The
 * sums do not depend on it. */
static void cut_items(run *r, int threads) {
    const fc_axis *a = r->c->axis;
    const double unit = (double)(a[0].out * a[1].out) * (double)a[2].out * (double)r->taps *
                        (double)r->c->batch / (double)r->units;
    const int64_t many = r->channels * r->chunks / (threads * WORKER_ITEMS);
    r->planes = (int64_t)(ITEM_WORK / (unit * (double)r->chunk_units + 1));
    r->planes = clamp64(max64(r->planes, min64(many, MOST_PLANES)), 1, r->channels);
    r->planes = up_to(r->planes, r->c->out_channels); /* those of one plane of x stay together */
    r->plane_items = ceil_div(r->channels, r->planes);
}

/* ---- One unit ---- */

typedef struct unit {
    int64_t image, band; /* band of rows, or slice of depth */
} unit;

static unit unit_at(const run *r, int64_t index) {
    const int64_t each = r->kernel ? r->bands : r->c->axis[0].out;
    return (unit){index / each, index % each};
}

static int64_t plane_size(const fc_axis *a, int out) {
    return out ? a[1].out * a[2].out : a[1].in * a[2].in;
}

static const char *x_plane(const run *r, int64_t image, int64_t plane) {
    const fc_correlation *c = r->c;
    return r->x + (image * c->groups + plane / c->out_channels) * c->axis[0].in *
                      plane_size(c->axis, 0) * c->item;
}
static const char *gy_plane(const run *r, int64_t image, int64_t plane) {
    const fc_correlation *c = r->c;
    return r->gy +
           (image * r->channels + plane) * c->axis[0].out * plane_size(c->axis, 1) * c->item;
}

/* Some planes of one band of some images. What the next bunch reads and writes lies so many
 * elements behind what this one does, or 0 where nothing is to be asked for. */
typedef struct bunch {
    unit at;
    int64_t images, first, planes;
    int64_t x_soon, gy_soon;
} bunch;

static void add_planes(const run *r, const bunch *b, char *sums) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t x_size = plane_size(a, 0), y_size = plane_size(a, 1);
    const fc_depthwise_planes t = {
        .planes = b->planes,
        .multiplier = c->out_channels,
        .x = x_plane(r, b->at.image, b->first),
        .y = (char *)gy_plane(r, b->at.image, b->first), /* read only */
        .sums = sums,
        .images = b->images,
        .x_image = c->groups * x_size,
        .y_image = r->channels * y_size,
        .x_plane = x_size,
        .y_plane = y_size,
        .in_rows = a[1].in,
        .in_columns = a[2].in,
        .first_row = b->at.band * r->band_rows,
        .last_row = min64(a[1].out, (b->at.band + 1) * r->band_rows),
        .out_columns = a[2].out,
        .y_row = a[2].out,
        .stride = a[1].stride,
        .row_offset = a[1].offset,
        .row_step = a[1].offset_step,
        .column_offset = {a[2].offset, 0},
        .column_step = a[2].offset_step,
        .x_soon = b->x_soon,
        .y_soon = b->gy_soon,
    };
    r->kernel(&t);
}

/* The input gradient of the same band, and the planes' sums. */
static void add_others(const run *r, const bunch *b) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t begin = b->at.band * r->band_rows, end = min64(a[1].out, begin + r->band_rows);
    for (int64_t n = b->at.image; n < b->at.image + b->images; n++) {
        for (int i = 0; i < r->passes; i++) {
            fc_planes_pass pass = r->pass[i];
            const int64_t rows = pass.c->axis[1].out;
            if (i == 0) pass.job.y_soon = b->x_soon; /* the rows of the others among its own */
            fc_planes_pass_run(&pass, n, b->first, b->planes, begin * rows / a[1].out,
                               end * rows / a[1].out);
        }
        for (int64_t p = b->first; p < b->first + b->planes && r->plane_sums && b->at.band == 0;
             p++)
            c->kernels->conv.sum(r->plane_sums + (n * r->channels + p) * c->item, gy_plane(r, n, p),
                                 plane_size(a, 1));
    }
}

/* The bunches of an item, which has units [begin, begin + units) and `planes` planes: planes first,
 * which lie one after another. */
static int64_t bunches(const run *r, int64_t units, int64_t planes) {
    return ceil_div(units, r->bunch_images) * ceil_div(planes, r->bunch_planes);
}
static bunch bunch_at(const run *r, int64_t index, int64_t begin, int64_t units, int64_t first,
                      int64_t planes) {
    const int64_t each = ceil_div(planes, r->bunch_planes);
    const int64_t i = index / each * r->bunch_images, from = index % each * r->bunch_planes;
    return (bunch){.at = unit_at(r, begin + i),
                   .images = min64(r->bunch_images, units - i),
                   .first = first + from,
                   .planes = min64(r->bunch_planes, planes - from)};
}

/* Elements from a bunch to the next, of planes of `rows` rows; `planes` of an image. */
static int64_t between(const run *r, const bunch *b, const bunch *next, int64_t planes,
                       int64_t rows, int64_t columns) {
    const int64_t each = r->channels / planes, out = r->c->axis[1].out;
    const int64_t bands = (next->at.band - b->at.band) * r->band_rows * rows / out;
    return (((next->at.image - b->at.image) * planes + (next->first - b->first) / each) * rows +
            bands) *
           columns;
}

/* Some units of some planes, in place. */
static void add_in_place(const run *r, int64_t begin, int64_t end, int64_t first, int64_t planes,
                         char *sums) {
    const fc_axis *a = r->c->axis;
    const int64_t n = bunches(r, end - begin, planes);
    for (int64_t i = 0; i < n; i++) {
        bunch b = bunch_at(r, i, begin, end - begin, first, planes);
        if (r->far && i + 1 < n) {
            const bunch next = bunch_at(r, i + 1, begin, end - begin, first, planes);
            b.x_soon = between(r, &b, &next, r->c->groups, a[1].in, a[2].in);
            b.gy_soon = between(r, &b, &next, r->channels, a[1].out, a[2].out);
        }
        add_planes(r, &b, sums + (b.first - first) * r->taps * r->c->item);
        add_others(r, &b);
    }
}

/* A slice of the planes of gy that belong to one plane of x. */
static void add_lines(const run *r, unit u, int64_t first, int64_t planes, char *sums,
                      char *scratch) {
    const fc_correlation *c = r->c;
    const fc_lines *l = &r->lines;
    const int64_t width = c->axis[2].out;
    fc_depthwise_lines t = fc_lines_job(l, scratch);
    t.y_row = width;
    for (int64_t i = 0; i < l->boxes[0] * l->boxes[1]; i++) {
        const fc_lines_box box = fc_lines_box_at(l, i);
        fc_lines_gather(l, &box, r->x, u.image, first / c->out_channels, u.band, &t);
        for (int64_t k = 0; k < planes; k++) {
            const int64_t at =
                u.band * plane_size(c->axis, 1) + box.first[0] * width + box.first[1];
            t.y = (char *)gy_plane(r, u.image, first + k) + at * c->item;
            t.sums = sums + k * r->taps * c->item;
            c->kernels->conv.depthwise_lines_weight(&t);
        }
    }
}

static void add_exactly(const run *r, unit u, int64_t plane, char *sums) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t slice = r->kernel ? 0 : u.band, row = r->kernel ? u.band * r->band_rows : 0;
    fc_depthwise_exact t = {
        .y = gy_plane(r, u.image, plane) + (slice * a[1].out + row) * a[2].out * c->item,
        .in_rows = a[1].in,
        .in_columns = a[2].in,
        .rows = min64(a[1].out - row, r->band_rows),
        .columns = a[2].out,
        .taps = {a[1].taps, a[2].taps},
        .stride = {a[1].stride, a[2].stride},
        .offset = {row * a[1].stride + a[1].offset, a[2].offset},
        .step = {a[1].offset_step, a[2].offset_step},
    };
    for (int64_t d = 0; d < a[0].taps; d++) {
        const int64_t at = slice * a[0].stride + a[0].offset + d * a[0].offset_step;
        if (at < 0 || at >= a[0].in) continue;
        t.x = x_plane(r, u.image, plane) + at * plane_size(a, 0) * c->item;
        t.sums = sums + d * a[1].taps * a[2].taps * c->item;
        c->kernels->conv.depthwise_weight_exact(&t);
    }
}

/* ---- Items ---- */

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    const fc_correlation *c = r->c;
    const int64_t chunk = index % r->chunks, first = index / r->chunks * r->planes;
    const int64_t planes = min64(r->planes, r->channels - first), each = r->taps * c->item;
    const int64_t begin = chunk * r->chunk_units, end = min64(r->units, begin + r->chunk_units);
    char *sums = (r->chunks > 1 ? r->partial + chunk * r->channels * each : r->gw) + first * each;
    memset(sums, 0, (size_t)(planes * each));
    if (r->kernel) {
        add_in_place(r, begin, end, first, planes, sums);
    } else {
        for (int64_t p = 0; p < planes; p += c->out_channels)
            for (int64_t i = begin; i < end; i++)
                add_lines(r, unit_at(r, i), first + p, c->out_channels, sums + p * each,
                          r->scratch + worker * r->lines.bytes);
    }
    for (int64_t p = 0; p < planes; p++) {
        if (c->kernels->conv.finite(sums + p * each, r->taps)) continue;
        memset(sums + p * each, 0, (size_t)each);
        for (int64_t i = begin; i < end; i++)
            add_exactly(r, unit_at(r, i), first + p, sums + p * each);
    }
}

/* Take over what can be made in the same loop: set to NULL in `g`. Its sums of planes, or NULL. */
static void share(run *r, const fc_correlation *back, int n, fc_grads *g, char *plane_sums) {
    if (g->gb && r->kernel) r->plane_sums = plane_sums;
    if (!g->gx || !r->kernel || n > PASSES) return;
    r->passes = fc_planes_passes(back, n, g->gy, g->w, NULL, g->gx, r->pass);
    if (r->passes) g->gx = NULL;
    if (r->far) fc_planes_stream(r->pass, r->passes);
}

fc_status fc_depthwise_planes_grad(const fc_correlation *c, const fc_correlation *back, int n,
                                   fc_grads *g, const fc_call *call) {
    run r = run_of(c);
    cut_items(&r, fc_workers(call, r.channels * r.chunks));
    const int64_t items = r.plane_items * r.chunks, all = r.channels * r.taps;
    const double pixels = (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out;
    const int workers =
        pixels * (double)all * (double)c->batch < SERIAL_WORK ? 1 : fc_workers(call, items);
    const int64_t partial = r.chunks > 1 ? fc_aligned(r.chunks * all * c->item) : 0;
    const int64_t sums = g->gb && r.kernel ? fc_aligned(fc_grad_bias_bytes(c)) : 0;
    char *scratch = fc_scratch(sums + partial + workers * r.lines.bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    if (sums) memset(scratch, 0, (size_t)sums);
    share(&r, back, n, g, scratch);
    r.partial = scratch + sums;
    r.scratch = r.partial + partial;
    r.x = g->x;
    r.gy = g->gy;
    r.gw = g->gw;
    const fc_status status = fc_parallel_for(call, workers, items, run_item, &r);
    if (r.chunks > 1) {
        memset(g->gw, 0, (size_t)(all * c->item));
        c->kernels->conv.sum_rows(g->gw, r.partial, all, r.chunks, all);
    }
    g->gw = NULL;
    if (r.plane_sums) {
        fc_grad_bias_of_planes(c, r.plane_sums, g->gb);
        g->gb = NULL;
    }
    fc_scratch_free(scratch);
    return status;
}
