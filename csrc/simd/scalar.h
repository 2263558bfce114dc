/* The vocabulary of vec.h for any machine: 16-byte vectors in the compiler's own vector extension
 * (GCC, Clang), which become the baseline's registers (SSE2 on x86-64) or plain scalar code. */
#define FC_F32_LANES 4
#define FC_F64_LANES 2
#define REGISTERS 16
#define v_keep(v) ((void)0)

typedef float vf32 __attribute__((vector_size(16)));
typedef double vf64 __attribute__((vector_size(16)));
typedef int32_t vmask32 __attribute__((vector_size(16)));
typedef int64_t vmask64 __attribute__((vector_size(16)));
typedef struct {
    int first, last;
} vspan32, vspan64;

/* A loop over lanes is code of its own: inlined, it would be the greater part of every edge. */
#define FC_LANES static __attribute__((noinline, unused))

#define FC_DEFINE(B, T, N, V, M, S, SQRT)                                                          \
    static inline V vf##B##_zero(void) { return (V){0}; }                                          \
    static inline V vf##B##_set1(T x) { return x - (V){0}; }                                       \
    static inline V vf##B##_load(const T *p) {                                                     \
        V v;                                                                                       \
        __builtin_memcpy(&v, p, sizeof v);                                                         \
        return v;                                                                                  \
    }                                                                                              \
    static inline void vf##B##_store(T *p, V v) { __builtin_memcpy(p, &v, sizeof v); }             \
    static inline V vf##B##_add(V a, V b) { return a + b; }                                        \
    static inline V vf##B##_sub(V a, V b) { return a - b; }                                        \
    static inline V vf##B##_mul(V a, V b) { return a * b; }                                        \
    static inline V vf##B##_div(V a, V b) { return a / b; }                                        \
    static inline V vf##B##_quotient(V a, V b, V r) { return (void)r, a / b; }                     \
    static inline V vf##B##_fma(V a, V b, V c) { return a * b + c; }                               \
    static inline V vf##B##_select(M m, V a, V b) { return (V)((m & (M)a) | (~m & (M)b)); }        \
    static inline M vf##B##_gt(V a, V b) { return a > b; }                                         \
    static inline M vf##B##_isnan(V a) { return a != a; }                                          \
    static inline V vf##B##_max(V a, V b) { return vf##B##_select(a > b, a, b); }                  \
    static inline V vf##B##_min(V a, V b) { return vf##B##_select(a < b, a, b); }                  \
    static inline V vf##B##_abs(V a) { return (V)((M)a & ~(M)vf##B##_set1((T)-0.0)); }             \
    static inline M vf##B##_m_and(M a, M b) { return a & b; }                                      \
    static inline M vf##B##_m_or(M a, M b) { return a | b; }                                       \
    static inline int vf##B##_m_any(M m) {                                                         \
        int any = 0;                                                                               \
        for (int i = 0; i < N; i++) any |= m[i] != 0;                                              \
        return any;                                                                                \
    }                                                                                              \
    FC_LANES V vf##B##_sqrt(V a) {                                                                 \
        _Pragma("GCC unroll 4") for (int i = 0; i < N; i++) a[i] = SQRT(a[i]);                     \
        return a;                                                                                  \
    }                                                                                              \
    static inline void vf##B##_store_every_other(T *p, V v) {                                      \
        for (int i = 0; i < N; i++) p[2 * i] = v[i];                                               \
    }                                                                                              \
    static inline S vf##B##_span(int first, int last) { return (S){first, last}; }                 \
    FC_LANES V vf##B##_merge_span(V v, const T *p, S s) {                                          \
        _Pragma("GCC unroll 4") for (int i = 0; i < N; i++) {                                      \
            if (i >= s.first && i < s.last) v[i] = p[i];                                           \
        }                                                                                          \
        return v;                                                                                  \
    }                                                                                              \
    static inline V vf##B##_load_span(const T *p, S s) {                                           \
        return vf##B##_merge_span((V){0}, p, s);                                                   \
    }                                                                                              \
    FC_LANES void vf##B##_store_span(T *p, V v, S s) {                                             \
        _Pragma("GCC unroll 4") for (int i = 0; i < N; i++) {                                      \
            if (i >= s.first && i < s.last) p[i] = v[i];                                           \
        }                                                                                          \
    }

