/* The algorithms of the forward convolution, in one ordered list: see select.c. */
#ifndef FC_ALGORITHMS_H
#define FC_ALGORITHMS_H

#include "correlate.h"

typedef struct fc_algorithm_entry {
    fc_algorithm algorithm;
    const char *name;
    const char *(*accepts)(const fc_conv *p);      /* NULL, or why not */
    int (*suits)(const fc_conv *p);                /* whether FC_AUTO may choose it */
    double (*cost)(const fc_conv *p, int planned); /* predicted seconds on one thread */
} fc_algorithm_entry;

const fc_algorithm_entry *fc_algorithm_find(fc_algorithm algorithm);

/* FC_AUTO resolved and everything else checked; for valid problems. */
fc_status fc_algorithm_resolve(const fc_conv *p, fc_algorithm *algorithm, int planned);

/* The scalar algorithm, which reads the weights as they come (reference.c). */
fc_status fc_reference_forward(const fc_conv *p, const void *x, const void *w, const void *bias,
                               void *y, const fc_call *call);

/* How FC_DIRECT or FC_IM2COL cuts a correlation. */
fc_blocking fc_algorithm_blocking(const fc_correlation *c, fc_algorithm algorithm);

#endif
