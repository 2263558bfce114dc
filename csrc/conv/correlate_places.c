/* Preparing a block of products: the shape of its plane, and the places of its panels. */
#include "cache_blocks.h"
#include "correlate_item.h"
#include "integers.h"
#include "row_pieces.h"

/* ---- Panels: vectors run along the pixels ---- */

/* Packed: the plane's position of every pixel, in order. */
static void list_positions(fc_item *it) {
    const int64_t *n = it->box.size;
    int64_t *position = it->positions;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++) {
                const int64_t row = fc_plane_pixel(&it->plane, i, d, h, 0);
                for (int64_t w = 0; w < n[2]; w++) *position++ = row + w * it->plane.pixel[2];
            }
}

/* A line of columns; from one panel to the next `step` elements of what the kernels read. */
static void list_line(fc_item *it, int64_t from, int64_t to, int64_t columns, int64_t step) {
    const int64_t panel = fc_item_panel(it);
    for (int64_t j = 0; j < columns; j += panel)
        it->places[it->place_count++] = (fc_place){
            .from = from + j / panel * step, .to = to + j, .columns = min64(panel, columns - j)};
}

static void list_panels(fc_item *it) {
    const fc_blocking *b = it->run->b;
    const int64_t *n = it->box.size, panel = fc_item_panel(it);
    if (b->packed) {
        list_line(it, 0, 0, it->box.images * n[0] * n[1] * n[2], fc_products_most(b) * panel);
    } else if (b->by_row) {
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++)
                list_line(it, fc_plane_pixel(&it->plane, 0, d, h, 0), fc_sums_row(it, 0, d, h),
                          n[2], panel);
    } else {
        list_line(it, 0, 0, (n[1] - 1) * it->plane.pixel[1] + n[2], panel);
    }
}

/* ---- Turned: tiles of pixels ---- */

/* `n` pixels from pixel `at` of the first image on along an axis, in tiles of one size, or one
 * less. */
static void list_pixels(fc_item *it, const int64_t at[3], int axis, int64_t n, int64_t list) {
    const int64_t tiles = ceil_div(n, it->run->b->tile_pixels);
    const int64_t step = it->plane.pixel[axis], along = fc_sums_step(it),
                  to_step = axis == 2 ? along : fc_sums_row(it, 0, 0, 1) - fc_sums_row(it, 0, 0, 0);
    const int64_t from = fc_plane_pixel(&it->plane, 0, at[0], at[1], at[2]),
                  to = fc_sums_row(it, 0, at[0], at[1]) + at[2] * along;
    for (int64_t i = 0, first = 0; i < tiles; i++) {
        const int64_t rows = ceil_div(n - first, tiles - i);
        it->places[it->place_count++] =
            (fc_place){from + first * step, to + first * to_step, rows, step, to_step, list};
        first += rows;
    }
}

static void list_run(fc_item *it, const int64_t at[3], int axis, int64_t n) {
    list_pixels(it, at, axis, n, fc_list_for(it, at, axis, n));
}

/* A slice's rows, cut where the taps that read the input change. */
static void list_slice(fc_item *it, int64_t d) {
    const fc_taps *taps = &it->products.taps;
    const int64_t *n = it->box.size;
    fc_row_piece pieces[FC_ROW_PIECES];
    const int count = fc_cut_row(&it->run->c->axis[2], taps->first[2], taps->size[2],
                                 it->box.first[2], n[2], n[1], pieces);
    for (const fc_row_piece *p = pieces; p < pieces + count; p++)
        if (p->alone)
            for (int64_t w = p->first; w < p->first + p->columns; w++)
                list_run(it, (const int64_t[]){d, 0, w}, 1, n[1]);
        else
            for (int64_t h = 0; h < n[1]; h++)
                list_run(it, (const int64_t[]){d, h, p->first}, 2, p->columns);
}

/* The first image's rows: those that follow each other at the distance of their pixels are one
 * run. */
static void list_rows(fc_item *it) {
    const int64_t *n = it->box.size, *pixel = it->plane.pixel;
    const int one_run = n[1] > 1 && pixel[1] == n[2] * pixel[2] &&
                        fc_sums_row(it, 0, 0, 1) == n[2] * fc_sums_step(it);
    const int64_t rows = one_run ? n[1] : 1;
    for (int64_t d = 0; d < n[0]; d++)
        if (it->run->b->saves_taps && !one_run) list_slice(it, d);
        else
            for (int64_t h = 0; h < n[1]; h += rows)
                list_pixels(it, (const int64_t[]){d, h, 0}, 2, rows * n[2], 0);
}

