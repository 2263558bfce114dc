/* Threads of the library's own. */
#ifndef FC_SPAWN_H
#define FC_SPAWN_H

/* Starts a detached thread that takes no signals; 0 where the system refuses. */
int fc_spawn(void *(*body)(void *), void *argument);

#endif
