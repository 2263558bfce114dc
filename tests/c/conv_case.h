/* One convolution, with its arrays, against the definition: every algorithm that accepts it, plans,
 * gradients one by one and together, the same bytes on any number of threads. */
#ifndef FC_TEST_CONV_CASE_H
#define FC_TEST_CONV_CASE_H

#include "conv_definition.h"

typedef struct test_case {
    int number, integers;
    fc_conv p;
    array x, w, y, bias; /* `bias`: of whichever result takes it */
    double *sum, *magnitude;
} test_case;

/* Computes what the result must be; conv_forget frees it. */
void conv_expect(test_case *t, int result, const array *bias);
void conv_forget(test_case *t);

/* What array_check grants a forward pass of the algorithm: transforms promise less. */
int64_t conv_terms(const test_case *t, fc_algorithm algorithm);

void conv_check_forward(test_case *t, uint64_t *random);
void conv_check_gradient(test_case *t, int result, uint64_t *random);
void conv_check_together(const test_case *t, uint64_t *random); /* every choice of gradients */

/* As test_on_each_isa. But threads meet in the schedules, which are the same for every instruction
 * set: where each access is followed, the CPU's best has them all, in a third of the time. */
void conv_on_each_isa(void (*body)(void));

/* With the blocks of CPUs with other caches: the smallest and the largest that there are. */
void conv_with_other_caches(void (*body)(void));

/* Sanitizers and emulators take minutes for what takes seconds: fewer cases are drawn there. */
int conv_is_slow(void);

#endif
