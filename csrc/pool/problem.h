/* What makes a pooling problem valid: see problem.c. */
#ifndef FC_POOL_PROBLEM_H
#define FC_POOL_PROBLEM_H

#include "../kernels/pool_table.h"

/* Type, layout and sizes: all that adaptive pooling, unpooling and the gradient of max pooling
 * read. */
fc_status fc_pool_check_sizes(const fc_pool *pool);
/* Those, and the windows. `dilated`: whether they may be. */
fc_status fc_pool_check_windows(const fc_pool *pool, int dilated);
/* The problem of unfold and fold. */
fc_status fc_columns_check(const fc_conv *problem);

#endif
