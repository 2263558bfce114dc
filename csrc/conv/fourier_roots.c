/* Roots of unity, each within a few roundings. */
#include <math.h>

#include "fourier.h"
#include "integers.h"

#define TWO_PI 6.283185307179586476925286766559

typedef struct root {
    double re, im;
} root;

/* exp(-2 pi i k / n), from the first eighth of the circle, where it is most exact. */
static root root_of(int64_t k, int64_t n) {
    k %= n;
    const int64_t eighth = 8 * k / n;
    /* The distance to the nearest quarter, in units of 1 / (4n) turns. */
    const int64_t quarter = (eighth + 1) / 2, rest = 4 * k - quarter * n;
    const double angle = TWO_PI * (double)rest / (4.0 * (double)n);
    const double c = cos(angle), s = sin(angle);
    switch (quarter % 4) {
    case 0: return (root){c, -s};
    case 1: return (root){-s, -c};
    case 2: return (root){-c, s};
    default: return (root){s, c};
    }
}

static double *put(double *to, root r) {
    to[0] = r.re;
    to[1] = r.im;
    return to + 2;
}

/* ---- One axis ---- */

/* One pass of radix 3 where it divides, one of 2 if need be, the others of 4. */
static int radix_of(int64_t m) {
    if (m % 3 == 0) return 3;
    int doublings = 0;
    while (m % 2 == 0) {
        m /= 2;
        doublings++;
    }
    return doublings % 2 ? 2 : 4;
}

static double *make_axis(fc_fft_axis *axis, int64_t n, double *memory) {
    axis->n = n;
    axis->passes = 0;
    axis->roots = memory;
    for (int64_t m = n; m > 1;) {
        const int radix = radix_of(m);
        axis->radix[axis->passes++] = (signed char)radix;
        for (int64_t j = 0; j < m / radix; j++)
            for (int64_t q = 1; q < radix; q++) memory = put(memory, root_of(j * q, m));
        m /= radix;
    }
    return memory;
}

/* The frequency that the passes leave at place p. */
static int64_t frequency_at(const fc_fft_axis *axis, int64_t p) {
    int64_t m = axis->n, scale = 1, frequency = 0;
    for (int i = 0; i < axis->passes; i++) {
        m /= axis->radix[i];
        frequency += p / m * scale;
        p %= m;
        scale *= axis->radix[i];
    }
    return frequency;
}

/* ---- Between the two axes of a line ----
 *
 * Element (p, column) is turned by exp(-2 pi i * frequency(p) * column / n). */

/* The roots of n from two short tables: root k < n is high[k >> bits] times low[the rest]. */
typedef struct two_tables {
    int bits;
    const double *high, *low;
} two_tables;

static root look_up(const two_tables *t, int64_t k) {
    const int64_t rest = k & (((int64_t)1 << t->bits) - 1);
    const double *a = t->high + (k >> t->bits) * 2, *b = t->low + rest * 2;
    return (root){a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]};
}

/* About half of n's. */
static int fine_bits(int64_t n) {
    int bits = 0;
    while ((int64_t)1 << 2 * bits < n) bits++;
    return bits;
}

static void make_turn(fc_fft_turn *turn, const fc_fft_axis *rows, int64_t columns, int lanes,
                      double *memory) {
    const int64_t n = rows->n * columns, groups = columns / lanes;
    two_tables t = {.bits = fine_bits(n), .high = memory};
    const int64_t fine = (int64_t)1 << t.bits;
    for (int64_t k = 0; k < ceil_div(n, fine); k++) memory = put(memory, root_of(k * fine, n));
    t.low = memory;
    for (int64_t k = 0; k < fine; k++) memory = put(memory, root_of(k, n));
    double *base = memory, *step = base + 2 * rows->n * lanes;
    *turn = (fc_fft_turn){.base = base, .step = step, .groups = groups};
    for (int64_t p = 0; p < rows->n; p++) {
        const int64_t frequency = frequency_at(rows, p); /* times a column, below n */
        for (int64_t l = 0; l < lanes; l++) {
            const root r = look_up(&t, frequency * l);
            base[2 * lanes * p + l] = r.re;
            base[2 * lanes * p + lanes + l] = r.im;
        }
        for (int64_t g = 0; g < groups; g++) step = put(step, look_up(&t, frequency * g * lanes));
    }
}

/* ---- All ---- */

int64_t fc_fourier_roots_bytes(const fc_fourier *f) {
    int64_t roots = 0;
    for (int i = 0; i < 3; i++) roots += 2 * f->size[i];
    if (f->line) /* the two tables; base and step, whatever the lanes */
        roots += ((int64_t)2 << fine_bits(f->elements)) + f->size[1] * (8 + f->size[2] / 2);
    return roots * 2 * (int64_t)sizeof(double);
}

fc_fourier_roots fc_fourier_make_roots(const fc_fourier *f, int lanes, double *memory) {
    fc_fourier_roots r = {.turn = {0}};
    for (int i = 0; i < 3; i++)
        if (i > 0 && f->size[i] == f->size[i - 1]) r.axis[i] = r.axis[i - 1];
        else memory = make_axis(&r.axis[i], f->size[i], memory);
    if (f->line) make_turn(&r.turn, &r.axis[1], f->size[2], lanes, memory);
    return r;
}
