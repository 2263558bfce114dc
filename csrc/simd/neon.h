/* The vocabulary of vec.h in aarch64's Advanced SIMD: 128-bit vectors, 32 registers. */
#include <arm_neon.h>

#define FC_F32_LANES 4
#define FC_F64_LANES 2
#define REGISTERS 32
#define v_keep(v) __asm__("" : "+w"(v))

typedef float32x4_t vf32;
typedef float64x2_t vf64;
typedef uint32x4_t vmask32;
typedef uint64x2_t vmask64;
typedef struct {
    int first, last;
} vspan32, vspan64;

#define FC_DEFINE(B, T, N, V, M, S)                                                                \
    static inline V vf##B##_zero(void) { return vdupq_n_f##B(0); }                                 \
    static inline V vf##B##_set1(T x) { return vdupq_n_f##B(x); }                                  \
    static inline V vf##B##_load(const T *p) { return vld1q_f##B(p); }                             \
    static inline void vf##B##_store(T *p, V v) { vst1q_f##B(p, v); }                              \
    static inline V vf##B##_add(V a, V b) { return vaddq_f##B(a, b); }                             \
    static inline V vf##B##_sub(V a, V b) { return vsubq_f##B(a, b); }                             \
    static inline V vf##B##_mul(V a, V b) { return vmulq_f##B(a, b); }                             \
    static inline V vf##B##_div(V a, V b) { return vdivq_f##B(a, b); }                             \
    static inline V vf##B##_quotient(V a, V b, V r) { return (void)r, vdivq_f##B(a, b); }          \
    static inline V vf##B##_fma(V a, V b, V c) { return vfmaq_f##B(c, a, b); }                     \
    static inline V vf##B##_sqrt(V a) { return vsqrtq_f##B(a); }                                   \
    static inline V vf##B##_abs(V a) { return vabsq_f##B(a); }                                     \
    static inline M vf##B##_gt(V a, V b) { return vcgtq_f##B(a, b); }                              \
    static inline M vf##B##_isnan(V a) { return vceqq_f##B(a, a) ^ ~(M){0}; }                      \
    static inline V vf##B##_select(M m, V a, V b) { return vbslq_f##B(m, a, b); }                  \
    static inline V vf##B##_max(V a, V b) { return vbslq_f##B(vcgtq_f##B(a, b), a, b); }           \
    static inline V vf##B##_min(V a, V b) { return vbslq_f##B(vcltq_f##B(a, b), a, b); }           \
    static inline M vf##B##_m_and(M a, M b) { return vandq_u##B(a, b); }                           \
    static inline M vf##B##_m_or(M a, M b) { return vorrq_u##B(a, b); }                            \
    static inline void vf##B##_store_every_other(T *p, V v) {                                      \
        for (int i = 0; i < N; i++) p[2 * i] = v[i];                                               \
    }                                                                                              \
    static inline S vf##B##_span(int first, int last) { return (S){first, last}; }                 \
    static inline V vf##B##_merge_span(V v, const T *p, S s) {                                     \
        for (int i = 0; i < N; i++)                                                                \
            if (i >= s.first && i < s.last) v[i] = p[i];                                           \
        return v;                                                                                  \
    }                                                                                              \
    static inline V vf##B##_load_span(const T *p, S s) {                                           \
        return vf##B##_merge_span(vdupq_n_f##B(0), p, s);                                          \
    }                                                                                              \
    static inline void vf##B##_store_span(T *p, V v, S s) {                                        \
        for (int i = 0; i < N; i++)                                                                \
            if (i >= s.first && i < s.last) p[i] = v[i];                                           \
    }

FC_DEFINE(32, float, 4, vf32, vmask32, vspan32)
FC_DEFINE(64, double, 2, vf64, vmask64, vspan64)
#undef FC_DEFINE

static inline vf32 vf32_pick(vf32 a, vf32 n) {
    const uint32x4_t first = vmulq_n_u32(vcvtq_u32_f32(n), 0x04040404); /* of each lane's bytes */
    return vreinterpretq_f32_u8(vqtbl1q_u8(
        vreinterpretq_u8_f32(a), vreinterpretq_u8_u32(vaddq_u32(first, vdupq_n_u32(0x03020100)))));
}

static inline vf64 vf64_pick(vf64 a, vf64 n) {
    return vbslq_f64(vcgtq_f64(n, vdupq_n_f64(0)), vdupq_laneq_f64(a, 1), vdupq_laneq_f64(a, 0));
}

static inline int vf32_m_any(vmask32 m) { return vmaxvq_u32(m) != 0; }
static inline int vf64_m_any(vmask64 m) { return vmaxvq_u32(vreinterpretq_u32_u64(m)) != 0; }
static inline float vf32_sum(vf32 a) { return vaddvq_f32(a); }
static inline double vf64_sum(vf64 a) { return vaddvq_f64(a); }
static inline float vf32_top(vf32 a) { return vmaxvq_f32(a); }
static inline double vf64_top(vf64 a) { return vmaxvq_f64(a); }

FC_INLINE void vf64_transpose(vf64 r[2]) {
    vf64 a = vtrn1q_f64(r[0], r[1]);
    r[1] = vtrn2q_f64(r[0], r[1]);
    r[0] = a;
}

FC_INLINE void vf32_transpose(vf32 r[4]) {
    float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1])),
                b = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3])),
                d = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}

#define FC_DEFINE(B, V, M)                                                                         \
    static inline V vf##B##_maximum(V a, V b) { return vmaxq_f##B(a, b); }                         \
    static inline M vf##B##_beats(V x, V best) {                                                   \
        return vandq_u##B(vceqq_f##B(best, best), vcleq_f##B(x, best) ^ ~(M){0});                  \
    }                                                                                              \
    static inline V vf##B##_even(V a, V b) { return vuzp1q_f##B(a, b); }                           \
    static inline V vf##B##_odd(V a, V b) { return vuzp2q_f##B(a, b); }                            \
    static inline V vf##B##_slide(V a, V b) { return vextq_f##B(a, b, 1); }                        \
    static inline V vf##B##_zip_low(V a, V b) { return vzip1q_f##B(a, b); }                        \
    static inline V vf##B##_zip_high(V a, V b) { return vzip2q_f##B(a, b); }

FC_DEFINE(32, vf32, vmask32)
FC_DEFINE(64, vf64, vmask64)
#undef FC_DEFINE
