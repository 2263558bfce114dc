/* How many threads a call uses: environment, process, thread and call. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "fastconv.h"
#include "runtime/threads.h"
#include "test.h"

static const struct {
    const char *own, *openmp;
    int expected; /* 0: the CPUs */
} environments[] = {
    {"3", NULL, 3},  {"3", "5", 3},   {NULL, "5", 5},    {NULL, "4,2,1", 4},      {NULL, " 6 ", 6},
    {"", "7", 7},    {"no", "7", 7},  {"0", "7", 7},     {"-2", "7", 7},          {"3x", "7", 7},
    {"2.5", "7", 7}, {NULL, NULL, 0}, {NULL, "many", 0}, {"9999999999", NULL, 0}, {NULL, ",3", 0},
};

static int current;

static void set(const char *name, const char *value) {
    if (value) setenv(name, value, 1);
    else unsetenv(name);
}

/* In a child, as a process asks only once. */
static void environment(void) {
    set("FASTCONV_NUM_THREADS", environments[current].own);
    set("OMP_NUM_THREADS", environments[current].openmp);
    int expected = environments[current].expected ? environments[current].expected : fc_cpu_count();
    CHECK(fc_get_num_threads() == expected, "%d in environment %d", fc_get_num_threads(), current);
}

static void *other_thread(void *context) {
    (void)context;
    CHECK(fc_get_num_threads() == 5 && fc_get_local_num_threads() == 0,
          "the limit is the other thread's own");
    return NULL;
}

static void limits(void) {
    fc_set_num_threads(5);
    CHECK(fc_get_num_threads() == 5);
    fc_set_num_threads(0);
    fc_set_num_threads(-3);
    CHECK(fc_get_num_threads() == 5, "values below 1 change nothing");
    fc_set_local_num_threads(2);
    CHECK(fc_get_num_threads() == 2 && fc_get_local_num_threads() == 2);
    pthread_t thread;
    pthread_create(&thread, NULL, other_thread, NULL);
    pthread_join(thread, NULL);
    fc_set_local_num_threads(0);
    CHECK(fc_get_num_threads() == 5 && fc_get_local_num_threads() == 0);
}

static void workers(void) {
    const fc_call three = {.threads = 3}, unset = {.threads = 0}, negative = {.threads = -1};
    fc_set_num_threads(4);
    CHECK(fc_workers(NULL, 100) == 4);
    CHECK(fc_workers(&unset, 100) == 4);
    CHECK(fc_workers(&negative, 100) == 4);
    CHECK(fc_workers(&three, 100) == 3);
    CHECK(fc_workers(&three, 2) == 2, "no more than tiles");
    CHECK(fc_workers(&three, 1) == 1);
    CHECK(fc_workers(&three, 0) == 1);
    fc_set_num_threads(INT_MAX);
    CHECK(fc_get_num_threads() == INT_MAX);
    CHECK(fc_workers(NULL, INT64_MAX) == FC_MAX_WORKERS, "capped");
}

void test_thread_count(void) {
    for (current = 0; current < (int)(sizeof environments / sizeof *environments); current++)
        test_in_child(environment, 10, "environment");
    limits();
    workers();
    fc_set_num_threads(fc_cpu_count());
}
