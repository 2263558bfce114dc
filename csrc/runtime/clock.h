/* Monotonic time in nanoseconds, and a pause for spinning. */
#ifndef FC_CLOCK_H
#define FC_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t fc_clock_of(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t fc_clock(void) { return fc_clock_of(CLOCK_MONOTONIC); }

/* To a few milliseconds: cheap enough to ask after every tile. */
static inline int64_t fc_clock_coarse(void) {
#ifdef CLOCK_MONOTONIC_COARSE
    return fc_clock_of(CLOCK_MONOTONIC_COARSE);
#else
    return fc_clock();
#endif
}

static inline void fc_cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
