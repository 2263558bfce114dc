/* The sizes of this CPU's caches, found at load. See caches.c. */
#ifndef FC_CACHES_H
#define FC_CACHES_H

#include <stdint.h>

/* Bytes: the L1 for data and the L2 of a core, and the last cache, which cores share. `far`: that
 * answers late, as a mesh of many cores' parts does, and the L1 takes two accesses for a vector that
 * lies across two lines. */
typedef struct fc_caches {
    int64_t l1, l2, l3;
    int far;
} fc_caches;

extern fc_caches fc_caches_found;

/* Sizes that blocks may be chosen by, from what a system says (0 or less: nothing). */
fc_caches fc_caches_from(int64_t l1, int64_t l2, int64_t l3);

/* These from now on, or again (NULL) those found: tests run with the caches of other CPUs. */
void fc_caches_pretend(const fc_caches *caches);

#endif
