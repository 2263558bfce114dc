/* The vocabulary of vec.h in AVX2 with FMA: 256-bit vectors, 16 registers, spans as vectors of sign
 * bits. FC_HALF: in AVX-512 VL, 32 registers, a mask register a span. */
#include <immintrin.h>

#define FC_STREAMS /* v_stream is more than v_store */

#define FC_F32_LANES 8
#define FC_F64_LANES 4
#ifdef FC_HALF
#define REGISTERS 32
#define v_keep(v) __asm__("" : "+v"(v))
#else
#define REGISTERS 16
#define v_keep(v) __asm__("" : "+x"(v))
#endif

typedef __m256 vf32, vmask32;
typedef __m256d vf64, vmask64;

#define FC_DEFINE(B, T, V, S)                                                                      \
    static inline V vf##B##_zero(void) { return _mm256_setzero_##S(); }                            \
    static inline V vf##B##_set1(T x) { return _mm256_set1_##S(x); }                               \
    static inline V vf##B##_load(const T *p) { return _mm256_loadu_##S(p); }                       \
    static inline void vf##B##_store(T *p, V v) { _mm256_storeu_##S(p, v); }                       \
    static inline void vf##B##_stream(T *p, V v) {                                                 \
        if ((uintptr_t)p % sizeof v) _mm256_storeu_##S(p, v);                                      \
        else _mm256_stream_##S(p, v);                                                              \
    }                                                                                              \
    static inline V vf##B##_add(V a, V b) { return _mm256_add_##S(a, b); }                         \
    static inline V vf##B##_sub(V a, V b) { return _mm256_sub_##S(a, b); }                         \
    static inline V vf##B##_mul(V a, V b) { return _mm256_mul_##S(a, b); }                         \
    static inline V vf##B##_div(V a, V b) { return _mm256_div_##S(a, b); }                         \
    static inline V vf##B##_fma(V a, V b, V c) { return _mm256_fmadd_##S(a, b, c); }               \
    static inline V vf##B##_quotient(V a, V b, V r) {                                              \
        const V q = _mm256_mul_##S(a, r), rest = _mm256_fnmadd_##S(q, b, a);                       \
        return _mm256_blendv_##S(q, _mm256_fmadd_##S(rest, r, q),                                  \
                                 _mm256_cmp_##S(rest, rest, _CMP_ORD_Q));                          \
    }                                                                                              \
    static inline V vf##B##_sqrt(V a) { return _mm256_sqrt_##S(a); }                               \
    static inline V vf##B##_abs(V a) { return _mm256_andnot_##S(_mm256_set1_##S((T)-0.0), a); }    \
    static inline V vf##B##_max(V a, V b) { return _mm256_max_##S(a, b); }                         \
    static inline V vf##B##_min(V a, V b) { return _mm256_min_##S(a, b); }                         \
    static inline V vf##B##_gt(V a, V b) { return _mm256_cmp_##S(a, b, _CMP_GT_OQ); }              \
    static inline V vf##B##_isnan(V a) { return _mm256_cmp_##S(a, a, _CMP_UNORD_Q); }              \
    static inline V vf##B##_select(V m, V a, V b) { return _mm256_blendv_##S(b, a, m); }           \
    static inline V vf##B##_m_and(V a, V b) { return _mm256_and_##S(a, b); }                       \
    static inline V vf##B##_m_or(V a, V b) { return _mm256_or_##S(a, b); }                         \
    static inline int vf##B##_m_any(V m) { return _mm256_movemask_##S(m) != 0; }

FC_DEFINE(32, float, vf32, ps)
FC_DEFINE(64, double, vf64, pd)
#undef FC_DEFINE

#ifdef FC_HALF
typedef __mmask8 vspan32, vspan64;

#define FC_DEFINE(B, T, V, S)                                                                      \
    static inline __mmask8 vf##B##_span(int first, int last) {                                     \
        return (__mmask8)(first < last ? ((1u << last) - 1u) & ~((1u << first) - 1u) : 0u);        \
    }                                                                                              \
    static inline V vf##B##_load_span(const T *p, __mmask8 s) {                                    \
        return _mm256_maskz_loadu_##S(s, p);                                                       \
    }                                                                                              \
    static inline V vf##B##_merge_span(V v, const T *p, __mmask8 s) {                              \
        return _mm256_mask_loadu_##S(v, s, p);                                                     \
    }                                                                                              \
    static inline void vf##B##_store_span(T *p, V v, __mmask8 s) {                                 \
        _mm256_mask_storeu_##S(p, s, v);                                                           \
    }
#else
typedef __m256i vspan32, vspan64;

#define FC_DEFINE(B, T, V, S)                                                                      \
    static inline V vf##B##_load_span(const T *p, __m256i s) { return _mm256_maskload_##S(p, s); } \
    static inline V vf##B##_merge_span(V v, const T *p, __m256i s) {                               \
        return _mm256_blendv_##S(v, _mm256_maskload_##S(p, s), _mm256_castsi256_##S(s));           \
    }                                                                                              \
    static inline void vf##B##_store_span(T *p, V v, __m256i s) { _mm256_maskstore_##S(p, s, v); }

static inline vspan32 vf32_span(int first, int last) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane),
                               _mm256_cmpgt_epi32(_mm256_set1_epi32(last), lane));
}

