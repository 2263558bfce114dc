/* The input gradient, and with it the transposed convolution, where windows stand side by side: a
 * stride of the kernel's size, as in the decoder of U-Net and the patches of a vision transformer.
 * Channels first.
 *
 *   gx[n, c, o * stride + t] = columns[c, t][n, o]
 *
 * A correlation for each phase, as other strides have them, packs w once more for each, from every
 * taps-th element, and writes every other element of gx: 2x2 takes up to a third longer, 16x16 three
 * times as long (AMD Zen 4, November 2026). */
#include "grad_input_disjoint.h"

#include "grad_input_columns.h"
#include "integers.h"
#include "problem.h"

#define WIDEST 256 /* kernel: a line of taps is not cut */
#define FEWEST 4   /* terms */

int fc_grad_input_disjoint_suits(const fc_conv *p) {
    for (int i = 0; i < 3; i++)
        if (p->kernel[i] != p->stride[i] || (p->kernel[i] > 1 && p->dilation[i] != 1) ||
            p->pad_before[i] != 0 || p->output[i] == 0 ||
            p->input[i] != times64(p->output[i], p->stride[i]))
            return 0;
    const int64_t taps = fc_volume(p->kernel);
    return p->layout == FC_CHANNELS_FIRST && taps > 1 && p->kernel[2] <= WIDEST &&
           p->in_channels / p->groups * taps >= fc_kernels_for(p->dtype)->conv.rows &&
           p->out_channels / p->groups >= FEWEST;
}

/* A line of `taps` rows of sums, for `pixels` pixels, side by side. */
static void store_line(const fc_grad_columns *d, char *to, const char *sums, int64_t taps,
                       int64_t pixels) {
    const fc_conv_kernels *k = &d->kernels->conv;
    if (taps == 1) k->copy(to, 1, sums, 1, pixels);
    else if (taps == 2) k->zip(to, sums, sums + d->tile_pixels * d->item, pixels);
    else if (taps ==
             3) /* with AVX2 a third faster than stores of 3 lanes (AMD Zen 4, November 2026) */
        for (int64_t t = 0; t < taps; t++)
            k->copy(to + t * d->item, taps, sums + t * d->tile_pixels * d->item, 1, pixels);
    else k->transpose(to, taps, sums, d->tile_pixels, taps, pixels);
}

/* The sums of pixels [pixel, pixel + count) of one row of the image. */
static void store_pixels(const fc_grad_columns *d, const fc_grad_piece *n, int64_t pixel,
                         int64_t count) {
    const fc_conv *p = d->p;
    const int64_t *k = p->kernel, column = pixel % p->output[2], row = pixel / p->output[2];
    const int64_t image = row / (p->output[0] * p->output[1]);
    const int64_t slice = row / p->output[1] % p->output[0] * k[0],
                  line = row % p->output[1] * k[1];
    const int64_t channel = (image * p->groups + n->group) * (p->in_channels / p->groups);
    for (int64_t r = 0; r < n->rows; r += k[2]) {
        const int64_t taps = (n->row + r) / k[2], c = channel + taps / (k[0] * k[1]);
        const int64_t z = slice + taps / k[1] % k[0], y = line + taps % k[1];
        const int64_t to = ((c * p->input[0] + z) * p->input[1] + y) * p->input[2] + column * k[2];
        store_line(d, d->gx + to * d->item,
                   n->sums + (r * d->tile_pixels + pixel - n->pixel) * d->item, k[2], count);
    }
}

/* For each line of taps and row of pixels: its sums side by side. */
static void store(const fc_grad_columns *d, const fc_grad_piece *n) {
    const int64_t end = n->pixel + n->pixels, row = d->p->output[2];
    for (int64_t pixel = n->pixel, next; pixel < end; pixel = next) {
        next = min64(end, (pixel / row + 1) * row);
        store_pixels(d, n, pixel, next - pixel);
    }
}

fc_status fc_grad_input_disjoint(const fc_conv *p, const void *w, const void *gy, const void *bias,
                                 void *gx, const fc_call *call) {
    if (p->batch == 0) return FC_OK;
    fc_grad_columns d = fc_grad_columns_of(p, w, gy, bias, gx);
    const int64_t pixels = min64(d.pixels, fc_grad_columns_pixels(&d));
    fc_grad_columns_cut(&d, p->kernel[2], ceil_div(d.pixels, pixels), pixels);
    d.finished = 1;
    d.store = store;
    return fc_grad_columns_run(&d, call);
}
