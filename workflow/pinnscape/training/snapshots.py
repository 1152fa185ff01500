"""Which snapshots of a training are kept, and which of them are analysed."""

import math
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")
_DECADE = 10.0**0.1  # smallest ratio of two logarithmically spaced steps


def logarithmic(steps: np.ndarray, count: int) -> np.ndarray:
    """Positions of ``count`` snapshots with steps that are spaced as evenly as possible on a logarithmic scale.

    They include the first and the last snapshot. If there are fewer than ``count`` snapshots, all are selected.

    Args:
        steps: steps (n,) of the snapshots, ascending from 0.
        count: number of snapshots, at least 2.

    Returns:
        Positions in ascending order without repetition.
    """
    if len(steps) <= count:
        return np.arange(len(steps))
    places = np.log1p(steps.astype(float))
    free = np.ones(len(steps), dtype=bool)
    free[[0, -1]] = False
    chosen = [0, len(steps) - 1]
    # The targets are 0 and then geometric from step 1. Even spacing of log(1 + step) would leave a wide gap after step 1.
    for target in np.log1p(np.geomspace(1, steps[-1], count - 1)[:-1]):
        nearest = int(np.where(free, np.abs(places - target), np.inf).argmin())
        free[nearest] = False
        chosen.append(nearest)
    return np.sort(chosen)


class Spaced(Generic[T]):
    """Snapshots at logarithmically spaced steps, ten in each decade, and at evenly spaced ones.

    Since the number of steps is not known in advance, the distance of the even ones is doubled whenever there are more than twice
    as many as wanted.

    Args:
        even: number of evenly spaced snapshots that are kept at least, once there are so many steps.

    Attributes:
        kept: the snapshots by step.
    """

    def __init__(self, even: int = 50) -> None:
        self.kept: dict[int, T] = {}
        self._even, self._spaced = even, set[int]()
        self._stride, self._next = 1, 0

    def due(self, step: int) -> bool:
        """Whether the snapshot of a step is to be kept."""
        return step >= self._next or step % self._stride == 0

    def keep(self, step: int, snapshot: T) -> None:
        """Keep the snapshot of a step, and give up those that are too close."""
        self.kept[step] = snapshot
        if step >= self._next:
            self._spaced.add(step)
            self._next = max(step + 1, math.ceil(step * _DECADE))
        evenly = [kept for kept in self.kept if kept % self._stride == 0]
        if len(evenly) > 2 * self._even:
            self._stride *= 2
            self.kept = {at: found for at, found in self.kept.items() if at in self._spaced or at % self._stride == 0}
