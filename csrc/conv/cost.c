/* What a correlation should take on one thread: the work of the pieces that blocking.c cut it into,
 * each times its coefficient (kernels/tuning.h). Only the order of the predictions matters
 * to the choice of an algorithm. */
#include "blocking.h"
#include "cache_blocks.h"
#include "outer.h"

static double ceil_div(double a, double b) {
    const double q = a / b;
    return (double)(int64_t)q < q ? (double)(int64_t)q + 1 : (double)(int64_t)q;
}

/* A slice of a plane, whatever its size: 18 to 20 ns (Intel Granite Rapids, November 2026). Not
 * counted, 1x1 layers of stride 2 and few outputs took three times as long as foreseen. */
#define SLICE_NS 18

/* Of the planes of a box: for every block of output channels, or turned, once for all of them. */
static double gather_ns(const fc_correlation *c, const fc_blocking *b) {
    if (b->in_place) return 0;
    const fc_tuning *t = &c->kernels->tuning;
    const fc_box box = {0, b->images, {0, 0, 0}, {b->box[0], b->box[1], b->box[2]}};
    const fc_taps taps = {{0, 0, 0}, {b->taps[0], b->taps[1], b->taps[2]}};
    const int64_t all = fc_correlation_taps(c), each = b->taps[0] * b->taps[1] * b->taps[2];
    const double planes = all ? (double)all / (double)each : 0;
    if (b->turned) { /* no columns are picked */
        const fc_plane p = fc_plane_turned(c, &box, &taps, c->in_channels);
        const double elements = (double)fc_plane_elements(&p, b->images, c->in_channels);
        return elements * planes * (fc_plane_turns(c) ? t->turn : t->gather) / c->kernels->lanes;
    }
    const fc_plane p = fc_plane_gathered(c, &box, &taps);
    const double slices = (double)(p.phases[0] * p.phases[1] * p.phases[2] * p.length[0]),
                 rows = slices * (double)p.length[1], length = (double)p.length[2];
    const double slice_ns = c->layout == FC_CHANNELS_FIRST ? SLICE_NS : 0;
    const double row_ns = c->axis[2].stride <= 2 ? ceil_div(length, c->kernels->lanes) * t->gather
                                                 : length * t->strided;
    return (double)b->blocks_foreseen * (double)c->in_channels * planes *
           (slices * slice_ns + rows * row_ns);
}

/* How much longer a multiply-add takes where the channels of a pixel are apart in a far input: each
 * product reads a line for the few pixels of a tile. Foreseen to be as fast as panels, so turned 1x1
 * layers of 256 to 512 channels, stride 2, at 56 x 56 and of 512 to 128 at 28 x 28 took 1.3 to 1.4
 * times as long. Where one tap and a stride leave half of each line unread, 1.1 to 1.8 times as long
 * again, unless the L2 holds part of the input (Intel Granite Rapids, November 2026). */
static double channels_apart(const fc_correlation *c, const fc_blocking *b) {
    if (!b->in_place || c->layout != FC_CHANNELS_FIRST || !fc_input_is_far(c)) return 1;
    const double bytes = (double)c->batch * (double)fc_correlation_in(c) * (double)c->item;
    const int once = c->axis[2].stride > 1 && fc_correlation_taps(c) == 1;
    return once && bytes > (double)fc_l2_part(1, 1) ? 1.6 : 1.12;
}

/* Of a box, channels in the vectors. */
static double turned_ns(const fc_correlation *c, const fc_blocking *b, double pixels, double depth,
                        double blocks) {
    const fc_tuning *t = &c->kernels->tuning;
    const double runs = pixels / (double)b->run,
                 tiles = runs * ceil_div((double)b->run, (double)b->tile_pixels);
    double ns = runs * depth * b->run_cycles * 2 * t->multiply * channels_apart(c, b) +
                tiles * blocks * (double)b->tiles * t->panel;
    ns += gather_ns(c, b);
    if (!b->direct_output) ns += pixels * (double)c->out_channels / c->kernels->lanes * t->store;
    return ns + t->item / (double)b->groups_together;
}

/* How much longer a multiply-add takes where few output channels share a vector of pixels: it is
 * loaded across cache lines, the more often the longer it is. From 20 layers of one to three output
 * channels a group (AMD Zen 5, AVX-512, November 2026), within a quarter; with four it no longer
 * shows. */
