/* Planes: see plane.h.
 *
 * Gathered layout: [channel][image][phase d][phase h][phase w][d][h][w]. With stride s and offset
 * step e, tap t of output o reads input (o*s + t*e) relative to the first tap's: phase (t*e) % s,
 * position o + (t*e) / s. Only the phases that taps reach exist: those of the taps below the period
 * s / gcd(s, e). */
#include "plane.h"
#include "integers.h"
#include "cache_blocks.h"

#include <string.h>

/* Positions one after another along the axes, `line` elements from one to the next in a row. */
static void set_lines(const fc_correlation *c, fc_plane *p, int64_t line) {
    for (int i = 2; i >= 0; i--) {
        p->line[i] = line;
        p->pixel[i] = times64(c->axis[i].stride / p->skip[i], line);
        line = times64(line, p->length[i]);
    }
}

fc_plane fc_plane_gathered(const fc_correlation *c, const fc_box *box, const fc_taps *taps) {
    fc_plane p = {0};
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        p.skip[i] = a->stride;
        p.period[i] = a->stride / gcd(a->stride, a->offset_step % a->stride);
        p.phases[i] = taps->size[i] < p.period[i] ? taps->size[i] : p.period[i];
        p.length[i] =
            taps->size[i] ? box->size[i] + (taps->size[i] - 1) * a->offset_step / a->stride : 0;
    }
    set_lines(c, &p, 1);
    p.phase[2] = times64(p.line[0], p.length[0]);
    p.phase[1] = times64(p.phase[2], p.phases[2]);
    p.phase[0] = times64(p.phase[1], p.phases[1]);
    p.image = times64(p.phase[0], p.phases[0]);
    p.channel = times64(p.image, box->images);
    return p;
}

/* What a tile reads all at once competes for a few lines of the L1 where it lies ways of it, or half
 * of one, apart. So many elements, or a line more, so that it does not, `stride` times them apart. */
static int64_t kept_apart(const fc_correlation *c, int64_t elements, int64_t stride) {
    return elements * c->item * stride % (FC_L1_WAY / 2) ? elements : elements + 64 / c->item;
}

static fc_plane copied(const fc_correlation *c, const fc_box *box, const fc_taps *taps,
                       int64_t channels, int channels_last) {
    fc_plane p = {.channels_last = channels_last};
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        p.skip[i] = p.period[i] = p.phases[i] = 1;
        p.length[i] = taps->size[i] ? (box->size[i] - 1) * a->stride +
                                          (taps->size[i] - 1) * a->offset_step + 1
                                    : 0;
    }
    set_lines(c, &p, p.channels_last ? kept_apart(c, channels, c->axis[2].stride) : 1);
    p.image = times64(p.line[0], p.length[0]);
    p.channel = p.channels_last ? 1 : kept_apart(c, times64(p.image, box->images), 1);
    return p;
}

fc_plane fc_plane_copied(const fc_correlation *c, const fc_box *box, const fc_taps *taps,
                         int64_t channels) {
    return copied(c, box, taps, channels, c->layout == FC_CHANNELS_LAST);
}

int fc_plane_turns(const fc_correlation *c) {
    return c->layout == FC_CHANNELS_FIRST && c->in_channels >= c->kernels->lanes;
}

fc_plane fc_plane_turned(const fc_correlation *c, const fc_box *box, const fc_taps *taps,
                         int64_t channels) {
    return copied(c, box, taps, channels, c->layout == FC_CHANNELS_LAST || fc_plane_turns(c));
}

int64_t fc_plane_elements(const fc_plane *plane, int64_t images, int64_t channels) {
    return plane->channels_last ? times64(plane->image, images) : times64(plane->channel, channels);
}

int fc_plane_spread_in_place(const fc_correlation *c, fc_plane *plane) {
    const int64_t all = c->groups * c->in_channels;
    *plane = (fc_plane){.channels_last = c->layout == FC_CHANNELS_LAST};
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        const int64_t last = (a->out - 1) * a->stride + a->offset + (a->taps - 1) * a->offset_step;
        if (a->taps == 0 || a->offset < 0 || last >= a->in) return 0;
        plane->skip[i] = plane->period[i] = plane->phases[i] = 1;
        plane->length[i] = a->in;
    }
    set_lines(c, plane, plane->channels_last ? all : 1);
    const int64_t space = plane->line[0] * plane->length[0];
    plane->channel = plane->channels_last ? 1 : space;
    plane->image = plane->channels_last ? space : space * all;
    return 1;
}

int fc_plane_in_place(const fc_correlation *c, fc_plane *plane) {
    if (c->layout != FC_CHANNELS_FIRST || c->axis[2].stride != 1) return 0;
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->stride != 1 && a->offset_step % a->stride != 0 && a->taps > 1)
            return 0; /* a tap between pixels */
    }
    return fc_plane_spread_in_place(c, plane);
}

int64_t fc_plane_origin(const fc_correlation *c, const fc_plane *plane, const fc_box *box,
                        const fc_taps *taps) {
    int64_t origin = box->image * plane->image;
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        origin += (box->first[i] * a->stride + a->offset + taps->first[i] * a->offset_step) *
                  plane->line[i];
    }
    return origin;
}

