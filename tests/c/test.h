/* The smallest harness that does: checks that count and print, suites in a table (main.c), and a
 * random generator. */
#ifndef FC_TEST_H
#define FC_TEST_H

#include <stdint.h>

/* A check that fails is counted and printed with its place; the test goes on. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        test_checks++;                                                                             \
        if (!(condition)) test_failed(__FILE__, __LINE__, #condition, " " __VA_ARGS__);            \
    } while (0)

extern _Atomic long test_checks, test_failures;

void test_failed(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A child process runs `body` and must exit by itself, with no failed check, within `seconds`. */
void test_in_child(void (*body)(void), int seconds, const char *what);

/* On every instruction set that this CPU has, with poisoned scratch. */
void test_on_each_isa(void (*body)(void));

void test_sleep_ms(int64_t ms);
/* Long enough that no helper of the thread pool rests any more, having lost its CPU. */
#define TEST_REST_MS 100

/* xorshift64*: the same numbers everywhere. */
uint64_t test_random(uint64_t *state);
int64_t test_random_in(uint64_t *state, int64_t low, int64_t high); /* both included */

#if defined(__SANITIZE_THREAD__)
#define TEST_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_UNDER_TSAN 1
#endif
#endif
#ifndef TEST_UNDER_TSAN
#define TEST_UNDER_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TEST_UNDER_TSAN
#define TEST_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_UNDER_SANITIZER 1
#endif
#endif
#ifndef TEST_UNDER_SANITIZER
#define TEST_UNDER_SANITIZER 0
#endif

/* The suites. */
void test_thread_count(void);
void test_threads(void);
void test_fork(void);
void test_status(void);
void test_cpu(void);
void test_scratch(void);
void test_results(void);
void test_measure(void);
void test_conv(void);
void test_conv_shapes(void);
void test_conv_invalid(void);
void test_conv_scratch(void);
void test_fourier(void);
void test_images(void);
void test_pool(void);
void test_nn_activation(void);
void test_nn_linear(void);
void test_nn_norm(void);
void test_nn_classes(void);
void test_nn_layers(void);
void test_nn_update(void);
void test_filter_taps(void);
void test_filter_short(void);
void test_filter_passes(void);
void test_filter_running(void);
void test_filter_narrow(void);
void test_filter_rounded(void);
void test_filter_memory(void);

#endif
