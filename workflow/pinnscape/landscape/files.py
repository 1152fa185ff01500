"""The files of directions and of surfaces."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.errors import StudyError
from pinnscape.files.description import File, Variable
from pinnscape.landscape import directions
from pinnscape.landscape.axes import centred_axis, covering_axis, plane_coordinates
from pinnscape.losses.formulations import FORMULATIONS
from pinnscape.networks.mlp import layout_of

# Second entry of the seeds, so that directions do not repeat the random numbers of the initial weights.
_STREAMS = {"random": 1, "lines": 2}
_EIGENPAIRS = {"hessian-top": (0, 1), "hessian-extreme": (0, -1)}
# What a coordinate along a direction is a multiple of: those that are not normalised are vectors of independent standard normal entries.
_UNITS = {"filter": "filter norms", "layer": "layer norms", "global": "‖θ‖", "none": "Gaussian vectors"}
EUCLIDEAN = "Euclidean length"
_OF_DIRECTIONS = {  # copied from the directions to the surface
    "norm": Variable("axis", "Euclidean norm of the direction"),
    "quadrature_error": Variable((), "error of the energy gap at the final point by the quadrature rule"),
    "eigenvalue": Variable(
        "axis",
        "eigenvalue of the Hessian of the trained loss, the second derivative along the unit vector",
        only="Hessian planes",
    ),
    "curvature": Variable(
        "axis", "second derivative along the axis, eigenvalue times the squared norm of the direction", only="Hessian planes"
    ),
    "explained_variance": Variable("axis", "explained share of the squared distance from the final point", only="trajectory"),
    "trajectory": Variable(("snapshot", "axis"), "coordinates of the snapshot in the plane", only="trajectory"),
    "distance": Variable("snapshot", "Euclidean distance of the snapshot from the plane", only="trajectory"),
    "snapshot_step": Variable("snapshot", "optimisation step of the snapshot", only="trajectory"),
}
_OF_AXES = {
    "axis": Variable("axis", "index of the direction"),
    "snapshot": Variable("snapshot", "index of the snapshot", only="trajectory"),
}
DIRECTIONS = File(
    "directions-{plane}.nc",
    {
        "origin": Variable("parameter", "the final point"),
        "direction": Variable(("axis", "parameter"), "direction"),
        "cosine": Variable((), "largest absolute cosine between two directions"),
        "theta": Variable(("snapshot", "parameter"), "parameters at the snapshot", only="trajectory"),
        **_OF_DIRECTIONS,
    },
    {"parameter": Variable("parameter", "index of the parameter in theta"), **_OF_AXES},
    """\
