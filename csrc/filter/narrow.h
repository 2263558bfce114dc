/* A pass along short lines. See narrow.c. */
#ifndef FC_FILTER_NARROW_H
#define FC_FILTER_NARROW_H

#include "step.h"

/* Whether a step goes along lines so short that this is faster. */
int fc_narrow_suits(const fc_step *s);
fc_status fc_narrow_run(const fc_step *s, const fc_call *call);

#endif
