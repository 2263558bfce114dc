/* Cutting a weight gradient into sums of outer products (grad_weight_pixels.c), and what they cost.
 */
#include "../runtime/scratch.h"
#include "cache_blocks.h"
#include "grad_weight_pixels.h"
#include "integers.h"
#include "outer.h"

#define PARTIAL_BYTES ((int64_t)4 << 20)
#define WIDTHS 6            /* vectors of a tile, at most */
#define ITEMS 128           /* that a problem should give, if it is not small */
#define ITEM_WORK (1 << 21) /* multiply-adds an item should have, about */
#define INSIDE 0.92         /* of the products, at most, where taps are taken one by one */
#define OVERHEAD 0.06       /* of bringing data for a unit that is made smaller for more items */
#define MOST_OVERHEAD 0.5   /* the same, where threads would have none */

int64_t fc_pixels_depth(const fc_pixels *r) {
    return r->exchanged ? r->c.out_channels : fc_correlation_depth(&r->c);
}

/* Taps are taken one by one, if at all; with few input channels, whose tiles go along the taps of a
 * row, row by row. */
static int by_rows(const fc_pixels *r) { return r->units.in < r->c.kernels->conv.rows; }

/* The share of the products that do not fall in the padding of the axes that are taken apart. */
static double share_inside(const fc_pixels *r) {
    const fc_axis *a = r->c.axis;
    double share = 1;
    for (int i = 0; i < 3 - by_rows(r); i++)
        share *= fc_axis_taps_inside(&a[i]) / (double)a[i].taps;
    return share;
}

double fc_pixels_work(const fc_pixels *r) {
    const fc_axis *a = r->c.axis;
    return (double)r->c.batch * (double)(a[0].out * a[1].out * a[2].out) * (double)r->c.groups *
           (double)r->c.out_channels * (double)fc_correlation_depth(&r->c);
}

/* ---- The problem ---- */

/* An image that is covered by one kernel is one pixel with more channels. */
static void fold_image(fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->out != 1 || a->offset != 0 || a->in != a->taps ||
            (a->taps > 1 && a->offset_step != 1) || c->layout != FC_CHANNELS_FIRST)
            return;
    }
    c->in_channels *= fc_correlation_taps(c);
    c->layout = FC_CHANNELS_LAST;
    for (int i = 0; i < 3; i++) c->axis[i].in = c->axis[i].taps = 1;
}

/* Whether every pixel of the input meets the one of gy, and only it. */
static int is_product(const fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->taps != 1 || a->offset != 0 || a->in != a->out) return 0;
        if (a->stride != 1 && a->out != 1) return 0;
    }
    return 1;
}

/* Its pixels in one line, with channels last those of all images. */
static void join_pixels(fc_correlation *c) {
    int64_t pixels = c->axis[0].in * c->axis[1].in * c->axis[2].in;
    if (c->layout == FC_CHANNELS_LAST) {
        pixels *= c->batch;
        c->batch = 1;
    }
    for (int i = 0; i < 3; i++) {
        fc_axis *a = &c->axis[i];
        a->in = a->out = a->size = i == 2 ? pixels : 1;
        a->stride = a->offset_step = 1;
    }
}

/* ---- Pieces and units ---- */

static const fc_weight_tuning *costs(const fc_pixels *r) { return &r->c.kernels->tuning.weight; }

static int64_t piece_pixels(const fc_pixels *r) {
    return r->pieces.images * fc_volume(r->pieces.box);
}

/* Elements of x that a piece reads of some channels. */
static int64_t piece_elements(const fc_pixels *r, int64_t channels) {
    const fc_box box = fc_pieces_box(&r->pieces);
    const fc_taps taps = fc_units_taps(&r->units);
    if (r->x_ready) return piece_pixels(r) * channels;
    const fc_plane plane = fc_plane_copied(&r->c, &box, &taps, channels);
    return fc_plane_elements(&plane, box.images, channels);
}

static void count_unit(fc_pixels *r) {
    fc_units_count(&r->c, &r->units);
    r->ld = up_to(r->units.out, r->c.kernels->lanes);
    r->unit_elements = r->units.in * fc_volume(r->units.taps) * r->ld;
}

