/* Convolutions of short lines: random sizes against the definition, between pages that may not be
 * touched. */
#include <math.h>

#include "arrays.h"
#include "test.h"

static void run_case(fc_dtype dtype, int64_t n, int64_t taps, uint64_t *random) {
    array x = array_random(dtype, n, random, 0), w = array_random(dtype, taps, random, 0);
    const int64_t first = test_random_in(random, 0, n + taps - 2),
                  count = test_random_in(random, 1, n + taps - 1 - first);
    array y = array_new(dtype, count, random);
    for (int reversed = 0; reversed < 2; reversed++) {
        array_fill(&y);
        CHECK(fc_convolve_short(dtype, x.data, n, w.data, taps, reversed, first, count, y.data) ==
              FC_OK);
        for (int64_t i = 0; i < count; i++) {
            double sum = 0, size = 0;
            for (int64_t t = 0; t < taps; t++) {
                const int64_t j = first + i - t;
                if (j < 0 || j >= n) continue;
                const double term = array_at(&x, j) * array_at(&w, reversed ? taps - 1 - t : t);
                sum += term;
                size += fabs(term);
            }
            const double unit = dtype == FC_F32 ? 0x1p-24 : 0x1p-53;
            CHECK(fabs(array_at(&y, i) - sum) <= 2 * (double)(taps + 2) * unit * size,
                  "n %lld, taps %lld, %lld from %lld", (long long)n, (long long)taps, (long long)i,
                  (long long)first);
        }
    }
    array_free(&x), array_free(&w), array_free(&y);
}

static void invalid_calls(void) {
    const double x[3] = {1, 2, 3};
    double y[5];
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, 0, 5, y) == FC_OK && y[2] == 10);
    CHECK(fc_convolve_short(FC_F64, NULL, 3, x, 3, 0, 0, 5, y) == FC_INVALID_NULL);
    CHECK(fc_convolve_short((fc_dtype)7, x, 3, x, 3, 0, 0, 5, y) == FC_INVALID_DTYPE);
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, 0, 6, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, -1, 5, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, INT64_MAX, 1, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, 1, INT64_MAX, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 3, x, 3, 0, 0, 0, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 2, x, 3, 0, 0, 1, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, 100, x, FC_SHORT_TAPS + 1, 0, 0, 1, y) == FC_INVALID_SIZE);
    CHECK(fc_convolve_short(FC_F64, x, FC_SHORT_LINE + 1, x, 3, 0, 0, 1, y) == FC_INVALID_SIZE);
}

static void cases(void) {
    static uint64_t random = 5;
    for (int i = 0; i < 400; i++) {
        const int64_t taps = test_random_in(&random, 1, FC_SHORT_TAPS);
        run_case(i % 2 ? FC_F32 : FC_F64, taps + test_random_in(&random, 0, 90), taps, &random);
    }
    run_case(FC_F64, FC_SHORT_LINE, FC_SHORT_TAPS, &random);
}

void test_filter_short(void) {
    test_on_each_isa(cases);
    invalid_calls();
}
