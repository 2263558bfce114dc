/* Bringing strips: see strip.h. Rows inside the image are copied, or transposed where the channels
 * come first. */
#include "strip.h"

#include <string.h>

#include "integers.h"
#include "plane.h"

/* Where the pixels of some channels of one image lie. */
typedef struct source {
    const fc_images *a;
    const char *x;
    int64_t pixel, channel, channels; /* strides, and how many channels */
} source;

static source source_of(const fc_images *a, const fc_rectangle *r) {
    const int64_t space = a->size[0] * a->size[1];
    const int last = a->layout == FC_CHANNELS_LAST;
    const int64_t first = r->image * a->channels * space + r->channel * (last ? 1 : space);
    return (source){
        .a = a,
        .x = (const char *)a->data + first * a->item,
        .pixel = last ? a->channels : 1,
        .channel = last ? 1 : space,
        .channels = r->channels,
    };
}

/* `n` pixels from x on, and zeros in the lanes behind their channels: see bytes_behind in weights.c.
 */
static void bring_pixels(const source *s, char *dst, const char *x, int64_t n) {
    const fc_conv_kernels *k = &s->a->kernels->conv;
    const int64_t item = s->a->item,
                  behind = up_to(s->channels, s->a->kernels->lanes) - s->channels;
    for (int64_t j = 0; j < n && behind; j++)
        memset(dst + (j * FC_STRIP + s->channels) * item, 0, (size_t)(behind * item));
    if (s->channel == 1) k->copy_padded(dst, FC_STRIP, x, s->pixel, n, 0, s->channels, 0, 1);
    else k->transpose(dst, FC_STRIP, x, s->channel, s->channels, n);
}

/* Pixels outside the image, one by one: where they come from depends on the padding mode. */
static void bring_outside(const source *s, char *dst, const char *row, int64_t at, int64_t n) {
    const fc_images *a = s->a;
    const int64_t pixel = FC_STRIP * a->item;
    if (a->padding_mode == FC_PAD_ZEROS) {
        memset(dst, 0, (size_t)(n * pixel));
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        const int64_t from = fc_padded_position(at + j, a->size[1], a->padding_mode);
        bring_pixels(s, dst + j * pixel, row + from * s->pixel * a->item, 1);
    }
}

static void bring_row(const source *s, char *dst, int64_t row, int64_t column, int64_t n) {
    const fc_images *a = s->a;
    const int64_t in = a->size[1], pixel = FC_STRIP * a->item;
    const int64_t from = fc_padded_position(row, a->size[0], a->padding_mode);
    if (from < 0) {
        memset(dst, 0, (size_t)(n * pixel));
        return;
    }
    const char *x = s->x + from * in * s->pixel * a->item;
    const int64_t first = clamp64(-column, 0, n), last = clamp64(in - column, first, n);
    bring_outside(s, dst, x, column, first);
    if (first < last)
        bring_pixels(s, dst + first * pixel, x + (column + first) * s->pixel * a->item,
                     last - first);
    bring_outside(s, dst + last * pixel, x, column + last, n - last);
}

void fc_strip_bring(const fc_images *a, const fc_rectangle *r, void *strip) {
    const source s = source_of(a, r);
    const int64_t line = r->size[1] * FC_STRIP * a->item;
    for (int64_t h = 0; h < r->size[0]; h++)
        bring_row(&s, (char *)strip + h * line, r->first[0] + h, r->first[1], r->size[1]);
}
