/* Lines of an array, brought to where they are worked on: what lies inside in one piece, then the
 * few places beyond the ends, each from where its border's rule finds it. */
#include "lines.h"

#include <string.h>

#include "border.h"

static void bring_elements(const fc_lines *l, const char *from, int64_t count, char *to) {
    if (l->convert) l->convert(from, to, count);
    else memcpy(to, from, (size_t)(count * l->to_size));
}

static void fill(const fc_lines *l, int64_t count, char *to) {
    switch (l->to_size) {
    case 1: memset(to, l->constant[0], (size_t)count); return;
    default:
        for (int64_t i = 0; i < count; i++)
            memcpy(to + i * l->to_size, l->constant, (size_t)l->to_size);
    }
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

/* Places beyond an end. Most stand for places that are already `at` hand, begin <= i < end. */
static void bring_beyond(const fc_lines *l, const char *line, int64_t first, int64_t last,
                         const char *at, int64_t begin, int64_t end, char *to) {
    if (l->border == FC_CONSTANT) {
        fill(l, (last - first) * l->step, to);
        return;
    }
    const int64_t place = l->step * l->to_size;
    if ((last <= 0 && first > -l->length) || (first >= l->length && last < 2 * l->length)) {
        const int64_t by = l->border == FC_NEAREST ? 0 : l->border == FC_WRAP ? 1 : -1;
        const int64_t from = fc_border_index(l->border, first, l->length);
        const int64_t to_last = from + (last - first - 1) * by;
        if (from >= begin && from < end && to_last >= begin && to_last < end) {
            copy_places(to, at + (from - begin) * place, last - first, by, place);
            return;
        }
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

void fc_line_extend(const fc_lines *l, int64_t first, int64_t last, void *to) {
    const int64_t place = l->step * l->to_size;
    char *at = to, *line = at - first * place;
    if (first < 0) bring_beyond(l, line, first, 0, line, 0, l->length, at);
    if (last > l->length)
        bring_beyond(l, line, l->length, last, line, 0, l->length, line + l->length * place);
}