/* `n` cut into blocks of one size, multiples of `multiple`, at most `most`. */
static int64_t even_blocks(int64_t n, int64_t most, int64_t multiple) {
    const int64_t block = ceil_div(n, ceil_div(n, max64(1, most)));
    return min64(n, up_to(block, multiple));
}

/* What bringing gy and x costs, in each case a multiply-add of the unit with them. */
static double gy_cost(const fc_pixels *r) {
    return r->gy_ready ? 0 : costs(r)->turn / (double)(r->units.in * fc_volume(r->units.taps));
}

static double x_cost(const fc_pixels *r) {
    return r->x_ready ? 0
                      : costs(r)->plane * (double)piece_elements(r, 1) /
                            (double)(piece_pixels(r) * r->ld * fc_volume(r->units.taps));
}

/* Halve a unit where it costs less. */
static int halve_unit(fc_pixels *r) {
    const int64_t lanes = r->c.kernels->lanes;
    const int rows = r->units.in > 1, columns = r->units.out > lanes;
    if (!rows && !columns) return 0;
    if (rows && (!columns || gy_cost(r) <= x_cost(r)))
        r->units.in = even_blocks(r->c.in_channels, ceil_div(r->units.in, 2), 1);
    else r->units.out = even_blocks(r->c.out_channels, ceil_div(r->units.out, 2), lanes);
    count_unit(r);
    return 1;
}

/* The same where it costs little. */
static int halve_unit_cheaply(fc_pixels *r) {
    fc_pixels half = *r;
    if (r->units.out < 4 * r->c.kernels->lanes || r->units.in < 56) return 0;
    if (!halve_unit(&half) || gy_cost(&half) + x_cost(&half) > OVERHEAD) return 0;
    *r = half;
    return 1;
}

/* Pieces, and taps if need be, so that what a channel's products take fits in a block. */
static void choose_piece(fc_pixels *r) {
    const fc_correlation *c = &r->c;
    const int last = c->layout == FC_CHANNELS_LAST;
    int64_t pixels = last ? costs(r)->pixels_last : costs(r)->pixels;
    for (;; pixels /= 2) {
        r->pieces = fc_pieces_of(c, pixels);
        for (int i = 0; i < 3; i++) r->units.taps[i] = c->axis[i].taps;
        for (int i = 0; i < 3; i++)
            while (r->units.taps[i] > 1 &&
                   (fc_volume(r->units.taps) * c->kernels->lanes * c->item > FC_BLOCK_BYTES ||
                    piece_elements(r, 1) * c->item > FC_BLOCK_BYTES))
                r->units.taps[i] = ceil_div(r->units.taps[i], 2);
        if (pixels == 1 || piece_elements(r, 1) * c->item <= FC_BLOCK_BYTES) return;
    }
}

static void choose_unit(fc_pixels *r) {
    const fc_correlation *c = &r->c;
    const int64_t item = c->item;
    r->units.in = even_blocks(c->in_channels, FC_BLOCK_BYTES / (piece_elements(r, 1) * item), 1);
    r->units.out =
        even_blocks(c->out_channels, FC_BLOCK_BYTES / (piece_pixels(r) * item), c->kernels->lanes);
    count_unit(r);
    while (r->unit_elements * item > FC_BLOCK_BYTES && halve_unit(r)) continue;
}

/* Where it is small, bring x for all items. Not where it is brought because it collides: a copy of
 * all channels would do so, too (1x1 of 512 to 2048 channels at 7 x 7, channels last, 8 images:
 * 0.62 of the time. Intel Granite Rapids, November 2026). */
static void share(fc_pixels *r) {
    if (r->x_ready || r->x_collides || fc_volume(r->units.taps) != fc_correlation_taps(&r->c))
        return;
    const fc_operand x = fc_pixels_x_shared_as(r);
    if ((double)r->c.batch * (double)x.image * (double)r->c.item > (double)FC_X_SHARED_BYTES)
        return;
    r->x_as = x;
    r->x_ready = r->x_shared = 1;
}

static int64_t items_wanted(const fc_pixels *r) {
    const double items = fc_pixels_work(r) / ITEM_WORK;
    return (int64_t)(items < ITEMS ? items + 1 : ITEMS);
}

/* Enough items: first by cutting the sum over the pieces, where the sums are small, then by
 * smaller units. */
