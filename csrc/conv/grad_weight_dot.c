/* The gradient with respect to the weight:
 *
 *   gw[k, c, t] = sum over images and pixels of gy[n, k, o] * x[n, c, o*stride + t*dilation - pad]
 *
 *   for each item (parallel):        a unit (output channels x input channels x taps of a group)
 *                                    x a chunk of pieces
 *     for each piece of the chunk:   some rows of an image, or some whole images
 *       bring the plane of x and the lines of gy
 *       for each tile of output channels:
 *         for each tile of (channel, tap):   dot products along the line
 *
 * A line of gy has the pitch of the plane's rows, with zeros between them, so that one dot product
 * runs over many rows. The chunks depend on the problem alone and are added in their order at the
 * end: the bytes do not depend on the number of threads. Where the plane holds a NaN or Inf, which
 * the zeros would spread, dot products stay in the rows. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "chunks.h"
#include "grad_weight.h"
#include "grad_weight_dot.h"
#include "integers.h"
#include "problem.h"

typedef struct item {
    const fc_dots *run;
    fc_box box;
    fc_unit unit;
    fc_plane plane;
    fc_segments segments;
    const char *columns, *lines; /* x and gy, as the kernels read them */
    int64_t *offsets;
    char *plane_data, *lines_data, *out; /* out: the gradient, or this chunk's part of it */
} item;

/* ---- Bringing the data ---- */

/* Of gy, brought: elements from one channel to the next. */
static int64_t line_pitch(const item *it) { return it->segments.count * it->segments.line_step; }

/* Elements of gy before the piece's first pixel in the unit's first channel. */
static int64_t piece_in_gy(const item *it, int64_t image, int64_t d, int64_t h,
                           int64_t pixel_stride) {
    const fc_correlation *c = &it->run->c;
    const fc_axis *a = c->axis;
    const int64_t all = c->groups * c->out_channels, space = a[0].out * a[1].out * a[2].out;
    const int64_t pixel =
        ((it->box.first[0] + d) * a[1].out + it->box.first[1] + h) * a[2].out + it->box.first[2];
    const int64_t channel = it->unit.group * c->out_channels + it->unit.out.first;
    return (it->box.image + image) * all * space + pixel * pixel_stride +
           channel * (pixel_stride == 1 ? space : 1);
}

/* One row of pixels of every output channel of the unit. */
static void bring_row(item *it, int64_t segment, int64_t h) {
    const fc_dots *r = it->run;
    const fc_correlation *c = &r->c;
    const int64_t ld = line_pitch(it), all = c->groups * c->out_channels;
    const int64_t image = r->pieces.images > 1 ? segment : 0,
                  d = r->pieces.images > 1 ? 0 : segment;
    char *dst =
        it->lines_data + (segment * it->segments.line_step + h * it->plane.pixel[1]) * c->item;
    if (c->layout == FC_CHANNELS_LAST) {
        const char *src = r->gy + piece_in_gy(it, image, d, h, all) * c->item;
        c->kernels->conv.transpose(dst, ld, src, all, it->box.size[2], it->unit.out.count);
        return;
    }
    const int64_t space = c->axis[0].out * c->axis[1].out * c->axis[2].out;
    const char *src = r->gy + piece_in_gy(it, image, d, h, 1) * c->item;
    for (int64_t k = 0; k < it->unit.out.count; k++)
        c->kernels->conv.copy(dst + k * ld * c->item, 1, src + k * space * c->item, 1,
                              it->box.size[2]);
}

static void bring_lines(item *it) {
    const fc_dots *r = it->run;
    const fc_correlation *c = &r->c;
    if (r->gy_in_place) {
        it->lines = r->gy + piece_in_gy(it, 0, 0, 0, 1) * c->item;
        return;
    }
    if (it->plane.pixel[1] > it->box.size[2])
        memset(it->lines_data, 0, (size_t)(it->unit.out.count * line_pitch(it) * c->item));
    for (int64_t s = 0; s < it->segments.count; s++)
        for (int64_t h = 0; h < it->box.size[1]; h++) bring_row(it, s, h);
    it->lines = it->lines_data;
}

static void bring_plane(item *it) {
    const fc_dots *r = it->run;
    const fc_correlation *c = &r->c;
    if (r->x_in_place) {
        const int64_t first = it->unit.group * c->in_channels + it->unit.in.first;
        it->columns = r->x + (fc_plane_origin(c, &it->plane, &it->box, &it->unit.taps) +
                              first * it->plane.channel) *
                                 c->item;
        return;
    }
    fc_plane_gather(c, &it->plane, &it->box, &it->unit.taps, r->x, it->unit.group,
                    it->unit.in.first, it->unit.in.count, it->plane_data);
    it->columns = it->plane_data;
}

/* Whether the zeros between the rows of gy meet no NaN or Inf of x. */
static int gaps_are_harmless(const item *it) {
    const fc_dots *r = it->run;
    if (it->plane.pixel[1] == it->box.size[2] || it->box.size[1] == 1) return 1;
    if (!r->x_in_place)
        return r->c.kernels->conv.finite(it->columns, it->unit.in.count * it->plane.channel);
    const int64_t reach = it->offsets[fc_volume(it->unit.taps.size) - 1] + it->segments.length;
    for (int64_t k = 0; k < it->unit.in.count; k++)
        for (int64_t s = 0; s < it->segments.count; s++)
            if (!r->c.kernels->conv.finite(
                    it->columns + (k * it->plane.channel + s * it->segments.x_step) * r->c.item,
                    reach))
                return 0;
    return 1;
}

/* ---- Summing ---- */

