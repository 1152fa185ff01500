"""Numbers that are read off paths through parameter space, for metrics.csv. Torch is not needed."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

Rows = Iterator[tuple[str, int, str, str, float]]  # formulation, seed, checkpoint, metric, value


def interpolation(data: xr.Dataset) -> Rows:
    """The monotone violation of each loss on the line from the initial to the final point, as such and over the decrease of the loss."""
    for name, seed, point in _runs(data):
        for loss in data["loss"].values:
            own = point.sel(loss=loss)
            yield name, seed, "final", f"monotone_violation[{loss}]", float(own["violation"])
            yield name, seed, "final", f"monotone_violation_relative[{loss}]", float(own["relative_violation"])


def barriers(data: xr.Dataset) -> Rows:
    """Barriers of each loss, as trained and aligned, and how much closer alignment brings the points: means over the pairs of a seed."""
    distance = data["distance"]
    closeness = distance.sel(path="aligned", drop=True) / distance.sel(path="straight", drop=True)
    for name, seed, point in _over_pairs(data.assign(closeness=closeness)):
        for path in data["path"].values:
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
        yield name, seed, "final", "alignment_distance", float(point["closeness"])


def curves(data: xr.Dataset) -> Rows:
    """Barriers of each loss and lengths of paths that were trained on the own loss: means over the pairs of a seed."""
    for name, seed, point in _over_pairs(data):
        for path in (str(path) for path in data["path"].values if path != "straight"):  # which is among the barriers
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
            yield name, seed, "final", f"path_length[{path}]", float(point["length"].sel(path=path))


def _runs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    for name in data["formulation"].values:
        for seed in data["seed"].values:
            yield str(name), int(seed), data.sel(formulation=name, seed=seed)


def _over_pairs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    """Means over the pairs to which a seed belongs; NaN where one of them is. Nothing for a seed without a pair."""
    first, second = data["first_seed"].values, data["second_seed"].values
    for seed in np.unique([*first, *second]):
        mean = data.isel(pair=np.flatnonzero((first == seed) | (second == seed))).mean("pair", skipna=False)
        for name in data["formulation"].values:
            yield str(name), int(seed), mean.sel(formulation=name)
