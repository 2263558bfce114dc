/* The CPUs of threads, on Linux; elsewhere nothing is known.
 *
 * A thread moves when it may run on one CPU only, and then is allowed again what it was allowed
 * before. Where it may run on one CPU only, it is being moved or is the user's to place: it stays,
 * so that nobody takes such a moment for what was allowed. */
#include "thread_cpu.h"

#include "clock.h"

#ifdef __linux__

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int fc_current_cpu(void) { return sched_getcpu(); }

/* Whether it did; `cpu` must be among those allowed. */
static int move(int thread, int cpu, const cpu_set_t *allowed) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (CPU_COUNT(allowed) < 2 || sched_setaffinity(thread, sizeof one, &one) != 0) return 0;
    sched_setaffinity(thread, sizeof *allowed, allowed);
    return 1;
}

int fc_leave_cpu(void) {
    const int here = sched_getcpu();
    cpu_set_t allowed;
    if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
    int cpu = here;
    do cpu = (cpu + 1) % CPU_SETSIZE;
    while (cpu != here && !CPU_ISSET(cpu, &allowed));
    return cpu != here && move(0, cpu, &allowed);
}

fc_thread_cpu fc_thread_self(void) {
    fc_thread_cpu self = {.id = 0};
    if (pthread_getcpuclockid(pthread_self(), &self.clock) == 0) self.id = (int)syscall(SYS_gettid);
    return self;
}

int64_t fc_thread_time(fc_thread_cpu thread) {
    return fc_clock_of(thread.id ? thread.clock : CLOCK_MONOTONIC);
}

void fc_thread_move_here(fc_thread_cpu thread) {
    const int here = sched_getcpu();
    cpu_set_t allowed;
    if (!thread.id || here < 0 || here >= CPU_SETSIZE) return;
    if (sched_getaffinity(thread.id, sizeof allowed, &allowed) != 0) return;
    if (CPU_ISSET(here, &allowed)) move(thread.id, here, &allowed);
}

#else

int fc_current_cpu(void) { return -1; }
int fc_leave_cpu(void) { return 0; }
fc_thread_cpu fc_thread_self(void) { return (fc_thread_cpu){.id = 0}; }
int64_t fc_thread_time(fc_thread_cpu thread) { return (void)thread, fc_clock(); }
void fc_thread_move_here(fc_thread_cpu thread) { (void)thread; }

#endif
