/* The vocabulary of vec.h in AVX-512 (F, BW, DQ, VL): 512-bit vectors, 32 registers, a mask
 * register a span. */
#include <immintrin.h>

#define FC_STREAMS /* v_stream is more than v_store */

#define FC_F32_LANES 16
#define FC_F64_LANES 8
#define REGISTERS 32
#define v_keep(v) __asm__("" : "+v"(v))

typedef __m512 vf32;
typedef __m512d vf64;
typedef __mmask16 vspan32, vmask32;
typedef __mmask8 vspan64, vmask64;

/* What the two types share but for the suffix. */
#define FC_DEFINE(B, T, V, M, S)                                                                   \
    static inline V vf##B##_zero(void) { return _mm512_setzero_##S(); }                            \
    static inline V vf##B##_set1(T x) { return _mm512_set1_##S(x); }                               \
    static inline V vf##B##_load(const T *p) { return _mm512_loadu_##S(p); }                       \
    static inline void vf##B##_store(T *p, V v) { _mm512_storeu_##S(p, v); }                       \
    static inline void vf##B##_stream(T *p, V v) {                                                 \
        if ((uintptr_t)p % sizeof v) _mm512_storeu_##S(p, v);                                      \
        else _mm512_stream_##S(p, v);                                                              \
    }                                                                                              \
    static inline V vf##B##_add(V a, V b) { return _mm512_add_##S(a, b); }                         \
    static inline V vf##B##_sub(V a, V b) { return _mm512_sub_##S(a, b); }                         \
    static inline V vf##B##_mul(V a, V b) { return _mm512_mul_##S(a, b); }                         \
    static inline V vf##B##_div(V a, V b) { return _mm512_div_##S(a, b); }                         \
    static inline V vf##B##_fma(V a, V b, V c) { return _mm512_fmadd_##S(a, b, c); }               \
    static inline V vf##B##_quotient(V a, V b, V r) {                                              \
        const V q = _mm512_mul_##S(a, r), rest = _mm512_fnmadd_##S(q, b, a);                       \
        return _mm512_mask3_fmadd_##S(rest, r, q, _mm512_cmp_##S##_mask(rest, rest, _CMP_ORD_Q));  \
    }                                                                                              \
    static inline V vf##B##_sqrt(V a) { return _mm512_sqrt_##S(a); }                               \
    static inline V vf##B##_abs(V a) { return _mm512_abs_##S(a); }                                 \
    static inline V vf##B##_max(V a, V b) { return _mm512_max_##S(a, b); }                         \
    static inline V vf##B##_min(V a, V b) { return _mm512_min_##S(a, b); }                         \
    static inline M vf##B##_gt(V a, V b) { return _mm512_cmp_##S##_mask(a, b, _CMP_GT_OQ); }       \
    static inline M vf##B##_isnan(V a) { return _mm512_cmp_##S##_mask(a, a, _CMP_UNORD_Q); }       \
    static inline V vf##B##_select(M m, V a, V b) { return _mm512_mask_blend_##S(m, b, a); }       \
    static inline M vf##B##_m_and(M a, M b) { return a & b; }                                      \
    static inline M vf##B##_m_or(M a, M b) { return a | b; }                                       \
    static inline int vf##B##_m_any(M m) { return m != 0; }                                        \
    static inline T vf##B##_sum(V a) { return _mm512_reduce_add_##S(a); }                          \
    static inline T vf##B##_top(V a) { return _mm512_reduce_max_##S(a); }                          \
    static inline M vf##B##_span(int first, int last) {                                            \
        return (M)(first < last ? ((1u << last) - 1u) & ~((1u << first) - 1u) : 0u);               \
    }                                                                                              \
    static inline V vf##B##_load_span(const T *p, M s) { return _mm512_maskz_loadu_##S(s, p); }    \
    static inline V vf##B##_merge_span(V v, const T *p, M s) {                                     \
        return _mm512_mask_loadu_##S(v, s, p);                                                     \
    }                                                                                              \
    static inline void vf##B##_store_span(T *p, V v, M s) { _mm512_mask_storeu_##S(p, s, v); }

FC_DEFINE(32, float, vf32, vmask32, ps)
FC_DEFINE(64, double, vf64, vmask64, pd)
#undef FC_DEFINE

/* Exchange pairs of rows at distance 1, 2, ... with unpacks and 128-bit shuffles. */
FC_INLINE void vf64_transpose(vf64 r[8]) {
    vf64 t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2; i++) { /* column pairs i, i + 2, ... of rows 0-3 and 4-7 */
        vf64 a = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88),
             b = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
        vf64 c = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88),
             d = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
        r[i] = _mm512_shuffle_f64x2(a, c, 0x88);
        r[i + 4] = _mm512_shuffle_f64x2(a, c, 0xdd);
        r[i + 2] = _mm512_shuffle_f64x2(b, d, 0x88);
        r[i + 6] = _mm512_shuffle_f64x2(b, d, 0xdd);
    }
}

