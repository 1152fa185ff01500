"""The files of directions and of surfaces: NetCDF in and out, see results/README.md."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.errors import StudyError
from pinnscape.config.sections import DirectionSettings, PlaneGrid
from pinnscape.files.storage import variable
from pinnscape.landscape import directions
from pinnscape.landscape.axes import centred_axis, covering_axis, plane_coordinates
from pinnscape.losses.formulations import FORMULATIONS
from pinnscape.networks.mlp import layout_of

# Second entry of the seeds, so that directions do not repeat the random numbers of the initial weights.
_STREAMS = {"random": 1, "lines": 2}
_EIGENPAIRS = {"hessian-top": (0, 1), "hessian-extreme": (0, -1)}
# What a coordinate along a direction is a multiple of; of a direction that is not normalised, a vector of independent standard normal entries.
_UNITS = {"filter": "filter norms", "layer": "layer norms", "global": "‖θ‖", "none": "Gaussian vectors"}
EUCLIDEAN = "Euclidean length"
_COPIED = (  # from the directions to the surface
    "norm", "quadrature_error", "eigenvalue", "curvature", "explained_variance", "trajectory", "snapshot_step", "distance"
)  # fmt: skip


def random_directions(plane: str, checkpoints: xr.Dataset, settings: DirectionSettings) -> xr.Dataset:
    """directions-random.nc and directions-lines.nc: normalised Gaussian directions at the final point.

    Args:
        plane: ``random`` (two, orthogonal) or ``lines`` (independent ones).
        checkpoints: checkpoints.nc.
        settings: how they are normalised, and how many lines there are.
    """
    origin, layers = checkpoints["theta"].sel(checkpoint="final").values, layout_of(checkpoints)
    seed = [int(checkpoints.attrs["seed"]), _STREAMS[plane]]
    how = (settings.normalization, settings.bias)
    unit = axis_unit(settings.normalization)
    if plane == "random":
        return _directions(plane, checkpoints, directions.orthogonal_plane(origin, layers, seed, *how), "axis", how, unit)
    return _directions(plane, checkpoints, directions.random(origin, layers, settings.lines, seed, *how), "line", how, unit)


def axis_unit(normalization: str) -> str:
    """What a coordinate along normalised random directions is a multiple of."""
    return _UNITS[normalization]


def trajectory_directions(checkpoints: xr.Dataset, training: xr.Dataset) -> xr.Dataset:
    """directions-trajectory.nc: the principal plane of the snapshots through the final point."""
    origin = checkpoints["theta"].sel(checkpoint="final").values
    try:
        found = directions.trajectory(training["theta"].values, origin)
    except ValueError as error:
        remedy = "give it more steps, or take trajectory out of grid.planes"
        raise StudyError(f"config.yaml: training: its path has no principal plane ({error}); {remedy}") from error
    dataset = _directions("trajectory", checkpoints, found.directions, "axis", ("none", "row"), EUCLIDEAN)
    return dataset.assign(
        explained_variance=variable("axis", found.explained_variance, "explained share of the squared distance"),
        trajectory=variable(("snapshot", "axis"), found.coordinates, "coordinates of the snapshot in the plane"),
        distance=variable("snapshot", found.distance, "distance of the snapshot from the plane"),
        theta=variable(("snapshot", "parameter"), training["theta"].values, "parameters at the snapshot"),
        snapshot_step=variable("snapshot", training["snapshot_step"].values, "optimisation step of the snapshot"),
    )


def hessian_directions(plane: str, checkpoints: xr.Dataset, hessian: xr.Dataset) -> xr.Dataset:
    """directions-hessian-*.nc: eigenvectors at the final point of the loss that trained it, times ‖theta‖.

    Args:
        plane: ``hessian-top`` (the two largest eigenvalues) or ``hessian-extreme`` (the largest and the smallest).
        checkpoints: checkpoints.nc.
        hessian: hessian-final.nc.
    """
    origin = checkpoints["theta"].sel(checkpoint="final").values
    own = hessian.sel(formulation=checkpoints.attrs["formulation"])
    pair = list(_EIGENPAIRS[plane])
    rows = own["eigenvector"].values[pair] * np.linalg.norm(origin)
    # The curvature vᵀHv along the unit vector: the eigenvalue, or where that is not verified what the vector really has.
    values = own["ritz_value"].values[pair]
    dataset = _directions(plane, checkpoints, rows, "axis", ("none", "row"), "‖θ‖")
    curvature = values * np.linalg.norm(rows, axis=1) ** 2
    return dataset.assign(
        eigenvalue=variable("axis", values, "eigenvalue of the Hessian, the second derivative along the unit vector"),
        curvature=variable(
            "axis", curvature, "second derivative along the axis, eigenvalue times the squared norm of the direction"
        ),
    )


def _directions(
    plane: str, checkpoints: xr.Dataset, rows: np.ndarray, dimension: str, how: tuple[str, str], unit: str
) -> xr.Dataset:
    final = checkpoints.sel(checkpoint="final")
    origin = final["theta"].values
    variables = {
        "origin": variable("parameter", origin, "the final point"),
        "direction": variable((dimension, "parameter"), rows, "direction"),
        "norm": variable(dimension, np.linalg.norm(rows, axis=1), "Euclidean norm of the direction"),
        "cosine": variable((), directions.cosine(rows), "largest absolute cosine between two directions"),
        "quadrature_error": variable(
            (), final["quadrature_error"].values, "error of the energy gap at the final point by the quadrature rule"
        ),
    }
    return xr.Dataset(variables, attrs={"kind": plane, "normalization": how[0], "bias": how[1], "axis_unit": unit})


def coordinates(plane: str, found: xr.Dataset, grid: PlaneGrid) -> tuple[dict[str, Any], np.ndarray]:
    """Where a surface is evaluated.

    Args:
        plane: name.
        found: its directions.
        grid: settings of the plane.

    Returns:
        xarray coordinates (``alpha`` and ``beta``, or ``line`` and ``alpha``), and coordinates (..., k) along the k directions.
    """
    unit = found.attrs["axis_unit"]
    if plane == "lines":
        alpha, count = centred_axis(grid.radius, grid.line_points), found.sizes["line"]
        names = {"line": variable("line", np.arange(count), "line"), "alpha": axis("alpha", alpha, unit)}
        return names, np.eye(count)[:, None, :] * alpha[:, None]
    if plane == "trajectory":
        path = found["trajectory"].values
        alpha, beta = (covering_axis(path[:, axis], grid.margin, grid.points) for axis in (0, 1))
    else:
        alpha = beta = centred_axis(grid.radius, grid.points)
    return {"alpha": axis("alpha", alpha, unit), "beta": axis("beta", beta, unit)}, plane_coordinates(alpha, beta)


def axis(name: str, values: np.ndarray, unit: str) -> tuple:
    """The coordinate ``alpha`` or ``beta`` of a plane or a line."""
    return variable(name, values, f"coordinate along direction {'1' if name == 'alpha' else '2'}, in units of: {unit}")


def surface_dataset(
    found: xr.Dataset, axes: Mapping[str, Any], measured: Mapping[str, np.ndarray], energy_minimum: float
) -> xr.Dataset:
    """surface-{plane}.nc from the measurements on its grid.

    Args:
        found: directions.
        axes: xarray coordinates of the grid, in the order of the measurements' dimensions; 0 is one of each of alpha and beta.
        measured: results of ``Discretization.measure`` on the grid.
        energy_minimum: energy of the exact solution.
    """
    dims = tuple(axes)
    origin = tuple(0 if name == "line" else int(np.flatnonzero(axes[name][1] == 0.0)[0]) for name in dims)
    at_origin = [measured[f][origin] for f in FORMULATIONS]
    variables = {
        "loss_at_origin": variable("formulation", at_origin, "loss of each formulation at the final point"),
        "h1_error_at_origin": variable((), measured["h1_error"][origin], "relative H1 error at the final point"),
        "loss": variable(("formulation", *dims), np.stack([measured[f] for f in FORMULATIONS]), "loss of each formulation"),
        "energy_gap": variable(dims, measured["energy_gap"], "energy above that of the exact solution under the same rule"),
        "l2_error": variable(dims, measured["l2_error"], "relative L2 error"),
        "h1_error": variable(dims, measured["h1_error"], "relative H1 error"),
        "inverted": variable(dims, measured["inverted"].astype("int8"), "1 where the energy does not exist (det F <= 0)"),
        "energy_minimum": variable((), energy_minimum, "energy of the exact solution"),
    }
    copied = [name for name in _COPIED if name in found]
    attributes = {name: found.attrs[name] for name in ("kind", "normalization", "bias", "axis_unit")}
    return xr.Dataset(variables | {n: found[n] for n in copied}, {"formulation": list(FORMULATIONS), **axes}, attributes)


def trajectory_losses(true: Mapping[str, np.ndarray], projected: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Losses at the snapshots and at their projections onto the plane, as variables of surface-trajectory.nc."""
    dims = ("formulation", "snapshot")
    return {
        "trajectory_loss": variable(dims, np.stack([true[f] for f in FORMULATIONS]), "loss at the snapshot"),
        "projected_loss": variable(
            dims, np.stack([projected[f] for f in FORMULATIONS]), "loss at the projection of the snapshot"
        ),
    }
