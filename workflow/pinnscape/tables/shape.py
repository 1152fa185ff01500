"""Metrics of the shape of landscapes: topology, quadrature and roughness, planes through three points. Torch is not needed."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import xarray as xr

from pinnscape.losses.formulations import PHYSICS

Rows = Iterator[tuple[str, int, str, str, float]]


def topology(data: xr.Dataset) -> Rows:
    """Rows (formulation, seed, checkpoint, metric, value) of topology.nc: numbers of minima and of rings, relative SMAD."""
    names = {"minima": "minima", "minima_inside": "minima_inside", "rings": "rings", "smad_relative": "smad"}
    for formulation, seed, plane, loss in _points(data, "formulation", "seed", "plane", "loss"):
        own = data.sel(formulation=formulation, seed=seed, plane=plane, loss=loss)
        for name, metric in names.items():
            yield formulation, seed, "final", f"{metric}[{plane}, {loss}]", float(own[name])


def roughness_rules(data: xr.Dataset) -> Rows:
    """Roughness index of each trained loss by rule and points, under the fine rule, and the median difference from that."""
    for formulation, seed in _points(data, "formulation", "seed"):
        own = data.sel(formulation=formulation, seed=seed, loss=formulation)
        yield formulation, seed, "final", "rule_roughness_index[reference]", float(own["reference_index"])
        for rule, points in _points(data, "rule", "points"):
            case = own.sel(rule=rule, points=points)
            yield formulation, seed, "final", f"rule_roughness_index[{rule}, {points}]", float(case["roughness_index"])
            yield formulation, seed, "final", f"rule_deviation[{rule}, {points}]", float(case["deviation"].median())


def three_points(data: xr.Dataset) -> Rows:
    """Relative heights of passes in planes: between two seeds (mean over the pairs of a seed), and between the physics minimisers (given with both)."""
    first, second = data["first_seed"].values, data["second_seed"].values
    for seed in np.unique([*first, *second]):
        mean = data["seeds_pass"].isel(pair=np.flatnonzero((first == seed) | (second == seed))).mean("pair", skipna=False)
        for formulation, loss in _points(data, "formulation", "loss"):
            height = float(mean.sel(formulation=formulation, loss=loss))
            yield formulation, int(seed), "final", f"plane_pass[seeds, {loss}]", height
    for seed, loss, formulation in product(data["seed"].values.tolist(), data["loss"].values.tolist(), PHYSICS):
        yield formulation, seed, "final", f"plane_pass[physics, {loss}]", float(data["physics_pass"].sel(seed=seed, loss=loss))


def _points(data: xr.Dataset, *names: str) -> Iterator[tuple]:
    """Every combination of the coordinates of these dimensions."""
    yield from product(*(data[name].values.tolist() for name in names))
