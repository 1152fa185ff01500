"""Datasets of the files of directions and of surfaces."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pinnscape.common.errors import StudyError
from pinnscape.common.measured import ERRORS
from pinnscape.config.sections import DirectionSettings, PlaneGrid
from pinnscape.landscape import directions
from pinnscape.landscape.axes import centred_axis, covering_axis, plane_coordinates
from pinnscape.landscape.described import DIRECTIONS, LINE_DIRECTIONS, LINES, OF_DIRECTIONS, SURFACE
from pinnscape.networks.layout import layout_of

if TYPE_CHECKING:
    from pinnscape.losses.objective import Losses

# Second entry of the random seeds, so that directions do not reuse the random numbers of the initial weights.
_STREAMS = {"random": 1, "lines": 2}
_EIGENPAIRS = {"hessian-top": (0, 1), "hessian-extreme": (0, -1)}
# Units of the coordinates along a direction. A direction that is not normalised has independent standard normal entries.
_UNITS = {"filter": "filter norms", "layer": "layer norms", "global": "‖θ‖", "none": "Gaussian vectors"}
EUCLIDEAN = "Euclidean length"


def random_directions(plane: str, checkpoints: xr.Dataset, settings: DirectionSettings) -> xr.Dataset:
    """Dataset of directions-random.nc or directions-lines.nc: normalised Gaussian directions at the final point.

    Args:
        plane: ``random`` (two orthogonal directions) or ``lines`` (independent directions).
        checkpoints: checkpoints.nc.
        settings: normalisation of the directions, and number of lines.
    """
    origin, layout = checkpoints["theta"].sel(checkpoint="final").values, layout_of(checkpoints)
    seed = [int(checkpoints.attrs["seed"]), _STREAMS[plane]]
    how = (settings.normalization, settings.bias)
    unit = axis_unit(settings.normalization)
    if plane == "random":
        return _directions(plane, checkpoints, directions.orthogonal(origin, layout, 2, seed, *how), how, unit)
    return _directions(plane, checkpoints, directions.random(origin, layout, settings.lines, seed, *how), how, unit)


def axis_unit(normalization: str) -> str:
    """Unit of the coordinates along random directions with this normalisation."""
    return _UNITS[normalization]


def trajectory_directions(checkpoints: xr.Dataset, training: xr.Dataset) -> xr.Dataset:
    """Dataset of directions-trajectory.nc: the principal plane of the snapshots through the final point."""
    origin = checkpoints["theta"].sel(checkpoint="final").values
    try:
        found = directions.trajectory(training["theta"].values, origin)
    except ValueError as error:
        remedy = "increase the number of steps, or remove trajectory from grid.planes"
        raise StudyError(f"config.yaml: training: the trajectory has no principal plane ({error}); {remedy}") from error
    values = {
        "explained_variance": found.explained_variance,
        "trajectory": found.coordinates,
        "distance": found.distance,
        "theta": training["theta"].values,
        "snapshot_step": training["snapshot_step"].values,
    }
    return _directions("trajectory", checkpoints, found.directions, ("none", "row"), EUCLIDEAN, values)


def hessian_directions(plane: str, checkpoints: xr.Dataset, hessian: xr.Dataset) -> xr.Dataset:
    """Dataset of directions-hessian-*.nc: Hessian eigenvectors of the training loss at the final point, times ‖theta‖.

    Args:
        plane: ``hessian-top`` (the two largest eigenvalues) or ``hessian-extreme`` (the largest and the smallest eigenvalue).
        checkpoints: checkpoints.nc.
        hessian: hessian-final.nc.
    """
    origin = checkpoints["theta"].sel(checkpoint="final").values
    own = hessian.sel(loss=checkpoints.attrs["trained_on"])
    pair = list(_EIGENPAIRS[plane])
    rows = own["eigenvector"].values[pair] * np.linalg.norm(origin)
    # The curvature vᵀHv along the unit vector v: the eigenvalue, or the Ritz value if the eigenvalue is not verified.
    values = own["ritz_value"].values[pair]
    curvature = values * np.linalg.norm(rows, axis=1) ** 2
    return _directions(plane, checkpoints, rows, ("none", "row"), "‖θ‖", {"eigenvalue": values, "curvature": curvature})


def _directions(
    plane: str,
    checkpoints: xr.Dataset,
    rows: np.ndarray,
    how: tuple[str, str],
    unit: str,
    more: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    final = checkpoints.sel(checkpoint="final")
    values = {
        "origin": final["theta"].values,
        "direction": rows,
        "norm": np.linalg.norm(rows, axis=1),
        "cosine": directions.cosine(rows),
        "quadrature_error": final["quadrature_error"].values,
        **(more or {}),
    }
    kind = LINE_DIRECTIONS if plane == "lines" else DIRECTIONS
    return kind.dataset(values, attributes={"kind": plane, "normalization": how[0], "bias": how[1], "axis_unit": unit})


def coordinates(plane: str, found: xr.Dataset, grid: PlaneGrid) -> tuple[dict[str, Any], np.ndarray]:
    """Points at which a surface is evaluated.

    Args:
        plane: name of the plane.
        found: dataset of its directions.
        grid: settings of the plane.

    Returns:
        The xarray coordinates (``alpha`` and ``beta``, or ``line`` and ``alpha``), and the coordinates (..., k) of the grid
        points along the k directions.
    """
    if plane == "lines":
        alpha, count = centred_axis(grid.radius, grid.line_points), found.sizes["line"]
        names = {name: LINES.variable(name, values) for name, values in (("line", np.arange(count)), ("alpha", alpha))}
        return names, np.eye(count)[:, None, :] * alpha[:, None]
    if plane == "trajectory":
        path = found["trajectory"].values
        alpha, beta = (covering_axis(path[:, axis], grid.margin, grid.points) for axis in (0, 1))
    else:
        alpha = beta = centred_axis(grid.radius, grid.points)
    return {"alpha": SURFACE.variable("alpha", alpha), "beta": SURFACE.variable("beta", beta)}, plane_coordinates(alpha, beta)


def surface_dataset(
    found: xr.Dataset, axes: Mapping[str, Any], measured: Mapping[str, np.ndarray], family: "Losses"
) -> xr.Dataset:
    """Dataset of surface-{plane}.nc from the measurements on its grid.

    Args:
        found: dataset of the directions.
        axes: xarray coordinates of the grid, in the order of the dimensions of the measurements; alpha and beta include 0.
        measured: results of ``Losses.measure`` on the grid.
        family: the losses that were measured.
    """
    dims = tuple(axes)
    origin = tuple(0 if name == "line" else int(np.flatnonzero(axes[name][1] == 0.0)[0]) for name in dims)
    kind, losses, terms = LINES if "line" in axes else SURFACE, family.losses, family.terms
    measures = [name for name in family.measures if name not in ERRORS]
    of_terms: dict[str, Any] = {
        "term_value": np.stack([measured[name] for name in terms]),
        "term_value_at_origin": [measured[name][origin] for name in terms],
        "term": list(terms),
    } if terms else {}  # fmt: skip
    if measures:
        of_terms |= {"further": np.stack([measured[name] for name in measures]), "measure": measures}
    values = {
        "value_at_origin": [measured[name][origin] for name in losses],
        "l2_error_at_origin": measured["l2_error"][origin],
        "h1_error_at_origin": measured["h1_error"][origin],
        "value": np.stack([measured[name] for name in losses]),
        **{name: measured[name] for name in ERRORS},
        "infeasible": measured["infeasible"].astype("int8"),
        "energy_minimum": family.energy_minimum,
        **{name: found[name].values for name in OF_DIRECTIONS if name in found},
        "loss": list(losses),
        **of_terms,
        **{name: axis[1] for name, axis in axes.items()},
    }
    return kind.dataset(values, attributes={name: found.attrs[name] for name in ("kind", "normalization", "bias", "axis_unit")})


def trajectory_losses(
    true: Mapping[str, np.ndarray], projected: Mapping[str, np.ndarray], losses: Sequence[str]
) -> dict[str, tuple]:
    """Losses at the snapshots and at their projections onto the plane, as variables of surface-trajectory.nc."""
    found = {"trajectory_loss": true, "projected_loss": projected}
    return {name: SURFACE.variable(name, np.stack([measured[loss] for loss in losses])) for name, measured in found.items()}


def finished(surface: xr.Dataset) -> xr.Dataset:
    """The complete dataset of a surface, with the attributes of its file."""
    return (LINES if "line" in surface.dims else SURFACE).described(surface)
