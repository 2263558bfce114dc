/* Scratch memory of one call: asked for once, aligned to cache lines, freed at the end. See
 * scratch.c. */
#ifndef FC_SCRATCH_H
#define FC_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#define FC_ALIGN 64

/* `bytes` rounded up so that what follows is aligned. */
static inline int64_t fc_aligned(int64_t bytes) {
    return (bytes + FC_ALIGN - 1) / FC_ALIGN * FC_ALIGN;
}

/* NULL where there is not enough memory (or bytes is negative or absurd). */
void *fc_scratch(int64_t bytes);
void fc_scratch_free(void *scratch);

/* Fill all scratch, and memory for results, from now on (tests): with NaN, as no result may rely on
 * what it holds; or with subnormal numbers, as nothing should compute with it even in lanes that are
 * dropped: on Intel's cores, a multiply-add that meets one takes a hundred times as long. */
typedef enum fc_poison { FC_POISON_NONE, FC_POISON_NAN, FC_POISON_SUBNORMAL } fc_poison;
void fc_scratch_poison(fc_poison pattern);
void fc_scratch_fill(void *block, int64_t bytes); /* does so, where that is on */

/* Refuse the request that `after` more come before, once (tests); none, if that is negative. Gives
 * how many were still to come before the one asked for last: it has been refused if less than 0. */
int64_t fc_scratch_refuse(int64_t after);

#endif
