#define FC_ISA scalar
#include "../kernels/filter_elements.inc"
