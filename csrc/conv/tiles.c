/* The register tiles of a correlation: rows of one operand times vectors of the other, the sums of
 * which are kept in registers.
 *
 *   panels of pixels:  as many rows (output channels) as there are registers for; or, where
 *                      broadcasts take time, a few wide ones if they save some of it on a row of
 *                      pixels or, where rows are short, on a box
 *   turned:            of all widths in vectors of output channels, the one whose tiles take the
 *                      fewest cycles for a run of pixels
 *
 * What a tile takes is foreseen from its multiply-adds, its loads and the latency of its sums. */
#include "tiles.h"
#include "cache_blocks.h"
#include "integers.h"
#include "outer.h"
#include "row_pieces.h"

#define WIDE_ROWS 2 /* of tiles that are wide to save broadcasts */

double fc_tile_cycles(const fc_correlation *c, double rows, double vectors) {
    const double multiply = rows * vectors / 2 * fc_width_cost(c->kernels, vectors),
                 load = (rows + vectors + 1) / 2;
    const double slower = multiply > load ? multiply : load;
    return slower > 4 ? slower : 4; /* the latency of a multiply-add */
}

/* ---- Panels of pixels ---- */

/* Cycles that tiles of `rows` take for the pixels of a line. */
static double panel_cycles(const fc_correlation *c, int64_t pixels, int64_t rows) {
    const int64_t lanes = c->kernels->lanes, vectors = ceil_div(pixels, lanes),
                  width = fc_outer_widest(c->kernels, rows), rest = vectors % width;
    double cycles = (double)(vectors / width) * fc_tile_cycles(c, (double)rows, (double)width);
    if (rest)
        cycles += fc_tile_cycles(c, (double)rows,
                                 (double)fc_outer_narrowest(c->kernels, rows, rest * lanes));
    return cycles;
}

/* The same of all output channels in tiles of `most` rows, or one less. */
static double panels_cycles(const fc_correlation *c, int64_t pixels, int64_t most) {
    const int64_t tiles = ceil_div(c->out_channels, most), rows = ceil_div(c->out_channels, tiles),
                  shorter = tiles * rows - c->out_channels;
    return (double)(tiles - shorter) * panel_cycles(c, pixels, rows) +
           (shorter ? (double)shorter * panel_cycles(c, pixels, rows - 1) : 0);
}

void fc_choose_tiles(const fc_correlation *c, fc_blocking *b, int64_t wanted) {
    int64_t most = c->kernels->conv.rows;
    const int64_t row = c->axis[2].out, image = row * c->axis[0].out * c->axis[1].out;
    const int64_t pixels = !b->packed && row * 2 > wanted ? row : min64(image, wanted);
    if (c->kernels->tuning.broadcast > 0 &&
        panels_cycles(c, pixels, WIDE_ROWS) < panels_cycles(c, pixels, most) * 0.95)
        most = WIDE_ROWS;
    b->tiles = ceil_div(c->out_channels, most);
    b->tile_channels = c->out_channels / b->tiles;
    b->longer = c->out_channels % b->tiles;
    b->width = fc_outer_widest(c->kernels, ceil_div(c->out_channels, b->tiles));
}

/* ---- Turned: runs of pixels ---- */

/* The pixels of a row that are cut into tiles together where taps are left out, on the average; a
 * column's, if each goes alone. */
static int64_t run_in_row(const fc_correlation *c, const fc_blocking *b) {
    const fc_axis *a = &c->axis[2];
    fc_row_piece pieces[FC_ROW_PIECES];
    const int count = fc_cut_row(a, 0, a->taps, 0, a->out, b->box[1], pieces);
    int64_t columns = 0, runs = 0;
    for (int i = 0; i < count; i++)
        if (!pieces[i].alone) columns += pieces[i].columns, runs++;
    return runs ? columns / runs : b->box[1];
}

