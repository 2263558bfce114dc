/* What a window has: where its taps are, and their weights.
 *
 * Planes without any tap are left out, and so are lines and places that are empty in all planes.
 * SciPy passes over weights that are next to nothing: with them Inf would become NaN. */
#include <string.h>

#include "element.h"
#include "taps.h"

static int64_t lead_window(const fc_taps *f) {
    int64_t n = 1;
    for (int a = 0; a < f->leading; a++) n *= f->lead[a].window;
    return n;
}

/* Bytes for the lists: planes, taps, and weights twice. */
int64_t fc_taps_memory(const fc_taps *f) {
    const int64_t planes = lead_window(f), window = planes * f->line.window * f->place.window;
    return planes * (int64_t)sizeof *f->plane +
           window * ((int64_t)sizeof *f->tap + 3 * (int64_t)sizeof(double));
}

static int is_tap(const fc_taps *f, const void *weights, int64_t i) {
    if (f->op != FC_WINDOW_SUM) return ((const unsigned char *)weights)[i] != 0;
    if (f->weight_type != FC_FLOAT64) return 1;
    const double w = ((const double *)weights)[i];
    return !(w <= 0x1p-52 && w >= -0x1p-52); /* SciPy's: DBL_EPSILON */
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

/* Counts the taps and lists them, as places of the window as it was given. */
static void find(fc_taps *f, const void *weights, bounds *line, bounds *place) {
    const int64_t planes = lead_window(f), lines = f->line.window, places = f->place.window;
    for (int64_t p = 0; p < planes; p++) {
        const int64_t before = f->count;
        for (int64_t l = 0; l < lines; l++) {
            const int64_t in_line = f->count;
            for (int64_t k = 0; k < places; k++)
                if (is_tap(f, weights, (p * lines + l) * places + k)) {
                    f->tap[f->count++] = (fc_tap){f->planes * lines + l, k};
                    widen(place, k);
                }
            if (f->count > in_line) widen(line, l);
        }
        if (f->count > before) f->plane[f->planes++] = p;
    }
}

void fc_taps_scan(fc_taps *f, const void *weights, void *memory) {
    const int64_t lines = f->line.window, places = f->place.window;
    const int64_t size = f->op == FC_WINDOW_SUM ? fc_element_size(f->weight_type) : 0;
    bounds line = {lines, -1}, place = {places, -1};
    f->plane = memory;
    f->tap = (fc_tap *)(f->plane + lead_window(f));
    find(f, weights, &line, &place);
    if (f->count == 0) return;
    cut_down(&f->line, line);
    cut_down(&f->place, place);
    char *kept = (char *)(f->tap + f->count);
    f->weights = kept;
    for (int64_t t = 0; t < f->count; t++) {
        fc_tap *tap = f->tap + t;
        const int64_t p = tap->line / lines, l = tap->line % lines;
        const int64_t at = (f->plane[p] * lines + l) * places + tap->place;
        memcpy(kept + t * size, (const char *)weights + at * size, (size_t)size);
        tap->line = p * f->line.window + l - line.first;
        tap->place -= place.first;
    }
    f->dense = f->op == FC_WINDOW_SUM && f->count == f->planes * f->line.window * f->place.window;
}

/* The weights in the type of the arithmetic. */
void fc_taps_weigh(fc_taps *f) {
    const int64_t size = f->work.size;
    if (f->op != FC_WINDOW_SUM) return;
    char *to = (char *)f->weights + f->count * 8;
    const double one = 1.0;
    int64_t tap = 0;
    for (int64_t i = 0; i < f->pieces; i++) {
        const fc_piece piece = fc_taps_piece(f, i, tap);
        if (!f->work.dense) {
            fc_work_weights(&f->work, &one, 1, to);
            to += size;
        }
        if (f->weight_type == FC_FLOAT64)
            fc_work_weights(&f->work, (const double *)f->weights + tap, piece.taps, to);
        else memcpy(to, (const char *)f->weights + tap * size, (size_t)(piece.taps * size));
        to += piece.taps * size;
        tap += piece.taps;
    }
    f->weights = (char *)f->weights + f->count * 8;
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
