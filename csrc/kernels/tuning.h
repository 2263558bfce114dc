/* Block sizes and the coefficients of the cost model, for each instruction set.
 *
 * benchmarks/tuning.py measures most of it again (it builds the library with other values, by
 * -DFC_TUNE_...). What stands behind the values, on AMD Zen 5 (48 KB L1d, 1 MB L2), November 2026,
 * with other processes running:
 *
 *   depth, pixels            AVX-512 only: within 9% of the best of five values on 30 rows
 *   depth_turned             of 256, 384, 512, 640 and 768: the larger the faster up to here, by 1%
 *                            to 4% on some twenty rows (and AVX2 and scalar up to 5%); channels
 *                            first, 3x3, it is slower on as many rows as faster
 *   box_work, item_channels  AVX-512 only: of 4, 2 and 1 M and of 64 and 32 the pair that is
 *                            fastest on two threads over 43 layers (by 10% over 4 M and 64, and up
 *                            to 2x on the smallest); on one thread up to 5% behind over 22 layers
 *   most_pixels, positions   from the cache sizes, not measured (the script has no `positions`)
 *   weight                   AVX-512: of the sizes, the best of three on some twenty rows; costs
 *                            set by hand, which predict those rows within about a third; the
 *                            others have its values
 *   costs of AVX-512         fitted before tiles were turned; the store since by hand, from 1x1
 *                            layers in either layout. What they choose takes 0.5% longer than the
 *                            best form on the geometric mean of 2 x 53 layers (another fit: 0.7%)
 *   costs of AVX2            fitted to the same layers, then rounded: 1.4%
 *   costs of scalar          fitted before tiles were turned, panel and item set by hand: 1.2%
 *   planes, turns_pixels     from the times of 29 layers, channels first, in either form and with
 *                            pixels turned or not (AMD Zen 4, whose L1 has 32 KB): all turned, AVX2
 *                            takes 0.7 to 0.95 of the time at 7 x 7 to 28 x 28, AVX-512 up to 1.08;
 *                            those that are gathered, AVX-512 0.96 to 1, scalar 0.92
 *   broadcast of scalar      from the speeds of tiles of 2 x 6 and 6 x 2; the other sets load and
 *                            broadcast in one
 *   transform, make, read    by hand, from profiles of the 3x3 layers of ResNet-50 on AVX-512 and
 *                            AVX2; those of scalar are guesses
 *   depthwise                the time of plans over their vector multiply-adds, kernels of 3x3, 5x5
 *                            and 7x7, channels first: 0.20 to 0.29 (AVX-512), 0.23 to 0.26 (AVX2),
 *                            0.25 to 0.55 (scalar)
 *   depthwise_turned, turn, turn_box
 *                            by hand, from the times of 38 depthwise layers of AVX-512 done in
 *                            either way (3 to 121 taps, 7 to 112 columns, strides 1 and 2); the
 *                            others have its values, scalar more for a multiply-add
 *   NEON                     AVX2's values, not measured */
#ifndef FC_TUNING_H
#define FC_TUNING_H

#include <stdint.h>

/* Weight gradients (conv/grad_weight*.c). Costs are of vectors, in vector multiply-adds. */
typedef struct fc_weight_tuning {
    int64_t pixels, pixels_last; /* of a piece, about: channels first, last */
    int64_t depth_in_place;      /* channels last: most products of a gy that is read in place */
    double tile, turn, plane, finish; /* a call of a kernel; gy turned, x copied, sums turned */
    double dot, dot_alone;            /* a multiply-add of dot products: in a tile, in one row */
    double dot_sum, dot_bring;        /* lanes added; operands brought */
} fc_weight_tuning;

typedef struct fc_tuning {
    int64_t depth;         /* products of one block: depth x the width of a panel stays in the L1 */
    int64_t depth_turned;  /* the same, turned, where the channels of a pixel stand together */
    int64_t pixels;        /* of one box, about, where there are many products */
    int64_t most_pixels;   /* of one box, where there are few */
    int64_t box_work;      /* multiply-adds that make a box worth an item */
    int64_t item_channels; /* output channels an item should have at least */
    int64_t positions;     /* of a line of dot products: some lines stay in the L1 */
    double planes;         /* a multiply-add of panels read from planes, in others' time */
    int turns_pixels; /* turned: pixels that stand channels first, even in place, are turned too */
    double broadcast; /* multiply-adds that a broadcast takes the place of */
    /* Nanoseconds on one thread. */
    double multiply;  /* a vector multiply-add */
    double pack;      /* a vector packed into a panel */
    double gather;    /* a vector gathered into a plane */
    double strided;   /* an element gathered from every third or later column */
    double store;     /* a vector copied from the sums to the output */
    double panel;     /* a call of a kernel */
    double item;      /* an item */
    double depthwise; /* a vector multiply-add of depthwise convolution, its loads included */
    double depthwise_turned; /* the same, channels in the vectors */
    double turn, turn_box;   /* for that, a vector transposed; a box of them */
    /* Winograd's algorithm. */
    double transform; /* a vector of a point of a transformed tile, in or out */
    double make;      /* a vector of transformed weights, made */
    double read;      /* the same, read from the L3 */
    fc_weight_tuning weight;
} fc_tuning;

