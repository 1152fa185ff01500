// Losses of a problem with their gradients and products of vectors with their Hessians and Gauss-Newton parts. Before this header come the sizes of the network and the problem's own
// functions: energy, energy_slopes, residual, residual_slopes, infeasible.
#pragma once
#include <limits>
#include "network.hpp"

constexpr Order SECOND_ORDER = ISOTROPIC ? LAPLACIAN : HESSIAN;
constexpr int SECONDS = ISOTROPIC ? 1 : PAIRS;  // second-derivative streams of the residual

enum Formulation { DEEP_RITZ, STRONG_FORM, SUPERVISED };
constexpr Order order_of(int formulation) {
    return formulation == DEEP_RITZ ? GRADIENT : formulation == STRONG_FORM ? SECOND_ORDER : VALUE;
}

// Data of a vector of points, one field after the other: the same order as in kernels.py.
constexpr int JET = 1 + D + PAIRS;
constexpr int X = 0, WEIGHT = D, FACTOR = WEIGHT + 1, LIFT = FACTOR + JET, LOAD = LIFT + C * JET, EXACT = LOAD + C, FIELDS = EXACT + C * (1 + D);

constexpr int pair(int i, int j) { return i > j ? pair(j, i) : i * D - i * (i - 1) / 2 + (j - i); }

template <class T, Order ORDER>
struct Solution {  // u and its derivatives, or adjoints of them, at a vector of points
    static constexpr int S = streams_of(ORDER);
    T value[C], gradient[C * D], second[C * SECONDS];

    // u = lift + factor · network, by the product rule.
    INLINE void from(const Vec* data, const T (&n)[C][S]) {
        const Vec* a = data + FACTOR;
        for (int c = 0; c < C; ++c) {
            const Vec* lift = data + LIFT + c * JET;
            value[c] = n[c][0] * a[0] + lift[0];
            if constexpr (ORDER != VALUE)
                for (int i = 0; i < D; ++i) gradient[c * D + i] = n[c][1 + i] * a[0] + n[c][0] * a[1 + i] + lift[1 + i];
            if constexpr (ORDER == LAPLACIAN) {
                T sum = n[c][1 + D] * a[0];
                for (int i = 0; i < D; ++i)
                    sum = sum + n[c][1 + i] * (2.0 * a[1 + i]) + n[c][0] * a[1 + D + pair(i, i)] + lift[1 + D + pair(i, i)];
                second[c] = sum;
            }
            if constexpr (ORDER == HESSIAN)
                for (int i = 0; i < D; ++i)
                    for (int j = i; j < D; ++j) {
                        const int p = 1 + D + pair(i, j);
                        second[c * SECONDS + pair(i, j)] =
                            n[c][p] * a[0] + n[c][1 + i] * a[1 + j] + n[c][1 + j] * a[1 + i] + n[c][0] * a[p] + lift[p];
                    }
        }
    }

    // The transposed map, of adjoints.
    INLINE void to(const Vec* data, T (&n)[C][S]) const {
        const Vec* a = data + FACTOR;
        for (int c = 0; c < C; ++c) {
            n[c][0] = value[c] * a[0];
            if constexpr (ORDER != VALUE)
                for (int i = 0; i < D; ++i) {
                    n[c][0] = n[c][0] + gradient[c * D + i] * a[1 + i];
                    n[c][1 + i] = gradient[c * D + i] * a[0];
                }
            if constexpr (ORDER == LAPLACIAN) {
                n[c][1 + D] = second[c] * a[0];
                for (int i = 0; i < D; ++i) {
                    n[c][1 + i] = n[c][1 + i] + second[c] * (2.0 * a[1 + i]);
                    n[c][0] = n[c][0] + second[c] * a[1 + D + pair(i, i)];
                }
            }
            if constexpr (ORDER == HESSIAN)
                for (int i = 0; i < D; ++i)
                    for (int j = i; j < D; ++j) {
                        const int p = 1 + D + pair(i, j);
                        const T& o = second[c * SECONDS + pair(i, j)];
                        n[c][p] = o * a[0];
                        n[c][1 + i] = n[c][1 + i] + o * a[1 + j];
                        n[c][1 + j] = n[c][1 + j] + o * a[1 + i];
                        n[c][0] = n[c][0] + o * a[p];
                    }
        }
    }
};

