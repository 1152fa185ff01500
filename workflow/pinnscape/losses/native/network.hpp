// A multilayer perceptron with derivatives in x: streams forwards, adjoints backwards, for vectors of points. T is Vec or a dual number, which
// turns the reverse pass into its own derivative (forward over reverse). Before this header: WIDTH, DEPTH, D (inputs), C (outputs), ACTIVATION.
#pragma once
#include <cstdlib>
#include <new>
#include "matrices.hpp"

enum Order { VALUE, GRADIENT, LAPLACIAN, HESSIAN };
constexpr int PAIRS = D * (D + 1) / 2;
constexpr int streams_of(Order order) {
    return order == VALUE ? 1 : order == GRADIENT ? 1 + D : order == LAPLACIAN ? 2 + D : 1 + D + PAIRS;
}
constexpr int PARAMETERS = (D + 1) * WIDTH + (DEPTH - 1) * (WIDTH + 1) * WIDTH + (WIDTH + 1) * C;

// s(z) and its first derivatives, as many as `count`.
template <class T>
INLINE void activation(const T& z, T* s, int count) {
    if constexpr (ACTIVATION == 0) {  // tanh
        s[0] = tanh(z);
        s[1] = 1.0 - s[0] * s[0];
        if (count > 1) s[2] = -2.0 * (s[0] * s[1]);
        if (count > 2) s[3] = -2.0 * (s[1] * s[1] + s[0] * s[2]);
    } else if constexpr (ACTIVATION == 1) {  // sin
        s[0] = sin(z);
        s[1] = cos(z);
        if (count > 1) s[2] = -s[0];
        if (count > 2) s[3] = -s[1];
    } else if constexpr (ACTIVATION == 2) {  // swish
        const T g = sigmoid(z), slope = g * (1.0 - g), odd = 1.0 - 2.0 * g;
        s[0] = z * g;
        s[1] = g + z * slope;
        if (count > 1) s[2] = slope * (2.0 + z * odd);
        if (count > 2) s[3] = slope * (odd * (3.0 + z * odd) - 2.0 * (z * slope));
    } else {  // softplus
        const T g = sigmoid(z), slope = g * (1.0 - g);
        s[0] = softplus(z);
        s[1] = g;
        if (count > 1) s[2] = slope;
        if (count > 2) s[3] = slope * (1.0 - 2.0 * g);
    }
}

template <class T, Order ORDER, bool REVERSE>
struct Pass {
    using P = Planes<T>;
    static constexpr int S = streams_of(ORDER), K = P::TANGENTS;
    // Vectors of points at a time: enough columns to keep the multiplier busy, few enough to stay in the caches; as timed.
    static constexpr int COLUMNS = S * (1 + K), V = COLUMNS == 1 ? 2 : COLUMNS <= 4 ? 4 : COLUMNS <= 8 ? 2 : 1;
    static constexpr int PLANE = S * V, ROW = PLANE * (1 + K);  // vectors in a plane and of a unit
    static constexpr bool SECOND = ORDER == LAPLACIAN || ORDER == HESSIAN;
    static constexpr int SLOPES = ORDER == VALUE ? 1 : SECOND ? 3 : 2;  // derivatives of the activation for the reverse pass
    static constexpr int KEPT = REVERSE ? DEPTH : 1;

    const double* theta;       // parameters
    const double* direction;   // (P), for dual numbers
    Vec* memory;
    Vec *z, *a, *slopes, *bar, *next;
    Vec *out, *out_bar;

    Pass(const double* parameters, const double* vector) : theta(parameters), direction(vector) {
        const size_t unit = size_t(WIDTH) * ROW, slope = size_t(WIDTH) * V * (1 + K) * SLOPES;
        const size_t count = unit * (2 * KEPT + 3) + slope * KEPT + 2 * size_t(C) * ROW;
        memory = static_cast<Vec*>(std::aligned_alloc(64, (count * sizeof(Vec) + 63) / 64 * 64));
        if (memory == nullptr) throw std::bad_alloc();
        z = memory, a = z + unit * KEPT, slopes = a + unit * (KEPT + 1), bar = slopes + slope * KEPT, next = bar + unit;
        out = next + unit, out_bar = out + C * ROW;
    }
    Pass(const Pass&) = delete;
    ~Pass() { std::free(memory); }

    // Hidden layer l, counted from 0, is kept if there is a reverse pass; else two buffers take turns.
    Vec* z_of(int l) { return z + (REVERSE ? l : 0) * WIDTH * ROW; }
    Vec* a_of(int l) { return a + (REVERSE ? l : l % 2) * WIDTH * ROW; }
    Vec* slopes_of(int l) { return slopes + (REVERSE ? l : 0) * WIDTH * V * (1 + K) * SLOPES; }
    static int weights_of(int l) { return l == 0 ? 0 : (D + 1) * WIDTH + (l - 1) * (WIDTH + 1) * WIDTH; }

