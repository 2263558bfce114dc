/* The gradient with respect to the bias: the sum of grad_output over images and pixels, channel by
 * channel.
 *
 *   for each item (parallel):  a chunk of rows x all or some channels, into the chunk's own sums
 *   then the chunks in their order
 *
 * Channels first: a row is one channel of one image, a chunk one image. Channels last: a row is a
 * pixel. */
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "grad.h"
#include "integers.h"

#define LIMIT ((int64_t)1 << 62)
#define CHUNK_ELEMENTS (64 << 10) /* channels last: of a chunk, about */
#define CHUNKS 256                /* at most */

typedef struct run {
    const fc_conv_kernels *kernels;
    int64_t item, batch, channels, space, rows, chunks, chunk_rows;
    const char *g;
    char *sums;
} run;

/* Channels first: chunk_rows images of one channel. */
static void sum_channel(void *context, int64_t index, int worker) {
    (void)worker;
    const run *r = context;
    const int64_t channel = index % r->channels, chunk = index / r->channels;
    char *sum = r->sums + index * r->item;
    for (int64_t n = chunk * r->chunk_rows; n < min64(r->batch, (chunk + 1) * r->chunk_rows); n++)
        r->kernels->sum(sum, r->g + (n * r->channels + channel) * r->space * r->item, r->space);
}

/* Channels last: chunk_rows pixels of all channels. */
static void sum_pixels(void *context, int64_t index, int worker) {
    (void)worker;
    const run *r = context;
    const int64_t first = index * r->chunk_rows;
    r->kernels->sum_rows(r->sums + index * r->channels * r->item,
                         r->g + first * r->channels * r->item, r->channels,
                         min64(r->chunk_rows, r->rows - first), r->channels);
}

static fc_status validate(fc_dtype dtype, fc_layout layout, int64_t batch, int64_t channels,
                          int64_t space) {
    int64_t bytes;
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(layout == FC_CHANNELS_FIRST || layout == FC_CHANNELS_LAST, FC_INVALID_LAYOUT);
    FC_REQUIRE(batch >= 0 && channels > 0 && space > 0, FC_INVALID_SIZE);
    FC_REQUIRE(!__builtin_mul_overflow(channels, space, &bytes) &&
                   !__builtin_mul_overflow(bytes, max64(1, batch), &bytes) && bytes < LIMIT / 8,
               FC_INVALID_SIZE);
    return FC_OK;
}

/* Rows of a chunk: so that a result depends on the problem alone, whoever adds. */
static int64_t rows_of_chunk(int64_t rows, int64_t row_elements) {
    const int64_t wanted = CHUNK_ELEMENTS / min64(row_elements, CHUNK_ELEMENTS);
    return max64(max64(1, wanted), ceil_div(rows, CHUNKS));
}

int64_t fc_grad_bias_bytes(const fc_correlation *c) {
    return (c->batch + 1) * c->groups * c->out_channels * c->item;
}

void fc_grad_bias_of_planes(const fc_correlation *c, void *sums, void *gb) {
    const fc_conv_kernels *kernels = &c->kernels->conv;
    const int64_t channels = c->groups * c->out_channels, bytes = channels * c->item;
    const int64_t space = c->axis[0].out * c->axis[1].out * c->axis[2].out,
                  rows = rows_of_chunk(c->batch, space);
    char *chunk = (char *)sums + c->batch * bytes;
    memset(gb, 0, (size_t)bytes);
    for (int64_t n = 0; n < c->batch; n += rows) {
        memset(chunk, 0, (size_t)bytes);
        kernels->sum_rows(chunk, (char *)sums + n * bytes, channels, min64(rows, c->batch - n),
                          channels);
        kernels->sum_rows(gb, chunk, channels, 1, channels);
    }
}

fc_status fc_grad_bias(fc_dtype dtype, fc_layout layout, int64_t batch, int64_t channels,
                       int64_t space, const void *g, void *gb, const fc_call *call) {
    const int last = layout == FC_CHANNELS_LAST;
    run r = {.kernels = &fc_kernels_for(dtype)->conv,
             .item = fc_sizeof(dtype),
             .batch = batch,
             .channels = channels,
             .space = space,
             .rows = last ? batch * space : batch,
             .g = g};
    r.chunk_rows = rows_of_chunk(r.rows, last ? channels : space);
    r.chunks = max64(1, ceil_div(r.rows, r.chunk_rows));
    memset(gb, 0, (size_t)(channels * r.item));
    r.sums = fc_scratch(r.chunks * channels * r.item);
    FC_REQUIRE(r.sums, FC_OUT_OF_MEMORY);
    memset(r.sums, 0, (size_t)(r.chunks * channels * r.item));
    const int64_t items = r.chunks * (last ? 1 : channels);
    const int workers =
        (double)batch * (double)channels * (double)space < 1 << 17 ? 1 : fc_workers(call, items);
    const fc_status status =
        fc_parallel_for(call, workers, items, last ? sum_pixels : sum_channel, &r);
    if (status == FC_OK) r.kernels->sum_rows(gb, r.sums, channels, r.chunks, channels);
    fc_scratch_free(r.sums);
    return status;
}

fc_status fc_conv_grad_bias(fc_dtype dtype, fc_layout layout, int64_t batch, int64_t channels,
                            int64_t space, const void *g, void *gb, const fc_call *call) {
    FC_TRY(validate(dtype, layout, batch, channels, space));
    FC_REQUIRE(gb && (g || batch == 0), FC_INVALID_NULL);
    return fc_grad_bias(dtype, layout, batch, channels, space, g, gb, call);
}
