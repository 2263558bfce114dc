/* One or two passes over an array at once: a pass down the rows gives a line that is still in the
 * first cache when the pass along it reads it, so that the array is read and written once.
 *
 *     for each tile: a strip of rows (one pass: of some columns)
 *         for each row of it, FC_FILTER_ROWS at a time: down the rows (across.c)
 *             stored as the output's type, for that is what the second pass reads
 *             extended beyond its ends, and along (along.c)
 *
 * The partition into tiles is the array's alone, and no result depends on it. */
#include "step.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"
#include "across.h"
#include "along.h"
#include "element.h"
#include "narrow.h"

/* Elements of a tile at most: some tens of microseconds; of a row, where rows may be cut: what a
 * window of rows holds then stays in the second cache (AMD Zen 5, November 2026). */
#define TILE (64 << 10)
#define COLUMNS 2048
/* Of a small array: so many at least, and so many bytes that are added up: some microseconds, for
 * which it pays to wake a thread (8, 16, 32 and 64 K of 128 x 128 to 512 x 512 elements were
 * compared; AMD Zen 5, November 2026). */
#define TILE_LEAST (8 << 10)
#define TILE_WORK (768 << 10)
#define TILES 32       /* of a larger one, at least */
#define SHORT 768      /* bytes of a line; to copy 1 KB takes longer (Zen 5, November 2026) */
#define HELD (8 << 20) /* elements of a window of rows at most, while columns are left */
#define FEW_COLUMNS 64

typedef struct plan {
    const fc_step *s;
    int64_t columns;                 /* elements of a row */
    int64_t tile_rows, tile_columns; /* of a tile */
    int64_t strips, blocks;          /* tiles along each */
    fc_lines lines;                  /* that `along` reads, of its own input type */
    int64_t first, last;             /* places of the extended line */
    int in_place;                    /* the line is extended where the first pass puts it */
    int64_t together;                /* places of FC_FILTER_ROWS such lines, done as one; or 0 */
    int64_t at_across, at_stored, at_line, at_result, at_along, bytes; /* of the scratch */
    int64_t line_bytes;
} plan;

/* One tile, while it is worked on. */
typedef struct tile {
    const plan *plan;
    int64_t outer, column, width;
    char *scratch;
} tile;

static char *out_row(const tile *t, int64_t y) {
    const fc_step *s = t->plan->s;
    const int64_t row = t->outer * (s->last_row - s->first_row) + y - s->first_row;
    return s->out + (row * t->plan->columns + t->column) * fc_element_size(s->out_type);
}

static int64_t out_apart(const tile *t) {
    return t->plan->columns * fc_element_size(t->plan->s->out_type);
}

/* Where the first pass puts rows from y on: into the lines to be extended, the output, or lines
 * apart. */
static void place_rows(void *context, int64_t y, int count, void **rows) {
    const tile *t = context;
    const plan *n = t->plan;
    char *to = t->scratch + n->at_line;
    int64_t apart = n->line_bytes;
    if (n->in_place) to -= n->first * n->s->step * n->s->along->work.size;
    else if (!n->s->along && !n->s->across->work.store) to = out_row(t, y), apart = out_apart(t);
    for (int r = 0; r < count; r++, to += apart) rows[r] = to;
}

/* Along the line that has been extended, into row y. */
static void finish_row(const tile *t, int64_t y, const void *line, int64_t places) {
    const plan *n = t->plan;
    const fc_pass_run *p = n->s->along;
    char *out = out_row(t, y), *to = p->work.store ? t->scratch + n->at_result : out;
    fc_along(p, line, places, n->s->step, 1, 0, to, 0, t->scratch + n->at_along);
    if (p->work.store) p->work.store(to, out, places * n->s->step);
}

static void take_row(const tile *t, int64_t y, void *row) {
    const plan *n = t->plan;
    const fc_pass_run *across = n->s->across;
    if (!n->s->along) {
        if (across->work.store) across->work.store(row, out_row(t, y), t->width);
        return;
    }
    char *stored = row, *line = t->scratch + n->at_stored;
    if (across->work.store) {
        stored = line;
        across->work.store(row, stored, n->columns);
        line += fc_aligned(n->columns * 8);
    }
    fc_line_bring(&n->lines, stored, n->first, n->last, line);
    finish_row(t, y, line, n->s->places);
}

