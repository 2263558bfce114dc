/* Lines of an array, brought to where they are worked on: what lies inside in one piece, then the
 * few places beyond the ends, each from where its border's rule finds it. */
#include "lines.h"

#include <string.h>

#include "border.h"

static void bring_elements(const fc_lines *l, const char *from, int64_t count, char *to) {
    if (l->convert) l->convert(from, to, count);
    else memcpy(to, from, (size_t)(count * l->to_size));
}

/* `count` places, which are found one after the other forwards (by 1), backwards (-1), or are one
 * and the same (0). */
#define COPY(size)                                                                                 \
    for (int64_t i = 0; i < count; i++) memcpy(to + i * (size), from + i * by * (size), size)

static void copy_places(char *to, const char *from, int64_t count, int64_t by, int64_t bytes) {
    switch (bytes) {
    case 1: COPY(1); return;
    case 2: COPY(2); return;
    case 4: COPY(4); return;
    case 8: COPY(8); return;
    default: COPY((size_t)bytes);
    }
}

static void fill(const fc_lines *l, int64_t count, char *to) {
    copy_places(to, (const char *)l->constant, count, 0, l->to_size);
}

/* Places beyond an end that stand one after the other: the first is place `from` of the line, the
 * next `by` further. */
typedef struct run {
    int64_t from, by;
} run;

/* Whether the places first <= i < last, all beyond one end, are such, all of them of the line's
 * places begin <= i < end. */
static int find_run(const fc_lines *l, int64_t first, int64_t last, int64_t begin, int64_t end,
                    run *r) {
    const int64_t n = l->length;
    const int behind = first >= n;
    if (behind ? last > 2 * n : first < -n) return 0;
    switch (l->border) {
    case FC_NEAREST: *r = (run){behind ? n - 1 : 0, 0}; break;
    case FC_WRAP: *r = (run){behind ? first - n : first + n, 1}; break;
    case FC_REFLECT: *r = (run){(behind ? 2 * n : 0) - 1 - first, -1}; break;
    default: *r = (run){(behind ? 2 * n - 2 : 0) - first, -1}; /* the mirror */
    }
    const int64_t to = r->from + (last - first - 1) * r->by;
    return r->from >= begin && r->from < end && to >= begin && to < end;
}

/* Places beyond an end. Most stand for places that are already `at` hand, begin <= i < end. */
static void bring_beyond(const fc_lines *l, const char *line, int64_t first, int64_t last,
                         const char *at, int64_t begin, int64_t end, char *to) {
    if (l->border == FC_CONSTANT) {
        fill(l, (last - first) * l->step, to);
        return;
    }
    const int64_t place = l->step * l->to_size;
    run r;
    if (find_run(l, first, last, begin, end, &r)) {
        copy_places(to, at + (r.from - begin) * place, last - first, r.by, place);
        return;
    }
    for (int64_t i = first; i < last; i++, to += place) {
        const int64_t from = fc_border_index(l->border, i, l->length);
        if (from >= begin && from < end) memcpy(to, at + (from - begin) * place, (size_t)place);
        else bring_elements(l, line + from * l->step * l->from_size, l->step, to);
    }
}

void fc_line_bring(const fc_lines *l, const void *line, int64_t first, int64_t last, void *to) {
    const char *from = line;
    char *at = to;
    if (!line) {
        fill(l, (last - first) * l->step, at);
        return;
    }
    const int64_t place = l->step * l->to_size;
    const int64_t begin = first < 0 ? (last < 0 ? last : 0) : first;
    const int64_t end = last > l->length ? (first > l->length ? first : l->length) : last;
    char *inside = at + (begin - first) * place;
    if (begin < end)
        bring_elements(l, from + begin * l->step * l->from_size, (end - begin) * l->step, inside);
    if (first < begin) bring_beyond(l, from, first, begin, inside, begin, end, at);
    if (end < last) {
        const int64_t beyond = end > begin ? end : begin;
        if (beyond < last)
            bring_beyond(l, from, beyond, last, inside, begin, end, at + (beyond - first) * place);
    }
}

/* Beyond one end; `line` is place 0 of the first of them. */
static void extend(const fc_lines *l, int64_t first, int64_t last, int count, int64_t apart,
                   char *line) {
    const int64_t place = l->step * l->to_size;
    run r;
    const int alike = l->border != FC_CONSTANT && find_run(l, first, last, 0, l->length, &r);
    for (; count > 0; count--, line += apart) {
        char *to = line + first * place;
        if (alike) copy_places(to, line + r.from * place, last - first, r.by, place);
        else bring_beyond(l, line, first, last, line, 0, l->length, to);
    }
}

void fc_lines_extend(const fc_lines *l, int64_t first, int64_t last, int count, int64_t apart,
                     void *to) {
    char *line = (char *)to - first * l->step * l->to_size;
    if (first < 0) extend(l, first, 0, count, apart, line);
    if (last > l->length) extend(l, l->length, last, count, apart, line);
}
