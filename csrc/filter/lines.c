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

/* Places beyond an end. */
static void bring_beyond(const fc_lines *l, const char *line, int64_t first, int64_t last,
                         char *to) {
    if (l->border == FC_CONSTANT) {
        fill(l, (last - first) * l->step, to);
        return;
    }
    for (int64_t i = first; i < last; i++, to += l->step * l->to_size)
        bring_elements(l, line + fc_border_index(l->border, i, l->length) * l->step * l->from_size,
                       l->step, to);
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
    if (first < begin) bring_beyond(l, from, first, begin, at);
    if (begin < end)
        bring_elements(l, from + begin * l->step * l->from_size, (end - begin) * l->step,
                       at + (begin - first) * place);
    if (end < last) {
        const int64_t beyond = end > begin ? end : begin;
        if (beyond < last) bring_beyond(l, from, beyond, last, at + (beyond - first) * place);
    }
}

void fc_line_extend(const fc_lines *l, int64_t first, int64_t last, void *to) {
    const int64_t place = l->step * l->to_size;
    char *at = to, *line = at - first * place;
    const fc_lines same = {.length = l->length,
                           .step = l->step,
                           .from_size = l->to_size,
                           .to_size = l->to_size,
                           .border = l->border};
    fc_lines lines = same;
    memcpy(lines.constant, l->constant, sizeof lines.constant);
    if (first < 0) bring_beyond(&lines, line, first, 0, at);
    if (last > l->length) bring_beyond(&lines, line, l->length, last, line + l->length * place);
}
