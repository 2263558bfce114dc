/* Memory for results; the functions are in fastconv.h. See results.c. */
#ifndef FC_RESULTS_H
#define FC_RESULTS_H

#include <stdint.h>

#include "../fastconv.h"

/* Bytes that are kept now, and that may be at most. */
int64_t fc_results_kept(void);
int64_t fc_results_limit(void);

#endif
