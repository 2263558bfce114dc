/* Windows of any shape: what the files taps*.c share.
 *
 *   taps.c         the problem is checked and its axes are put in order
 *   taps_rank.c    windows that are products of one for each axis go another way
 *   taps_window.c  what the window has: its planes, its taps, their weights
 *   taps_cut.c     how the output is cut into tiles, and the window into pieces
 *   taps_run.c     a tile
 *   taps_unit.c    the lines of the input that a part of it has at hand
 *
 * The axes are, from the outermost: leading ones (planes), lines, places of a line, and `step`
 * elements of a place (the colours of a pixel). */
#ifndef FC_FILTER_TAPS_H
#define FC_FILTER_TAPS_H

#include "../fastconv.h"
#include "lines.h"
#include "work.h"

typedef struct fc_axis {
    int64_t in, out, window, offset;
    fc_border border;
} fc_axis;

typedef struct fc_tap {
    int64_t line; /* of the window's, from its first on: plane * lines.window + line */
    int64_t place;
} fc_tap;

#define FC_TAPS_HELD 16  /* planes whose lines are held, at most */
#define FC_TAPS_RUNS 160 /* of float32 terms, at most */

/* A part of the window: all of some planes, or some lines of one. In the order of the window. */
typedef struct fc_piece {
    int64_t index;
    int64_t plane, planes, line, lines;
    int64_t tap, taps; /* where they are listed */
} fc_piece;

typedef struct fc_taps {
    fc_window_op op;
    int every;
    fc_element in_type, out_type, weight_type;
    double cval;
    const char *in;
    char *out;
    int64_t in_size, out_size;
    int leading;
    fc_axis lead[FC_FILTER_DIMS], line, place;
    int64_t step;

    /* The window, cut down to where its taps are. */
    int64_t planes, count;
    int64_t *plane; /* places within the leading axes' window of those that have taps */
    int dense;      /* every element of every plane is a tap: a sum */
    fc_tap *tap;    /* else */
    void *weights;  /* as `work` has them; not dense: in each piece, after a 1 */

    /* The arithmetic. float32 sums of many terms are sums of sums, of a run of taps each, or of
     * run_planes, run_lines and run_places of a dense window. */
    fc_work work;
    int64_t run, run_planes, run_lines, run_places;

    /* The cut. */
    fc_lines lines;
    int64_t pieces, piece_planes, piece_lines;
    int64_t group; /* output lines at once */
    int64_t ring;  /* lines of a plane that are at hand */
    int64_t kept;  /* lines of results on their way to the output's type */
    int holds;     /* planes, from unit to unit */
    int ask_ahead; /* for the next group's lines */
    int64_t block, blocks, strip, strips, units, tile_units, tiles;
    int64_t line_bytes, out_bytes; /* of a line at hand, and of one of results */
    int64_t at_lines, at_outs, at_taps, at_sums, at_ring, scratch; /* places in scratch */
} fc_taps;

/* taps_window.c */
int64_t fc_taps_memory(const fc_taps *f);
void fc_taps_scan(fc_taps *f, const void *weights, void *memory);
void fc_taps_weigh(fc_taps *f);
fc_piece fc_taps_piece(const fc_taps *f, int64_t piece, int64_t tap);

/* taps_cut.c */
void fc_taps_cut_window(fc_taps *f);
void fc_taps_choose(fc_taps *f);
void fc_taps_cut_output(fc_taps *f);

/* taps_run.c */
void fc_taps_run(void *taps, int64_t tile, void *scratch);

/* taps_rank.c: whether the window is one of those that run as passes, and has. */
int fc_taps_as_passes(const fc_footprint *problem, const void *in, const double *weights, void *out,
                      const fc_call *call, fc_status *status);

#endif
