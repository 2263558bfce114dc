/* Running a correlation: which items there are, and what an item does (see blocking.c for the loop
 * nest). Its steps are in correlate_places.c (where panels lie), correlate_lists.c (taps in the
 * padding), correlate_operands.c, correlate_multiply.c and correlate_sums.c. */
#include "correlate.h"
#include "cache_blocks.h"

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "correlate_item.h"
#include "integers.h"

#define RUNS 16 /* the most correlations that pass through the caches together */

/* ---- One item ---- */

/* Whether what was prepared for another box serves this one: of its place only the taps that lie in
 * the padding depend on it. */
static int is_prepared(const fc_item *it) {
    const fc_box *now = &it->box, *before = &it->prepared;
    int same = now->images == before->images;
    for (int i = 0; i < 3; i++)
        same &= now->size[i] == before->size[i] &&
                (!it->run->b->saves_taps || now->first[i] == before->first[i]);
    return same;
}

static void sum_products(fc_item *it) {
    const fc_run *r = it->run;
    const int whole = fc_correlation_taps(r->c) == r->b->taps[0] * r->b->taps[1] * r->b->taps[2];
    it->products = fc_products_first(r->c, r->b);
    do {
        if (!whole || !is_prepared(it)) fc_item_prepare(it);
        it->prepared = it->box;
        fc_item_bring(it);
        fc_item_multiply(it);
    } while (fc_products_next(r->c, r->b, &it->products));
}

static void choose_pixels(fc_item *it, int64_t index) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    for (int i = 2; i >= 0; i--) {
        it->box.first[i] = index % b->boxes[i] * b->box[i];
        it->box.size[i] = min64(b->box[i], c->axis[i].out - it->box.first[i]);
        index /= b->boxes[i];
    }
    it->box.image = index * b->images;
    it->box.images = min64(b->images, c->batch - it->box.image);
}

static void choose_channels(fc_item *it, int64_t unit) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    it->unit = unit;
    it->group = unit / b->blocks;
    it->first_tile = unit % b->blocks * b->tiles_together;
    it->last_tile = min64(b->tiles, it->first_tile + b->tiles_together);
    it->start = fc_tile_start(c, b, it->first_tile);
    it->rows = fc_tile_start(c, b, it->last_tile) - it->start;
    it->packed_rows = fc_unit_row(c, b, unit + 1) - fc_unit_row(c, b, unit);
    if (it->run->packed)
        it->weights = it->run->packed + fc_unit_row(c, b, unit) * fc_correlation_depth(c) * c->item;
}

static int64_t units_of(const fc_run *r) { return r->c->groups * r->b->blocks; }

static int64_t items_of(const fc_run *r) {
    return fc_boxes_of(r->b) * ceil_div(units_of(r), r->b->groups_together);
}

static fc_item item_in(const fc_run *r, char *scratch) {
    const fc_blocking *b = r->b;
    const int64_t most = fc_products_most(b);
    int64_t *offsets = (int64_t *)(scratch + b->offsets_at);
    return (fc_item){
        .run = r,
        .held_box = -1,
        .held_group = -1,
        .own = r->packed ? NULL : (fc_own_weights *)(scratch + r->weights_at),
        .whole_weights = r->packed || fc_own_whole(r->c, b),
        .plane_data = scratch + b->plane_at,
        .panels = scratch + b->panels_at,
        .sums = scratch + b->sums_at,
        .offsets = offsets,
        .panel_offsets = offsets + most,
        .steps = offsets + (b->turned ? FC_LISTS : 2) * most,
        .positions = (int64_t *)(scratch + b->positions_at),
        .places = (fc_place *)(scratch + b->places_at),
        .ld = b->columns,
        .item = r->c->item,
    };
}

/* Which box, and which of the `together` groups of units, an item is. A unit's weights serve all
 * boxes, one after another; or a box's plane all units, while some other boxes go beside it. */
