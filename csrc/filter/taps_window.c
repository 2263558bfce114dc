/* What a window has: where its taps are, and their weights.
 *
 * Planes without any tap are left out, and so are lines and places that are empty in all planes.
 * SciPy passes over weights that are next to nothing: with them Inf would become NaN. */
#include <string.h>

#include "../runtime/scratch.h"
#include "element.h"
#include "taps.h"

static int64_t lead_window(const fc_taps *f) {
    int64_t n = 1;
    for (int a = 0; a < f->leading; a++) n *= f->lead[a].window;
    return n;
}

/* Bytes for the lists: planes, taps, weights as they are given and as they are worked with. */
int64_t fc_taps_memory(const fc_taps *f) {
    const int64_t planes = lead_window(f), window = planes * f->line.window * f->place.window;
    const int64_t packed =
        f->line.window < FC_DENSE_LINES - 1
            ? window
            : planes * (f->line.window + FC_DENSE_LINES - 1) * f->place.window * FC_DENSE_LINES;
    return planes * (int64_t)sizeof *f->plane + window * (int64_t)sizeof *f->tap +
           (2 * window + packed) * (int64_t)sizeof(double) + FC_ALIGN;
}

static int is_tap(const fc_taps *f, const void *weights, int64_t i) {
    if (f->op != FC_WINDOW_SUM) return ((const unsigned char *)weights)[i] != 0;
    if (f->every || f->weight_type != FC_FLOAT64) return 1;
    const double w = ((const double *)weights)[i];
    return w > 0x1p-52 || w < -0x1p-52; /* SciPy's: DBL_EPSILON; a NaN is no term either */
}

typedef struct bounds {
    int64_t first, last; /* first <= i <= last */
} bounds;

static void widen(bounds *b, int64_t i) {
    if (i < b->first) b->first = i;
    if (i > b->last) b->last = i;
}

static void cut_down(fc_axis *a, bounds b) {
    a->offset -= b.first;
    a->window = b.last - b.first + 1;
}

/* Counts the taps and lists them, in lines and places of the window as it was given. */
static void find(fc_taps *f, const void *weights, bounds *line, bounds *place) {
    const int64_t planes = lead_window(f), lines = f->line.window, places = f->place.window;
    int64_t i = 0;
    for (int64_t p = 0; p < planes; p++) {
        const int64_t before = f->count;
        for (int64_t l = 0; l < lines; l++) {
            const int64_t in_line = f->count;
            for (int64_t k = 0; k < places; k++, i++)
                if (is_tap(f, weights, i)) {
                    f->tap[f->count++] = (fc_tap){f->planes * lines + l, k};
                    widen(place, k);
                }
            if (f->count > in_line) widen(line, l);
        }
        if (f->count > before) f->plane[f->planes++] = p;
    }
}

static void keep_weights(fc_taps *f, const void *weights) {
    const int64_t size = fc_element_size(f->weight_type);
    const int64_t lines = f->line.window, places = f->place.window;
    char *kept = (char *)(f->tap + f->count);
    f->weights = kept;
    const int all = f->count == lead_window(f) * lines * places;
    if (all) memcpy(kept, weights, (size_t)(f->count * size));
    for (int64_t t = 0; t < f->count && !all; t++) {
        const fc_tap tap = f->tap[t];
        const int64_t at = (f->plane[tap.line / lines] * lines + tap.line % lines) * places;
        memcpy(kept + t * size, (const char *)weights + (at + tap.place) * size, (size_t)size);
    }
}

void fc_taps_scan(fc_taps *f, const void *weights, void *memory) {
    const int64_t lines = f->line.window;
    bounds line = {lines, -1}, place = {f->place.window, -1};
    f->plane = memory;
    f->tap = (fc_tap *)(f->plane + lead_window(f));
    find(f, weights, &line, &place);
    if (f->count == 0) return;
    if (f->op == FC_WINDOW_SUM) keep_weights(f, weights);
    cut_down(&f->line, line);
    cut_down(&f->place, place);
    f->dense = f->op == FC_WINDOW_SUM && f->count == f->planes * f->line.window * f->place.window;
    if (f->line.window < lines || place.first > 0)
        for (int64_t t = 0; t < f->count; t++) {
            fc_tap *tap = f->tap + t;
            tap->line = tap->line / lines * f->line.window + tap->line % lines - line.first;
            tap->place -= place.first;
        }
}

static void weigh(const fc_taps *f, const char *from, int64_t count, char *to) {
    if (f->weight_type == FC_FLOAT64) fc_work_weights(&f->work, (const double *)from, count, to);
    else memcpy(to, from, (size_t)(count * f->work.size));
}

/* As fc_dense has them: those that an input line has for each of a group of lines together. */
static void weigh_dense(const fc_taps *f, const char *from, char *to) {
    const int64_t height = f->line.window, width = f->place.window, size = f->work.size;
    const int64_t plane = (height + f->group - 1) * width * f->group;
    if (f->group == 1) {
        weigh(f, from, f->count, to);
        return;
    }
    char *plain = to + f->planes * plane * size;
    weigh(f, from, f->count, plain);
    memset(to, 0, (size_t)(f->planes * plane * size));
    for (int64_t p = 0; p < f->planes; p++, to += plane * size)
        for (int64_t y = 0; y < height; y++)
            for (int64_t k = 0; k < width; k++, plain += size)
                for (int64_t r = 0; r < f->group; r++)
                    memcpy(to + (((y + r) * width + k) * f->group + r) * size, plain, (size_t)size);
}

/* The weights in the type of the arithmetic. */
void fc_taps_weigh(fc_taps *f) {
    if (f->op != FC_WINDOW_SUM) return;
    const char *from = f->weights;
    const int64_t from_size = fc_element_size(f->weight_type), size = f->work.size;
    char *to = (char *)f->weights + fc_aligned(f->count * 8);
    f->weights = to;
    if (f->work.dense) {
        weigh_dense(f, from, to);
        return;
    }
    const double one = 1.0;
    fc_piece piece = {0};
    for (int64_t i = 0; i < f->pieces; i++, to += (piece.taps + 1) * size) {
        piece = fc_taps_piece(f, i, piece.tap + piece.taps);
        fc_work_weights(&f->work, &one, 1, to);
        weigh(f, from + piece.tap * from_size, piece.taps, to + size);
    }
}

/* The piece of that number, whose taps begin at `tap`. */
fc_piece fc_taps_piece(const fc_taps *f, int64_t piece, int64_t tap) {
    const int64_t cuts = (f->line.window - 1) / f->piece_lines + 1;
    fc_piece p = {.index = piece,
                  .plane = piece / cuts * f->piece_planes,
                  .planes = f->piece_planes,
                  .line = piece % cuts * f->piece_lines,
                  .lines = f->piece_lines,
                  .tap = tap};
    if (p.planes > f->planes - p.plane) p.planes = f->planes - p.plane;
    if (p.lines > f->line.window - p.line) p.lines = f->line.window - p.line;
    const int64_t end = (p.plane + p.planes - 1) * f->line.window + p.line + p.lines;
    while (tap < f->count && f->tap[tap].line < end) tap++;
    p.taps = tap - p.tap;
    return p;
}