template <class T, Order ORDER>
INLINE void load(const Pass<T, ORDER, true>& pass, int v, T (&n)[C][streams_of(ORDER)]) {
    using P = Pass<T, ORDER, true>;
    for (int c = 0; c < C; ++c)
        for (int s = 0; s < P::S; ++s) n[c][s] = Planes<T>::load(pass.out + c * P::ROW + s * P::V + v, P::PLANE);
}

// The part of a loss at a vector of points, without its weight.
template <int FORMULATION, class T, Order ORDER>
INLINE T part(const Vec* data, const Solution<T, ORDER>& u, Mask& missing) {
    T sum = T{};
    if constexpr (FORMULATION != SUPERVISED) missing |= infeasible(data + X, u.value, u.gradient);
    if constexpr (FORMULATION == DEEP_RITZ) {
        sum = energy(data + X, u.value, u.gradient);
        for (int c = 0; c < C; ++c) sum = sum - u.value[c] * data[LOAD + c];
    } else if constexpr (FORMULATION == STRONG_FORM) {
        T r[C];
        residual(data + X, u.value, u.gradient, u.second, r);
        for (int c = 0; c < C; ++c) {
            const T e = r[c] - data[LOAD + c];
            sum = sum + e * e;
        }
    } else {
        for (int c = 0; c < C; ++c) {
            const T e = u.value[c] - data[EXACT + c * (1 + D)];
            sum = sum + e * e;
        }
    }
    return sum;
}

// Its derivatives in u, grad u and the second derivatives of u, with the weight.
template <int FORMULATION, class T, Order ORDER>
INLINE void slopes(const Vec* data, const Solution<T, ORDER>& u, Solution<T, ORDER>& bar) {
    const Vec w = data[WEIGHT];
    if constexpr (FORMULATION == DEEP_RITZ) {
        energy_slopes(data + X, u.value, u.gradient, bar.value, bar.gradient);
        for (int c = 0; c < C; ++c) bar.value[c] = (bar.value[c] - data[LOAD + c]) * w;
        for (int i = 0; i < C * D; ++i) bar.gradient[i] = bar.gradient[i] * w;
    } else if constexpr (FORMULATION == STRONG_FORM) {
        T r[C];
        residual(data + X, u.value, u.gradient, u.second, r);
        for (int c = 0; c < C; ++c) r[c] = (r[c] - data[LOAD + c]) * (2.0 * w);
        residual_slopes(data + X, u.value, u.gradient, u.second, r, bar.value, bar.gradient, bar.second);
    } else {
        for (int c = 0; c < C; ++c) bar.value[c] = (u.value[c] - data[EXACT + c * (1 + D)]) * (2.0 * w);
    }
}

// For u with a derivative along a direction: what the second derivative of the loss in (u, grad u, ...) makes of that derivative, with the weight,
// as the derivative of `bar`, whose value is zero. Of squares, it leaves the second derivatives of the residual out.
template <int FORMULATION, Order ORDER>
INLINE void curvature(const Vec* data, const Solution<Dual, ORDER>& u, Solution<Dual, ORDER>& bar) {
    if constexpr (FORMULATION == STRONG_FORM) {
        Dual r[C];
        residual(data + X, u.value, u.gradient, u.second, r);
        Vec r_bar[C];
        for (int c = 0; c < C; ++c) r_bar[c] = r[c].t * (2.0 * data[WEIGHT]);
        Solution<Vec, ORDER> at, back;
        for (int c = 0; c < C; ++c) at.value[c] = u.value[c].v;
        for (int i = 0; i < C * D; ++i) at.gradient[i] = u.gradient[i].v;
        for (int i = 0; i < C * SECONDS; ++i) at.second[i] = u.second[i].v;
        residual_slopes(data + X, at.value, at.gradient, at.second, r_bar, back.value, back.gradient, back.second);
        for (int c = 0; c < C; ++c) bar.value[c] = {Vec{}, back.value[c]};
        for (int i = 0; i < C * D; ++i) bar.gradient[i] = {Vec{}, back.gradient[i]};
        for (int i = 0; i < C * SECONDS; ++i) bar.second[i] = {Vec{}, back.second[i]};
    } else {  // the energy, or a misfit, which is linear in u
        slopes<FORMULATION, Dual>(data, u, bar);
        for (int c = 0; c < C; ++c) bar.value[c].v = Vec{};
        if constexpr (ORDER != VALUE)
            for (int i = 0; i < C * D; ++i) bar.gradient[i].v = Vec{};
    }
}

