/* Depthwise convolution, channels last: see depthwise_pixels.c and depthwise_pixels_grad.c. */
#ifndef FC_CONV_DEPTHWISE_PIXELS_H
#define FC_CONV_DEPTHWISE_PIXELS_H

#include "correlation.h"
#include "depthwise_row.h"
#include "grad.h"

fc_status fc_depthwise_pixels_correlate(const fc_correlation *c, const void *x, const void *w,
                                        const void *bias, void *y, const fc_call *call);
/* The same for several that write different elements of one output. */
fc_status fc_depthwise_pixels_correlate_all(const fc_correlation *c, int n, const void *x,
                                            const void *w, const void *bias, void *y,
                                            const fc_call *call);
int64_t fc_depthwise_pixels_scratch(const fc_correlation *c, int threads);
/* fc_depthwise_grad (depthwise.h). */
fc_status fc_depthwise_pixels_grad(const fc_correlation *c, const fc_correlation *back, int n,
                                   fc_grads *g, const fc_call *call);

/* A correlation that is made some rows at a time. */
typedef struct fc_pixel_rows {
    const fc_correlation *c;
    fc_row_layout layout;
    const char *x, *w, *bias;
    char *y, *weights, *workers; /* weights: [output channel][element][width] */
    int64_t rows, item_rows, row_items, channels, channel_items;
    int64_t stretch, stretches; /* pixels of a row that an item makes */
    /* Pixels taken as one with more channels, where channels fill no vectors; those channels. */
    int64_t repeat, width;
    int64_t first, last;    /* pixels of a row whose taps are all inside */
    int64_t y_row, y_pixel; /* from one row and pixel of the output to the next */
} fc_pixel_rows;

fc_pixel_rows fc_pixel_rows_of(const fc_correlation *c, const void *x, const void *w, void *y);
/* Turn the weights into `weights`, which has room for so many bytes; `bias`: or NULL. */
int64_t fc_pixel_rows_weight_bytes(const fc_pixel_rows *r);
fc_status fc_pixel_rows_bring(fc_pixel_rows *r, char *weights, const char *bias,
                              const fc_call *call, int workers);
/* Multiply-adds of a row. */
double fc_pixel_rows_work(const fc_pixel_rows *r);
/* The rows, whole, that belong to rows [first, last) of another correlation of the same images;
 * `scratch`: so many bytes. */
int64_t fc_pixel_rows_worker_bytes(const fc_pixel_rows *r);
void fc_pixel_rows_run(const fc_pixel_rows *r, const fc_correlation *other, int64_t first,
                       int64_t last, char *scratch);

#endif
