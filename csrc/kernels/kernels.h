/* The tables of kernels: one for each instruction set and type, filled where the kernels are
 * compiled (kernels.inc) and chosen once at load (runtime/cpu.c). All that the code above the
 * kernels knows of them. */
#ifndef FC_KERNELS_H
#define FC_KERNELS_H

#include "../fastconv.h"
#include "conv_table.h"
#include "fft_table.h"
#include "filter_table.h"
#include "nn_table.h"
#include "pool_table.h"
#include "tuning.h"

typedef struct fc_kernels {
    int lanes; /* of a vector */
    fc_tuning tuning;
    fc_conv_kernels conv;
    fc_pool_kernels pool;
    const fc_nn_kernels *nn;
    const fc_filter_kernels *filter;
    const fc_element_kernels *elements; /* of every type: one table an instruction set */
    fc_fft_kernels fft;                 /* of FC_F64 only */
    /* Multiply-adds on registers, `rounds` times `flops` operations of them; returns a sum so that
     * none can be dropped. */
    int64_t measure_flops;
    double (*measure)(int64_t rounds);
} fc_kernels;

/* The kernels in use for a type. */
const fc_kernels *fc_kernels_for(fc_dtype dtype);

static inline int64_t fc_sizeof(fc_dtype dtype) { return dtype == FC_F32 ? 4 : 8; }

#endif