static double few_outputs(const fc_correlation *c) {
    const double bytes = (double)(c->kernels->lanes * c->item);
    if (c->out_channels > 3 || bytes < 32) return 1;
    return 1 + 1.3 * bytes / 64 / (double)c->out_channels;
}

/* Most of what an item of planes or panels prepares is the same for all images: 60 to 100 ns are
 * left, of 1x1 layers of 4 to 16 channels in batches (AMD Zen 5, November 2026). */
static double item_ns(const fc_correlation *c, const fc_blocking *b) {
    const double ns = c->kernels->tuning.item, images = (double)b->image_boxes;
    return b->turned ? ns : ns * (1 + (images - 1) / 10) / images;
}

/* A vector of a panel is put together from the rows that it spans: of rows of 3 and 7 pixels, panels
 * took 1.4 to 1.9 times as long as foreseen without (Intel Granite Rapids, November 2026). */
static double pack_ns(const fc_correlation *c, const fc_blocking *b) {
    return c->kernels->tuning.pack * (1 + 0.5 * c->kernels->lanes / (double)b->box[2]);
}

/* Of a box. */
static double box_ns(const fc_correlation *c, const fc_blocking *b) {
    const fc_tuning *t = &c->kernels->tuning;
    const double lanes = c->kernels->lanes, panel = lanes * b->width;
    const double depth = (double)fc_correlation_depth(c);
    const double pixels = (double)b->images * (double)(b->box[0] * b->box[1]) * (double)b->box[2];
    const double rows = (double)(b->images * b->box[0] * b->box[1]);
    const double vectors = !b->packed && b->by_row ? rows * ceil_div((double)b->box[2], lanes)
                                                   : ceil_div((double)b->columns, lanes);
    const double panels = !b->packed && b->by_row ? rows * ceil_div((double)b->box[2], panel)
                                                  : ceil_div((double)b->columns, panel);
    const double blocks =
        ceil_div(depth, (double)(b->channels * b->taps[0] * b->taps[1] * b->taps[2]));
    /* Few sums in flight wait for each other. */
    const double in_flight = (double)c->out_channels / (double)b->tiles * b->width;
    const double multiply = t->multiply * (in_flight < 8 ? 8 / in_flight : 1) *
                            (b->packed ? 1 : few_outputs(c) * t->planes) *
                            fc_width_cost(c->kernels, b->width);
    if (b->turned) return turned_ns(c, b, pixels, depth, blocks);
    double ns = vectors * depth * (double)c->out_channels * multiply +
                panels * blocks * (double)b->tiles * t->panel;
    if (b->packed) ns += (double)b->blocks_foreseen * vectors * depth * pack_ns(c, b);
    ns += gather_ns(c, b);
    if (!b->direct_output) ns += pixels * (double)c->out_channels / lanes * t->store;
    return ns + item_ns(c, b) / (double)b->groups_together;
}

/* The last box along the axis that is cut (one is, at most: choose_box in blocking.c), where it is
 * smaller than the others, and how many there are along that axis; else 0. Counted like the others,
 * the second box of 20 rows cut into 16 and 4 made planes of them seem a third slower than they are.
 */
static int64_t smaller_box(const fc_correlation *c, const fc_blocking *b, fc_blocking *last) {
    *last = *b;
    last->images = c->batch % b->images;
    if (last->images) {
        last->columns = b->columns / b->images * last->images;
        return b->image_boxes;
    }
    last->images = b->images;
    for (int i = 0; i < 3; i++) {
        const int64_t rest = c->axis[i].out % b->box[i];
        if (!rest) continue;
        last->box[i] = rest;
        if (i == 1) /* a line of rows, and what lies between them: see rows_waste_less */
            last->columns =
                b->columns - (b->columns - b->box[2]) / (b->box[1] - 1) * (b->box[1] - rest);
        else last->columns = b->columns / b->box[i] * rest;
        return b->boxes[i];
    }
    return 0;
}

double fc_blocking_cost(const fc_correlation *c, const fc_blocking *b) {
    fc_blocking last;
    const double boxes = (double)fc_boxes_of(b);
    const int64_t along = smaller_box(c, b, &last);
    double ns = box_ns(c, b);
    if (along) ns -= (ns - box_ns(c, &last)) / (double)along;
    return 1e-9 * boxes * (double)c->groups * ns;
}
