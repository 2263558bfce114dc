/* Means with the roundings of a running sum: SciPy adds to a window's sum what comes and subtracts
 * what goes. Where sums are rounded (of floats, of large 64-bit integers) and the mean is truncated
 * to an integer, the last bit decides which, and so the same is done here.
 *
 *     for each outer, for each block of the inner elements (the tiles)
 *         for each chunk of places: brought, extended; the sum moves on from place to place */
#include "running.h"

#include <math.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "border.h"
#include "element.h"
#include "lines.h"
#include "work.h"

#define WIDTH 512        /* of the inner elements: their sums stay in the first cache */
#define CHUNK (32 << 10) /* elements */
#define EXACT 0x1p53     /* whole numbers up to this are doubles */

typedef struct running {
    const fc_pass *pass;
    fc_work work;
    fc_lines lines;
    const char *in;
    char *out;
    int64_t inner, width, blocks, chunk; /* the last: places */
    int64_t out_size;
    int64_t at_sums, at_means, bytes; /* of the scratch, where the line comes first */
} running;

static int is_wide(fc_element e) { return e == FC_INT64 || e == FC_UINT64; }

int fc_running_shows(const fc_pass *pass, fc_element in, fc_element out, double cval, int small) {
    if (pass->op != FC_WINDOW_MEAN || fc_element_real(out)) return 0;
    if (fc_element_real(in) || (is_wide(in) && !small)) return 1;
    return pass->border == FC_CONSTANT && !(cval == rint(cval) && fabs(cval) < 0x1p32);
}

int fc_running_small(fc_element in, fc_element out, const void *elements, int64_t count,
                     int64_t size, double cval) {
    if (fc_element_real(in) || !(fabs(cval) < EXACT / ((double)size + 2.0))) return 0;
    const double most = floor(EXACT / ((double)size + 2.0));
    const int64_t high = (int64_t)most, low = out == FC_UINT64 ? 0 : -high;
    if (out == FC_UINT64 && cval < 0.0) return 0;
    if (in == FC_INT64) {
        const int64_t *x = elements;
        for (int64_t i = 0; i < count; i++)
            if (x[i] < low || x[i] > high) return 0;
        return 1;
    }
    if (in == FC_UINT64) {
        const uint64_t *x = elements;
        for (int64_t i = 0; i < count; i++)
            if (x[i] > (uint64_t)high) return 0;
        return 1;
    }
    const int is_signed = in == FC_INT8 || in == FC_INT16 || in == FC_INT32;
    return most >= 0x1p32 && !(is_signed && out == FC_UINT64);
}

/* The places first <= i < last of a line, `width` of the elements of each, as double. */
static void bring(const running *r, const char *line, int64_t column, int64_t width, int64_t first,
                  int64_t last, double *to) {
    if (width == r->inner) {
        fc_line_bring(&r->lines, line, first, last, to);
        return;
    }
    for (int64_t v = first; v < last; v++, to += width) {
        const int64_t i = fc_border_index(r->pass->border, v, r->lines.length);
        if (i < 0) {
            for (int64_t c = 0; c < width; c++) memcpy(&to[c], r->lines.constant, sizeof *to);
            continue;
        }
        const char *from = line + (i * r->inner + column) * r->lines.from_size;
        if (r->lines.convert) r->lines.convert(from, to, width);
        else memcpy(to, from, (size_t)width * sizeof *to);
    }
}

/* The means of the places first <= i < last; `line` has them, from the one before the first's
 * window on. */
static void take_means(const running *r, const double *line, int64_t width, int64_t first,
                       int64_t last, double *sums, double *means) {
    const int64_t size = r->pass->size;
    for (int64_t i = first; i < last; i++, line += width, means += width) {
        if (i == 0) {
            memset(sums, 0, (size_t)width * sizeof *sums);
            for (int64_t t = 1; t <= size; t++)
                for (int64_t c = 0; c < width; c++) sums[c] += line[t * width + c];
        } else {
            for (int64_t c = 0; c < width; c++) sums[c] += line[size * width + c] - line[c];
        }
        for (int64_t c = 0; c < width; c++) means[c] = sums[c] / (double)size;
    }
}

static void store(const running *r, const double *means, int64_t places, int64_t width, char *to) {
    if (width == r->inner) {
        r->work.store(means, to, places * width);
        return;
    }
    for (int64_t i = 0; i < places; i++)
        r->work.store(means + i * width, to + i * r->inner * r->out_size, width);
}

static void run_tile(void *context, int64_t tile, void *scratch) {
    const running *r = context;
    const int64_t length = r->lines.length, outer = tile / r->blocks;
    const int64_t column = tile % r->blocks * r->width;
    const int64_t width = r->inner - column < r->width ? r->inner - column : r->width;
    const char *line = r->in + outer * length * r->inner * r->lines.from_size;
    char *out = r->out + (outer * length * r->inner + column) * r->out_size;
    double *places = scratch, *sums = (double *)((char *)scratch + r->at_sums);
    double *means = (double *)((char *)scratch + r->at_means);
    for (int64_t first = 0; first < length; first += r->chunk) {
        const int64_t last = first + r->chunk < length ? first + r->chunk : length;
        const int64_t begin = first - r->pass->offset - 1;
        bring(r, line, column, width, begin, begin + last - first + r->pass->size, places);
        take_means(r, places, width, first, last, sums, means);
        store(r, means, last - first, width, out + first * r->inner * r->out_size);
    }
}

fc_status fc_running_pass(const fc_pass *pass, fc_element in_type, fc_element out_type,
                          int64_t outer, int64_t length, int64_t inner, double cval, const void *in,
                          void *out, const fc_call *call) {
    running r = {.pass = pass, .in = in, .out = out, .inner = inner};
    const int64_t many = INT64_MAX; /* terms, for which only double will do */
    r.work = fc_work_choose(in_type, out_type, FC_WINDOW_MEAN, many, NULL, cval);
    r.lines = (fc_lines){.length = length,
                         .step = inner,
                         .from_size = fc_element_size(in_type),
                         .to_size = r.work.size,
                         .convert = r.work.bring,
                         .border = pass->border};
    memcpy(r.lines.constant, r.work.constant, sizeof r.lines.constant);
    r.width = inner < WIDTH ? inner : WIDTH;
    r.blocks = (inner - 1) / r.width + 1;
    r.chunk = CHUNK / r.width;
    if (r.chunk > length) r.chunk = length;
    r.out_size = fc_element_size(out_type);
    r.at_sums = fc_aligned((r.chunk + pass->size) * r.width * (int64_t)sizeof(double));
    r.at_means = r.at_sums + fc_aligned(r.width * (int64_t)sizeof(double));
    r.bytes = r.at_means + fc_aligned(r.chunk * r.width * (int64_t)sizeof(double));
    return fc_share_out(call, outer * r.blocks, r.bytes, run_tile, &r);
}
