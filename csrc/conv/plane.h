/* Planes: what the kernels read. A box of output pixels (of some images), some channels and some
 * taps need a part of the input; a plane is that part, either gathered into scratch (padding filled
 * in, strides taken apart so that the pixels of a row are neighbours, channels last turned round),
 * or copied as it stands (padding filled in) or with the channels turned to last, or the input
 * itself. In each the element that pixel p needs for channel c and tap t lies at c*channel + tap(t)
 * + pixel(p). See plane.c. */
#ifndef FC_PLANE_H
#define FC_PLANE_H

#include "correlation.h"

/* Output pixels: `images` images from `image`, and in each the box from `first` of `size`. */
typedef struct fc_box {
    int64_t image, images, first[3], size[3];
} fc_box;

/* Taps: the box from `first` of `size` along the three axes. */
typedef struct fc_taps {
    int64_t first[3], size[3];
} fc_taps;

/* Strides in elements, at most FC_TOO_MANY: padding and dilation may span more. Of the input's
 * positions along axis i every skip-th stands in a phase, `line` from one to the next; tap t lies
 * at (t % period) * phase + (t * offset_step / skip) * line. */
typedef struct fc_plane {
    int64_t channel, image, pixel[3], phase[3], period[3], phases[3], skip[3], line[3];
    int64_t length[3]; /* positions of one phase along the axis */
    int channels_last; /* the channels of a position are neighbours */
} fc_plane;

/* The gathered form. */
fc_plane fc_plane_gathered(const fc_correlation *c, const fc_box *box, const fc_taps *taps);
/* The same for pixels that need not be neighbours: the input's own layout, for `channels` channels.
 */
fc_plane fc_plane_copied(const fc_correlation *c, const fc_box *box, const fc_taps *taps,
                         int64_t channels);
/* The same, channels last where it is faster to turn those that come first; and whether it is. */
int fc_plane_turns(const fc_correlation *c);
fc_plane fc_plane_turned(const fc_correlation *c, const fc_box *box, const fc_taps *taps,
                         int64_t channels);
/* Of a gathered or copied plane of that many images and channels. */
int64_t fc_plane_elements(const fc_plane *plane, int64_t images, int64_t channels);
/* Whether every pixel and tap can be read from the input itself, the pixels of a row being
 * neighbours; then *plane is that form. */
int fc_plane_in_place(const fc_correlation *c, fc_plane *plane);
/* The same for pixels that need not be neighbours. */
int fc_plane_spread_in_place(const fc_correlation *c, fc_plane *plane);
/* Elements before the first pixel's first tap, in the input itself. */
int64_t fc_plane_origin(const fc_correlation *c, const fc_plane *plane, const fc_box *box,
                        const fc_taps *taps);

/* The offsets of `channels` times the taps: tap fastest. */
void fc_plane_offsets(const fc_correlation *c, const fc_plane *plane, const fc_taps *taps,
                      int64_t channels, int64_t *offset);
static inline int64_t fc_plane_pixel(const fc_plane *plane, int64_t image, int64_t d, int64_t h,
                                     int64_t w) {
    return image * plane->image + d * plane->pixel[0] + h * plane->pixel[1] + w * plane->pixel[2];
}

/* The input position along an axis of length `size` that stands at `position`, which may lie
 * outside [0, size): -1 for a zero. */
int64_t fc_padded_position(int64_t position, int64_t size, fc_padding_mode mode);

/* Copy what the plane holds for `channels` channels from `channel` of group `group`. */
void fc_plane_gather(const fc_correlation *c, const fc_plane *plane, const fc_box *box,
                     const fc_taps *taps, const char *x, int64_t group, int64_t channel,
                     int64_t channels, char *dst);

/* Of n positions from `first` on, every `step`: those before the input, and those inside it. */
void fc_cut_at_input(int64_t first, int64_t step, int64_t n, int64_t in, int64_t *before,
                     int64_t *inside);

#endif
