#define FC_ISA neon
#define FC_ISA_NEON
#define FC_BITS 32
#include "../kernels/filter.inc"
