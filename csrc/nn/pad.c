/* Zeros put around planes, or rows and columns taken off them: rows of the result, in tiles. */
#include <string.h>

#include "../conv/integers.h"
#include "../kernels/kernels.h"
#include "../runtime/shares.h"
#include "../runtime/status.h"

/* Elements of a tile: some microseconds. */
#define TILE_ELEMENTS (16 << 10)
/* Fewer elements than this are there before another thread has woken. */
#define MANY (32 << 10)

typedef struct padded {
    fc_pad pad;
    const fc_kernels *kernels;
    int64_t item, rows, tile_rows;
    int64_t left, kept, right; /* of a row: zeros, elements, zeros */
    const char *x;
    char *y;
} padded;

/* Rows [first, last) of one plane of the result. */
static void fill(const padded *p, int64_t plane, int64_t first, int64_t last) {
    const int64_t *from = p->pad.input, *to = p->pad.output, *before = p->pad.before;
    const int64_t depth = plane % to[0] - before[0], image = plane / to[0];
    const int64_t start = max64(first, before[1]), end = min64(last, from[1] + before[1]);
    char *y = p->y + (plane * to[1] + first) * to[2] * p->item;
    if (depth < 0 || depth >= from[0] || start >= end || p->kept <= 0) {
        memset(y, 0, (size_t)((last - first) * to[2] * p->item));
        return;
    }
    const int64_t row = (image * from[0] + depth) * from[1] + start - before[1];
    memset(y, 0, (size_t)((start - first) * to[2] * p->item));
    p->kernels->conv.copy_padded(y + (start - first) * to[2] * p->item, to[2],
                                 p->x + (row * from[2] + max64(0, -before[2])) * p->item, from[2],
                                 end - start, p->left, p->kept, p->right, 1);
    memset(y + (end - first) * to[2] * p->item, 0, (size_t)((last - end) * to[2] * p->item));
}

static void run_tile(void *context, int64_t tile, void *scratch) {
    (void)scratch;
    const padded *p = context;
    const int64_t high = p->pad.output[1];
    const int64_t end = min64((tile + 1) * p->tile_rows, p->rows);
    for (int64_t row = tile * p->tile_rows; row < end;) {
        const int64_t plane = row / high, next = min64((plane + 1) * high, end);
        fill(p, plane, row - plane * high, next - plane * high);
        row = next;
    }
}

static fc_status check(const fc_pad *p) {
    int64_t from = 8, to = 8;
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_REQUIRE(p->dtype == FC_F32 || p->dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(p->planes > 0, FC_INVALID_SIZE);
    from = to = times64(p->planes, 8);
    for (int i = 0; i < 3; i++) {
        FC_REQUIRE(p->input[i] > 0 && p->output[i] > 0, FC_INVALID_SIZE);
        FC_REQUIRE(p->before[i] > -FC_TOO_MANY && p->before[i] < FC_TOO_MANY, FC_INVALID_SIZE);
        from = times64(from, p->input[i]);
        to = times64(to, p->output[i]);
    }
    FC_REQUIRE(max64(from, to) < FC_TOO_MANY, FC_INVALID_SIZE);
    return FC_OK;
}

fc_status fc_pad_zeros(const fc_pad *pad, const void *x, void *y, const fc_call *call) {
    FC_TRY(check(pad));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    const int64_t *to = pad->output;
    padded p = {.pad = *pad,
                .kernels = fc_kernels_for(pad->dtype),
                .item = fc_sizeof(pad->dtype),
                .rows = pad->planes * to[0] * to[1],
                .left = clamp64(pad->before[2], 0, to[2]),
                .x = x,
                .y = y};
    p.kept = min64(to[2], pad->input[2] + pad->before[2]) - p.left;
    p.right = to[2] - p.left - p.kept;
    p.tile_rows = clamp64(TILE_ELEMENTS / to[2], 1, p.rows);
    fc_call how = call ? *call : (fc_call){0};
    if (p.rows * to[2] < MANY) how.threads = 1;
    return fc_share_out(&how, ceil_div(p.rows, p.tile_rows), 0, run_tile, &p);
}
