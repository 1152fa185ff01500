// Forward and reverse pass through a network, for vectors of points: the forward pass propagates the outputs and their
// derivatives in x (streams), the reverse pass propagates adjoints. T is the number type: Vec, or Dual, for which the reverse
// pass gives the derivative of the gradient along a direction (forward over reverse mode). A is the algebra: the set of
// streams, with the rules by which activations and products combine them.
// To be defined before this header is included: KIND; WIDTH; HIDDEN, the number of successive affine maps to this width;
// INPUTS, the number of inputs of the first map; D, the number of variables; C, the number of outputs; SITES; FIELDS, the
// number of data values of a site; INPUT, the position of the network inputs among these; and the function `activation`.
#pragma once
#include <cstdlib>
#include <new>
#include "linear.hpp"

enum Kind { MLP, RESIDUAL, MODIFIED };
constexpr int ENCODERS = KIND == MODIFIED ? 2 : 0, INTO = (INPUTS + 1) * WIDTH;
constexpr int PARAMETERS = (ENCODERS + 1) * INTO + (HIDDEN - 1) * (WIDTH + 1) * WIDTH + (WIDTH + 1) * C;

template <class T, class A, bool REVERSE>
struct Pass {
    using P = Planes<T>;
    static constexpr int S = A::S, K = P::TANGENTS;
    // Number of vectors of points that are processed at a time, chosen by measurements: enough columns for fast matrix
    // products, but few enough for the caches.
    static constexpr int COLUMNS = S * (1 + K), POINTS = COLUMNS == 1 ? 2 : COLUMNS <= 4 ? 4 : COLUMNS <= 8 ? 2 : 1, V = POINTS * SITES;
    static constexpr int PLANE = S * V, ROW = PLANE * (1 + K);  // vectors in a plane (values or tangents) and in a unit
    static constexpr int SLOPES = A::ORDER + 1;                 // derivatives of the activation that the reverse pass needs
    static constexpr int KEPT = REVERSE ? HIDDEN : 1;
    static constexpr int UNITS = WIDTH * ROW, SLOPES_OF_UNITS = WIDTH * V * (1 + K) * SLOPES;

    // A hidden layer: preactivations z, activations a, and derivatives of the activation function for the reverse pass.
    struct Layer {
        Vec *z, *a, *slopes;
    };

    const double* theta;      // parameters
    const double* direction;  // (P), direction of differentiation, for dual numbers
    Vec* memory;
    Layer layers[HIDDEN];
    Layer encoders[2];             // encoders of a MODIFIED network
    Vec *gated[HIDDEN], *bars[2];  // gated layers and adjoints of the encoders of a MODIFIED network
    Vec *inputs, *bar, *next, *skip, *out, *out_bar;

    Pass(const double* parameters, const double* vector) : theta(parameters), direction(vector) {
        const size_t layer = UNITS + SLOPES_OF_UNITS, modified = ENCODERS * (3 * size_t(UNITS) + SLOPES_OF_UNITS) + (ENCODERS > 0) * (KEPT + 1) * size_t(UNITS);
        const size_t count = KEPT * layer + (KEPT + 1) * size_t(UNITS) + modified + 3 * size_t(UNITS) + INPUTS * PLANE + 2 * size_t(C) * ROW;
        memory = static_cast<Vec*>(std::aligned_alloc(64, (count * sizeof(Vec) + 63) / 64 * 64));
        if (memory == nullptr) throw std::bad_alloc();
        Vec* free = memory;
        const auto take = [&free](size_t size) { return (free += size) - size; };
        Vec* const z = take(KEPT * size_t(UNITS));
        Vec* const a = take((KEPT + 1) * size_t(UNITS));
        Vec* const slopes = take(KEPT * size_t(SLOPES_OF_UNITS));
        Vec* const behind = ENCODERS > 0 ? take((KEPT + 1) * size_t(UNITS)) : nullptr;
        // For a reverse pass, all hidden layers are stored; otherwise, two buffers are used alternately.
        for (int l = 0; l < HIDDEN; ++l) {
            const size_t first = REVERSE ? l : 0, turn = REVERSE ? l : l % 2;
            layers[l] = {z + first * UNITS, a + turn * UNITS, slopes + first * SLOPES_OF_UNITS};
            gated[l] = behind + turn * UNITS;
        }
        for (int e = 0; e < ENCODERS; ++e) {
            encoders[e] = {take(UNITS), take(UNITS), take(SLOPES_OF_UNITS)};
            bars[e] = take(UNITS);
        }
        bar = take(UNITS), next = take(UNITS), skip = take(UNITS);
        inputs = take(INPUTS * PLANE), out = take(C * ROW), out_bar = take(C * ROW);
    }
    Pass(const Pass&) = delete;
    ~Pass() { std::free(memory); }

