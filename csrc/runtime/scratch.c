/* Scratch memory: one aligned block a call. Exactly as long as asked for, so that AddressSanitizer
 * sees an overrun. */
#include "scratch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "huge_pages.h"

static atomic_int poisoned;
static _Atomic int64_t granted = -1; /* requests until one is refused */

static int is_refused(void) {
    return atomic_load_explicit(&granted, memory_order_relaxed) >= 0 &&
           atomic_fetch_sub_explicit(&granted, 1, memory_order_relaxed) == 0;
}

void *fc_scratch(int64_t bytes) {
    void *block;
    /* Half the address space is absurd, and what PTRDIFF_MAX allows. */
    if (bytes < 0 || (uint64_t)bytes > (uint64_t)(PTRDIFF_MAX - FC_ALIGN)) return NULL;
    if (is_refused()) return NULL;
    /* A call that needs nothing still gets a block: NULL means no memory. */
    if (posix_memalign(&block, FC_ALIGN, bytes ? (size_t)bytes : 1) != 0) return NULL;
    fc_ask_huge_pages(block, bytes);
    fc_scratch_fill(block, bytes);
    return block;
}

void fc_scratch_fill(void *block, int64_t bytes) {
    const int pattern = atomic_load_explicit(&poisoned, memory_order_relaxed);
    /* All bits set is a NaN in either type, and -1 as an index. */
    if (pattern == FC_POISON_NAN) memset(block, 0xff, (size_t)bytes);
    if (pattern != FC_POISON_SUBNORMAL) return;
    const uint32_t smallest = 1; /* and two of them in a double */
    for (int64_t i = 0; i + (int64_t)sizeof smallest <= bytes; i += (int64_t)sizeof smallest)
        memcpy((char *)block + i, &smallest, sizeof smallest);
}

void fc_scratch_free(void *scratch) { free(scratch); }

int64_t fc_scratch_refuse(int64_t after) { return atomic_exchange(&granted, after); }

void fc_scratch_poison(fc_poison pattern) {
    atomic_store_explicit(&poisoned, (int)pattern, memory_order_relaxed);
}
