// Elementary functions that only activations need, in addition to those in vector.hpp.
#pragma once
#include "vector.hpp"

INLINE Vec relu(Vec x) { return x < 0.0 ? Vec{} : x; }  // keeps NaN
INLINE Vec step(Vec x) { return x > 0.0 ? broadcast(1.0) : Vec{}; }
INLINE Vec normal(Vec x) {  // cumulative distribution function of the standard normal distribution
    return 0.5 * by_lane(-0.7071067811865476 * x, [](double v) { return std::erfc(v); });
}
INLINE Dual relu(const Dual& x) { return {relu(x.v), step(x.v) * x.t}; }
INLINE Dual step(const Dual& x) { return step(x.v); }
INLINE Dual normal(const Dual& x) { return {normal(x.v), 0.3989422804014327 * exp(-0.5 * (x.v * x.v)) * x.t}; }

template <class T>
INLINE T power(const T& x, const Vec& exponent) {
    return exp(exponent * log(x));
}
