"""Losses on one random plane at radii that span orders of magnitude, which shows at which radius convexity ends."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from pinnscape.config.sections import DirectionSettings
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.landscape.files import axis_unit, random_directions
from pinnscape.landscape.surfaces import evaluate
from pinnscape.training.runs import Run, Runs

_RADIUS = (*RUN, "loss", "radius")
FILE = File(
    "zoom.nc",
    {
        "gap": Variable((*_RADIUS, "alpha", "beta"), "excess of the loss over that of the exact solution"),
        "convex_share": Variable(_RADIUS, "share of points at which the surface is convex"),
        "existing_share": Variable(_RADIUS, "share of points at which the Hessian of the surface exists"),
        "convex_radius": Variable(_RADIUS, "distance to the nearest point at which the surface is not convex"),
        "quadrature_error": Variable(RUN, "quadrature error of the energy gap at the final point"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "radius": Variable("radius", "half width of the plane, in the unit given by the attribute axis_unit"),
        "alpha": Variable("alpha", "coordinate along direction 1 over the radius"),
        "beta": Variable("beta", "coordinate along direction 2 over the radius"),
    },
    "The plane is spanned by the directions of directions-random.nc.",
)


def smallest_curvature(values: np.ndarray) -> np.ndarray:
    """Smaller eigenvalue of the 2 x 2 Hessian of a surface by central differences, times the square of the spacing.

    Args:
        values: values (n, m) on an equidistant grid with equal spacing along both axes.

    Returns:
        Eigenvalues (n - 2, m - 2) at the inner points; 0 where zero up to rounding errors, NaN where one of the nine values is
        not finite.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    centre, size = values[1:-1, 1:-1], np.abs(values)
    aa = values[2:, 1:-1] - 2.0 * centre + values[:-2, 1:-1]
    bb = values[1:-1, 2:] - 2.0 * centre + values[1:-1, :-2]
    ab = 0.25 * (values[2:, 2:] - values[2:, :-2] - values[:-2, 2:] + values[:-2, :-2])
    smallest = 0.5 * (aa + bb) - np.hypot(0.5 * (aa - bb), ab)
    largest = np.max([size[i : i + centre.shape[0], j : j + centre.shape[1]] for i in range(3) for j in range(3)], axis=0)
    return np.where(np.abs(smallest) <= 16 * np.finfo(float).eps * largest, 0.0, smallest)


def convexity(values: np.ndarray, axis: np.ndarray) -> tuple[float, float, float]:
    """Convexity of a surface on the scale of its grid.

    Args:
        values: values (n, n) on the square grid.
        axis: equidistant coordinates (n,) of both axes.

    Returns:
        The share of inner points at which the Hessian is positive semidefinite, among those at which it exists (NaN if it
        exists nowhere); the share of inner points at which it exists; the distance from the origin to the nearest inner point
        at which it exists and is not positive semidefinite (NaN if there is none).
    """
    smallest = smallest_curvature(values)
    exists = np.isfinite(smallest)
    if not exists.any():
        return float("nan"), 0.0, float("nan")
    negative = exists & (smallest < 0)
    distance = np.hypot(*np.meshgrid(axis[1:-1], axis[1:-1], indexing="ij"))
    nearest = float(distance[negative].min()) if negative.any() else float("nan")
    return 1.0 - float(negative.sum() / exists.sum()), float(exists.mean()), nearest


def dataset(runs: Runs, radii: Sequence[float], points: int, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of zoom.nc: all losses on the random plane through each final point (the plane of surface-random.nc) at several
    radii.

    Args:
        runs: all runs of a problem.
        radii: half widths of the plane, in units of the norm of the directions.
        points: number of points along each axis; odd.
        directions: normalisation of the directions.

    Returns:
        Variables over (trained_on, seed, loss), radius and the coordinates alpha and beta in units of the radius.
    """
    unit = centred_axis(1.0, points)
    family, axes_unit = runs.family, axis_unit(directions.normalization)

    def measure(run: Run) -> xr.Dataset:
        rows = random_directions("random", run.checkpoints.assign_attrs(seed=run.seed), directions)["direction"].values
        coordinates = np.stack([plane_coordinates(radius * unit, radius * unit) for radius in radii])
        fields = partial(family.measure, what="fields")
        measured = evaluate(fields, runs.tensor(run.theta()), runs.tensor(rows), coordinates, family.batch)
        gap = np.stack([measured[loss] - runs.objective(loss).minimum for loss in runs.losses])
        gap[~np.isfinite(gap)] = np.nan
        found = np.array([
            [convexity(table, radius * unit) for table, radius in zip(tables, radii, strict=True)] for tables in gap
        ])  # fmt: skip
        values = {
            "gap": gap,
            "convex_share": found[..., 0],
            "existing_share": found[..., 1],
            "convex_radius": found[..., 2],
            "quadrature_error": run.checkpoints["quadrature_error"].sel(checkpoint="final").values,
            "loss": list(runs.losses),
            "radius": np.array(radii, float),
            "alpha": unit,
            "beta": unit,
        }
        return FILE.dataset(values, outside=RUN)

    attributes = {"normalization": directions.normalization, "bias": directions.bias}
    return FILE.described(runs.collect(measure).assign_attrs(attributes, axis_unit=axes_unit))
