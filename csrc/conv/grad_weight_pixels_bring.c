/* Bringing the operands of a weight gradient's outer products (grad_weight_pixels.c): x with its
 * padding, gy as [pixel][output channel], and where each pixel stands in both. What can be read
 * where it stands is not brought. */
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "grad_weight_pixels.h"
#include "integers.h"

#define SHARE 32 /* channels of an image that are brought for all items at a time */

/* ---- How x and gy are read ---- */

static fc_box whole_image(const fc_pixels *r, int64_t image) {
    const fc_axis *a = r->c.axis;
    return (fc_box){image, 1, {0, 0, 0}, {a[0].out, a[1].out, a[2].out}};
}

fc_operand fc_pixels_x_as(const fc_pixels *r, const fc_plane *plane) {
    fc_operand x = {.channel = plane->channel, .image = plane->image};
    x.group = times64(r->c.in_channels, x.channel);
    for (int i = 0; i < 3; i++) {
        x.pixel[i] = plane->pixel[i];
        x.tap[i] = times64(plane->line[i], r->c.axis[i].offset_step);
    }
    return x;
}

fc_operand fc_pixels_x_shared_as(const fc_pixels *r) {
    const fc_correlation *c = &r->c;
    const fc_taps taps = fc_units_taps(&r->units);
    const fc_box box = whole_image(r, 0);
    const fc_plane plane = fc_plane_copied(c, &box, &taps, c->in_channels);
    fc_operand x = fc_pixels_x_as(r, &plane);
    x.group = fc_plane_elements(&plane, 1, c->in_channels);
    x.image = times64(c->groups, x.group);
    return x;
}

fc_operand fc_pixels_gy_as(const fc_correlation *c) {
    fc_operand gy = {.group = c->out_channels, .channel = 1};
    gy.pixel[2] = c->groups * c->out_channels;
    gy.pixel[1] = gy.pixel[2] * c->axis[2].out;
    gy.pixel[0] = gy.pixel[1] * c->axis[1].out;
    gy.image = gy.pixel[0] * c->axis[0].out;
    return gy;
}

/* The first pixel's first tap. */
static const char *x_ready(const fc_pixels_item *it) {
    const fc_operand *x = &it->run->x_as;
    int64_t at =
        it->box.image * x->image + it->unit.group * x->group + it->unit.in.first * x->channel;
    for (int i = 0; i < 3; i++)
        at += it->box.first[i] * x->pixel[i] + it->unit.taps.first[i] * x->tap[i];
    return it->run->x_data + at * it->run->c.item;
}

static const char *gy_ready(const fc_pixels_item *it) {
    const fc_operand *gy = &it->run->gy_as;
    int64_t at = it->box.image * gy->image + it->unit.group * gy->group + it->unit.out.first;
    for (int i = 0; i < 3; i++) at += it->box.first[i] * gy->pixel[i];
    return it->run->gy + at * it->run->c.item;
}

/* ---- What is not ready ---- */

static void bring_x(fc_pixels_item *it) {
    const fc_pixels *r = it->run;
    const fc_plane plane = fc_plane_copied(&r->c, &it->box, &it->unit.taps, it->unit.in.count);
    it->x_as = fc_pixels_x_as(r, &plane);
    it->x = it->plane;
    fc_plane_gather(&r->c, &plane, &it->box, &it->unit.taps, r->x, it->unit.group,
                    it->unit.in.first, it->unit.in.count, it->plane);
}

/* Pixels of an image of gy. */
static int64_t space_of(const fc_correlation *c) {
    return c->axis[0].out * c->axis[1].out * c->axis[2].out;
}

/* Elements of gy before pixel (d, h, 0) of an image of the piece, in the unit's first channel. */
static int64_t row_in_gy(const fc_pixels_item *it, int64_t image, int64_t d, int64_t h) {
    const fc_correlation *c = &it->run->c;
    const fc_axis *a = c->axis;
    const int64_t all = c->groups * c->out_channels, space = space_of(c);
    const int64_t pixel =
        ((it->box.first[0] + d) * a[1].out + it->box.first[1] + h) * a[2].out + it->box.first[2];
    const int64_t channel = it->unit.group * c->out_channels + it->unit.out.first;
    const int last = c->layout == FC_CHANNELS_LAST;
    return (it->box.image + image) * all * space + pixel * (last ? all : 1) +
           channel * (last ? 1 : space);
}

