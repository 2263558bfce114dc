/* How a window's problem is cut: the output into tiles, an absurdly large window into pieces, a sum
 * of many float32 terms into sums of some.
 *
 * All of it follows from the problem alone. An output's terms are added in the window's order
 * whatever the tiles are; only runs of float32 terms are summed apart. */
#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "element.h"
#include "rounded.h"
#include "taps.h"

#define FLOAT_ROUNDINGS FC_TAPS_RUNS /* (160 + 2) / 2^24 < 1e-5 */
#define PIECE_BYTES (2 << 20)        /* of lines at hand, at most */
#define PIECE_PLACES 64

/* AMD Zen 5, November 2026: of 8 to 256 KB and 2^17 to 2^23. */
#define RING_BYTES (24 << 10)        /* of lines at hand: they stay in the first cache */
#define TILE_WORK (INT64_C(1) << 21) /* multiply-adds, or so */
#define TILE_ELEMENTS (32 << 10)     /* of a small image */
#define TILE_ELEMENTS_MOST (128 << 10)
#define HELD_BYTES (128 << 10)          /* of a few planes' lines: they stay in the second cache */
#define LARGE_BYTES (INT64_C(16) << 20) /* of results: they come from memory, not from a cache */
#define BLOCK_ELEMENTS 64               /* of whole vectors */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* Pieces are of all planes, or of one plane or more, or of some lines of one. */
void fc_taps_cut_window(fc_taps *f) {
    const int64_t line = (PIECE_PLACES + f->place.window) * f->step * 8;
    const int64_t lines = most(PIECE_BYTES / line, 2 * FC_DENSE_LINES);
    f->piece_planes = f->planes;
    f->piece_lines = f->line.window;
    if (f->planes * (f->line.window + FC_DENSE_LINES) > lines) {
        f->piece_planes = most(lines / (f->line.window + FC_DENSE_LINES), 1);
        f->piece_lines = least(f->line.window, lines - FC_DENSE_LINES);
    }
    f->pieces = parts(f->planes, f->piece_planes) * parts(f->line.window, f->piece_lines);
}

/* The sum is that of one run, of all terms. */
static void set_one_run(fc_taps *f) {
    f->run = f->count;
    f->run_planes = f->planes, f->run_lines = f->line.window, f->run_places = f->place.window;
}

/* Whether float32 sums of a dense window, in runs, are as exact as they have to be. */
static int cut_dense_run(fc_taps *f) {
    const int64_t planes = f->planes, lines = f->line.window, places = f->place.window;
    const int64_t run_planes[2] = {planes, 1}, run_lines[2] = {lines, least(lines, 64)};
    for (int i = 0; i < 4; i++) {
        f->run_planes = run_planes[i % 2], f->run_lines = run_lines[i / 2];
        const int64_t others = planes / f->run_planes * parts(lines, f->run_lines);
        for (f->run_places = places; f->run_places > 0; f->run_places--) {
            const int64_t terms = f->run_planes * f->run_lines * f->run_places;
            const int64_t runs = others * parts(places, f->run_places);
            if (terms + (runs > 1 ? runs : 0) <= FLOAT_ROUNDINGS) return 1;
            if (runs > FLOAT_ROUNDINGS) break;
        }
    }
    return 0;
}

static int cut_run(fc_taps *f) {
    if (f->count > FLOAT_ROUNDINGS * FLOAT_ROUNDINGS) return 0;
    for (f->run = f->count; f->run > 0; f->run--) {
        const int64_t runs = parts(f->count, f->run);
        if (f->run + (runs > 1 ? runs : 0) <= FLOAT_ROUNDINGS) return 1;
        if (runs > FLOAT_ROUNDINGS) return 0;
        if (f->run > FLOAT_ROUNDINGS) f->run = FLOAT_ROUNDINGS;
    }
    return 0;
}

/* Whether a sum of more terms than float32 may add up at once is cut into runs that it may. */
static int cut_into_runs(fc_taps *f) {
    if (f->op != FC_WINDOW_SUM || f->in_type != FC_FLOAT32 || f->out_type != FC_FLOAT32) return 0;
    if (f->count <= FLOAT_ROUNDINGS || f->pieces > 1) return 0;
    if (!fc_float_holds(&f->cval, 1) || !fc_float_holds(f->weights, f->count)) return 0;
    if (f->dense ? cut_dense_run(f) : cut_run(f)) return 1;
    set_one_run(f); /* of double: what was tried last is not to stay */
    return 0;
}

void fc_taps_choose(fc_taps *f) {
    const int sum = f->op == FC_WINDOW_SUM;
    set_one_run(f);
    if (sum && f->weight_type != FC_FLOAT64) {
        f->work = fc_work_wrapping(f->in_type, f->cval);
    } else {
        const int64_t terms = cut_into_runs(f) ? FLOAT_ROUNDINGS : f->count;
        f->work =
            fc_work_choose(f->in_type, f->out_type, f->op, terms, sum ? f->weights : NULL, f->cval);
        fc_work_by_magnitude(&f->work, f->out_type);
    }
    if (!f->dense) f->work.dense = NULL;
}

