#define FC_ISA scalar
#define FC_ISA_SCALAR
#define FC_BITS 64
#include "../kernels/filter.inc"
