/* A pass down rows, which are read where they stand if they are of the type that is computed in;
 * else each is converted once, into a ring.
 *
 * Fused sums take FC_FILTER_ROWS rows of the result at a time. Large maxima, minima and means are
 * those of two parts (van Herk 1992; Gil and Werman 1993): rows are cut into groups as long as the
 * window, which then is the end of one group and the beginning of the next. Three operations an
 * element, whatever the size; nothing is subtracted, so that no rounding is carried from row to row
 * and NaN stays where its windows are. Groups are anchored at the array's own rows: the result does
 * not depend on which rows are computed together. */
#include "across.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "border.h"

typedef struct across {
    const fc_pass_run *p;
    const fc_lines *row; /* a row is one place */
    const char *in;
    int64_t count, row_bytes, width;
    char *constant; /* a row of it */
    char *ring;     /* rows that have been converted: row v is in slot v % slots */
    int64_t slot, slots, next;
    const void **pointers;
} across;

static int64_t modulo(int64_t v, int64_t n) { return v % n < 0 ? v % n + n : v % n; }

/* The array's row v, or what stands in its place, for NULL the constant. */
static const char *find_row(const across *a, int64_t v) {
    const int64_t i = fc_border_index(a->p->pass->border, v, a->count);
    return i < 0 ? NULL : a->in + i * a->row_bytes;
}

/* Row v as it is computed with; `to`: room for it, if it has to be converted. */
static const void *read_row(const across *a, int64_t v, char *to) {
    const char *row = find_row(a, v);
    if (!row) return a->constant;
    if (!a->row->convert) return row;
    fc_line_bring(a->row, row, 0, 1, to);
    return to;
}

static int64_t slots(const fc_pass_run *p) {
    if (!p->work.bring) return 0;
    return p->way == FC_PASS_LARGE ? 1 : p->pass->size + FC_FILTER_ROWS - 1;
}

/* Rows that large windows are put together of: all of a group's ends, and two beginnings. */
static int64_t large_rows(const fc_pass_run *p) {
    return p->way == FC_PASS_LARGE ? p->pass->size + 2 : 0;
}

int64_t fc_across_bytes(const fc_pass_run *p, int64_t width) {
    const int64_t row = fc_aligned(width * p->work.size);
    const int64_t pointers = fc_aligned(
        (p->pass->size + FC_FILTER_ROWS + fc_pass_pointers(p->pass)) * (int64_t)sizeof(void *));
    return pointers + row * (1 + slots(p) + large_rows(p));
}

/* Rows y, y + 1, ... of the result, at most FC_FILTER_ROWS of them. */
static void run_few(across *a, int64_t y, int rows, const fc_rows_out *out) {
    const fc_pass_run *p = a->p;
    const int64_t size = p->pass->size, top = y - p->pass->offset;
    for (int64_t v = a->next > top ? a->next : top; v < top + size + rows - 1; v++)
        if (a->slots) read_row(a, v, a->ring + modulo(v, a->slots) * a->slot);
    a->next = top + size + rows - 1;
    for (int64_t i = 0; i < size + rows - 1; i++) {
        const char *row = find_row(a, top + i);
        a->pointers[i] = !row       ? a->constant
                         : a->slots ? a->ring + modulo(top + i, a->slots) * a->slot
                                    : row;
    }
    void *to[FC_FILTER_ROWS];
    for (int r = 0; r < rows; r++) to[r] = out->place(out->context, y + r, r);
    if (p->rows && rows == FC_FILTER_ROWS) {
        p->rows(a->pointers, p->weights, size, a->width, to);
        for (int r = 0; r < rows && p->divide; r++) fc_pass_divide(p, to[r], a->width);
    } else {
        for (int r = 0; r < rows; r++)
            fc_pass_apply(p, a->pointers + r, a->pointers + size + FC_FILTER_ROWS, a->width, to[r]);
    }
    for (int r = 0; r < rows; r++) out->take(out->context, y + r, to[r]);
}

static const void *weight(const fc_pass_run *p, int64_t i) {
    return (const char *)p->weights + i * p->work.size;
}

/* to = what row v and `rest` give together; of row v alone where `rest` is NULL. */
static void gather(const across *a, int64_t v, const void *rest, void *to) {
    const void *taps[2] = {read_row(a, v, a->ring), rest};
    a->p->work.run(taps, a->p->weights, rest ? 2 : 1, a->width, to);
}

/* The rows of the result whose windows begin with the rows first <= v < last, of one group. */
static void run_group(across *a, int64_t group, int64_t first, int64_t last, const fc_rows_out *out,
                      char *ends) {
    const fc_pass_run *p = a->p;
    const int64_t size = p->pass->size;
    char *begin[2] = {ends + size * a->slot, ends + (size + 1) * a->slot};
    const char *rest = NULL;
    for (int64_t v = group + size - 1; v >= first; v--) { /* ends[i]: from group + i to its end */
        char *to = ends + (v - group) * a->slot;
        gather(a, v, rest, to);
        rest = to;
    }
    rest = NULL; /* from the next group's beginning on */
    for (int64_t next = group + size, v = first; v < last; v++) {
        for (; next < v + size; next++) {
            gather(a, next, rest, begin[next & 1]);
            rest = begin[next & 1];
        }
        void *to = out->place(out->context, v + p->pass->offset, 0);
        const void *taps[2] = {ends + (v - group) * a->slot, rest};
        p->work.run(taps, weight(p, 1), rest ? 2 : 1, a->width, to);
        if (p->divide) fc_pass_divide(p, to, a->width);
        out->take(out->context, v + p->pass->offset, to);
    }
}

static void run_large(across *a, int64_t first, int64_t last, const fc_rows_out *out, char *ends) {
    const int64_t size = a->p->pass->size, offset = a->p->pass->offset;
    for (int64_t y = first - offset; y < last - offset;) {
        const int64_t group = y - modulo(y, size);
        const int64_t end = group + size < last - offset ? group + size : last - offset;
        run_group(a, group, y, end, out, ends);
        y = end;
    }
}

void fc_across(const fc_pass_run *p, const fc_lines *row, const char *in, int64_t count,
               int64_t row_bytes, int64_t width, int64_t first, int64_t last,
               const fc_rows_out *out, void *scratch) {
    across a = {.p = p,
                .row = row,
                .in = in,
                .count = count,
                .row_bytes = row_bytes,
                .width = width,
                .slot = fc_aligned(width * p->work.size),
                .slots = slots(p),
                .next = first - p->pass->offset,
                .pointers = scratch};
    a.constant =
        (char *)scratch + fc_across_bytes(p, width) - a.slot * (1 + a.slots + large_rows(p));
    a.ring = a.constant + a.slot;
    if (p->pass->border == FC_CONSTANT) fc_line_bring(row, NULL, 0, 1, a.constant);
    if (p->way == FC_PASS_LARGE) {
        run_large(&a, first, last, out, a.ring + a.slots * a.slot);
        return;
    }
    for (int64_t y = first; y < last; y += FC_FILTER_ROWS)
        run_few(&a, y, (int)(last - y < FC_FILTER_ROWS ? last - y : FC_FILTER_ROWS), out);
}
