/* Softmax and the losses of classes: positions are cut into blocks for the threads.
 *
 * A block is a run of positions that share their `outer` index where classes do not lie next to
 * each other. Its size follows from the problem alone, and so does the order in which losses are
 * added: within a block one after another, then the blocks. */
#include <stdatomic.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"

/* Elements of a block, and of a problem for which another thread is woken: an exponential takes a
 * third of a nanosecond (AMD Zen 5, November 2026). */
#define BLOCK_ELEMENTS (8 << 10)
#define MANY (24 << 10)
#define LANES 64 /* blocks of positions side by side are multiples of this */

typedef struct run {
    fc_classes_job job;
    fc_classes_fn fn;
    int64_t positions, line, block,
        line_blocks;     /* positions of a line, which blocks do not cross */
    double *sums;        /* two a block; or NULL */
    _Atomic int outside; /* a target is no class */
} run;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* Brings the targets of some positions. Those that are checked must be those that are read later,
 * although another thread of the program may write to the array meanwhile. */
static int take_targets(fc_classes_job *job, int64_t first, int64_t last, int64_t *to) {
    memcpy(to, job->targets + first, (size_t)(last - first) * sizeof *to);
    job->targets = to;
    job->from = first;
    int good = 1;
    for (int64_t i = 0; i < last - first; i++)
        good &= (uint64_t)to[i] < (uint64_t)job->classes || to[i] == job->ignored;
    return good;
}

static void run_block(void *context, int64_t index, void *scratch) {
    run *r = context;
    const int64_t line = index / r->line_blocks * r->line,
                  first = line + index % r->line_blocks * r->block;
    fc_classes_job job = r->job;
    if (r->sums) job.sums = r->sums + 2 * index;
    const int64_t last = min64(first + r->block, line + r->line);
    if (!job.targets || take_targets(&job, first, last, scratch)) r->fn(&job, first, last);
    else atomic_store_explicit(&r->outside, 1, memory_order_relaxed);
}

