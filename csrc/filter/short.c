/* The convolution of a line that is not long with a few taps, on the calling thread and without
 * memory of its own: what takes some microseconds. Outputs that reach beyond an end are computed
 * from a copy of that end between zeros. */
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/status.h"

typedef struct sum {
    const char *x, *w;
    char *y;
    int64_t item, n, taps, first;
    int reversed;
    fc_taps_fn fn;
} sum;

/* Outputs [from, to), where `line` stands for x: its first element is x[at]. */
static void run(const sum *s, const char *line, int64_t at, int64_t from, int64_t to) {
    const void *taps[FC_SHORT_TAPS];
    for (int64_t t = 0; t < s->taps; t++) {
        const int64_t back = s->reversed ? s->taps - 1 - t : t;
        taps[t] = line + (from - back - at) * s->item;
    }
    s->fn(taps, s->w, s->taps, to - from, s->y + (from - s->first) * s->item);
}

/* Some outputs, at most as many as there are taps. */
static void run_edge(const sum *s, int64_t from, int64_t to) {
    _Alignas(64) char line[2 * FC_SHORT_TAPS * sizeof(double)] = {0};
    if (from >= to) return;
    const int64_t at = from - (s->taps - 1);
    const int64_t begin = at > 0 ? at : 0, end = to < s->n ? to : s->n;
    memcpy(line + (begin - at) * s->item, s->x + begin * s->item,
           (size_t)((end - begin) * s->item));
    run(s, line, at, from, to);
}

fc_status fc_convolve_short(fc_dtype dtype, const void *x, int64_t n, const void *w, int64_t taps,
                            int reversed, int64_t first, int64_t count, void *y) {
    FC_REQUIRE(x && w && y, FC_INVALID_NULL);
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(taps > 0 && taps <= FC_SHORT_TAPS && n >= taps && n <= FC_SHORT_LINE,
               FC_INVALID_SIZE);
    FC_REQUIRE(first >= 0 && first < n + taps && count > 0 && count < n + taps - first,
               FC_INVALID_SIZE);
    const sum s = {.x = x,
                   .w = w,
                   .y = y,
                   .item = fc_sizeof(dtype),
                   .n = n,
                   .taps = taps,
                   .first = first,
                   .reversed = reversed,
                   .fn = fc_kernels_for(dtype)->filter->sum};
    const int64_t end = first + count;
    const int64_t inner = first > taps - 1 ? first : taps - 1 < end ? taps - 1 : end;
    const int64_t outer = end < n ? end : n > inner ? n : inner;
    run_edge(&s, first, inner);
    if (outer > inner) run(&s, x, 0, inner, outer);
    run_edge(&s, outer, end);
    return FC_OK;
}
