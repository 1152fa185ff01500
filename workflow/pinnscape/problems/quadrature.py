"""Quadrature rules on the unit interval: nodes (n,) and weights (n,).

The Gauss-Legendre rule with n points is exact for polynomials of degree 2n - 1, the composite Simpson rule for degree 3, and the
composite midpoint rule for degree 1.
"""

import numpy as np


def gauss_legendre(points: int) -> tuple[np.ndarray, np.ndarray]:
    """The Gauss-Legendre rule on [0, 1], exact for polynomials of degree 2·points - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def simpson(points: int) -> tuple[np.ndarray, np.ndarray]:
    """The composite Simpson rule on [0, 1], including the end points; exact for polynomials of degree 3.

    Raises:
        ValueError: the number of points is even or less than three.
    """
    if points < 3 or points % 2 == 0:
        raise ValueError(f"`points` of the Simpson rule must be odd and at least 3, not {points}")
    weights = np.ones(points)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return np.linspace(0.0, 1.0, points), weights / (3.0 * (points - 1))


def uniform(points: int) -> tuple[np.ndarray, np.ndarray]:
    """The composite midpoint rule on [0, 1], exact for polynomials of degree 1."""
    return (np.arange(points) + 0.5) / points, np.full(points, 1.0 / points)
