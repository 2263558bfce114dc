/* Arrays of any element type; see elements.h. */
#include "elements.h"

#include <math.h>

#include "test.h"

elements elements_new(fc_element type, int64_t count, uint64_t *random) {
    const int64_t bytes = count * fc_element_size(type), words = (bytes + 7) / 8;
    elements e = {.type = type, .count = count, .bytes = array_new(FC_F64, words, random)};
    e.data = (char *)e.bytes.data + 8 * words - bytes;
    return e;
}

double element_get(const elements *e, int64_t i) {
    switch (e->type) {
    case FC_BOOL: return ((const uint8_t *)e->data)[i] != 0;
    case FC_INT8: return ((const int8_t *)e->data)[i];
    case FC_UINT8: return ((const uint8_t *)e->data)[i];
    case FC_INT16: return ((const int16_t *)e->data)[i];
    case FC_UINT16: return ((const uint16_t *)e->data)[i];
    case FC_INT32: return ((const int32_t *)e->data)[i];
    case FC_UINT32: return ((const uint32_t *)e->data)[i];
    case FC_INT64: return (double)((const int64_t *)e->data)[i];
    case FC_UINT64: return (double)((const uint64_t *)e->data)[i];
    case FC_FLOAT32: return ((const float *)e->data)[i];
    default: return ((const double *)e->data)[i];
    }
}

void element_put(const elements *e, int64_t i, double x) {
    const int64_t whole = isnan(x) || fabs(x) >= 0x1p63 ? INT64_MIN : (int64_t)x;
    const int64_t narrow = whole < INT32_MIN || whole > INT32_MAX ? INT32_MIN : whole;
    switch (e->type) {
    case FC_BOOL: ((uint8_t *)e->data)[i] = (uint8_t)narrow != 0; break;
    case FC_INT8:
    case FC_UINT8: ((uint8_t *)e->data)[i] = (uint8_t)narrow; break;
    case FC_INT16:
    case FC_UINT16: ((uint16_t *)e->data)[i] = (uint16_t)narrow; break;
    case FC_INT32: ((int32_t *)e->data)[i] = (int32_t)narrow; break;
    case FC_UINT32: ((uint32_t *)e->data)[i] = (uint32_t)whole; break;
    case FC_INT64:
    case FC_UINT64: ((int64_t *)e->data)[i] = whole; break;
    case FC_FLOAT32: ((float *)e->data)[i] = (float)x; break;
    default: ((double *)e->data)[i] = x;
    }
}

int64_t border_walk(fc_border border, int64_t i, int64_t n) {
    while (i < 0 || i >= n) {
        if (border == FC_CONSTANT) return -1;
        if (border == FC_NEAREST) i += i < 0 ? 1 : -1;
        else if (border == FC_WRAP) i += i < 0 ? n : -n;
        else if (border == FC_REFLECT) i = i < 0 ? -1 - i : 2 * n - 1 - i;
        else if (n == 1) i = 0;
        else i = i < 0 ? -i : 2 * n - 2 - i;
    }
    return i;
}

void elements_draw(elements *e, int kind, uint64_t *random) {
    const int64_t size = fc_element_size(e->type), most = size == 1   ? 127
                                                          : size == 2 ? 32767
                                                                      : 1 << 20;
    for (int64_t i = 0; i < e->count; i++) {
        double x = (double)test_random_in(random, -most, most);
        if (e->type == FC_UINT64) x = fabs(x); /* doubles hold it */
        if (e->type == FC_BOOL) x = (double)test_random_in(random, 0, 1);
        if (fc_element_real(e->type)) x /= 1 << 17;
        if (kind == 1 && fc_element_real(e->type) && !test_random_in(random, 0, 99))
            x = test_random_in(random, 0, 1) ? NAN : HUGE_VAL;
        element_put(e, i, x);
    }
}
