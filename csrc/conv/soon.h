/* What comes next is asked for by the calls of a kernel (fc_outer's `soon`), each for some lines of a
 * row, or of some rows: computing from the same 32 KB for thousands of cycles, the processor does
 * not foresee it.
 * Taps that Winograd's U is made from came from the L3 or memory at 3 GB/s, asked for at 20 and
 * more: plans of 512 channels take a fifth less at 28 x 28, 1024 at 14 x 14 a third (AMD Zen 4,
 * November 2026). */
#ifndef FC_SOON_H
#define FC_SOON_H

#include <stddef.h>
#include <stdint.h>

#include "integers.h"

#define FC_SOON_LINE 64 /* bytes, of a cache */

/* `rows` of `bytes`, `step` bytes from one to the next. */
typedef struct fc_soon_rows {
    const char *at;
    int64_t rows, bytes, step;
} fc_soon_rows;

typedef struct fc_soon {
    fc_soon_rows next;
    int64_t calls, together; /* calls that share a row; or rows of one call */
    int64_t lines;           /* of a row that one call asks for */
    int64_t *offset;         /* of what each product of a call asks for, in elements */
} fc_soon;

/* Shared by `calls` of `depth` products, which ask for a line each, at most; `item`: bytes of an
 * element; `offset`: of each product. */
static inline fc_soon fc_soon_share(fc_soon_rows next, int64_t calls, int64_t depth, int64_t item,
                                    int64_t *offset) {
    fc_soon s = {.next = next, .offset = offset};
    if (!next.rows || !calls) return s;
    s.calls = max64(1, calls / next.rows);
    s.together = min64(depth, ceil_div(next.rows, calls));
    s.lines = min64(depth / s.together, ceil_div(ceil_div(next.bytes, FC_SOON_LINE), s.calls));
    const int64_t line = FC_SOON_LINE / item;
    for (int64_t i = 0, part = 0, at = 0, row = 0; i < depth; i++) {
        offset[i] = row * (next.step / item) + at * line;
        for (part += s.together * s.lines; part >= depth; part -= depth)
            if (++at == s.lines) {
                at = 0;
                row++;
            }
    }
    return s;
}

/* Where a call begins to ask, or NULL. */
static inline const char *fc_soon_at(const fc_soon *s, int64_t call) {
    if (!s->calls || call >= s->calls * ceil_div(s->next.rows, s->together)) return NULL;
    return s->next.at + call / s->calls * s->together * s->next.step +
           call % s->calls * s->lines * FC_SOON_LINE;
}

#endif