static void cut_line(fc_taps *f, int64_t lines) {
    const int64_t at_hand = RING_BYTES / (lines * f->work.size);
    int64_t block = most(at_hand - (f->place.window - 1) * f->step, BLOCK_ELEMENTS) / f->step;
    if (block < 1) block = 1;
    if (block < f->place.out) {
        block = parts(f->place.out, parts(f->place.out, block));
        if (f->step == 1) block = parts(block, BLOCK_ELEMENTS) * BLOCK_ELEMENTS;
    }
    f->block = least(block, f->place.out);
    f->blocks = parts(f->place.out, f->block);
}

/* An odd number of cache lines: neighbouring lines do not contend for the same places in a
 * cache. */
static int64_t spread(int64_t bytes) { return fc_aligned(bytes) | FC_ALIGN; }

/* Whether what the window reaches of its planes is held from unit to unit: strips are as high as
 * that allows. */
static void hold_planes(fc_taps *f, int64_t leads) {
    const int64_t strip = HELD_BYTES / (f->planes * f->line_bytes) - (f->line.window - 1);
    f->holds = f->pieces == 1 && leads > 1 && f->planes > 1 && f->planes <= FC_TAPS_HELD &&
               strip >= 2 * FC_DENSE_LINES;
    if (f->holds) f->strip = least(f->strip, strip / FC_DENSE_LINES * FC_DENSE_LINES);
}

static void cut_tiles(fc_taps *f) {
    int64_t leads = 1;
    for (int a = 0; a < f->leading; a++) leads *= f->lead[a].out;
    const int64_t elements = f->block * f->step, each = f->count + 6;
    const int64_t all = elements * f->blocks * f->line.out * leads;
    int64_t tile = most(least(all / 32, TILE_ELEMENTS_MOST), TILE_ELEMENTS);
    if (tile > TILE_WORK / each) tile = TILE_WORK / each;
    f->strip = most(parts(tile / elements, FC_DENSE_LINES), 1) * FC_DENSE_LINES;
    if (f->pieces > 1) f->strip = least(f->strip, 4 * FC_DENSE_LINES);
    hold_planes(f, leads);
    f->strip = least(f->strip, f->line.out);
    if (f->holds) f->ring = f->strip + f->line.window - 1;
    f->strips = parts(f->line.out, f->strip);
    f->ask_ahead =
        !f->work.bring && !f->work.store && f->group > 1 && all * f->out_size >= LARGE_BYTES;
    f->units = f->blocks * f->strips * leads;
    f->tile_units = least(most(tile / (elements * f->strip), 1), f->units);
    f->tiles = parts(f->units, f->tile_units);
}

void fc_taps_cut_output(fc_taps *f) {
    const int64_t size = f->work.size, pointer = sizeof(void *);
    const int blocked = f->work.dense && f->piece_lines >= FC_DENSE_LINES - 1;
    f->group = blocked && f->line.out >= FC_DENSE_LINES ? FC_DENSE_LINES : 1;
    f->ring = f->piece_lines + f->group - 1;
    cut_line(f, f->piece_planes * f->ring);
    const int64_t lead =
        fc_aligned(f->place.offset * f->step * size) - f->place.offset * f->step * size;
    f->line_bytes =
        spread(lead + (f->block + f->place.window - 1) * f->step * size + FC_DENSE_SLACK);
    f->out_bytes = spread(f->block * f->step * size);
    cut_tiles(f);
    f->lines = (fc_lines){.length = f->place.in,
                          .step = f->step,
                          .from_size = f->in_size,
                          .to_size = size,
                          .convert = f->work.bring,
                          .border = f->place.border};
    for (int i = 0; i < 8; i++) f->lines.constant[i] = f->work.constant[i];
    const int64_t runs = parts(f->count, f->run);
    f->at_lines = f->piece_planes * pointer;
    f->at_outs = f->at_lines + f->piece_planes * f->ring * pointer;
    f->at_taps = f->at_outs + FC_DENSE_LINES * pointer;
    f->at_sums = fc_aligned(f->at_taps + (f->work.dense ? 0 : f->count + 1 + runs) * pointer);
    f->kept = !f->work.store ? 0 : f->pieces > 1 ? f->strip : f->group;
    f->at_ring = f->at_sums + (f->kept + (f->work.dense ? 0 : runs)) * f->out_bytes;
    f->scratch = f->at_ring + f->piece_planes * f->ring * f->line_bytes;
    f->at_ring += lead; /* the place that an output stands on is aligned: most taps are that */
}
