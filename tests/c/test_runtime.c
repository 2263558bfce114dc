/* The smaller parts of the runtime: statuses, instruction sets, CPU quotas, scratch memory,
 * ceilings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fastconv.h"
#include "kernels/kernels.h"
#include "runtime/caches.h"
#include "runtime/cpu.h"
#include "runtime/scratch.h"
#include "test.h"

void test_status(void) {
    for (int i = FC_OK; i <= FC_UNSUPPORTED_ISA; i++) {
        const char *text = fc_status_string((fc_status)i);
        CHECK(text && strlen(text) > 5 && strcmp(text, "unknown status") != 0, "status %d", i);
        for (int j = FC_OK; j < i; j++)
            CHECK(strcmp(text, fc_status_string((fc_status)j)) != 0, "%d and %d read the same", i,
                  j);
    }
    CHECK(strcmp(fc_status_string((fc_status)999), "unknown status") == 0);
}

/* ---- Instruction sets ------------------------------------------------------------------------ */

static void isa_selection(void) {
    const char *before = fc_isa();
    CHECK(fc_isa_count() >= 1 && strcmp(fc_isa_name(0), "scalar") == 0 && fc_isa_available(0));
    CHECK(fc_isa_name(-1) == NULL && fc_isa_name(fc_isa_count()) == NULL);
    CHECK(!fc_isa_available(-1) && !fc_isa_available(fc_isa_count()));
    for (int i = 0; i < fc_isa_count(); i++) {
        fc_status expected = fc_isa_available(i) ? FC_OK : FC_UNSUPPORTED_ISA;
        CHECK(fc_select_isa(fc_isa_name(i)) == expected, "%s", fc_isa_name(i));
        if (expected == FC_OK) CHECK(strcmp(fc_isa(), fc_isa_name(i)) == 0);
        CHECK(fc_kernels_for(FC_F32)->lanes == 2 * fc_kernels_for(FC_F64)->lanes);
    }
    const char *last = fc_isa();
    static const char *const bad[] = {"", "avx", "avx2 ", "sse", "AVX-512", "scalars"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(fc_select_isa(bad[i]) == FC_UNSUPPORTED_ISA, "'%s'", bad[i]);
        CHECK(strcmp(fc_isa(), last) == 0, "a refused name changes nothing");
    }
    CHECK(fc_select_isa("ScaLAR") == FC_OK && strcmp(fc_isa(), "scalar") == 0, "any letter case");
    CHECK(fc_select_isa(NULL) == FC_OK && strcmp(fc_isa(), last) == 0,
          "the best is the last available");
    CHECK(fc_select_isa(before) == FC_OK);
}

/* ---- Caches ---------------------------------------------------------------------------------- */

static int same_caches(fc_caches a, fc_caches b) {
    return a.l1 == b.l1 && a.l2 == b.l2 && a.l3 == b.l3 && a.far == b.far;
}

static void caches(void) {
    static const int64_t said[] = {INT64_MIN, -1, 0, 1, 48 << 10, 1 << 20, 402653184, INT64_MAX};
    const int count = (int)(sizeof said / sizeof *said);
    for (int i = 0; i < count * count * count; i++) {
        const fc_caches c =
            fc_caches_from(said[i % count], said[i / count % count], said[i / count / count]);
        CHECK(c.l1 >= 16 << 10 && c.l1 <= 128 << 10 && c.l2 >= c.l1, "%d", i);
        CHECK(c.l2 <= 2 << 20 && c.l3 >= c.l2 && c.l3 <= 32 << 20, "%d", i);
    }
    const fc_caches usual = {48 << 10, 1 << 20, 32 << 20, 0};
    CHECK(same_caches(fc_caches_from(usual.l1, usual.l2, usual.l3), usual), "taken as said");
    CHECK(fc_caches_from(32 << 10, 1 << 20, 0).l3 == 1 << 20, "the L2 is the last");
    const fc_caches found = fc_caches_found, other = fc_caches_from(1, 1, 1);
    fc_caches_pretend(&other);
    CHECK(same_caches(fc_caches_found, other));
    fc_caches_pretend(NULL);
    CHECK(same_caches(fc_caches_found, found));
}

/* ---- CPU quotas, in a tree of files like the kernel's ---------------------------------------- */

static char root[] = P_tmpdir "/fc_cgroup_XXXXXX";

static void put(const char *path, const char *text) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(full, 0700);
    }
    FILE *f = fopen(full, "w");
    CHECK(f != NULL, "%s", full);
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

static int limit(const char *membership) {
    char path[512];
    put("membership", membership);
    snprintf(path, sizeof path, "%s/membership", root);
    return fc_cgroup_cpus(path, root);
}

