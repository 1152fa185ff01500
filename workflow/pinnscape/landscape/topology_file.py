"""Dataset of topology.nc: persistence pairs of the surfaces of one problem. Torch is not needed."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.formulations import DEEP_RITZ, ordered
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.landscape import resampling, topology

Key = tuple[str, int, str]
_KEYS = (*RUN, "plane", "loss")

_NUMBERS = {
    "minima": "number of minima of the surface, including those at its edges",
    "minima_inside": "number of minima that are not at an edge of the surface",
    "minima_diagonal": "number of minima if grid points are connected along diagonals too",
    "rings": "number of rings of low loss around a region of higher loss",
    "smad": "mean height of saddles above their paired minima",
    "smad_relative": "smad divided by the extent",
    "extent": "difference between the quantile that counts as the top of the surface and its smallest value",
    "threshold": "persistence above which a pair counts",
}
_PAIRS = {
    "birth": "excess of the loss over its exact minimum at the minimum of the pair",
    "death": "excess of the loss over its exact minimum at the saddle of the pair (inf: no saddle)",
    "minimum_alpha": "coordinate of the minimum along direction 1",
    "minimum_beta": "coordinate of the minimum along direction 2",
    "saddle_alpha": "coordinate of the saddle along direction 1",
    "saddle_beta": "coordinate of the saddle along direction 2",
    "parent": "index of the pair with whose basin the basin of this pair merges (-1: none)",
}
_RINGS = {
    "ring_birth": "excess of the loss over its exact minimum at which the ring closes",
    "ring_death": "excess of the loss over its exact minimum at which the ring is filled (inf: never)",
}

FILE = File(
    "topology.nc",
    {
        **{name: Variable(_KEYS, text) for name, text in _NUMBERS.items()},
        **{name: Variable((*_KEYS, "pair"), text) for name, text in _PAIRS.items()},
        **{name: Variable((*_KEYS, "ring"), text) for name, text in _RINGS.items()},
    },
    {
        **OF_RUNS,
        "plane": Variable("plane", "plane of the surface"),
        **LOSS,
        "pair": Variable("pair", "index of the persistence pair of a minimum and a saddle"),
        "ring": Variable("ring", "index of the ring"),
    },
    """\
Computed from surface-{plane}.nc; spectral surfaces are resampled as in figures. Variables are padded with NaN. The attributes
`threshold` and `quantile` are settings; `filtration` is the kind of the filtration.""",
)


def dataset(surfaces: Mapping[Key, xr.Dataset], threshold: float, quantile: float) -> xr.Dataset:
    """Dataset of topology.nc: topology of stored planes.

    Args:
        surfaces: datasets of surface-{plane}.nc by (formulation of the training, seed, plane).
        threshold: persistence above which a pair counts, relative to the extent of the surface. The threshold is at least twice
            the error bound of a spectral surface: by the stability of persistence diagrams (Cohen-Steiner et al. 2007), no pair
            above it is an artefact of the interpolation.
        quantile: share of the values below the top of the extent.

    Returns:
        Variables over trained_on, seed, plane, loss, and pair or ring, padded with NaN. A surface that is missing, or has no
        value, is NaN.
    """
    trained = ordered({key[0] for key in surfaces})
    seeds = sorted({seed for _, seed, _ in surfaces})
    planes = list(dict.fromkeys(plane for _, _, plane in surfaces))
    found = {
        (*key, str(loss)): _measure(resampled, str(loss), threshold, quantile)
        for key, surface in surfaces.items()
        for resampled in [resampling.resampled(surface)]
        for loss in resampled["loss"].values
    }
    losses = ordered({key[-1] for key in found})
    coordinates = dict(zip(_KEYS, (trained, seeds, planes, losses), strict=True))
    sizes = {"pair": _longest(found, "birth"), "ring": _longest(found, "ring_birth")}
    shape, keys = tuple(len(values) for values in coordinates.values()), list(product(trained, seeds, planes, losses))
    values: dict[str, Any] = {}
    for names, padded in ((_NUMBERS, ()), (_PAIRS, ("pair",)), (_RINGS, ("ring",))):
        for name in names:
            size = sizes[padded[0]] if padded else 1
            rows = [_row(found[key][name] if key in found else np.nan, size) for key in keys]
            values[name] = np.reshape(rows, (*shape, *(sizes[dim] for dim in padded)))
    attributes = {"filtration": "vertices", "threshold": threshold, "quantile": quantile}
    return FILE.dataset(values | coordinates, attributes=attributes)


def _measure(surface: xr.Dataset, loss: str, threshold: float, quantile: float) -> dict[str, Any]:
    """All variables of one loss on one surface."""
    values = surface["value"].sel(loss=loss).transpose("alpha", "beta").values
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {name: np.nan for name in _NUMBERS} | {name: np.empty(0) for name in (*_PAIRS, *_RINGS)}
    minimum = _minimum(surface, loss)
    extent = float(np.quantile(finite, quantile, method="higher") - finite.min())
    bound = float(surface["resolution"].sel(loss=loss)) if "resolution" in surface else 0.0
    threshold = max(threshold * extent, 2.0 * bound)
    tree = topology.join_tree(values).pruned(threshold)
    rings = topology.persistence(values)[1]
    rings = rings[rings[:, 1] - rings[:, 0] > threshold]
    rings = rings[np.argsort(rings[:, 0] - rings[:, 1], kind="stable")]
    smad = tree.mean_height()
    return {
        "minima": len(tree),
        "minima_inside": int((~topology.on_boundary(tree.minimum, values.shape)).sum()),
        "minima_diagonal": len(topology.join_tree(values, diagonal=True).pruned(threshold)),
        "rings": len(rings),
        "smad": smad,
        "smad_relative": smad / extent if extent > 0 else np.nan,
        "extent": extent,
        "threshold": threshold,
        "birth": tree.birth - minimum,
        "death": tree.death - minimum,
        "parent": tree.parent,
        "ring_birth": rings[:, 0] - minimum,
        "ring_death": rings[:, 1] - minimum,
        **_coordinates(surface, "minimum", tree.minimum),
        **_coordinates(surface, "saddle", tree.saddle),
    }


def _minimum(surface: xr.Dataset, loss: str) -> float:
    """The minimum of a loss: 0 for squares; for the energy, that of the exact solution or, if unknown, of the surface."""
    known = float(surface["energy_minimum"]) if loss == DEEP_RITZ.name else 0.0
    return known if np.isfinite(known) else float(surface["value"].sel(loss=loss).min())


def _coordinates(surface: xr.Dataset, name: str, points: np.ndarray) -> dict[str, np.ndarray]:
    """Coordinates of the points with grid indices (k, 2); NaN where the indices are -1."""
    axes = (surface["alpha"].values, surface["beta"].values)
    there = points[:, 0] >= 0
    return {
        f"{name}_{axis}": np.where(there, values[points[:, k]], np.nan)
        for k, (axis, values) in enumerate(zip(("alpha", "beta"), axes, strict=True))
    }


def _row(values: Any, size: int) -> np.ndarray:
    """Values (size,), padded with NaN."""
    row = np.full(size, np.nan)
    row[: min(size, np.size(values))] = values
    return row


def _longest(found: Mapping[Any, Mapping[str, Any]], name: str) -> int:
    return max((len(measured[name]) for measured in found.values()), default=0)