static void find_item(const fc_run *r, int64_t index, int64_t together, int64_t *box,
                      int64_t *units) {
    const int64_t boxes = fc_boxes_of(r->b);
    if (!r->packed || !r->b->whole) {
        *box = index % boxes;
        *units = index / boxes;
        return;
    }
    const int64_t before = index / (r->beside * together) * r->beside,
                  beside = min64(r->beside, boxes - before);
    index -= before * together;
    *box = before + index % beside;
    *units = index / beside;
}

/* Where all weights stay in the L2 anyhow, as many boxes as there are workers: as they take items
 * in turn, each stays at its own plane, by 2% to 6% faster on two threads. Else they would all pass
 * by for every box: up to 9% slower (AMD Zen 5, November 2026). */
static int64_t boxes_beside(const fc_correlation *c, const fc_blocking *b, int workers) {
    return fc_packed_bytes(c, b) <= FC_KEPT_BYTES ? workers : 1;
}

static void run_item(void *context, int64_t index, int worker) {
    const fc_run *r = context;
    const fc_blocking *b = r->b;
    const int64_t units = units_of(r);
    int64_t first;
    char *scratch = r->scratch + worker * r->worker_bytes;
    fc_item *it = (fc_item *)scratch;
    if (it->run != r) *it = item_in(r, scratch); /* another run has used the scratch */
    find_item(r, index, ceil_div(units, b->groups_together), &it->box_index, &first);
    first *= b->groups_together;
    choose_pixels(it, it->box_index);
    for (int64_t unit = first; unit < min64(units, first + b->groups_together); unit++) {
        choose_channels(it, unit);
        if (b->direct_output) fc_sums_in_output(it);
        sum_products(it);
        if (!b->direct_output) fc_sums_store(it);
    }
}

/* Nobody has done an item or packed weights yet. */
static void forget(const fc_run *r, int workers) {
    for (int i = 0; i < workers; i++) {
        char *scratch = r->scratch + i * r->worker_bytes;
        ((fc_item *)scratch)->run = NULL;
        if (!r->packed) ((fc_own_weights *)(scratch + r->weights_at))->unit = -1;
    }
}

/* ---- A whole correlation ---- */

static int is_empty(const fc_correlation *c) {
    return c->batch == 0 || c->axis[0].out == 0 || c->axis[1].out == 0 || c->axis[2].out == 0;
}

