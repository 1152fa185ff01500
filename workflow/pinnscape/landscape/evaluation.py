"""Evaluation of a slice in independent pieces: by spectral interpolation, or at every grid point if that does not converge.

The interpolation of a plane is one piece, because each grid depends on the previous one; so is the interpolation of each line
of a bundle. Points of a grid that is evaluated point by point are divided into blocks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.measured import Measurement
from pinnscape.files.pieces import Piece, Results
from pinnscape.landscape import resampling
from pinnscape.landscape.chebyshev import Domain, Interpolant
from pinnscape.landscape.spectral import Result, interpolate
from pinnscape.landscape.surfaces import Slice

# A plane that needs more nodes than this has structure that the stored grid does not resolve either.
_MOST_NODES = 10_000
# Second entry of the seeds of the random points.
_STREAM = 3
# Maximum number of blocks of a grid; more blocks would only add groups to the files of shards.
_BLOCKS = 64
# Typical number of points that an interpolation evaluates, used as the cost of a piece.
_PLANE, _LINE = 2000, 100
_EACH = ("range", "tail", "misfit", "bound", "converged", "anchor")  # results of an interpolation that have one entry per field

Measured = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class SliceEvaluation:
    """A slice, its grid, and how it is evaluated.

    Attributes:
        slice_: slice with one direction for each axis of a plane, or for each line of a bundle.
        axes: xarray coordinates of the stored grid, as returned by ``files.coordinates``.
        points: coordinates (..., k) of the points of the stored grid.
        tolerance: tolerance of a spectral surface, relative to its range; with 0, every grid point is evaluated.
        seed: seed of the random points at which interpolants are checked.
        name: name of the group of the pieces.
    """

    slice_: Slice
    axes: Mapping[str, Any]
    points: np.ndarray
    tolerance: float
    seed: int
    name: str = "slice"

    def pieces(self) -> list[Piece]:
        """The pieces to compute. If the interpolation of a plane does not converge, its piece evaluates the grid too."""
        if self._is_plane and self.tolerance:
            return [Piece(f"{self.name}/plane", self._plane, _PLANE)]
        blocks = [Piece(name, partial(self._block, rows), rows.stop - rows.start) for name, rows in self._blocks.items()]
        return [*blocks, *(Piece(name, line, _LINE) for name, line in self._lines.items())]

    def measured(self, found: Results) -> tuple[Measured, dict[str, Any], dict[str, Any]]:
        """Combine the results of the pieces.

        Returns:
            The measurements on the stored grid; further variables of the file; and the attributes ``method`` (``chebyshev`` or
            ``grid``) and, if the spectral interpolation did not converge, ``reason``. Measurements on a plane are values of the
            interpolant. Measurements on lines are evaluated point by point, because roughness and convexity are computed from
            their differences.
        """
        family = self.slice_.family
        norm, names = family.norms[0], family.fields
        if not (self._is_plane and self.tolerance):
            grid = self._grid([found[name] for name in self._blocks])
            if not self.tolerance:
                return grid, {}, {"method": "grid"}
            results = [unpacked(found[name]) for name in self._lines]
            return grid, resampling.line_variables(results, norm, names), _method(results)
        piece = found[f"{self.name}/plane"]
        result = unpacked(piece)
        method = _method([result])
        if method["method"] == "grid":
            return self._grid([piece]), {}, method
        axes = [axis[1] for axis in self.axes.values()]
        values = resampling.anchored(result.interpolant.on_grid(*axes), axes, result.anchor)
        measured = resampling.measurements(values, names, family.energy_minimum, norm)
        if family.measures:  # not smooth, and hence evaluated at every grid point
            grid = self._grid([piece])
            measured |= {name: grid[name] for name in family.measures}
        return measured, resampling.plane_variables(result, norm, names), method

    @property
    def _is_plane(self) -> bool:
        return "line" not in self.axes

    @property
    def _flat(self) -> np.ndarray:
        return self.points.reshape(-1, self.points.shape[-1])

    @property
    def _blocks(self) -> dict[str, slice]:
        """Row ranges of the flat grid. Each contains whole chunks, so that chunks do not depend on the number of jobs."""
        count, chunk = len(self._flat), self.slice_.family.batch
        size = chunk * -(-count // (chunk * _BLOCKS))
        return {f"{self.name}/points-{start}": slice(start, min(start + size, count)) for start in range(0, count, size)}

    @property
    def _lines(self) -> dict[str, Callable[[], xr.Dataset]]:
        if not self.tolerance:
            return {}
        return {f"{self.name}/line-{i}": partial(self._line, i) for i in range(len(self.slice_.directions))}

    def _block(self, rows: slice, what: Measurement = "all") -> xr.Dataset:
        return xr.Dataset({name: ("point", values) for name, values in self.slice_.measure(self._flat[rows], what).items()})

    def _line(self, index: int) -> xr.Dataset:
        alpha = self.axes["alpha"][1]
        domain = ((alpha[0], alpha[-1]),)
        seed, line = [self.seed, _STREAM, index], self.slice_.line(index)
        return packed(interpolate(line.fields, domain, self.tolerance, seed, anchor=_origin(domain)))

    def _plane(self) -> xr.Dataset:
        ends = tuple((axis[1][0], axis[1][-1]) for axis in self.axes.values())
        seed = [self.seed, _STREAM]
        result = interpolate(self.slice_.fields, ends, self.tolerance, seed, most=_MOST_NODES, anchor=_origin(ends))
        if result.converged.all() and not self.slice_.family.measures:
            return packed(result)
        return packed(result).merge(self._block(slice(None), "measures" if result.converged.all() else "all"))

    def _grid(self, blocks: list[xr.Dataset]) -> Measured:
        """Measurements of the blocks, concatenated and reshaped to the grid."""
        names = [name for name, values in blocks[0].data_vars.items() if values.dims == ("point",)]
        shape = self.points.shape[:-1]
        return {str(name): np.concatenate([block[name].values for block in blocks]).reshape(shape) for name in names}


def _origin(domain: Domain) -> tuple[float, ...] | None:
    """Coordinates of the trained point if the domain contains it, otherwise None."""
    return (0.0,) * len(domain) if all(low <= 0.0 <= high for low, high in domain) else None


def packed(result: Result) -> xr.Dataset:
    """The result of an interpolation as a dataset that can be stored."""
    degrees = [f"degree_{axis}" for axis in range(result.interpolant.dimension)]
    each = {name: ("field", getattr(result, name)) for name in _EACH}
    return xr.Dataset({
        "coefficient": (("field", *degrees), np.ascontiguousarray(result.interpolant.coefficients)),
        "domain": (("axis", "end"), np.array(result.interpolant.domain)),
        "reason": ("field", list(result.reason)),
        "evaluations": ((), result.evaluations),
        **each,
    })  # fmt: skip


def unpacked(dataset: xr.Dataset) -> Result:
    """The inverse of ``packed``."""
    domain = tuple((low, high) for low, high in dataset["domain"].values.tolist())
    each = {name: dataset[name].values for name in _EACH}
    reason = tuple(str(text) for text in dataset["reason"].values)
    interpolant = Interpolant(domain, dataset["coefficient"].values)
    return Result(interpolant, reason=reason, evaluations=int(dataset["evaluations"]), **each)


def _method(results: list[Result]) -> dict[str, str]:
    """Attributes of the file; the method is spectral only if all fields, and all lines, have converged."""
    reasons = [reason for result in results for reason in result.reason if reason]
    if not reasons:
        return {"method": "chebyshev"}
    which = f"{sum(not result.converged.all() for result in results)} of {len(results)} lines: " if len(results) > 1 else ""
    return {"method": "grid", "reason": f"{which}{reasons[0]}"}
