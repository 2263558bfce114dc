/* A pass along lines that are short, as along the colours of an image's pixels: many lines at once,
 * so that vectors are filled.
 *
 *     for each tile of LINES lines
 *         gather: row v has place v of every line
 *         down the rows (across.c), and back to the lines */
#include "narrow.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/shares.h"
#include "across.h"
#include "element.h"

#define LINES 256
#define NARROW 32 /* elements of a line (AMD Zen 5, November 2026) */

typedef struct plan {
    const fc_step *s;
    int64_t at_rows, at_stored, at_across,
        bytes;         /* of the scratch, where the gathered rows begin */
    int64_t row_bytes; /* of one of FC_FILTER_ROWS results */
} plan;

typedef struct tile {
    const plan *plan;
    int64_t lines;
    char *scratch, *out;
} tile;

/* `count` runs of `run` elements, so many elements apart. */
#define MOVE(type)                                                                                 \
    for (int64_t i = 0; i < count; i++)                                                            \
        for (int64_t k = 0; k < run; k++)                                                          \
    ((type *)to)[i * to_apart + k] = ((const type *)from)[i * from_apart + k]

static void move(int64_t size, int64_t count, int64_t run, const void *from, int64_t from_apart,
                 void *to, int64_t to_apart) {
    switch (size) {
    case 1: MOVE(uint8_t); return;
    case 2: MOVE(uint16_t); return;
    case 4: MOVE(uint32_t); return;
    default: MOVE(uint64_t);
    }
}

static void place_rows(void *context, int64_t y, int count, void **rows) {
    (void)y;
    const tile *t = context;
    for (int r = 0; r < count; r++)
        rows[r] = t->scratch + t->plan->at_rows + r * t->plan->row_bytes;
}

static void take_row(const tile *t, int64_t y, void *row) {
    const fc_step *s = t->plan->s;
    const int64_t size = fc_element_size(s->out_type);
    void *stored = row;
    if (s->along->work.store) {
        stored = t->scratch + t->plan->at_stored;
        s->along->work.store(row, stored, t->lines * s->step);
    }
    move(size, t->lines, s->step, stored, s->step, t->out + y * s->step * size,
         s->places * s->step);
}

static void take_rows(void *context, int64_t y, int count, void *const *rows) {
    for (int r = 0; r < count; r++) take_row(context, y + r, rows[r]);
}

static void run_tile(void *context, int64_t index, void *scratch) {
    const plan *n = context;
    const fc_step *s = n->s;
    const int64_t line = s->places * s->step, first = s->first_row + index * LINES;
    const int64_t size = fc_element_size(s->in_type);
    tile t = {.plan = n, .lines = LINES, .scratch = scratch};
    if (t.lines > s->last_row - first) t.lines = s->last_row - first;
    t.out = s->out + index * LINES * line * fc_element_size(s->out_type);
    const int64_t width = t.lines * s->step;
    for (int64_t v = 0; v < s->places; v++)
        move(size, t.lines, s->step, s->in + (first * line + v * s->step) * size, line,
             (char *)scratch + v * width * size, s->step);
    const fc_lines row = fc_pass_lines(s->along, s->in_type, 1, width);
    const fc_rows_out out = {place_rows, take_rows, &t};
    fc_across(s->along, &row, scratch, s->places, width * size, width, 0, s->places, &out,
              (char *)scratch + n->at_across);
}

int fc_narrow_suits(const fc_step *s) {
    return s->along && !s->across && s->outer == 1 && s->places * s->step <= NARROW &&
           s->last_row - s->first_row >= LINES / 4;
}

fc_status fc_narrow_run(const fc_step *s, const fc_call *call) {
    const int64_t width = LINES * s->step;
    plan n = {.s = s, .row_bytes = fc_aligned(width * 8)};
    n.at_rows = fc_aligned(s->places * width * 8);
    n.at_stored = n.at_rows + FC_FILTER_ROWS * n.row_bytes;
    n.at_across = n.at_stored + n.row_bytes;
    n.bytes = n.at_across + fc_across_bytes(s->along, s->places, width, s->places);
    return fc_share_out(call, (s->last_row - s->first_row - 1) / LINES + 1, n.bytes, run_tile, &n);
}
