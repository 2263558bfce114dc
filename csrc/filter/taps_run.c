/* A tile of the output of a window's sum, maximum or minimum.
 *
 *     for each of its units: a strip of lines, a block of their places
 *         for each piece of the window (there is one, but of absurdly large windows)
 *             for each group of output lines
 *                 bring the lines of the input that it reaches and the last group did not
 *                 the kernel, on pointers into them */
#include <string.h>

#include "../kernels/kernels.h"
#include "taps.h"
#include "taps_unit.h"

#define SOON 24 /* lines that are asked for ahead */

/* Where a line of the unit's results goes. */
static char *result(const fc_unit *u, int64_t line) {
    const fc_taps *f = u->f;
    return u->out + line * f->place.out * f->step * f->out_size;
}

/* The lines that the next group will bring and write. */
static void ask_ahead(const fc_unit *u, fc_dense *s, int64_t line, const void **soon) {
    const fc_taps *f = u->f;
    if (!f->ask_ahead) return;
    const int64_t next = line + s->out_lines, reached = next + u->piece.lines - 1;
    const int64_t bytes = f->place.in * f->step * f->in_size;
    int64_t most = u->lines - next < f->group ? u->lines - next : f->group;
    if (most > (SOON - f->group) / f->piece_planes) most = (SOON - f->group) / f->piece_planes;
    int64_t n = 0;
    for (int64_t p = 0; p < u->piece.planes; p++)
        for (int64_t i = 0; i < most; i++) {
            const int64_t at = u->line + reached + i + u->piece.line - f->line.offset;
            if (at >= 0 && at < f->line.in && u->plane[p])
                soon[n++] = u->plane[p] + at * bytes + u->place * f->step * f->in_size;
        }
    s->soon = soon, s->soon_lines = n;
    while (s->soon_outs < most) soon[n++] = result(u, next + s->soon_outs++);
}

static const void *dense_weights(const fc_taps *f, const fc_dense *s, int64_t plane, int64_t line,
                                 int64_t place) {
    const int64_t at = plane * s->weight_plane + line * s->weight_line + place * s->group;
    return (const char *)f->weights + at * f->work.size;
}

/* The sum over a dense window. `outs` have what the pieces before came to. */
static void sum_dense(const fc_unit *u, int64_t line, const void **lines, char **outs,
                      int64_t count) {
    const void *soon[SOON];
    const fc_taps *f = u->f;
    const int64_t height = f->line.window, width = f->place.window;
    fc_dense s = {.lines = lines,
                  .out = (void *const *)outs,
                  .plane_lines = u->piece.lines + count - 1,
                  .step = f->step,
                  .weight_plane = (height + f->group - 1) * width * f->group,
                  .weight_line = width * f->group,
                  .group = f->group,
                  .out_lines = count,
                  .count = u->places * f->step,
                  .from = u->piece.index ? FC_SUM_GOES_ON : FC_SUM_IS_NEW};
    if (f->pieces > 1 || f->run_planes * f->run_lines * f->run_places == f->count) {
        s.weights = dense_weights(f, &s, u->piece.plane, u->piece.line, 0);
        s.planes = u->piece.planes, s.height = u->piece.lines, s.width = width;
        ask_ahead(u, &s, line, soon);
        f->work.dense(&s);
        return;
    }
    for (int64_t p = 0; p < f->planes; p += f->run_planes)
        for (int64_t l = 0; l < height; l += f->run_lines)
            for (int64_t k = 0; k < width; k += f->run_places) {
                s.lines = lines + p * s.plane_lines + l;
                s.weights = dense_weights(f, &s, p, l, k);
                s.first = k * f->step;
                s.planes = f->run_planes;
                s.height = height - l < f->run_lines ? height - l : f->run_lines;
                s.width = width - k < f->run_places ? width - k : f->run_places;
                f->work.dense(&s);
                s.from = FC_SUM_IS_ADDED;
            }
}

/* Sums of runs of float32 terms, and then the sum of these. */
static void sum_runs(const fc_taps *f, const void *const *taps, const void *weights,
                     int64_t elements, char *sums, char *out) {
    float ones[FC_TAPS_RUNS];
    const void *each[FC_TAPS_RUNS];
    int64_t runs = 0;
    for (int64_t t = 0; t < f->count; t += f->run, sums += f->out_bytes) {
        f->work.run(taps + t, (const float *)weights + t,
                    f->count - t < f->run ? f->count - t : f->run, elements, sums);
        each[runs] = sums;
        ones[runs++] = 1.0f;
    }
    f->work.run(each, ones, runs, elements, out);
}

