/* A part of a tile, and the lines of the input that it has at hand. See taps_unit.c. */
#ifndef FC_FILTER_TAPS_UNIT_H
#define FC_FILTER_TAPS_UNIT_H

#include "taps.h"

typedef struct fc_unit {
    const fc_taps *f;
    char *scratch;
    int64_t lead[FC_FILTER_DIMS]; /* where it is along the leading axes */
    int64_t line, lines, place, places;
    char *out; /* its first element */
    fc_piece piece;
    const char **plane;             /* input planes that the piece reaches; NULL: of the constant */
    int slot[FC_TAPS_HELD];         /* where each plane's lines stand */
    const char *held[FC_TAPS_HELD]; /* the plane whose lines stand there */
} fc_unit;

/* No lines are at hand from the unit before. */
void fc_unit_forget(fc_unit *u);

/* Find the planes of the piece; gives how many lines of each are at hand. */
int64_t fc_unit_begin(fc_unit *u);

/* Line `line` of the piece's reach in every plane, 0 being what the piece's first line stands on
 * for the unit's first. */
void fc_unit_bring(const fc_unit *u, int64_t line);

/* Where the lines of a plane are, at hand: line i is in slot i % ring, line_bytes apart. */
static inline char *fc_unit_ring(const fc_unit *u, int64_t plane) {
    const fc_taps *f = u->f;
    const int64_t slot = f->holds ? u->slot[plane] : plane;
    return u->scratch + f->at_ring + slot * f->ring * f->line_bytes;
}

#endif
