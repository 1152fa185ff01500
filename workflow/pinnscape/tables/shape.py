"""Metrics of the shape of landscapes: topology, quadrature and roughness, planes through three points. Torch is not needed."""

from collections.abc import Iterator
from itertools import product

import xarray as xr

Rows = Iterator[tuple[str, int, str, str, float]]


def topology(data: xr.Dataset) -> Rows:
    """Rows (formulation, seed, checkpoint, metric, value) of topology.nc: numbers of minima and of rings, relative SMAD."""
    names = {"minima": "minima", "minima_inside": "minima_inside", "rings": "rings", "smad_relative": "smad"}
    for formulation, seed, plane, loss in _points(data, "formulation", "seed", "plane", "loss"):
        own = data.sel(formulation=formulation, seed=seed, plane=plane, loss=loss)
        for name, metric in names.items():
            yield formulation, seed, "final", f"{metric}[{plane}, {loss}]", float(own[name])


def _points(data: xr.Dataset, *names: str) -> Iterator[tuple]:
    """Every combination of the coordinates of these dimensions."""
    yield from product(*(data[name].values.tolist() for name in names))
