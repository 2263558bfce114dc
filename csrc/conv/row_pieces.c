/* Where padding holds zeros, outputs near it need not all taps. A row is cut into pieces that need
 * the same ones:
 *
 *   enough outputs           a run of each row
 *   fewer, side by side      together a run of each row with all taps that any of them needs; or, if
 *                            they are too few for that or it computes too much in vain, and there
 *                            are enough rows, each column a run by itself
 *
 * With a dilation of 18 and as much padding, 33 x 33 outputs need 40% of the products; with one of 6
 * a row of 9 needs 5 of 9. */
#include "row_pieces.h"

#include "integers.h"

/* A row while it is cut: its last `waiting` outputs are too few for a piece as yet, and need `exact`
 * taps in all. */
typedef struct cutting {
    const fc_axis *axis;
    int64_t first_tap, taps, first, rows, done, waiting, exact;
    fc_row_piece *pieces;
    int count;
} cutting;

/* Taps that some of `columns` outputs need. */
static int64_t taps_of(const cutting *k, int64_t column, int64_t columns) {
    const int64_t first = k->first + column;
    return max64(0, fc_taps_before_end(k->axis, k->first_tap, k->taps, first) -
                        fc_taps_before(k->axis, k->first_tap, k->taps, first + columns - 1));
}

static void add_piece(cutting *k, int64_t columns, int alone, int64_t products) {
    const int is_full = k->count == FC_ROW_PIECES;
    fc_row_piece *p = &k->pieces[k->count - is_full];
    if (is_full) *p = (fc_row_piece){p->first, p->columns + columns, 0, 0};
    else *p = (fc_row_piece){k->done, columns, products, alone};
    if (!p->alone) p->products = p->columns * taps_of(k, p->first, p->columns);
    k->count += !is_full;
    k->done += columns;
}

/* What waits becomes a piece, or (columns that are too few, of too few rows) part of the one before
 * or behind it, which is `behind` long. Returns whether the latter is then done, too. */
static int end_waiting(cutting *k, int64_t behind) {
    const int64_t n = k->waiting, exact = k->exact;
    if (n == 0) return 0;
    const int few = n < FC_SEGMENT, wasteful = 4 * exact <= 3 * n * taps_of(k, k->done, n);
    k->waiting = k->exact = 0;
    if (k->rows >= FC_SEGMENT && (few || wasteful)) {
        add_piece(k, n, 1, exact);
    } else if (!few || k->count == 0) {
        add_piece(k, few ? n + behind : n, 0, 0);
        return few;
    } else {
        fc_row_piece *p = &k->pieces[k->count - 1];
        p->columns += n;
        p->products = p->columns * taps_of(k, p->first, p->columns);
        k->done += n;
    }
    return 0;
}

/* Outputs from `column` on that need the same taps. */
static int64_t same_taps(const cutting *k, int64_t column, int64_t columns) {
    const fc_axis *a = k->axis;
    const int64_t o = k->first + column, start = a->offset + k->first_tap * a->offset_step;
    const int64_t before = fc_taps_before(a, k->first_tap, k->taps, o),
                  end = fc_taps_before_end(a, k->first_tap, k->taps, o);
    int64_t next = k->first + columns;
    if (before) next = min64(next, ceil_div(-(before - 1) * a->offset_step - start, a->stride));
    if (end) next = min64(next, ceil_div(a->in - (end - 1) * a->offset_step - start, a->stride));
    return next - o;
}

int fc_cut_row(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t first, int64_t columns,
               int64_t rows, fc_row_piece pieces[FC_ROW_PIECES]) {
    cutting k = {.axis = a,
                 .first_tap = first_tap,
                 .taps = taps,
                 .first = first,
                 .rows = rows,
                 .pieces = pieces};
    for (int64_t column = 0; column < columns;) {
        const int64_t n = same_taps(&k, column, columns);
        column += n;
        if (n < FC_SEGMENT) {
            k.waiting += n;
            k.exact += n * taps_of(&k, column - n, 1);
        } else if (!end_waiting(&k, n)) {
            add_piece(&k, n, 0, 0);
        }
    }
    end_waiting(&k, 0);
    return k.count;
}
