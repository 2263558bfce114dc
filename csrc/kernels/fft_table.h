/* Fourier transforms in double, a vector's lanes being as many transforms side by side. */
#ifndef FC_FFT_TABLE_H
#define FC_FFT_TABLE_H

#include <stdint.h>

/* A transform of n points: passes of radix 2, 3 or 4, each of which cuts blocks of m points into
 * `radix` blocks. Its result is in the order that the passes leave it in; the transform back takes
 * that order. */
typedef struct fc_fft_axis {
    int64_t n;
    int passes;
    signed char radix[32];
    const double *roots; /* for each pass and each j < m / radix: w^j, w^2j, ... but w^0 (re, im), w
                            being exp(-2 pi i / m) */
} fc_fft_axis;

/* What stands between the two axes of one long line: element (p, l) of the group g of columns is
 * multiplied by root (p, g) of `step` and root (p, l) of `base`; base has the lanes of p as a
 * spectrum has. */
typedef struct fc_fft_turn {
    const double *base, *step;
    int64_t groups;
} fc_fft_turn;

/* What is done to a result: zero where it is nearer to that than `below`, + bias, within [low,
 * high] (NaN passes). */
typedef struct fc_fft_finish {
    double below, bias, low, high;
} fc_fft_finish;

/* `spectrum` and `scratch`: of each point, the lanes' real parts and then their imaginary ones. */
typedef struct fc_fft_kernels {
    /* A vector's width of columns, in place; `pitch` elements from point to point. Back: without
     * the division by n. scratch: 2 * n vectors. turn: or NULL, for the group of columns. */
    void (*columns)(const fc_fft_axis *axis, double *re, double *im, int64_t pitch,
                    const fc_fft_turn *turn, int64_t group, int back, double *scratch);
    /* A vector's width of rows, `pitch` elements from row to row, to their spectrum; the sum of the
     * squares of what they held. And back; the spectrum is overwritten. */
    double (*rows)(const fc_fft_axis *axis, const double *re, const double *im, int64_t pitch,
                   double *spectrum);
    void (*rows_back)(const fc_fft_axis *axis, double *re, double *im, int64_t pitch,
                      double *spectrum);
    /* sums[i] = the sum over c < channels, in that order, of a[c * a_step + i] * b[c * b_step + i],
     * complex, for i < points. */
    void (*multiply)(int64_t points, int64_t channels, const double *a, int64_t a_step,
                     const double *b, int64_t b_step, double *sums);
    /* n results where they are; whether all were finite. */
    int (*finish)(const fc_fft_finish *finish, int64_t n, double *y);
    void (*widen)(const float *from, int64_t n, double *to);
    void (*narrow)(const double *from, int64_t n, float *to);
} fc_fft_kernels;

#endif
