/* Adding chunks: see chunks.h. */
#include "chunks.h"

#include <string.h>

#include "../runtime/threads.h"
#include "integers.h"

#define ELEMENTS 4096 /* of an item */

static void add_item(void *context, int64_t index, int worker) {
    (void)worker;
    const fc_chunks *a = context;
    const int64_t first = index * ELEMENTS, n = min64(ELEMENTS, a->elements - first);
    char *sum = a->sum + first * a->item;
    memset(sum, 0, (size_t)(n * a->item));
    a->kernels->conv.sum_rows(sum, a->parts + first * a->item, a->elements, a->count, n);
}

fc_status fc_chunks_add(const fc_chunks *chunks, int workers, const fc_call *call) {
    const int64_t items = ceil_div(chunks->elements, ELEMENTS);
    return fc_parallel_for(call, (int)min64(workers, items), items, add_item, (void *)chunks);
}
