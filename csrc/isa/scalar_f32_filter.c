#define FC_ISA scalar
#define FC_ISA_SCALAR
#define FC_BITS 32
#include "../kernels/filter.inc"