/* The lines to be extended have been put where that is done. */
static void take_in_place(const tile *t, int64_t y, int count) {
    const plan *n = t->plan;
    const fc_pass_run *along = n->s->along;
    const int64_t places = n->s->places, step = n->s->step, apart = n->line_bytes;
    char *lines = t->scratch + n->at_line, *results = t->scratch + n->at_result;
    char *out = out_row(t, y), *scratch = t->scratch + n->at_along;
    fc_lines_extend(&n->lines, n->first, n->last, count, apart, lines);
    if (along->work.store) {
        for (int r = 0; r < count; r++) finish_row(t, y + r, lines + r * apart, places);
    } else if (n->together && count == FC_FILTER_ROWS) {
        /* Short lines, one behind the other, are one with what lies between them. */
        fc_along(along, lines, n->together, step, 1, 0, results, 0, scratch);
        const int64_t bytes = out_apart(t);
        for (int r = 0; r < count; r++) memcpy(out + r * bytes, results + r * apart, (size_t)bytes);
    } else {
        fc_along(along, lines, places, step, count, apart, out, out_apart(t), scratch);
    }
}

static void take_rows(void *context, int64_t y, int count, void *const *rows) {
    const tile *t = context;
    if (t->plan->in_place) {
        take_in_place(t, y, count);
        return;
    }
    for (int r = 0; r < count; r++) take_row(t, y + r, rows[r]);
}

static void run_rows(const tile *t, int64_t first, int64_t last) {
    const fc_step *s = t->plan->s;
    const int64_t size = fc_element_size(s->in_type);
    const fc_lines row = fc_pass_lines(s->across, s->in_type, 1, t->width);
    const fc_rows_out out = {place_rows, take_rows, (void *)t};
    fc_across(s->across, &row, s->in + (t->outer * s->rows * t->plan->columns + t->column) * size,
              s->rows, t->plan->columns * size, t->width, first, last, &out,
              t->scratch + t->plan->at_across);
}

/* Rows as they are, or a part of their places. */
static void run_lines(const tile *t, int64_t first, int64_t last) {
    const plan *n = t->plan;
    const fc_step *s = n->s;
    const int64_t size = fc_element_size(s->in_type);
    const int64_t place = t->column / s->step, places = t->width / s->step;
    for (int64_t y = first; y < last; y++) {
        const char *row = s->in + (t->outer * s->rows + y) * n->columns * size;
        char *line = t->scratch + n->at_line;
        fc_line_bring(&n->lines, row, place + n->first, place + places + n->last - s->places, line);
        finish_row(t, y, line, places);
    }
}