/* The most taps, along a row, of the depthwise kernels and windows that have code of their own. On
 * Zen 5, November 2026: 5 x 5 depthwise gradients take half the time or less by their own, with
 * AVX2 and AVX-512; the scalar set has too few registers for it, and is as fast without. */
#ifndef FC_OWN_TAPS
#ifdef FC_ISA_SCALAR
#define FC_OWN_TAPS 3
#else
#define FC_OWN_TAPS 5
#endif
#endif

#ifndef FC_TUNE_DEPTH
#define FC_TUNE_DEPTH 256
#endif
#ifndef FC_TUNE_DEPTH_TURNED
#define FC_TUNE_DEPTH_TURNED 640
#endif
#ifndef FC_TUNE_PIXELS
#define FC_TUNE_PIXELS 256
#endif
#ifndef FC_TUNE_MOST_PIXELS
#define FC_TUNE_MOST_PIXELS 4096
#endif
#ifndef FC_TUNE_BOX_WORK
#define FC_TUNE_BOX_WORK (1 << 20)
#endif
#ifndef FC_TUNE_ITEM_CHANNELS
#define FC_TUNE_ITEM_CHANNELS 32
#endif
#ifndef FC_TUNE_POSITIONS
#define FC_TUNE_POSITIONS 1024
#endif
#ifdef FC_ISA_AVX2
#define FC_PLANES 1.12
#define FC_TURNS_PIXELS 1
#else
#define FC_PLANES 1
#define FC_TURNS_PIXELS 0
#endif
#if !defined(FC_TUNE_BROADCAST) && defined(FC_ISA_SCALAR)
#define FC_TUNE_BROADCAST 0.5
#elif !defined(FC_TUNE_BROADCAST)
#define FC_TUNE_BROADCAST 0
#endif

#if defined(FC_TUNE_COSTS)
#elif defined(FC_ISA_AVX512)
#define FC_TUNE_COSTS                                                                              \
    .multiply = 0.124, .pack = 1.5, .gather = 1.2, .strided = 0.3, .store = 1.8, .panel = 16,      \
    .item = 830, .transform = 1.3, .make = 0.65, .read = 2.5, .depthwise = 0.25,                   \
    .depthwise_turned = 0.17, .turn = 1.6, .turn_box = 160
#elif defined(FC_ISA_SCALAR)
#define FC_TUNE_COSTS                                                                              \
    .multiply = 0.17, .pack = 1.2, .gather = 2.1, .strided = 0.25, .store = 2.6, .panel = 10,      \
    .item = 300, .transform = 0.7, .make = 0.3, .read = 0.6, .depthwise = 0.4,                     \
    .depthwise_turned = 0.3, .turn = 1.6, .turn_box = 160
#else
#define FC_TUNE_COSTS                                                                              \
    .multiply = 0.127, .pack = 0.74, .gather = 0.62, .strided = 0.43, .store = 1.1, .panel = 9.5,  \
    .item = 350, .transform = 0.9, .make = 0.4, .read = 1.2, .depthwise = 0.25,                    \
    .depthwise_turned = 0.17, .turn = 1.6, .turn_box = 160
#endif

#ifndef FC_TUNE_WEIGHT
#define FC_TUNE_WEIGHT                                                                             \
    .pixels = 1024, .pixels_last = 256, .depth_in_place = 128, .tile = 60, .turn = 16,             \
    .plane = 10, .finish = 8, .dot = 1.3, .dot_alone = 4, .dot_sum = 8, .dot_bring = 20
#endif

#define FC_TUNING                                                                                  \
    {                                                                                              \
        .depth = FC_TUNE_DEPTH, .depth_turned = FC_TUNE_DEPTH_TURNED, .pixels = FC_TUNE_PIXELS,    \
        .most_pixels = FC_TUNE_MOST_PIXELS, .box_work = FC_TUNE_BOX_WORK,                          \
        .item_channels = FC_TUNE_ITEM_CHANNELS, .positions = FC_TUNE_POSITIONS,                    \
        .broadcast = FC_TUNE_BROADCAST, .planes = FC_PLANES, .turns_pixels = FC_TURNS_PIXELS,      \
        .weight = {FC_TUNE_WEIGHT}, FC_TUNE_COSTS                                                  \
    }

#endif
