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
    for (; m < rows; ++m) row_of_tiles<1>(columns, depth, w + m * row, row, column, a, lda, c + m * ldc, ldc, add);
}

// G[m][k] += sum over points of B[m][n] A[k][n], for a tile.
template <int ROWS, int DEPTH>
INLINE void outer_tile(int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    Vec sums[ROWS][DEPTH] = {};
    for (int n = 0; n < columns; ++n)
        UNROLL for (int m = 0; m < ROWS; ++m)
            UNROLL for (int k = 0; k < DEPTH; ++k) sums[m][k] += b[m * ldb + n] * a[k * lda + n];
    UNROLL for (int m = 0; m < ROWS; ++m)
        UNROLL for (int k = 0; k < DEPTH; ++k) g[m * ldg + k] += sum(sums[m][k]);
}

constexpr int OUTER = LANES == 8 ? 4 : 2;

template <int ROWS>
INLINE void row_of_outer_tiles(int depth, int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    long k = 0;
    for (; k + OUTER <= depth; k += OUTER) outer_tile<ROWS, OUTER>(columns, b, ldb, a + k * lda, lda, g + k, ldg);
    for (; k < depth; ++k) outer_tile<ROWS, 1>(columns, b, ldb, a + k * lda, lda, g + k, ldg);
}

inline void outer(int rows, int depth, int columns, const Vec* b, int ldb, const Vec* a, int lda, double* g, int ldg) {
    long m = 0;
    for (; m + OUTER <= rows; m += OUTER) row_of_outer_tiles<OUTER>(depth, columns, b + m * ldb, ldb, a, lda, g + m * ldg, ldg);
    for (; m < rows; ++m) row_of_outer_tiles<1>(depth, columns, b + m * ldb, ldb, a, lda, g + m * ldg, ldg);
}