    INLINE T parameter(int index) const {
        T value = T{} + theta[index];
        if constexpr (K > 0) value.t = broadcast(direction[index]);
        return value;
    }

    // Streams of the outputs at V vectors of points x (D rows a vector, `field` vectors apart), into `out`.
    void forward(const Vec* x, int field) {
        input(x, field);
        for (int l = 1; l < DEPTH; ++l) {
            affine(l, WIDTH, a_of(l - 1), z_of(l));
            activate(l);
        }
        affine(DEPTH, C, a_of(DEPTH - 1), out);
    }

    // Adds to `gradient` (P), or for dual numbers to its derivative along the direction, what `out_bar` makes of the points of `forward`.
    // `linear`: the values of `out_bar` are zero, and so are those of all adjoints, whose products are spared.
    void reverse(const Vec* x, int field, double* gradient, bool linear) {
        weights(DEPTH, C, out_bar, a_of(DEPTH - 1), gradient, linear);
        transposed(DEPTH, C, out_bar, bar, linear);
        for (int l = DEPTH - 1; l > 0; --l) {
            deactivate(l);
            weights(l, WIDTH, next, a_of(l - 1), gradient, linear);
            transposed(l, WIDTH, next, bar, linear);
        }
        deactivate(0);
        input_weights(x, field, gradient);
    }

    // After `forward` of values alone: the gradient in x of output c, (D, V), by a pass back.
    void gradient_in_x(int c, Vec* gradient) {
        static_assert(K == 0 && ORDER == VALUE && REVERSE, "of values alone");
        const double *last = theta + weights_of(DEPTH) + c * WIDTH, *first = theta;
        for (int j = 0; j < WIDTH; ++j)
            for (int v = 0; v < V; ++v) bar[j * ROW + v] = broadcast(last[j]);
        for (int l = DEPTH - 1; l > 0; --l) {
            deactivate(l);
            transposed(l, WIDTH, next, bar, false);
        }
        deactivate(0);
        for (int i = 0; i < D * V; ++i) gradient[i] = Vec{};
        for (int j = 0; j < WIDTH; ++j)
            for (int i = 0; i < D; ++i)
                for (int v = 0; v < V; ++v) gradient[i * V + v] += next[j * ROW + v] * first[j * D + i];
    }

   private:
    INLINE static T at(const Vec* unit, int stream, int v) { return P::load(unit + stream * V + v, PLANE); }
    INLINE static void put(Vec* unit, int stream, int v, const T& value) { P::store(unit + stream * V + v, PLANE, value); }

    void input(const Vec* x, int field) {
        Vec* first = z_of(0);
        for (int j = 0; j < WIDTH; ++j) {
            Vec* unit = first + j * ROW;
            T w[D];
            for (int i = 0; i < D; ++i) w[i] = parameter(j * D + i);
            const T bias = parameter(D * WIDTH + j);
            for (int v = 0; v < V; ++v) {
                T value = bias;
                for (int i = 0; i < D; ++i) value = value + w[i] * x[v * field + i];
                put(unit, 0, v, value);
                if constexpr (S > 1)
                    for (int i = 0; i < D; ++i) put(unit, 1 + i, v, w[i]);
                for (int s = 1 + D; s < S; ++s) put(unit, s, v, T{});
            }
        }
        activate(0);
    }

    void affine(int l, int rows, const Vec* from, Vec* to) {
        const int offset = weights_of(l), biases = offset + rows * WIDTH;
        multiply(rows, ROW, WIDTH, theta + offset, WIDTH, 1, from, ROW, to, ROW, false);
        if (K > 0) multiply(rows, PLANE, WIDTH, direction + offset, WIDTH, 1, from, ROW, to + PLANE, ROW, true);
        for (int j = 0; j < rows; ++j) {
            const T bias = parameter(biases + j);
            for (int v = 0; v < V; ++v) put(to + j * ROW, 0, v, at(to + j * ROW, 0, v) + bias);
        }
    }

    void activate(int l) {
        const Vec* from = z_of(l);
        Vec* to = a_of(l);
        Vec* kept = slopes_of(l);
        for (int j = 0; j < WIDTH; ++j, from += ROW, to += ROW)
            for (int v = 0; v < V; ++v, kept += SLOPES * (1 + K)) {
                T s[4];
                activation(at(from, 0, v), s, REVERSE ? SLOPES : SECOND ? 2 : 1);
                if constexpr (REVERSE)
                    for (int m = 0; m < SLOPES; ++m) P::store(kept + m, SLOPES, s[m + 1]);
                put(to, 0, v, s[0]);
                if constexpr (S > 1) {
                    T g[D];
                    for (int i = 0; i < D; ++i) {
                        g[i] = at(from, 1 + i, v);
                        put(to, 1 + i, v, s[1] * g[i]);
                    }
                    if constexpr (ORDER == LAPLACIAN) {
                        T squares = g[0] * g[0];
                        for (int i = 1; i < D; ++i) squares = squares + g[i] * g[i];
                        put(to, 1 + D, v, s[1] * at(from, 1 + D, v) + s[2] * squares);
                    }
                    if constexpr (ORDER == HESSIAN)
                        for (int i = 0, p = 1 + D; i < D; ++i)
                            for (int k = i; k < D; ++k, ++p) put(to, p, v, s[1] * at(from, p, v) + s[2] * (g[i] * g[k]));
                }
            }
    }

