/* The scratch memory of Winograd's transform is bounded, whatever the layer, batch and caches. */
#include "conv_case.h"
#include "fastconv.h"
#include "runtime/caches.h"
#include "test.h"

/* 4 MB and 2 MB a thread in single precision, for 3 x 3 layers of ResNet-50 and VGG-16, and as much
 * again where the L2 is twice as large as 1 MB. */
static void bounded_scratch(void) {
    static const int64_t layers[][3] = {{64, 64, 56},    {128, 128, 28}, {256, 256, 14},
                                        {512, 512, 7},   {3, 64, 224},   {64, 64, 224},
                                        {128, 128, 112}, {256, 512, 28}, {512, 512, 14}};
    const int64_t more = fc_caches_found.l2 > 1 << 20 ? 2 : 1;
    for (int i = 0; i < (int)(sizeof layers / sizeof *layers) * 8; i++) {
        const int64_t *layer = layers[i / 8], size = layer[2], megabytes = i & 1 ? 2 * more : more;
        const fc_conv p = {.dtype = i & 1 ? FC_F64 : FC_F32,
                           .batch = i & 2 ? 16 : 1,
                           .in_channels = layer[0],
                           .out_channels = layer[1],
                           .groups = 1,
                           .input = {1, size, size},
                           .kernel = {1, 3, 3},
                           .stride = {1, 1, 1},
                           .dilation = {1, 1, 1},
                           .pad_before = {0, 1, 1},
                           .pad_after = {0, 1, 1},
                           .output = {1, size, size}};
        int64_t bytes = 0, threads = i & 4 ? 16 : 1;
        CHECK(fc_conv_workspace(&p, FC_WINOGRAD, (int)threads, &bytes) == FC_OK);
        CHECK(bytes > 0 && bytes <= megabytes * (4 + 2 * threads) << 20,
              "%ld to %ld channels, %ld pixels wide, batch %ld: %ld bytes on %ld threads",
              (long)p.in_channels, (long)p.out_channels, (long)size, (long)p.batch, (long)bytes,
              (long)threads);
    }
}

static void scratch(void) {
    bounded_scratch();
    conv_with_other_caches(bounded_scratch);
}

void test_conv_scratch(void) { conv_on_each_isa(scratch); }
