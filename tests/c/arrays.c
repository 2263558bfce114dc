/* See arrays.h. AddressSanitizer does not see the masked loads and stores of vector code; a page
 * that may not be touched does, on every instruction set. */
#include "arrays.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static int64_t size_of(fc_dtype dtype) { return dtype == FC_F32 ? 4 : 8; }

array array_new(fc_dtype dtype, int64_t count, uint64_t *random) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)(count * size_of(dtype));
    size_t inner = (bytes + page - 1) / page * page;
    array a = {.dtype = dtype, .count = count, .bytes = inner + 2 * page};
    a.pages = mmap(NULL, a.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a.pages == MAP_FAILED) abort();
    char *start = (char *)a.pages + page;
    if (inner && mprotect(start, inner, PROT_READ | PROT_WRITE) != 0) abort();
    /* More is read past an end than before a start. */
    a.data = test_random_in(random, 0, 3) ? start + inner - bytes : start;
    array_fill(&a);
    return a;
}

array array_indices(int64_t count, uint64_t *random) { return array_new(FC_F64, count, random); }

array array_random(fc_dtype dtype, int64_t count, uint64_t *random, int kind) {
    array a = array_new(dtype, count, random);
    for (int64_t i = 0; i < count; i++) {
        double value = kind & INTEGERS ? (double)test_random_in(random, -4, 4)
                                       : (double)(int64_t)(test_random(random) >> 11) * 0x1p-52 - 1;
        array_put(&a, i, kind & POSITIVE ? fabs(value) + 0.25 : value);
    }
    return a;
}

void array_free(array *a) { munmap(a->pages, a->bytes); }

void array_fill(array *a) { memset(a->data, 0xff, (size_t)(a->count * size_of(a->dtype))); }

int array_untouched(const array *a) {
    const unsigned char *bytes = a->data;
    for (int64_t i = 0; i < a->count * size_of(a->dtype); i++)
        if (bytes[i] != 0xff) return 0;
    return 1;
}

int array_same(const array *a, const array *b) {
    return a->count == b->count &&
           memcmp(a->data, b->data, (size_t)(a->count * size_of(a->dtype))) == 0;
}

double array_at(const array *a, int64_t i) {
    return a->dtype == FC_F32 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}

void array_put(array *a, int64_t i, double value) {
    if (a->dtype == FC_F32) ((float *)a->data)[i] = (float)value;
    else ((double *)a->data)[i] = value;
}

void array_check(const array *got, const double *expected, const double *magnitude, int64_t terms,
                 const char *what, int number) {
    /* In double the oracle rounds as much as what it judges. */
    const double unit = got->dtype == FC_F32 ? FLT_EPSILON / 2 : DBL_EPSILON;
    int64_t wrong = 0, first = -1;
    double neighbours = 0;
    for (int64_t i = 0; terms == FC_TRANSFORMED && i < got->count; i++)
        neighbours = magnitude[i] > neighbours ? magnitude[i] : neighbours;
    for (int64_t i = 0; i < got->count; i++) {
        double value = array_at(got, i),
               allowed =
                   terms ? (double)(terms + 2) * unit * magnitude[i] + 16 * unit * neighbours : 0;
        int good = isnan(expected[i])
                       ? isnan(value)
                       : value == expected[i] || fabs(value - expected[i]) <= allowed;
        if (!good && !wrong++) first = i;
    }
    CHECK(wrong == 0, "%s, case %d, %s: %ld of %ld wrong, first [%ld]: %.9g instead of %.9g", what,
          number, got->dtype == FC_F32 ? "f32" : "f64", (long)wrong, (long)got->count, (long)first,
          wrong ? array_at(got, first) : 0, wrong ? expected[first] : 0);
}