static int64_t tap_offset(const fc_correlation *c, const fc_plane *p, int i, int64_t t) {
    return t % p->period[i] * p->phase[i] + t * c->axis[i].offset_step / p->skip[i] * p->line[i];
}

void fc_plane_offsets(const fc_correlation *c, const fc_plane *plane, const fc_taps *taps,
                      int64_t channels, int64_t *offset) {
    int64_t k = 0;
    for (int64_t d = 0; d < taps->size[0]; d++)
        for (int64_t h = 0; h < taps->size[1]; h++) {
            const int64_t row = tap_offset(c, plane, 0, d) + tap_offset(c, plane, 1, h);
            for (int64_t w = 0; w < taps->size[2]; w++)
                offset[k++] = row + tap_offset(c, plane, 2, w);
        }
    for (int64_t i = k; i < k * channels; i++) offset[i] = offset[i - k] + plane->channel;
}

/* ---- Gathering ---- */

typedef struct gather {
    const fc_correlation *c;
    const fc_plane *plane;
    const char *x; /* the first channel of the image */
    char *dst;     /* the image, in the plane's first channel */
    int64_t channels;
    int64_t x_channel, x_pixel; /* strides of the input, in elements */
} gather;

/* Clamped at the end, as the last positions of a phase, or of a tile, may lie beyond the padding
 * (nothing that counts reads them). */
int64_t fc_padded_position(int64_t position, int64_t size, fc_padding_mode mode) {
    if (position >= 0 && position < size) return position;
    if (mode == FC_PAD_ZEROS) return -1;
    if (mode == FC_PAD_REFLECT) position = position < 0 ? -position : 2 * (size - 1) - position;
    if (mode == FC_PAD_CIRCULAR) position = position < 0 ? position + size : position - size;
    return clamp64(position, 0, size - 1);
}

/* n positions of zeros, in all channels */
static void gather_zeros(const gather *g, char *dst, int64_t n) {
    const int64_t item = g->c->item;
    if (g->plane->channels_last) {
        memset(dst, 0, (size_t)(n * g->plane->line[2] * item));
        return;
    }
    for (int64_t c = 0; c < g->channels; c++)
        memset(dst + c * g->plane->channel * item, 0, (size_t)(n * item));
}

/* n positions of the input's row from x, every `step` columns, in all channels. */
static void gather_run(const gather *g, char *dst, const char *x, int64_t step, int64_t n) {
    const fc_conv_kernels *k = &g->c->kernels->conv;
    const int64_t item = g->c->item;
    if (g->plane->channels_last && g->x_channel != 1) {
        k->transpose(dst, g->plane->line[2], x, g->x_channel, g->channels, n);
    } else if (g->plane->channels_last) {
        const int64_t from = step * g->x_pixel, to = g->plane->line[2];
        if (from == to && to == g->channels) k->copy(dst, 1, x, 1, n * to);
        else k->copy_padded(dst, to, x, from, n, 0, g->channels, 0, 1);
    } else if (g->x_channel == 1) {
        k->transpose(dst, g->plane->channel, x, step * g->x_pixel, n, g->channels);
    } else {
        for (int64_t c = 0; c < g->channels; c++)
            k->copy(dst + c * g->plane->channel * item, 1, x + c * g->x_channel * item,
                    step * g->x_pixel, n);
    }
}

/* Columns outside the input, one by one: their positions depend on the padding mode. */
static void gather_outside(const gather *g, char *dst, const char *row, int64_t position,
                           int64_t n) {
    const fc_axis *a = &g->c->axis[2];
    if (g->c->padding_mode == FC_PAD_ZEROS) {
        gather_zeros(g, dst, n);
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        const int64_t from =
            fc_padded_position(position + j * g->plane->skip[2], a->in, g->c->padding_mode);
        gather_run(g, dst + j * g->plane->line[2] * g->c->item,
                   row + from * g->x_pixel * g->c->item, 1, 1);
    }
}

void fc_cut_at_input(int64_t first, int64_t step, int64_t n, int64_t in, int64_t *before,
                     int64_t *inside) {
    *before = first >= 0 ? 0 : clamp64((-first + step - 1) / step, 0, n);
    const int64_t end = first >= in ? 0 : clamp64((in - 1 - first) / step + 1, *before, n);
    *inside = end > *before ? end - *before : 0;
}

/* One row of one phase: columns `first`, first + skip, ... of the input's row (NULL: a row of
 * zeros). */
static void gather_row(const gather *g, char *dst, const char *row, int64_t first) {
    const fc_axis *a = &g->c->axis[2];
    const int64_t n = g->plane->length[2], skip = g->plane->skip[2], item = g->c->item,
                  position = g->plane->line[2] * item;
    if (!row) {
        gather_zeros(g, dst, n);
        return;
    }
    int64_t before, inside;
    fc_cut_at_input(first, skip, n, a->in, &before, &inside);
    if (before) gather_outside(g, dst, row, first, before);
    if (inside)
        gather_run(g, dst + before * position, row + (first + before * skip) * g->x_pixel * item,
                   skip, inside);
    const int64_t done = before + inside;
    if (done < n) gather_outside(g, dst + done * position, row, first + done * skip, n - done);
}

