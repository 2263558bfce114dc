/* A parallel loop whose tiles stay with their threads from call to call. See shares.c. */
#ifndef FC_SHARES_H
#define FC_SHARES_H

#include "../fastconv.h"

/* Does tile `tile`; `scratch` is the worker's own, NULL where none was asked for. */
typedef void (*fc_share_fn)(void *context, int64_t tile, void *scratch);

/* Run `fn` for every tile in [0, tiles), with `scratch_bytes` for each worker. */
fc_status fc_share_out(const fc_call *call, int64_t tiles, int64_t scratch_bytes, fc_share_fn fn,
                       void *context);

#endif
