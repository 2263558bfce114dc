/* Windows of any shape: a sum, a maximum or a minimum over the taps of an N-D window.
 *
 *     for each line of the output, for each block of its columns
 *         bring the input's lines that the window reaches, extended beyond their ends
 *         the kernel, on a pointer into them for each tap
 *
 * The last axes along which the window has one element belong to the columns: a line's place is
 * then as many elements wide (the colours of a pixel). */
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "border.h"
#include "element.h"
#include "lines.h"
#include "work.h"

/* Elements of all lines that are at hand for a block: they stay in the second cache. */
#define BLOCK_BYTES (256 << 10)
#define BLOCK_LEAST 64 /* places */

typedef struct filter {
    const fc_footprint *problem;
    fc_work work;
    fc_lines lines;
    int lead;              /* axes before the line's */
    int64_t count;         /* of taps */
    int64_t reached;       /* lines that the window reaches */
    const int64_t *window; /* index of each reached line in the window: `lead` numbers each */
    const int64_t *tap;    /* reached line and place within it, of each tap */
    const void *weights;
    const char *in;
    char *out;
    int64_t out_lines, out_length, block, blocks;
    int64_t width, offset; /* of the window along the line */
    int64_t scratch_taps, scratch_line, line_bytes, out_size;
} filter;

/* The line that the window's line `index` stands on, for the output's line at `at`; NULL: beyond an
 * end where there is the constant. */
static const char *find_line(const filter *f, const int64_t *at, const int64_t *index) {
    const fc_footprint *p = f->problem;
    int64_t line = 0;
    for (int a = 0; a < f->lead; a++) {
        const int64_t i =
            fc_border_index(p->border[a], at[a] + index[a] - p->offset[a], p->shape[a]);
        if (i < 0) return NULL;
        line = line * p->shape[a] + i;
    }
    return f->in + line * f->lines.length * f->lines.step * f->lines.from_size;
}

static void run_block(void *context, int64_t tile, void *scratch) {
    const filter *f = context;
    const fc_footprint *p = f->problem;
    const int64_t first = tile % f->blocks * f->block, line = tile / f->blocks;
    const int64_t last = first + f->block < f->out_length ? first + f->block : f->out_length;
    int64_t at[FC_FILTER_DIMS], rest = line;
    for (int a = f->lead - 1; a >= 0; rest /= p->out_shape[a--]) at[a] = rest % p->out_shape[a];
    char *brought = (char *)scratch + f->scratch_taps;
    for (int64_t i = 0; i < f->reached; i++)
        fc_line_bring(&f->lines, find_line(f, at, f->window + i * f->lead), first - f->offset,
                      last - f->offset + f->width - 1, brought + i * f->line_bytes);
    const void **taps = scratch;
    for (int64_t t = 0; t < f->count; t++)
        taps[t] = brought + f->tap[2 * t] * f->line_bytes +
                  f->tap[2 * t + 1] * f->lines.step * f->work.size;
    const int64_t elements = (last - first) * f->lines.step;
    char *out = f->out + (line * f->out_length + first) * f->lines.step * f->out_size;
    char *to = f->work.store ? (char *)scratch + f->scratch_line : out;
    f->work.run(taps, f->weights, f->count, elements, to);
    if (f->work.store) f->work.store(to, out, elements);
}

/* Nothing to add up, as where all weights are 0. */
static void run_empty(void *context, int64_t tile, void *scratch) {
    (void)scratch;
    const filter *f = context;
    const int64_t bytes = f->out_length * f->lines.step * f->out_size;
    memset(f->out + tile * bytes, 0, (size_t)bytes);
}

static int is_tap(const fc_footprint *p, const void *weights, int64_t i) {
    if (p->op != FC_WINDOW_SUM) return ((const unsigned char *)weights)[i] != 0;
    if (p->weight != FC_FLOAT64) return 1;
    const double w = ((const double *)weights)[i];
    return !(w <= 0x1p-52 && w >= -0x1p-52); /* SciPy's: DBL_EPSILON */
}

static fc_status check(const fc_footprint *p, const void *in, const void *weights,
                       const void *out) {
    FC_REQUIRE(p && p->shape && p->out_shape && p->window && p->offset && p->border,
               FC_INVALID_NULL);
    FC_REQUIRE(fc_element_valid(p->in) && fc_element_valid(p->out), FC_INVALID_DTYPE);
    FC_REQUIRE((unsigned)p->op < FC_WINDOW_MEAN, FC_INVALID_VALUE);
    FC_REQUIRE(p->ndim >= 1 && p->ndim <= FC_FILTER_DIMS, FC_INVALID_SIZE);
    FC_REQUIRE(
        p->op != FC_WINDOW_SUM || p->weight == FC_FLOAT64 ||
            (p->weight == p->in && p->in == p->out && p->in != FC_BOOL && !fc_element_real(p->in)),
        FC_INVALID_DTYPE);
    const int64_t most = INT64_C(1) << 56;
    int64_t elements = 1, results = 1, window = 1;
    for (int a = 0; a < p->ndim; a++) {
        FC_REQUIRE((unsigned)p->border[a] < FC_BORDERS, FC_INVALID_PADDING_MODE);
        FC_REQUIRE(p->shape[a] > 0 && p->out_shape[a] >= 0 && p->window[a] > 0, FC_INVALID_SIZE);
        FC_REQUIRE(p->offset[a] > -most && p->offset[a] < most, FC_INVALID_PADDING);
        FC_REQUIRE(p->shape[a] <= most / elements && p->window[a] <= most / window &&
                       (results == 0 || p->out_shape[a] <= most / results),
                   FC_INVALID_SIZE);
        elements *= p->shape[a], results *= p->out_shape[a], window *= p->window[a];
    }
    FC_REQUIRE((in && weights && out) || results == 0, FC_INVALID_NULL);
    return FC_OK;
}

