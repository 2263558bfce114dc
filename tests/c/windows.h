/* One-dimensional passes by their definition: what the tests of filters compare with. */
#ifndef FC_TEST_WINDOWS_H
#define FC_TEST_WINDOWS_H

#include "elements.h"

/* What a pass reads: an array of any type, whose lines are `length` places of `inner` elements. */
typedef struct window_lines {
    const elements *from;
    const double *magnitudes; /* of the sums that its elements are */
    int64_t length, inner;
    double cval;
} window_lines;

/* The result of element i; the sum of its terms' magnitudes goes to `magnitude`. */
double window_result(const fc_pass *pass, const window_lines *lines, int64_t i, double *magnitude);

/* Integers bit for bit; floats within what a few passes of some dozens of terms may differ. */
int window_agrees(const elements *got, const elements *want, int64_t i, double magnitude);

#endif
