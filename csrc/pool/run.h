/* Running a pooling job: which kernel, which tiles. See run.c. */
#ifndef FC_POOL_RUN_H
#define FC_POOL_RUN_H

#include "../kernels/pool_table.h"

/* `op` is one of FC_POOL_MAX, _AVG, _LP and _ARGMAX; the job's `phase` is set here. */
fc_status fc_pool_forward(const fc_pool_job *job, int op, const fc_call *call);
fc_status fc_pool_backward(const fc_pool_job *job, int op, const fc_call *call);
/* The kernel over whole planes (channels first) or images (last): scattering to the job's indices.
 */
fc_status fc_pool_scatter(const fc_pool_job *job, int add, const fc_call *call);
/* Unfold or fold. */
fc_status fc_pool_columns(const fc_conv *problem, int fold, const void *in, void *out,
                          const fc_call *call);

#endif