Points of the plane are origin + Σ coordinateᵢ · directionᵢ. Planes: `random` (two random directions, orthogonal), `trajectory` (orthonormal, the principal
plane of the snapshots through the final point, uncentred), `hessian-top` and `hessian-extreme` (eigenvectors times ‖origin‖), and `lines`, a bundle of independent
random directions, whose dimension is `line` in place of `axis`. The attributes `normalization` and `bias` say how random directions are normalised; `axis_unit`, of surfaces
too, says what a coordinate is a multiple of: `filter norms`, `layer norms`, `‖θ‖` (normalised by the whole vector, and eigenvectors), `Gaussian vectors` (random
directions that are not normalised), `Euclidean length` (orthonormal ones).""",
)
_GRID = ("alpha", "beta")
_SPECTRAL = "spectral surfaces"
SURFACE = File(
    "surface-{plane}.nc",
    {
        "loss": Variable(("formulation", *_GRID), "loss of each formulation"),
        "loss_at_origin": Variable("formulation", "loss of each formulation at the final point, coordinate 0: exact"),
        "h1_error_at_origin": Variable((), "relative H1 error at the final point: exact"),
        "energy_gap": Variable(_GRID, "energy above that of the exact solution under the same quadrature rule"),
        "l2_error": Variable(_GRID, "relative L2 error"),
        "h1_error": Variable(_GRID, "relative H1 error"),
        "inverted": Variable(_GRID, "1 where the energy does not exist and the loss is NaN: det F <= 0 at a quadrature point"),
        "energy_minimum": Variable((), "energy of the exact solution under the quadrature rule"),
        **_OF_DIRECTIONS,
        "trajectory_loss": Variable(("formulation", "snapshot"), "loss at the snapshot", only="trajectory"),
        "projected_loss": Variable(
            ("formulation", "snapshot"), "loss at the projection of the snapshot onto the plane", only="trajectory"
        ),
        "coefficient": Variable(
            ("field", "degree_alpha", "degree_beta"), "Chebyshev coefficient in coordinates scaled to [-1, 1]", only=_SPECTRAL
        ),
        "domain": Variable(("axis", "end"), "interval of the coordinate along the axis", only=_SPECTRAL),
        "range": Variable("field", "largest less smallest value", only=_SPECTRAL),
        "tail": Variable("field", "tail of the Chebyshev coefficients", only=_SPECTRAL),
        "misfit": Variable("field", "largest error at fresh random points and at the trained point", only=_SPECTRAL),
        "bound": Variable(
            "field",
            "bound of the error of the interpolant: four times the larger of tail and misfit, and what was added at the trained point; hardly ever "
            "exceeded anywhere on the surface. Values below it mean nothing",
            only=_SPECTRAL,
        ),
        "evaluations": Variable((), "points at which the losses were evaluated", only=_SPECTRAL),
        "solution_norm": Variable(
            (), "integral of the squared exact solution, which makes l2_error of the supervised loss", only=_SPECTRAL
        ),
    },
    {
        "formulation": Variable("formulation", "loss that is evaluated"),
        "alpha": Variable("alpha", "coordinate along direction 1, in the unit that the attribute axis_unit names"),
        "beta": Variable("beta", "coordinate along direction 2, in this unit"),
        **_OF_AXES,
        "field": Variable(
            "field", "what is interpolated: the three losses, and h1_square, the squared H1 error", only=_SPECTRAL
        ),
        "degree_alpha": Variable("degree_alpha", "degree in alpha", only=_SPECTRAL),
        "degree_beta": Variable("degree_beta", "degree in beta", only=_SPECTRAL),
        "end": Variable("end", "lower and upper end", only=_SPECTRAL),
    },
    """\
The attribute `method` says where the numbers come from:

- `chebyshev`: a spectral surface. The losses and the squared H¹ error were interpolated by Chebyshev polynomials to the tolerance `grid.tolerance` of
  their range, with the exact values at the trained point; values of squares that interpolation made negative are 0 on the grid and in pictures, not in the polynomials. The grid of a plane
  holds values of the interpolant, which `pinnscape.landscape.pictures` evaluates at any resolution
  (`interpolant(dataset)`, with exact derivatives and critical points). The grid of lines is evaluated point by point, the interpolants are for pictures.
