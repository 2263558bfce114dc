/* The pooling kernels of one instruction set and type, and what they read. pool.inc says how they
 * work, csrc/pool/ which of them serves a problem. */
#ifndef FC_POOL_TABLE_H
#define FC_POOL_TABLE_H

#include "../fastconv.h"

/* What becomes of a window's elements. */
enum { FC_POOL_MAX = 0, FC_POOL_AVG, FC_POOL_LP, FC_POOL_ARGMAX, FC_POOL_OPS };

/* A line of a row's columns, with room for the vector that hangs over its end. Lines bound the
 * scratch memory. */
#define FC_POOL_LINE 4096
#define FC_POOL_SLACK 32
/* Lines at hand at once: a line is read some time after it was written, when its stores have left
 * the store buffer. */
#define FC_POOL_LINES 8
/* Rows are split into the phases of the stride up to this one. */
#define FC_POOL_MAX_PHASES 16
/* Rows of windows that cover an element, at most, where a gradient is spread straight from gy. */
#define FC_POOL_SPREAD_ROWS 3
/* Offsets of a maximum within its window are carried in vectors of reals: exact below this. */
#define FC_POOL_MAX_OFFSET (INT64_C(1) << 24)

struct fc_pool_job;
struct fc_pool_tile;
typedef void (*fc_pool_fn)(const struct fc_pool_job *job, const struct fc_pool_tile *tile,
                           void *scratch);

/* One call: the same for all of its tiles. */
typedef struct fc_pool_job {
    fc_pool pool;
    int adaptive;      /* windows by output size: kernel, stride, dilation and pad are not read */
    int include_pad;   /* of averages: a window's size counts padding */
    int64_t divisor;   /* of averages; 0: the window's size */
    double whole;      /* what all windows divide by; 0 where they differ */
    double inverse;    /* 1 / whole */
    double norm;       /* of lp pooling */
    int64_t phase;     /* elements of a line's phase (lines) or of a line (windows) */
    int64_t lines;     /* at hand at once, at most FC_POOL_LINES */
    const void *in;    /* x, or gy for a gradient */
    void *out;         /* y, or gx */
    const void *x, *y; /* of lp pooling's gradient */
    int64_t *indices;  /* of max pooling */
    int *outside;      /* of scattering: set where an index lies outside its plane */
    void *places;      /* instead of `indices`, as reals (channels last) */
    int back;          /* a gradient */
    /* What turned.c has set: planes at once, a multiple of a vector's lanes; rows of `out` at once;
     * elements that they take of a plane, at most, and as many lanes more; the kernel for them. */
    int64_t turned, band, taken;
    fc_pool_fn pixels;
} fc_pool_job;

/* Rows [first_row, last_row) of `out`, counted over (plane, depth, height); of these, columns and
 * (channels last) channels likewise. A plane is an image's channel or, channels last, an image. */
typedef struct fc_pool_tile {
    int64_t first_row, last_row, first_column, last_column, first_channel, last_channel;
    const void *bias; /* of fold, for each plane, or NULL */
    int clamp;        /* of fold: to the problem's */
} fc_pool_tile;

/* Rows [first, last) of the columns (unfold) or of the image (fold), of columns [first_column,
 * last_column). */
typedef void (*fc_columns_fn)(const fc_conv *problem, const void *in, void *out,
                              const fc_pool_tile *tile);

/* out[i, n] = in[n, i]: `count` elements of `planes` planes that are `space` apart, `lanes` of the
 * output each. That is a multiple of a vector's; those beyond the planes hold the last. Writes a
 * whole number of vectors' lanes of elements. */
typedef void (*fc_turn_fn)(const void *in, int64_t space, int64_t planes, int64_t count,
                           int64_t lanes, void *out);
/* And back, to `indices` if those are given; reads a whole number of vectors' lanes of elements. */
typedef void (*fc_turn_back_fn)(const void *in, int64_t space, int64_t planes, int64_t count,
                                int64_t lanes, void *out, int64_t *indices);

typedef struct fc_pool_kernels {
    /* Channels first: stride 2 along a row and 2 or 3 taps (for FC_POOL_MAX and FC_POOL_AVG; for
     * FC_POOL_ARGMAX 2 taps that lie inside the row); stride 1 and 2 x 2, 3 x 3 or 5 x 5 taps (only
     * for FC_POOL_MAX, where windows hang over the input by half of them at most, and for
     * FC_POOL_AVG, where one tap lies inside); whole rows, for a fixed stride; any window
     * (FC_POOL_ARGMAX in either layout); one window over a whole plane. Channels last: any window;
     * and for a fixed stride, where windows overlap or channels are few (no FC_POOL_ARGMAX). */
    fc_pool_fn halves[FC_POOL_OPS], rolls[FC_POOL_OPS], pixel_lines[FC_POOL_OPS];
    int roll_taps; /* at most, of `rolls` */
    fc_pool_fn lines[FC_POOL_OPS], windows[FC_POOL_OPS], planes[FC_POOL_OPS], pixels[FC_POOL_OPS];
    /* The same of the gradients: FC_POOL_AVG and FC_POOL_LP, the latter without planes. */
    fc_pool_fn grad_lines[FC_POOL_OPS], grad_windows[FC_POOL_OPS], grad_planes[FC_POOL_OPS],
        grad_pixels[FC_POOL_OPS];
    /* Channels first, FC_POOL_AVG, `whole` not 0, a stride of 2 to FC_POOL_MAX_PHASES along a row;
     * FC_POOL_SPREAD_ROWS windows cover an element at most along the height, one along the depth,
     * and all that cover one of a vector's lanes lie within a vector. For stride 1 there is
     * `rolls`, as a pooling of gy. */
    fc_pool_fn grad_spread;
    /* To `indices`, either layout; the tile's rows are planes. */
    fc_pool_fn scatter_add, scatter_set;
    fc_columns_fn unfold, fold;
    fc_turn_fn turn;
    fc_turn_back_fn turn_back;
} fc_pool_kernels;

#endif
