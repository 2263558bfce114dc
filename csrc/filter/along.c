/* A pass along a line, which has been extended beyond its ends: the taps are the line itself, from
 * one place after the other on.
 *
 * Large windows by doubling: from the sums (or maxima) of 2^n neighbours those of 2^(n + 1). Two
 * overlapping maxima make one of any size; a sum is that of the binary digits of its size. Nothing
 * is subtracted: no rounding is carried along a line, and NaN stays where its windows are. */
#include "along.h"

#include "../runtime/scratch.h"

#define BLOCK 2048 /* elements of a line whose sums of all sizes stay in the first cache */

static int highest_bit(int64_t size) {
    int bit = 0;
    while (size >> (bit + 1)) bit++;
    return bit;
}

static int64_t block_places(const fc_pass_run *p, int64_t places, int64_t step) {
    int64_t block = BLOCK / step;
    if (block < 2 * p->pass->size) block = 2 * p->pass->size;
    return block < places ? block : places;
}

static int64_t pointer_bytes(const fc_pass_run *p) {
    return fc_aligned((p->pass->size + fc_pass_pointers(p->pass)) * (int64_t)sizeof(void *));
}

static int64_t level_bytes(const fc_pass_run *p, int64_t places, int64_t step) {
    return fc_aligned((block_places(p, places, step) + p->pass->size) * step * p->work.size);
}

int64_t fc_along_bytes(const fc_pass_run *p, int64_t places, int64_t step) {
    if (p->way != FC_PASS_LARGE) return pointer_bytes(p);
    return highest_bit(p->pass->size) * level_bytes(p, places, step);
}

static const void *weight(const fc_pass_run *p, int64_t i) {
    return (const char *)p->weights + i * p->work.size;
}

/* The window's sum from those of 2^n neighbours, the longest first. */
static void add_digits(const fc_pass_run *p, const char *line, const char *levels, int64_t level,
                       int64_t place, int64_t elements, void *out) {
    const void *taps[64];
    int count = 0;
    int64_t at = 0;
    for (int bit = highest_bit(p->pass->size); bit >= 0; bit--) {
        if (!(p->pass->size >> bit & 1)) continue;
        taps[count++] = (bit ? levels + (bit - 1) * level : line) + at * place;
        at += INT64_C(1) << bit;
    }
    const int64_t first = FC_LARGE_ONES + 1 - count + (p->pass->size & 1);
    p->work.run(taps, weight(p, first), count, elements, out);
    if (p->divide) fc_pass_divide(p, out, elements);
}

static void large_block(const fc_pass_run *p, const char *line, int64_t places, int64_t step,
                        char *out, char *levels, int64_t level) {
    const int64_t size = p->pass->size, place = step * p->work.size;
    const int top = highest_bit(size);
    const char *from = line;
    for (int bit = 0; bit < top; bit++) {
        const int64_t apart = INT64_C(1) << bit;
        const void *taps[2] = {from, from + apart * place};
        p->work.run(taps, weight(p, bit ? 1 : FC_LARGE_ONES + 1), 2,
                    (places + size - 2 * apart) * step, levels + bit * level);
        from = levels + bit * level;
    }
    if (p->pass->op == FC_WINDOW_MEAN) {
        add_digits(p, line, levels, level, place, places * step, out);
        return;
    }
    const void *taps[2] = {from, from + (size - (INT64_C(1) << top)) * place};
    p->work.run(taps, NULL, 2, places * step, out);
}

void fc_along(const fc_pass_run *p, const void *line, int64_t places, int64_t step, void *out,
              void *scratch) {
    const int64_t place = step * p->work.size;
    if (p->way != FC_PASS_LARGE) {
        const void **taps = scratch;
        for (int64_t i = 0; i < p->pass->size; i++) taps[i] = (const char *)line + i * place;
        fc_pass_apply(p, taps, taps + p->pass->size, places * step, out);
        return;
    }
    const int64_t block = block_places(p, places, step), level = level_bytes(p, places, step);
    for (int64_t x = 0; x < places; x += block)
        large_block(p, (const char *)line + x * place, x + block < places ? block : places - x,
                    step, (char *)out + x * place, scratch, level);
}