/* `pixels` pixels that follow one another, to rows of `ld`. */
static char *bring_stretch(const fc_pixels_item *it, char *dst, int64_t ld, int64_t from,
                           int64_t pixels) {
    const fc_pixels *r = it->run;
    const fc_correlation *c = &r->c;
    const char *src = r->gy + from * c->item;
    if (c->layout == FC_CHANNELS_LAST)
        c->kernels->conv.copy_padded(dst, ld, src, c->groups * c->out_channels, pixels, 0,
                                     it->unit.out.count, 0, 1);
    else c->kernels->conv.transpose(dst, ld, src, space_of(c), it->unit.out.count, pixels);
    return dst + pixels * ld * c->item;
}

static void bring_gy(fc_pixels_item *it, char *dst, int64_t ld) {
    const fc_pixels *r = it->run;
    const int64_t *n = it->box.size;
    /* Whole rows follow one another, and whole slices. */
    const int rows = n[2] == r->c.axis[2].out, slices = rows && n[1] == r->c.axis[1].out;
    const int64_t h_step = rows ? n[1] : 1, d_step = slices ? n[0] : 1;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d += d_step)
            for (int64_t h = 0; h < n[1]; h += h_step)
                dst = bring_stretch(it, dst, ld, row_in_gy(it, i, d, h), d_step * h_step * n[2]);
}

/* Where each pixel of the piece stands, in x and in gy. */
static void list_pixels(fc_pixels_item *it) {
    const fc_pixels *r = it->run;
    const int64_t *n = it->box.size;
    const fc_operand *x = &it->x_as, *gy = &r->gy_as;
    int64_t p = 0;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++) {
                const int64_t x_row = i * x->image + d * x->pixel[0] + h * x->pixel[1],
                              gy_row = i * gy->image + d * gy->pixel[0] + h * gy->pixel[1];
                for (int64_t w = 0; w < n[2]; w++, p++) {
                    it->x_offset[p] = x_row + w * x->pixel[2];
                    it->gy_offset[p] = r->gy_ready ? gy_row + w * gy->pixel[2] : p * r->ld;
                }
            }
    it->pixels = p;
}

void fc_pixels_bring(fc_pixels_item *it) {
    const fc_pixels *r = it->run;
    if (r->x_ready) {
        it->x_as = r->x_as;
        it->x = x_ready(it);
    } else bring_x(it);
    if (r->gy_ready) it->gy = gy_ready(it);
    else bring_gy(it, it->lines, r->ld);
    list_pixels(it);
}

/* ---- x for all items ---- */

/* Channels last: all of them, as the copy is theirs together. */
static int64_t shares(const fc_pixels *r) {
    return r->c.layout == FC_CHANNELS_LAST ? 1 : ceil_div(r->c.in_channels, SHARE);
}

/* For all items: some channels of an image of x. */
static void share_x(fc_pixels_item *it) {
    const fc_pixels *r = it->run;
    const fc_operand *x = &r->x_as;
    const fc_plane plane = fc_plane_copied(&r->c, &it->box, &it->unit.taps, it->unit.in.count);
    const int64_t at =
        it->box.image * x->image + it->unit.group * x->group + it->unit.in.first * x->channel;
    fc_plane_gather(&r->c, &plane, &it->box, &it->unit.taps, r->x, it->unit.group,
                    it->unit.in.first, it->unit.in.count, r->x_copy + at * r->c.item);
}

static void share_item(void *context, int64_t index, int worker) {
    (void)worker;
    const fc_pixels *r = context;
    const int64_t n = shares(r), channels = r->c.in_channels;
    fc_pixels_item it = {
        .run = r, .unit.group = index / n % r->c.groups, .unit.taps = fc_units_taps(&r->units)};
    it.box = whole_image(r, index / n / r->c.groups);
    it.unit.in.first = index % n * SHARE;
    it.unit.in.count = n == 1 ? channels : min64(SHARE, channels - it.unit.in.first);
    share_x(&it);
}

fc_status fc_pixels_share(fc_pixels *r, int workers, const fc_call *call) {
    const int64_t items = r->c.batch * r->c.groups * shares(r);
    return fc_parallel_for(call, (int)min64(workers, items), items, share_item, r);
}