    static constexpr int offset_of(int l) { return ENCODERS * INTO + (l == 0 ? 0 : INTO + (l - 1) * (WIDTH + 1) * WIDTH); }
    // The output of hidden layer l, which is the input of the next affine map.
    Vec* after(int l) { return KIND == MODIFIED && l > 0 ? gated[l] : layers[l].a; }

    INLINE T parameter(int index) const {
        T value = T{} + theta[index];
        if constexpr (K > 0) value.t = broadcast(direction[index]);
        return value;
    }

    // Writes streams of the outputs at V vectors of points, whose data start at `data`, to `out`.
    void forward(const Vec* data) {
        if constexpr (!A::IDENTITY) gather(data);
        if constexpr (KIND == RESIDUAL) {
            into(offset_of(0), data, layers[0].a);
            if (!REVERSE) copy(skip, layers[0].a);
        } else {
            into(offset_of(0), data, layers[0].z);
            activate(layers[0]);
        }
        for (int e = 0; e < ENCODERS; ++e) {
            into(e * INTO, data, encoders[e].z);
            activate(encoders[e]);
        }
        for (int l = 1; l < HIDDEN; ++l) {
            affine<WIDTH>(offset_of(l), after(l - 1), layers[l].z);
            activate(layers[l]);
            if constexpr (KIND == MODIFIED) gate(l);
            if (KIND == RESIDUAL && l % 2 == 0) {
                add(layers[l].a, REVERSE ? layers[l - 2].a : skip);
                if (!REVERSE) copy(skip, layers[l].a);
            }
        }
        affine<C>(offset_of(HIDDEN), after(HIDDEN - 1), out);
    }

    // Adds the contribution of the points of the last `forward` to `gradient` (P), from adjoints of the outputs in `out_bar`.
    // For dual numbers, it is the derivative of the gradient along the direction.
    // `linear`: the values of `out_bar` are zero and only its tangents are not; products with values of adjoints are then
    // skipped.
    void reverse(const Vec* data, double* gradient, bool linear) {
        for (int e = 0; e < ENCODERS; ++e) clear(bars[e]);
        weights<C>(offset_of(HIDDEN), out_bar, after(HIDDEN - 1), gradient, linear);
        transposed<C>(offset_of(HIDDEN), out_bar, bar, linear);
        for (int l = HIDDEN - 1; l > 0; --l) {
            if (KIND == RESIDUAL && l % 2 == 0) copy(skip, bar);
            if constexpr (KIND == MODIFIED) ungate(l);
            deactivate(layers[l], bar);
            weights<WIDTH>(offset_of(l), next, after(l - 1), gradient, linear);
            transposed<WIDTH>(offset_of(l), next, bar, linear);
            if (KIND == RESIDUAL && l % 2 == 1) add(bar, skip);
        }
        if constexpr (KIND == RESIDUAL)
            copy(next, bar);
        else
            deactivate(layers[0], bar);
        input_weights(offset_of(0), data, gradient);
        for (int e = 0; e < ENCODERS; ++e) {
            deactivate(encoders[e], bars[e]);
            input_weights(e * INTO, data, gradient);
        }
    }

    // The gradient (D, V) in x of output c by reverse mode, after a `forward` pass of values only.
    void gradient_in_x(int c, Vec* gradient) {
        static_assert(K == 0 && S == 1 && REVERSE, "of values alone");
        const double *last = theta + offset_of(HIDDEN) + c * WIDTH, *first = theta;
        for (int j = 0; j < WIDTH; ++j)
            for (int v = 0; v < V; ++v) bar[j * ROW + v] = broadcast(last[j]);
        for (int l = HIDDEN - 1; l > 0; --l) {
            deactivate(layers[l], bar);
            transposed<WIDTH>(offset_of(l), next, bar, false);
        }
        deactivate(layers[0], bar);
        for (int i = 0; i < D * V; ++i) gradient[i] = Vec{};
        for (int j = 0; j < WIDTH; ++j)
            for (int i = 0; i < D; ++i)
                for (int v = 0; v < V; ++v) gradient[i * V + v] += next[j * ROW + v] * first[j * D + i];
    }

