// Products of small matrices whose columns are vectors of points. Sizes are known when this is compiled.
#pragma once
#include "vector.hpp"

#define UNROLL _Pragma("GCC unroll 8")  // tiles must end up in registers

// C[m][n] (+)= sum_k W[m][k] A[k][n] for a tile of ROWS x COLUMNS that stays in registers. W is read with any strides.
template <int ROWS, int COLUMNS>
INLINE void tile(int depth, const double* w, int row, int column, const Vec* a, int lda, Vec* c, int ldc, bool add) {
    Vec sums[ROWS][COLUMNS];
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int n = 0; n < COLUMNS; ++n) sums[m][n] = add ? c[m * ldc + n] : Vec{};
    for (int k = 0; k < depth; ++k) {
        Vec values[COLUMNS];
        UNROLL for (int n = 0; n < COLUMNS; ++n) values[n] = a[k * lda + n];
        UNROLL for (int m = 0; m < ROWS; ++m) {
            const double weight = w[m * row + k * column];
            UNROLL for (int n = 0; n < COLUMNS; ++n) sums[m][n] += weight * values[n];
        }
    }
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int n = 0; n < COLUMNS; ++n) c[m * ldc + n] = sums[m][n];
}

// Sums that fill the registers, 32 of 8 lanes or 16 of fewer, together with a row of A; the fastest shapes of those that were timed.
constexpr int TILE_ROWS = LANES == 8 ? 8 : 4, TILE_COLUMNS = LANES == 8 ? 3 : 2;

template <int ROWS>
INLINE void row_of_tiles(int columns, int depth, const double* w, int row, int column, const Vec* a, int lda, Vec* c, int ldc, bool add) {
    long n = 0;
    // Two and two rather than three and one at the end.
    for (; n + TILE_COLUMNS <= columns && columns - n != 4; n += TILE_COLUMNS)
        tile<ROWS, TILE_COLUMNS>(depth, w, row, column, a + n, lda, c + n, ldc, add);
    for (; n + 2 <= columns; n += 2) tile<ROWS, 2>(depth, w, row, column, a + n, lda, c + n, ldc, add);
    if (n < columns) tile<ROWS, 1>(depth, w, row, column, a + n, lda, c + n, ldc, add);
}

// C (rows x columns) (+)= W (rows x depth) A (depth x columns)
inline void multiply(int rows, int columns, int depth, const double* w, int row, int column, const Vec* a, int lda, Vec* c, int ldc, bool add) {
    long m = 0;
    for (; m + TILE_ROWS <= rows; m += TILE_ROWS)
        row_of_tiles<TILE_ROWS>(columns, depth, w + m * row, row, column, a, lda, c + m * ldc, ldc, add);
    for (; m + 4 <= rows; m += 4) row_of_tiles<4>(columns, depth, w + m * row, row, column, a, lda, c + m * ldc, ldc, add);
    for (; m + 2 <= rows; m += 2) row_of_tiles<2>(columns, depth, w + m * row, row, column, a, lda, c + m * ldc, ldc, add);
    if (m < rows) row_of_tiles<1>(columns, depth, w + m * row, row, column, a, lda, c + m * ldc, ldc, add);
}

#if defined(__AVX512F__)
// The sums over the lanes of 8 vectors, each added in the order of `sum`; they end up in the order 0, 4, 1, 5, 2, 6, 3, 7.
INLINE Vec sums(const Vec (&v)[8]) {
    Vec halves[4], quarters[2];
    UNROLL for (int i = 0; i < 4; ++i)
        halves[i] = Vec(_mm512_shuffle_f64x2(v[2 * i], v[2 * i + 1], 0x44)) + Vec(_mm512_shuffle_f64x2(v[2 * i], v[2 * i + 1], 0xee));
    UNROLL for (int i = 0; i < 2; ++i)
        quarters[i] = Vec(_mm512_shuffle_f64x2(halves[2 * i], halves[2 * i + 1], 0x88)) + Vec(_mm512_shuffle_f64x2(halves[2 * i], halves[2 * i + 1], 0xdd));
    return Vec(_mm512_unpacklo_pd(quarters[0], quarters[1])) + Vec(_mm512_unpackhi_pd(quarters[0], quarters[1]));
}

// g[i] += sum(v_0, ..., v_7) for four numbers and four more.
INLINE void add_sums(const Vec* row, const Vec* next, double* g, double* h) {
    const Vec found = sums({row[0], row[2], next[0], next[2], row[1], row[3], next[1], next[3]});
    _mm256_storeu_pd(g, _mm256_loadu_pd(g) + _mm512_castpd512_pd256(found));
    _mm256_storeu_pd(h, _mm256_loadu_pd(h) + _mm512_extractf64x4_pd(found, 1));
}
#endif

// G[m][k] += sum over points of B[m][n] A[k][n], for a tile.
template <int ROWS, int DEPTH>
INLINE void outer_tile(int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    Vec sums[ROWS][DEPTH] = {};
    for (int n = 0; n < columns; ++n)
        UNROLL for (int m = 0; m < ROWS; ++m)
            UNROLL for (int k = 0; k < DEPTH; ++k) sums[m][k] += b[m * ldb + n] * a[k * lda + n];
#if defined(__AVX512F__)
    if constexpr (ROWS % 2 == 0 && DEPTH == 4) {
        UNROLL for (int m = 0; m < ROWS; m += 2) add_sums(sums[m], sums[m + 1], g + m * ldg, g + (m + 1) * ldg);
        return;
    }
#endif
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int k = 0; k < DEPTH; ++k) g[m * ldg + k] += sum(sums[m][k]);
}

constexpr int OUTER = LANES == 8 ? 4 : 2;

template <int ROWS>
INLINE void row_of_outer_tiles(int depth, int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    long k = 0;
    for (; k + OUTER <= depth; k += OUTER) outer_tile<ROWS, OUTER>(columns, b, ldb, a + k * lda, lda, g + k, ldg);
    for (; k + 2 <= depth; k += 2) outer_tile<ROWS, 2>(columns, b, ldb, a + k * lda, lda, g + k, ldg);
    if (k < depth) outer_tile<ROWS, 1>(columns, b, ldb, a + k * lda, lda, g + k, ldg);
}

inline void outer(int rows, int depth, int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    long m = 0;
    for (; m + OUTER <= rows; m += OUTER) row_of_outer_tiles<OUTER>(depth, columns, b + m * ldb, ldb, a, lda, g + m * ldg, ldg);
    for (; m + 2 <= rows; m += 2) row_of_outer_tiles<2>(depth, columns, b + m * ldb, ldb, a, lda, g + m * ldg, ldg);
    if (m < rows) row_of_outer_tiles<1>(depth, columns, b + m * ldb, ldb, a, lda, g + m * ldg, ldg);
}

// g[j] += sum of `count` vectors, one after the other, of each of `rows` rows.
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
