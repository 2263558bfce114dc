/* A pass along a line, which has been extended beyond its ends: the taps are the line itself, from
 * one place after the other on.
 *
 * Large windows in steps: from the sums of 2^n neighbours those of 2^(n + 1), from the maxima of
 * 5^n those of 5^(n + 1). Overlapping maxima make one of any size; a sum is that of the binary
 * digits of its size. Nothing is subtracted: no rounding is carried along a line, and NaN stays
 * where its windows are. */
#include "along.h"

#include <string.h>

#include "../runtime/scratch.h"

#define BLOCK 2048       /* elements of a line whose sums of all sizes stay in the first cache */
#define FEW 5            /* maxima that are made one at a time: the kernels' number */
#define LEVELS (4 << 20) /* bytes */

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

/* How many levels are kept: all, that sums are made of at once; two, where each is used as soon as
 * it is there. */
static int64_t levels(const fc_pass_run *p, int64_t level) {
    const int64_t all = highest_bit(p->pass->size);
    return p->pass->op == FC_WINDOW_MEAN && all * level <= LEVELS ? all : 2;
}

/* Whether windows are put together of others. */
static int in_steps(const fc_pass_run *p) {
    const int extreme = p->pass->op == FC_WINDOW_MAX || p->pass->op == FC_WINDOW_MIN;
    return p->way == FC_PASS_LARGE || (extreme && p->pass->size > FEW);
}

int64_t fc_along_bytes(const fc_pass_run *p, int64_t places, int64_t step) {
    if (!in_steps(p)) return pointer_bytes(p);
    const int64_t level = level_bytes(p, places, step);
    const int64_t repeated = p->repeated ? fc_aligned(places * step * p->work.size) : 0;
    return levels(p, level) * level + repeated;
}

static const void *weight(const fc_pass_run *p, int64_t i) {
    return (const char *)p->weights + i * p->work.size;
}

/* A block of a line, and what is made of it. */
typedef struct block {
    const fc_pass_run *p;
    const char *line;
    char *out;
    int64_t places, step;
    const char *repeated; /* what is added to sums; NULL: nothing */
    char *levels;
    int64_t kept, level; /* levels; bytes of one */
} block;

static char *level_of(const block *b, int bit) {
    return b->levels + (bit - 1) % b->kept * b->level;
}

/* The window's sum from those of 2^n neighbours, the longest first. */
static void add_digits(const block *b) {
    const fc_pass_run *p = b->p;
    const int64_t size = p->pass->size, place = b->step * p->work.size;
    const void *taps[FC_LARGE_ONES];
    int count = 0;
    int64_t at = 0;
    if (b->repeated) taps[count++] = b->repeated;
    for (int bit = highest_bit(size); bit >= 0; bit--) {
        if (!(size >> bit & 1)) continue;
        taps[count++] = (bit ? level_of(b, bit) : b->line) + at * place;
        at += INT64_C(1) << bit;
    }
    const int64_t first = FC_LARGE_ONES + 1 - count + (size & 1);
    p->work.run(taps, weight(p, first), count, b->places * b->step, b->out);
}

/* Those of 2^bit neighbours, if the window's sum has them, after those of less. */
static void add_digit(const block *b, int bit, const char *sums) {
    const fc_pass_run *p = b->p;
    const int64_t size = p->pass->size, bytes = b->step * p->work.size;
    if (bit == 0 && b->repeated) memcpy(b->out, b->repeated, (size_t)(b->places * bytes));
    if (bit == 0 && !b->repeated) memset(b->out, 0, (size_t)(b->places * bytes));
    if (!(size >> bit & 1)) return;
    const char *from = sums + (size >> bit >> 1 << bit << 1) * bytes;
    fc_pass_add(p, from, bit ? 1.0 : fc_pass_share(p), b->places * b->step, b->out);
}

static void run_mean(const block *b) {
    const fc_pass_run *p = b->p;
    const int64_t size = p->pass->size, place = b->step * p->work.size;
    const int top = highest_bit(size), all = b->kept == top;
    const char *from = b->line;
    for (int bit = 0; bit < top; bit++) {
        const int64_t apart = INT64_C(1) << bit;
        const void *taps[2] = {from, from + apart * place};
        if (!all) add_digit(b, bit, from);
        p->work.run(taps, weight(p, bit ? 1 : FC_LARGE_ONES + 1), 2,
                    (b->places + size - 2 * apart) * b->step, level_of(b, bit + 1));
        from = level_of(b, bit + 1);
    }
    if (all) add_digits(b);
    else add_digit(b, top, from);
    if (p->divide) fc_pass_divide(p, b->out, b->places * b->step);
}

/* Of `reach` neighbours to those of FEW times as many, until so many are the window. */
static void run_extreme(const block *b) {
    const fc_pass_run *p = b->p;
    const int64_t size = p->pass->size, place = b->step * p->work.size;
    const void *taps[FEW];
    const char *from = b->line;
    int64_t reach = 1;
    for (int level = 1; size > FEW * reach; level++) {
        for (int i = 0; i < FEW; i++) taps[i] = from + i * reach * place;
        reach *= FEW;
        p->work.run(taps, NULL, FEW, (b->places + size - reach) * b->step, level_of(b, level));
        from = level_of(b, level);
    }
    int count = 0;
    for (int64_t at = 0; at < size - reach; at += reach) taps[count++] = from + at * place;
    taps[count++] = from + (size - reach) * place;
    p->work.run(taps, NULL, count, b->places * b->step, b->out);
}

/* What means of a line are less than those of the window that was cut down, for each of its places:
 * all of it is one block then. */
static void set_repeated(const fc_pass_run *p, const char *line, int64_t places, int64_t step,
                         char *to) {
    const int64_t place = step * p->work.size;
    memset(to, 0, (size_t)place);
    for (const fc_repeat *r = p->repeats; r < p->repeats + FC_REPEATS; r++)
        for (int64_t i = r->first; r->times && i < r->last; i++)
            fc_pass_add(p, line + (i + p->pass->offset) * place,
                        (double)r->times * fc_pass_share(p), step, to);
    for (int64_t i = 1; i < places; i++) memcpy(to + i * place, to, (size_t)place);
}

static void run_large(const fc_pass_run *p, const char *line, int64_t places, int64_t step,
                      char *out, char *scratch) {
    const int64_t place = step * p->work.size, most = block_places(p, places, step);
    block b = {.p = p, .step = step, .level = level_bytes(p, places, step)};
    b.kept = levels(p, b.level);
    b.levels = scratch;
    if (p->repeated) {
        char *repeated = scratch + b.kept * b.level;
        set_repeated(p, line, places, step, repeated);
        b.repeated = repeated;
    }
    for (int64_t x = 0; x < places; x += most) {
        b.line = line + x * place;
        b.out = out + x * place;
        b.places = x + most < places ? most : places - x;
        if (p->pass->op == FC_WINDOW_MEAN) run_mean(&b);
        else run_extreme(&b);
    }
}

void fc_along(const fc_pass_run *p, const void *line, int64_t places, int64_t step, int count,
              int64_t apart, void *out, int64_t out_apart, void *scratch) {
    const char *from = line;
    char *to = out;
    const int64_t size = p->pass->size, place = step * p->work.size;
    const int large = in_steps(p);
    const void **taps = scratch;
    for (; count > 0; count--, from += apart, to += out_apart) {
        if (large) {
            run_large(p, from, places, step, to, scratch);
            continue;
        }
        for (int64_t i = 0; i < size; i++) taps[i] = from + i * place;
        fc_pass_apply(p, taps, taps + size, places * step, to);
    }
}
