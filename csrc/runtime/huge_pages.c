/* Prefetchers stop at the end of a page, and every page costs a translation: what is read from one
 * end to the other comes faster from large ones. */
#include "huge_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#define LEAST (4 << 20) /* bytes of a block, as NumPy has it for its arrays */

void fc_ask_huge_pages(void *block, int64_t bytes) {
#ifdef MADV_HUGEPAGE
    if (bytes < LEAST) return;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)block;
    const uintptr_t first = (from + page - 1) / page * page;
    madvise((void *)first, from + (uintptr_t)bytes - first, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}
