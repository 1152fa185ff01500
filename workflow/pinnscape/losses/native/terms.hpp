// Terms with their gradients, and products of their Hessians and Gauss-Newton parts with vectors. To be defined before this
// header is included: the sizes of the network and the layout of the data (see pass.hpp); a type for each term, with its
// algebra of streams; `All`, which evaluates all terms from one pass; and `dispatch`, which maps the number of a term to its
// type.
#pragma once
#include <limits>
#include "pass.hpp"

constexpr double NONE = std::numeric_limits<double>::quiet_NaN();

// Streams of the solution u at the sites of a point, from the outputs of the network at the vectors v, v + 1, ... of the pass.
template <class A, class T, class P>
INLINE void solve(const P& pass, const Vec* data, int v, T (&u)[SITES * C * A::S]) {
    for (int site = 0; site < SITES; ++site)
        for (int c = 0; c < C; ++c) {
            T n[A::S];
            for (int s = 0; s < A::S; ++s) n[s] = Planes<T>::load(pass.out + c * P::ROW + s * P::V + v + site, P::PLANE);
            A::solution(data + site * FIELDS, c, n, u + (site * C + c) * A::S);
        }
}

// The integrand of a term (energy density or sum of squared residuals) at a vector of points, without the quadrature weight.
template <class Term, class T>
INLINE T part(const Vec* data, const double* q, const T* u) {
    if constexpr (Term::RESIDUALS == 0) {
        return Term::energy(data, q, u);
    } else {
        T r[Term::RESIDUALS], sum = T{};
        Term::residuals(data, q, u, r);
        for (int k = 0; k < Term::RESIDUALS; ++k) sum = sum + r[k] * r[k];
        return sum;
    }
}

// Derivatives of the integrand in the streams of u, times the quadrature weight.
template <class Term, class T>
INLINE void slopes(const Vec* data, const double* q, const T* u, T* bar) {
    const Vec w = data[WEIGHT];
    if constexpr (Term::RESIDUALS == 0) {
        Term::slopes(data, q, u, bar);
        for (int i = 0; i < SITES * C * Term::Algebra::S; ++i) bar[i] = bar[i] * w;
    } else {
        T r[Term::RESIDUALS];
        Term::residuals(data, q, u, r);
        for (int k = 0; k < Term::RESIDUALS; ++k) r[k] = r[k] * (2.0 * w);
        Term::slopes(data, q, u, r, bar);
    }
}

// Product of the integrand's second derivative in the streams of u, times the quadrature weight, with the tangent of u. The
// result is the tangent of `bar`, whose value is zero. For squares, second derivatives of the residuals are omitted
// (Gauss-Newton).
template <class Term>
INLINE void curvature(const Vec* data, const double* q, const Dual* u, Dual* bar) {
    constexpr int COUNT = SITES * C * Term::Algebra::S;
    if constexpr (Term::RESIDUALS == 0) {
        slopes<Term, Dual>(data, q, u, bar);
        for (int i = 0; i < COUNT; ++i) bar[i].v = Vec{};
    } else {
        Dual r[Term::RESIDUALS];
        Term::residuals(data, q, u, r);
        Vec r_bar[Term::RESIDUALS], at[COUNT], back[COUNT];
        for (int k = 0; k < Term::RESIDUALS; ++k) r_bar[k] = r[k].t * (2.0 * data[WEIGHT]);
        for (int i = 0; i < COUNT; ++i) at[i] = u[i].v;
        Term::slopes(data, q, at, r_bar, back);
        for (int i = 0; i < COUNT; ++i) bar[i] = {Vec{}, back[i]};
    }
}

// Calls `of` with the data and the streams of u at each vector of points, after forward passes without derivatives in theta.
template <class A, class P, class F>
INLINE void over_points(P& pass, const double* points, long vectors, F of) {
    const Vec* data = reinterpret_cast<const Vec*>(points);
    for (long block = 0; block < vectors; block += P::POINTS, data += P::V * FIELDS) {
        pass.forward(data);
        for (int v = 0; v < P::V; v += SITES) {
            Vec u[SITES * C * A::S];
            solve<A>(pass, data + v * FIELDS, v, u);
            of(data + v * FIELDS, u);
        }
    }
}

// A term and its gradient at theta. For dual numbers, the gradient is replaced by its derivative along the direction, which is
// a Hessian-vector product, or with `gauss_newton` by the product with the Gauss-Newton part. The number `vectors` of vectors
// of points is a multiple of 4.
template <class Term, class T>
void differentiate(const double* theta, const double* direction, bool gauss_newton, const double* points, long vectors, const double* q, double* loss, double* gradient) {
    using A = typename Term::Algebra;
    using P = Pass<T, A, true>;
    P pass(theta, direction);
    const Vec* data = reinterpret_cast<const Vec*>(points);
    for (int i = 0; i < PARAMETERS; ++i) gradient[i] = 0.0;
    Vec total{};
    Mask missing{};
    for (long block = 0; block < vectors; block += P::POINTS, data += P::V * FIELDS) {
        pass.forward(data);
        for (int v = 0; v < P::V; v += SITES) {
            const Vec* here = data + v * FIELDS;
            T u[SITES * C * A::S], bar[SITES * C * A::S];
            solve<A>(pass, here, v, u);
            missing |= Term::missing(here, q, u);
            total += value_of(part<Term>(here, q, u)) * here[WEIGHT];
            if constexpr (P::K > 0)  // chosen at run time: separate code for both cases would double the compilation time
                if (gauss_newton) curvature<Term>(here, q, u, bar);
            if (!gauss_newton) slopes<Term>(here, q, u, bar);
            for (int site = 0; site < SITES; ++site)
                for (int c = 0; c < C; ++c) {
                    T n[A::S];
                    A::solution_back(here + site * FIELDS, c, bar + (site * C + c) * A::S, n);
                    for (int s = 0; s < A::S; ++s) Planes<T>::store(pass.out_bar + c * P::ROW + s * P::V + v + site, P::PLANE, n[s]);
                }
        }
        pass.reverse(data, gradient, gauss_newton);
    }
    *loss = any(missing) ? NONE : sum(total);
    if (any(missing))
        for (int i = 0; i < PARAMETERS; ++i) gradient[i] = NONE;
}

