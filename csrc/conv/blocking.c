/* Cutting a correlation into pieces that fit the caches.
 *
 *   for each item (parallel):                    output-channel block x box of pixels
 *     for each block of products:                channels x taps, at most `depth` of them
 *       gather the plane (L1/L2), pack panels (L2)
 *       for each panel of pixels:                    depth x width, stays in the L1
 *         for each register tile of output channels: its packed weights, depth x rows, from the L2
 *
 * or, turned, with packed weights of some vectors of output channels in the place of the panel, and
 * some pixels, read where they stand, in the place of the output channels.
 *
 * Every result is summed over products in one order, whatever the pieces: they change no bits. So
 * pieces may be chosen by the number of threads or images that there are. By the threads' number at
 * the time only the blocks of output channels are; what is chosen by predicted cost never is. */
#include "blocking.h"
#include "cache_blocks.h"
#include "integers.h"
#include "row_pieces.h"
#include "tiles.h"

#include "../fastconv.h"
#include "../runtime/scratch.h"

#define ITEM_WORK (256 << 10) /* multiply-adds that an item of several small groups has, about */
#define FEW_PIXELS 64         /* that a block of products serves */
#define ITEMS 16              /* that a problem should give, if it is not tiny */
#define ITEMS_OF_THREAD 4     /* the same, where threads are few */

static int64_t pixels_wanted(const fc_correlation *c, int packed) {
    const fc_tuning *t = &c->kernels->tuning;
    const int64_t depth = fc_correlation_depth(c);
    const double work = (double)c->out_channels * (double)depth;
    const int64_t wanted =
        max64(t->pixels, min64(t->most_pixels, (int64_t)((double)t->box_work / (work + 1))));
    return packed ? min64(wanted,
                          max64(t->pixels, FC_PANELS_BYTES / c->item / min64(depth + 1, t->depth)))
                  : wanted;
}

/* The rows of a box: of all the heights that give about `wanted` pixels, the one that wastes the
 * fewest lanes. */
static int64_t box_rows(const fc_correlation *c, int64_t width, int64_t wanted, int64_t panel) {
    const int64_t rows = c->axis[1].out, most = min64(rows, max64(1, wanted * 5 / 4 / width));
    if (panel == 1) return ceil_div(rows, ceil_div(rows, most));
    int64_t best = most, best_cost = INT64_MAX;
    for (int64_t h = most; h >= max64(1, most / 2); h--) {
        const int64_t boxes = rows / h, rest = rows % h;
        const int64_t cost = boxes * (up_to(h * width, panel) + panel) +
                             (rest ? up_to(rest * width, panel) + panel : 0);
        if (cost < best_cost) {
            best = h;
            best_cost = cost;
        }
    }
    return best;
}

/* Whole rows, then whole planes, then whole images are put together while there is room. */
static void choose_box(const fc_correlation *c, fc_blocking *b, int64_t wanted) {
    const int64_t panel = b->turned ? 1 : (int64_t)b->width * c->kernels->lanes;
    const int64_t w = c->axis[2].out;
    b->box[0] = b->box[1] = b->images = 1;
    b->box[2] = w <= wanted * 3 / 2 ? w : min64(w, up_to(ceil_div(w, ceil_div(w, wanted)), panel));
    if (b->box[2] == w) b->box[1] = box_rows(c, w, wanted, panel);
    const int64_t slice = b->box[1] * w;
    if (b->box[2] == w && b->box[1] == c->axis[1].out)
        b->box[0] = min64(c->axis[0].out, max64(1, wanted / slice));
    if ((b->packed || b->turned) && b->box[2] == w &&
        slice * b->box[0] == c->axis[0].out * c->axis[1].out * w)
        b->images = min64(max64(c->batch, 1), max64(1, wanted / (slice * b->box[0])));
}

static fc_box largest_box(const fc_blocking *b) {
    return (fc_box){0, b->images, {0, 0, 0}, {b->box[0], b->box[1], b->box[2]}};
}