static void choose_items(fc_pixels *r) {
    const double work = fc_pixels_work(r);
    const int64_t wanted = items_wanted(r);
    const int64_t most = max64(1, PARTIAL_BYTES / (r->units.count * r->unit_elements * r->c.item));
    r->chunks = max64(1, min64(min64(most, ceil_div(wanted, r->units.count)), r->pieces.count));
    if (r->chunks == 1 && r->units.count > r->c.groups) share(r);
    while (r->units.count * r->chunks < wanted && halve_unit_cheaply(r)) continue;
    r->chunk_pieces = ceil_div(r->pieces.count, r->chunks);
    r->chunks = ceil_div(r->pieces.count, r->chunk_pieces);
    const double unit = work / ((double)r->units.count * (double)r->chunks) + 1;
    r->units_together = clamp64((int64_t)(ITEM_WORK / unit), 1, max64(1, r->units.count / ITEMS));
    r->direct = r->exchanged && r->chunks == 1;
}

/* ---- Tiles ---- */

/* It stays in the L1, as other tiles and taps come back to it. But where every tile brings its sums
 * from the L2, fewer calls are worth more, and Intel's L2 sends a panel as fast as the L1: 1x1
 * gradients take 0.92 to 0.97 of the time, 5x5 of stride 2 1.15 (channels first; last, 0.99 to 1.05.
 * Granite Rapids, November 2026). */
int64_t fc_pixels_panel_bytes(const fc_pixels *r) {
    const int streams =
        fc_caches_found.far && r->c.layout == FC_CHANNELS_FIRST && fc_correlation_taps(&r->c) == 1;
    return streams ? 2 * FC_PANEL_BYTES : FC_PANEL_BYTES;
}

/* Pixels of a panel of one vector. */
static int64_t panel_pixels(const fc_pixels *r) {
    return min64(piece_pixels(r), fc_pixels_panel_bytes(r) / (r->c.kernels->lanes * r->c.item));
}

/* Multiply-adds' time of `n` rows in tiles of some vectors: a load is half a multiply-add, one of a
 * whole line is two, and eight sums hide the latency. */
static double rows_cost(const fc_pixels *r, int64_t n, int width) {
    const int64_t tiles = ceil_div(n, fc_outer_most_rows(r->c.kernels, width));
    const double rows = (double)n / (double)tiles,
                 multiply = rows * width * fc_width_cost(r->c.kernels, width),
                 load = rows + width * (r->c.kernels->lanes * r->c.item > 32 ? 2 : 1) + 2;
    const double sums = (costs(r)->tile + 2 * multiply) * width / (double)panel_pixels(r);
    const double busy = multiply > load ? multiply : load;
    return (double)tiles * ((busy > 8 ? busy : 8) + sums);
}

/* The same for all of a unit's products with one pixel. */
static double tile_cost(const fc_pixels *r, int width, int along_taps) {
    const int64_t vectors = r->ld / r->c.kernels->lanes, taps = fc_volume(r->units.taps),
                  n = along_taps ? r->units.taps[2] : r->units.in,
                  times = along_taps ? r->units.in * (taps / r->units.taps[2]) : taps;
    double cost = (double)(vectors / width) * rows_cost(r, n, width);
    if (vectors % width) cost += rows_cost(r, n, (int)(vectors % width));
    return cost * (double)times;
}

static double choose_tile(fc_pixels *r) {
    double best = 0;
    for (int along = 0; along < 2; along++)
        for (int width = WIDTHS; width > 0; width--) {
            if (!fc_outer_most_rows(r->c.kernels, width)) continue;
            if (r->by_taps && along != by_rows(r)) continue;
            const double cost = tile_cost(r, width, along);
            if (best > 0 && cost >= best) continue;
            best = cost;
            r->width = width;
            r->along_taps = along;
        }
    return best;
}

/* ---- All of it ---- */

static void place_scratch(fc_pixels *r) {
    const int64_t item = r->c.item, pixels = piece_pixels(r);
    int64_t at = 0;
    r->plane_at = at;
    at += r->x_ready ? 0 : fc_aligned(piece_elements(r, r->units.in) * item);
    r->lines_at = at;
    at += r->gy_ready ? 0 : fc_aligned(pixels * r->ld * item);
    r->sums_at = at;
    at += r->direct || r->chunks > 1 ? 0 : fc_aligned(r->unit_elements * item);
    r->offsets_at = at;
    r->bytes = at + fc_aligned(pixels * 8 * FC_PIXEL_LISTS(r));
}

