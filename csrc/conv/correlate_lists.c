/* Turned: which products the pixels near the padding need.
 *
 * Where padding holds zeros, a pixel needs no product whose tap lies there. Pixels that can leave
 * out the same taps share a list of the products they need: the offsets of their operands. List 0
 * holds all products. */
#include <string.h>

#include "correlate_item.h"
#include "integers.h"
#include "row_pieces.h"

/* Of the block's taps along axis i, those that read the input for some of the box's outputs
 * [first, first + n). */
static void reading_taps(const fc_item *it, int i, int64_t first, int64_t n, fc_taps *taps) {
    const fc_axis *a = &it->run->c->axis[i];
    const fc_taps *block = &it->products.taps;
    const int64_t at = it->box.first[i] + first;
    const int64_t begin = fc_taps_before(a, block->first[i], block->size[i], at + n - 1),
                  end = fc_taps_before_end(a, block->first[i], block->size[i], at);
    taps->first[i] = min64(begin, end);
    taps->size[i] = end - taps->first[i];
}

/* The shortest list that has these taps, if there are too many for another. */
static int64_t list_with(const fc_item *it, const fc_taps *taps) {
    int64_t best = 0;
    for (int j = 1; j < it->list_count; j++) {
        const fc_list *l = &it->lists[j];
        int has = l->each < it->lists[best].each;
        for (int i = 0; i < 3; i++)
            has &= l->taps.first[i] <= taps->first[i] &&
                   taps->first[i] + taps->size[i] <= l->taps.first[i] + l->taps.size[i];
        if (has) best = j;
    }
    return best;
}

/* The list of products with these taps. */
static int64_t list_of(fc_item *it, const fc_taps *taps) {
    for (int j = 0; j < it->list_count; j++)
        if (!memcmp(&it->lists[j].taps, taps, sizeof *taps)) return j;
    if (it->list_count == FC_LISTS) return list_with(it, taps);
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
