"""Helper functions for the metrics of techniques: iteration over the parts of a dataset, and statistics of finite values."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import xarray as xr


def runs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    """Training loss, seed and part of the dataset of each run."""
    for trained_on in data["trained_on"].values:
        for seed in data["seed"].values:
            yield str(trained_on), int(seed), data.sel(trained_on=trained_on, seed=seed)


def over_pairs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    """Training loss, seed, and mean over all pairs that contain the seed. A mean is NaN if one of its values is NaN.

    Seeds without a pair are omitted.
    """
    first, second = data["first_seed"].values, data["second_seed"].values
    for seed in np.unique([*first, *second]):
        mean = data.isel(pair=np.flatnonzero((first == seed) | (second == seed))).mean("pair", skipna=False)
        for name in data["trained_on"].values:
            yield str(name), int(seed), mean.sel(trained_on=name)


def each(data: xr.Dataset, *dims: str) -> Iterator[xr.Dataset]:
    """Parts of the dataset, one for each combination of the indices along ``dims``."""
    if not dims:
        yield data
        return
    for i in range(data.sizes[dims[0]]):
        yield from each(data.isel({dims[0]: i}), *dims[1:])


def points(data: xr.Dataset, *names: str) -> Iterator[tuple]:
    """All combinations of the coordinate values of these dimensions."""
    yield from product(*(data[name].values.tolist() for name in names))


def over(statistic: Callable[[np.ndarray], float], values: xr.DataArray | np.ndarray) -> float:
    """A statistic of the finite values; NaN if there are none."""
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    return float(statistic(finite)) if finite.size else float("nan")
