/* Windows that are far longer than a line. See fold.c. */
#ifndef FC_FILTER_FOLD_H
#define FC_FILTER_FOLD_H

#include "../fastconv.h"

/* The places first <= i < last of the extended line, so many times more than a window has them. */
typedef struct fc_repeat {
    int64_t first, last, times;
} fc_repeat;

#define FC_REPEATS 2

/* Cut the window of a maximum, a minimum or a mean down to what a line of `length` places needs.
 * Whether it was: a mean then lacks `repeats`, whatever its place. All of them are within the line
 * that the window then left reaches, from 0 - pass->offset on. */
int fc_fold_window(fc_pass *pass, int64_t length, fc_repeat repeats[FC_REPEATS]);

#endif
