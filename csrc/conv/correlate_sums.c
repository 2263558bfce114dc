/* Where the sums of an item stand: in the output itself, or in scratch until they are complete. */
#include "correlate_item.h"

/* Where the first pixel of row (d, h) of the box stands in a channel of the output. */
static int64_t pixel_in_output(const fc_item *it, int64_t d, int64_t h) {
    const fc_axis *a = it->run->c->axis;
    const int64_t *o = it->box.first;
    const int64_t row = (a[0].start + (o[0] + d) * a[0].step) * a[1].size + a[1].start;
    return (row + (o[1] + h) * a[1].step) * a[2].size + a[2].start + o[2] * a[2].step;
}

/* The same in the sums of an item in scratch, for image i. */
static int64_t row_in_scratch(const fc_item *it, int64_t i, int64_t d, int64_t h) {
    const fc_blocking *b = it->run->b;
    const int64_t *n = it->box.size;
    if (b->packed || b->turned || b->by_row) return ((i * n[0] + d) * n[1] + h) * n[2];
    return d * it->plane.pixel[0] + h * it->plane.pixel[1];
}

int64_t fc_sums_row(const fc_item *it, int64_t i, int64_t d, int64_t h) {
    const fc_axis *a = it->run->c->axis;
    if (!it->run->b->direct_output) return row_in_scratch(it, i, d, h);
    return i * a[0].size * a[1].size * a[2].size + pixel_in_output(it, d, h) -
           pixel_in_output(it, 0, 0);
}

int64_t fc_sums_step(const fc_item *it) {
    return it->run->b->direct_output ? it->run->c->axis[2].step : 1;
}

void fc_sums_in_output(fc_item *it) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t space = c->axis[0].size * c->axis[1].size * c->axis[2].size,
                  all = c->groups * c->out_channels;
    const int64_t channel = it->group * c->out_channels + it->start,
                  pixel = pixel_in_output(it, 0, 0);
    const int last = c->layout == FC_CHANNELS_LAST;
    it->ld = last ? all : space;
    it->sums = r->y + (it->box.image * all * space +
                       (last ? pixel * all + channel : channel * space + pixel)) *
                          it->item;
}

/* Rows of a slice of the box that follow one another, there and here. */
static int64_t rows_together(const fc_item *it) {
    const fc_axis *a = it->run->c->axis;
    const int64_t width = it->box.size[2], rows = it->box.size[1];
    const int there = a[2].step == 1 && a[1].step == 1 && width == a[2].size,
              here = row_in_scratch(it, 0, 0, 1) - row_in_scratch(it, 0, 0, 0) == width;
    return there && here ? rows : 1;
}

/* `pixels` pixels from row (d, h) of image i of the box on: sums and output each have either the
 * pixels or the channels next to each other. */
static void store_pixels(const fc_item *it, int64_t i, int64_t d, int64_t h, int64_t pixels) {
    const fc_run *r = it->run;
    const fc_conv_kernels *k = &r->c->kernels->conv;
    const fc_axis *a = r->c->axis;
    const int turned = r->b->turned, last = r->c->layout == FC_CHANNELS_LAST;
    const int64_t space = a[0].size * a[1].size * a[2].size,
                  all = r->c->groups * r->c->out_channels;
    const int64_t channel = it->group * r->c->out_channels + it->start,
                  pixel = pixel_in_output(it, d, h);
    const int64_t image = (it->box.image + i) * all * space, row = row_in_scratch(it, i, d, h);
    const char *src = it->sums + row * (turned ? it->ld : 1) * it->item;
    if (last && turned) {
        for (int64_t j = 0; j < pixels; j++)
            k->copy(r->y + (image + (pixel + j * a[2].step) * all + channel) * it->item, 1,
                    src + j * it->ld * it->item, 1, it->rows);
    } else if (last) {
        k->transpose(r->y + (image + pixel * all + channel) * it->item, all * a[2].step, src,
                     it->ld, it->rows, pixels);
    } else if (turned && a[2].step == 1) {
        k->transpose(r->y + (image + channel * space + pixel) * it->item, space, src, it->ld,
                     pixels, it->rows);
    } else {
        for (int64_t c = 0; c < it->rows; c++)
            k->copy(r->y + (image + (channel + c) * space + pixel) * it->item, a[2].step,
                    src + c * (turned ? 1 : it->ld) * it->item, turned ? it->ld : 1, pixels);
    }
}

/* Whole images at a time, if they can: by the row, 32 channels of 26 x 26 pixels took twice as long
 * (AMD Zen 4, November 2026). */
void fc_sums_store(const fc_item *it) {
    const int64_t together = rows_together(it), pixels = together * it->box.size[2];
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < it->box.size[0]; d++)
            for (int64_t h = 0; h < it->box.size[1]; h += together)
                store_pixels(it, i, d, h, pixels);
}