static int workers_for(const fc_correlation *c, const fc_blocking *b, const fc_call *call) {
    const double work = (double)c->batch * (double)c->groups * (double)c->out_channels *
                        (double)(fc_correlation_depth(c) + 4) *
                        (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out;
    const int workers =
        fc_workers(call, fc_boxes_of(b) * ceil_div(c->groups * b->blocks, b->groups_together));
    return work < 1 << 18 ? 1 : workers; /* a few microseconds: done before another thread wakes */
}

/* Bytes of weights that a call packs before it begins: all, where the one worker would else gather
 * the planes of several boxes again for every unit (by 3% to 22% faster); else none, and each packs
 * its own (several would read what another has just packed: up to 10% slower on two threads than
 * gathering again. AMD Zen 5, November 2026). */
static int64_t packed_first(const fc_correlation *c, const fc_blocking *b, int workers) {
    if (!b->whole || b->blocks == 1 || fc_boxes_of(b) == 1 || workers > 1) return 0;
    const int64_t bytes = fc_packed_bytes(c, b);
    return bytes <= FC_PACKED_FIRST_BYTES ? bytes : 0;
}

static int64_t worker_bytes_of(const fc_correlation *c, const fc_blocking *b, int packed) {
    return b->bytes + (packed ? 0 : fc_own_bytes(c, b));
}

static fc_status run_one(fc_run *r, const fc_call *call) {
    if (is_empty(r->c)) return FC_OK;
    const int workers = workers_for(r->c, r->b, call);
    const int64_t first = r->packed ? 0 : packed_first(r->c, r->b, workers);
    r->workers = workers;
    r->weights_at = r->b->bytes;
    r->beside = boxes_beside(r->c, r->b, workers);
    r->worker_bytes = worker_bytes_of(r->c, r->b, r->packed || first);
    char *scratch = fc_scratch(first + workers * r->worker_bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    r->scratch = scratch + first;
    fc_status status = FC_OK;
    if (first) {
        status = fc_pack_weights(r->c, r->b, r->w, scratch, call);
        r->packed = scratch;
    }
    forget(r, workers);
    if (status == FC_OK) status = fc_parallel_for(call, workers, items_of(r), run_item, r);
    fc_scratch_free(scratch);
    return status;
}

fc_status fc_correlate_packed(const fc_correlation *c, const fc_blocking *b, const void *x,
                              const void *packed, const void *bias, void *y, const fc_call *call) {
    fc_run r = {.c = c, .b = b, .x = x, .packed = packed, .bias = bias, .y = y};
    return run_one(&r, call);
}

fc_status fc_correlate(const fc_correlation *c, const fc_blocking *b, const void *x, const void *w,
                       const void *bias, void *y, const fc_call *call) {
    fc_run r = {.c = c, .b = b, .x = x, .w = w, .bias = bias, .y = y};
    return run_one(&r, call);
}

int64_t fc_correlate_scratch(const fc_correlation *c, const fc_blocking *b, int packed,
                             int threads) {
    const fc_call call = {.threads = threads};
    const int workers = workers_for(c, b, &call);
    const int64_t first = packed ? 0 : packed_first(c, b, workers);
    return first + workers * worker_bytes_of(c, b, packed || first);
}

/* ---- Several correlations ---- */

typedef struct runs {
    const fc_run *run;
    int n;
} runs;

static void run_item_of_all(void *context, int64_t index, int worker) {
    const runs *all = context;
    for (int i = 0; i < all->n; i++)
        if (index < items_of(&all->run[i])) run_item((void *)&all->run[i], index, worker);
}

/* Runs share a worker's scratch, one after another, but for their packed weights: one behind
 * another. */
static fc_status run_all(fc_run *r, int n, const fc_call *call) {
    int64_t scratch_bytes = 0, worker_bytes = 0, items = 0;
    int workers = 1;
    for (int i = 0; i < n; i++) {
        scratch_bytes = max64(scratch_bytes, r[i].b->bytes);
        workers = (int)max64(workers, workers_for(r[i].c, r[i].b, call));
        items = max64(items, items_of(&r[i]));
    }
    worker_bytes = scratch_bytes;
    for (int i = 0; i < n; i++) {
        r[i].weights_at = worker_bytes;
        worker_bytes += fc_own_bytes(r[i].c, r[i].b);
    }
    char *scratch = fc_scratch(workers * worker_bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    for (int i = 0; i < n; i++) {
        r[i].workers = workers;
        r[i].scratch = scratch;
        r[i].worker_bytes = worker_bytes;
        forget(&r[i], workers);
    }
    const fc_status status = fc_parallel_for(call, workers, items, run_item_of_all, &(runs){r, n});
    fc_scratch_free(scratch);
    return status;
}

fc_status fc_correlate_all(const fc_correlation *c, const fc_blocking *b, int n, const void *x,
                           const void *w, const void *bias, void *y, const fc_call *call) {
    if (n == 0 || is_empty(&c[0]))
        return FC_OK; /* no images: the correlations themselves have outputs */
    fc_run r[RUNS];
    int64_t weights = 0;
    for (int i = 0; i < n; i++) weights += fc_own_bytes(&c[i], &b[i]);
    if (n > RUNS || weights > FC_ALL_KEPT_BYTES || n == 1) { /* one after another */
        for (int i = 0; i < n; i++) FC_TRY(fc_correlate(&c[i], &b[i], x, w, bias, y, call));
        return FC_OK;
    }
    for (int i = 0; i < n; i++)
        r[i] = (fc_run){.c = &c[i], .b = &b[i], .x = x, .w = w, .bias = bias, .y = y};
    return run_all(r, n, call);
}
