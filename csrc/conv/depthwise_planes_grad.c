/* The weight gradient of depthwise convolution, channels first.
 *
 *   for each item (parallel): some planes of gy x a chunk of units
 *     in place (the common kernels): a unit is a band of rows of an image; one call of the kernel
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
#define ITEMS 32              /* that a problem should give, if it is not tiny */
#define BAND 28               /* rows of a band, at least: whole strips */
#define PARTIAL_BYTES (4 << 20)

typedef struct run {
    const fc_correlation *c;
    fc_depthwise_planes_fn kernel; /* or NULL: gathered */
    fc_lines lines;
    const char *x, *gy;
    char *gw, *partial, *scratch;
    int64_t channels, taps, planes, plane_items; /* of gy */
    int64_t bands, band_rows, units, chunks, chunk_units;
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

static run run_of(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    run r = {.c = c, .kernel = kernel_for(c), .bands = 1, .band_rows = a[1].out};
    r.channels = c->groups * c->out_channels;
    r.taps = fc_correlation_taps(c);
    if (!r.kernel) r.lines = fc_lines_of(c);
    else if (r.channels * c->batch < ITEMS) {
        r.bands = min64(ceil_div(a[1].out, BAND), ceil_div(ITEMS, r.channels * c->batch));
        r.band_rows = up_to(ceil_div(a[1].out, r.bands), BAND);
        r.bands = ceil_div(a[1].out, r.band_rows);
    }
    r.units = c->batch * (r.kernel ? r.bands : a[0].out);
    const int64_t most = max64(1, PARTIAL_BYTES / (r.channels * r.taps * c->item));
    r.chunks = min64(min64(most, r.units), ceil_div(ITEMS, r.channels));
    r.chunk_units = ceil_div(r.units, r.chunks);
    r.chunks = ceil_div(r.units, r.chunk_units);
    const double unit = (double)(a[0].out * a[1].out) * (double)a[2].out * (double)r.taps *
                        (double)c->batch / (double)r.units;
    r.planes = clamp64((int64_t)(ITEM_WORK / (unit * (double)r.chunk_units + 1)), 1, r.channels);
    r.planes = up_to(r.planes, c->out_channels); /* those of one plane of x stay together */
    r.plane_items = ceil_div(r.channels, r.planes);
    return r;
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

/* `images` images of one band. */
static void add_planes(const run *r, unit u, int64_t images, int64_t first, int64_t planes,
                       char *sums) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t x_size = plane_size(a, 0), y_size = plane_size(a, 1);
    const fc_depthwise_planes t = {
        .planes = planes,
        .multiplier = c->out_channels,
        .x = x_plane(r, u.image, first),
        .y = (char *)gy_plane(r, u.image, first), /* read only */
        .sums = sums,
        .images = images,
        .x_image = c->groups * x_size,
        .y_image = r->channels * y_size,
        .x_plane = x_size,
        .y_plane = y_size,
        .in_rows = a[1].in,
        .in_columns = a[2].in,
        .first_row = u.band * r->band_rows,
        .last_row = min64(a[1].out, (u.band + 1) * r->band_rows),
        .out_columns = a[2].out,
        .y_row = a[2].out,
        .stride = a[1].stride,
        .row_offset = a[1].offset,
        .row_step = a[1].offset_step,
        .column_offset = {a[2].offset, 0},
        .column_step = a[2].offset_step,
    };
    r->kernel(&t);
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
    if (r->kernel && r->bands == 1) {
        add_planes(r, unit_at(r, begin), end - begin, first, planes, sums);
    } else if (r->kernel) {
        for (int64_t i = begin; i < end; i++) add_planes(r, unit_at(r, i), 1, first, planes, sums);
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

fc_status fc_depthwise_planes_grad_weight(const fc_correlation *c, const void *x, const void *gy,
                                          void *gw, const fc_call *call) {
    if (c->batch * c->axis[0].out * c->axis[1].out * c->axis[2].out == 0) {
        memset(gw, 0, (size_t)(c->groups * c->out_channels * fc_correlation_taps(c) * c->item));
        return FC_OK;
    }
    run r = run_of(c);
    const int64_t items = r.plane_items * r.chunks, all = r.channels * r.taps;
    const double pixels = (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out;
    const int workers =
        pixels * (double)all * (double)c->batch < SERIAL_WORK ? 1 : fc_workers(call, items);
    const int64_t partial = r.chunks > 1 ? fc_aligned(r.chunks * all * c->item) : 0;
    r.partial = fc_scratch(partial + workers * r.lines.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + partial;
    r.x = x;
    r.gy = gy;
    r.gw = gw;
    const fc_status status = fc_parallel_for(call, workers, items, run_item, &r);
    if (r.chunks > 1) {
        memset(gw, 0, (size_t)(all * c->item));
        c->kernels->conv.sum_rows(gw, r.partial, all, r.chunks, all);
    }
    fc_scratch_free(r.partial);
    return status;
}