static inline vspan64 vf64_span(int first, int last) {
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_andnot_si256(_mm256_cmpgt_epi64(_mm256_set1_epi64x(first), lane),
                               _mm256_cmpgt_epi64(_mm256_set1_epi64x(last), lane));
}
#endif

FC_DEFINE(32, float, vf32, ps)
FC_DEFINE(64, double, vf64, pd)
#undef FC_DEFINE

static inline float vf32_sum(vf32 a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline double vf64_sum(vf64 a) {
    __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

static inline float vf32_top(vf32 a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline double vf64_top(vf64 a) {
    __m128d s = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
}

FC_INLINE void vf64_transpose(vf64 r[4]) {
    vf64 a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    vf64 c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
    r[0] = _mm256_permute2f128_pd(a, c, 0x20);
    r[1] = _mm256_permute2f128_pd(b, d, 0x20);
    r[2] = _mm256_permute2f128_pd(a, c, 0x31);
    r[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

FC_INLINE void vf32_transpose(vf32 r[8]) {
    vf32 t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 blocks within 128-bit lanes */
        vf32 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        vf32 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

/* The maximum instruction gives its second operand where either is NaN: only a NaN in `a` needs
 * help. */
#define FC_DEFINE(B, V, S)                                                                         \
    static inline V vf##B##_maximum(V a, V b) {                                                    \
        return _mm256_blendv_##S(_mm256_max_##S(a, b), a, _mm256_cmp_##S(a, a, _CMP_UNORD_Q));     \
    }                                                                                              \
    static inline V vf##B##_beats(V x, V best) {                                                   \
        return _mm256_and_##S(_mm256_cmp_##S(best, best, _CMP_ORD_Q),                              \
                              _mm256_cmp_##S(x, best, _CMP_NLE_UQ));                               \
    }

FC_DEFINE(32, vf32, ps)
FC_DEFINE(64, vf64, pd)
#undef FC_DEFINE

#define FC_DEFINE(B, V, S, EVEN, ODD)                                                              \
    static inline V vf##B##_block_even(V a, V b) { return EVEN; }                                  \
    static inline V vf##B##_block_odd(V a, V b) { return ODD; }                                    \
    static inline V vf##B##_even_blocks(V a, V b) { return _mm256_permute2f128_##S(a, b, 0x20); }  \
    static inline V vf##B##_odd_blocks(V a, V b) { return _mm256_permute2f128_##S(a, b, 0x31); }

FC_DEFINE(32, vf32, ps, _mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd))
FC_DEFINE(64, vf64, pd, _mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b))
#undef FC_DEFINE

/* Quarters q0 q2 q1 q3: what an operation within 128-bit lanes leaves exchanged. */
#define FC_EXCHANGE(v) _mm256_permute4x64_pd(v, 0xd8)

static inline vf32 vf32_even(vf32 a, vf32 b) {
    return _mm256_castpd_ps(FC_EXCHANGE(_mm256_castps_pd(vf32_block_even(a, b))));
}

static inline vf32 vf32_odd(vf32 a, vf32 b) {
    return _mm256_castpd_ps(FC_EXCHANGE(_mm256_castps_pd(vf32_block_odd(a, b))));
}

static inline vf32 vf32_zip_low(vf32 a, vf32 b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}

static inline vf32 vf32_zip_high(vf32 a, vf32 b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

static inline vf64 vf64_even(vf64 a, vf64 b) { return FC_EXCHANGE(vf64_block_even(a, b)); }
static inline vf64 vf64_odd(vf64 a, vf64 b) { return FC_EXCHANGE(vf64_block_odd(a, b)); }

static inline vf64 vf64_zip_low(vf64 a, vf64 b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20);
}

static inline vf64 vf64_zip_high(vf64 a, vf64 b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31);
}
#undef FC_EXCHANGE

static inline vf32 vf32_slide(vf32 a, vf32 b) {
    const __m256i middle = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
    return _mm256_castsi256_ps(_mm256_alignr_epi8(middle, _mm256_castps_si256(a), 4));
}

static inline vf64 vf64_slide(vf64 a, vf64 b) {
    return _mm256_shuffle_pd(a, _mm256_permute2f128_pd(a, b, 0x21), 0x5);
}

static inline vf32 vf32_pick(vf32 a, vf32 n) {
    return _mm256_permutevar8x32_ps(a, _mm256_cvttps_epi32(n));
}

/* As pairs of 32 bits: 2n and 2n + 1. */
static inline vf64 vf64_pick(vf64 a, vf64 n) {
    const __m256i even = _mm256_cvtepu32_epi64(_mm256_cvttpd_epi32(_mm256_add_pd(n, n)));
    const __m256i pairs =
        _mm256_or_si256(even, _mm256_slli_epi64(_mm256_add_epi64(even, _mm256_set1_epi64x(1)), 32));
    return _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(a), pairs));
}

static inline void vf32_store_every_other(float *p, vf32 v) {
    const __m256i lanes = _mm256_setr_epi32(-1, 0, -1, 0, -1, 0, -1, 0);
    _mm256_maskstore_ps(p, lanes, vf32_zip_low(v, v));
    _mm256_maskstore_ps(p + 8, lanes, vf32_zip_high(v, v));
}

static inline void vf64_store_every_other(double *p, vf64 v) {
    const __m256i lanes = _mm256_setr_epi64x(-1, 0, -1, 0);
    _mm256_maskstore_pd(p, lanes, vf64_zip_low(v, v));
    _mm256_maskstore_pd(p + 4, lanes, vf64_zip_high(v, v));
}
