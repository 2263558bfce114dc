/* im2col and col2im: columns[n, (c, t), o] = x[n, c, o * stride + t * dilation - pad], zero
 * outside; and its adjoint, each element of x the sum of the columns that hold it, in the order of
 * their taps. */
#include "../runtime/status.h"
#include "problem.h"
#include "run.h"

fc_status fc_unfold(const fc_conv *problem, const void *x, void *columns, const fc_call *call) {
    FC_TRY(fc_columns_check(problem));
    FC_REQUIRE(x && columns, FC_INVALID_NULL);
    return fc_pool_columns(problem, 0, x, columns, call);
}

fc_status fc_fold(const fc_conv *problem, const void *columns, void *x, const fc_call *call) {
    FC_TRY(fc_columns_check(problem));
    FC_REQUIRE(columns && x, FC_INVALID_NULL);
    return fc_pool_columns(problem, 1, columns, x, call);
}