static void dot_tile(const item *it, const fc_segments *s, const char *x, const char *gy, int64_t m,
                     int64_t rows, int64_t n, int64_t columns) {
    const fc_dots *r = it->run;
    const fc_correlation *c = &r->c;
    const int64_t all = c->axis[0].out * c->axis[1].out * c->axis[2].out;
    const int64_t ld = r->gy_in_place ? all : line_pitch(it);
    const int64_t taps = fc_volume(it->unit.taps.size), depth = fc_correlation_depth(c);
    /* (channel, tap) n of the unit; a unit of cut taps has one channel at a time in a tile's
     * row. */
    const int64_t column = (it->unit.in.first + n / taps) * c->w_in + n % taps;
    const fc_dot t = {
        .segments = s->count,
        .length = s->length,
        .a_step = s->line_step,
        .b_step = s->x_step,
        .lda = ld,
        .a = gy + m * ld * c->item,
        .b = x,
        .offset = it->offsets + n,
        .c = it->out +
             ((it->unit.group * c->out_channels + it->unit.out.first + m) * depth + column) *
                 c->item,
        .ldc = depth,
    };
    c->kernels->conv.dot[rows - 1][columns - 1](&t);
}

/* All tiles of the unit: some lines of gy stay in the cache while the planes of x pass. */
static void dot_unit(const item *it, const fc_segments *s, const char *x, const char *gy) {
    const fc_conv_kernels *k = &it->run->c.kernels->conv;
    const int64_t taps = fc_volume(it->unit.taps.size);
    const int whole = taps == fc_correlation_taps(&it->run->c);
    const int64_t line = whole ? it->unit.in.count * taps : taps,
                  lines = whole ? 1 : it->unit.in.count;
    for (int64_t l = 0; l < lines; l++)
        for (int64_t m = 0; m < it->unit.out.count; m += k->dot_rows) {
            const int64_t rows = min64(k->dot_rows, it->unit.out.count - m),
                          most = k->dot_columns[rows - 1];
            for (int64_t n = 0; n < line; n += most)
                dot_tile(it, s, x, gy, m, rows, l * line + n, min64(most, line - n));
        }
}

static void add_piece(item *it) {
    const fc_dots *r = it->run;
    bring_lines(it);
    bring_plane(it);
    if (gaps_are_harmless(it)) {
        dot_unit(it, &it->segments, it->columns, it->lines);
        return;
    }
    const int64_t line = it->plane.pixel[1];
    const fc_segments rows = {it->box.size[1], line, line, it->box.size[2]};
    for (int64_t s = 0; s < it->segments.count; s++)
        dot_unit(it, &rows, it->columns + s * it->segments.x_step * r->c.item,
                 it->lines + s * it->segments.line_step * r->c.item);
}

/* Units with cut taps: where their first tap stands in the weight. */
static int64_t taps_in_weight(const item *it) {
    const fc_correlation *c = &it->run->c;
    return it->unit.taps.first[0] * c->w_axis[0] + it->unit.taps.first[1] * c->w_axis[1] +
           it->unit.taps.first[2] * c->w_axis[2];
}

static void run_item(void *context, int64_t index, int worker) {
    const fc_dots *r = context;
    char *scratch = r->scratch + worker * r->bytes;
    const int64_t chunk = index % r->chunks, first = index / r->chunks * r->units_together;
    item it = {.run = r,
               .plane_data = scratch,
               .lines_data = scratch + r->lines_at,
               .offsets = (int64_t *)(scratch + r->offsets_at)};
    char *out = r->chunks > 1 ? r->partial + chunk * fc_dots_elements(r) * r->c.item : r->gw;
    for (int64_t unit = first; unit < min64(r->units.count, first + r->units_together); unit++) {
        it.unit = fc_unit_at(&r->c, &r->units, unit);
        it.out = out + taps_in_weight(&it) * r->c.item;
        for (int64_t piece = chunk * r->chunk_pieces;
             piece < min64(r->pieces.count, (chunk + 1) * r->chunk_pieces); piece++) {
            it.box = fc_piece(&r->c, &r->pieces, piece);
            it.plane = fc_dots_plane(r, &it.box, &it.unit.taps);
            it.segments = fc_dots_segments(r, &it.box, &it.plane);
            fc_plane_offsets(&r->c, &it.plane, &it.unit.taps, it.unit.in.count, it.offsets);
            add_piece(&it);
        }
    }
}

static fc_status run_all(fc_dots *r, int workers, const fc_call *call) {
    const int64_t bytes = fc_dots_elements(r) * r->c.item;
    if (r->chunks > 1) memset(r->partial, 0, (size_t)(r->chunks * bytes));
    else memset(r->gw, 0, (size_t)bytes);
    FC_TRY(fc_parallel_for(call, workers, ceil_div(r->units.count, r->units_together) * r->chunks,
                           run_item, r));
    if (r->chunks == 1) return FC_OK;
    const fc_chunks parts = {r->c.kernels, r->partial,          r->gw,
                             r->c.item,    fc_dots_elements(r), r->chunks};
    return fc_chunks_add(&parts, workers, call);
}

fc_status fc_grad_weight_dot(const fc_conv *problem, const void *x, const void *gy, void *gw,
                             const fc_call *call) {
    fc_dots r = fc_dots_of(problem);
    const double work = fc_conv_flops(problem);
    const int workers =
        work < 1 << 18 ? 1 : fc_workers(call, ceil_div(r.units.count, r.units_together) * r.chunks);
    const int64_t partial =
        r.chunks > 1 ? fc_aligned(r.chunks * fc_dots_elements(&r) * r.c.item) : 0;
    r.partial = fc_scratch(partial + workers * r.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + partial;
    r.x = x;
    r.gy = gy;
    r.gw = gw;
    const fc_status status = run_all(&r, workers, call);
    fc_scratch_free(r.partial);
    return status;
}
