/* Memory for results: aligned, kept within bounds, and never two owners'. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "runtime/results.h"
#include "runtime/scratch.h"
#include "test.h"

#define MB (INT64_C(1) << 20)

static void results_are_kept_for_the_next(void) {
    char *first = fc_result_new(3 * MB);
    fc_result_free(first);
    CHECK(fc_results_kept() == 3 * MB);
    char *much_smaller = fc_result_new(2 * MB), *larger = fc_result_new(3 * MB + 1);
    CHECK(much_smaller != first && larger != first);
    char *smaller = fc_result_new(3 * MB - 100000);
    CHECK(smaller == first && fc_results_kept() == 0);
    fc_result_free(much_smaller);
    fc_result_free(larger);
    fc_result_free(smaller);
    CHECK(fc_results_kept() == 8 * MB + 1);
    fc_result_free(fc_result_new(1000));
    CHECK(fc_results_kept() == 8 * MB + 1, "small ones are not");
}

static void kept_results_are_bounded(void) {
    const int64_t limit = fc_results_limit();
    CHECK(limit > MB && limit <= 128 * MB);
    void *blocks[40];
    for (int i = 0; i < 40; i++) blocks[i] = fc_result_new(i < 20 ? MB : limit / 4);
    for (int i = 0; i < 40; i++) {
        fc_result_free(blocks[i]);
        CHECK(fc_results_kept() <= limit);
    }
    CHECK(fc_results_kept() > limit / 2);
    const int64_t before = fc_results_kept();
    fc_result_free(fc_result_new(limit + 1));
    CHECK(fc_results_kept() == before, "what is above the limit displaces nothing");
}

static void results_resize(void) {
    static const int64_t sizes[] = {1, 5000, 300000, 64, 2000000, 2000001, 100};
    unsigned char *block = fc_result_resize(NULL, 1);
    *block = 77;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = fc_result_resize(block, sizes[i]);
        CHECK(block && (uintptr_t)block % FC_ALIGN == 0 && *block == 77);
        memset(block + 1, 1, (size_t)sizes[i] - 1);
    }
    CHECK(fc_result_resize(block, INT64_MAX) == NULL && *block == 77);
    fc_result_free(block);
}

typedef struct churn {
    pthread_t thread;
    uint64_t seed;
} churn;

/* No block has two owners: what a thread has written stays. */
static void *take_write_check_free(void *context) {
    uint64_t *seed = &((churn *)context)->seed;
    for (int i = 0; i < 2000; i++) {
        const int64_t words = test_random_in(seed, 1 << 15, 1 << 17);
        uint64_t *block = fc_result_new(words * 8);
        const uint64_t mine = test_random(seed);
        block[0] = block[words - 1] = mine;
        sched_yield();
        CHECK(block[0] == mine && block[words - 1] == mine);
        fc_result_free(block);
    }
    return NULL;
}

static void results_of_many_threads(void) {
    churn all[4];
    for (int i = 0; i < 4; i++) {
        all[i].seed = (uint64_t)i + 1;
        pthread_create(&all[i].thread, NULL, take_write_check_free, &all[i]);
    }
    for (int i = 0; i < 4; i++) pthread_join(all[i].thread, NULL);
    CHECK(fc_results_kept() <= fc_results_limit());
}

void test_results(void) {
    results_are_kept_for_the_next();
    kept_results_are_bounded();
    results_resize();
    results_of_many_threads();
    CHECK(fc_result_new(-1) == NULL && fc_result_new(INT64_MAX) == NULL);
    fc_result_free(NULL);
    fc_scratch_poison(FC_POISON_NAN);
    float *poisoned = fc_result_new(3 * MB);
    CHECK(poisoned[0] != poisoned[0] && poisoned[700000] != poisoned[700000]);
    fc_result_free(poisoned);
    fc_scratch_poison(FC_POISON_NONE);
}
