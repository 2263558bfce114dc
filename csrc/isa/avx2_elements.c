#define FC_ISA avx2
#include "../kernels/filter_elements.inc"
