"""Selection of the snapshots of a training run that are analysed."""

import numpy as np


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
