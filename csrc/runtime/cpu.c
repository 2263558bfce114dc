/* The machine: which instruction sets are built in and which this CPU has, which kernels are in
 * use, and how many CPUs this process may use. Compiled for the baseline: it must run on a CPU that
 * has none of the extensions. */
#include "cpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "../fastconv.h"
#include "../kernels/kernels.h"

/* ---- Instruction sets ------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define FC_HAVE_AVX2
#define FC_HAVE_AVX512
#elif defined(__aarch64__)
#define FC_HAVE_NEON
#endif

typedef struct isa {
    const char *name;
    int (*available)(void);
    const fc_kernels *kernels[2]; /* by fc_dtype */
} isa;

static int always(void) { return 1; }

#if defined(__x86_64__)
/* The compiler's own detection (cpuid), which also asks xgetbv whether the system saves the
 * registers. */
static int has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

#define DECLARE(name) extern const fc_kernels fc_kernels_##name##_f32, fc_kernels_##name##_f64
#define ENTRY(isa, has) {#isa, has, {&fc_kernels_##isa##_f32, &fc_kernels_##isa##_f64}}

DECLARE(scalar);
#ifdef FC_HAVE_NEON
DECLARE(neon);
#endif
#ifdef FC_HAVE_AVX2
DECLARE(avx2);
#endif
#ifdef FC_HAVE_AVX512
DECLARE(avx512);
#endif

/* The best last. */
static const isa isas[] = {
    ENTRY(scalar, always),
#ifdef FC_HAVE_NEON
    ENTRY(neon, always), /* part of the architecture */
#endif
#ifdef FC_HAVE_AVX2
    ENTRY(avx2, has_avx2),
#endif
#ifdef FC_HAVE_AVX512
    ENTRY(avx512, has_avx512),
#endif
};

enum { ISAS = sizeof isas / sizeof *isas };

static _Atomic(const isa *) selected;

static const isa *best_isa(void) {
    int i = ISAS - 1;
    while (!isas[i].available()) i--;
    return &isas[i];
}

static const isa *current_isa(void) {
    const isa *now = atomic_load_explicit(&selected, memory_order_acquire);
    if (now) return now;
    const isa *best = best_isa();
    return atomic_compare_exchange_strong(&selected, &now, best) ? best : now;
}

fc_status fc_select_isa(const char *name) {
    const isa *wanted = NULL;
    for (int i = 0; name && i < ISAS; i++)
        if (strcasecmp(name, isas[i].name) == 0 && isas[i].available()) wanted = &isas[i];
    if (name && !wanted) return FC_UNSUPPORTED_ISA;
    atomic_store_explicit(&selected, wanted ? wanted : best_isa(), memory_order_release);
    return FC_OK;
}

const char *fc_isa(void) { return current_isa()->name; }

int fc_isa_count(void) { return ISAS; }

const char *fc_isa_name(int i) { return i >= 0 && i < ISAS ? isas[i].name : NULL; }

int fc_isa_available(int i) { return i >= 0 && i < ISAS && isas[i].available(); }

const fc_kernels *fc_kernels_for(fc_dtype dtype) { return current_isa()->kernels[dtype == FC_F64]; }

/* ---- CPUs ------------------------------------------------------------------------------------ */

enum { LINE = 4096 };

/* CPUs, rounded up, of `quota` microseconds in every `period`; 0: no limit. */
static int quota_cpus(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return 0;
    long long cpus = (quota + period - 1) / period;
    return cpus > 1 << 20 ? 0 : (int)cpus;
}

static int smaller_limit(int a, int b) { return a && (!b || a < b) ? a : b; }

static int read_line(const char *directory, const char *file, char line[LINE]) {
    char path[LINE];
    int length = snprintf(path, sizeof path, "%s/%s", directory, file);
    if (length < 0 || length >= (int)sizeof path) return 0;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    int ok = fgets(line, LINE, f) != NULL;
    fclose(f);
    return ok;
}

/* The limit written in one group's directory: version 2 (cpu.max: "max 100000" or "150000 100000")
 * or version 1. */
static int group_cpus(const char *directory) {
    char line[LINE];
    long long quota, period;
    if (read_line(directory, "cpu.max", line))
        return sscanf(line, "%lld %lld", &quota, &period) == 2 ? quota_cpus(quota, period) : 0;
    if (!read_line(directory, "cpu.cfs_quota_us", line) || sscanf(line, "%lld", &quota) != 1)
        return 0;
    if (!read_line(directory, "cpu.cfs_period_us", line) || sscanf(line, "%lld", &period) != 1)
        return 0;
    return quota_cpus(quota, period);
}

/* The smallest limit of the group `path` under `root` and of all the groups around it. A container
 * may see its own group as the root while the path is the host's: groups that are not there count
 * as no limit. */
static int branch_cpus(const char *root, const char *path) {
    char directory[LINE];
    size_t base = strlen(root);
    int length = snprintf(directory, sizeof directory, "%s%s", root, path);
    if (length < 0 || length >= (int)sizeof directory) return 0;
    int cpus = 0;
    for (;;) {
        cpus = smaller_limit(group_cpus(directory), cpus);
        char *slash = strrchr(directory + base, '/');
        if (!slash) return cpus;
        *slash = '\0';
    }
}

/* Whether a comma list of version 1 controllers names "cpu". */
static int lists_cpu(const char *controllers) {
    for (const char *c = controllers; *c;) {
        size_t length = strcspn(c, ",");
        if (length == 3 && strncmp(c, "cpu", 3) == 0) return 1;
        c += length + (c[length] == ',');
    }
    return 0;
}

int fc_cgroup_cpus(const char *membership, const char *root) {
    FILE *f = fopen(membership, "re");
    if (!f) return 0;
    char line[LINE], mount[LINE];
    int cpus = 0;
    while (fgets(line, sizeof line, f)) { /* "hierarchy:controllers:path" */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *controllers++ = *path++ = '\0';
        if (*controllers == '\0') { /* version 2: a single tree */
            cpus = smaller_limit(branch_cpus(root, path), cpus);
        } else if (lists_cpu(controllers)) {
            const char *const mounts[] = {controllers, "cpu"};
            for (int i = 0; i < 2; i++)
                if (snprintf(mount, sizeof mount, "%s/%s", root, mounts[i]) < (int)sizeof mount)
                    cpus = smaller_limit(branch_cpus(mount, path), cpus);
        }
    }
    fclose(f);
    return cpus;
}

/* The CPUs that the scheduler may give this thread. */
static int affinity_cpus(void) {
#ifdef __linux__
    /* The kernel's own mask may be wider than cpu_set_t. */
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set) break;
        size_t size = CPU_ALLOC_SIZE(cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int fc_cpu_count(void) {
    return smaller_limit(fc_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup"), affinity_cpus());
}
