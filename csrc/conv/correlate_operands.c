/* Bringing a block's operands (weights, planes, panels) where a worker does not have them yet. */
#include <string.h>

#include "cache_blocks.h"
#include "correlate_item.h"
#include "integers.h"

/* ---- Weights ---- */

int fc_own_whole(const fc_correlation *c, const fc_blocking *b) {
    return fc_unit_bytes(c, b, fc_correlation_depth(c)) <= FC_KEPT_BYTES;
}

int64_t fc_own_bytes(const fc_correlation *c, const fc_blocking *b) {
    return (int64_t)sizeof(fc_own_weights) +
           fc_unit_bytes(c, b, fc_own_whole(c, b) ? fc_correlation_depth(c) : fc_products_most(b));
}

/* Packs this block of the weights where the worker does not have it yet. */
static void bring_weights(fc_item *it) {
    const fc_run *r = it->run;
    if (r->packed) return;
    fc_own_weights *own = it->own;
    const fc_products *p = &it->products;
    if (own->unit != it->unit) own->products = 0;
    own->unit = it->unit;
    it->weights = own->packed;
    if (it->whole_weights && p->done < own->products) return;
    const int64_t before = it->whole_weights ? p->done * it->packed_rows : 0;
    fc_pack_block(r->c, r->b, it->unit, p, r->w, own->packed + before * it->item);
    own->products = p->done + p->depth;
}

const char *fc_item_weights(const fc_item *it, int64_t tile) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    const int64_t before = fc_packed_start(c, b, tile) - fc_packed_start(c, b, it->first_tile);
    const int64_t done = it->whole_weights ? it->products.done : 0;
    return it->weights + (done * it->packed_rows + before * it->products.depth) * it->item;
}

/* ---- Planes ---- */

/* The planes of all blocks of products, one behind another, for one box: gathered unless this
 * worker has just done so. */
static void hold_planes(fc_item *it) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    if (it->held_box == it->box_index && it->held_group == it->group) return;
    it->held_box = it->box_index;
    it->held_group = it->group;
    fc_products p = fc_products_first(c, r->b);
    do {
        const fc_plane plane = fc_plane_turned(c, &it->box, &p.taps, r->b->channels);
        fc_plane_gather(c, &plane, &it->box, &p.taps, r->x, it->group, p.channel, p.channels,
                        it->plane_data + p.channel / r->b->channels * r->b->plane_bytes);
    } while (fc_products_next(c, r->b, &p));
}

/* Panels are read in whole vectors, also behind the plane's end: see bytes_behind in weights.c. */
static void end_plane(const fc_item *it) {
    const fc_run *r = it->run;
    if (r->b->turned) return;
    const int64_t all = fc_plane_elements(&it->plane, it->box.images, it->products.channels);
    memset(it->plane_data + all * it->item, 0, (size_t)(fc_item_panel(it) * it->item));
}

static void bring_plane(fc_item *it) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    if (r->b->in_place) {
        const int64_t first = it->group * c->in_channels + it->products.channel;
        it->columns = r->x + (fc_plane_origin(c, &it->plane, &it->box, &it->products.taps) +
                              first * it->plane.channel) *
                                 it->item;
    } else if (r->b->whole) {
        hold_planes(it);
        it->columns = it->plane_data + it->products.channel / r->b->channels * r->b->plane_bytes;
    } else {
        fc_plane_gather(c, &it->plane, &it->box, &it->products.taps, r->x, it->group,
                        it->products.channel, it->products.channels, it->plane_data);
        it->columns = it->plane_data;
        end_plane(it);
    }
}

/* ---- Panels ---- */

static void pack_panels(fc_item *it) {
    for (const fc_place *p = it->places; p < it->places + it->place_count; p++)
        it->run->c->kernels->conv.pack(it->panels + p->from * it->item, fc_item_panel(it),
                                       it->columns, it->offsets, it->products.depth,
                                       it->positions + p->to, p->columns);
}

void fc_item_pack_cut(fc_item *it, const fc_place *p) {
    for (int64_t j = 0; j < p->columns; j++) it->positions[j] = p->from + j;
    it->run->c->kernels->conv.pack(it->panels, fc_item_panel(it), it->columns, it->offsets,
                                   it->products.depth, it->positions, p->columns);
}

void fc_item_bring(fc_item *it) {
    bring_weights(it);
    bring_plane(it);
    if (it->run->b->packed) pack_panels(it);
}
