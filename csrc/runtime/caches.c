/* The caches, as the C library knows them. It may know nothing, and a virtual machine may be told
 * the last cache of all sockets together: sizes are held within those that are common. Scratch
 * grows with the L2, and so does not pass a few MB a thread. */
#include "caches.h"

#include <stddef.h>
#include <unistd.h>

/* Where the system tells nothing: those of a modest CPU. */
#define L1 ((int64_t)32 << 10)
#define L2 ((int64_t)512 << 10)
#define L3 ((int64_t)4 << 20)

static int64_t within(int64_t bytes, int64_t least, int64_t most) {
    return bytes < least ? least : bytes > most ? most : bytes;
}

fc_caches fc_caches_from(int64_t l1, int64_t l2, int64_t l3) {
    fc_caches c = {.l1 = l1 > 0 ? l1 : L1, .l2 = l2 > 0 ? l2 : L2, .l3 = l3 > 0 ? l3 : L3};
    if (l2 > 0 && l3 <= 0) c.l3 = l2; /* the L2 is the last */
    c.l1 = within(c.l1, 16 << 10, 128 << 10);
    c.l2 = within(c.l2, 128 << 10, 2 << 20);
    c.l3 = within(c.l3, c.l2, 32 << 20);
    return c;
}

static int64_t asked(int name) {
    const long bytes = name < 0 ? 0 : sysconf(name);
    return bytes > 0 ? bytes : 0;
}

#ifdef _SC_LEVEL1_DCACHE_SIZE
enum { ASK_L1 = _SC_LEVEL1_DCACHE_SIZE, ASK_L2 = _SC_LEVEL2_CACHE_SIZE };
enum { ASK_L3 = _SC_LEVEL3_CACHE_SIZE };
#else
enum { ASK_L1 = -1, ASK_L2 = -1, ASK_L3 = -1 };
#endif

/* Whether they are those of Intel's cores: on Granite Rapids the L3 answers after 37 ns where it
 * holds 4 to 8 MB, and after 90 to 160 where 16 to 32 MB (November 2026). */
static int are_far(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_is("intel") != 0;
#else
    return 0;
#endif
}

fc_caches fc_caches_found = {L1, L2, L3, 0};

void fc_caches_pretend(const fc_caches *caches) {
    fc_caches found = fc_caches_from(asked(ASK_L1), asked(ASK_L2), asked(ASK_L3));
    found.far = are_far();
    fc_caches_found = caches ? *caches : found;
}

__attribute__((constructor)) static void find(void) { fc_caches_pretend(NULL); }