/* The input position of position 0 of phase `phase` along axis i. */
static int64_t phase_start(const fc_correlation *c, const fc_box *box, const fc_taps *taps, int i,
                           int64_t phase) {
    const fc_axis *a = &c->axis[i];
    return box->first[i] * a->stride + a->offset + taps->first[i] * a->offset_step +
           phase * a->offset_step % a->stride;
}

/* Phase (h, w) of one slice, channels first and padded with zeros: all rows at once. */
static void gather_slice(const gather *g, char *dst, const char *slice, int64_t h0, int64_t w0) {
    const fc_axis *h = &g->c->axis[1], *w = &g->c->axis[2];
    const int64_t item = g->c->item, *n = g->plane->length, *skip = g->plane->skip;
    int64_t above, rows, left, columns;
    fc_cut_at_input(h0, skip[1], n[1], h->in, &above, &rows);
    fc_cut_at_input(w0, skip[2], n[2], w->in, &left, &columns);
    memset(dst, 0, (size_t)(above * n[2] * item));
    memset(dst + (above + rows) * n[2] * item, 0, (size_t)((n[1] - above - rows) * n[2] * item));
    const char *src = slice + ((h0 + above * skip[1]) * w->in + w0 + left * skip[2]) * item;
    g->c->kernels->conv.copy_padded(dst + above * n[2] * item, n[2], src, skip[1] * w->in, rows,
                                    left, columns, n[2] - left - columns, skip[2]);
}

/* Phase (h, w) of one slice, row by row. */
static void gather_slice_rows(const gather *g, char *dst, const char *slice, int64_t h0,
                              int64_t w0) {
    const fc_axis *h = &g->c->axis[1], *w = &g->c->axis[2];
    for (int64_t i = 0; i < g->plane->length[1]; i++) {
        const int64_t from =
            fc_padded_position(h0 + i * g->plane->skip[1], h->in, g->c->padding_mode);
        const char *row = from < 0 ? NULL : slice + from * w->in * g->x_pixel * g->c->item;
        gather_row(g, dst + i * g->plane->line[1] * g->c->item, row, w0);
    }
}

/* All phases of some channels of one image. */
static void gather_image(const gather *g, const fc_box *box, const fc_taps *taps) {
    const fc_correlation *c = g->c;
    const fc_plane *p = g->plane;
    const int64_t slice = c->axis[1].in * c->axis[2].in * g->x_pixel * c->item;
    const int at_once = g->x_pixel == 1 && !p->channels_last && c->padding_mode == FC_PAD_ZEROS;
    for (int64_t phase = 0; phase < p->phases[0] * p->phases[1] * p->phases[2]; phase++) {
        const int64_t w0 = phase_start(c, box, taps, 2, phase % p->phases[2]);
        const int64_t h0 = phase_start(c, box, taps, 1, phase / p->phases[2] % p->phases[1]);
        const int64_t d0 = phase_start(c, box, taps, 0, phase / p->phases[2] / p->phases[1]);
        for (int64_t d = 0; d < p->length[0]; d++) {
            const int64_t from =
                fc_padded_position(d0 + d * p->skip[0], c->axis[0].in, c->padding_mode);
            char *dst = g->dst + (phase * p->phase[2] + d * p->line[0]) * c->item;
            if (from < 0) gather_zeros(g, dst, p->length[1] * p->length[2]);
            else if (at_once) gather_slice(g, dst, g->x + from * slice, h0, w0);
            else gather_slice_rows(g, dst, g->x + from * slice, h0, w0);
        }
    }
}

void fc_plane_gather(const fc_correlation *c, const fc_plane *plane, const fc_box *box,
                     const fc_taps *taps, const char *x, int64_t group, int64_t channel,
                     int64_t channels, char *dst) {
    const int64_t all = c->groups * c->in_channels, first = group * c->in_channels + channel;
    const int64_t space = c->axis[0].in * c->axis[1].in * c->axis[2].in;
    const int last_layout = c->layout == FC_CHANNELS_LAST;
    /* Channels first: one channel after another, so that the input is read and the plane written in
     * order. */
    const int64_t together = last_layout || plane->channels_last ? channels : 1;
    for (int64_t i = 0; i < box->images; i++)
        for (int64_t j = 0; j < channels; j += together) {
            const int64_t from =
                (box->image + i) * all * space + (first + j) * (last_layout ? 1 : space);
            const gather g = {
                .c = c,
                .plane = plane,
                .x = x + from * c->item,
                .dst = dst + (j * plane->channel + i * plane->image) * c->item,
                .channels = together,
                .x_channel = last_layout ? 1 : space,
                .x_pixel = last_layout ? all : 1,
            };
            gather_image(&g, box, taps);
        }
}
