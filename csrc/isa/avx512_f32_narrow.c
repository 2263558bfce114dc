#define FC_ISA avx512
#define FC_ISA_AVX512
#define FC_HALF
#define FC_BITS 32
#include "../kernels/narrow.inc"
