"""Quadrature rules on the unit interval: nodes and weights.

Gauss-Legendre with n points is exact for polynomials of degree 2n - 1, composite Simpson for degree 3, midpoints for degree 1.
"""

import numpy as np


def gauss_legendre(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1]; exact for degree 2·points - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def simpson(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Composite Simpson on [0, 1], end points included; exact for degree 3.

    Raises:
        ValueError: an even number of points, or fewer than three.
    """
    if points < 3 or points % 2 == 0:
        raise ValueError(f"`points` of the Simpson rule must be odd and at least 3, not {points}")
    weights = np.ones(points)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return np.linspace(0.0, 1.0, points), weights / (3.0 * (points - 1))


def uniform(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints of equal cells on [0, 1]; exact for degree 1."""
    return (np.arange(points) + 0.5) / points, np.full(points, 1.0 / points)
