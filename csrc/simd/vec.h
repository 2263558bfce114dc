/* The vector vocabulary: what a kernel may say about vectors, for one instruction set and one type.
 *
 * A wrapper in csrc/isa/ defines FC_ISA_<NAME> and FC_BITS (32 or 64), FC_HALF too for vectors of
 * half the size (AVX-512's); this header then gives the kernels
 *
 *   real            float or double            VL         lanes of a vector
 *   vec             a vector of VL reals       vspan      a range of lanes [first, last)
 *   vmask           a truth value a lane       REGISTERS  vector registers of the machine
 *
 *   v_zero() v_set1(x) v_load(p) v_store(p, v)                      p need not be aligned
 *   v_stream(p, v)                      v_store past the caches, where the machine has it; before
 *   v_streamed()                        ... others are told that it is there
 *   v_add v_sub v_mul v_div (a, b)      v_fma(a, b, c) = a * b + c   v_sqrt(a) v_abs(a)
 *   v_max(a, b) v_min(a, b)             b where either is NaN: v_max(limit, x) passes NaN on
 *   v_gt(a, b) v_isnan(a)  m_and m_or (m, n)  v_select(m, a, b) = m ? a : b   m_any(m)
 *   v_quotient(a, b, r)                 a / b, where r = 1 / b: as v_div rounds it
 *   v_sum(a)                            of all lanes, always added in the same order
 *   v_top(a)                            the largest of all lanes; any of them where one is NaN
 *   v_span(first, last)                 the lanes first <= i < last
 *   v_load_span(p, s)                   lane i from p[i] inside s, the rest untouched; 0 outside
 *   v_merge_span(v, p, s)               lane i from p[i] inside s, from v outside
 *   v_store_span(p, v, s)               writes p[i] inside s only
 *   v_transpose(r)                      the VL x VL block in r[0..VL), in place
 *   v_maximum(a, b)                     the larger; NaN where either is
 *   v_beats(x, best)                    whether x > best, or x is NaN and best is not
 *   v_even(a, b) v_odd(a, b)            every other lane of a, then b, from the first or second on
 *   v_block_even(a, b) v_block_odd(a, b)    so within each 16 bytes of a and b: cheaper
 *   v_even_blocks(a, b) v_odd_blocks(a, b)  so with 16 bytes instead of a lane, if VL > BLOCK lanes
 *   v_store_every_other(p, v)           p[2 * i] = lane i; what stands between is not touched
 *   v_zip_low(a, b) v_zip_high(a, b)    the first or the second half of a0 b0 a1 b1 ...
 *   v_slide(a, b)                       a without its first lane, then the first of b
 *   v_pick(a, n)                        lane i is lane n[i] of a: whole numbers in [0, VL)
 *   v_keep(v);                          v stays in a register: the compiler may otherwise read it
 *                                       from memory again for each of its uses
 *
 * Every operation works lane by lane and so gives a lane the same bits wherever it stands: results
 * cannot depend on how pixels were dealt to vectors. */
#ifndef FC_VEC_H
#define FC_VEC_H

#include <math.h>
#include <stdint.h>

/* For what takes and gives vectors in an array, which stays in registers only if it is inlined. */
#define FC_INLINE static inline __attribute__((always_inline))

/* For functions that are seldom what a program waits for: made for size. */
#define FC_SMALL __attribute__((cold))

/* The scalar set, where it only stands in for a better one that an older CPU lacks. */
#if defined(FC_ISA_SCALAR) && (defined(__x86_64__) || defined(__aarch64__))
#define FC_FALLBACK 1
#else
#define FC_FALLBACK 0
#endif

#if defined(FC_ISA_AVX512) && !defined(FC_HALF)
#include "avx512.h"
#elif defined(FC_ISA_AVX2) || defined(FC_ISA_AVX512)
#include "avx2.h"
#elif defined(FC_ISA_NEON)
#include "neon.h"
#else
#include "scalar.h"
#endif

#define FC_PASTE_(a, b, c) a##b##c
#define FC_PASTE(a, b, c) FC_PASTE_(a, b, c)
#define FC_V(name) FC_PASTE(vf, FC_BITS, _##name)

#if FC_BITS == 32
typedef float real;
#define VL FC_F32_LANES
#else
typedef double real;
#define VL FC_F64_LANES
#endif
#define BLOCK (128 / FC_BITS) /* lanes */
typedef FC_PASTE(vf, FC_BITS, ) vec;
typedef FC_PASTE(vspan, FC_BITS, ) vspan;
typedef FC_PASTE(vmask, FC_BITS, ) vmask;

#define v_zero() FC_V(zero)()
#define v_set1(x) FC_V(set1)(x)
#define v_load(p) FC_V(load)(p)
#define v_store(p, v) FC_V(store)(p, v)
#ifdef FC_STREAMS
#define v_stream(p, v) FC_V(stream)(p, v)
#define v_streamed() _mm_sfence()
#else
#define v_stream(p, v) v_store(p, v)
#define v_streamed() ((void)0)
#endif
#define v_add(a, b) FC_V(add)(a, b)
#define v_sub(a, b) FC_V(sub)(a, b)
#define v_mul(a, b) FC_V(mul)(a, b)
#define v_div(a, b) FC_V(div)(a, b)
#define v_quotient(a, b, r) FC_V(quotient)(a, b, r)
#define v_fma(a, b, c) FC_V(fma)(a, b, c)
#define v_sqrt(a) FC_V(sqrt)(a)
#define v_abs(a) FC_V(abs)(a)
#define v_max(a, b) FC_V(max)(a, b)
#define v_min(a, b) FC_V(min)(a, b)
#define v_gt(a, b) FC_V(gt)(a, b)
#define v_isnan(a) FC_V(isnan)(a)
#define v_select(m, a, b) FC_V(select)(m, a, b)
#define m_and(a, b) FC_V(m_and)(a, b)
#define m_or(a, b) FC_V(m_or)(a, b)
#define m_any(m) FC_V(m_any)(m)
#define v_sum(a) FC_V(sum)(a)
#define v_top(a) FC_V(top)(a)
#define v_span(first, last) FC_V(span)(first, last)
#define v_load_span(p, s) FC_V(load_span)(p, s)
#define v_merge_span(v, p, s) FC_V(merge_span)(v, p, s)
#define v_store_span(p, v, s) FC_V(store_span)(p, v, s)
#define v_transpose(r) FC_V(transpose)(r)
#define v_maximum(a, b) FC_V(maximum)(a, b)
#define v_beats(x, best) FC_V(beats)(x, best)
#define v_even(a, b) FC_V(even)(a, b)
#define v_odd(a, b) FC_V(odd)(a, b)
#if VL > BLOCK
#define v_block_even(a, b) FC_V(block_even)(a, b)
#define v_block_odd(a, b) FC_V(block_odd)(a, b)
#define v_even_blocks(a, b) FC_V(even_blocks)(a, b)
#define v_odd_blocks(a, b) FC_V(odd_blocks)(a, b)
#else
#define v_block_even(a, b) v_even(a, b)
#define v_block_odd(a, b) v_odd(a, b)
#endif
#define v_store_every_other(p, v) FC_V(store_every_other)(p, v)
#define v_zip_low(a, b) FC_V(zip_low)(a, b)
#define v_zip_high(a, b) FC_V(zip_high)(a, b)
#define v_slide(a, b) FC_V(slide)(a, b)
#define v_pick(a, n) FC_V(pick)(a, n)

#endif