static void cgroup_quotas(void) {
    if (!mkdtemp(root)) return;
    CHECK(limit("0::/\n") == 0, "no files: no limit");
    put("a/cpu.max", "max 100000\n");
    put("a/b/cpu.max", "250000 100000\n");
    put("a/b/c/cpu.max", "400000 100000\n");
    CHECK(limit("0::/a\n") == 0);
    CHECK(limit("0::/a/b\n") == 3, "2.5 CPUs are 3");
    CHECK(limit("0::/a/b/c\n") == 3, "the groups around count too");
    CHECK(limit("0::/a/b/none\n") == 3);
    CHECK(limit("0::/elsewhere\n") == 0);
    CHECK(limit("") == 0 && limit("nonsense\n") == 0 && limit("0:\n") == 0);
    put("cpu.max", "50000 100000\n");
    CHECK(limit("0::/the/host's/name\n") == 1, "a container sees its own group as the root");
    put("cpu.max", "garbage\n");
    CHECK(limit("0::/\n") == 0);
    put("cpu.max", "0 0\n");
    CHECK(limit("0::/\n") == 0);
    put("cpu,cpuacct/d/cpu.cfs_quota_us", "150000\n");
    put("cpu,cpuacct/d/cpu.cfs_period_us", "100000\n");
    CHECK(limit("5:memory:/d\n4:cpu,cpuacct:/d\n0::/\n") == 2, "version 1");
    put("cpu,cpuacct/d/cpu.cfs_quota_us", "-1\n");
    CHECK(limit("4:cpu,cpuacct:/d\n") == 0);
    put("cpu/d/cpu.cfs_quota_us", "100000\n");
    put("cpu/d/cpu.cfs_period_us", "100000\n");
    CHECK(limit("4:cpu:/d\n") == 1 && limit("4:cpuset:/d\n") == 0);
    CHECK(fc_cgroup_cpus("/nowhere/at/all", root) == 0);
    char command[256];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    CHECK(system(command) == 0);
}

void test_cpu(void) {
    caches();
    isa_selection();
    cgroup_quotas();
    CHECK(fc_cpu_count() >= 1 && fc_cpu_count() <= sysconf(_SC_NPROCESSORS_CONF));
}

/* ---- Scratch -------------------------------------------------------------------- */

void test_scratch(void) {
    static const int64_t sizes[] = {0, 1, 63, 64, 65, 4096, 1000003};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = fc_scratch(sizes[i]);
        CHECK(block && (uintptr_t)block % FC_ALIGN == 0);
        memset(block, 1, (size_t)sizes[i]);
        fc_scratch_free(block);
    }
    CHECK(fc_scratch(-1) == NULL && fc_scratch(INT64_MIN) == NULL && fc_scratch(INT64_MAX) == NULL);
    CHECK(fc_scratch(INT64_MAX / 2) == NULL);
    fc_scratch_free(NULL);
    fc_scratch_poison(FC_POISON_NAN);
    float *poisoned = fc_scratch(40);
    for (int i = 0; i < 10; i++) CHECK(poisoned[i] != poisoned[i], "a NaN everywhere");
    fc_scratch_free(poisoned);
    fc_scratch_poison(FC_POISON_NONE);
    CHECK(fc_scratch_refuse(1) == -1);
    void *granted = fc_scratch(1);
    CHECK(granted && fc_scratch(1) == NULL && fc_scratch_refuse(-1) == -1, "the second");
    fc_scratch_free(granted);
    fc_scratch_refuse(1);
    CHECK(fc_scratch_refuse(-1) == 1, "none was asked for");
    CHECK(fc_aligned(0) == 0 && fc_aligned(1) == 64 && fc_aligned(64) == 64 &&
          fc_aligned(65) == 128);
}

void test_measure(void) {
    double value = 0;
    CHECK(fc_measure_flops(FC_F32, 0.02, &value, NULL) == FC_OK && value > 1e6, "%g FLOP/s", value);
    CHECK(fc_measure_flops(FC_F64, 0.02, &value, NULL) == FC_OK && value > 1e6, "%g FLOP/s", value);
    CHECK(fc_measure_bandwidth(0.02, &value, NULL) == FC_OK && value > 1e6, "%g bytes/s", value);
    CHECK(fc_measure_flops(FC_F32, 0.02, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_measure_flops((fc_dtype)7, 0.02, &value, NULL) == FC_INVALID_DTYPE);
    CHECK(fc_measure_flops(FC_F32, 0.0 / 0.0, &value, NULL) == FC_INVALID_VALUE);
    CHECK(fc_measure_bandwidth(-1, &value, NULL) == FC_INVALID_VALUE);
    CHECK(fc_measure_bandwidth(1, NULL, NULL) == FC_INVALID_NULL);
}
