/* Where a thread runs, and how long it has. See thread_cpu.c. */
#ifndef FC_THREAD_CPU_H
#define FC_THREAD_CPU_H

#include <stdint.h>
#include <time.h>

typedef struct fc_thread_cpu {
    int id;          /* the system's number for it; 0 where nothing is known */
    clockid_t clock; /* its time on a CPU */
} fc_thread_cpu;

/* The CPU this thread runs on; -1 where the system does not say. */
int fc_current_cpu(void);

/* Moves this thread to another CPU; 0 where it may run on no other. */
int fc_leave_cpu(void);

fc_thread_cpu fc_thread_self(void);

/* Nanoseconds on a CPU; a number that was never given before where the system does not say. */
int64_t fc_thread_time(fc_thread_cpu thread);

/* Moves a thread that waits for its CPU to the one this thread runs on. */
void fc_thread_move_here(fc_thread_cpu thread);

#endif
