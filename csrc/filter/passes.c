/* One-dimensional passes along axes, one after the other: separable filters.
 *
 * For a pass the array is (outer, length, inner) with the pass along `length`. Where `inner` is
 * short, lines of length x inner elements are brought, extended, and the taps are places of a line;
 * else the taps are whole rows of `inner` elements. What a pass gives to the next is of the
 * output's type. */
#include <math.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "border.h"
#include "element.h"
#include "lines.h"
#include "work.h"

#define INNER_SHORT 64          /* elements */
#define BLOCK_BYTES (256 << 10) /* of a tile's elements: they stay in the second cache */
#define BLOCK_COLUMNS 1024

typedef struct run {
    const fc_pass *pass;
    fc_work work;
    fc_lines lines;
    const void *weights;
    int symmetric; /* of exact sums: 1, -1 (against each other), or 0: the last term comes first */
    const char *in;
    char *out;
    int64_t outer, inner, out_size;
    int64_t place_block, place_blocks, column_block, column_blocks;
    int64_t scratch_brought, scratch_line;
} run;

/* Divide sums by the window's size. */
static void divide(const run *r, void *sums, int64_t count) {
    if (r->work.type == FC_FLOAT32)
        for (int64_t i = 0; i < count; i++) ((float *)sums)[i] /= (float)r->pass->size;
    else
        for (int64_t i = 0; i < count; i++) ((double *)sums)[i] /= (double)r->pass->size;
}

/* `elements` results from taps, which have a place before them, and as many again after them. */
static void apply(const run *r, const void **taps, int64_t elements, char *out, void *line) {
    void *to = r->work.store ? line : out;
    if (r->symmetric) {
        const int64_t half = r->pass->size / 2;
        const void **pairs = taps + r->pass->size; /* the middle; then from without inwards */
        pairs[0] = taps[half];
        for (int64_t i = 0; i < half; i++) {
            pairs[2 * i + 1] = taps[i];
            pairs[2 * i + 2] = taps[r->pass->size - 1 - i];
        }
        r->work.pairs(pairs, r->weights, half, r->symmetric, elements, to);
    } else if (r->work.pairs) {
        taps[-1] = taps[r->pass->size - 1];
        r->work.run(taps - 1, r->weights, r->pass->size, elements, to);
    } else {
        r->work.run(taps, r->weights, r->pass->size, elements, to);
    }
    if (r->pass->op == FC_WINDOW_MEAN) divide(r, to, elements);
    if (r->work.store) r->work.store(to, out, elements);
}

static void run_along(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const fc_pass *p = r->pass;
    const int64_t first = tile % r->place_blocks * r->place_block, outer = tile / r->place_blocks;
    const int64_t last =
        first + r->place_block < r->lines.length ? first + r->place_block : r->lines.length;
    char *brought = (char *)scratch + r->scratch_brought;
    fc_line_bring(&r->lines, r->in + outer * r->lines.length * r->inner * r->lines.from_size,
                  first - p->offset, last - p->offset + p->size - 1, brought);
    const void **taps = (const void **)scratch + 1;
    for (int64_t i = 0; i < p->size; i++) taps[i] = brought + i * r->inner * r->work.size;
    apply(r, taps, (last - first) * r->inner,
          r->out + (outer * r->lines.length + first) * r->inner * r->out_size,
          (char *)scratch + r->scratch_line);
}

