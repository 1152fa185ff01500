"""Patches: images of the unit interval, square, cube, ..., of which domains and their boundaries are made.

A quadrature rule on a patch is the image of one on the unit cube, times the Jacobian determinant; a uniform set of points on it is the image of one under a
map that preserves volumes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Map = Callable[[np.ndarray], np.ndarray]  # from (n, k) in the unit cube


@dataclass(frozen=True)
class Patch:
    """The image of the unit cube of k dimensions.

    Attributes:
        dimension: k; 0 for a single point.
        measure: length, area, ...; 1 for a single point, so that an integral over it is a value.
        place: the map to points (n, d).
        jacobian: its determinant (n,), where that is not the measure everywhere.
        uniform: a map that preserves volumes, where ``place`` does not.
        normal: outward unit normals (n, d) at points (n, d), on a boundary.
        periodic: the axes along which every function on the patch is periodic, so that equal weights are the best.
    """

    dimension: int
    measure: float
    place: Map
    jacobian: Map | None = None
    uniform: Map | None = None
    normal: Map | None = None
    periodic: tuple[int, ...] = ()

    def weights(self, unit: np.ndarray) -> np.ndarray:
        """What a volume at points (n, k) of the unit cube is multiplied by (n,)."""
        return np.full(len(unit), self.measure) if self.jacobian is None else self.jacobian(unit)

    def spread(self, unit: np.ndarray) -> np.ndarray:
        """Points (n, d), uniform on the patch for uniform ones (n, k)."""
        return (self.place if self.uniform is None else self.uniform)(unit)


def box(bounds: Sequence[tuple[float, float]], normal: Sequence[float] | None = None) -> Patch:
    """An axis-parallel box, or one of lower dimension where both bounds of a variable are equal."""
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
    """The same vector (d,) at every point."""
    return lambda points: np.broadcast_to(np.asarray(vector, dtype=float), (len(points), len(vector))).copy()


def duffy(first: Sequence[float], second: Sequence[float], power: int) -> Patch:
    """The triangle with corners 0, ``first`` and ``second``, for functions with a singularity at 0 (Duffy 1982, SIAM J. Numer. Anal. 19).

    The point is r((1 - η) first + η second) with r = tᑫ for (t, η) in the unit square, and the Jacobian determinant is q t²ᑫ⁻¹ |first × second|. The power q
    fits the singularity if it makes integrands polynomials in t: 3 for powers of r^(1/3), 2 for powers of r^(1/2).
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