/* How many of the axes come before the line's; the others after it are part of its places. */
static int lead_axes(const fc_footprint *p) {
    int line = p->ndim - 1;
    while (line > 0 && p->window[line] == 1 && p->offset[line] == 0 &&
           p->out_shape[line] == p->shape[line])
        line--;
    return line;
}

static int64_t product(const int64_t *shape, int first, int last) {
    int64_t n = 1;
    while (first < last) n *= shape[first++];
    return n;
}

/* The taps, and the lines of the window that have one. */
static void list_taps(filter *f, const void *weights, int64_t *window, int64_t *tap, char *kept) {
    const fc_footprint *p = f->problem;
    const int64_t lines = product(p->window, 0, f->lead);
    const int64_t size = p->op == FC_WINDOW_SUM ? fc_element_size(p->weight) : 1;
    for (int64_t l = 0; l < lines; l++) {
        const int64_t before = f->count;
        for (int64_t x = 0; x < f->width; x++) {
            if (!is_tap(p, weights, l * f->width + x)) continue;
            tap[2 * f->count] = f->reached;
            tap[2 * f->count + 1] = x;
            memcpy(kept + f->count++ * size, (const char *)weights + (l * f->width + x) * size,
                   (size_t)size);
        }
        if (f->count == before) continue;
        int64_t rest = l;
        for (int a = f->lead - 1; a >= 0; rest /= p->window[a--])
            window[f->reached * f->lead + a] = rest % p->window[a];
        f->reached++;
    }
}

static void set_blocks(filter *f) {
    const int64_t per_place = (f->reached + 1) * f->lines.step * 8;
    f->block = BLOCK_BYTES / per_place - f->width;
    if (f->block < BLOCK_LEAST) f->block = BLOCK_LEAST;
    if (f->block > f->out_length) f->block = f->out_length;
    f->blocks = (f->out_length - 1) / f->block + 1;
    f->line_bytes = fc_aligned((f->block + f->width - 1) * f->lines.step * f->work.size);
    f->scratch_line = fc_aligned(f->count * (int64_t)sizeof(void *));
    f->scratch_taps = f->scratch_line + fc_aligned(f->block * f->lines.step * f->work.size);
}

static fc_status run(filter *f, const void *weights, char *memory, int64_t window,
                     const fc_call *call) {
    const fc_footprint *p = f->problem;
    int64_t *tap = (int64_t *)memory, *index = tap + 2 * window;
    char *kept = (char *)(index + window * f->lead);
    list_taps(f, weights, index, tap, kept);
    f->tap = tap, f->window = index, f->weights = kept;
    if (f->count == 0) return fc_share_out(call, f->out_lines, 0, run_empty, f);
    const int sum = p->op == FC_WINDOW_SUM;
    if (sum && p->weight != FC_FLOAT64) f->work = fc_work_wrapping(p->in, p->cval);
    else f->work = fc_work_choose(p->in, p->out, p->op, f->count, sum ? f->weights : NULL, p->cval);
    if (sum && p->weight == FC_FLOAT64 && f->work.type != FC_FLOAT64) {
        char *to = kept + window * 8;
        fc_work_weights(&f->work, f->weights, f->count, to);
        f->weights = to;
    }
    f->lines.from_size = fc_element_size(p->in);
    f->lines.to_size = f->work.size;
    f->lines.convert = f->work.bring;
    memcpy(f->lines.constant, f->work.constant, sizeof f->work.constant);
    set_blocks(f);
    return fc_share_out(call, f->out_lines * f->blocks,
                        f->scratch_taps + f->reached * f->line_bytes, run_block, f);
}

fc_status fc_filter_taps(const fc_footprint *problem, const void *in, const void *weights,
                         void *out, const fc_call *call) {
    const fc_footprint *p = problem;
    FC_TRY(check(p, in, weights, out));
    if (product(p->out_shape, 0, p->ndim) == 0) return FC_OK;
    const int lead = lead_axes(p);
    filter f = {.problem = p, .lead = lead, .in = in, .out = out};
    f.lines.length = p->shape[lead];
    f.lines.step = product(p->shape, lead + 1, p->ndim);
    f.lines.border = p->border[lead];
    f.width = p->window[lead];
    f.offset = p->offset[lead];
    f.out_length = p->out_shape[lead];
    f.out_lines = product(p->out_shape, 0, lead);
    f.out_size = fc_element_size(p->out);
    const int64_t window = product(p->window, 0, p->ndim);
    char *memory = fc_scratch(window * (8 * (2 + lead) + 16));
    FC_REQUIRE(memory, FC_OUT_OF_MEMORY);
    const fc_status status = run(&f, weights, memory, window, call);
    fc_scratch_free(memory);
    return status;
}
