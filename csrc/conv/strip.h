/* Strips: a rectangle of some channels of one image, channels last whatever the array's layout, its
 * padding filled in. What Winograd's transforms read. */
#ifndef FC_STRIP_H
#define FC_STRIP_H

#include "correlation.h"

#define FC_STRIP 32 /* channels of a strip */

/* An array of images and where its padding comes from. */
typedef struct fc_images {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    fc_layout layout;
    fc_padding_mode padding_mode;
    int64_t channels, size[2]; /* all channels; height and width */
    const void *data;
} fc_images;

typedef struct fc_rectangle {
    int64_t image, channel, channels; /* FC_STRIP channels at most */
    int64_t first[2], size[2];        /* rows and columns, which may lie outside the image */
} fc_rectangle;

/* strip[(h * columns + w) * FC_STRIP + c] = the rectangle's pixel (h, w) of channel c. */
void fc_strip_bring(const fc_images *a, const fc_rectangle *r, void *strip);

#endif
