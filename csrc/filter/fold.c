/* Windows that are far longer than a line: beyond its ends that repeats, one of its elements or all
 * of it. A maximum needs nothing twice; of a mean, whole periods, and what stands beyond the places
 * that some windows reach and others do not, are the same for all. Without them memory and time are
 * those of the line's length, whatever the window's. */
#include "fold.h"

/* Times that a window is longer than its line: those that are shorter stay as they are, so that a
 * sum that is rounded does not depend on this. */
#define FAR 8

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t period(fc_border border, int64_t length) {
    switch (border) {
    case FC_WRAP: return length;
    case FC_REFLECT: return 2 * length;
    case FC_MIRROR: return length > 1 ? 2 * length - 2 : 1;
    default: return 0;
    }
}

/* Beyond an end stands one element: as far from there as the line is long, every window has it. */
static void cut_ends(fc_pass *pass, int64_t length, fc_repeat repeats[FC_REPEATS]) {
    const int64_t before = pass->offset, behind = pass->size - 1 - pass->offset;
    pass->offset = smaller(before, length);
    pass->size = pass->offset + 1 + smaller(behind, length);
    repeats[0] = (fc_repeat){-1, 0, before - pass->offset};
    repeats[1] = (fc_repeat){length, length + 1, behind - smaller(behind, length)};
}

/* A period and more is left, which has all that repeats. */
static void cut_periods(fc_pass *pass, int64_t length, fc_repeat repeats[FC_REPEATS]) {
    const int64_t size = pass->size, one = period(pass->border, length);
    pass->size = one + 1 + (size - 1) % one;
    pass->offset %= one;
    repeats[0] = (fc_repeat){-pass->offset, one - pass->offset, (size - pass->size) / one};
    repeats[1] = (fc_repeat){0, 0, 0};
}

int fc_fold_window(fc_pass *pass, int64_t length, fc_repeat repeats[FC_REPEATS]) {
    if (pass->op == FC_WINDOW_SUM || pass->size / FAR <= length) return 0;
    if (pass->offset < 0 || pass->offset >= pass->size) return 0;
    if (period(pass->border, length)) cut_periods(pass, length, repeats);
    else cut_ends(pass, length, repeats);
    return 1;
}
