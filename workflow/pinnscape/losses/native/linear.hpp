// Products of small matrices whose entries are vectors of points. All sizes are compile-time constants.
#pragma once
#include "vector.hpp"

#define UNROLL _Pragma("GCC unroll 8")  // tiles must end up in registers

// Strides of a matrix W, which is read as stored by rows or transposed.
template <int ROW_, int COLUMN_>
struct Strides {
    static constexpr int ROW = ROW_, COLUMN = COLUMN_;
};

// C[m][n] (+)= sum_k W[m][k] A[k][n] for a tile of ROWS x COLUMNS entries that are held in registers.
template <int ROWS, int COLUMNS, int DEPTH, class W, int LDA, int LDC>
INLINE void tile(const double* w, const Vec* a, Vec* c, bool add) {
    Vec sums[ROWS][COLUMNS];
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int n = 0; n < COLUMNS; ++n) sums[m][n] = add ? c[m * LDC + n] : Vec{};
    for (int k = 0; k < DEPTH; ++k) {
        Vec values[COLUMNS];
        UNROLL for (int n = 0; n < COLUMNS; ++n) values[n] = a[k * LDA + n];
        UNROLL for (int m = 0; m < ROWS; ++m) {
            const double weight = w[m * W::ROW + k * W::COLUMN];
            UNROLL for (int n = 0; n < COLUMNS; ++n) sums[m][n] += weight * values[n];
        }
    }
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int n = 0; n < COLUMNS; ++n) c[m * LDC + n] = sums[m][n];
}

// Tile size for which the sums and a row of A fill the registers: 32 registers of 8 lanes, otherwise 16. These shapes were the
// fastest in measurements.
constexpr int TILE_ROWS = LANES == 8 ? 8 : 4, TILE_COLUMNS = LANES == 8 ? 3 : 2;

template <int ROWS, int COLUMNS, int DEPTH, class W, int LDA, int LDC>
INLINE void row_of_tiles(const double* w, const Vec* a, Vec* c, bool add) {
    // If one column would be left over, the last four are split into two and two rather than three and one.
    constexpr int LAST = COLUMNS % TILE_COLUMNS, WIDE = LAST == 1 && COLUMNS > TILE_COLUMNS && TILE_COLUMNS == 3 ? COLUMNS - 4 : COLUMNS - LAST;
    for (int n = 0; n < WIDE; n += TILE_COLUMNS) tile<ROWS, TILE_COLUMNS, DEPTH, W, LDA, LDC>(w, a + n, c + n, add);
    constexpr int PAIRS = WIDE + (COLUMNS - WIDE) / 2 * 2;
    if constexpr (PAIRS > WIDE)
        for (int n = WIDE; n < PAIRS; n += 2) tile<ROWS, 2, DEPTH, W, LDA, LDC>(w, a + n, c + n, add);
    if constexpr (COLUMNS > PAIRS) tile<ROWS, 1, DEPTH, W, LDA, LDC>(w, a + PAIRS, c + PAIRS, add);
}

// The rows FIRST, FIRST + 1, ... of a product.
template <int FIRST, int ROWS, int COLUMNS, int DEPTH, class W, int LDA, int LDC>
INLINE void rows_of_tiles(const double* w, const Vec* a, Vec* c, bool add) {
    constexpr int LEFT = ROWS - FIRST, HEIGHT = LEFT >= TILE_ROWS ? TILE_ROWS : LEFT >= 4 ? 4 : LEFT >= 2 ? 2 : 1, COUNT = LEFT / HEIGHT;
    for (int m = FIRST; m < FIRST + COUNT * HEIGHT; m += HEIGHT)
        row_of_tiles<HEIGHT, COLUMNS, DEPTH, W, LDA, LDC>(w + m * W::ROW, a, c + m * LDC, add);
    if constexpr (FIRST + COUNT * HEIGHT < ROWS) rows_of_tiles<FIRST + COUNT * HEIGHT, ROWS, COLUMNS, DEPTH, W, LDA, LDC>(w, a, c, add);
}

// C (ROWS x COLUMNS) (+)= W (ROWS x DEPTH) A (DEPTH x COLUMNS)
template <int ROWS, int COLUMNS, int DEPTH, class W, int LDA, int LDC>
void multiply(const double* w, const Vec* a, Vec* c, bool add) {
    rows_of_tiles<0, ROWS, COLUMNS, DEPTH, W, LDA, LDC>(w, a, c, add);
}