   private:
    static INLINE T at(const Vec* unit, int stream, int v) { return P::load(unit + stream * V + v, PLANE); }
    static INLINE void put(Vec* unit, int stream, int v, const T& value) { P::store(unit + stream * V + v, PLANE, value); }
    static INLINE void load(const Vec* unit, int v, T (&streams)[S]) {
        for (int s = 0; s < S; ++s) streams[s] = at(unit, s, v);
    }
    static INLINE void store(Vec* unit, int v, const T (&streams)[S]) {
        for (int s = 0; s < S; ++s) put(unit, s, v, streams[s]);
    }
    static void copy(Vec* to, const Vec* from) {
        for (int i = 0; i < UNITS; ++i) to[i] = from[i];
    }
    static void add(Vec* to, const Vec* from) {
        for (int i = 0; i < UNITS; ++i) to[i] += from[i];
    }
    static void clear(Vec* to) {
        for (int i = 0; i < UNITS; ++i) to[i] = Vec{};
    }

    // Copies the streams of the inputs from the data of each point.
    void gather(const Vec* data) {
        for (int f = 0; f < INPUTS; ++f)
            for (int s = 0; s < S; ++s)
                for (int v = 0; v < V; ++v) inputs[f * PLANE + s * V + v] = data[v * FIELDS + INPUT + f * A::SLOTS + A::INPUT_SLOT[s]];
    }

    // An affine map of the inputs.
    void into(int offset, const Vec* data, Vec* to) {
        if constexpr (A::IDENTITY) {
            for (int j = 0; j < WIDTH; ++j) {
                Vec* unit = to + j * ROW;
                T w[D];
                for (int i = 0; i < D; ++i) w[i] = parameter(offset + j * D + i);
                const T bias = parameter(offset + D * WIDTH + j);
                for (int v = 0; v < V; ++v) {
                    T value = bias;
                    for (int i = 0; i < D; ++i) value = value + w[i] * data[v * FIELDS + i];
                    put(unit, 0, v, value);
                    for (int s = 1; s < S; ++s) put(unit, s, v, A::VARIABLE[s] < 0 ? T{} : w[A::VARIABLE[s]]);
                }
            }
        } else {
            using Rows = Strides<INPUTS, 1>;
            multiply<WIDTH, PLANE, INPUTS, Rows, PLANE, ROW>(theta + offset, inputs, to, false);
            if constexpr (K > 0) multiply<WIDTH, PLANE, INPUTS, Rows, PLANE, ROW>(direction + offset, inputs, to + PLANE, false);
            biases(offset + INPUTS * WIDTH, WIDTH, to);
        }
    }

    template <int ROWS>
    void affine(int offset, const Vec* from, Vec* to) {
        using Rows = Strides<WIDTH, 1>;
        multiply<ROWS, ROW, WIDTH, Rows, ROW, ROW>(theta + offset, from, to, false);
        if constexpr (K > 0) multiply<ROWS, PLANE, WIDTH, Rows, ROW, ROW>(direction + offset, from, to + PLANE, true);
        biases(offset + ROWS * WIDTH, ROWS, to);
    }

    void biases(int offset, int rows, Vec* to) {
        for (int j = 0; j < rows; ++j) {
            const T bias = parameter(offset + j);
            for (int v = 0; v < V; ++v) put(to + j * ROW, 0, v, at(to + j * ROW, 0, v) + bias);
        }
    }

    void activate(const Layer& layer) {
        const Vec* from = layer.z;
        Vec *to = layer.a, *kept = layer.slopes;
        for (int j = 0; j < WIDTH; ++j, from += ROW, to += ROW)
            for (int v = 0; v < V; ++v, kept += SLOPES * (1 + K)) {
                T s[SLOPES + 1], z[S], y[S];
                load(from, v, z);
                activation<REVERSE ? SLOPES : A::ORDER>(z[0], s);
                if constexpr (REVERSE)
                    for (int m = 0; m < SLOPES; ++m) P::store(kept + m, SLOPES, s[m + 1]);
                A::compose(s, z, y);
                store(to, v, y);
            }
    }

    // Writes adjoints of the preactivations z of a layer to `next`, from adjoints of its activations a.
    void deactivate(const Layer& layer, const Vec* given) {
        const Vec *from = layer.z, *kept = layer.slopes;
        Vec* to = next;
        for (int j = 0; j < WIDTH; ++j, from += ROW, to += ROW, given += ROW)
            for (int v = 0; v < V; ++v, kept += SLOPES * (1 + K)) {
                T s[SLOPES + 1], z[S], o[S], back[S];
                for (int m = 0; m < SLOPES; ++m) s[m + 1] = P::load(kept + m, SLOPES);
                load(from, v, z), load(given, v, o);
                A::compose_back(s, z, o, back);
                store(to, v, back);
            }
    }