FC_DEFINE(32, float, 4, vf32, vmask32, vspan32, sqrtf)
FC_DEFINE(64, double, 2, vf64, vmask64, vspan64, sqrt)
#undef FC_DEFINE

static inline vf32 vf32_pick(vf32 a, vf32 n) {
    const vmask32 lane = __builtin_convertvector(n, vmask32);
    return (vf32){a[lane[0]], a[lane[1]], a[lane[2]], a[lane[3]]};
}
static inline vf64 vf64_pick(vf64 a, vf64 n) {
    return (vf64){n[0] > 0 ? a[1] : a[0], n[1] > 0 ? a[1] : a[0]};
}

static inline float vf32_sum(vf32 a) { return (a[0] + a[2]) + (a[1] + a[3]); }
static inline double vf64_sum(vf64 a) { return a[0] + a[1]; }
static inline double vf64_top(vf64 a) { return a[0] > a[1] ? a[0] : a[1]; }
static inline float vf32_top(vf32 a) {
    const float b = a[0] > a[2] ? a[0] : a[2], c = a[1] > a[3] ? a[1] : a[3];
    return b > c ? b : c;
}

#define FC_DEFINE(B, V, M)                                                                         \
    static inline V vf##B##_maximum(V a, V b) { return vf##B##_select((a > b) | (a != a), a, b); } \
    static inline M vf##B##_beats(V x, V best) { return (best == best) & ~(x <= best); }

FC_DEFINE(32, vf32, vmask32)
FC_DEFINE(64, vf64, vmask64)
#undef FC_DEFINE

static inline vf32 vf32_even(vf32 a, vf32 b) { return (vf32){a[0], a[2], b[0], b[2]}; }
static inline vf32 vf32_odd(vf32 a, vf32 b) { return (vf32){a[1], a[3], b[1], b[3]}; }
static inline vf32 vf32_zip_low(vf32 a, vf32 b) { return (vf32){a[0], b[0], a[1], b[1]}; }
static inline vf32 vf32_zip_high(vf32 a, vf32 b) { return (vf32){a[2], b[2], a[3], b[3]}; }
static inline vf64 vf64_even(vf64 a, vf64 b) { return (vf64){a[0], b[0]}; }
static inline vf64 vf64_odd(vf64 a, vf64 b) { return (vf64){a[1], b[1]}; }
static inline vf64 vf64_zip_low(vf64 a, vf64 b) { return (vf64){a[0], b[0]}; }
static inline vf64 vf64_zip_high(vf64 a, vf64 b) { return (vf64){a[1], b[1]}; }
static inline vf32 vf32_slide(vf32 a, vf32 b) { return (vf32){a[1], a[2], a[3], b[0]}; }
static inline vf64 vf64_slide(vf64 a, vf64 b) { return (vf64){a[1], b[0]}; }

FC_INLINE void vf32_transpose(vf32 r[4]) {
    const vf32 a = vf32_zip_low(r[0], r[2]), b = vf32_zip_high(r[0], r[2]);
    const vf32 c = vf32_zip_low(r[1], r[3]), d = vf32_zip_high(r[1], r[3]);
    r[0] = vf32_zip_low(a, c);
    r[1] = vf32_zip_high(a, c);
    r[2] = vf32_zip_low(b, d);
    r[3] = vf32_zip_high(b, d);
}
FC_INLINE void vf64_transpose(vf64 r[2]) {
    const vf64 a = r[0], b = r[1];
    r[0] = vf64_zip_low(a, b);
    r[1] = vf64_zip_high(a, b);
}
