"""Sublevel sets of surfaces: minima, saddles at which their basins merge, and rings. Torch is not needed.

Samples of a smooth loss are values at the *vertices* of a square grid: edges and squares enter the filtration with their
largest vertex, so that a sublevel set is connected along the four grid directions. (The other filtration of gudhi treats the
samples as top-dimensional cells, that is, squares of constant value, and connects them along diagonals too; ``diagonal`` does
the same here.) In either filtration, a narrow valley that is not aligned with the grid splits into minima of small persistence,
so pairs below a threshold must not be counted. Points without a value never enter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_ALONG = ((1, 0), (0, 1))
_ACROSS = ((1, 1), (1, -1))


@dataclass(frozen=True, eq=False)
class JoinTree:
    """Branches of the tree in which the sublevel sets of a surface merge, in descending order of persistence.

    When two components merge, the one with the higher minimum ends (elder rule), so that branches correspond to persistence
    pairs.

    Attributes:
        minimum: grid indices (k, 2) of the minimum of each branch.
        birth: values (k,) at the minima.
        saddle: grid indices (k, 2) of the saddle at which each branch merges with an older one; -1 if it never does.
        death: values (k,) at the saddles; inf for a branch that never merges.
        parent: index (k,) of the branch with which each branch merges; -1 if there is none.
    """

    minimum: np.ndarray
    birth: np.ndarray
    saddle: np.ndarray
    death: np.ndarray
    parent: np.ndarray

    def __len__(self) -> int:
        return len(self.birth)

    @property
    def persistence(self) -> np.ndarray:
        """Differences death - birth (k,)."""
        return self.death - self.birth

    def pruned(self, threshold: float) -> "JoinTree":
        """The branches with a persistence above a threshold; parents remain, as they are at least as persistent as their
        branches.
        """
        count = int((self.persistence > threshold).sum())
        return JoinTree(*(values[:count] for values in (self.minimum, self.birth, self.saddle, self.death, self.parent)))

    def mean_height(self) -> float:
        """SMAD, the mean of |f(saddle) - f(minimum)| over the pairs (Chen et al. 2026); NaN if there is no pair."""
        heights = self.persistence[np.isfinite(self.persistence)]
        return float(heights.mean()) if len(heights) else float("nan")


def join_tree(values: np.ndarray, *, diagonal: bool = False) -> JoinTree:
    """The join tree of the sublevel sets of a surface, by union-find over the basins of steepest descent (Carr et al. 2003, sec. 4).

    A vertex is connected to the minimum of its basin below its own value, so only the lowest passes between basins are needed.

    Args:
        values: values (n0, n1); points that are not finite never enter. Of equal values, the earlier one in the array counts as
            lower.
        diagonal: whether points are connected along diagonals too, like top-dimensional cells.

    Returns:
        Branches of positive persistence; none if no value is finite.
    """
    shifts = (*_ALONG, *_ACROSS) if diagonal else _ALONG
    flat = np.where(np.isfinite(values), values, np.inf).ravel()
    order = np.argsort(flat, kind="stable")
    rank = np.empty(len(flat), dtype=int)
    rank[order] = np.arange(len(flat))
    finite = np.isfinite(flat).reshape(values.shape)
    basin = _basins(rank.reshape(values.shape), finite, shifts)
    joined = dict(_joins(basin, rank.reshape(values.shape), finite, shifts))
    # Basins are identified by the ranks of their minima, and merges by the ranks of the saddles.
    names = np.unique(basin[finite])
    saddles = np.array([joined.get(int(name), (-1, -1))[0] for name in names], dtype=int)
    parents = np.array([joined.get(int(name), (-1, -1))[1] for name in names], dtype=int)
    birth = flat[order[names]]
    death = np.where(saddles >= 0, flat[order[saddles]], np.inf)
    kept = np.lexsort((names, birth - death))
    kept = kept[death[kept] > birth[kept]]
    position = {int(name): k for k, name in enumerate(names[kept])}
    return JoinTree(
        np.stack(np.unravel_index(order[names[kept]], values.shape), -1),
        birth[kept],
        np.where(saddles[kept, None] >= 0, np.stack(np.unravel_index(order[saddles[kept]], values.shape), -1), -1),
        death[kept],
        np.array([position.get(int(name), -1) for name in parents[kept]], dtype=int),
    )


def persistence(values: np.ndarray, *, diagonal: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Persistence pairs (birth, death) of components (k, 2) and of rings (m, 2), by gudhi's cubical complexes (Wagner et al. 2012).

    Args:
        values: values at vertices (n0, n1); points that are not finite never enter.
        diagonal: whether the values are treated as those of top-dimensional cells instead.

    Returns:
        Pairs of positive persistence; the death of components and rings that never end is inf.
    """
    from gudhi import CubicalComplex  # imported here, because nothing else in the project needs gudhi

    entering = np.where(np.isfinite(values), values, np.inf)
    cells = CubicalComplex(top_dimensional_cells=entering) if diagonal else CubicalComplex(vertices=entering)
    cells.compute_persistence(min_persistence=0)
    components, rings = (np.reshape(cells.persistence_intervals_in_dimension(k), (-1, 2)) for k in (0, 1))
    return components[np.isfinite(components[:, 0])], rings[np.isfinite(rings[:, 0])]


def on_boundary(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Whether grid indices (k, 2) are at an edge of the grid (k,), where a minimum need not be a minimum of the loss."""
    return ((points == 0) | (points == np.array(shape) - 1)).any(-1)


def _pairs(shift: tuple[int, int], *arrays: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Views of the values of each array at both ends of all grid edges in the direction ``shift``."""
    down, right = shift
    here = (slice(None, -down or None), slice(max(0, -right), -right if right > 0 else None))
    there = (slice(down, None), slice(right, None) if right >= 0 else slice(None, right))
    for array in arrays:
        yield array[here], array[there]


def _basins(rank: np.ndarray, finite: np.ndarray, shifts: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Ranks of the minima that steepest descent reaches from each point (n0, n1)."""
    lowest = rank.copy()
    for shift in shifts:
        (here, there), (a, b) = _pairs(shift, rank, lowest)
        before, after = here.copy(), there.copy()
        np.minimum(a, after, out=a)
        np.minimum(b, before, out=b)
    # Points that are not finite have the highest ranks: no point descends to them, and their own basins are not used.
    lowest = np.where(finite, lowest, rank)
    target = np.empty(rank.size, dtype=int)
    target[rank.ravel()] = lowest.ravel()
    while not np.array_equal(target, target[target]):
        target = target[target]
    return target[rank]


def _joins(
    basin: np.ndarray, rank: np.ndarray, finite: np.ndarray, shifts: tuple[tuple[int, int], ...]
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Identifier of each basin that ends, rank of the saddle, and identifier of the basin with which it merges there."""
    edges = []
    for shift in shifts:
        (a, b), (p, q), (m, n) = _pairs(shift, basin, rank, finite)
        between = (a != b) & m & n
        edges.append(np.stack([np.maximum(p, q)[between], np.minimum(a, b)[between], np.maximum(a, b)[between]], -1))
    table = np.concatenate(edges)
    table = table[np.argsort(table[:, 0], kind="stable")]
    table = table[np.sort(np.unique(table[:, 1:], axis=0, return_index=True)[1])]
    root: dict[int, int] = {}

    def oldest(name: int) -> int:
        while name in root:
            name = root[name]
        return name

    for height, first, second in table.tolist():
        old, young = sorted((oldest(first), oldest(second)))
        if old != young:
            root[young] = old
            yield young, (height, old)
