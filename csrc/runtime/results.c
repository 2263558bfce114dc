/* Memory for results: aligned to cache lines, and of large ones a few are kept when they are freed.
 *
 * Pages fresh from the system are cleared by it when they are first written, which takes as long as
 * a fast kernel: the gradient of a depthwise convolution, 38 MB, 4.4 ms in fresh pages and 2.7 ms
 * in used ones (AMD Zen 5, two threads, November 2026). Malloc gives such blocks back at once. A
 * program that drops a result before it asks for the next of that size gets the same block.
 *
 *   slots   freed blocks; each is taken out and put in by one atomic exchange, so that there is no
 *           lock, and none that a forked child could inherit locked
 *   kept    the bytes in slots, or about to be: at most fc_results_limit()
 *
 * A block too many, of SLOTS or of `kept`, takes the place of another. */
#include "results.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "huge_pages.h"
#include "scratch.h"

#define SLOTS 16
#define KEPT_LEAST (256 << 10) /* of a block; smaller ones malloc keeps by itself */
#define LIMIT_BYTES (INT64_C(128) << 20)
#define LIMIT_SHARE 64 /* of the machine's memory, where that is less */

/* In front of what the caller gets, and as long as a cache line for the sake of its alignment. */
typedef struct block {
    _Alignas(FC_ALIGN) int64_t capacity;
} block;

static _Atomic(block *) slots[SLOTS];
static _Atomic int64_t kept;
static _Atomic unsigned turn; /* the slot to be emptied next */

int64_t fc_results_kept(void) { return atomic_load(&kept); }

int64_t fc_results_limit(void) {
    const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0 || pages / LIMIT_SHARE > LIMIT_BYTES / page) return LIMIT_BYTES;
    return pages / LIMIT_SHARE * page;
}

/* ---- Slots ----------------------------------------------------------------------------------- */

static void drop(block *b) {
    if (!b) return;
    atomic_fetch_sub(&kept, b->capacity);
    free(b);
}

static unsigned next_turn(void) { return atomic_fetch_add(&turn, 1) % SLOTS; }

static void put(block *b) {
    for (int i = 0; i < SLOTS; i++) {
        block *empty = NULL;
        if (atomic_compare_exchange_strong(&slots[i], &empty, b)) return;
    }
    drop(atomic_exchange(&slots[next_turn()], b));
}

static int suits(const block *b, int64_t bytes) {
    return b->capacity >= bytes && b->capacity - bytes <= bytes / 4;
}

/* A kept block for `bytes`, or NULL. What a thread looks at is nobody else's, so that none is freed
 * under its eyes. */
static block *take(int64_t bytes) {
    for (int i = 0; i < SLOTS; i++) {
        block *b = atomic_load(&slots[i]) ? atomic_exchange(&slots[i], NULL) : NULL;
        if (b && suits(b, bytes)) {
            atomic_fetch_sub(&kept, b->capacity);
            return b;
        }
        if (b) put(b);
    }
    return NULL;
}

/* `kept` counts the block first, so that threads that keep blocks at one time keep to the limit. */
static void keep(block *b) {
    const int64_t limit = fc_results_limit();
    atomic_fetch_add(&kept, b->capacity);
    for (int i = 0; i < SLOTS && b->capacity <= limit && atomic_load(&kept) > limit; i++)
        drop(atomic_exchange(&slots[next_turn()], NULL));
    if (atomic_load(&kept) > limit) drop(b);
    else put(b);
}

/* ---- Results --------------------------------------------------------------------------------- */

static block *create(int64_t bytes) {
    void *memory;
    if (posix_memalign(&memory, FC_ALIGN, sizeof(block) + (size_t)bytes) != 0) return NULL;
    fc_ask_huge_pages(memory, bytes);
    ((block *)memory)->capacity = bytes;
    return memory;
}

void *fc_result_new(int64_t bytes) {
    if (bytes < 0 || (uint64_t)bytes > (uint64_t)(PTRDIFF_MAX - sizeof(block) - FC_ALIGN))
        return NULL;
    block *b = bytes >= KEPT_LEAST ? take(bytes) : NULL;
    if (!b) b = create(bytes);
    if (!b) return NULL;
    fc_scratch_fill(b + 1, bytes);
    return b + 1;
}

void *fc_result_resize(void *result, int64_t bytes) {
    const int64_t before = result ? ((block *)result - 1)->capacity : 0;
    void *resized = fc_result_new(bytes);
    if (!resized || !result) return resized;
    memcpy(resized, result, (size_t)(bytes < before ? bytes : before));
    fc_result_free(result);
    return resized;
}

void fc_result_free(void *result) {
    if (!result) return;
    block *b = (block *)result - 1;
    if (b->capacity >= KEPT_LEAST) keep(b);
    else free(b);
}
