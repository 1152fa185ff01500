"""Data of the panels of the overview, from the files of techniques: positions (n,), numbers or words, and values (seed, n)."""

import numpy as np
import xarray as xr

from pinnscape.figures import paths, style
from pinnscape.figures.intrinsic_dimension import medians

Series = tuple[np.ndarray, np.ndarray]  # positions (n,) and values (seed, n)
BASIN_RADII = 80  # number of radii at which the share of the rays outside the basin is drawn

_PATHS = {"straight": "as trained", "aligned": "aligned", "bezier": "Bézier", "chain": "chain", "band": "band"}
_POINTS = {"init": "initial", "middle": "middle", "best": "best", "final": "final"}
_KINDS = {"critical": "critical", "gradient-flat": "flat", "none": "unfinished"}
_RULES = {"gauss-legendre": "GL", "simpson": "Sim", "uniform": "uni", "monte-carlo": "MC"}
_SHARPNESS = {"lambda_max": r"$\lambda_{\max}$", "trace": "trace", "lambda_max_filter": r"$\lambda_{\max}^{\mathrm{filter}}$"}


def resampled(steps: np.ndarray, values: np.ndarray) -> Series:
    """Values (seed, n) at different steps (seed, n), interpolated to the union of the steps of all seeds.

    A run that stopped early keeps its last value. Values before the first known one and next to unknown ones are NaN.
    """
    grid = np.unique(steps[np.isfinite(steps) & np.isfinite(values)])
    rows = np.full((len(values), grid.size), np.nan)
    for row, at, value in zip(rows, steps, values, strict=True):
        known = np.flatnonzero(np.isfinite(at) & np.isfinite(value))
        if known.size:
            inside = slice(known[0], known[-1] + 1)
            row[:] = np.interp(grid, at[inside], value[inside], left=np.nan)
    return grid, rows


def _own(data: xr.Dataset, name: str) -> xr.Dataset:
    """The data of a formulation at the points that it trained."""
    data = data.sel(trained_on=name)
    return data.sel(loss=name) if "loss" in data.dims else data


def _rows(values: xr.DataArray, *dims: str) -> np.ndarray:
    return values.transpose(*dims).values.astype(float)


def hessian(data: xr.Dataset, name: str) -> Series:
    return data["eigen"].values, _rows(_own(data, name)["ratio"], "seed", "eigen")


def interpolation(data: xr.Dataset, name: str) -> Series:
    alpha, gap = data["alpha"].values, _rows(paths.shown(data, "value", name).sel(trained_on=name), "seed", "alpha")
    start = gap[:, [int(np.argmin(np.abs(alpha)))]]
    return alpha, gap / np.where(start > 0, start, np.nan)


def barriers(data: xr.Dataset, name: str) -> Series:
    return _named(data["path"], _PATHS), _rows(_own(data, name)["relative_barrier"], "pair", "path")


def curves(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name)["relative_barrier"].drop_sel(path="straight")  # the panel of the barriers shows it
    return _named(own["path"], _PATHS), _rows(own, "pair", "path")


def three_points(data: xr.Dataset, name: str) -> Series:
    seeds = _rows(_own(data, name)["seeds_pass"], "pair") if name in data["trained_on"].values else np.empty(0)
    both = [seeds, _rows(data["physics_pass"].sel(loss=name), "seed")]
    columns = [np.pad(values, (0, max(map(len, both)) - len(values)), constant_values=np.nan) for values in both]
    return np.array(["two seeds", "two losses"]), np.stack(columns, axis=1)


def trajectory_geometry(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name)
    return resampled(_rows(own["step"], "seed", "snapshot"), _rows(own["cosine"], "seed", "snapshot"))


def gradient_subspace(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name).isel(k=-1)
    return resampled(_rows(own["step"], "seed", "point"), _rows(own["share"], "seed", "point"))


def fraction(data: xr.Dataset) -> float:
    """The largest step size, as a fraction, for which the curvature starts below the stability threshold."""
    fractions = data["fraction"].values
    return float(max((f for f in fractions if f < 1), default=min(fractions, default=np.nan)))


def stability(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name).sel(fraction=fraction(data))
    return data["record"].values, _rows(own["gd_sharpness"] * own["gd_rate"] / 2, "seed", "record")


def sharpness(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name).isel(checkpoint=-1)
    return np.array(list(_SHARPNESS.values())), np.stack([_rows(own[key], "seed") for key in _SHARPNESS], axis=1)


def basin(data: xr.Dataset, name: str) -> Series:
    radius = data["radius"].isel(kind=0)
    finite = np.concatenate([_rows(radius.sel(trained_on=f, loss=f), "seed", "ray").ravel() for f in _trained(data)])
    finite = finite[np.isfinite(finite) & (finite > 0)]
    if not finite.size:
        return np.empty(0), np.empty((data.sizes["seed"], 0))
    own = _rows(radius.sel(trained_on=name, loss=name), "seed", "ray")
    at = np.geomspace(0.8 * finite.min(), 1.25 * finite.max(), BASIN_RADII)
    outside = np.mean(own[:, :, None] <= at, axis=1)  # rays that never leave have an infinite radius
    return at, np.where(np.all(np.isnan(own), axis=1, keepdims=True), np.nan, outside)


