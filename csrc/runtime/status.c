/* Statuses in words, for a reader who has no more than the number. */
#include "status.h"

const char *fc_status_string(fc_status status) {
    switch (status) {
    case FC_OK:
        return "no error";
    case FC_OUT_OF_MEMORY:
        return "not enough memory";
    case FC_INTERRUPTED:
        return "interrupted by the caller";
    case FC_INVALID_NULL:
        return "a required pointer is NULL";
    case FC_INVALID_DTYPE:
        return "the data type is neither float32 nor float64";
    case FC_INVALID_LAYOUT:
        return "unknown layout";
    case FC_INVALID_PADDING_MODE:
        return "unknown padding mode, or more padding than it can take from the input";
    case FC_INVALID_SIZE:
        return "a size is not positive, or an array is larger than 64 bits can address";
    case FC_INVALID_STRIDE:
        return "a stride is not positive, or too large";
    case FC_INVALID_DILATION:
        return "a dilation is not positive, or too large";
    case FC_INVALID_PADDING:
        return "a padding is negative, too large, or more than half the kernel (pooling)";
    case FC_INVALID_GROUPS:
        return "the number of groups is not positive, or does not divide the channels";
    case FC_INVALID_OUTPUT_SIZE:
        return "the output size is not what the problem gives, or not positive";
    case FC_INVALID_ACTIVATION:
        return "the activation's minimum is above its maximum, or NaN";
    case FC_INVALID_INDEX:
        return "a pooling index lies outside its plane";
    case FC_INVALID_VALUE:
        return "an argument has an invalid value";
    case FC_UNSUPPORTED_ALGORITHM:
        return "the algorithm cannot serve this problem";
    case FC_UNSUPPORTED_ISA:
        return "the instruction set is unknown, not built in, or not available on this CPU";
    }
    return "unknown status";
}
