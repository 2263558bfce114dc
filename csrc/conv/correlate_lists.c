/* Turned: which products the pixels near the padding need.
 *
 * Where padding holds zeros, a pixel needs no product whose tap lies there. Pixels that can leave
 * out the same taps share a list of the products they need: the offsets of their operands. List 0
 * holds all products. */
#include <string.h>

#include "correlate_item.h"
#include "integers.h"

/* Of the block's taps along axis i, those that read the input for some of the box's outputs
 * [first, first + n). */
static void reading_taps(const fc_item *it, int i, int64_t first, int64_t n, fc_taps *taps) {
    const fc_axis *a = &it->run->c->axis[i];
    const fc_taps *block = &it->products.taps;
    const int64_t at = (it->box.first[i] + first) * a->stride + a->offset +
                       block->first[i] * a->offset_step,
                  last = at + (n - 1) * a->stride;
    int64_t begin = 0, end = block->size[i];
    while (begin < end && last + begin * a->offset_step < 0) begin++;
    while (end > begin && at + (end - 1) * a->offset_step >= a->in) end--;
    taps->first[i] = begin;
    taps->size[i] = end - begin;
}

/* The list of products with these taps; all products, if there are too many lists. */
static int64_t list_of(fc_item *it, const fc_taps *taps) {
    for (int j = 0; j < it->list_count; j++)
        if (!memcmp(&it->lists[j].taps, taps, sizeof *taps)) return j;
    if (it->list_count == FC_LISTS) return 0;
    fc_list *l = &it->lists[it->list_count];
    l->taps = *taps;
    l->each = taps->size[0] * taps->size[1] * taps->size[2];
    return it->list_count++;
}

void fc_lists_begin(fc_item *it) {
    const int64_t *n = it->products.taps.size;
    it->list_count = 0;
    list_of(it, &(fc_taps){{0, 0, 0}, {n[0], n[1], n[2]}});
}

int64_t fc_list_for(fc_item *it, const int64_t at[3], int axis, int64_t n) {
    fc_taps taps;
    for (int i = 0; i < 3; i++) reading_taps(it, i, at[i], i == axis ? n : 1, &taps);
    return list_of(it, &taps);
}

void fc_list_ends(const fc_item *it, int64_t *left, int64_t *right) {
    const fc_axis *a = &it->run->c->axis[2];
    const fc_taps *block = &it->products.taps;
    const int64_t n = it->box.size[2], most = n - FC_SEGMENT;
    const int64_t at = it->box.first[2] * a->stride + a->offset + block->first[2] * a->offset_step,
                  end = at + (n - 1) * a->stride + (block->size[2] - 1) * a->offset_step;
    *left = at < 0 ? ceil_div(-at, a->stride) : 0;
    *right = end >= a->in ? ceil_div(end - a->in + 1, a->stride) : 0;
    const int64_t least = it->box.size[1] < FC_SEGMENT ? FC_SEGMENT : 0;
    if (*left < least) *left = 0;
    if (*right < least) *right = 0;
    if (*left + *right > most) *left = *right = 0;
}

void fc_list_fill(const fc_item *it, const fc_list *list, const int64_t *offsets, int64_t step,
                  int64_t *to) {
    const int64_t *all = it->products.taps.size, *first = list->taps.first, *n = list->taps.size;
    for (int64_t c = 0; c < it->run->b->channels; c++)
        for (int64_t d = first[0]; d < first[0] + n[0]; d++)
            for (int64_t h = first[1]; h < first[1] + n[1]; h++) {
                const int64_t row = ((c * all[0] + d) * all[1] + h) * all[2];
                for (int64_t w = first[2]; w < first[2] + n[2]; w++)
                    *to++ = offsets ? offsets[row + w] : (row + w) * step;
            }
}
