/* Multiplying one block of products: a kernel for each register tile at each place. */
#include "cache_blocks.h"
#include "correlate_item.h"
#include "integers.h"
#include "outer.h"

/* Tiles of weights that a panel meets, and products, for a copy of it to be worth its stores. */
#define COPIED_TILES 3
#define COPIED_PRODUCTS 32

/* The narrowest tile of so many vectors. */
static fc_outer_fn kernel_for(const fc_correlation *c, int64_t rows, int64_t vectors) {
    const fc_outer_fn *kernels = c->kernels->conv.outer[rows - 1];
    while (!kernels[vectors - 1]) vectors++;
    return kernels[vectors - 1];
}

/* 0, step, 2 * step, ...: of the products in packed weights. Tiles come in two sizes. */
static const int64_t *steps_of(fc_item *it, int which, int64_t step) {
    int64_t *steps = it->steps + which * fc_products_most(it->run->b);
    if (it->steps_of[which] != step)
        for (int64_t i = 0; i < fc_products_most(it->run->b); i++) steps[i] = i * step;
    it->steps_of[which] = step;
    return steps;
}

/* The same of all lists, one behind another. */
static const int64_t *steps_of_lists(fc_item *it, int64_t step) {
    const int64_t most = fc_products_most(it->run->b);
    if (it->steps_of[0] != step)
        for (int j = 0; j < it->list_count; j++)
            fc_list_fill(it, &it->lists[j], NULL, step, it->steps + j * most);
    it->steps_of[0] = step;
    return it->steps;
}

/* The weights that the calls of a tile ask for (see fc_item's `ahead`): as they come, those of the
 * same tile in the next block of products; behind the last, in the worker's next unit: workers take
 * units in turn. */
static fc_soon weights_ahead(const fc_item *it, int64_t tile, int64_t ld) {
    const fc_run *r = it->run;
    fc_soon s = it->ahead;
    if (r->packed) {
        s.next.at = fc_item_weights(it, tile) + it->products.depth * ld * it->item;
        return s;
    }
    fc_products next = it->products;
    if (!fc_products_next(r->c, r->b, &next)) {
        next = fc_products_first(r->c, r->b);
        tile += r->workers * r->b->tiles_together;
    }
    if (tile >= r->b->tiles) s.calls = 0;
    else s.next.at = fc_weights_at(r->c, &next, r->w, it->group, fc_tile_start(r->c, r->b, tile));
    return s;
}

/* What call number `call` for a tile asks for ahead: where pixels come from memory, the first
 * tile's those of the `next` call; else its share of the weights that follow. */
static void ask_ahead(const fc_item *it, fc_outer *t, int64_t call, const fc_place *next,
                      const fc_soon *weights) {
    if (it->soon && next) {
        t->soon = it->columns + next->from * it->item;
        t->soon_offset = it->soon;
    } else {
        t->soon = fc_soon_at(weights, call);
        t->soon_offset = weights->offset;
    }
}

/* Turned: the weights of one tile stay in the L1 while the pixels pass. */
static void multiply_tile(fc_item *it, int64_t tile, int first, int last) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t channel = fc_tile_start(c, r->b, tile),
                  channels = fc_tile_start(c, r->b, tile + 1) - channel;
    const int64_t ld = fc_packed_start(c, r->b, tile + 1) - fc_packed_start(c, r->b, tile);
    const int64_t vectors = ceil_div(channels, c->kernels->lanes);
    const int64_t *steps = steps_of_lists(it, ld);
    const int64_t most = fc_products_most(r->b);
    const fc_place *p = it->places + it->first_place, *end = it->places + it->place_count;
    char *sums = it->sums + (channel - it->start) * it->item;
    const fc_soon ahead = weights_ahead(it, tile, ld);
    fc_outer t = {
        .b = fc_item_weights(it, tile),
        .columns = channels,
        .column_bias =
            r->bias ? r->bias + (it->group * c->out_channels + channel) * it->item : NULL,
        .min = c->min,
        .max = c->max,
        .first = first,
        .last = last,
        .clamp = c->clamp,
    };
    for (int64_t i = 0; i < it->place_count; i++, p = p + 1 < end ? p + 1 : it->places) {
        t.k = it->products.channels * it->lists[p->list].each;
        t.a = it->columns + p->from * it->item;
        t.a_offset = it->offsets + p->list * most;
        t.b_offset = steps + p->list * most;
        t.a_step = p->step;
        t.c = sums + p->to * it->ld * it->item;
        t.ldc = p->to_step * it->ld;
        ask_ahead(it, &t, i, tile == it->first_tile && p + 1 < end ? p + 1 : NULL, &ahead);
        kernel_for(c, p->columns, vectors)(&t);
    }
}

/* One register tile of the weights with one panel. */
static void multiply_panel(fc_item *it, const fc_place *p, int64_t vectors, int64_t tile,
                           fc_outer *t) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t row = fc_tile_start(c, r->b, tile), rows = fc_tile_start(c, r->b, tile + 1) - row;
    t->a = fc_item_weights(it, tile);
    t->a_offset = steps_of(it, tile < r->b->longer, rows);
    t->c = it->sums + ((row - it->start) * it->ld + p->to) * it->item;
    t->columns = p->columns;
    t->bias = r->bias ? r->bias + (it->group * c->out_channels + row) * it->item : NULL;
    if (t->copy) c->kernels->conv.outer_copying[rows - 1](t);
    else kernel_for(c, rows, vectors)(t);
}

/* Whether whole vectors of a panel that is cut short lie behind the end of the input itself, where
 * there may be nothing. */