    // The gated layer U + z (V - U), with the encoders U and V.
    void gate(int l) {
        const Vec *from = layers[l].a, *one = encoders[0].a, *other = encoders[1].a;
        Vec* to = gated[l];
        for (int j = 0; j < WIDTH; ++j, from += ROW, to += ROW, one += ROW, other += ROW)
            for (int v = 0; v < V; ++v) {
                T z[S], difference[S], product[S];
                load(from, v, z);
                for (int s = 0; s < S; ++s) difference[s] = at(other, s, v) - at(one, s, v);
                A::product(z, difference, product);
                for (int s = 0; s < S; ++s) put(to, s, v, at(one, s, v) + product[s]);
            }
    }

    // Replaces the adjoints of the gated layer in `bar` by adjoints of z, and adds adjoints of the encoders to `bars`.
    void ungate(int l) {
        const Vec *from = layers[l].a, *one = encoders[0].a, *other = encoders[1].a;
        Vec *given = bar, *to_one = bars[0], *to_other = bars[1];
        for (int j = 0; j < WIDTH; ++j, from += ROW, given += ROW, one += ROW, other += ROW, to_one += ROW, to_other += ROW)
            for (int v = 0; v < V; ++v) {
                T z[S], difference[S], o[S], back[S], share[S];
                load(from, v, z), load(given, v, o);
                for (int s = 0; s < S; ++s) difference[s] = at(other, s, v) - at(one, s, v);
                A::product_back(difference, o, back);
                A::product_back(z, o, share);
                store(given, v, back);
                for (int s = 0; s < S; ++s) {
                    put(to_one, s, v, at(to_one, s, v) + (o[s] - share[s]));
                    put(to_other, s, v, at(to_other, s, v) + share[s]);
                }
            }
    }

    // Adjoints of the layer below: transposed weights times `from`.
    template <int ROWS>
    void transposed(int offset, const Vec* from, Vec* to, bool linear) {
        using Columns = Strides<1, WIDTH>;
        if (linear) {
            for (int j = 0; j < WIDTH; ++j)
                for (int i = 0; i < PLANE; ++i) to[j * ROW + i] = Vec{};
            multiply<WIDTH, PLANE, ROWS, Columns, ROW, ROW>(theta + offset, from + K * PLANE, to + K * PLANE, false);
            return;
        }
        multiply<WIDTH, ROW, ROWS, Columns, ROW, ROW>(theta + offset, from, to, false);
        if constexpr (K > 0) multiply<WIDTH, PLANE, ROWS, Columns, ROW, ROW>(direction + offset, from, to + PLANE, true);
    }

    // Adds derivatives in the weights and biases of an affine map to the gradient.
    template <int ROWS>
    void weights(int offset, const Vec* adjoint, const Vec* below, double* gradient, bool linear) {
        outer<ROWS, WIDTH, PLANE, ROW, ROW, WIDTH>(adjoint + K * PLANE, below, gradient + offset);
        if (K > 0 && !linear) outer<ROWS, WIDTH, PLANE, ROW, ROW, WIDTH>(adjoint, below + K * PLANE, gradient + offset);
        row_sums(ROWS, V, adjoint + K * PLANE, ROW, gradient + offset + ROWS * WIDTH);
    }

    // Adds derivatives in the weights and biases of an affine map of the inputs to the gradient, from adjoints in `next`.
    void input_weights(int offset, const Vec* data, double* gradient) {
        if constexpr (!A::IDENTITY) {
            outer<WIDTH, INPUTS, PLANE, ROW, PLANE, INPUTS>(next + K * PLANE, inputs, gradient + offset);
            row_sums(WIDTH, V, next + K * PLANE, ROW, gradient + offset + INPUTS * WIDTH);
            return;
        }
        for (int j = 0; j < WIDTH; ++j) {
            const Vec* unit = next + j * ROW + K * PLANE;
            Vec bias{};
            for (int v = 0; v < V; ++v) bias += unit[v];
            gradient[offset + D * WIDTH + j] += sum(bias);
            for (int i = 0; i < D; ++i) {
                Vec weight{};
                for (int v = 0; v < V; ++v) {
                    weight += unit[v] * data[v * FIELDS + i];
                    if (A::FIRST[i] > 0) weight += unit[A::FIRST[i] * V + v];
                }
                gradient[offset + j * D + i] += sum(weight);
            }
        }
    }
};
