/* Weights in float32 with the sum that they have in double (filter/rounded.c): each is one of the
 * two numbers next to it, no other choice of one more of them comes closer to the sum, and
 * symmetric weights stay symmetric. */
#include <float.h>
#include <math.h>

#include "filter/rounded.h"
#include "test.h"

#define MOST 160

static double sum_of(const float *w, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += (double)w[i];
    return sum;
}

/* Rounded to nearest, or to the number beyond the weight's other side, as far as that goes. */
static int is_next_to(float rounded, double weight) {
    const float nearest = (float)weight;
    return rounded == nearest || rounded == nextafterf(nearest, INFINITY) ||
           rounded == nextafterf(nearest, -INFINITY);
}

static void check_weights(const double *w, int64_t count, int symmetric, const char *what) {
    float rounded[MOST], nearest[MOST];
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) nearest[i] = (float)w[i], sum += w[i];
    fc_round_weights(w, count, rounded);
    for (int64_t i = 0; i < count; i++) {
        CHECK(is_next_to(rounded[i], w[i]), "%s: weight %d of %d", what, (int)i, (int)count);
        CHECK(w[i] != 0.0 || rounded[i] == 0.0f, "%s: 0 is not", what);
        if (symmetric) CHECK(rounded[i] == rounded[count - 1 - i], "%s: symmetric", what);
    }
    /* Sums of these in double are exact but for some units of 2^-53. */
    const double rest = fabs(sum - sum_of(rounded, count)), slack = 0x1p-44 * fabs(sum) + 0x1p-46;
    CHECK(rest <= fabs(sum - sum_of(nearest, count)) + slack, "%s: no worse than nearest", what);
    for (int64_t i = 0; i < count; i++) {
        if (rounded[i] != nearest[i] || w[i] == 0.0) continue;
        const float other = nextafterf(nearest[i], sum > sum_of(rounded, count) ? 2e9f : -2e9f);
        const int pairs = symmetric && i != count - 1 - i ? 2 : 1;
        const double moved = fabs((double)other - (double)nearest[i]) * pairs;
        CHECK(fabs(rest - moved) >= rest - slack, "%s: weight %d of %d comes closer", what, (int)i,
              (int)count);
    }
}

static void random_weights(uint64_t *random) {
    double w[MOST];
    for (int n = 0; n < 600; n++) {
        const int64_t count = test_random_in(random, 1, n % 20 ? 30 : MOST);
        const int symmetric = n % 3 == 0, zeros = n % 5 == 0;
        for (int64_t i = 0; i < count; i++) {
            w[i] = (double)test_random_in(random, -(1 << 30), 1 << 30) / (1 << 28);
            if (n % 7 == 1) w[i] = 1.0 / (double)count;
            if (zeros && test_random_in(random, 0, 1)) w[i] = 0.0;
            if (symmetric && i >= (count + 1) / 2) w[i] = w[count - 1 - i];
        }
        if (!symmetric && count > 1) w[0] = w[count - 1] + 0.125;
        check_weights(w, count, symmetric, "random");
    }
}

/* Those of a Gaussian, and a box's: their sums are 1 to within 2^-26, rounded to nearest or not. */
static void sums_of_filters(void) {
    for (int radius = 1; radius < 40; radius++) {
        double gaussian[MOST], box[MOST], total = 0.0;
        float rounded[MOST];
        const int count = 2 * radius + 1;
        for (int i = 0; i < count; i++) {
            const double x = 4.0 * (i - radius) / radius;
            total += gaussian[i] = exp(-0.5 * x * x);
            box[i] = 1.0 / count;
        }
        for (int i = 0; i < count; i++) gaussian[i] /= total;
        check_weights(gaussian, count, 1, "gaussian");
        check_weights(box, count, 1, "box");
        fc_round_weights(gaussian, count, rounded);
        CHECK(fabs(sum_of(rounded, count) - 1.0) <= (radius > 1 ? 0x1p-26 : 0x1p-25), "radius %d",
              radius);
        fc_round_weights(box, count, rounded);
        CHECK(fabs(sum_of(rounded, count) - 1.0) <= 0x1p-26, "box of %d", count);
    }
}

/* What is no number, or none of float32's, comes to an end all the same. */
static void extraordinary_weights(void) {
    static const double w[][3] = {
        {NAN, 1.0, 0.1}, {HUGE_VAL, 1.0, 0.1}, {-1e300, 1e300, 0.1}, {1e-320, 1e-45, 3e-46}};
    for (int i = 0; i < 4; i++) {
        float rounded[3];
        fc_round_weights(w[i], 3, rounded);
        CHECK(isnan(w[i][0]) ? isnan(rounded[0]) : is_next_to(rounded[0], w[i][0]), "row %d", i);
    }
}

static void what_float_holds(void) {
    static const struct {
        double weight;
        int held;
    } cases[] = {{0.0, 1},     {-0.0, 1},     {0.1, 1},     {-FLT_MAX, 1}, {FLT_MIN, 1},
                 {NAN, 1},     {HUGE_VAL, 1}, {1e-39, 0},   {-1e-39, 0},   {1e-320, 0},
                 {-3.5e38, 0}, {3.5e38, 0},   {DBL_MAX, 0}, {-DBL_MIN, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double w[3] = {1.0, cases[i].weight, -2.0};
        CHECK(fc_float_holds(w, 3) == cases[i].held, "%g", cases[i].weight);
        CHECK(fc_float_holds(w, 1), "it looks no further");
    }
}

void test_filter_rounded(void) {
    uint64_t random = 7;
    random_weights(&random);
    sums_of_filters();
    extraordinary_weights();
    what_float_holds();
}
