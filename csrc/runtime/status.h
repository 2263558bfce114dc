/* Early returns on a status. */
#ifndef FC_STATUS_H
#define FC_STATUS_H

#include "../fastconv.h"

#define FC_TRY(expression)                                                                         \
    do {                                                                                           \
        fc_status fc_try_status = (expression);                                                    \
        if (fc_try_status != FC_OK) return fc_try_status;                                          \
    } while (0)

#define FC_REQUIRE(condition, status)                                                              \
    do {                                                                                           \
        if (!(condition)) return status;                                                           \
    } while (0)

#endif
