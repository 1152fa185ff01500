"""Which snapshots of a training are looked at closely."""

import numpy as np


def logarithmic(steps: np.ndarray, count: int) -> np.ndarray:
    """Positions of ``count`` snapshots whose steps are spaced as evenly on a logarithmic scale as there are snapshots for it.

    The first and the last are among them. Where there are fewer than ``count``, all are.

    Args:
        steps: (n,), ascending, the first being 0.
        count: at least 2.

    Returns:
        Positions in ascending order, each once.
    """
    if len(steps) <= count:
        return np.arange(len(steps))
    places = np.log1p(steps.astype(float))
    free = np.ones(len(steps), dtype=bool)
    free[[0, -1]] = False
    chosen = [0, len(steps) - 1]
    # Step 1 is the second target: log(1 + step) would leave a wide gap from there to the next one.
    for target in np.log1p(np.geomspace(1, steps[-1], count - 1)[:-1]):
        nearest = int(np.where(free, np.abs(places - target), np.inf).argmin())
        free[nearest] = False
        chosen.append(nearest)
    return np.sort(chosen)
