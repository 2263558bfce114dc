/* Cutting a weight gradient into dot products (grad_weight_dot.c), and what they cost. */
#include "../runtime/scratch.h"
#include "cache_blocks.h"
#include "grad_weight.h"
#include "grad_weight_dot.h"
#include "integers.h"
#include "problem.h"

#define OFFSETS 8192        /* (channel, tap) pairs of a unit, at most */
#define ITEMS 32            /* that a problem should give, if it is not tiny */
#define UNIT_WORK (1 << 20) /* multiply-adds an item should have, about */
#define PARTIAL_BYTES ((int64_t)8 << 20)

fc_plane fc_dots_plane(const fc_dots *r, const fc_box *box, const fc_taps *taps) {
    fc_plane plane;
    if (r->x_in_place) fc_plane_in_place(&r->c, &plane);
    else plane = fc_plane_gathered(&r->c, box, taps);
    return plane;
}

static fc_plane first_plane(const fc_dots *r) {
    const fc_box box = fc_pieces_box(&r->pieces);
    const fc_taps taps = fc_units_taps(&r->units);
    return fc_dots_plane(r, &box, &taps);
}

fc_segments fc_dots_segments(const fc_dots *r, const fc_box *box, const fc_plane *plane) {
    const int images = r->pieces.images > 1;
    const int64_t slice = r->c.axis[1].out * r->c.axis[2].out;
    fc_segments s = {.count = images ? box->images : box->size[0],
                     .x_step = images ? plane->image : plane->pixel[0],
                     .line_step = slice,
                     .length = (box->size[1] - 1) * plane->pixel[1] + box->size[2]};
    if (!r->gy_in_place) s.line_step = up_to(s.length, r->c.kernels->lanes); /* aligned */
    else if (images) s.line_step = r->c.groups * r->c.out_channels * r->c.axis[0].out * slice;
    return s;
}

static int64_t line_elements(const fc_dots *r) {
    const fc_box box = fc_pieces_box(&r->pieces);
    const fc_plane plane = first_plane(r);
    const fc_segments s = fc_dots_segments(r, &box, &plane);
    return s.count * (r->gy_in_place ? s.length : s.line_step);
}

static void choose_unit(fc_dots *r) {
    const fc_correlation *c = &r->c;
    for (int i = 0; i < 3; i++) r->units.taps[i] = c->axis[i].taps;
    for (int i = 0; i < 3; i++)
        while (r->units.taps[i] > 1 &&
               (fc_volume(r->units.taps) > OFFSETS ||
                (!r->x_in_place && first_plane(r).channel * c->item > FC_LINES_BYTES)))
            r->units.taps[i] = ceil_div(r->units.taps[i], 2);
    const int64_t taps = fc_volume(r->units.taps);
    const int64_t piece = line_elements(r) * c->item;
    const int64_t plane = r->x_in_place ? piece : first_plane(r).channel * c->item;
    r->units.in = max64(1, min64(c->in_channels, min64(FC_LINES_BYTES / plane, OFFSETS / taps)));
    r->units.out = max64(1, min64(c->out_channels, FC_LINES_BYTES / piece));
    r->units.out = ceil_div(c->out_channels, ceil_div(c->out_channels, r->units.out));
    r->units.in = ceil_div(c->in_channels, ceil_div(c->in_channels, r->units.in));
}

int64_t fc_dots_elements(const fc_dots *r) {
    return r->c.groups * r->c.out_channels * fc_correlation_depth(&r->c);
}

/* Enough items: first by cutting the sum over the pieces, where the parts are small, then by
 * smaller units. */
static void choose_items(fc_dots *r) {
    const int64_t most = max64(1, PARTIAL_BYTES / (fc_dots_elements(r) * r->c.item));
    fc_units_count(&r->c, &r->units);
    r->chunks = max64(1, min64(min64(most, ceil_div(ITEMS, r->units.count)), r->pieces.count));
    while (r->units.count * r->chunks < ITEMS && (r->units.out > 8 || r->units.in > 8)) {
        if (r->units.out >= r->units.in) r->units.out = ceil_div(r->units.out, 2);
        else r->units.in = ceil_div(r->units.in, 2);
        fc_units_count(&r->c, &r->units);
    }
    r->chunk_pieces = ceil_div(max64(1, r->pieces.count), r->chunks);
    r->chunks = ceil_div(max64(1, r->pieces.count), r->chunk_pieces);
    const double work = (double)r->chunk_pieces * (double)line_elements(r) *
                        (double)(r->units.out * r->units.in) * (double)fc_volume(r->units.taps);
    r->units_together = max64(1, min64(r->units.count / ITEMS, (int64_t)(UNIT_WORK / (work + 1))));
}

static void place_scratch(fc_dots *r) {
    const int64_t taps = fc_volume(r->units.taps), item = r->c.item;
    int64_t at = r->x_in_place ? 0 : fc_aligned(r->units.in * first_plane(r).channel * item);
    r->lines_at = at;
    at += r->gy_in_place ? 0 : fc_aligned(r->units.out * line_elements(r) * item);
    r->offsets_at = at;
    r->bytes = at + fc_aligned(r->units.in * taps * 8);
}

fc_dots fc_dots_of(const fc_conv *p) {
    fc_dots r = {.c = fc_correlation_forward(p)};
    fc_plane plane;
    r.x_in_place = fc_plane_in_place(&r.c, &plane);
    r.gy_in_place = r.x_in_place && plane.pixel[1] == r.c.axis[2].out &&
                    (r.c.axis[0].out == 1 || plane.pixel[0] == r.c.axis[1].out * r.c.axis[2].out);
    r.pieces = fc_pieces_of(&r.c, r.c.kernels->tuning.positions);
    choose_unit(&r);
    choose_items(&r);
    place_scratch(&r);
    return r;
}

double fc_grad_weight_dot_cost(const fc_conv *problem) {
    const fc_dots r = fc_dots_of(problem);
    const fc_correlation *c = &r.c;
    const fc_weight_tuning *costs = &c->kernels->tuning.weight;
    const double vectors = (double)line_elements(&r) / c->kernels->lanes,
                 rows = (double)c->out_channels, columns = (double)fc_correlation_depth(c);
    const double few = costs->dot_alone / (double)min64(r.units.out, c->kernels->conv.dot_rows),
                 multiply = few > costs->dot ? few : costs->dot;
    double piece = rows * columns * (vectors * multiply + costs->dot_sum);
    if (!r.gy_in_place) piece += costs->dot_bring * vectors * rows * (double)r.units.in_blocks;
    if (!r.x_in_place)
        piece += costs->dot_bring * (double)c->in_channels * (double)r.units.out_blocks *
                 (double)first_plane(&r).channel / c->kernels->lanes;
    return (double)r.pieces.count * (double)c->groups * piece * 1e-9 * c->kernels->tuning.multiply;
}
