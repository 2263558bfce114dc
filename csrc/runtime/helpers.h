/* The threads of the thread pool, as its callers know them. See helpers.c. */
#ifndef FC_HELPERS_H
#define FC_HELPERS_H

#include "board.h"

/* Invites some of the `limit` helpers that the loop still wants. Called by the caller and by every
 * helper that has joined. */
void fc_invite(fc_board *b, int limit);

/* Whether this thread is one. */
int fc_is_helper(void);

#endif
