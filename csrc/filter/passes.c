/* One-dimensional passes along axes, one after the other: separable filters.
 *
 * Passes are done two at a time where the second goes along the axis after the first one's, and
 * that is the last one, or what lies behind it is small (colours): that is one step (step.c), over
 * an array of outer x rows x places x step elements. What a pass gives to the next is of the
 * output's type. Several steps are done slab by slab: some rows of the first axis go through all of
 * them. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "element.h"
#include "running.h"
#include "step.h"

/* Elements behind the axis of a pass, from which its taps are whole rows of them; of fewer they are
 * places of a line. */
#define ROWS 64

/* Elements of a line that two passes at once may have, and of as many lines as the first one's
 * window reaches: they may stand in the scratch of each thread. */
#define LINE (1 << 20)
#define WINDOW (1 << 23)

/* Bytes of what lies between two steps, so that it stays in a cache, and that an array may be
 * larger than the memory; and at most, where windows are large. */
#define SLAB (8 << 20)
#define SLAB_MOST (32 << 20)

/* Elements of a window that no memory holds; of smaller ones the bytes of all that is held can be
 * counted in 64 bits. */
#define WINDOW_BEYOND_MEMORY (INT64_C(1) << 36)

typedef struct job {
    int ndim;
    const int64_t *shape;
    fc_element in_type, out_type;
    double cval;
    int small; /* sums of the input, and of its means, are exact in double */
    const fc_call *call;
} job;

static int64_t product(const int64_t *shape, int first, int last) {
    int64_t n = 1;
    while (first < last) n *= shape[first++];
    return n;
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
        FC_REQUIRE(p->size < WINDOW_BEYOND_MEMORY, FC_OUT_OF_MEMORY);
    }
    return FC_OK;
}

/* Whether SciPy's running sum shows in pass number i. */
static int runs(const job *j, const fc_pass *pass, int i) {
    return fc_running_shows(&pass[i], i ? j->out_type : j->in_type, j->out_type, j->cval, j->small);
}

/* How many passes the step that begins with pass number i has. */
static int passes_of_step(const job *j, const fc_pass *pass, int i, int passes) {
    if (i + 1 == passes || pass[i + 1].axis != pass[i].axis + 1) return 1;
    if (runs(j, pass, i) || runs(j, pass, i + 1)) return 1;
    const int64_t step = product(j->shape, pass[i + 1].axis + 1, j->ndim);
    const int64_t line = step * j->shape[pass[i + 1].axis], rows = j->shape[pass[i].axis];
    if (step >= ROWS || line > LINE) return 1;
    return (pass[i].size < rows ? pass[i].size : rows) * line <= WINDOW ? 2 : 1;
}

static int are_small(const job *j, int passes, const fc_pass *pass, const void *in,
                     int64_t elements) {
    int64_t size = 1;
    for (int i = 0; i < passes; i++) {
        if (pass[i].op != FC_WINDOW_MEAN || fc_element_real(j->out_type)) return 0;
        if (pass[i].size > size) size = pass[i].size;
    }
    return fc_running_small(j->in_type, j->out_type, in, elements, size, j->cval);
}

/* The array as the step sees it: a pass that is alone goes down rows that are long, else along. */
static fc_step shape_step(const job *j, const fc_pass *pass, const fc_pass_run *run, int passes) {
    const int axis = pass->axis, n = j->ndim;
    const int64_t before = product(j->shape, 0, axis), behind = product(j->shape, axis + 1, n);
    fc_step s = {.outer = before, .rows = j->shape[axis], .step = 1, .across = &run[0]};
    if (passes == 2) {
        s.places = j->shape[axis + 1];
        s.step = product(j->shape, axis + 2, n);
        s.along = &run[1];
    } else if (behind >= ROWS) {
        s.places = behind;
    } else {
        s = (fc_step){.outer = 1, .rows = before, .places = j->shape[axis], .step = behind};
        s.along = &run[0];
    }
    s.last_row = s.rows;
    return s;
}

static fc_status run_step(const job *j, const fc_pass *pass, int passes, fc_element in_type,
                          const void *in, int64_t first_row, int64_t last_row, void *out) {
    int64_t bytes = 0;
    for (int i = 0; i < passes; i++) bytes += fc_pass_bytes(&pass[i]);
    char *memory = fc_scratch(bytes);
    FC_REQUIRE(memory, FC_OUT_OF_MEMORY);
    fc_pass_run run[2];
    run[0] = fc_pass_ready(&pass[0], j->shape[pass[0].axis], in_type, j->out_type, j->cval, memory);
    if (passes == 2)
        run[1] = fc_pass_ready(&pass[1], j->shape[pass[1].axis], j->out_type, j->out_type, j->cval,
                               memory + fc_pass_bytes(&pass[0]));
    fc_step s = shape_step(j, pass, run, passes);
    s.in_type = in_type;
    s.out_type = j->out_type;
    s.in = in;
    s.out = out;
    if (pass->axis == 0 && s.across) s.first_row = first_row, s.last_row = last_row;
    const fc_status status = fc_step_run(&s, j->call);
    fc_scratch_free(memory);
    return status;
}

