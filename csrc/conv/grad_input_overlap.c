/* The input gradient, and with it the transposed convolution, where windows overlap, and weights are
 * many for the pixels or outputs have few channels: the first and the last layers of a generator or
 * a decoder. Channels first.
 *
 *   gx[n, c, i] = bias[c] + sum over t, o with o * stride + t * dilation - pad = i, in order of t, of
 *                 columns[c, t][n, o]
 *
 * for whole channels of whole images or, where those are large, of bands of one: the columns at the
 * edge of a band are made for its neighbour, too.
 *
 * A correlation for each phase picks its weights from among those of the others, some KB apart, for
 * few products each: 1024 to 512 channels, 4 x 4 pixels, 4x4/2 take twice as long, one image alone
 * three times; 512 to 256, 32 pixels, 16/8 three and a half times. And where it has few rows, of a
 * channel each, it is bound by the loads of pixels: one channel takes two to seven times as long
 * (AMD Zen 4, November 2026). */
#include "grad_input_overlap.h"

#include "grad_input_columns.h"
#include "integers.h"
#include "problem.h"

#define FEWEST 8               /* terms */
#define FEW_VECTORS 16         /* of an image's pixels */
#define FEW_CHANNELS 8         /* for which so many pixels are few, */
#define SOME 16                /* with so many terms or more */
#define COLUMNS (1 << 18)      /* bytes of a channel's, of images together or of one in one band */
#define MOST_COLUMNS (1 << 20) /* bytes of a band's, for a channel */
#define BANDS 16               /* that an image should give */
#define HALO 8                 /* a band's own pixels are so many times what others make as well */

typedef struct overlap {
    fc_grad_columns columns;
    int axis;      /* the first that is there */
    int64_t bands; /* of an image, along it */
    int64_t band;  /* places of gx */
    int64_t unit;  /* pixels of a place of gy */
} overlap;

/* ---- Bands ---- */

static int first_axis(const fc_conv *p) {
    int axis = 0;
    while (axis < 2 && p->input[axis] == 1 && p->output[axis] == 1) axis++;
    return axis;
}

static int64_t span_of(const fc_conv *p, int axis) {
    return times64(p->kernel[axis] - 1, p->dilation[axis]);
}

/* One band where columns of whole images are few; else places of gx for a number of those of gy. */
static void cut_bands(const fc_conv *p, int64_t item, overlap *v) {
    const int a = v->axis = first_axis(p);
    v->bands = 1;
    v->band = p->input[a];
    v->unit = fc_volume(p->output) / p->output[a];
    const int64_t place = times64(fc_volume(p->kernel), v->unit * item);
    if (times64(place, p->output[a]) <= COLUMNS) return;
    const int64_t halo = ceil_div(span_of(p, a), p->stride[a]);
    const int64_t most = min64(COLUMNS / 2 / place, ceil_div(p->output[a], BANDS));
    v->band = times64(max64(most - halo, HALO * max64(halo, 1)), p->stride[a]);
    v->bands = ceil_div(p->input[a], v->band);
}

/* Places [first, last) of gy, that reach places [from, to) of gx. */
typedef struct reach {
    int64_t from, to, first, last;
} reach;

static reach reach_of(const overlap *v, int64_t band) {
    const fc_conv *p = v->columns.p;
    const int a = v->axis;
    reach r = {.from = band * v->band, .to = min64((band + 1) * v->band, p->input[a])};
    if (v->bands == 1) return (reach){.to = p->input[a], .last = p->output[a]};
    const int64_t low = r.from + p->pad_before[a] - span_of(p, a);
    r.first = low <= 0 ? 0 : min64(ceil_div(low, p->stride[a]), p->output[a]);
    r.last = clamp64((r.to - 1 + p->pad_before[a]) / p->stride[a] + 1, r.first, p->output[a]);
    return r;
}

/* The pixels of a band that others make as well are at most those of its places and its span. */
static int64_t band_pixels(const fc_conv *p, const overlap *v) {
    return min64(p->output[v->axis], ceil_div(v->band + span_of(p, v->axis), p->stride[v->axis])) *
           v->unit;
}

static void place_band(const fc_grad_columns *d, int64_t tile, fc_grad_piece *n) {
    const overlap *v = (const overlap *)d;
    const reach r = reach_of(v, tile % v->bands);
    n->pixel = tile / v->bands * d->image_pixels + r.first * v->unit;
    n->pixels = (r.last - r.first) * v->unit;
}

/* ---- Which problems ---- */

/* The most pixels for which it is faster. In 3-D rows are short, and adding them up takes longer. */
static int64_t most_pixels(const fc_conv *p) {
    const int64_t channels = p->in_channels / p->groups, terms = p->out_channels / p->groups,
                  few = FEW_VECTORS * fc_kernels_for(p->dtype)->lanes;
    if (channels == 1) return INT64_MAX;
    if (channels <= FEW_CHANNELS && terms >= SOME) return few;
    return min64(p->stride[0] > 1 ? terms / 2 : terms, few);
}

