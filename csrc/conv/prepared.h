/* A forward convolution that is decided on: how it runs but for its arrays, found out once. See
 * forward.c. */
#ifndef FC_PREPARED_H
#define FC_PREPARED_H

#include "algorithms.h"
#include "fourier.h"
#include "winograd.h"

struct fc_prepared {
    fc_conv problem;
    fc_algorithm algorithm; /* not FC_AUTO */
    fc_correlation correlation;
    fc_blocking blocking; /* of FC_DIRECT and FC_IM2COL, */
    fc_winograd winograd; /* of FC_WINOGRAD, */
    fc_fourier fourier;   /* of FC_FFT; else not set */
    int depthwise;        /* direct, by the kernels of depthwise convolution */
    int connected;        /* direct, by dot products: one output pixel sees all of the input */
    int images;           /* direct, images in the vectors, if the weights are finite */
    int drops_taps;       /* leaves out some of the taps in the padding, for one image or for all */
};

/* `planned`: with weights that are prepared once. */
fc_status fc_prepare(const fc_conv *problem, fc_algorithm algorithm, int planned, fc_prepared *p);

/* Whether its images have to go one after another. Which taps in the padding are left out depends
 * on how many images there are, and shows where weights are not finite. */
int fc_prepared_goes_alone(const fc_prepared *p, const void *w);

/* Bytes of scratch of a run, with weights as they come or packed. */
int64_t fc_prepared_scratch(const fc_prepared *p, int packed, int threads);

/* So many images of a correlation of one, one after another, with weights as they come or packed.
 */
fc_status fc_correlate_alone(const fc_correlation *one, const fc_blocking *b, const void *x,
                             const void *w, const void *packed, const void *bias, void *y,
                             int64_t images, const fc_call *call);

#endif
