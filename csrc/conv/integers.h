/* Small arithmetic on sizes; all arguments that are divided by, or rounded up to, are positive. */
#ifndef FC_INTEGERS_H
#define FC_INTEGERS_H

#include <stdint.h>

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t clamp64(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t up_to(int64_t a, int64_t multiple) {
    return ceil_div(a, multiple) * multiple;
}

/* More elements than any memory holds, and few enough that sizes in bytes can be added up. */
#define FC_TOO_MANY ((int64_t)1 << 52)
/* a * b, or that: padding and dilation may span more than there is. */
static inline int64_t times64(int64_t a, int64_t b) {
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > FC_TOO_MANY ? FC_TOO_MANY : product;
}

static inline int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

#endif