static fc_status check(const fc_classes *c) {
    int64_t bytes;
    FC_REQUIRE(c, FC_INVALID_NULL);
    FC_REQUIRE(c->dtype == FC_F32 || c->dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(c->outer >= 0 && c->classes > 0 && c->inner >= 0, FC_INVALID_SIZE);
    FC_REQUIRE(!__builtin_mul_overflow(c->outer, c->classes, &bytes) &&
                   !__builtin_mul_overflow(bytes, c->inner, &bytes) && bytes <= INT64_MAX / 16,
               FC_INVALID_SIZE);
    return FC_OK;
}

static int is_empty(const fc_classes *c) { return c->outer == 0 || c->inner == 0; }

/* The problem and how it is cut; the arrays are the caller's business. */
static run make_run(const fc_classes *c, const fc_classes_fn kernels[2]) {
    run r = {.job = {.classes = c->classes, .inner = c->inner}, .fn = kernels[c->inner > 1]};
    r.positions = c->outer * c->inner;
    r.line = c->inner > 1 ? c->inner : r.positions;
    r.block = BLOCK_ELEMENTS / c->classes;
    if (c->inner > 1) r.block = r.block / LANES * LANES;
    r.block = min64(r.block < 1 ? (c->inner > 1 ? LANES : 1) : r.block, r.line);
    r.line_blocks = (r.line - 1) / r.block + 1;
    return r;
}

static fc_status run_all(run *r, const fc_call *call) {
    const int64_t blocks = r->positions / r->line * r->line_blocks;
    const fc_call alone = {.threads = 1,
                           .interrupted = call ? call->interrupted : NULL,
                           .context = call ? call->context : NULL};
    const int64_t scratch = r->job.targets ? r->block * (int64_t)sizeof(int64_t) : 0;
    return fc_share_out(r->positions * r->job.classes < MANY ? &alone : call, blocks, scratch,
                        run_block, r);
}

/* y or gx from one or two arrays of the same size. */
static fc_status map(const fc_classes *c, const fc_classes_fn kernels[2], const void *a,
                     const void *b, void *out, const fc_call *call) {
    FC_REQUIRE((a && b && out) || is_empty(c), FC_INVALID_NULL);
    if (is_empty(c)) return FC_OK;
    run r = make_run(c, kernels);
    r.job.in[0] = a;
    r.job.in[1] = b;
    r.job.out = out;
    return run_all(&r, call);
}

static const fc_softmax_kernels *kernels_of(const fc_classes *c) {
    return &fc_kernels_for(c->dtype)->nn->softmax;
}

fc_status fc_softmax(const fc_classes *c, const void *x, void *y, const fc_call *call) {
    FC_TRY(check(c));
    return map(c, kernels_of(c)->softmax, x, x, y, call);
}

fc_status fc_softmax_grad(const fc_classes *c, const void *gy, const void *y, void *gx,
                          const fc_call *call) {
    FC_TRY(check(c));
    return map(c, kernels_of(c)->softmax_grad, gy, y, gx, call);
}

fc_status fc_log_softmax(const fc_classes *c, const void *x, void *y, const fc_call *call) {
    FC_TRY(check(c));
    return map(c, kernels_of(c)->log_softmax, x, x, y, call);
}

fc_status fc_log_softmax_grad(const fc_classes *c, const void *gy, const void *y, void *gx,
                              const fc_call *call) {
    FC_TRY(check(c));
    return map(c, kernels_of(c)->log_softmax_grad, gy, y, gx, call);
}

/* Run, and add up what the blocks gave. */
static fc_status run_sums(run *r, double sums[2], const fc_call *call) {
    const int64_t blocks = r->positions / r->line * r->line_blocks;
    double one[2];
    r->sums = blocks == 1 ? one : fc_scratch(blocks * 2 * (int64_t)sizeof(double));
    FC_REQUIRE(r->sums, FC_OUT_OF_MEMORY);
    const fc_status status = run_all(r, call);
    for (int64_t i = 0; i < blocks && status == FC_OK && !r->outside; i++) {
        sums[0] += r->sums[2 * i];
        sums[1] += r->sums[2 * i + 1];
    }
    if (blocks > 1) fc_scratch_free(r->sums);
    return status == FC_OK && r->outside ? FC_INVALID_INDEX : status;
}

static void set_targets(fc_classes_job *job, const fc_targets *targets) {
    job->targets = targets->classes;
    job->weight = targets->weight;
    job->ignored = targets->ignored;
}

static void set_smoothing(fc_classes_job *job, const fc_targets *targets, fc_dtype dtype) {
    const float *singles = targets->weight;
    const double *doubles = targets->weight;
    job->smoothing = targets->smoothing;
    if (job->smoothing == 0) return;
    job->weights = targets->weight ? 0 : (double)job->classes;
    for (int64_t i = 0; targets->weight && i < job->classes; i++)
        job->weights += dtype == FC_F32 ? (double)singles[i] : doubles[i];
}

static int is_smoothing(double e) { return e >= 0 && e <= 1; }

fc_status fc_cross_entropy(const fc_classes *c, const void *x, const fc_targets *targets,
                           void *losses, void *p, double sums[2], const fc_call *call) {
    FC_TRY(check(c));
    FC_REQUIRE(targets && sums && ((x && targets->classes) || is_empty(c)), FC_INVALID_NULL);
    FC_REQUIRE(is_smoothing(targets->smoothing), FC_INVALID_VALUE);
    sums[0] = sums[1] = 0;
    if (is_empty(c)) return FC_OK;
    run r = make_run(c, kernels_of(c)->cross_entropy);
    r.job.in[0] = x;
    r.job.out = p;
    r.job.losses = losses;
    set_targets(&r.job, targets);
    set_smoothing(&r.job, targets, c->dtype);
    return run_sums(&r, sums, call);
}

fc_status fc_cross_entropy_grad(const fc_classes *c, const void *p, const fc_targets *targets,
                                const void *gy, double scale, void *gx, const fc_call *call) {
    FC_TRY(check(c));
    FC_REQUIRE(targets && ((p && targets->classes && gx) || is_empty(c)), FC_INVALID_NULL);
    FC_REQUIRE(is_smoothing(targets->smoothing), FC_INVALID_VALUE);
    if (is_empty(c)) return FC_OK;
    run r = make_run(c, kernels_of(c)->cross_entropy_grad);
    r.job.in[0] = p;
    r.job.in[1] = gy;
    r.job.out = gx;
    r.job.scale = scale;
    set_targets(&r.job, targets);
    set_smoothing(&r.job, targets, c->dtype);
    const fc_status status = run_all(&r, call);
    return status == FC_OK && r.outside ? FC_INVALID_INDEX : status;
}

fc_status fc_nll(const fc_classes *c, const void *x, const fc_targets *targets, void *losses,
                 double sums[2], const fc_call *call) {
    FC_TRY(check(c));
    FC_REQUIRE(targets && sums && ((x && targets->classes) || is_empty(c)), FC_INVALID_NULL);
    sums[0] = sums[1] = 0;
    if (is_empty(c)) return FC_OK;
    run r = make_run(c, kernels_of(c)->nll);
    set_targets(&r.job, targets);
    r.job.in[0] = x;
    r.job.losses = losses;
    return run_sums(&r, sums, call);
}

fc_status fc_nll_grad(const fc_classes *c, const fc_targets *targets, const void *gy, double scale,
                      void *gx, const fc_call *call) {
    FC_TRY(check(c));
    FC_REQUIRE(targets && ((targets->classes && gx) || is_empty(c)), FC_INVALID_NULL);
    if (is_empty(c)) return FC_OK;
    const fc_classes_fn fn = kernels_of(c)->nll_grad;
    run r = make_run(c, (const fc_classes_fn[2]){fn, fn});
    set_targets(&r.job, targets);
    r.job.in[1] = gy;
    r.job.out = gx;
    r.job.scale = scale;
    const fc_status status = run_all(&r, call);
    return status == FC_OK && r.outside ? FC_INVALID_INDEX : status;
}
