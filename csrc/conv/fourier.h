/* Convolution by Fourier transforms, for correlations of stride 1 and dilation 1: see fourier.c. */
#ifndef FC_FOURIER_H
#define FC_FOURIER_H

#include "correlation.h"

/* How a correlation is cut: overlapping tiles, each of which gives `valid` outputs. */
typedef struct fc_fourier {
    int line;          /* the tile is one line, which is transformed as `size` says */
    int64_t size[3];   /* of the transform: 2^a or 3 * 2^a each */
    int64_t length[3]; /* of the tile: `size`, or 1, 1 and all of it */
    int64_t valid[3], tiles[3];
    int64_t elements, count, pairs; /* of a tile; tiles of an image, two of which make a pair */
    int64_t rows;                   /* size[0] * size[1] */
    int64_t at_once, blocks;        /* output channels whose weights are transformed together */
    int64_t parts;                  /* into which the output channels of a block are dealt */
    double cost;                    /* seconds for one image on one thread */
} fc_fourier;

/* NULL, or why transforms cannot serve. */
const char *fc_fourier_accepts(const fc_correlation *c);
/* Whether they should be considered where nobody asked for them: in double their error is not that
 * of the direct sum. */
int fc_fourier_suits(const fc_correlation *c);
/* The best cut, for one call or (`planned`) for weights that are transformed once. */
fc_fourier fc_fourier_best(const fc_correlation *c, int planned);

/* Roots of unity for all that the transforms need. */
typedef struct fc_fourier_roots {
    fc_fft_axis axis[3];
    fc_fft_turn turn;
} fc_fourier_roots;
int64_t fc_fourier_roots_bytes(const fc_fourier *f);
fc_fourier_roots fc_fourier_make_roots(const fc_fourier *f, int lanes, double *memory);

/* What a plan keeps of the weights: transforms of all of them, and what they may err by. */
int64_t fc_fourier_packed_bytes(const fc_correlation *c, const fc_fourier *f);
fc_status fc_fourier_pack(const fc_correlation *c, const fc_fourier *f, const void *weights,
                          void *packed, const fc_call *call);

/* Scratch that fc_fourier_correlate asks for; `packed`: with packed weights. */
int64_t fc_fourier_scratch(const fc_correlation *c, const fc_fourier *f, int packed, int threads);
/* y = the correlation of x with the weights; `packed`: what fc_fourier_pack made of them, or NULL.
 */
fc_status fc_fourier_correlate(const fc_correlation *c, const fc_fourier *f, const void *x,
                               const void *weights, const void *packed, const void *bias, void *y,
                               const fc_call *call);

#endif