/* The sum, maximum or minimum over the taps of the piece, for one line. What the pieces before came
 * to is then its first tap. */
static void run_taps(const fc_unit *u, const void *const *lines, char *out) {
    const fc_taps *f = u->f;
    const fc_piece *piece = &u->piece;
    const int64_t elements = u->places * f->step, size = f->work.size;
    const int64_t base = piece->plane * f->line.window + piece->line;
    const void **taps = (const void **)(u->scratch + f->at_taps);
    char *sums = u->scratch + f->at_sums + f->kept * f->out_bytes;
    for (int64_t t = 0; t < piece->taps; t++) {
        const fc_tap tap = f->tap[piece->tap + t];
        taps[t + 1] = (const char *)lines[tap.line - base] + tap.place * f->step * size;
    }
    taps[0] = sums;
    const int go_on = piece->index > 0;
    if (go_on) memcpy(sums, out, (size_t)(elements * size));
    const char *weights = (const char *)f->weights + (piece->tap + piece->index + !go_on) * size;
    if (f->run < f->count) sum_runs(f, taps + 1, weights, elements, sums, out);
    else f->work.run(taps + !go_on, weights, piece->taps + go_on, elements, out);
}

/* Output lines line <= l < line + count of the unit, whose input lines are at hand. */
static void run_group(const fc_unit *u, int64_t line, int64_t count) {
    const fc_taps *f = u->f;
    const void **lines = (const void **)(u->scratch + f->at_lines);
    char **outs = (char **)(u->scratch + f->at_outs);
    const int64_t elements = u->places * f->step, reached = u->piece.lines + count - 1;
    const int64_t first = line % f->ring;
    const void **to = lines;
    for (int64_t p = 0; p < u->piece.planes; p++) {
        const char *ring = fc_unit_ring(u, p);
        for (int64_t i = 0, slot = first; i < reached; i++) {
            *to++ = ring + slot * f->line_bytes;
            if (++slot == f->ring) slot = 0;
        }
    }
    const int64_t kept = f->pieces > 1 ? line : 0;
    for (int64_t r = 0; r < count; r++)
        outs[r] = f->work.store ? u->scratch + f->at_sums + (kept + r) * f->out_bytes
                                : result(u, line + r);
    if (f->work.dense) sum_dense(u, line, lines, outs, count);
    else run_taps(u, lines, outs[0]);
    if (!f->work.store || u->piece.index < f->pieces - 1) return;
    for (int64_t r = 0; r < count; r++) f->work.store(outs[r], result(u, line + r), elements);
}

static void run_piece(fc_unit *u) {
    const fc_taps *f = u->f;
    int64_t brought = fc_unit_begin(u);
    for (int64_t line = 0; line < u->lines; line += f->group) {
        const int64_t count = u->lines - line < f->group ? u->lines - line : f->group;
        while (brought < line + count + u->piece.lines - 1) fc_unit_bring(u, brought++);
        run_group(u, line, count);
    }
}

static void run_unit(fc_unit *u, int64_t index) {
    const fc_taps *f = u->f;
    const int64_t leads = f->units / (f->blocks * f->strips);
    const int64_t lead = f->holds ? index % leads : index / (f->blocks * f->strips);
    const int64_t part = f->holds ? index / leads : index % (f->blocks * f->strips);
    u->place = part % f->blocks * f->block;
    u->places = f->place.out - u->place < f->block ? f->place.out - u->place : f->block;
    u->line = part / f->blocks * f->strip;
    u->lines = f->line.out - u->line < f->strip ? f->line.out - u->line : f->strip;
    u->out =
        f->out + ((lead * f->line.out + u->line) * f->place.out + u->place) * f->step * f->out_size;
    int64_t rest = lead;
    for (int a = f->leading - 1; a >= 0; rest /= f->lead[a--].out)
        u->lead[a] = rest % f->lead[a].out;
    if (f->holds && lead == 0) fc_unit_forget(u);
    u->piece.tap = u->piece.taps = 0;
    for (int64_t i = 0; i < f->pieces; i++) {
        u->piece = fc_taps_piece(f, i, u->piece.tap + u->piece.taps);
        run_piece(u);
    }
}

void fc_taps_run(void *taps, int64_t tile, void *scratch) {
    const fc_taps *f = taps;
    const int64_t first = tile * f->tile_units;
    fc_unit u;
    u.f = f, u.scratch = scratch;
    fc_unit_forget(&u);
    for (int64_t i = first; i < first + f->tile_units && i < f->units; i++) run_unit(&u, i);
}