static int reads_behind(const fc_item *it, const fc_place *p) {
    const fc_run *r = it->run;
    const int64_t panel = fc_item_panel(it);
    if (r->b->packed || !r->b->in_place || p->columns == panel) return 0;
    const int64_t taps = it->products.depth / it->products.channels;
    const int64_t *offset = it->offsets + it->products.depth - taps; /* of the last channel */
    int64_t last = 0;
    for (int64_t i = 0; i < taps; i++) last = max64(last, offset[i]);
    const int64_t first = (it->columns - r->x) / it->item + p->from;
    return first + last + panel > r->c->batch * fc_correlation_in(r->c);
}

static void bring_panel(fc_item *it, const fc_place *p, fc_outer *t) {
    const fc_blocking *b = it->run->b;
    const int cut = reads_behind(it, p);
    if (cut) fc_item_pack_cut(it, p);
    t->b = b->packed ? it->panels + p->from * it->item
           : cut     ? it->panels
                     : it->columns + p->from * it->item;
    t->b_offset = b->packed || cut ? it->panel_offsets : it->offsets;
}

/* Whether all pixels of the block stay in the L1, in whatever order panels are taken. */
static int pixels_are_few(const fc_item *it) {
    int64_t bytes = it->box.images * it->products.channels * it->item;
    for (int i = 0; i < 3; i++) bytes *= it->box.size[i] * it->run->c->axis[i].stride;
    return bytes <= FC_PIXELS_BYTES;
}

/* Whether two lines of every output channel are more than the L2 holds of them: channels a multiple
 * of a large power of two apart share few of its sets (of 16 ways, about). */
static int channels_collide(const fc_item *it) {
    const int64_t way = fc_l2_part(1, 16), apart = gcd(it->ld * it->item, way);
    return 2 * it->rows > fc_l2_part(1, 1) / max64(1, apart);
}

/* Whether the first tile leaves a copy of the panel for the others, if there is a kernel for that.
 * What stands in planes is read across lines, and a product at a time from each: of 6 x 2 vectors by
 * AVX2, a quarter of the time. AVX-512's tiles of 14 rows read the pixels of a product half as often:
 * 0.95 to 1.02 times as fast on AMD Zen 4, but 1.06 to 1.2 times on Intel Granite Rapids (November
 * 2026). */
static int leaves_copy(const fc_item *it, const fc_place *p) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    const int64_t tile = it->first_tile,
                  rows = fc_tile_start(c, b, tile + 1) - fc_tile_start(c, b, tile);
    return c->kernels->conv.outer_copying[rows - 1] &&
           (c->kernels->conv.rows < FC_OUTER_ROWS || fc_caches_found.far) &&
           it->last_tile - tile >= COPIED_TILES && it->products.depth >= COPIED_PRODUCTS &&
           b->width == 2 && p->columns > c->kernels->lanes;
}

/* All tiles with one panel; the first ones ask for the `next`, or NULL, each for a line of every
 * product. */
static void multiply_tiles(fc_item *it, const fc_place *p, const fc_place *next, fc_outer *t) {
    const int64_t vectors = ceil_div(p->columns, it->run->c->kernels->lanes),
                  lines = fc_item_panel(it) * it->item / FC_SOON_LINE + 1;
    const char *soon = next ? it->columns + next->from * it->item : NULL;
    bring_panel(it, p, t);
    const int copies = t->b_offset == it->offsets && leaves_copy(it, p);
    for (int64_t i = 0, tile = it->first_tile; tile < it->last_tile; i++, tile++) {
        t->copy = copies && i == 0 ? it->panels : NULL;
        t->soon = soon && i < lines ? soon + i * FC_SOON_LINE : NULL;
        multiply_panel(it, p, vectors, tile, t);
        if (!t->copy) continue;
        t->b = it->panels;
        t->b_offset = it->panel_offsets;
    }
}

/* The pixels of one panel stay in the L1 while the weights pass. But where sums are written once,
 * pixels are few and channels collide, the weights of one tile stay: then few channels are written
 * at a time, each from end to end, instead of all, line by half a line. */
static void multiply_panels(fc_item *it, int first, int last) {
    const fc_correlation *c = it->run->c;
    fc_outer t = {
        .k = it->products.depth,
        .a_step = 1,
        .ldc = it->ld,
        .min = c->min,
        .max = c->max,
        .first = first,
        .last = last,
        .clamp = c->clamp,
        .soon_offset = it->offsets,
    };
    if (first && last && pixels_are_few(it) && channels_collide(it)) {
        for (int64_t tile = it->first_tile; tile < it->last_tile; tile++)
            for (int64_t i = 0; i < it->place_count; i++) {
                const fc_place *p = &it->places[i];
                bring_panel(it, p, &t);
                multiply_panel(it, p, ceil_div(p->columns, c->kernels->lanes), tile, &t);
            }
        return;
    }
    const int asks = it->run->b->in_place && fc_input_is_far(c);
    for (int64_t i = 0; i < it->place_count; i++)
        multiply_tiles(it, &it->places[i],
                       asks && i + 1 < it->place_count ? &it->places[i + 1] : NULL, &t);
}

void fc_item_multiply(fc_item *it) {
    const fc_correlation *c = it->run->c;
    const int first = it->products.done == 0,
              last = it->products.done + it->products.depth == fc_correlation_depth(c);
    if (it->run->b->turned)
        for (int64_t tile = it->first_tile; tile < it->last_tile; tile++)
            multiply_tile(it, tile, first, last);
    else multiply_panels(it, first, last);
}