    // Adjoints of z of layer l, into `next`, from those of a, in `bar`.
    void deactivate(int l) {
        const Vec *from = z_of(l), *kept = slopes_of(l), *given = bar;
        Vec* to = next;
        for (int j = 0; j < WIDTH; ++j, from += ROW, to += ROW, given += ROW)
            for (int v = 0; v < V; ++v, kept += SLOPES * (1 + K)) {
                const T s1 = P::load(kept, SLOPES);
                T value = s1 * at(given, 0, v);
                if constexpr (S > 1) {
                    const T s2 = P::load(kept + 1, SLOPES);
                    T g[D], g_bar[D], mixed = T{};
                    for (int i = 0; i < D; ++i) {
                        g[i] = at(from, 1 + i, v);
                        const T o = at(given, 1 + i, v);
                        g_bar[i] = s1 * o;
                        mixed = mixed + o * g[i];
                    }
                    if constexpr (SECOND) {
                        const T s3 = P::load(kept + 2, SLOPES);
                        T third = T{};
                        for (int p = 1 + D; p < S; ++p) {
                            const T o = at(given, p, v);
                            mixed = mixed + o * at(from, p, v);
                            put(to, p, v, s1 * o);
                        }
                        if constexpr (ORDER == LAPLACIAN) {
                            const T o = at(given, 1 + D, v), twice = 2.0 * (s2 * o);
                            T squares = T{};
                            for (int i = 0; i < D; ++i) {
                                g_bar[i] = g_bar[i] + twice * g[i];
                                squares = squares + g[i] * g[i];
                            }
                            third = o * squares;
                        } else {
                            for (int i = 0, p = 1 + D; i < D; ++i)
                                for (int k = i; k < D; ++k, ++p) {
                                    const T o = at(given, p, v), so = s2 * o;
                                    g_bar[i] = g_bar[i] + so * g[k];
                                    g_bar[k] = g_bar[k] + so * g[i];
                                    third = third + o * (g[i] * g[k]);
                                }
                        }
                        value = value + s3 * third;
                    }
                    value = value + s2 * mixed;
                    for (int i = 0; i < D; ++i) put(to, 1 + i, v, g_bar[i]);
                }
                put(to, 0, v, value);
            }
    }

    // bar of the layer below = transposed weights times `from`.
    void transposed(int l, int rows, const Vec* from, Vec* to, bool linear) {
        const int offset = weights_of(l);
        if (linear) {
            for (int j = 0; j < WIDTH; ++j)
                for (int i = 0; i < PLANE; ++i) to[j * ROW + i] = Vec{};
            multiply(WIDTH, PLANE, rows, theta + offset, 1, WIDTH, from + K * PLANE, ROW, to + K * PLANE, ROW, false);
            return;
        }
        multiply(WIDTH, ROW, rows, theta + offset, 1, WIDTH, from, ROW, to, ROW, false);
        if (K > 0) multiply(WIDTH, PLANE, rows, direction + offset, 1, WIDTH, from, ROW, to + PLANE, ROW, true);
    }

    void weights(int l, int rows, const Vec* adjoint, const Vec* below, double* gradient, bool linear) {
        const int offset = weights_of(l), biases = offset + rows * WIDTH;
        outer(rows, WIDTH, PLANE, adjoint + K * PLANE, ROW, below, ROW, gradient + offset, WIDTH);
        if (K > 0 && !linear) outer(rows, WIDTH, PLANE, adjoint, ROW, below + PLANE, ROW, gradient + offset, WIDTH);
        for (int j = 0; j < rows; ++j)
            for (int v = 0; v < V; ++v) gradient[biases + j] += sum(adjoint[j * ROW + K * PLANE + v]);
    }

    void input_weights(const Vec* x, int field, double* gradient) {
        for (int j = 0; j < WIDTH; ++j) {
            const Vec* unit = next + j * ROW + K * PLANE;
            Vec bias{};
            for (int v = 0; v < V; ++v) bias += unit[v];
            gradient[D * WIDTH + j] += sum(bias);
            for (int i = 0; i < D; ++i) {
                Vec weight{};
                for (int v = 0; v < V; ++v) {
                    weight += unit[v] * x[v * field + i];
                    if constexpr (S > 1) weight += unit[(1 + i) * V + v];
                }
                gradient[j * D + i] += sum(weight);
            }
        }
    }
};