static void run_tile(void *context, int64_t index, void *scratch) {
    const plan *n = context;
    const int64_t column = index % n->blocks * n->tile_columns;
    const int64_t strip = index / n->blocks % n->strips;
    const tile t = {.plan = n,
                    .outer = index / n->blocks / n->strips,
                    .column = column,
                    .width = n->columns - column < n->tile_columns ? n->columns - column
                                                                   : n->tile_columns,
                    .scratch = scratch};
    const int64_t first = n->s->first_row + strip * n->tile_rows;
    const int64_t last =
        first + n->tile_rows < n->s->last_row ? first + n->tile_rows : n->s->last_row;
    if (n->s->across) run_rows(&t, first, last);
    else run_lines(&t, first, last);
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Bytes that are added up for an element of the result; products of small integers take longer. */
static int64_t element_work(const fc_pass_run *p) {
    if (!p) return 0;
    const int64_t least = p->pass->op == FC_WINDOW_SUM ? 4 : 1;
    return smaller(p->pass->size, TILE) * larger(p->work.size, least);
}

/* How many elements a tile has, or so. */
static int64_t tile_elements(const plan *n) {
    const fc_step *s = n->s;
    const int64_t all = s->outer * (s->last_row - s->first_row) * n->columns;
    const int64_t few = TILE_WORK / (element_work(s->across) + element_work(s->along));
    return smaller(larger(all / TILES, larger(few, TILE_LEAST)), TILE);
}

/* Tiles. Strips are as high as the windows at least, for their first rows are read twice. */
static void set_tiles(plan *n) {
    const fc_step *s = n->s;
    const int64_t rows = s->last_row - s->first_row, step = s->along ? s->step : 1;
    const int64_t tile = tile_elements(n);
    n->tile_columns = n->columns;
    if (s->along && !s->across)
        n->tile_columns = larger(tile / step, 2 * s->along->pass->size) * step;
    if (s->across && !s->along) {
        const int64_t held = smaller(s->across->pass->size, s->rows);
        n->tile_columns = larger(smaller(COLUMNS, HELD / held), FEW_COLUMNS);
    }
    n->tile_columns = smaller(n->tile_columns, n->columns);
    n->tile_rows = larger(tile / n->tile_columns, 1);
    if (s->across) {
        n->tile_rows = larger(n->tile_rows, 2 * s->across->pass->size);
        n->tile_rows += (FC_FILTER_ROWS - n->tile_rows % FC_FILTER_ROWS) % FC_FILTER_ROWS;
    }
    n->tile_rows = smaller(n->tile_rows, rows);
    n->blocks = (n->columns - 1) / n->tile_columns + 1;
    n->strips = (rows - 1) / n->tile_rows + 1;
}

/* Whether lines are so short that it pays to copy what is made of some at once. */
static void set_together(plan *n) {
    const fc_pass_run *along = n->s->along;
    if (!n->in_place || along->work.store || along->repeated || n->line_bytes > SHORT) return;
    const int64_t place = n->s->step * along->work.size;
    if (n->line_bytes % place == 0)
        n->together = (FC_FILTER_ROWS - 1) * n->line_bytes / place + n->s->places;
}

static void set_scratch(plan *n) {
    const fc_step *s = n->s;
    const int64_t step = s->along ? s->step : 1, places = n->tile_columns / step;
    int64_t extended = 0, lead = 0; /* so that place 0 of an extended line is aligned */
    if (s->across) {
        n->at_stored = fc_across_bytes(s->across, s->rows, n->tile_columns, n->tile_rows);
        n->line_bytes = fc_aligned(n->tile_columns * s->across->work.size);
    }
    if (s->along) extended = (places + s->along->pass->size - 1) * step * s->along->work.size;
    if (n->in_place) lead = -(n->first * step * s->along->work.size) % FC_ALIGN;
    if (lead) lead = FC_ALIGN - lead;
    if (n->in_place || !s->across) n->line_bytes = fc_aligned(lead + extended);
    n->at_line = n->at_stored + lead;
    if (s->across && s->along && !n->in_place)
        n->at_line += fc_aligned(n->columns * 8) + fc_aligned(extended);
    n->at_result = n->at_line - lead + (s->across ? FC_FILTER_ROWS : 1) * n->line_bytes;
    n->at_along = n->at_result;
    set_together(n);
    if (n->together) n->at_along += FC_FILTER_ROWS * n->line_bytes;
    if (s->along && s->along->work.store)
        n->at_along += fc_aligned(n->tile_columns * s->along->work.size);
    n->bytes = n->at_along;
    if (s->along) n->bytes += fc_along_bytes(s->along, larger(places, n->together), step);
}

fc_status fc_step_run(const fc_step *step, const fc_call *call) {
    if (fc_narrow_suits(step)) return fc_narrow_run(step, call);
    plan n = {.s = step, .columns = step->places * step->step};
    if (step->along) {
        const fc_pass *pass = step->along->pass;
        n.lines = fc_pass_lines(step->along, step->across ? step->out_type : step->in_type,
                                step->places, step->step);
        n.first = -pass->offset;
        n.last = step->places - pass->offset + pass->size - 1;
        n.in_place = step->across && !step->across->work.store && !step->along->work.bring &&
                     n.first <= 0 && n.last >= step->places;
    }
    set_tiles(&n);
    set_scratch(&n);
    return fc_share_out(call, step->outer * n.strips * n.blocks, n.bytes, run_tile, &n);
}
