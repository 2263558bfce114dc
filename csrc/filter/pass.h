/* One pass, ready to be run: what it is computed in, its weights, and how its windows are added up.
 * See pass.c. */
#ifndef FC_FILTER_PASS_H
#define FC_FILTER_PASS_H

#include "../fastconv.h"
#include "fold.h"
#include "lines.h"
#include "work.h"

/* How windows are added up (or compared). */
typedef enum fc_pass_way {
    FC_PASS_TAPS,  /* term by term */
    FC_PASS_PAIRS, /* exact sums of symmetric weights, in SciPy's order */
    FC_PASS_LAST,  /* other exact sums, in SciPy's order: the last term comes first */
    FC_PASS_LARGE  /* maxima, minima and means of large windows, in a few steps */
} fc_pass_way;

typedef struct fc_pass_run {
    const fc_pass *pass; /* its window cut down, where that is far longer than the line */
    int64_t terms;       /* of the window before that */
    fc_repeat repeats[FC_REPEATS];
    int repeated; /* means: these are to be added (fc_pass_add) */
    fc_work work;
    fc_pass_way way;
    int sign;            /* of FC_PASS_PAIRS */
    int divide;          /* exact means: sums are divided, by `terms` */
    fc_rows_fn rows;     /* of FC_PASS_TAPS; NULL: there is none */
    const void *weights; /* in the order of the terms; of FC_PASS_LARGE as below */
} fc_pass_run;

/* The weights of a large mean, which sums of sums are made with: that of an element (1 / size, or 1
 * where sums are divided), so many ones, and that of an element twice. */
#define FC_LARGE_ONES 64
#define FC_LARGE_WEIGHTS (FC_LARGE_ONES + 3)

/* Divide exact sums, where the pass asks for that. */
void fc_pass_divide(const fc_pass_run *p, void *sums, int64_t count);

/* What an element adds to the sum of a mean; add such, `by` times `row`, to `sums`: both are of the
 * type of the arithmetic. */
double fc_pass_share(const fc_pass_run *p);
void fc_pass_add(const fc_pass_run *p, const void *row, double by, int64_t count, void *sums);

/* Bytes for what a pass is kept with; ready a pass over an axis of so many places, there. */
int64_t fc_pass_bytes(const fc_pass *pass);
fc_pass_run fc_pass_ready(const fc_pass *pass, int64_t length, fc_element in, fc_element out,
                          double cval, void *memory);

/* out[x] = op over i < pass->size of taps[i][x], not of FC_PASS_LARGE; `spare` has room for
 * fc_pass_pointers(pass) pointers. */
int64_t fc_pass_pointers(const fc_pass *pass);
void fc_pass_apply(const fc_pass_run *p, const void *const *taps, const void **spare, int64_t width,
                   void *out);

/* The lines that a pass along them reads: `length` places of `step` elements, of type `from`. */
fc_lines fc_pass_lines(const fc_pass_run *p, fc_element from, int64_t length, int64_t step);

#endif
