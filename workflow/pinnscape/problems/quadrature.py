"""Quadrature rules on the unit interval and their tensor products on the unit square, cube, ...

Gauss-Legendre with n points is exact for polynomials of degree 2n - 1, composite Simpson for degree 3, midpoints for degree 1. Monte
Carlo is there because the rule shapes the landscape: an energy under random points is not bounded by its true minimum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    """Points (n, d) in the unit cube and weights (n,) that sum to its volume, 1."""

    points: np.ndarray
    weights: np.ndarray


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


_ON_INTERVAL: dict[str, Callable[[int], tuple[np.ndarray, np.ndarray]]] = {
    "gauss-legendre": gauss_legendre,
    "simpson": simpson,
    "uniform": uniform,
}


def rule(name: str, points: int, dimension: int, seed: int = 0) -> Rule:
    """A rule on the unit cube of the given dimension.

    Args:
        name: ``gauss-legendre``, ``simpson``, ``uniform`` (tensor products) or ``monte-carlo``.
        points: per axis; Monte Carlo draws points**dimension of them.
        dimension: d.
        seed: of the Monte Carlo points.

    Raises:
        ValueError: unknown rule, or a number of points that the rule does not allow.
    """
    if name == "monte-carlo":
        number = points**dimension
        return Rule(np.random.default_rng(seed).random((number, dimension)), np.full(number, 1.0 / number))
    if name not in _ON_INTERVAL:
        raise ValueError(f"`rule` must be one of {', '.join([*_ON_INTERVAL, 'monte-carlo'])}, not {name!r}")
    nodes, weights = _ON_INTERVAL[name](points)
    axes = np.meshgrid(*[nodes] * dimension, indexing="ij")
    products = np.meshgrid(*[weights] * dimension, indexing="ij")
    return Rule(np.stack([axis.ravel() for axis in axes], axis=1), np.prod([p.ravel() for p in products], axis=0))
