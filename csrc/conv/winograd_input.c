/* The input's side of Winograd's algorithm: V = transformed tiles, [point][tile][channel]. */
#include "integers.h"
#include "winograd.h"

fc_images fc_winograd_images(const fc_correlation *c, const void *x) {
    return (fc_images){
        .kernels = c->kernels,
        .item = c->item,
        .layout = c->layout,
        .padding_mode = c->padding_mode,
        .channels = c->groups * c->in_channels,
        .size = {c->axis[1].in, c->axis[2].in},
        .data = x,
    };
}

void fc_winograd_input_box(const fc_correlation *c, const fc_winograd *w,
                           const fc_winograd_box *box, const fc_images *x,
                           const fc_winograd_channels *channels, void *strip, void *v) {
    fc_rectangle r = {
        .channel = channels->first,
        .channels = channels->count,
        .first = {box->first[0] * w->m + c->axis[1].offset,
                  box->first[1] * w->m + c->axis[2].offset},
        .size = {box->size[0] * w->m + 2, box->size[1] * w->m + 2},
    };
    const int64_t line = r.size[1] * FC_STRIP;
    for (int64_t i = 0; i < box->images; i++) {
        r.image = box->image + i;
        fc_strip_bring(x, &r, strip);
        for (int64_t h = 0; h < box->size[0]; h++) {
            const int64_t tile = (i * box->size[0] + h) * box->size[1];
            c->kernels->conv.winograd_input[w->size](&(fc_winograd_input){
                .x = (const char *)strip + h * w->m * line * c->item,
                .v = (char *)v + tile * w->pitch * c->item,
                .row = line,
                .column = FC_STRIP,
                .point = w->point,
                .tile = w->pitch,
                .tiles = box->size[1],
                .channels = up_to(channels->count, c->kernels->lanes),
            });
        }
    }
}
