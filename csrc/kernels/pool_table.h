/* The pooling kernels of one instruction set and type, and what they read: see pool.inc. */
#ifndef FC_POOL_TABLE_H
#define FC_POOL_TABLE_H

#include "../fastconv.h"

/* What a window's elements become. */
enum { FC_POOL_MAX = 0, FC_POOL_AVG, FC_POOL_LP, FC_POOL_ARGMAX, FC_POOL_OPS };

/* One call: the same for all of its tiles. */
typedef struct fc_pool_job {
    fc_pool pool;
    int adaptive;              /* windows by output size: kernel, stride, dilation and pad are not read */
    int include_pad;           /* of averages */
    int64_t divisor;           /* of averages; 0: the window's size */
    double norm;               /* of lp pooling */
    const void *in;            /* x, or gy for a gradient */
    void *out;                 /* y, or gx */
    const void *x, *y;         /* of lp pooling's gradient */
    int64_t *indices;          /* of max pooling */
} fc_pool_job;

/* Rows [first_row, last_row) of `out`, counted over (plane, depth, height); of these, columns and (channels last)
 * channels likewise. A plane is an image's channel or, channels last, an image. */
typedef struct fc_pool_tile {
    int64_t first_row, last_row, first_column, last_column, first_channel, last_channel;
} fc_pool_tile;

typedef void (*fc_pool_fn)(const fc_pool_job *job, const fc_pool_tile *tile, void *scratch);

typedef struct fc_pool_kernels {
    fc_pool_fn pixels[FC_POOL_OPS];      /* channels last, any window */
} fc_pool_kernels;

#endif
