/* The floating-point mode of the tiles: IEEE, whatever the calling thread has set.
 *
 * A thread inherits flush-to-zero and the rounding mode from the one that creates it, and another
 * library may have set them on the caller: a result would then depend on which thread ran a tile.
 * So every loop runs in the default mode and gives the caller its own back. Only the control word
 * moves: a few cycles where it is the default already. */
#ifndef FC_FLOAT_ENV_H
#define FC_FLOAT_ENV_H

#if defined(__x86_64__)
#include <xmmintrin.h>

#define FC_FLOAT_FLAGS   0x3fu   /* what has happened: no mode */
#define FC_FLOAT_DEFAULT 0x1f80u /* all exceptions masked, to nearest, denormals kept */

typedef unsigned fc_float_env;

static inline fc_float_env fc_float_default(void) {
    fc_float_env now = _mm_getcsr();
    if ((now & ~FC_FLOAT_FLAGS) != FC_FLOAT_DEFAULT) _mm_setcsr(FC_FLOAT_DEFAULT);
    return now;
}

static inline void fc_float_restore(fc_float_env env) {
    if ((env & ~FC_FLOAT_FLAGS) != FC_FLOAT_DEFAULT) _mm_setcsr(env);
}

#elif defined(__aarch64__)
#include <stdint.h>

typedef uint64_t fc_float_env;

static inline void fc_float_restore(fc_float_env env) {
    if (env != 0) __asm__ volatile("msr fpcr, %0" : : "r"(env));
}

static inline fc_float_env fc_float_default(void) {
    fc_float_env now;
    __asm__ volatile("mrs %0, fpcr" : "=r"(now));
    if (now != 0) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
    return now;
}

#else
#include <fenv.h>

typedef fenv_t fc_float_env;

static inline fc_float_env fc_float_default(void) {
    fc_float_env now;
    fegetenv(&now);
    fesetenv(FE_DFL_ENV);
    return now;
}

static inline void fc_float_restore(fc_float_env env) { fesetenv(&env); }

#endif
#endif