/* Pixels that stand at one distance from each other, in the planes as in the output. */
static int64_t run_of_pixels(const fc_correlation *c, const fc_blocking *b, int64_t wanted) {
    const fc_axis *w = &c->axis[2], *h = &c->axis[1];
    const int64_t read =
        b->in_place ? w->in : (w->out - 1) * w->stride + (w->taps - 1) * w->offset_step + 1;
    if (read != w->out * w->stride || h->stride > 1)
        return min64(b->saves_taps ? run_in_row(c, b) : w->out, wanted);
    const double all = (double)h->out * (double)w->out;
    return all < (double)wanted ? (int64_t)all : wanted;
}

/* What tells widths apart is also that weights come from the L2, and that calls take time. By hand,
 * from the times of 384 channels from 128, 3x3, stride 2, to images 4 to 28 wide, tiles 2, 3 and 4
 * vectors wide, with AVX-512 (AMD Zen 5, November 2026). */
static double tile_penalty(const fc_correlation *c, double rows, double vectors) {
    const double line = (double)(c->kernels->lanes * c->item) / 64;
    const double load = (rows + vectors * (1 + 1.5 * line) + 3) / 2,
                 cycles = fc_tile_cycles(c, rows, vectors) * (1 + c->kernels->tuning.broadcast / 2);
    return 0.5 + (load > cycles ? load - cycles : 0);
}

/* The most pixels of a tile. Of 32 registers, its sums and the weights of a product leave one for a
 * pixel, which would else be loaded for every vector: 6 x 4 is faster than 7 x 4 by 4% (AVX-512,
 * AMD Zen 5, November 2026). */
static int64_t most_pixels(const fc_kernels *k, int width) {
    const int64_t most = fc_outer_most_rows(k, width);
    return width == 4 ? min64(most, 6) : most;
}

/* Tiles of four vectors write the channels of a pixel at once, others half of its lines long before
 * the rest (64 channels from 3: up to 10% faster on two threads, where outputs leave the L2), if
 * their weights leave room in the L1 (from 3, 7x7: 5% slower. AMD Zen 5, November 2026). */
static double width_factor(const fc_correlation *c, int width) {
    const double bytes =
        (double)fc_correlation_depth(c) * width * c->kernels->lanes * (double)c->item;
    return width > 3 && bytes <= FC_TILE_BYTES ? 0.97 : 1;
}

/* Cycles a product of a run takes in tiles so wide, and what else counts in the choice of them. */
typedef struct run_time {
    double cycles, penalty;
} run_time;

static run_time time_of_run(const fc_correlation *c, int64_t run, int width) {
    const fc_kernels *k = c->kernels;
    const int64_t vectors = ceil_div(c->out_channels, k->lanes),
                  tiles = ceil_div(run, most_pixels(k, width));
    const double rows = (double)run / (double)tiles, whole = (double)(vectors / width),
                 rest = (double)(vectors % width);
    run_time t = {whole * fc_tile_cycles(c, rows, width), whole * tile_penalty(c, rows, width)};
    if (rest > 0) t.cycles += fc_tile_cycles(c, rows, rest);
    if (rest > 0) t.penalty += tile_penalty(c, rows, rest);
    return (run_time){t.cycles * (double)tiles, t.penalty * (double)tiles};
}

void fc_choose_turned_tiles(const fc_correlation *c, fc_blocking *b, int64_t wanted, double read) {
    const int64_t lanes = c->kernels->lanes, run = run_of_pixels(c, b, wanted);
    double best = 0;
    for (int width = 1; width <= FC_OUTER_WIDTHS; width++) {
        if (!fc_outer_most_rows(c->kernels, width) ||
            (width > 1 && (width - 1) * lanes >= c->out_channels))
            continue;
        const run_time t = time_of_run(c, run, width);
        const double cost = (t.cycles + t.penalty) * width_factor(c, width);
        if (best != 0 && cost >= best * 0.99) continue;
        best = cost;
        b->run_cycles = t.cycles * read;
        b->width = width;
    }
    b->run = run;
    b->tile_pixels = most_pixels(c->kernels, b->width);
    b->tile_channels = min64(b->width * lanes, up_to(c->out_channels, lanes));
    b->tiles = ceil_div(c->out_channels, b->tile_channels);
}