/* Whether what a tile reads of x where it stands competes for a few lines of the L1: channels last
 * those of its pixels, channels first of its rows. Copied apart, 512 and 1024 channels last, and
 * 32 x 32 pixels channels first, take about half the time (1x1; but where a stride leaves pixels
 * out between them, which are copied too, they take longer. AMD Zen 4, November 2026). An L1 of
 * twelve ways holds a tile's rows: copied, those of 32 x 32 and 64 x 64 pixels took 1.1 to 1.2 times
 * as long (Intel Granite Rapids, November 2026). */
static int x_collides(const fc_correlation *c, const fc_plane *plane) {
    const int64_t apart = plane->channels_last ? plane->pixel[2] : plane->channel;
    if (!plane->channels_last && fc_caches_found.l1 >= 12 * FC_L1_WAY) return 0;
    return c->axis[2].stride == 1 && apart * c->item % (FC_L1_WAY / 2) == 0;
}

static fc_pixels run_as(const fc_correlation *c, int exchanged) {
    fc_pixels r = {.c = *c, .exchanged = exchanged};
    if (exchanged) {
        r.c.in_channels = c->out_channels;
        r.c.out_channels = c->in_channels;
    }
    fc_plane plane;
    const int in_place = fc_plane_spread_in_place(&r.c, &plane);
    r.x_collides = in_place && x_collides(&r.c, &plane);
    r.x_ready = in_place && !r.x_collides;
    r.gy_ready = c->layout == FC_CHANNELS_LAST && r.c.out_channels % c->kernels->lanes == 0 &&
                 max64(fc_correlation_depth(&r.c), r.c.out_channels) <= costs(&r)->depth_in_place;
    r.x_as = fc_pixels_x_as(&r, &plane);
    r.gy_as = fc_pixels_gy_as(&r.c);
    choose_piece(&r);
    choose_unit(&r);
    choose_items(&r);
    r.by_taps = c->padding_mode == FC_PAD_ZEROS && share_inside(&r) < INSIDE;
    choose_tile(&r);
    place_scratch(&r);
    return r;
}

void fc_pixels_occupy(fc_pixels *r, int threads) {
    const int64_t wanted = min64(threads, items_wanted(r));
    const int rows = by_rows(r);
    if (r->units.count * r->chunks >= wanted) return;
    while (r->units.count * r->chunks < wanted) {
        fc_pixels half = *r;
        if (!halve_unit(&half) || by_rows(&half) != rows) break;
        if (gy_cost(&half) + x_cost(&half) > MOST_OVERHEAD) break;
        *r = half;
    }
    choose_tile(r);
    place_scratch(r);
}

double fc_pixels_cost(const fc_pixels *r) {
    fc_pixels copy = *r;
    const double lanes = r->c.kernels->lanes, units = (double)r->units.count,
                 pieces = (double)r->pieces.count, pixels = (double)piece_pixels(r);
    double piece = choose_tile(&copy) * pixels * (r->by_taps ? share_inside(r) : 1);
    if (!r->gy_ready) piece += costs(r)->turn * pixels * (double)r->ld / lanes;
    if (!r->x_ready) piece += costs(r)->plane * (double)piece_elements(r, r->units.in) / lanes;
    const double sums = (double)r->unit_elements / lanes * (double)(r->chunks + !r->direct);
    return (units * pieces * piece + units * sums * costs(r)->finish) * 1e-9 *
           r->c.kernels->tuning.multiply;
}

fc_pixels fc_pixels_of(const fc_conv *p) {
    fc_correlation c = fc_correlation_forward(p);
    fold_image(&c);
    if (!is_product(&c)) return run_as(&c, 0);
    join_pixels(&c);
    const fc_pixels as_it_is = run_as(&c, 0), exchanged = run_as(&c, 1);
    return fc_pixels_cost(&exchanged) <= fc_pixels_cost(&as_it_is) ? exchanged : as_it_is;
}
