/* Planes, channels first, pooled as pixels. See turned.c. */
#ifndef FC_POOL_TURNED_H
#define FC_POOL_TURNED_H

#include "../kernels/pool_table.h"

/* Whether that is faster than by rows; `by_lines`: than the kernel `lines`, not `windows`. */
int fc_pool_turns(const fc_pool_job *job, int op, int by_lines);
/* The same of the gradient of an average. */
int fc_pool_turns_back(const fc_pool_job *job);

/* Say in the job how. Gives the bytes of scratch; 0: there is no room. */
int64_t fc_pool_turn(fc_pool_job *job, int op);
/* Bands of rows of groups of planes: there are so many. */
int64_t fc_pool_turned_units(const fc_pool_job *job);
/* Those that the tile has for rows. */
void fc_pool_turned(const fc_pool_job *job, const fc_pool_tile *tile, void *scratch);

#endif