#if defined(__AVX512F__)
// The sums over the lanes of 8 vectors, each added in the order of `sum`; results are in the order 0, 4, 1, 5, 2, 6, 3, 7.
INLINE Vec sums(const Vec (&v)[8]) {
    Vec halves[4], quarters[2];
    UNROLL for (int i = 0; i < 4; ++i)
        halves[i] = Vec(_mm512_shuffle_f64x2(v[2 * i], v[2 * i + 1], 0x44)) + Vec(_mm512_shuffle_f64x2(v[2 * i], v[2 * i + 1], 0xee));
    UNROLL for (int i = 0; i < 2; ++i)
        quarters[i] = Vec(_mm512_shuffle_f64x2(halves[2 * i], halves[2 * i + 1], 0x88)) + Vec(_mm512_shuffle_f64x2(halves[2 * i], halves[2 * i + 1], 0xdd));
    return Vec(_mm512_unpacklo_pd(quarters[0], quarters[1])) + Vec(_mm512_unpackhi_pd(quarters[0], quarters[1]));
}

// g[i] += sum(row[i]) and h[i] += sum(next[i]) for i = 0, ..., 3.
INLINE void add_sums(const Vec* row, const Vec* next, double* g, double* h) {
    const Vec found = sums({row[0], row[2], next[0], next[2], row[1], row[3], next[1], next[3]});
    _mm256_storeu_pd(g, _mm256_loadu_pd(g) + _mm512_castpd512_pd256(found));
    _mm256_storeu_pd(h, _mm256_loadu_pd(h) + _mm512_extractf64x4_pd(found, 1));
}
#endif

// G[m][k] += sum of B[m][n] A[k][n] over columns n and lanes, for a tile.
template <int ROWS, int DEPTH, int COLUMNS, int LDB, int LDA, int LDG>
INLINE void outer_tile(const Vec* b, const Vec* a, double* g) {
    Vec sums[ROWS][DEPTH] = {};
    for (int n = 0; n < COLUMNS; ++n)
        UNROLL for (int m = 0; m < ROWS; ++m)
            UNROLL for (int k = 0; k < DEPTH; ++k) sums[m][k] += b[m * LDB + n] * a[k * LDA + n];
#if defined(__AVX512F__)
    if constexpr (ROWS % 2 == 0 && DEPTH == 4) {
        UNROLL for (int m = 0; m < ROWS; m += 2) add_sums(sums[m], sums[m + 1], g + m * LDG, g + (m + 1) * LDG);
        return;
    }
#endif
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int k = 0; k < DEPTH; ++k) g[m * LDG + k] += sum(sums[m][k]);
}

constexpr int OUTER = LANES == 8 ? 4 : 2;

template <int ROWS, int DEPTH, int COLUMNS, int LDB, int LDA, int LDG>
INLINE void row_of_outer_tiles(const Vec* b, const Vec* a, double* g) {
    constexpr int WIDE = DEPTH / OUTER * OUTER, PAIRS = DEPTH / 2 * 2;
    for (int k = 0; k < WIDE; k += OUTER) outer_tile<ROWS, OUTER, COLUMNS, LDB, LDA, LDG>(b, a + k * LDA, g + k);
    if constexpr (PAIRS > WIDE) outer_tile<ROWS, 2, COLUMNS, LDB, LDA, LDG>(b, a + WIDE * LDA, g + WIDE);
    if constexpr (DEPTH > PAIRS) outer_tile<ROWS, 1, COLUMNS, LDB, LDA, LDG>(b, a + PAIRS * LDA, g + PAIRS);
}

// G (ROWS x DEPTH) += B (ROWS x COLUMNS) times the transpose of A (DEPTH x COLUMNS), summed over lanes.
template <int ROWS, int DEPTH, int COLUMNS, int LDB, int LDA, int LDG>
void outer(const Vec* b, const Vec* a, double* g) {
    constexpr int WIDE = ROWS / OUTER * OUTER, PAIRS = ROWS / 2 * 2;
    for (int m = 0; m < WIDE; m += OUTER) row_of_outer_tiles<OUTER, DEPTH, COLUMNS, LDB, LDA, LDG>(b + m * LDB, a, g + m * LDG);
    if constexpr (PAIRS > WIDE) row_of_outer_tiles<2, DEPTH, COLUMNS, LDB, LDA, LDG>(b + WIDE * LDB, a, g + WIDE * LDG);
    if constexpr (ROWS > PAIRS) row_of_outer_tiles<1, DEPTH, COLUMNS, LDB, LDA, LDG>(b + PAIRS * LDB, a, g + PAIRS * LDG);
}

// g[j] += sum of the first `count` vectors of row j, added one after the other, for `rows` rows.
inline void row_sums(int rows, int count, const Vec* b, int ldb, double* g) {
    long m = 0;
#if defined(__AVX512F__)
    for (; m + 8 <= rows; m += 8)
        for (int n = 0; n < count; ++n) {
            Vec v[8];
            UNROLL for (int i = 0; i < 8; ++i) v[i] = b[(m + i) * ldb + n];
            add_sums(v, v + 4, g + m, g + m + 4);
        }
#endif
    for (; m < rows; ++m)
        for (int n = 0; n < count; ++n) g[m] += sum(b[m * ldb + n]);
}
