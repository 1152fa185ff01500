"""Spectral surfaces: fields to interpolate, variables of their files, and resampling on finer grids. Torch is not needed.

The interpolated fields are analytic: the losses, their terms, and the *squared* relative errors; errors themselves have a kink
where they vanish. The other measurements follow from these fields: the energy gap from the energy, and, if errors are measured
at the points of the losses, the L2 error from the supervised loss, which is the squared relative error times the mean of |u*|².
An interpolant of a square can be negative where the square is smaller than the interpolation error; stored and drawn values are
not negative. At the trained point, interpolated values are replaced by the known ones.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS, SUPERVISED
from pinnscape.common.measured import H1_SQUARE, L2_SQUARE
from pinnscape.landscape.chebyshev import Interpolant
from pinnscape.landscape.described import LINES, SURFACE
from pinnscape.landscape.spectral import Result

PLANE_POINTS, LINE_POINTS = 201, 401  # minimum numbers of points of a resampled surface along each axis


def losses_of(names: Sequence[str]) -> list[str]:
    """Names of the losses among the names of fields."""
    return [name for name in names if "/" not in name and name not in (L2_SQUARE, H1_SQUARE)]


def fields(measured: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Fields to interpolate (field, m), from the results of ``Discretization.measure`` at m points."""
    squares = {L2_SQUARE: "l2_error", H1_SQUARE: "h1_error"}
    return np.stack([measured[squares[name]] ** 2 if name in squares else measured[name] for name in names])


def measurements(
    values: np.ndarray, names: Sequence[str], energy_minimum: float, solution_norm: float
) -> dict[str, np.ndarray]:
    """Measurements from the values of the fields; the inverse of ``fields``.

    Args:
        values: values (field, ...). All fields except energies and the losses of modules are squares; negative values of
            squares, which are due to rounding or interpolation, are set to 0.
        names: names of the fields.
        energy_minimum: energy of the exact solution; NaN if unknown.
        solution_norm: mean of |u*|² for the exact or reference solution u*; NaN if unknown.
    """
    found = {name: v if _may_be_negative(name) else np.maximum(v, 0.0) for name, v in zip(names, values, strict=True)}
    shape, energy = values.shape[1:], DEEP_RITZ.name
    unknown = np.full(shape, np.nan)
    mean = found.get(SUPERVISED.name, unknown) / solution_norm
    return {
        **{name: value for name, value in found.items() if name not in (L2_SQUARE, H1_SQUARE)},
        "energy_gap": found[energy] - energy_minimum if energy in found else unknown,
        "l2_error": np.sqrt(found.get(L2_SQUARE, mean)),
        "h1_error": np.sqrt(found.get(H1_SQUARE, unknown)),
        "infeasible": np.zeros(shape, dtype=bool),
    }


def _may_be_negative(name: str) -> bool:
    """Whether a field is not known to be a square."""
    known = FORMULATIONS.get(name.partition("/")[0])
    return name not in (L2_SQUARE, H1_SQUARE) and (known is None or known.is_energy)


def anchored(values: np.ndarray, axes: Sequence[np.ndarray], known: np.ndarray) -> np.ndarray:
    """Values (field, ..., len(a0)[, len(a1)]) on a grid, with those at the origin replaced by ``known`` (field,).

    The values are unchanged if the origin is not a grid point.
    """
    at = tuple(np.flatnonzero(axis == 0.0) for axis in axes)
    if all(len(index) for index in at):
        values = values.copy()
        place = (..., *(int(index[0]) for index in at))
        values[place] = np.reshape(known, (-1, *[1] * (values[place].ndim - 1)))
    return values


def finer(axis: np.ndarray, points: int) -> np.ndarray:
    """At least ``points`` equidistant coordinates that include those of an equidistant axis (n,)."""
    parts = max(1, math.ceil((points - 1) / (len(axis) - 1)))
    return np.interp(np.arange(parts * (len(axis) - 1) + 1) / parts, np.arange(len(axis)), axis)


def plane_variables(result: Result, solution_norm: float, names: Sequence[str]) -> dict[str, Any]:
    """Additional variables of the file of a spectral plane."""
    values = {
        **_measured(result),
        "coefficient": result.interpolant.coefficients,
        "domain": np.array(result.interpolant.domain),
        "solution_norm": solution_norm,
        "field": list(names),
    }
    return {name: SURFACE.variable(name, found) for name, found in values.items()}


