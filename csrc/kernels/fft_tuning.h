/* The coefficients of Fourier transforms' costs (conv/fourier_cut.c), by the doubles of a vector:
 * nanoseconds on one thread.
 *
 * `python benchmarks/tuning.py fourier` measures them again. Fitted to times of 22 layers in both
 * layouts, plans and calls, and rounded (AMD Zen 5, 48 KB L1d, 1 MB L2, 32 MB L3, November 2026;
 * AVX-512, AVX2 and, for two doubles, scalar; NEON has the latter's). They predict most of these
 * within a quarter; tiny ones take longer (the call itself), and so do many channels whose weights
 * are made and read in memory: up to twice as long. `read_memory` was raised by hand for those. */
#ifndef FC_FFT_TUNING_H
#define FC_FFT_TUNING_H

typedef struct fc_fft_tuning {
    double call;          /* without a plan: roots of unity are made */
    double tile;          /* a transform, beside its elements */
    double planes;        /* an element further in three dimensions: points are planes apart */
    double doubling;      /* for each doubling of the transform's size */
    double move, strided; /* an element of a tile brought or stored; among other channels */
    double multiply;      /* a complex multiply-add */
    double read_l3, read_memory; /* an element further where it has left the L2, the L3 */
} fc_fft_tuning;

#ifndef FC_TUNE_FOURIER_8
#define FC_TUNE_FOURIER_8                                                                          \
    .call = 20000, .tile = 360, .planes = 1, .doubling = 0.076, .move = 0.6, .strided = 0.87,      \
    .multiply = 0.32, .read_l3 = 0.15, .read_memory = 0.9
#endif
#ifndef FC_TUNE_FOURIER_4
#define FC_TUNE_FOURIER_4                                                                          \
    .call = 20000, .tile = 460, .planes = 1.4, .doubling = 0.124, .move = 1, .strided = 1.25,      \
    .multiply = 0.36, .read_l3 = 0.21, .read_memory = 1.1
#endif
#ifndef FC_TUNE_FOURIER_2
#define FC_TUNE_FOURIER_2                                                                          \
    .call = 19000, .tile = 640, .planes = 1.5, .doubling = 0.31, .move = 1.06, .strided = 1.12,    \
    .multiply = 0.62, .read_l3 = 0.1, .read_memory = 1.5
#endif

#endif
