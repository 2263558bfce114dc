#define FC_ISA avx512
#include "../kernels/filter_elements.inc"
