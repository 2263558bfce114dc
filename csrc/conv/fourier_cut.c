/* How a correlation is cut into tiles for Fourier transforms: the sizes with the least predicted
 * time. They depend on neither batch nor threads, and so do not the bytes of a result. */
#include <math.h>

#include "../kernels/fft_tuning.h"
#include "cache_blocks.h"
#include "fourier.h"
#include "integers.h"

/* Bytes of an element of a tile or a spectrum. */
#define COMPLEX 16.0

/* Transformed weights of one call, at most. */
#define WEIGHT_BYTES ((int64_t)64 << 20)
/* Items that an image should have at least, if there are many output channels. */
#define ITEMS 16
/* A vector's width of rows and columns, whatever the instruction set. */
#define UNIT 8

const char *fc_fourier_accepts(const fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        if (c->axis[i].stride != 1) return "its stride is not 1";
        if (c->axis[i].offset_step != 1) return "its dilation is not 1";
    }
    return NULL;
}

/* The next one of 1 2 3 4 6 8 12 16 ... */
static int64_t next_size(int64_t size) {
    if (size == 1) return 2;
    return size & (size - 1) ? size / 3 * 4 : size / 2 * 3;
}

/* The least of them that is large enough and a multiple of `unit`, a power of two. */
static int64_t fast_size(int64_t least, int64_t unit) {
    int64_t size = 1;
    while (size < least || size % unit) size = next_size(size);
    return size;
}

/* ---- What a cut should cost (kernels/fft_tuning.h) ---- */

static const fc_fft_tuning *tuning(void) {
    static const fc_fft_tuning two = {FC_TUNE_FOURIER_2}, four = {FC_TUNE_FOURIER_4},
                               eight = {FC_TUNE_FOURIER_8};
    const int lanes = fc_kernels_for(FC_F64)->lanes;
    return lanes == 2 ? &two : lanes == 4 ? &four : &eight;
}

/* Of an element of what has been through the caches since: it waits for the L3, or for memory. */
static double read_ns(double bytes) {
    const fc_fft_tuning *t = tuning();
    return bytes > (double)fc_l3_part(1, 4)   ? t->read_memory
           : bytes > (double)fc_l2_part(1, 2) ? t->read_l3
                                              : 0;
}

/* A tile that has been brought, to its spectrum, or back to what can be stored. */
static double transform_ns(const fc_fourier *f) {
    const fc_fft_tuning *t = tuning();
    const double elements = (double)f->elements;
    const double far = f->size[0] > 1 ? t->planes : 0;
    return t->tile + elements * (t->doubling * log2(elements) + far + read_ns(COMPLEX * elements));
}

/* A tile from the input or to the output. */
static double move_ns(const fc_correlation *c, double elements) {
    const int apart = c->layout == FC_CHANNELS_LAST && c->groups * c->in_channels > 1;
    return elements * (apart ? tuning()->strided : tuning()->move);
}

/* Of a group, for one image. */
static double group_ns(const fc_correlation *c, const fc_fourier *f, int planned) {
    const double elements = (double)f->elements, pairs = (double)f->pairs;
    const double in = (double)c->in_channels, out = (double)c->out_channels;
    const double channels = in + out, transform = transform_ns(f);
    /* The weights of a group are read by one pair after the other, the input's by one output after
     * the other. */
    const double spectra = COMPLEX * elements * in * out;
    const double first = read_ns(spectra * (double)c->groups), again = read_ns(spectra);
    const double input = out > 1 ? read_ns(COMPLEX * elements * in) : 0;
    const double product = tuning()->multiply + input + (first + again * (pairs - 1)) / pairs;
    const double pair =
        channels * (transform + move_ns(c, elements)) + in * out * elements * product;
    return pairs * pair + (planned ? 0 : in * out * (transform + elements * first));
}

/* What follows from the sizes. */
static void set_tiles(const fc_correlation *c, fc_fourier *f, int planned) {
    f->elements = f->count = 1;
    for (int i = 0; i < 3; i++) {
        f->length[i] = f->line ? (i == 2 ? f->size[1] * f->size[2] : 1) : f->size[i];
        f->valid[i] = f->length[i] - c->axis[i].taps + 1;
        f->tiles[i] = ceil_div(c->axis[i].out, f->valid[i]);
        f->elements = times64(f->elements, f->length[i]);
        f->count = times64(f->count, f->tiles[i]);
    }
    f->pairs = ceil_div(f->count, 2);
    f->rows = f->size[0] * f->size[1];
    const double call = planned ? 0 : tuning()->call;
    f->cost = 1e-6 + 1e-9 * (call + (double)c->groups * group_ns(c, f, planned));
}

/* Output channels together: all, in a plan. */
static void set_blocks(const fc_correlation *c, fc_fourier *f, int planned) {
    const int64_t each = times64(times64(c->groups * c->in_channels, f->elements), 16);
    f->at_once = planned ? c->out_channels : clamp64(WEIGHT_BYTES / each, 1, c->out_channels);
    f->blocks = ceil_div(c->out_channels, f->at_once);
    /* Every part transforms the input again. */
    const int64_t most = clamp64(f->at_once / c->in_channels, 1, f->at_once);
    f->parts = clamp64(ITEMS / (f->pairs * c->groups), 1, most);
}

static void consider(const fc_correlation *c, fc_fourier f, fc_fourier *best, int planned) {
    set_tiles(c, &f, planned);
    if (best->elements == 0 || f.cost < best->cost) *best = f;
}

/* As near to a square as can be. */
static void cut_line(const fc_correlation *c, fc_fourier *best, int planned) {
    const fc_axis *a = &c->axis[2];
    const int64_t unit = UNIT * UNIT, most = fast_size(a->out + a->taps - 1, unit);
    for (int64_t n = fast_size(a->taps, unit); n <= most; n = next_size(n)) {
        if (n % unit) continue;
        int64_t rows = UNIT;
        while (n % (2 * rows * UNIT) == 0 && 4 * rows * rows <= n) rows *= 2;
        consider(c, (fc_fourier){.line = 1, .size = {1, rows, n / rows}}, best, planned);
    }
}

static void cut_box(const fc_correlation *c, fc_fourier *best, int planned) {
    const int64_t unit[3] = {1, UNIT, UNIT};
    int64_t least[3], most[3];
    for (int i = 0; i < 3; i++) {
        least[i] = fast_size(c->axis[i].taps, unit[i]);
        most[i] = fast_size(c->axis[i].out + c->axis[i].taps - 1, unit[i]);
    }
    for (int64_t d = least[0]; d <= most[0]; d = next_size(d))
        for (int64_t h = least[1]; h <= most[1]; h = next_size(h))
            for (int64_t w = least[2]; w <= most[2]; w = next_size(w))
                if (h % UNIT == 0 && w % UNIT == 0)
                    consider(c, (fc_fourier){.size = {d, h, w}}, best, planned);
}

/* With fewer taps a transform there and back takes longer than the sum. */
#define LEAST_TAPS 25

int fc_fourier_suits(const fc_correlation *c) {
    return c->item == 4 && fc_correlation_taps(c) >= LEAST_TAPS;
}

fc_fourier fc_fourier_best(const fc_correlation *c, int planned) {
    fc_fourier best = {.elements = 0};
    if (fc_axis_is_flat(&c->axis[0]) && fc_axis_is_flat(&c->axis[1])) cut_line(c, &best, planned);
    else cut_box(c, &best, planned);
    set_blocks(c, &best, planned);
    return best;
}