FC_INLINE void vf32_transpose(vf32 r[16]) {
    vf32 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 4) { /* 4 x 4 blocks within 128-bit lanes */
        vf32 a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        vf32 c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 4; i++) { /* then the 128-bit lanes themselves */
        vf32 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88),
             b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        vf32 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88),
             d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

/* The maximum instruction gives its second operand where either is NaN: only a NaN in `a` needs
 * help. */
#define FC_DEFINE(B, V, M, S)                                                                      \
    static inline V vf##B##_maximum(V a, V b) {                                                    \
        return _mm512_mask_max_##S(a, _mm512_cmp_##S##_mask(a, a, _CMP_ORD_Q), a, b);              \
    }                                                                                              \
    static inline M vf##B##_beats(V x, V best) {                                                   \
        return _mm512_cmp_##S##_mask(best, best, _CMP_ORD_Q) &                                     \
               _mm512_cmp_##S##_mask(x, best, _CMP_NLE_UQ);                                        \
    }

FC_DEFINE(32, vf32, vmask32, ps)
FC_DEFINE(64, vf64, vmask64, pd)
#undef FC_DEFINE

static inline vf32 vf32_even(vf32 a, vf32 b) {
    const __m512i lane =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, lane, b);
}

static inline vf32 vf32_odd(vf32 a, vf32 b) {
    const __m512i lane =
        _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, lane, b);
}

static inline vf32 vf32_block_even(vf32 a, vf32 b) { return _mm512_shuffle_ps(a, b, 0x88); }
static inline vf32 vf32_block_odd(vf32 a, vf32 b) { return _mm512_shuffle_ps(a, b, 0xdd); }
static inline vf32 vf32_even_blocks(vf32 a, vf32 b) { return _mm512_shuffle_f32x4(a, b, 0x88); }
static inline vf32 vf32_odd_blocks(vf32 a, vf32 b) { return _mm512_shuffle_f32x4(a, b, 0xdd); }

static inline vf32 vf32_zip_low(vf32 a, vf32 b) {
    const __m512i lane = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return _mm512_permutex2var_ps(a, lane, b);
}

static inline vf32 vf32_zip_high(vf32 a, vf32 b) {
    const __m512i lane =
        _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return _mm512_permutex2var_ps(a, lane, b);
}

static inline vf64 vf64_even(vf64 a, vf64 b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b);
}

static inline vf64 vf64_odd(vf64 a, vf64 b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b);
}

static inline vf64 vf64_block_even(vf64 a, vf64 b) { return _mm512_unpacklo_pd(a, b); }
static inline vf64 vf64_block_odd(vf64 a, vf64 b) { return _mm512_unpackhi_pd(a, b); }
static inline vf64 vf64_even_blocks(vf64 a, vf64 b) { return _mm512_shuffle_f64x2(a, b, 0x88); }
static inline vf64 vf64_odd_blocks(vf64 a, vf64 b) { return _mm512_shuffle_f64x2(a, b, 0xdd); }

static inline vf64 vf64_zip_low(vf64 a, vf64 b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}

static inline vf64 vf64_zip_high(vf64 a, vf64 b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}

static inline vf32 vf32_slide(vf32 a, vf32 b) {
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), 1));
}

static inline vf64 vf64_slide(vf64 a, vf64 b) {
    return _mm512_castsi512_pd(
        _mm512_alignr_epi64(_mm512_castpd_si512(b), _mm512_castpd_si512(a), 1));
}

static inline vf32 vf32_pick(vf32 a, vf32 n) {
    return _mm512_permutexvar_ps(_mm512_cvttps_epi32(n), a);
}

static inline vf64 vf64_pick(vf64 a, vf64 n) {
    return _mm512_permutexvar_pd(_mm512_cvttpd_epi64(n), a);
}

static inline void vf32_store_every_other(float *p, vf32 v) {
    _mm512_mask_storeu_ps(p, 0x5555, vf32_zip_low(v, v));
    _mm512_mask_storeu_ps(p + 16, 0x5555, vf32_zip_high(v, v));
}

static inline void vf64_store_every_other(double *p, vf64 v) {
    _mm512_mask_storeu_pd(p, 0x55, vf64_zip_low(v, v));
    _mm512_mask_storeu_pd(p + 8, 0x55, vf64_zip_high(v, v));
}
