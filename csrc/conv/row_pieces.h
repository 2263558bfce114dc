/* A row of outputs, cut where the taps that read the input change. See row_pieces.c. */
#ifndef FC_ROW_PIECES_H
#define FC_ROW_PIECES_H

#include "correlation.h"

#define FC_ROW_PIECES 16 /* of a row, at most */
#define FC_SEGMENT 4     /* outputs that are worth tiles of their own */

/* Some neighbouring outputs: a run of each row, or (`alone`) each of them a run with those above
 * and below it. `products`: the taps that they need, summed over them. */
typedef struct fc_row_piece {
    int64_t first, columns, products;
    int alone;
} fc_row_piece;

/* Cuts `columns` outputs from output `first` on, of rows that are `rows` one below another; returns
 * how many pieces there are. */
int fc_cut_row(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t first, int64_t columns,
               int64_t rows, fc_row_piece pieces[FC_ROW_PIECES]);

#endif