static fc_plane plane_of(const fc_correlation *c, const fc_blocking *b, int64_t channels) {
    const fc_box box = largest_box(b);
    const fc_taps taps = {{0, 0, 0}, {b->taps[0], b->taps[1], b->taps[2]}};
    return b->turned ? fc_plane_turned(c, &box, &taps, channels)
                     : fc_plane_gathered(c, &box, &taps);
}

/* Of a plane with `channels` channels. */
static int64_t plane_bytes(const fc_correlation *c, const fc_blocking *b, int64_t channels) {
    const fc_plane plane = plane_of(c, b, channels);
    return fc_plane_elements(&plane, b->images, channels) * c->item;
}

static int64_t pixels_of(const fc_blocking *b) {
    return b->images * b->box[0] * b->box[1] * b->box[2];
}

/* Whether a block of `depth` products stays in the L1 between tiles of a run, those of two vectors,
 * where the channels of a pixel are apart and so each has a line of its own. */
static int stays_in_l1(const fc_correlation *c, int64_t depth) {
    return (2 * c->kernels->lanes * c->item + 64) * depth <= FC_PRODUCTS_BYTES;
}

/* The most products of a block. Turned tiles read a stream of weights: the deeper, the fewer calls;
 * but where the channels of a pixel are apart, fewer products may stay in the L1, unless few pixels
 * come back to them (1024 to 256 channels, 14 x 14, AVX2: 15% faster in blocks of 256 than of 512;
 * 7 x 7: 10% slower. AMD Zen 5, November 2026). */
static int64_t most_products(const fc_correlation *c, const fc_blocking *b) {
    const fc_tuning *t = &c->kernels->tuning;
    if (!b->turned) return t->depth;
    if (c->layout == FC_CHANNELS_LAST || (!b->in_place && fc_plane_turns(c)))
        return t->depth_turned;
    if (fc_correlation_taps(c) > 1 || (pixels_of(b) > FEW_PIXELS && stays_in_l1(c, t->depth)))
        return t->depth;
    return t->depth_turned;
}

/* Cut the taps, from the outermost axis, until there are few enough and their plane is small
 * enough. */
static void choose_products(const fc_correlation *c, fc_blocking *b) {
    const int64_t depth = most_products(c, b);
    for (int i = 0; i < 3; i++) b->taps[i] = c->axis[i].taps;
    for (int i = 0; i < 3; i++)
        while (b->taps[i] > 1 && (b->taps[0] * b->taps[1] * b->taps[2] > depth ||
                                  (!b->in_place && plane_bytes(c, b, 1) > FC_PLANE_BYTES)))
            b->taps[i] = ceil_div(b->taps[i], 2);
    const int64_t taps = max64(1, b->taps[0] * b->taps[1] * b->taps[2]);
    b->channels = 1;
    if (taps < max64(1, fc_correlation_taps(c))) return;
    b->channels = max64(1, depth / taps);
    if (!b->in_place)
        b->channels = min64(b->channels, max64(1, FC_PLANE_BYTES / max64(1, plane_bytes(c, b, 1))));
    /* Blocks of even size: the last one should not be a crumb. */
    b->channels =
        ceil_div(c->in_channels, ceil_div(c->in_channels, min64(b->channels, c->in_channels)));
}

/* Whether the sums of a box stand in the output array as they do in the panels, or, turned, its
 * pixels do so wherever they are. */
