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
    char *repeated; /* what is added to large means; NULL: nothing */
    char *ring;     /* rows that have been converted: row v is in slot v % slots */
    int64_t slot, slots, next;
    int all; /* rows are in the ring: it has a slot for each */
    const void **pointers;
} across;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t modulo(int64_t v, int64_t n) { return v % n < 0 ? v % n + n : v % n; }

/* Which of the array's rows stands at v; -1: the constant. */
static int64_t find_row(const across *a, int64_t v) {
    return v >= 0 && v < a->count ? v : fc_border_index(a->p->pass->border, v, a->count);
}

/* Row v as it is computed with; `to`: room for it, if it has to be converted. */
static const void *read_row(const across *a, int64_t v, char *to) {
    const int64_t i = find_row(a, v);
    if (i < 0) return a->constant;
    const char *row = a->in + i * a->row_bytes;
    if (!a->row->convert) return row;
    fc_line_bring(a->row, row, 0, 1, to);
    return to;
}

static int64_t slots(const fc_pass_run *p, int64_t count) {
    if (!p->work.bring) return 0;
    return p->way == FC_PASS_LARGE ? 1 : smaller(p->pass->size + FC_FILTER_ROWS - 1, count);
}

/* Rows that large windows are put together of: a group's ends, one for each of `rows` results at
 * most; two beginnings, and what is repeated. */
static int64_t large_rows(const fc_pass_run *p, int64_t rows) {
    if (p->way != FC_PASS_LARGE) return 0;
    return smaller(p->pass->size, rows) + 2 + p->repeated;
}

static int64_t pointer_bytes(const fc_pass_run *p) {
    return fc_aligned((p->pass->size + FC_FILTER_ROWS + fc_pass_pointers(p->pass)) *
                      (int64_t)sizeof(void *));
}

int64_t fc_across_bytes(const fc_pass_run *p, int64_t count, int64_t width, int64_t rows) {
    const int64_t row = fc_aligned(width * p->work.size);
    return pointer_bytes(p) + row * (1 + slots(p, count) + large_rows(p, rows));
}

/* Rows first <= v < last are brought into the ring. */
static void fill_ring(const across *a, int64_t first, int64_t last) {
    for (int64_t v = first; v < last; v++) read_row(a, v, a->ring + modulo(v, a->slots) * a->slot);
}

/* Where the rows from `top` on are found. */
static void set_pointers(across *a, int64_t top, int64_t rows) {
    if (!a->slots && top >= 0 && top + rows <= a->count) { /* most are inside */
        const char *row = a->in + top * a->row_bytes;
        for (int64_t i = 0; i < rows; i++, row += a->row_bytes) a->pointers[i] = row;
        return;
    }
    int64_t slot = a->slots && !a->all ? modulo(top, a->slots) : 0;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t row = find_row(a, top + i);
        if (a->all) slot = row;
        a->pointers[i] = row < 0    ? a->constant
                         : a->slots ? a->ring + slot * a->slot
                                    : a->in + row * a->row_bytes;
        if (++slot == a->slots) slot = 0;
    }
}

/* Rows y, y + 1, ... of the result, at most FC_FILTER_ROWS of them. */
static void run_few(across *a, int64_t y, int rows, const fc_rows_out *out) {
    const fc_pass_run *p = a->p;
    const int64_t size = p->pass->size, top = y - p->pass->offset, end = top + size + rows - 1;
    if (a->slots && !a->all) fill_ring(a, a->next > top ? a->next : top, end);
    a->next = end;
    set_pointers(a, top, end - top);
    void *to[FC_FILTER_ROWS];
    out->place(out->context, y, rows, to);
    if (p->rows && rows == FC_FILTER_ROWS) {
        p->rows(a->pointers, p->weights, size, a->width, to);
        for (int r = 0; r < rows && p->divide; r++) fc_pass_divide(p, to[r], a->width);
    } else {
        for (int r = 0; r < rows; r++)
            fc_pass_apply(p, a->pointers + r, a->pointers + size + FC_FILTER_ROWS, a->width, to[r]);
    }
    out->take(out->context, y, rows, to);
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
                      char *const begin[2], char *ends) {
    const fc_pass_run *p = a->p;
    const int64_t size = p->pass->size;
    const char *rest = NULL;
    for (int64_t v = group + size - 1; v >= first; v--) { /* ends: from `first` on to the group's */
        char *to = v < last ? ends + (v - first) * a->slot : begin[v & 1];
        gather(a, v, rest, to);
        rest = to;
    }
    rest = NULL; /* from the next group's beginning on */
    for (int64_t next = group + size, v = first; v < last; v++) {
        for (; next < v + size; next++) {
            gather(a, next, rest, begin[next & 1]);
            rest = begin[next & 1];
        }
        void *to;
        out->place(out->context, v + p->pass->offset, 1, &to);
        const void *taps[3] = {ends + (v - first) * a->slot};
        int count = 1;
        if (rest) taps[count++] = rest;
        if (a->repeated) taps[count++] = a->repeated;
        p->work.run(taps, weight(p, 1), count, a->width, to);
        if (p->divide) fc_pass_divide(p, to, a->width);
        out->take(out->context, v + p->pass->offset, 1, &to);
    }
}

static void add_repeats(const across *a) {
    memset(a->repeated, 0, (size_t)a->slot);
    for (const fc_repeat *r = a->p->repeats; r < a->p->repeats + FC_REPEATS; r++)
        for (int64_t v = r->first; r->times && v < r->last; v++)
            fc_pass_add(a->p, read_row(a, v, a->ring), (double)r->times * fc_pass_share(a->p),
                        a->width, a->repeated);
}

static void run_large(across *a, int64_t first, int64_t last, const fc_rows_out *out, char *rows) {
    const int64_t size = a->p->pass->size, offset = a->p->pass->offset;
    char *const begin[2] = {rows, rows + a->slot};
    if (a->p->repeated) {
        a->repeated = rows + 2 * a->slot;
        add_repeats(a);
    }
    for (int64_t y = first - offset; y < last - offset;) {
        const int64_t group = y - modulo(y, size);
        const int64_t end = smaller(group + size, last - offset);
        run_group(a, group, y, end, out, begin, rows + (2 + a->p->repeated) * a->slot);
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
                .constant = (char *)scratch + pointer_bytes(p),
                .slot = fc_aligned(width * p->work.size),
                .slots = slots(p, count),
                .next = first - p->pass->offset,
                .pointers = scratch};
    a.ring = a.constant + a.slot;
    if (p->pass->border == FC_CONSTANT) fc_line_bring(row, NULL, 0, 1, a.constant);
    if (p->way == FC_PASS_LARGE) {
        run_large(&a, first, last, out, a.ring + a.slots * a.slot);
        return;
    }
    a.all = a.slots == count;
    if (a.all) fill_ring(&a, 0, count);
    for (int64_t y = first; y < last; y += FC_FILTER_ROWS)
        run_few(&a, y, (int)smaller(last - y, FC_FILTER_ROWS), out);
}
