/* Forking: a child computes, whatever the parent's threads were doing; a refused thread is done
 * without. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fastconv.h"
#include "runtime/clock.h"
#include "runtime/threads.h"
#include "test.h"

static _Atomic int stop;

static void count_tile(void *context, int64_t tile, int worker) {
    (void)tile, (void)worker;
    ++*(_Atomic int64_t *)context;
    for (int i = 0; i < 200; i++) fc_cpu_relax();
}

static void compute(void) {
    _Atomic int64_t count = 0;
    CHECK(fc_parallel_for(NULL, 4, 50, count_tile, &count) == FC_OK);
    CHECK(count == 50);
}

static void compute_twice(void) {
    CHECK(fc_pool_threads() == 0, "a child starts with an empty pool");
    compute();
    CHECK(fc_pool_threads() > 0);
    compute();
}

static void and_fork_again(void) {
    compute();
    test_in_child(compute_twice, 10, "grandchild");
    compute();
}

static void *compute_until_stopped(void *context) {
    (void)context;
    while (!stop) compute();
    return NULL;
}

static void *fork_often(void *context) {
    (void)context;
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 8 : 40); i++)
        test_in_child(compute_twice, 10, "child");
    return NULL;
}

/* Several threads fork while others compute: the pool is in every state there is. */
static void fork_while_computing(void) {
    pthread_t computing[3], forking[3];
    stop = 0;
    for (int i = 0; i < 3; i++) pthread_create(&computing[i], NULL, compute_until_stopped, NULL);
    for (int i = 0; i < 3; i++) pthread_create(&forking[i], NULL, fork_often, NULL);
    for (int i = 0; i < 3; i++) pthread_join(forking[i], NULL);
    stop = 1;
    for (int i = 0; i < 3; i++) pthread_join(computing[i], NULL);
}

/* The question's answer is a fork: the parent goes on, the child's loop ends. */
static pid_t forked;

static int ask_and_fork(void *context) {
    int *asked = context;
    if (!*asked) {
        *asked = 1;
        forked = fork();
    }
    return 0;
}

static void slow_tile(void *context, int64_t tile, int worker) {
    (void)context, (void)tile, (void)worker;
    for (int64_t end = fc_clock() + 1000000; fc_clock() < end;) fc_cpu_relax();
}

static void fork_from_within(void) {
    int asked = 0;
    fc_call call = {.interrupted = ask_and_fork, .context = &asked};
    test_sleep_ms(TEST_REST_MS); /* without a helper, the child would lose no tiles and go on */
    fc_status status = fc_parallel_for(&call, 3, 600, slow_tile, NULL);
    if (forked == 0) {
        alarm(10);
        compute_twice();
        _exit(status == FC_INTERRUPTED && test_failures == 0 ? 0 : 1);
    }
    int result = 1;
    CHECK(status == FC_OK);
    CHECK(forked > 0 && waitpid(forked, &result, 0) == forked && result == 0, "wait status %#x",
          result);
}

/* No memory for a stack: the loop makes do with the threads that it gets, if any. */
static void without_threads(void) {
    struct rlimit none = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    compute();
}

void test_fork(void) {
    compute();
    /* ThreadSanitizer and emulators cannot follow a process that forks with threads and then
     * creates more. */
    if (TEST_UNDER_TSAN || getenv("FC_TEST_EMULATED")) return;
    test_in_child(and_fork_again, 20, "child");
    fork_while_computing();
    fork_from_within();
    if (!TEST_UNDER_SANITIZER) test_in_child(without_threads, 10, "no memory for stacks");
}
