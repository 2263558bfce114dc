#define FC_ISA avx2
#define FC_ISA_AVX2
#define FC_BITS 64
#include "../kernels/filter.inc"
