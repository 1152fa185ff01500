// SIMD vectors of doubles, dual numbers of such vectors, and elementary functions of both.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int LANES = 8;
#elif defined(__AVX__)
constexpr int LANES = 4;
#else
constexpr int LANES = 2;
#endif

typedef double Vec __attribute__((vector_size(8 * LANES)));
typedef int64_t Mask __attribute__((vector_size(8 * LANES)));  // -1 where true, 0 where false

#define INLINE inline __attribute__((always_inline))
#define EXPORTED extern "C" __attribute__((visibility("default")))  // functions that are called from Python

INLINE Vec broadcast(double value) { return Vec{} + value; }

INLINE double sum(Vec v) {  // pairwise, in an order that depends only on the number of lanes
    double lanes[LANES];
    std::memcpy(lanes, &v, sizeof v);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
    return lanes[0];
}

INLINE bool any(Mask m) {
    int64_t found = 0;
    for (int i = 0; i < LANES; ++i) found |= m[i];
    return found != 0;
}

template <class F>
INLINE Vec by_lane(Vec v, F function) {
    Vec result;
    for (int i = 0; i < LANES; ++i) result[i] = function(v[i]);
    return result;
}

// For x = n ln 2 + r with |r| <= ln 2 / 2 and |x| < 709: returns e^r - 1 (Taylor polynomial of degree 13), and 2^n in `power`.
INLINE Vec reduced_expm1(Vec x, Vec& power) {
    const Vec shifted = x * 1.4426950408889634 + 0x1.8p52;  // rounds to an integer n, which is in the lowest bits
    const Vec n = shifted - 0x1.8p52;
    Mask bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    std::memcpy(&power, &bits, sizeof bits);
    const Vec r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
    Vec p = broadcast(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return p * r * r + r;
}

INLINE Vec exp(Vec x) {
    const Mask overflows = x > 709.0, underflows = x < -708.0;
    x = overflows ? broadcast(709.0) : x;
    x = underflows ? broadcast(-708.0) : x;
    Vec power;
    const Vec p = reduced_expm1(x, power);
    const Vec result = power * p + power;
    return overflows ? broadcast(__builtin_inf()) : underflows ? Vec{} : result;
}

#if defined(__AVX512F__)
// tanh(n h + r) = N / (N + 2 - 2 w) with N = w (S + 1) + S - 1, S = 2^(n / 16), w = tanh r, for h = ln 2 / 32 and |r| <= h / 2.
// It takes half the work of a formula with expm1.
INLINE Vec tanh(Vec x) {
    // POWERS[j]: bits of 2^(j / 16), minus j << 48, because n << 48 is added below and n = j modulo 16.
    // LOST[j]: half of the relative rounding error of 2^(j / 16) in double precision.
    alignas(64) static const int64_t POWERS[16] = {
        0x3ff0000000000000, 0x3fefb5586cf9890f, 0x3fef72b83c7d517b, 0x3fef387a6e756238, 0x3fef06fe0a31b715, 0x3feedea64c123422,
        0x3feebfdad5362a27, 0x3feeab07dd485429, 0x3feea09e667f3bcd, 0x3feea11473eb0187, 0x3feeace5422aa0db, 0x3feec49182a3f090,
        0x3feee89f995ad3ad, 0x3fef199bdd85529c, 0x3fef5818dcfba487, 0x3fefa4afa2a490da};
    alignas(64) static const double LOST[16] = {
        0.0, 4.09466e-17, -1.39696e-17, 3.91329e-17, 1.67423e-17, 1.87543e-17, 9.78629e-18, 2.84324e-17,
        -3.4179e-17, -1.17955e-17, 2.57742e-17, 7.67071e-18, 2.43758e-17, 8.42744e-18, 8.95063e-18, -2.77253e-17};
    const __m512i sign = _mm512_and_si512(_mm512_castpd_si512(x), _mm512_set1_epi64(INT64_MIN));
    const Vec size = _mm512_min_pd(_mm512_set1_pd(20.0), _mm512_abs_pd(x));  // this order of arguments keeps NaN
    const Vec shifted = size * 46.16624130844683 + 0x1.8p52;  // rounds to an integer n, which is in the lowest bits
    const Vec r = size - (shifted - 0x1.8p52) * 0.02166084939249829;
    const __m512i n = _mm512_castpd_si512(shifted);  // the permutations below use its lowest four bits as index
    const __m512i power = _mm512_permutex2var_epi64(_mm512_load_si512(POWERS), n, _mm512_load_si512(POWERS + 8));
    const Vec lost = _mm512_permutex2var_pd(_mm512_load_pd(LOST), n, _mm512_load_pd(LOST + 8));
    const Vec s = _mm512_castsi512_pd(_mm512_add_epi64(power, _mm512_slli_epi64(n, 48)));
    const Vec square = r * r;
    const Vec w = (r * square) * (square * (square * (-17.0 / 315.0) + 2.0 / 15.0) - 1.0 / 3.0) + (r + lost);
    const Vec top = w * (s + 1.0) + (s - 1.0), t = top / (top + (2.0 - 2.0 * w));
    return _mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(t), sign));
}
#else
INLINE Vec tanh(Vec x) {
    Vec size = x < 0.0 ? -x : x;
    size = size > 20.0 ? broadcast(20.0) : size;
    Vec power;
    const Vec p = reduced_expm1(size + size, power);
    const Vec e = power * p + (power - 1.0);
    const Vec t = e / (e + 2.0);
    return x < 0.0 ? -t : t;
}
#endif

