/* Beyond the ends of a line: every rule is one that repeats, with a period of n, 2n or 2n - 2. */
#include "border.h"

static int64_t modulo(int64_t i, int64_t n) {
    const int64_t rest = i % n;
    return rest < 0 ? rest + n : rest;
}

int64_t fc_border_index(fc_border border, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    switch (border) {
    case FC_NEAREST: return i < 0 ? 0 : n - 1;
    case FC_WRAP: return modulo(i, n);
    case FC_REFLECT:
        if (i < 0 && i >= -n) return -1 - i;
        if (i >= n && i < 2 * n) return 2 * n - 1 - i;
        i = modulo(i, 2 * n);
        return i < n ? i : 2 * n - 1 - i;
    case FC_MIRROR:
        if (n == 1) return 0;
        i = modulo(i, 2 * n - 2);
        return i < n ? i : 2 * n - 2 - i;
    default: return -1;
    }
}