static void run_across(void *context, int64_t tile, void *scratch) {
    const run *r = context;
    const fc_pass *p = r->pass;
    const int64_t column = tile % r->column_blocks * r->column_block;
    tile /= r->column_blocks;
    const int64_t first = tile % r->place_blocks * r->place_block, outer = tile / r->place_blocks;
    const int64_t last =
        first + r->place_block < r->lines.length ? first + r->place_block : r->lines.length;
    const int64_t columns =
        r->inner - column < r->column_block ? r->inner - column : r->column_block;
    const int64_t row = fc_aligned(r->column_block * r->work.size);
    char *brought = (char *)scratch + r->scratch_brought;
    fc_lines part = {.length = 1,
                     .step = columns,
                     .from_size = r->lines.from_size,
                     .to_size = r->lines.to_size,
                     .convert = r->lines.convert};
    memcpy(part.constant, r->work.constant, sizeof part.constant);
    const void **taps = (const void **)scratch + 1;
    const int64_t rows = last - first + p->size - 1;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t from = fc_border_index(p->border, first - p->offset + i, r->lines.length);
        const char *line =
            r->in + ((outer * r->lines.length + from) * r->inner + column) * r->lines.from_size;
        fc_line_bring(&part, from < 0 ? NULL : line, 0, 1, brought + i * row);
    }
    for (int64_t y = first; y < last; y++) {
        for (int64_t i = 0; i < p->size; i++) taps[i] = brought + (y - first + i) * row;
        apply(r, taps, columns,
              r->out + ((outer * r->lines.length + y) * r->inner + column) * r->out_size,
              (char *)scratch + r->scratch_line);
    }
}

/* Whether exact sums go by pairs, as SciPy's do: 1, -1 for weights against each other, or 0. */
static int symmetry(const double *w, int64_t size) {
    if (size % 2 == 0) return 0;
    int same = 1, against = 1;
    for (int64_t i = 0; i <= size / 2; i++) {
        same = same && fabs(w[i] - w[size - 1 - i]) <= 0x1p-52;
        against = against && fabs(w[i] + w[size - 1 - i]) <= 0x1p-52;
    }
    return same ? 1 : against ? -1 : 0;
}

static void set_weights(run *r, double *to) {
    const fc_pass *p = r->pass;
    const int64_t half = p->size / 2;
    if (p->op == FC_WINDOW_MEAN)
        for (int64_t i = 0; i < p->size; i++) to[i] = 1.0;
    else if (p->op == FC_WINDOW_SUM) memcpy(to, p->weights, (size_t)p->size * sizeof *to);
    r->weights = to;
    if (p->op == FC_WINDOW_SUM && r->work.pairs) r->symmetric = symmetry(to, p->size);
    if (p->op == FC_WINDOW_SUM && r->work.pairs) { /* first the middle, else the last */
        memmove(to + 1, to, (size_t)(p->size - 1) * sizeof *to);
        to[0] = p->weights[r->symmetric ? half : p->size - 1];
    } else if (p->op != FC_WINDOW_MAX && p->op != FC_WINDOW_MIN && r->work.type != FC_FLOAT64) {
        fc_work_weights(&r->work, to, p->size, to + p->size);
        r->weights = to + p->size;
    }
}

static fc_status run_pass(run *r, const fc_call *call) {
    const fc_pass *p = r->pass;
    double *weights = fc_scratch(p->size * 2 * (int64_t)sizeof *weights);
    FC_REQUIRE(weights, FC_OUT_OF_MEMORY);
    set_weights(r, weights);
    const int along = r->inner < INNER_SHORT;
    r->column_block = along || r->inner < BLOCK_COLUMNS ? r->inner : BLOCK_COLUMNS;
    r->column_blocks = (r->inner - 1) / r->column_block + 1;
    r->place_block = BLOCK_BYTES / (r->column_block * r->work.size) - p->size;
    if (r->place_block < p->size) r->place_block = p->size;
    if (r->place_block > r->lines.length) r->place_block = r->lines.length;
    r->place_blocks = (r->lines.length - 1) / r->place_block + 1;
    const int64_t places = r->place_block + p->size - 1;
    r->scratch_line = fc_aligned((p->size * 2 + 1) * (int64_t)sizeof(void *));
    r->scratch_brought =
        r->scratch_line + fc_aligned((along ? r->place_block : 1) * r->column_block * r->work.size);
    const int64_t brought = places * fc_aligned(r->column_block * r->work.size);
    const fc_status status =
        fc_share_out(call, r->outer * r->place_blocks * r->column_blocks,
                     r->scratch_brought + brought, along ? run_along : run_across, r);
    fc_scratch_free(weights);
    return status;
}

