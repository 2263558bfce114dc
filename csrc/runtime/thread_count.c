/* How many threads a call uses: the thread's own limit, else the process's, else the environment's,
 * else the CPUs. */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../fastconv.h"

static atomic_int process_threads; /* 0: not set and not yet asked for */
static _Thread_local int local_threads;

/* The positive number that `name` holds (before any comma: OpenMP allows a list, a number a nesting
 * level), else 0. */
static int from_environment(const char *name) {
    const char *text = getenv(name);
    if (!text) return 0;
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || errno != 0 || n < 1 || n > INT_MAX) return 0;
    while (*end == ' ' || *end == '\t') end++;
    return *end == '\0' || *end == ',' ? (int)n : 0;
}

static int default_threads(void) {
    int n = from_environment("FASTCONV_NUM_THREADS");
    if (!n) n = from_environment("OMP_NUM_THREADS");
    return n ? n : fc_cpu_count();
}

void fc_set_num_threads(int n) {
    if (n >= 1) atomic_store_explicit(&process_threads, n, memory_order_relaxed);
}

int fc_get_num_threads(void) {
    if (local_threads) return local_threads;
    int n = atomic_load_explicit(&process_threads, memory_order_relaxed);
    if (n) return n;
    /* Asked for the first time. Whoever set it meanwhile wins. */
    int fresh = default_threads();
    return atomic_compare_exchange_strong(&process_threads, &n, fresh) ? fresh : n;
}

void fc_set_local_num_threads(int n) {
    if (n >= 0) local_threads = n;
}

int fc_get_local_num_threads(void) { return local_threads; }
