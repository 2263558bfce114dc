/* Gathered lines: what the depthwise kernels for any shape read (fc_depthwise_lines). See
 * depthwise_lines.c. */
#ifndef FC_CONV_DEPTHWISE_LINES_H
#define FC_CONV_DEPTHWISE_LINES_H

#include "correlation.h"

/* How the pixels of a plane are cut into boxes, and the lines that a box needs. */
typedef struct fc_lines {
    const fc_correlation *c;
    int64_t box[2], boxes[2];           /* rows and columns */
    int64_t summed, lines, line, phase; /* planes; of each, lines; elements of a line and a phase */
    int64_t offsets_at, bytes;          /* of the scratch of a worker */
} fc_lines;

typedef struct fc_lines_box {
    int64_t first[2], size[2];
} fc_lines_box;

fc_lines fc_lines_of(const fc_correlation *c);
/* Box `index` of a plane. */
fc_lines_box fc_lines_box_at(const fc_lines *l, int64_t index);
/* What does not depend on the data: geometry, and the offsets of the taps, in scratch. */
fc_depthwise_lines fc_lines_job(const fc_lines *l, char *scratch);
/* Gather the planes that one slice of outputs sums and that lie inside, into the scratch of `job`,
 * and say in it what there is. */
void fc_lines_gather(const fc_lines *l, const fc_lines_box *box, const char *x, int64_t image,
                     int64_t group, int64_t depth, fc_depthwise_lines *job);

/* A correlation by them (depthwise_gathered.c). */
fc_status fc_lines_correlate(const fc_correlation *c, const void *x, const void *w,
                             const void *bias, void *y, const fc_call *call);
int64_t fc_lines_scratch(const fc_correlation *c, int threads);

#endif
