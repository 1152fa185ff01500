"""Patches: images of the unit interval, square, cube, ..., into which domains and their boundaries are divided.

The points of a quadrature rule on a patch are the images of points of the unit cube; the weights are multiplied by the Jacobian
determinant. Uniform point sets on a patch are images of uniform point sets under a map with a constant Jacobian determinant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Map = Callable[[np.ndarray], np.ndarray]  # a function of points; the first axis of its argument and of its value is n


@dataclass(frozen=True)
class Patch:
    """The image of the k-dimensional unit cube.

    Attributes:
        dimension: k; 0 for a single point.
        measure: length, area, ...; 1 for a single point, so that an integral over it is the value there.
        place: map from points (n, k) of the unit cube to points (n, d) of the patch.
        jacobian: Jacobian determinant (n,) of ``place`` at points (n, k); None if it is constant, and therefore the measure.
        uniform: map from (n, k) to (n, d) with a constant Jacobian determinant; None if ``place`` has this property.
        normal: outward unit normals (n, d) at points (n, d) of the patch; None for patches of the interior.
        periodic: axes of the unit cube along which all functions on the patch are periodic, so that equidistant points with equal
            weights are optimal.
    """

    dimension: int
    measure: float
    place: Map
    jacobian: Map | None = None
    uniform: Map | None = None
    normal: Map | None = None
    periodic: tuple[int, ...] = ()

    def weights(self, unit: np.ndarray) -> np.ndarray:
        """Jacobian determinants (n,) at points (n, k) of the unit cube, by which quadrature weights are multiplied."""
        return np.full(len(unit), self.measure) if self.jacobian is None else self.jacobian(unit)

    def spread(self, unit: np.ndarray) -> np.ndarray:
        """Uniformly distributed points (n, d) of the patch, from uniformly distributed points (n, k) of the unit cube."""
        return (self.place if self.uniform is None else self.uniform)(unit)


def box(bounds: Sequence[tuple[float, float]], normal: Sequence[float] | None = None) -> Patch:
    """An axis-parallel box as a patch.

    Args:
        bounds: lower and upper bound of each variable. A variable with equal bounds is constant and lowers the dimension.
        normal: outward unit normal (d,) if the box is part of a boundary.
    """
    free = [i for i, (low, high) in enumerate(bounds) if high > low]
    sides = [(bounds[i][0], bounds[i][1] - bounds[i][0]) for i in free]

    def place(unit: np.ndarray) -> np.ndarray:
        points = np.empty((len(unit), len(bounds)))
        points[:] = [low for low, _ in bounds]
        for column, (i, (low, side)) in enumerate(zip(free, sides, strict=True)):
            points[:, i] = low + side * unit[:, column]
        return points

    measure = float(np.prod([side for _, side in sides]))
    return Patch(len(free), measure, place, normal=None if normal is None else constant(normal))


def constant(vector: Sequence[float]) -> Map:
    """A function that returns the same vector (d,) at each point."""
    return lambda points: np.broadcast_to(np.asarray(vector, dtype=float), (len(points), len(vector))).copy()


def duffy(first: Sequence[float], second: Sequence[float], power: int) -> Patch:
    """A triangle with a corner at 0, for functions that are singular there (Duffy 1982, SIAM J. Numer. Anal. 19).

    A point (t, η) of the unit square is mapped to tᑫ((1 - η) first + η second). The Jacobian determinant is
    q t²ᑫ⁻¹ |first × second|. The power q suits a singularity if integrands become polynomials in t: q = 3 for powers of r^(1/3),
    q = 2 for powers of r^(1/2).

    Args:
        first: second corner (2,).
        second: third corner (2,).
        power: q.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    twice = abs(float(a[0] * b[1] - a[1] * b[0]))

    def direction(eta: np.ndarray) -> np.ndarray:
        return (1.0 - eta) * a + eta * b

    return Patch(
        2,
        0.5 * twice,
        lambda unit: unit[:, :1] ** power * direction(unit[:, 1:]),
        lambda unit: power * unit[:, 0] ** (2 * power - 1) * twice,
        lambda unit: np.sqrt(unit[:, :1]) * direction(unit[:, 1:]),
    )
