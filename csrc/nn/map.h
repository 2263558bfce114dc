/* Element by element over arrays, on threads where they are large. See map.c. */
#ifndef FC_NN_MAP_H
#define FC_NN_MAP_H

#include "../fastconv.h"
#include "../kernels/nn_table.h"

/* Whether dtype and count are valid. */
fc_status fc_map_check(fc_dtype dtype, int64_t count);
/* Run `fn` for the elements 0 <= i < count. */
fc_status fc_map_run(const fc_map *map, fc_map_fn fn, int64_t count, const fc_call *call);

#endif
