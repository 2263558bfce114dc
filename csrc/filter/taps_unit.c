/* The lines of the input that a part of a tile has at hand.
 *
 * They stand in a ring for each plane of the window. Where the window has some planes, and what it
 * reaches of them for all lines of a unit is little, the units of a tile are neighbours along the
 * last leading axis, and a plane's lines are brought once for all that reach them. */
#include "taps_unit.h"

#include "border.h"

static const char none_held = 0;

void fc_unit_forget(fc_unit *u) {
    for (int s = 0; s < FC_TAPS_HELD; s++) u->held[s] = &none_held;
}

/* The input's plane that stands at place `index` of the leading axes' window. */
static const char *find_plane(const fc_unit *u, int64_t index) {
    const fc_taps *f = u->f;
    int64_t at = 0, scale = 1;
    for (int a = f->leading - 1; a >= 0; a--) {
        const fc_axis *axis = &f->lead[a];
        const int64_t i = fc_border_index(
            axis->border, u->lead[a] + index % axis->window - axis->offset, axis->in);
        if (i < 0) return NULL;
        at += i * scale;
        scale *= axis->in;
        index /= axis->window;
    }
    return f->in + at * f->line.in * f->place.in * f->step * f->in_size;
}

static void bring_one(const fc_unit *u, int64_t plane, int64_t line) {
    const fc_taps *f = u->f;
    const int64_t first = u->place - f->place.offset;
    const int64_t at = fc_border_index(f->line.border,
                                       u->line + line + u->piece.line - f->line.offset, f->line.in);
    const char *from = at < 0 ? NULL : u->plane[plane];
    if (from) from += at * f->place.in * f->step * f->in_size;
    fc_line_bring(&f->lines, from, first, first + u->places + f->place.window - 1,
                  fc_unit_ring(u, plane) + line % f->ring * f->line_bytes);
}

void fc_unit_bring(const fc_unit *u, int64_t line) {
    for (int64_t p = 0; p < u->piece.planes; p++) bring_one(u, p, line);
}

static int is_free(const fc_unit *u, int64_t planes, int slot) {
    for (int64_t p = 0; p < planes; p++)
        if (u->slot[p] == slot) return 0;
    return 1;
}

/* All lines of all planes, but for those that are at hand from the unit before. */
static void hold(fc_unit *u) {
    const int64_t planes = u->f->planes;
    for (int64_t p = 0; p < planes; p++) {
        u->slot[p] = -1;
        for (int s = 0; s < planes; s++)
            if (u->held[s] == u->plane[p]) u->slot[p] = s;
    }
    for (int64_t p = 0; p < planes; p++) {
        if (u->slot[p] >= 0) continue;
        for (int s = 0; s < planes; s++)
            if (u->held[s] == u->plane[p]) u->slot[p] = s; /* it was brought just now */
        if (u->slot[p] >= 0) continue;
        int slot = 0;
        while (!is_free(u, planes, slot)) slot++;
        u->slot[p] = slot;
        u->held[slot] = u->plane[p];
        for (int64_t i = 0; i < u->lines + u->f->line.window - 1; i++) bring_one(u, p, i);
    }
}

int64_t fc_unit_begin(fc_unit *u) {
    const fc_taps *f = u->f;
    u->plane = (const char **)u->scratch;
    for (int64_t p = 0; p < u->piece.planes; p++)
        u->plane[p] = find_plane(u, f->plane[u->piece.plane + p]);
    if (!f->holds) return 0;
    hold(u);
    return u->lines + u->piece.lines - 1;
}