def line_variables(results: list[Result], solution_norm: float, names: Sequence[str]) -> dict[str, Any]:
    """Additional variables of the file of spectral lines.

    Coefficients are padded with zeros; they are NaN for a line whose interpolation has not converged.
    """
    measured = [_measured(result) for result in results]
    length = max(result.interpolant.coefficients.shape[1] for result in results)
    table = np.zeros((len(results), len(names), length))
    for row, result in zip(table, results, strict=True):
        row[:, : result.interpolant.coefficients.shape[1]] = result.interpolant.coefficients
        row[:] = row if result.converged.all() else np.nan
    values = {
        **{name: np.stack([found[name] for found in measured]) for name in ("bound", "tail", "misfit", "range")},
        "evaluations": sum(result.evaluations for result in results),
        "coefficient": table,
        "domain": np.array(results[0].interpolant.domain[0]),
        "solution_norm": solution_norm,
        "field": list(names),
    }
    return {name: LINES.variable(name, found) for name, found in values.items()}


def _measured(result: Result) -> dict[str, Any]:
    names = ("bound", "tail", "misfit", "range", "evaluations")
    return {name: getattr(result, name) for name in names}


def interpolant(surface: xr.Dataset) -> Interpolant:
    """The interpolant of a spectral plane, with the fields FIELDS and the variables alpha and beta.

    Raises:
        ValueError: the surface is not a spectral plane.
    """
    if surface.attrs.get("method") != "chebyshev" or "beta" not in surface.dims:
        raise ValueError(f"`surface` must be a spectral plane; this one has method {surface.attrs.get('method')!r}")
    (a, b), (c, d) = surface["domain"].values.tolist()
    return Interpolant(((a, b), (c, d)), surface["coefficient"].values)


def resampled(surface: xr.Dataset) -> xr.Dataset:
    """A spectral surface resampled on a finer grid for figures; other surfaces are returned unchanged.

    ``value``, ``energy_gap``, ``l2_error``, ``h1_error`` and ``infeasible`` are given on the finer grid. Values below
    ``resolution`` (loss), the bound of the interpolation error, are not significant; ``h1_error`` has an attribute of this
    name.
    """
    if surface.attrs.get("method") != "chebyshev":
        return surface
    if "beta" in surface.dims:
        axes = {name: finer(surface[name].values, PLANE_POINTS) for name in ("alpha", "beta")}
        values = interpolant(surface).on_grid(*axes.values())
    else:
        low, high = surface["domain"].values.tolist()
        axes = {"alpha": finer(surface["alpha"].values, LINE_POINTS)}
        rows = [Interpolant(((low, high),), table).on_grid(axes["alpha"]) for table in surface["coefficient"].values]
        values = np.stack(rows, 1)
    names = [str(name) for name in surface["field"].values]
    losses, terms = losses_of(names), [name for name in names if "/" in name]
    values = anchored(values, list(axes.values()), _at_origin(surface, names))
    measured = measurements(values, names, float(surface["energy_minimum"]), float(surface["solution_norm"]))
    dims = tuple(dim for dim in ("line", "alpha", "beta") if dim in surface["infeasible"].dims)
    drawn: dict[str, Any] = {"value": (("loss", *dims), np.stack([measured[name] for name in losses]))}
    if terms:
        drawn["term_value"] = ("term", *dims), np.stack([measured[name] for name in terms])
    drawn |= {name: (dims, measured[name]) for name in ("energy_gap", "l2_error")}
    bound = surface["bound"].max([dim for dim in surface["bound"].dims if dim != "field"])
    drawn["resolution"] = ("loss", bound.sel(field=losses).values)
    resolution = float(bound.sel(field=H1_SQUARE)) ** 0.5 if H1_SQUARE in names else float("nan")
    drawn["h1_error"] = (dims, measured["h1_error"], {"resolution": resolution})
    drawn["infeasible"] = (dims, measured["infeasible"].astype("int8"))
    coarse = [name for name in surface.variables if set(surface[name].dims) & set(axes)]
    return surface.drop_vars(coarse).assign_coords(axes).assign(drawn)


def _at_origin(surface: xr.Dataset, names: Sequence[str]) -> np.ndarray:
    """Known values (field,) of the fields at the trained point."""
    errors = {L2_SQUARE: "l2_error_at_origin", H1_SQUARE: "h1_error_at_origin"}
    known = []
    for name in names:
        if name in errors:
            known.append(float(surface[errors[name]]) ** 2)
        else:
            variable, dim = ("term_value_at_origin", "term") if "/" in name else ("value_at_origin", "loss")
            known.append(float(surface[variable].sel({dim: name})))
    return np.array(known)