- `grid`: every point was evaluated; `reason`, where it is there, says why a spectral surface did not converge (a loss that does not exist
  somewhere, too much structure).""",
)
_LINES = {
    "alpha": ("line", "alpha"),
    "beta": (),
    "axis": ("line",),
    "field": ("line", "field"),
    "degree_alpha": ("degree",),
    "degree_beta": (),
}


def _of_lines(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """The same for a bundle of lines, which has a line for each axis of a plane."""
    kept = {
        name: v
        for name, v in variables.items()
        if v.only not in ("trajectory", "Hessian planes") and v.axes not in (("beta",), ("degree_beta",))
    }
    return {name: replace(v, dims=tuple(d for dim in v.axes for d in _LINES.get(dim, (dim,)))) for name, v in kept.items()}


_LINE = {"line": Variable("line", "index of the line")}
LINE_DIRECTIONS = File(
    "directions-lines.nc", _of_lines(DIRECTIONS.variables), {"parameter": DIRECTIONS.coordinates["parameter"], **_LINE}
)
LINES = File(
    "surface-lines.nc",
    {**_of_lines(SURFACE.variables), "domain": Variable("end", "interval of the coordinate alpha", only=_SPECTRAL)},
    {
        **{name: SURFACE.coordinates[name] for name in ("formulation", "alpha", "field", "end")},
        "degree": Variable("degree", "degree in alpha; coefficients are padded with zeros", only=_SPECTRAL),
        **_LINE,
    },
)


def random_directions(plane: str, checkpoints: xr.Dataset, settings: Mapping[str, Any]) -> xr.Dataset:
    """directions-random.nc and directions-lines.nc: normalised Gaussian directions at the final point.

    Args:
        plane: ``random`` (two, orthogonal) or ``lines`` (as many as ``settings["lines"]``, independent).
        checkpoints: checkpoints.nc.
        settings: ``normalization``, ``bias`` and, for lines, ``lines``.
    """
    origin, layers = checkpoints["theta"].sel(checkpoint="final").values, layout_of(checkpoints)
    seed = [int(checkpoints.attrs["seed"]), _STREAMS[plane]]
    how = (settings["normalization"], settings["bias"])
    unit = axis_unit(settings["normalization"])
    if plane == "random":
        return _directions(plane, checkpoints, directions.orthogonal_plane(origin, layers, seed, *how), how, unit)
    return _directions(plane, checkpoints, directions.random(origin, layers, settings["lines"], seed, *how), how, unit)


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
    values = {
        "explained_variance": found.explained_variance,
        "trajectory": found.coordinates,
        "distance": found.distance,
        "theta": training["theta"].values,
        "snapshot_step": training["snapshot_step"].values,
    }
    return _directions("trajectory", checkpoints, found.directions, ("none", "row"), EUCLIDEAN, values)


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


def coordinates(plane: str, found: xr.Dataset, grid: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Where a surface is evaluated.

    Args:
        plane: name.
        found: its directions.
        grid: settings of the plane: ``radius`` or ``margin``, and ``points`` or ``line_points``.

    Returns:
        xarray coordinates (``alpha`` and ``beta``, or ``line`` and ``alpha``), and coordinates (..., k) along the k directions.
    """
    if plane == "lines":
        alpha, count = centred_axis(grid["radius"], grid["line_points"]), found.sizes["line"]
        names = {name: LINES.variable(name, values) for name, values in (("line", np.arange(count)), ("alpha", alpha))}
        return names, np.eye(count)[:, None, :] * alpha[:, None]
    if plane == "trajectory":
        path = found["trajectory"].values
        alpha, beta = (covering_axis(path[:, axis], grid["margin"], grid["points"]) for axis in (0, 1))
    else:
        alpha = beta = centred_axis(grid["radius"], grid["points"])
    return {"alpha": SURFACE.variable("alpha", alpha), "beta": SURFACE.variable("beta", beta)}, plane_coordinates(alpha, beta)


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
    kind = LINES if "line" in axes else SURFACE
    values = {
        "loss_at_origin": [measured[f][origin] for f in FORMULATIONS],
        "h1_error_at_origin": measured["h1_error"][origin],
        "loss": np.stack([measured[f] for f in FORMULATIONS]),
        **{name: measured[name] for name in ("energy_gap", "l2_error", "h1_error")},
        "inverted": measured["inverted"].astype("int8"),
        "energy_minimum": energy_minimum,
        **{name: found[name].values for name in _OF_DIRECTIONS if name in found},
        "formulation": list(FORMULATIONS),
        **{name: axis[1] for name, axis in axes.items()},
    }
    return kind.dataset(values, attributes={name: found.attrs[name] for name in ("kind", "normalization", "bias", "axis_unit")})


def trajectory_losses(true: Mapping[str, np.ndarray], projected: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Losses at the snapshots and at their projections onto the plane, as variables of surface-trajectory.nc."""
    found = {"trajectory_loss": true, "projected_loss": projected}
    return {name: SURFACE.variable(name, np.stack([losses[f] for f in FORMULATIONS])) for name, losses in found.items()}


def finished(surface: xr.Dataset) -> xr.Dataset:
    """A surface to which everything has been added."""
    return (LINES if "line" in surface.dims else SURFACE).described(surface)