def goldilocks(data: xr.Dataset, name: str) -> Series:
    first = data.isel(trained_on=0)  # all formulations start from the same points
    share = first["positive_share"].sel(loss=name).mean("draw", skipna=False)
    return np.median(_rows(first["radius"], "seed", "scale"), axis=0), _rows(share, "seed", "scale")


def norm(data: xr.Dataset, name: str) -> float:
    known = "norm" in data and name in data["trained_on"].values and "final" in data["checkpoint"].values
    values = data["norm"].sel(trained_on=name, checkpoint="final").values if known else np.empty(0)
    return float(np.median(values)) if values.size else np.nan


def curvature_map(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name)
    ratio = _rows(-own["lambda_min"] / own["lambda_max"].where(own["lambda_max"] > 0), "seed", "alpha", "beta")
    alpha, beta = np.meshgrid(data["alpha"].values, data["beta"].values, indexing="ij")
    away = np.round(np.maximum(np.abs(alpha), np.abs(beta)), 9)
    distances = np.unique(away)
    return distances, np.stack([_median(ratio[:, away == distance]) for distance in distances], axis=1)


def zoom(data: xr.Dataset, name: str) -> Series:
    return data["radius"].values, _rows(_own(data, name)["convex_share"], "seed", "radius")


def intrinsic_dimension(data: xr.Dataset, name: str) -> Series:
    return data["dimension"].values, medians(_own(data, name), "l2_error")[0]


def learning_coefficient(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name)
    kept = own["learning_coefficient"].where(own["left"] != 1)  # chains that left the point give no information about it
    return data["inverse_temperature"].values, _rows(kept, "seed", "inverse_temperature")


def critical_points(data: xr.Dataset, name: str) -> Series:
    kinds, ended = data["kind"].attrs["flag_meanings"].split(" "), _rows(_own(data, name)["kind"], "seed", "start")
    searches = np.sum(ended != kinds.index("no-loss"), axis=1, keepdims=True)
    counts = np.stack([np.sum(ended == kinds.index(kind), axis=1) for kind in _KINDS], axis=1)
    return np.array(list(_KINDS.values())), counts / np.where(searches > 0, searches, np.nan)


def ntk(data: xr.Dataset, name: str) -> Series:
    return _named(data["checkpoint"], _POINTS), _rows(_own(data, name)["remainder_share"], "seed", "checkpoint")


def noise(data: xr.Dataset, name: str) -> Series:
    return _named(data["checkpoint"], _POINTS), _rows(_own(data, name)["noise_scale"], "seed", "checkpoint")


def refined(data: xr.Dataset) -> str:
    """The variable that shows the progress of a refinement: the error, or the gap if only that is known."""
    return "l2_error" if np.isfinite(data["l2_error"]).any() or "gap" not in data else "gap"


def refinement(data: xr.Dataset, name: str) -> Series:
    own = _rows(_own(data, name).isel(checkpoint=0)[refined(data)], "seed", "step")
    # A descent that has ended keeps its last value.
    last = np.maximum.accumulate(np.where(np.isfinite(own), np.arange(own.shape[1]), 0), axis=1)
    return data["step"].values, np.take_along_axis(own, last, axis=1)


def formulations(data: xr.Dataset, name: str) -> Series:
    own = data.sel(loss=name)
    scaled = own["line_gap"] / own["initial_gap"].where(own["initial_gap"] > 0)
    return data["position"].values, _rows(scaled, "pair", "position")


def roughness_rules(data: xr.Dataset, name: str) -> Series:
    own = _own(data, name).isel(points=0)
    rows = np.column_stack([_rows(own["roughness_index"], "seed", "rule"), _rows(own["reference_index"], "seed")])
    return np.array([*_named(data["rule"], _RULES), "fine"]), rows


def topology(data: xr.Dataset, name: str) -> Series:
    return np.array([str(plane) for plane in data["plane"].values]), _rows(_own(data, name)["minima"], "seed", "plane")


def _named(coordinate: xr.DataArray, words: dict[str, str]) -> np.ndarray:
    return np.array([words.get(str(name), str(name)) for name in coordinate.values])


def _trained(data: xr.Dataset) -> list[str]:
    return [name for name in data["trained_on"].values if name in data["loss"].values]


def _median(values: np.ndarray) -> np.ndarray:
    """Median over the finite values of each row (seed, n)."""
    return np.ma.median(np.ma.masked_invalid(values), axis=1).filled(np.nan)


def first(data: xr.Dataset) -> str:
    return style.checkpoint_label(str(data["checkpoint"].values[0]))