// The values of a term at `count` parameter vectors.
template <class Term>
void evaluate(const double* thetas, long count, const double* points, long vectors, const double* q, double* losses) {
    using A = typename Term::Algebra;
    Pass<Vec, A, false> pass(thetas, nullptr);
    for (long k = 0; k < count; ++k) {
        pass.theta = thetas + k * PARAMETERS;
        Vec total{};
        Mask missing{};
        over_points<A>(pass, points, vectors, [&](const Vec* here, const Vec* u) {
            missing |= Term::missing(here, q, u);
            total += part<Term>(here, q, u) * here[WEIGHT];
        });
        losses[k] = any(missing) ? NONE : sum(total);
    }
}

// The same, with first derivatives in x by reverse mode, which needs less work than streams if there are fewer components than
// derivatives.
template <class Term>
void evaluate_backwards(const double* thetas, long count, const double* points, long vectors, const double* q, double* losses) {
    using A = typename Term::Algebra;
    using P = Pass<Vec, Value, true>;
    P pass(thetas, nullptr);
    for (long k = 0; k < count; ++k) {
        pass.theta = thetas + k * PARAMETERS;
        const Vec* data = reinterpret_cast<const Vec*>(points);
        Vec total{};
        Mask missing{};
        for (long block = 0; block < vectors; block += P::V, data += P::V * FIELDS) {
            pass.forward(data);
            Vec slopes[C][D * P::V];
            for (int c = 0; c < C; ++c) pass.gradient_in_x(c, slopes[c]);
            for (int v = 0; v < P::V; ++v) {
                const Vec* here = data + v * FIELDS;
                Vec u[C * A::S];
                for (int c = 0; c < C; ++c) {
                    Vec n[A::S];
                    n[0] = pass.out[c * P::ROW + v];
                    for (int s = 1; s < A::S; ++s) n[s] = slopes[c][A::VARIABLE[s] * P::V + v];
                    A::solution(here, c, n, u + c * A::S);
                }
                missing |= Term::missing(here, q, u);
                total += part<Term>(here, q, u) * here[WEIGHT];
            }
        }
        losses[k] = any(missing) ? NONE : sum(total);
    }
}

// The functions below are called from Python. `term` is the number of a term, and `q` are the parameters of the problem.
EXPORTED long lanes() { return LANES; }

// TERMS + 1 numbers for each theta: all terms, and 1 if any of them does not exist, otherwise 0.
EXPORTED void measure(const double* thetas, long count, const double* points, long vectors, const double* q, double* results) {
    Pass<Vec, All::Algebra, false> pass(thetas, nullptr);
    for (long t = 0; t < count; ++t, results += TERMS + 1) {
        pass.theta = thetas + t * PARAMETERS;
        Vec totals[TERMS] = {};
        Mask missing[TERMS] = {};
        over_points<All::Algebra>(pass, points, vectors, [&](const Vec* here, const Vec* u) { All::add(here, q, u, totals, missing); });
        results[TERMS] = 0.0;
        for (int k = 0; k < TERMS; ++k) {
            results[k] = any(missing[k]) ? NONE : sum(totals[k]);
            if (any(missing[k])) results[TERMS] = 1.0;
        }
    }
}

EXPORTED void loss(int term, const double* thetas, long count, const double* points, long vectors, const double* q, double* losses) {
    dispatch(term, [=](auto which) {
        using Term = decltype(which);
        if constexpr (Term::BACKWARDS)
            evaluate_backwards<Term>(thetas, count, points, vectors, q, losses);
        else
            evaluate<Term>(thetas, count, points, vectors, q, losses);
    });
}

EXPORTED void gradients(int term, const double* thetas, long count, const double* points, long vectors, const double* q, double* losses, double* results) {
    dispatch(term, [=](auto which) {
        for (long k = 0; k < count; ++k)
            differentiate<decltype(which), Vec>(thetas + k * PARAMETERS, nullptr, false, points, vectors, q, losses + k, results + k * PARAMETERS);
    });
}

// Products of the Hessian of a term, or with `gauss_newton` of its Gauss-Newton part, with `count` directions.
EXPORTED void products(int term, int gauss_newton, const double* theta, const double* directions, long count, const double* points, long vectors, const double* q, double* results) {
    dispatch(term, [=](auto which) {
        double loss;
        for (long k = 0; k < count; ++k)
            differentiate<decltype(which), Dual>(theta, directions + k * PARAMETERS, gauss_newton != 0, points, vectors, q, &loss, results + k * PARAMETERS);
    });
}
