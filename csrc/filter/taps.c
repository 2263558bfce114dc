/* Windows of any shape: a sum, a maximum or a minimum over the taps of an N-D window. Here the
 * problem is checked and its axes are put in order; taps.h tells the rest. */
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "element.h"
#include "taps.h"

#include <string.h>

#define STEP_MOST 16          /* elements: more of them are a line by themselves */
#define STACK_LISTS (6 << 10) /* bytes of small problems' memory, which is on the stack */
#define STACK_SCRATCH (24 << 10)

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

/* Whether a result along that axis is of the same place of the input alone. */
static int stands_alone(const fc_footprint *p, int a) {
    return p->window[a] == 1 && p->offset[a] == 0 && p->out_shape[a] == p->shape[a];
}

static fc_axis axis_of(const fc_footprint *p, int a) {
    return (fc_axis){p->shape[a], p->out_shape[a], p->window[a], p->offset[a], p->border[a]};
}

/* The last axes, if the window does not extend along them, belong to the places of a line; or they
 * are the line, where they have many elements. */
static void set_axes(fc_taps *f, const fc_footprint *p) {
    const fc_axis one = {1, 1, 1, 0, FC_NEAREST};
    int64_t inner = 1;
    int a = p->ndim - 1;
    while (a >= 0 && stands_alone(p, a)) inner *= p->shape[a--];
    f->place = one, f->line = one, f->step = 1;
    if (a < 0 || inner > STEP_MOST) f->place.in = f->place.out = inner;
    else f->place = axis_of(p, a--), f->step = inner;
    if (a >= 0) f->line = axis_of(p, a--);
    f->leading = a + 1;
    for (; a >= 0; a--) f->lead[a] = axis_of(p, a);
}

/* Nothing to add up, as where all weights are 0. */
static void clear_line(void *taps, int64_t line, void *scratch) {
    (void)scratch;
    const fc_taps *f = taps;
    const int64_t bytes = f->place.out * f->step * f->out_size;
    memset(f->out + line * bytes, 0, (size_t)bytes);
}

static fc_status run(fc_taps *f, const fc_call *call) {
    _Alignas(FC_ALIGN) char scratch[STACK_SCRATCH];
    if (f->tiles > 1 || f->scratch > STACK_SCRATCH)
        return fc_share_out(call, f->tiles, f->scratch, fc_taps_run, f);
    fc_scratch_fill(scratch, sizeof scratch);
    fc_taps_run(f, 0, scratch);
    return FC_OK;
}

static fc_status set_up(fc_taps *f, const void *weights, void *memory, const fc_call *call) {
    fc_taps_scan(f, weights, memory);
    if (f->count == 0) {
        int64_t lines = f->line.out;
        for (int a = 0; a < f->leading; a++) lines *= f->lead[a].out;
        return fc_share_out(call, lines, 0, clear_line, f);
    }
    fc_taps_cut_window(f);
    fc_taps_choose(f);
    fc_taps_cut_output(f);
    fc_taps_weigh(f);
    return run(f, call);
}

fc_status fc_filter_taps(const fc_footprint *problem, const void *in, const void *weights,
                         void *out, const fc_call *call) {
    const fc_footprint *p = problem;
    FC_TRY(check(p, in, weights, out));
    for (int a = 0; a < p->ndim; a++)
        if (p->out_shape[a] == 0) return FC_OK;
    fc_status status;
    if (fc_taps_as_passes(p, in, weights, out, call, &status)) return status;
    fc_taps f;
    f.op = p->op, f.every = p->every, f.cval = p->cval;
    f.in_type = p->in, f.out_type = p->out, f.weight_type = p->weight;
    f.in = in, f.out = out;
    f.in_size = fc_element_size(p->in), f.out_size = fc_element_size(p->out);
    f.planes = f.count = f.dense = 0;
    f.weights = NULL;
    set_axes(&f, p);
    _Alignas(FC_ALIGN) char lists[STACK_LISTS];
    char *memory = lists;
    const int64_t bytes = fc_taps_memory(&f);
    if (bytes > STACK_LISTS) memory = fc_scratch(bytes);
    FC_REQUIRE(memory, FC_OUT_OF_MEMORY);
    status = set_up(&f, weights, memory, call);
    if (memory != lists) fc_scratch_free(memory);
    return status;
}
