/* A sum over all pixels in chunks, each by itself and then added in their order: more items for the
 * threads, and the same bytes for any number of them. */
#ifndef FC_CHUNKS_H
#define FC_CHUNKS_H

#include "../kernels/kernels.h"

/* The chunks' parts, one behind another, and the array that is their sum. */
typedef struct fc_chunks {
    const fc_kernels *kernels;
    const char *parts;
    char *sum;
    int64_t item, elements, count; /* of a part; and how many parts */
} fc_chunks;

fc_status fc_chunks_add(const fc_chunks *chunks, int workers, const fc_call *call);

#endif
