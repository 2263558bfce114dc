#define FC_ISA neon
#include "../kernels/filter_elements.inc"
