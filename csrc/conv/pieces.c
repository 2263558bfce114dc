/* Pieces and units: see pieces.h. A piece is as many whole rows of the output as fit, or part of a
 * row; then as many whole slices, or whole images. */
#include "pieces.h"
#include "integers.h"

fc_pieces fc_pieces_of(const fc_correlation *c, int64_t pixels) {
    const fc_axis *a = c->axis;
    const int64_t w = a[2].out;
    fc_pieces p = {1, {1, 1, 1}, {0, 0, 0}, 0};
    p.box[2] = w <= pixels * 3 / 2 ? w : ceil_div(w, ceil_div(w, pixels));
    if (p.box[2] == w) p.box[1] = ceil_div(a[1].out, ceil_div(a[1].out, max64(1, pixels / w)));
    if (p.box[2] == w && p.box[1] == a[1].out) {
        const int64_t more = max64(1, pixels / (w * a[1].out));
        if (a[0].out > 1) p.box[0] = min64(a[0].out, more);
        else p.images = min64(max64(1, c->batch), more);
    }
    p.count = ceil_div(c->batch, p.images);
    for (int i = 0; i < 3; i++) {
        p.boxes[i] = ceil_div(a[i].out, p.box[i]);
        p.count *= p.boxes[i];
    }
    return p;
}

fc_box fc_piece(const fc_correlation *c, const fc_pieces *pieces, int64_t index) {
    fc_box box;
    for (int i = 2; i >= 0; i--) {
        box.first[i] = index % pieces->boxes[i] * pieces->box[i];
        box.size[i] = min64(pieces->box[i], c->axis[i].out - box.first[i]);
        index /= pieces->boxes[i];
    }
    box.image = index * pieces->images;
    box.images = min64(pieces->images, c->batch - box.image);
    return box;
}

void fc_units_count(const fc_correlation *c, fc_units *units) {
    units->in_blocks = ceil_div(c->in_channels, units->in);
    units->out_blocks = ceil_div(c->out_channels, units->out);
    units->count = c->groups * units->in_blocks * units->out_blocks;
    for (int i = 0; i < 3; i++) {
        units->tap_blocks[i] = ceil_div(c->axis[i].taps, units->taps[i]);
        units->count *= units->tap_blocks[i];
    }
}

static fc_channels block_of(int64_t index, int64_t block, int64_t all) {
    return (fc_channels){index * block, min64(block, all - index * block)};
}

fc_unit fc_unit_at(const fc_correlation *c, const fc_units *units, int64_t index) {
    fc_unit unit;
    for (int i = 2; i >= 0; i--) {
        unit.taps.first[i] = index % units->tap_blocks[i] * units->taps[i];
        unit.taps.size[i] = min64(units->taps[i], c->axis[i].taps - unit.taps.first[i]);
        index /= units->tap_blocks[i];
    }
    unit.in = block_of(index % units->in_blocks, units->in, c->in_channels);
    index /= units->in_blocks;
    unit.out = block_of(index % units->out_blocks, units->out, c->out_channels);
    unit.group = index / units->out_blocks;
    return unit;
}