static int output_is_direct(const fc_correlation *c, const fc_blocking *b, const fc_plane *plane) {
    if ((c->layout == FC_CHANNELS_LAST) != b->turned) return 0;
    if (b->turned) return 1;
    if (b->images > 1 || c->axis[2].step != 1) return 0;
    if (!b->packed && b->by_row) return 1;
    const int one_row = b->box[0] == 1 && b->box[1] == 1;
    const int whole_rows = c->axis[2].out == c->axis[2].size && c->axis[1].step == 1;
    const int whole_slices = c->axis[1].out == c->axis[1].size && c->axis[0].step == 1;
    if (b->packed)
        return one_row ||
               (whole_rows && b->box[2] == c->axis[2].out && (b->box[0] == 1 || whole_slices));
    return one_row ||
           (whole_rows && plane->pixel[1] == b->box[2] && b->box[2] == c->axis[2].out &&
            (b->box[0] == 1 || (whole_slices && plane->pixel[0] == b->box[1] * b->box[2])));
}

/* Direct: panels along one row waste the lanes behind its end, panels along the line those between
 * two rows. */
static int rows_waste_less(const fc_correlation *c, const fc_blocking *b, const fc_plane *plane) {
    if (b->box[0] > 1) return 1;
    const int64_t lanes = c->kernels->lanes, row = up_to(b->box[2], lanes);
    return row * b->box[1] < up_to(plane->pixel[1] * (b->box[1] - 1) + b->box[2], lanes);
}

static int shrink(int64_t *size) {
    const int64_t before = *size;
    *size = ceil_div(before, 2);
    return *size < before;
}

/* Planes of all products save gathering them again for every block of output channels. Boxes that
 * are too large for them are made smaller. */
static void choose_plane(const fc_correlation *c, fc_blocking *b) {
    const int all_taps = b->taps[0] * b->taps[1] * b->taps[2] == fc_correlation_taps(c);
    b->planes = 1;
    if (b->in_place || !all_taps || !b->turned) return;
    const int64_t blocks = ceil_div(c->in_channels, b->channels);
    fc_blocking smaller = *b;
    while (times64(blocks, plane_bytes(c, &smaller, b->channels)) > FC_WHOLE_BYTES)
        if (!shrink(&smaller.images) && !shrink(&smaller.box[0]) && !shrink(&smaller.box[1]))
            return;
    *b = smaller;
    b->whole = 1;
    b->planes = blocks;
}

static void cut_tiles(fc_blocking *b, int64_t blocks) {
    b->tiles_together = ceil_div(b->tiles, blocks);
    b->blocks = ceil_div(b->tiles, b->tiles_together);
}

/* Every block of output channels reads, or gathers, the pixels of its box again, unless a plane holds
 * them all. Few threads need fewer items: as many blocks as those, of weights that stay in the L2
 * beside the pixels (1x1, 256 to 64 channels at 56 x 56: 0.78 of the time on one thread, channels
 * last 0.93; Intel Granite Rapids, November 2026). */
static int64_t blocks_for_threads(const fc_blocking *b, int64_t boxes, int64_t tile_bytes) {
    const int64_t items = min64(ITEMS, ITEMS_OF_THREAD * fc_get_num_threads());
    return max64(ceil_div(items, boxes), ceil_div(b->tiles * tile_bytes, FC_BESIDE_BYTES));
}

static void choose_output_blocks(const fc_correlation *c, fc_blocking *b) {
    int64_t most = b->tiles;
    if (!b->direct_output)
        most =
            max64(1, FC_SUMS_BYTES / (b->columns * c->item) / ceil_div(c->out_channels, b->tiles));
    const int64_t tile_bytes =
        ceil_div(c->out_channels, b->tiles) * fc_correlation_depth(c) * c->item;
    most = max64(1, min64(most, FC_UNIT_BYTES / max64(1, tile_bytes)));
    const int64_t boxes = b->image_boxes * b->boxes[0] * b->boxes[1] * b->boxes[2] * c->groups;
    const int64_t least = ceil_div(b->tiles, min64(most, b->tiles)),
                  for_items = min64(ceil_div(ITEMS, max64(1, boxes)),
                                    max64(1, c->out_channels / c->kernels->tuning.item_channels));
    cut_tiles(b, max64(least, for_items));
    b->blocks_foreseen = b->blocks;
    if (!b->whole && boxes > 1)
        cut_tiles(b, max64(least, min64(for_items, blocks_for_threads(b, boxes, tile_bytes))));
    const double work =
        (double)pixels_of(b) * (double)c->out_channels * (double)(fc_correlation_depth(c) + 1);
    b->groups_together =
        b->blocks > 1 ? 1 : max64(1, min64(c->groups / ITEMS, (int64_t)(ITEM_WORK / work)));
}

