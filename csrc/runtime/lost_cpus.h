/* Giving one's own CPU to a thread that has lost its. See lost_cpus.c. */
#ifndef FC_LOST_CPUS_H
#define FC_LOST_CPUS_H

#include "board.h"

/* Moves helpers inside that have had no CPU since the caller last looked to its own, which it is
 * about to give up; returns how many it has moved. One that stands still there too waits for
 * something else. */
int fc_move_lost_helpers(const fc_board *b);

/* The time on a CPU of the caller whose board this helper was at last; -1 where it needs it no
 * more. */
int64_t fc_last_caller_time(const fc_helper *h);

/* Moves that caller to the helper's CPU. */
void fc_move_last_caller(fc_helper *h);

#endif
