/* Doing without helpers that have no CPU of their own. See rest.c. */
#ifndef FC_REST_H
#define FC_REST_H

/* Do without `helpers` for a while: the longer, the sooner after the last time. */
void fc_rest(int helpers);

/* Do without one for a moment. */
void fc_rest_briefly(void);

/* The helpers to do without now. */
int fc_resting(void);

/* In a forked child. */
void fc_rest_after_fork(void);

#endif