static int64_t places_of(const fc_correlation *c, const fc_blocking *b) {
    const int64_t panel = b->turned ? b->tile_pixels : (int64_t)b->width * c->kernels->lanes;
    const int64_t slices = b->images * b->box[0], more = b->saves_taps ? b->box[2] / FC_SEGMENT : 0,
                  rows = slices * b->box[1] * (ceil_div(b->box[2], panel) + more + 2),
                  alone = b->saves_taps ? slices * b->box[2] * ceil_div(b->box[1], panel) : 0;
    return rows + alone + ceil_div(b->columns, panel);
}

static void place_scratch(const fc_correlation *c, fc_blocking *b) {
    const int64_t panel = (int64_t)b->width * c->kernels->lanes,
                  depth = b->channels * b->taps[0] * b->taps[1] * b->taps[2];
    const int64_t pixels = pixels_of(b),
                  rows =
                      b->turned ? pixels : b->tiles_together * ceil_div(c->out_channels, b->tiles);
    int64_t packed = 0; /* columns: of all panels, or of one that is copied */
    if (b->packed) packed = up_to(pixels, panel);
    else if (!b->turned) packed = panel;
    int64_t at = fc_aligned(FC_ITEM_BYTES);
    b->plane_at = at;
    b->plane_bytes = fc_aligned(plane_bytes(c, b, b->channels) + panel * c->item);
    if (!b->in_place) at += b->planes * b->plane_bytes;
    b->panels_at = at;
    if (packed) at += fc_aligned((packed * depth + panel) * c->item);
    b->sums_at = at;
    if (!b->direct_output) at += fc_aligned((rows * b->columns + panel) * c->item);
    b->offsets_at = at;
    at += fc_aligned((b->turned ? 2 * FC_LISTS + 1 : 4) * depth * 8);
    b->positions_at = at;
    if (!b->turned) at += fc_aligned((pixels + panel) * 8);
    b->places_at = at;
    at += fc_aligned(places_of(c, b) * FC_PLACE_BYTES);
    b->bytes = at;
}

/* The part of an axis' taps that are computed, over all outputs, if those in the padding are not. */
static double taps_read(const fc_correlation *c, int i) {
    const fc_axis *a = &c->axis[i];
    return fc_axis_taps_inside(a) / (double)max64(1, a->taps);
}

/* The same along a row, of one block of taps after another. */
static double taps_read_in_row(const fc_correlation *c, const fc_blocking *b) {
    const fc_axis *a = &c->axis[2];
    int64_t products = 0;
    for (int64_t tap = 0; tap < a->taps; tap += b->taps[2]) {
        fc_row_piece pieces[FC_ROW_PIECES];
        const int count =
            fc_cut_row(a, tap, min64(b->taps[2], a->taps - tap), 0, a->out, b->box[1], pieces);
        for (int i = 0; i < count; i++) products += pieces[i].products;
    }
    return (double)products / ((double)a->out * (double)a->taps);
}

/* Leaving out the taps that lie in the padding takes lists, which small blocks do not pay for: with
 * 27 products they cost a tenth, with 288 and 5% fewer of them they save 3% (AMD Zen 5, November
 * 2026). Returns the part of the products that is left. */
static double choose_taps_saved(const fc_correlation *c, fc_blocking *b) {
    if (b->in_place || !b->turned || c->padding_mode != FC_PAD_ZEROS || !fc_correlation_taps(c))
        return 1;
    const double read = taps_read(c, 0) * taps_read(c, 1) * taps_read_in_row(c, b);
    b->saves_taps = read < 0.985 && b->channels * fc_correlation_taps(c) >= 64;
    return b->saves_taps && read > 0 ? read : 1;
}