static fc_status run_mean(const job *j, const fc_pass *pass, fc_element in_type, const void *in,
                          void *out) {
    const int axis = pass->axis;
    return fc_running_pass(pass, in_type, j->out_type, product(j->shape, 0, axis), j->shape[axis],
                           product(j->shape, axis + 1, j->ndim), j->cval, in, out, j->call);
}

static int count_steps(const job *j, const fc_pass *pass, int passes) {
    int steps = 0;
    for (int i = 0; i < passes; steps++) i += passes_of_step(j, pass, i, passes);
    return steps;
}

/* Whether the first step goes down the rows of the first axis, any of which it can begin with. */
static int goes_down(const job *j, const fc_pass *pass, int passes) {
    if (pass->axis != 0 || runs(j, pass, 0)) return 0;
    return passes_of_step(j, pass, 0, passes) == 2 || product(j->shape, 1, j->ndim) >= ROWS;
}

/* How many rows of the first axis go through all steps at a time. All, where a later step needs
 * rows that are not yet there. */
static int64_t slab_rows(const job *j, const fc_pass *pass, int passes) {
    const int64_t all = j->shape[0];
    const int64_t row = product(j->shape, 1, j->ndim) * fc_element_size(j->out_type);
    const int down = goes_down(j, pass, passes);
    if (count_steps(j, pass, passes) == 1 || (pass->axis == 0 && !down)) return all;
    for (int i = passes_of_step(j, pass, 0, passes); i < passes; i++)
        if (pass[i].axis == 0) return all;
    int64_t rows = SLAB / row;
    /* The rows of a window are read again for the next slab. */
    if (down && rows < 2 * pass->size) rows = 2 * pass->size;
    if (rows > SLAB_MOST / row) rows = SLAB_MOST / row;
    if (rows < 1) rows = 1;
    return rows < all ? rows : all;
}

/* All steps, for `rows` rows of the first axis from `row` on, which `out` begins with. What steps
 * give to the next is in turn in `between` and in `out`. */
static fc_status run_slab(const job *whole, const fc_pass *pass, int passes, const char *in,
                          int64_t row, int64_t rows, void *between, void *out) {
    int64_t shape[FC_FILTER_DIMS];
    memcpy(shape, whole->shape, (size_t)whole->ndim * sizeof *shape);
    shape[0] = rows;
    job slab = *whole;
    slab.shape = shape;
    const int down = goes_down(whole, pass, passes);
    if (!down) in += row * product(shape, 1, whole->ndim) * fc_element_size(whole->in_type);
    int steps = count_steps(whole, pass, passes);
    fc_status status = FC_OK;
    for (int i = 0; i < passes && status == FC_OK; steps--) { /* the last one ends in `out` */
        const int count = passes_of_step(whole, pass, i, passes);
        const job *j = i == 0 && down ? whole : &slab;
        const int64_t first = j == whole ? row : 0;
        const fc_element type = i ? whole->out_type : whole->in_type;
        void *to = steps % 2 ? out : between;
        status = runs(j, pass, i) ? run_mean(j, &pass[i], type, in, to)
                                  : run_step(j, &pass[i], count, type, in, first, first + rows, to);
        in = to;
        i += count;
    }
    return status;
}

fc_status fc_filter_passes(fc_element in_type, fc_element out_type, int ndim, const int64_t *shape,
                           const void *in, int passes, const fc_pass *pass, double cval, void *out,
                           const fc_call *call) {
    static const double one = 1.0;
    const fc_pass none = {.axis = 0, .size = 1, .weights = &one};
    FC_TRY(check(in_type, out_type, ndim, shape, passes, pass));
    job j = {ndim, shape, in_type, out_type, cval, 0, call};
    const int64_t elements = product(shape, 0, ndim);
    if (elements == 0) return FC_OK;
    FC_REQUIRE(in && out, FC_INVALID_NULL);
    if (passes == 0) pass = &none, passes = 1;
    j.small = are_small(&j, passes, pass, in, elements);
    const int64_t row = elements / shape[0] * fc_element_size(out_type);
    const int64_t slab = slab_rows(&j, pass, passes);
    void *between = NULL;
    if (count_steps(&j, pass, passes) > 1) {
        /* Memory that is kept: of an aligned block that is freed, glibc does not always make the
         * next of the same size, and an array's slabs would take as much as the array. */
        between = fc_result_new(slab * row);
        FC_REQUIRE(between, FC_OUT_OF_MEMORY);
    }
    fc_status status = FC_OK;
    for (int64_t y = 0; y < shape[0] && status == FC_OK; y += slab) {
        const int64_t rows = slab < shape[0] - y ? slab : shape[0] - y;
        status = run_slab(&j, pass, passes, in, y, rows, between, (char *)out + y * row);
    }
    fc_result_free(between);
    return status;
}