static fc_status one_pass(const fc_pass *p, fc_element in_type, fc_element out_type, int ndim,
                          const int64_t *shape, double cval, const void *in, void *out,
                          const fc_call *call) {
    run r = {.pass = p, .in = in, .out = out, .outer = 1, .inner = 1};
    for (int a = 0; a < p->axis; a++) r.outer *= shape[a];
    for (int a = p->axis + 1; a < ndim; a++) r.inner *= shape[a];
    r.out_size = fc_element_size(out_type);
    r.work = fc_work_choose(in_type, out_type, p->op, p->size, p->weights, cval);
    r.lines.length = shape[p->axis];
    r.lines.step = r.inner;
    r.lines.from_size = fc_element_size(in_type);
    r.lines.to_size = r.work.size;
    r.lines.convert = r.work.bring;
    r.lines.border = p->border;
    memcpy(r.lines.constant, r.work.constant, sizeof r.work.constant);
    return run_pass(&r, call);
}

static fc_status check(fc_element in_type, fc_element out_type, int ndim, const int64_t *shape,
                       int passes, const fc_pass *pass) {
    const int64_t most = INT64_C(1) << 56;
    int64_t elements = 1;
    FC_REQUIRE(fc_element_valid(in_type) && fc_element_valid(out_type), FC_INVALID_DTYPE);
    FC_REQUIRE(ndim >= 1 && ndim <= FC_FILTER_DIMS && passes >= 0, FC_INVALID_SIZE);
    FC_REQUIRE(shape && (pass || passes == 0), FC_INVALID_NULL);
    for (int a = 0; a < ndim; a++) {
        FC_REQUIRE(shape[a] >= 0 && (elements == 0 || shape[a] <= most / elements),
                   FC_INVALID_SIZE);
        elements *= shape[a];
    }
    for (const fc_pass *p = pass; p < pass + passes; p++) {
        FC_REQUIRE(p->axis >= 0 && p->axis < ndim, FC_INVALID_VALUE);
        FC_REQUIRE((unsigned)p->op < FC_WINDOW_OPS, FC_INVALID_VALUE);
        FC_REQUIRE((unsigned)p->border < FC_BORDERS, FC_INVALID_PADDING_MODE);
        FC_REQUIRE(p->size >= 1 && p->size <= most, FC_INVALID_SIZE);
        FC_REQUIRE(p->offset > -most && p->offset < most, FC_INVALID_PADDING);
        FC_REQUIRE(p->op != FC_WINDOW_SUM || p->weights, FC_INVALID_NULL);
    }
    return FC_OK;
}

fc_status fc_filter_passes(fc_element in_type, fc_element out_type, int ndim, const int64_t *shape,
                           const void *in, int passes, const fc_pass *pass, double cval, void *out,
                           const fc_call *call) {
    static const double one = 1.0;
    const fc_pass none = {.axis = 0, .size = 1, .weights = &one};
    FC_TRY(check(in_type, out_type, ndim, shape, passes, pass));
    int64_t elements = 1;
    for (int a = 0; a < ndim; a++) elements *= shape[a];
    if (elements == 0) return FC_OK;
    FC_REQUIRE(in && out, FC_INVALID_NULL);
    if (passes == 0) pass = &none, passes = 1;
    char *between = NULL;
    if (passes > 1) {
        between = fc_scratch(elements * fc_element_size(out_type));
        FC_REQUIRE(between, FC_OUT_OF_MEMORY);
    }
    fc_status status = FC_OK;
    for (int i = 0; i < passes && status == FC_OK; i++) { /* the last one ends in `out` */
        void *to = (passes - i) % 2 ? out : between;
        status =
            one_pass(&pass[i], i ? out_type : in_type, out_type, ndim, shape, cval, in, to, call);
        in = to;
    }
    if (between) fc_scratch_free(between);
    return status;
}