/* All images have the places of the first. */
static void list_images(fc_item *it) {
    list_rows(it);
    const int64_t n = it->place_count, from = fc_plane_pixel(&it->plane, 1, 0, 0, 0),
                  to = fc_sums_row(it, 1, 0, 0) - fc_sums_row(it, 0, 0, 0);
    for (; it->place_count < n * it->box.images; it->place_count++) {
        fc_place p = it->places[it->place_count - n];
        p.from += from;
        p.to += to;
        it->places[it->place_count] = p;
    }
}

/* The first pixels of a tile bring its weights: they should need all of them. */
static void choose_first(fc_item *it) {
    it->first_place = 0;
    while (it->first_place < it->place_count - 1 && it->places[it->first_place].list != 0)
        it->first_place++;
}

/* Channels last in place: the lines that the next tile's pixels begin, one for each product. They
 * are too many streams for the processor to foresee. */
static void list_soon(fc_item *it) {
    const fc_run *r = it->run;
    const int64_t line = 64 / it->item, rows = r->b->tile_pixels;
    it->soon = NULL;
    if (!r->b->turned || !r->b->in_place || !it->plane.channels_last || !fc_input_is_far(r->c) ||
        fc_products_most(r->b) != r->b->channels)
        return;
    it->soon = it->offsets + fc_products_most(r->b);
    for (int64_t i = 0; i < r->b->channels; i++)
        it->soon[i] = i / line * line + min64(i % line, rows - 1) * it->plane.pixel[2];
}

/* The weights that follow. Packed, and from the L3: the next tile's. As they come, for one
 * box: those of the next block of products, a row for each output channel of a tile. Not where one
 * call has them all to itself: it reads at the speed of memory anyhow. */
static fc_soon_rows weights_that_follow(const fc_item *it) {
    const fc_run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t bytes = fc_packed_bytes(c, r->b), depth = fc_products_most(r->b) * it->item,
                  channels = r->b->tile_channels;
    if (it->place_count == 1) return (fc_soon_rows){0};
    if (r->packed && bytes >= FC_WEIGHTS_SOON_BYTES)
        return (fc_soon_rows){.rows = 1, .bytes = channels * depth};
    if (!r->packed && bytes >= FC_PLAIN_SOON_BYTES && fc_boxes_of(r->b) == 1 &&
        fc_weights_in_line(c))
        return (fc_soon_rows){.rows = channels, .bytes = depth, .step = c->w_out * it->item};
    return (fc_soon_rows){0};
}

/* The first calls for a tile ask for all of it, a line a product: where all calls did so, in equal
 * parts, it came too late (by up to 5%). With weights from memory a plain call of 512 channels,
 * 3 x 3, stride 2, takes three quarters of the time, 1 x 1 of 2048 to 512 at 7 x 7 five sixths (AMD
 * Zen 4, November 2026). */
static void list_ahead(fc_item *it) {
    const int64_t most = fc_products_most(it->run->b);
    const fc_soon_rows next = weights_that_follow(it);
    const int64_t calls = 1 + next.rows * next.bytes / FC_SOON_LINE / max64(1, most);
    it->ahead = fc_soon_share(next, min64(it->place_count, calls), most, it->item,
                              it->offsets + 2 * FC_LISTS * most);
}

/* ---- All of it ---- */

static void shape_plane(fc_item *it) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    const fc_taps *taps = &it->products.taps;
    if (b->turned && b->in_place) fc_plane_spread_in_place(c, &it->plane);
    else if (b->in_place) fc_plane_in_place(c, &it->plane);
    else if (b->turned) it->plane = fc_plane_turned(c, &it->box, taps, b->channels);
    else it->plane = fc_plane_gathered(c, &it->box, taps);
    fc_plane_offsets(c, &it->plane, taps, b->channels, it->offsets);
}

static void prepare_panels(fc_item *it) {
    const int64_t panel = fc_item_panel(it);
    for (int64_t i = 0; i < fc_products_most(it->run->b); i++) it->panel_offsets[i] = i * panel;
    if (it->run->b->packed) list_positions(it);
    list_panels(it);
}

static void prepare_tiles(fc_item *it) {
    const int64_t most = fc_products_most(it->run->b);
    list_soon(it);
    fc_lists_begin(it);
    list_images(it);
    list_ahead(it);
    choose_first(it);
    for (int j = 1; j < it->list_count; j++)
        fc_list_fill(it, &it->lists[j], it->offsets, 0, it->offsets + j * most);
}

void fc_item_prepare(fc_item *it) {
    shape_plane(it);
    it->steps_of[0] = it->steps_of[1] = -1;
    it->place_count = 0;
    if (it->run->b->turned) prepare_tiles(it);
    else prepare_panels(it);
}