/* Whether the pixels of a tile, read where they stand, compete for too few lines of the L1: a line
 * of each. Copied, 1024 and 2048 channels take half to two thirds of the time (1x1 of 256 to 1024
 * outputs, 7 x 7 to 56 x 56), tiles of up to 8 pixels no less (AMD Zen 4, whose L1 has 8 ways,
 * November 2026). */
static int pixels_collide(const fc_correlation *c, const fc_plane *plane) {
    if (!plane->channels_last || plane->pixel[2] * c->item % FC_L1_WAY) return 0;
    int64_t side_by_side = c->axis[2].out;
    for (int i = 1; i >= 0 && plane->pixel[i] == side_by_side * plane->pixel[2]; i--)
        side_by_side *= c->axis[i].out;
    return side_by_side > FC_L1_WAYS;
}

/* Whether even pixels that could be read where they stand are turned: only once for all output
 * channels, as far as a plane of all products goes, and none that a stride leaves out. */
static int pixels_turn(const fc_correlation *c) {
    if (!fc_plane_turns(c) || !c->kernels->tuning.turns_pixels) return 0;
    int64_t bytes = times64(c->in_channels, c->item);
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->stride > 1) return 0;
        bytes = times64(bytes, i == 2 ? a->in : (a->taps - 1) * a->offset_step + 1);
    }
    return bytes <= FC_WHOLE_BYTES;
}

int fc_input_is_far(const fc_correlation *c) {
    return (double)c->batch * (double)fc_correlation_in(c) * (double)c->item >=
           (double)FC_SOON_BYTES;
}

fc_blocking fc_blocking_of(const fc_correlation *c, fc_form form) {
    fc_blocking b = {.packed = form == FC_FORM_PANELS, .turned = form == FC_FORM_TURNED};
    const int64_t wanted = pixels_wanted(c, b.packed);
    fc_plane plane;
    b.in_place = b.turned ? fc_plane_spread_in_place(c, &plane) && !pixels_collide(c, &plane) &&
                                !pixels_turn(c)
                          : fc_plane_in_place(c, &plane);
    if (!b.turned) fc_choose_tiles(c, &b, wanted);
    choose_box(c, &b, wanted);
    choose_products(c, &b);
    choose_plane(c, &b);
    const double read = choose_taps_saved(c, &b);
    if (b.turned) fc_choose_turned_tiles(c, &b, wanted, read);
    if (!b.in_place) plane = plane_of(c, &b, b.channels);
    b.by_row = !b.packed && !b.turned && rows_waste_less(c, &b, &plane);
    b.direct_output = output_is_direct(c, &b, &plane);
    b.columns = pixels_of(&b);
    if (!b.packed && !b.turned && !b.by_row) b.columns = (b.box[1] - 1) * plane.pixel[1] + b.box[2];
    b.image_boxes = ceil_div(max64(c->batch, 1), b.images);
    for (int i = 0; i < 3; i++) b.boxes[i] = ceil_div(c->axis[i].out, b.box[i]);
    choose_output_blocks(c, &b);
    if (b.turned) b.columns = b.tiles_together * b.tile_channels;
    place_scratch(c, &b);
    return b;
}

fc_blocking fc_blocking_best(const fc_correlation *c, fc_form first, fc_form last) {
#ifdef FC_FORCE
    if (c->kernels->lanes == 8) return fc_blocking_of(c, FC_FORCE);
#endif
    fc_blocking best = fc_blocking_of(c, first);
    double best_cost = fc_blocking_cost(c, &best);
    for (int form = (int)first + 1; form <= (int)last; form++) {
        const fc_blocking b = fc_blocking_of(c, (fc_form)form);
        const double cost = fc_blocking_cost(c, &b);
        if (cost >= best_cost) continue;
        best = b;
        best_cost = cost;
    }
    return best;
}