int fc_grad_input_overlap_suits(const fc_conv *p) {
    const int64_t taps = fc_volume(p->kernel), pixels = fc_volume(p->output),
                  item = fc_sizeof(p->dtype);
    const int is_depthwise = p->groups > 1 && p->in_channels == p->groups,
              has_stride = p->stride[0] > 1 || p->stride[1] > 1 || p->stride[2] > 1;
    if (p->layout != FC_CHANNELS_FIRST || !has_stride || taps == 1 || pixels == 0 || is_depthwise ||
        p->out_channels / p->groups < FEWEST || pixels > most_pixels(p))
        return 0;
    overlap v;
    cut_bands(p, item, &v);
    return times64(times64(taps, band_pixels(p, &v)), item) <= MOST_COLUMNS;
}

/* ---- All of them ---- */

/* The columns of a piece's image, those of a tap next to each other. */
static const char *columns_of(const fc_grad_columns *d, const fc_grad_piece *n, int64_t pixel,
                              int64_t pixels) {
    if (d->tile_pixels == pixels) return n->sums;
    d->kernels->conv.copy_padded(n->more, pixels, n->sums + (pixel - n->pixel) * d->item,
                                 d->tile_pixels, n->rows, 0, pixels, 0, 1);
    return n->more;
}

/* The problem of a band: its places of gx and gy alone. */
static fc_conv problem_of(const fc_conv *p, int axis, const reach *r) {
    fc_conv band = *p;
    band.input[axis] = r->to - r->from;
    band.output[axis] = r->last - r->first;
    band.pad_before[axis] = p->pad_before[axis] + r->from - r->first * p->stride[axis];
    return band;
}

/* The band of an image, channel by channel. */
static void fold(const overlap *v, const fc_grad_piece *n, int64_t image, const reach *r,
                 const char *columns) {
    const fc_grad_columns *d = &v->columns;
    const fc_conv *p = d->p, band = problem_of(p, v->axis, r);
    const int64_t taps = fc_volume(p->kernel), space = fc_volume(p->input);
    const int64_t channels = p->in_channels / p->groups,
                  first = n->group * channels + n->row / taps;
    for (int64_t c = 0; c < n->rows / taps; c++) {
        const fc_pool_tile whole = {
            .last_row = band.input[0] * band.input[1],
            .last_column = band.input[2],
            .bias = d->bias ? d->bias + (first + c) * d->item : NULL,
            .clamp = p->clamp,
        };
        const int64_t to =
            (image * p->in_channels + first + c) * space + r->from * (space / p->input[v->axis]);
        d->kernels->pool.fold(&band, columns + c * taps * fc_volume(band.output) * d->item,
                              d->gx + to * d->item, &whole);
    }
}

static void store(const fc_grad_columns *d, const fc_grad_piece *n) {
    const overlap *v = (const overlap *)d;
    const reach r = reach_of(v, n->tile % v->bands);
    const int64_t pixels = (r.last - r.first) * v->unit,
                  images = v->bands > 1 ? 1 : n->pixels / pixels;
    const int64_t image = v->bands > 1 ? n->tile / v->bands : n->pixel / pixels;
    for (int64_t i = 0; i < images; i++)
        fold(v, n, image + i, &r, columns_of(d, n, n->pixel + i * pixels, pixels));
}

/* Whole images, as many as give an item its pixels; or bands. */
static void cut(overlap *v, const fc_conv *p) {
    fc_grad_columns *d = &v->columns;
    const int64_t taps = fc_volume(p->kernel);
    cut_bands(p, d->item, v);
    if (v->bands > 1) {
        d->place = place_band;
        fc_grad_columns_cut(d, taps, p->batch * v->bands, band_pixels(p, v));
    } else {
        const int64_t most = min64(fc_grad_columns_pixels(d), COLUMNS / (taps * d->item));
        const int64_t images = min64(max64(most / d->image_pixels, 1), p->batch);
        fc_grad_columns_cut(d, taps, ceil_div(p->batch, images), images * d->image_pixels);
    }
}

fc_status fc_grad_input_overlap(const fc_conv *p, const void *w, const void *gy, const void *bias,
                                void *gx, const fc_call *call) {
    if (p->batch == 0) return FC_OK;
    overlap v = {.columns = fc_grad_columns_of(p, w, gy, bias, gx)};
    fc_grad_columns *d = &v.columns;
    cut(&v, p);
    d->more_bytes = d->tile_rows * min64(d->image_pixels, d->tile_pixels) * d->item;
    d->store = store;
    return fc_grad_columns_run(d, call);
}
