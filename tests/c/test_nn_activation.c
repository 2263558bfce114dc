/* Activations against their definitions: sizes around whole vectors and blocks,
 * on every instruction set this CPU has, both types; values that are not
 * finite. */
#include <math.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

static const fc_call three_threads = {.threads = 3};
static const double specials[] = {NAN,  INFINITY, -INFINITY, 0.0,
                                  -0.0, 1e-40,    -1e-40};

static array draw(fc_dtype dtype, int64_t count, uint64_t *random) {
  array a = array_random(dtype, count, random, 0);
  for (int64_t i = 0; i < count / 8; i++)
    array_put(&a, test_random_in(random, 0, count - 1),
              specials[test_random_in(random, 0, 6)]);
  return a;
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void check_relu(fc_dtype dtype, int64_t count, uint64_t *random) {
  array x = draw(dtype, count, random), gy = draw(dtype, count, random);
  array y = array_new(dtype, count, random),
        gx = array_new(dtype, count, random);
  int64_t wrong = 0;
  CHECK(fc_relu(dtype, count, x.data, y.data, &three_threads) == FC_OK);
  CHECK(fc_relu_grad(dtype, count, gy.data, y.data, gx.data, &three_threads) ==
        FC_OK);
  for (int64_t i = 0; i < count; i++) {
    const double a = array_at(&x, i);
    wrong += !same(array_at(&y, i), a <= 0 ? 0 : a);
    wrong += !same(array_at(&gx, i), a <= 0 ? 0 : array_at(&gy, i));
  }
  CHECK(wrong == 0, "relu of %ld elements: %ld wrong", (long)count,
        (long)wrong);
  array_free(&x);
  array_free(&y);
  array_free(&gx);
  array_free(&gy);
}

static void check_all(void) {
  uint64_t random = 20;
  for (int dtype = 0; dtype < 2; dtype++) {
    for (int64_t count = 1; count < 70; count++)
      check_relu((fc_dtype)dtype, count, &random);
    check_relu((fc_dtype)dtype, 100003, &random);
  }
}

static void check_refusals(void) {
  float x[1] = {1};
  CHECK(fc_relu((fc_dtype)7, 1, x, x, NULL) == FC_INVALID_DTYPE);
  CHECK(fc_relu(FC_F32, -1, x, x, NULL) == FC_INVALID_SIZE);
  CHECK(fc_relu(FC_F32, 1, NULL, x, NULL) == FC_INVALID_NULL);
  CHECK(fc_relu(FC_F32, 0, NULL, NULL, NULL) == FC_OK);
  CHECK(fc_relu_grad(FC_F32, 1, x, NULL, x, NULL) == FC_INVALID_NULL);
}

void test_nn_activation(void) {
  check_refusals();
  for (int i = 0; i < fc_isa_count(); i++) {
    if (!fc_isa_available(i))
      continue;
    CHECK(fc_select_isa(fc_isa_name(i)) == FC_OK);
    check_all();
  }
  fc_select_isa(NULL);
}
