/* The columns of an input gradient, of which col2im makes it: see grad_input_columns.c. Channels
 * first. */
#ifndef FC_GRAD_INPUT_COLUMNS_H
#define FC_GRAD_INPUT_COLUMNS_H

#include "../kernels/kernels.h"

struct fc_grad_piece;

typedef struct fc_grad_columns {
    const fc_conv *p;
    const fc_kernels *kernels;
    int64_t item;                   /* bytes of an element */
    int64_t rows, terms;            /* of a group */
    int64_t image_pixels, pixels;   /* of an image, of all */
    int64_t panel;                  /* pixels */
    int64_t tile_rows, tile_pixels; /* of an item */
    int64_t row_tiles, pixel_tiles;
    int64_t sums_bytes, panel_bytes, bias_bytes, bytes; /* of a worker */
    const char *w, *gy, *bias;
    char *gx, *scratch;
    const int64_t *a_offset, *b_offset, *soon_offset; /* of the terms of a block */
    /* To be set before the run: */
    int finished;       /* a column is an element of gx: bias and clamp come with it */
    int64_t more_bytes; /* that store() needs of a worker's own */
    /* Which pixels, of one image or of several whole ones, are a tile's; NULL: equal shares. */
    void (*place)(const struct fc_grad_columns *d, int64_t tile, struct fc_grad_piece *n);
    void (*store)(const struct fc_grad_columns *d, const struct fc_grad_piece *n);
} fc_grad_columns;

/* What an item is, and where it works. The sums of a row are d->tile_pixels behind those of the one
 * before. */
typedef struct fc_grad_piece {
    int64_t group, row, rows, tile, pixel, pixels;
    char *sums, *panel, *bias, *more;
} fc_grad_piece;

fc_grad_columns fc_grad_columns_of(const fc_conv *p, const void *w, const void *gy,
                                   const void *bias, void *gx);
/* The pixels that an item should have, about. */
int64_t fc_grad_columns_pixels(const fc_grad_columns *d);
/* Items of whole units of rows, in so many tiles of at most so many pixels. */
void fc_grad_columns_cut(fc_grad_columns *d, int64_t row_unit, int64_t pixel_tiles,
                         int64_t tile_pixels);
fc_status fc_grad_columns_run(fc_grad_columns *d, const fc_call *call);

#endif
