#define FC_ISA avx512
#define FC_ISA_AVX512
#define FC_BITS 64
#include "../kernels/filter.inc"