INLINE Vec sigmoid(Vec x) { return 1.0 / (1.0 + exp(-x)); }
INLINE Vec softplus(Vec x) {
    const Vec size = x < 0.0 ? x : -x;
    return (x > 0.0 ? x : Vec{}) + by_lane(exp(size), [](double e) { return std::log1p(e); });
}
INLINE Vec log(Vec x) { return by_lane(x, [](double v) { return std::log(v); }); }
INLINE Vec sin(Vec x) { return by_lane(x, [](double v) { return std::sin(v); }); }
INLINE Vec cos(Vec x) { return by_lane(x, [](double v) { return std::cos(v); }); }
INLINE Vec sqrt(Vec x) { return by_lane(x, [](double v) { return std::sqrt(v); }); }

// A value and its derivative along a direction.
struct Dual {
    Vec v{}, t{};
    Dual() = default;
    INLINE Dual(Vec value) : v(value) {}
    INLINE Dual(double value) : v(broadcast(value)) {}
    INLINE Dual(Vec value, Vec derivative) : v(value), t(derivative) {}
};

INLINE Dual operator-(const Dual& a) { return {-a.v, -a.t}; }
INLINE Dual operator+(const Dual& a, const Dual& b) { return {a.v + b.v, a.t + b.t}; }
INLINE Dual operator-(const Dual& a, const Dual& b) { return {a.v - b.v, a.t - b.t}; }
INLINE Dual operator*(const Dual& a, const Dual& b) { return {a.v * b.v, a.t * b.v + a.v * b.t}; }
INLINE Dual operator/(const Dual& a, const Dual& b) {
    const Vec quotient = a.v / b.v;
    return {quotient, (a.t - quotient * b.t) / b.v};
}
// Operations with constants, which have no tangent.
INLINE Dual operator+(const Dual& a, Vec b) { return {a.v + b, a.t}; }
INLINE Dual operator+(Vec a, const Dual& b) { return {a + b.v, b.t}; }
INLINE Dual operator-(const Dual& a, Vec b) { return {a.v - b, a.t}; }
INLINE Dual operator-(Vec a, const Dual& b) { return {a - b.v, -b.t}; }
INLINE Dual operator*(const Dual& a, Vec b) { return {a.v * b, a.t * b}; }
INLINE Dual operator*(Vec a, const Dual& b) { return {a * b.v, a * b.t}; }
INLINE Dual operator/(const Dual& a, Vec b) { return {a.v / b, a.t / b}; }
INLINE Dual operator+(const Dual& a, double b) { return {a.v + b, a.t}; }
INLINE Dual operator+(double a, const Dual& b) { return {a + b.v, b.t}; }
INLINE Dual operator-(const Dual& a, double b) { return {a.v - b, a.t}; }
INLINE Dual operator-(double a, const Dual& b) { return {a - b.v, -b.t}; }
INLINE Dual operator*(const Dual& a, double b) { return {a.v * b, a.t * b}; }
INLINE Dual operator*(double a, const Dual& b) { return {a * b.v, a * b.t}; }
INLINE Dual operator/(const Dual& a, double b) { return {a.v / b, a.t / b}; }

INLINE Dual exp(const Dual& x) {
    const Vec e = exp(x.v);
    return {e, e * x.t};
}
INLINE Dual tanh(const Dual& x) {
    const Vec s = tanh(x.v);
    return {s, (1.0 - s * s) * x.t};
}
INLINE Dual sigmoid(const Dual& x) {
    const Vec s = sigmoid(x.v);
    return {s, s * (1.0 - s) * x.t};
}
INLINE Dual softplus(const Dual& x) { return {softplus(x.v), sigmoid(x.v) * x.t}; }
INLINE Dual log(const Dual& x) { return {log(x.v), x.t / x.v}; }
INLINE Dual sin(const Dual& x) { return {sin(x.v), cos(x.v) * x.t}; }
INLINE Dual cos(const Dual& x) { return {cos(x.v), -sin(x.v) * x.t}; }
INLINE Dual sqrt(const Dual& x) {
    const Vec s = sqrt(x.v);
    return {s, 0.5 * x.t / s};
}

template <class T>
INLINE T power(const T& x, int exponent) {  // x^n for a constant n
    if (exponent < 0) return 1.0 / power(x, -exponent);
    T result = T{} + 1.0, base = x;
    for (int n = exponent; n > 0; n >>= 1) {
        if (n & 1) result = result * base;
        base = base * base;
    }
    return result;
}
template <class T>
INLINE T power(const T& x, double exponent) {
    return exp(exponent * log(x));
}

INLINE Vec value_of(Vec x) { return x; }
INLINE Vec value_of(const Dual& x) { return x.v; }

// Storage of numbers in memory: the tangent of a dual number is stored at a given distance from its value.
template <class T>
struct Planes;
template <>
struct Planes<Vec> {
    static constexpr int TANGENTS = 0;
    static INLINE Vec load(const Vec* at, int) { return *at; }
    static INLINE void store(Vec* at, int, Vec value) { *at = value; }
};
template <>
struct Planes<Dual> {
    static constexpr int TANGENTS = 1;
    static INLINE Dual load(const Vec* at, int distance) { return {at[0], at[distance]}; }
    static INLINE void store(Vec* at, int distance, const Dual& value) {
        at[0] = value.v;
        at[distance] = value.t;
    }
};