// Loss and gradient at theta, or for dual numbers the gradient's derivative along the direction, or the Gauss-Newton part of that.
// There are `vectors` of points, a multiple of 4.
template <int FORMULATION, class T>
void differentiate(const double* theta, const double* direction, bool gauss_newton, const double* points, long vectors, double* loss, double* gradient) {
    constexpr Order ORDER = order_of(FORMULATION);
    using P = Pass<T, ORDER, true>;
    P pass(theta, direction);
    const Vec* data = reinterpret_cast<const Vec*>(points);
    for (int i = 0; i < PARAMETERS; ++i) gradient[i] = 0.0;
    Vec total{};
    Mask missing{};
    for (long block = 0; block < vectors; block += P::V, data += P::V * FIELDS) {
        pass.forward(data + X, FIELDS);
        for (int v = 0; v < P::V; ++v) {
            const Vec* here = data + v * FIELDS;
            T n[C][P::S];
            load<T, ORDER>(pass, v, n);
            Solution<T, ORDER> u, bar;
            u.from(here, n);
            total += value_of(part<FORMULATION, T, ORDER>(here, u, missing)) * here[WEIGHT];
            if constexpr (P::K > 0)  // one of both at run time: code for each of them would take the compiler twice the time
                if (gauss_newton) curvature<FORMULATION, ORDER>(here, u, bar);
            if (!gauss_newton) slopes<FORMULATION, T, ORDER>(here, u, bar);
            bar.to(here, n);
            for (int c = 0; c < C; ++c)
                for (int s = 0; s < P::S; ++s) Planes<T>::store(pass.out_bar + c * P::ROW + s * P::V + v, P::PLANE, n[c][s]);
        }
        pass.reverse(data + X, FIELDS, gradient, gauss_newton);
    }
    const double none = std::numeric_limits<double>::quiet_NaN();
    *loss = any(missing) ? none : sum(total);
    if (any(missing))
        for (int i = 0; i < PARAMETERS; ++i) gradient[i] = none;
}

// Streams of the outputs of a pass at its v-th vector of points.
template <class P>
INLINE void outputs(const P& pass, int v, Vec (&n)[C][P::S]) {
    for (int c = 0; c < C; ++c)
        for (int s = 0; s < P::S; ++s) n[c][s] = pass.out[c * P::ROW + s * P::V + v];
}

// The energy at `count` parameter vectors, with the gradient in x by reverse mode, which is less work than streams where C < D.
inline void evaluate_energy(const double* thetas, long count, const double* points, long vectors, double* losses) {
    using P = Pass<Vec, VALUE, true>;
    P pass(thetas, nullptr);
    for (long t = 0; t < count; ++t) {
        pass.theta = thetas + t * PARAMETERS;
        const Vec* data = reinterpret_cast<const Vec*>(points);
        Vec total{};
        Mask missing{};
        for (long block = 0; block < vectors; block += P::V, data += P::V * FIELDS) {
            pass.forward(data + X, FIELDS);
            Vec slopes[C][D * P::V];
            for (int c = 0; c < C; ++c) pass.gradient_in_x(c, slopes[c]);
            for (int v = 0; v < P::V; ++v) {
                const Vec* here = data + v * FIELDS;
                Vec n[C][1 + D];
                for (int c = 0; c < C; ++c) {
                    n[c][0] = pass.out[c * P::ROW + v];
                    for (int i = 0; i < D; ++i) n[c][1 + i] = slopes[c][i * P::V + v];
                }
                Solution<Vec, GRADIENT> u;
                u.from(here, n);
                total += part<DEEP_RITZ, Vec, GRADIENT>(here, u, missing) * here[WEIGHT];
            }
        }
        losses[t] = any(missing) ? std::numeric_limits<double>::quiet_NaN() : sum(total);
    }
}

// One loss at `count` parameter vectors.
template <int FORMULATION>
void evaluate(const double* thetas, long count, const double* points, long vectors, double* losses) {
    constexpr Order ORDER = order_of(FORMULATION);
    using P = Pass<Vec, ORDER, false>;
    P pass(thetas, nullptr);
    for (long t = 0; t < count; ++t) {
        pass.theta = thetas + t * PARAMETERS;
        const Vec* data = reinterpret_cast<const Vec*>(points);
        Vec total{};
        Mask missing{};
        for (long block = 0; block < vectors; block += P::V, data += P::V * FIELDS) {
            pass.forward(data + X, FIELDS);
            for (int v = 0; v < P::V; ++v) {
                const Vec* here = data + v * FIELDS;
                Vec n[C][P::S];
                outputs(pass, v, n);
                Solution<Vec, ORDER> u;
                u.from(here, n);
                total += part<FORMULATION, Vec, ORDER>(here, u, missing) * here[WEIGHT];
            }
        }
        losses[t] = any(missing) ? std::numeric_limits<double>::quiet_NaN() : sum(total);
    }
}

