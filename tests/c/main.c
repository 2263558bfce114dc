/* The C tests: runs the suites named on the command line, or all of them. Exit status 1 where a
 * check failed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fastconv.h"
#include "runtime/clock.h"
#include "runtime/scratch.h"
#include "test.h"

_Atomic long test_checks, test_failures;

static const struct {
    const char *name;
    void (*run)(void);
} suites[] = {
    {"thread_count", test_thread_count}, /* first: it asks what nobody has asked before */
    {"threads", test_threads},
    {"fork", test_fork},
    {"status", test_status},
    {"cpu", test_cpu},
    {"scratch", test_scratch},
    {"results", test_results},
    {"measure", test_measure},
    {"conv", test_conv},
    {"conv_shapes", test_conv_shapes},
    {"conv_invalid", test_conv_invalid},
    {"conv_scratch", test_conv_scratch},
    {"fourier", test_fourier},
    {"images", test_images},
    {"pool", test_pool},
    {"nn_activation", test_nn_activation},
    {"nn_linear", test_nn_linear},
    {"nn_norm", test_nn_norm},
    {"nn_classes", test_nn_classes},
    {"nn_layers", test_nn_layers},
    {"nn_update", test_nn_update},
    {"filter_taps", test_filter_taps},
    {"filter_short", test_filter_short},
    {"filter_passes", test_filter_passes},
    {"filter_running", test_filter_running},
    {"filter_narrow", test_filter_narrow},
    {"filter_rounded", test_filter_rounded},
    {"filter_memory", test_filter_memory},
};

/* Scratch that is too large must give NULL under a sanitizer as elsewhere. */
FC_API const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
FC_API const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }

void test_sleep_ms(int64_t ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Said again at the end, which is what is left of a long log. */
static char first_failure[400];

void test_failed(const char *file, int line, const char *condition, const char *format, ...) {
    const long failures = ++test_failures;
    if (failures > 50) return; /* enough to see */
    char message[sizeof first_failure], detail[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    snprintf(message, sizeof message, "%s:%d: failed: %s%s", file, line, condition, detail);
    fprintf(stderr, "%s\n", message);
    if (failures == 1) memcpy(first_failure, message, sizeof message);
}

void test_in_child(void (*body)(void), int seconds, const char *what) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm((unsigned)seconds);
        test_failures = 0;
        body();
        _exit(test_failures ? 1 : 0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child, "%s", what);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: wait status %#x", what, status);
}

void test_on_each_isa(void (*body)(void)) {
    const char *before = fc_isa();
    fc_scratch_poison(FC_POISON_NAN);
    for (int isa = 0; isa < fc_isa_count(); isa++) {
        if (!fc_isa_available(isa)) continue;
        CHECK(fc_select_isa(fc_isa_name(isa)) == FC_OK);
        const long failures = test_failures;
        body();
        if (test_failures > failures) fprintf(stderr, "... on %s\n", fc_isa());
    }
    fc_select_isa(before);
    fc_scratch_poison(FC_POISON_NONE);
}

uint64_t test_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

int64_t test_random_in(uint64_t *state, int64_t low, int64_t high) {
    return low + (int64_t)(test_random(state) >> 11) % (high - low + 1);
}

static int wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return argc == 1;
}

int main(int argc, char **argv) {
    int run = 0;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (!wanted(suites[i].name, argc, argv)) continue;
        run++;
        long checks = test_checks, failures = test_failures;
        int64_t start = fc_clock();
        suites[i].run();
        printf("%-14s %8ld checks  %3ld failed  %6.2f s\n", suites[i].name, test_checks - checks,
               test_failures - failures, (double)(fc_clock() - start) * 1e-9);
        fflush(stdout);
    }
    if (test_failures) printf("first failure: %s\n", first_failure);
    printf("%ld checks, %ld failed (%s)\n", test_checks, test_failures, fc_isa());
    return test_failures || !run ? EXIT_FAILURE : EXIT_SUCCESS;
}
