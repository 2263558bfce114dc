/* What a correlation should take on one thread: the work of the pieces that blocking.c cut it into, each times its
 * measured coefficient. Only the order of the predictions matters to the choice of an algorithm. */
#include "algorithms.h"

/* Nanoseconds; Zen 5, November 2026, measured by benchmarks/selection.py. */
#define MULTIPLY_NS 0.145  /* a vector multiply-add */
#define PACK_NS 0.7        /* a vector packed into a panel */
#define GATHER_NS 0.6      /* a vector gathered into a plane */
#define STRIDED_NS 1.0     /* an element gathered from every other column */
#define STORE_NS 1.0       /* a vector copied from the sums to the output */
#define PANEL_NS 12.0      /* a call of a kernel */
#define ITEM_NS 400.0      /* an item */

static double ceil_div(double a, double b) {
    const double q = a / b;
    return (double)(int64_t)q < q ? (double)(int64_t)q + 1 : (double)(int64_t)q;
}

double fc_correlation_cost(const fc_correlation *c, const fc_blocking *b) {
    const double lanes = c->kernels->lanes, panel = lanes * b->width;
    const double depth = (double)fc_correlation_depth(c), groups = (double)c->groups;
    const double pixels = (double)b->images * (double)(b->box[0] * b->box[1]) * (double)b->box[2];
    const double boxes = (double)b->image_boxes * (double)(b->boxes[0] * b->boxes[1]) * (double)b->boxes[2];
    const double rows = (double)(b->images * b->box[0] * b->box[1]);
    const double vectors = !b->packed && b->by_row ? rows * ceil_div((double)b->box[2], lanes)
                                                   : ceil_div((double)b->columns, lanes);
    const double panels = !b->packed && b->by_row ? rows * ceil_div((double)b->box[2], panel)
                                                  : ceil_div((double)b->columns, panel);
    const double blocks = ceil_div(depth, (double)(b->channels * b->taps[0] * b->taps[1] * b->taps[2]));
    /* Few sums in flight wait for each other. */
    const double in_flight = (double)c->out_channels / (double)b->tiles * b->width;
    const double multiply = MULTIPLY_NS * (in_flight < 8 ? 8 / in_flight : 1);
    double ns = vectors * depth * (double)c->out_channels * multiply + panels * blocks * (double)b->tiles * PANEL_NS;
    if (b->packed) ns += (double)b->blocks * vectors * depth * PACK_NS;
    if (!b->in_place) {
        const fc_box box = {0, b->images, {0, 0, 0}, {b->box[0], b->box[1], b->box[2]}};
        const fc_taps taps = {{0, 0, 0}, {b->taps[0], b->taps[1], b->taps[2]}};
        const double plane = (double)fc_plane_gathered(c, &box, &taps).channel * (double)c->in_channels *
                             (double)fc_correlation_taps(c) / (double)(b->taps[0] * b->taps[1] * b->taps[2] + !depth);
        const double each = c->axis[2].stride == 1 ? GATHER_NS / lanes : STRIDED_NS;
        ns += (double)b->blocks * plane * each;
    }
    if (!b->direct_output) ns += pixels * (double)c->out_channels / lanes * STORE_NS;
    return 1e-9 * boxes * groups * (ns + ITEM_NS / (double)b->groups_together);
}