// All losses at once: energy, squared residual, misfit, misfit of the gradient, and whether the energy exists; five numbers for each theta.
inline void measure(const double* thetas, long count, const double* points, long vectors, double* results) {
    using P = Pass<Vec, SECOND_ORDER, false>;
    P pass(thetas, nullptr);
    for (long t = 0; t < count; ++t, results += 5) {
        pass.theta = thetas + t * PARAMETERS;
        const Vec* data = reinterpret_cast<const Vec*>(points);
        Vec totals[4] = {};
        Mask missing{};
        for (long block = 0; block < vectors; block += P::V, data += P::V * FIELDS) {
            pass.forward(data + X, FIELDS);
            for (int v = 0; v < P::V; ++v) {
                const Vec* here = data + v * FIELDS;
                Vec n[C][P::S];
                outputs(pass, v, n);
                Solution<Vec, SECOND_ORDER> u;
                u.from(here, n);
                const Vec w = here[WEIGHT];
                totals[0] += part<DEEP_RITZ, Vec, SECOND_ORDER>(here, u, missing) * w;
                totals[1] += part<STRONG_FORM, Vec, SECOND_ORDER>(here, u, missing) * w;
                totals[2] += part<SUPERVISED, Vec, SECOND_ORDER>(here, u, missing) * w;
                for (int c = 0; c < C; ++c)
                    for (int i = 0; i < D; ++i) {
                        const Vec e = u.gradient[c * D + i] - here[EXACT + c * (1 + D) + 1 + i];
                        totals[3] += e * e * w;
                    }
            }
        }
        const double none = std::numeric_limits<double>::quiet_NaN();
        for (int i = 0; i < 4; ++i) results[i] = i < 2 && any(missing) ? none : sum(totals[i]);
        results[4] = any(missing) ? 1.0 : 0.0;
    }
}

template <class T>
void differentiate(int formulation, const double* theta, const double* direction, bool gauss_newton, const double* points, long vectors, double* loss, double* result) {
    if (formulation == DEEP_RITZ) differentiate<DEEP_RITZ, T>(theta, direction, gauss_newton, points, vectors, loss, result);
    if (formulation == STRONG_FORM) differentiate<STRONG_FORM, T>(theta, direction, gauss_newton, points, vectors, loss, result);
    if (formulation == SUPERVISED) differentiate<SUPERVISED, T>(theta, direction, gauss_newton, points, vectors, loss, result);
}

// What Python calls. `formulation` is the position in FORMULATIONS.
extern "C" {
long lanes() { return LANES; }

void measure_all(const double* thetas, long count, const double* points, long vectors, double* results) {
    measure(thetas, count, points, vectors, results);
}

void loss(int formulation, const double* thetas, long count, const double* points, long vectors, double* losses) {
    if (formulation == DEEP_RITZ && C < D) evaluate_energy(thetas, count, points, vectors, losses);
    if (formulation == DEEP_RITZ && C >= D) evaluate<DEEP_RITZ>(thetas, count, points, vectors, losses);
    if (formulation == STRONG_FORM) evaluate<STRONG_FORM>(thetas, count, points, vectors, losses);
    if (formulation == SUPERVISED) evaluate<SUPERVISED>(thetas, count, points, vectors, losses);
}

void gradients(int formulation, const double* thetas, long count, const double* points, long vectors, double* losses, double* results) {
    for (long k = 0; k < count; ++k)
        differentiate<Vec>(formulation, thetas + k * PARAMETERS, nullptr, false, points, vectors, losses + k, results + k * PARAMETERS);
}

void products(int formulation, const double* theta, const double* directions, long count, const double* points, long vectors, double* results) {
    double loss;
    for (long k = 0; k < count; ++k)
        differentiate<Dual>(formulation, theta, directions + k * PARAMETERS, false, points, vectors, &loss, results + k * PARAMETERS);
}

void gauss_newton(int formulation, const double* theta, const double* directions, long count, const double* points, long vectors, double* results) {
    double loss;
    for (long k = 0; k < count; ++k)
        differentiate<Dual>(formulation, theta, directions + k * PARAMETERS, true, points, vectors, &loss, results + k * PARAMETERS);
}
}
