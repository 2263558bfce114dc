/* Losses of each element by itself, and their gradients.
 *
 * Elements are cut into blocks of one size, whatever the threads; sums of blocks are added in their
 * order. */
#include "../conv/integers.h"
#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "map.h"

#define BLOCK_ELEMENTS (16 << 10)
/* Fewer elements than this are done before another thread has woken. */
#define MANY (32 << 10)

typedef struct run {
    fc_map map;
    fc_loss_fn fn;
    int64_t count;
    double *sums; /* of each block */
} run;

static void run_block(void *context, int64_t block, void *scratch) {
    (void)scratch;
    const run *r = context;
    const int64_t first = block * BLOCK_ELEMENTS;
    r->sums[block] = r->fn(&r->map, first, min64(first + BLOCK_ELEMENTS, r->count));
}

static fc_status check(const fc_loss *p) {
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_TRY(fc_map_check(p->dtype, p->count));
    FC_REQUIRE((unsigned)p->kind < FC_LOSSES, FC_INVALID_VALUE);
    return FC_OK;
}

fc_status fc_loss_forward(const fc_loss *p, const void *x, const void *target, const void *positive,
                          void *losses, double *sum, const fc_call *call) {
    FC_TRY(check(p));
    FC_REQUIRE(sum && ((x && target) || p->count == 0), FC_INVALID_NULL);
    *sum = 0;
    if (p->count == 0) return FC_OK;
    const int64_t blocks = ceil_div(p->count, BLOCK_ELEMENTS);
    double one;
    run r = {.map = {.in = {x, target, positive}, .out = {losses}, .value = {p->positive}},
             .fn = fc_kernels_for(p->dtype)->nn->loss.forward[p->kind],
             .count = p->count,
             .sums = blocks == 1 ? &one : fc_scratch(blocks * (int64_t)sizeof(double))};
    FC_REQUIRE(r.sums, FC_OUT_OF_MEMORY);
    fc_call how = call ? *call : (fc_call){0};
    if (p->count < MANY) how.threads = 1;
    const fc_status status = fc_share_out(&how, blocks, 0, run_block, &r);
    for (int64_t i = 0; i < blocks && status == FC_OK; i++) *sum += r.sums[i];
    if (blocks > 1) fc_scratch_free(r.sums);
    return status;
}

fc_status fc_loss_grad(const fc_loss *p, const void *x, const void *target, const void *positive,
                       double scale, void *gx, const fc_call *call) {
    FC_TRY(check(p));
    FC_REQUIRE((x && target && gx) || p->count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {x, target, positive}, .out = {gx}, .value = {p->positive, scale}};
    return fc_map_run(&map, fc_kernels_for(p->dtype)->nn->loss.grad[p->kind], p->count, call);
}
