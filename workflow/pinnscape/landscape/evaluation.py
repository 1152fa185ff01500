"""The measurement of a slice, spectral where that converges and else on every point of a grid, in pieces that do not depend on each other.

A plane's interpolation is one piece, because each of its grids follows from the one before, and so is that of each line of a bundle. The points of a
plain grid come in blocks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.files.pieces import Piece, Results
from pinnscape.landscape import resampling
from pinnscape.landscape.chebyshev import Domain, Interpolant
from pinnscape.landscape.spectral import Result, interpolate
from pinnscape.landscape.surfaces import Slice, chunk_size

# A plane that needs more nodes than this has structure that its grid does not show either.
_MOST_NODES = 10_000
# Second entry of the seeds of the random points.
_STREAM = 3
# Blocks of a plain grid, at most: more would only make more groups in the parts of shards.
_BLOCKS = 64
# Points that interpolations typically take: the costs of pieces.
_PLANE, _LINE = 2000, 100
_EACH = ("range", "tail", "misfit", "bound", "converged", "anchor")  # of an interpolation, one for each field

Measured = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class SliceEvaluation:
    """A slice, and where and how it is measured.

    Attributes:
        slice_: with one direction for each axis of a plane, or one for each line of a bundle.
        axes: coordinates of the stored grid, as ``files.coordinates`` gives them.
        points: the same as coordinates (..., k).
        tolerance: of a spectral surface, relative to its range; 0 for the plain grid.
        seed: of the random points at which interpolants are checked.
        name: group of the pieces.
    """

    slice_: Slice
    axes: Mapping[str, Any]
    points: np.ndarray
    tolerance: float
    seed: int
    name: str = "slice"

    def pieces(self) -> list[Piece]:
        """What is to be computed. Where a plane does not converge, its piece has the grid too: only then is it known that it is needed."""
        if self._is_plane and self.tolerance:
            return [Piece(f"{self.name}/plane", self._plane, _PLANE)]
        blocks = [Piece(name, partial(self._block, rows), rows.stop - rows.start) for name, rows in self._blocks.items()]
        return [*blocks, *(Piece(name, line, _LINE) for name, line in self._lines.items())]

    def measured(self, found: Results) -> tuple[Measured, dict[str, Any], dict[str, Any]]:
        """What the results of the pieces amount to.

        Returns:
            The measurements on the stored grid; further variables of the file; attributes: ``method`` (``chebyshev`` or ``grid``) and, where
            a spectral surface was tried in vain, ``reason``. A plane's measurements come from its interpolant. Those of lines are evaluated point by
            point, because roughness and convexity are read off their differences.
        """
        norm = self.slice_.discretization.norms[0]
        if not (self._is_plane and self.tolerance):
            grid = self._grid([found[name] for name in self._blocks])
            if not self.tolerance:
                return grid, {}, {"method": "grid"}
            results = [unpacked(found[name]) for name in self._lines]
            return grid, resampling.line_variables(results, norm), _method(results)
        piece = found[f"{self.name}/plane"]
        result = unpacked(piece)
        method = _method([result])
        if method["method"] == "grid":
            return self._grid([piece]), {}, method
        axes = [axis[1] for axis in self.axes.values()]
        values = resampling.anchored(result.interpolant.on_grid(*axes), axes, result.anchor)
        measured = resampling.measurements(values, self.slice_.discretization.energy_minimum, norm)
        return measured, resampling.plane_variables(result, norm), method

    @property
    def _is_plane(self) -> bool:
        return "line" not in self.axes

    @property
    def _flat(self) -> np.ndarray:
        return self.points.reshape(-1, self.points.shape[-1])

    @property
    def _blocks(self) -> dict[str, slice]:
        """Rows of the flat grid, whole chunks each, so that what is evaluated together is the same in one job or in many."""
        count, chunk = len(self._flat), chunk_size(self.slice_.discretization)
        size = chunk * -(-count // (chunk * _BLOCKS))
        return {f"{self.name}/points-{start}": slice(start, min(start + size, count)) for start in range(0, count, size)}

    @property
    def _lines(self) -> dict[str, Callable[[], xr.Dataset]]:
        if not self.tolerance:
            return {}
        return {f"{self.name}/line-{i}": partial(self._line, i) for i in range(len(self.slice_.directions))}

    def _block(self, rows: slice) -> xr.Dataset:
        return xr.Dataset({name: ("point", values) for name, values in self.slice_.measure(self._flat[rows]).items()})

    def _line(self, index: int) -> xr.Dataset:
        alpha = self.axes["alpha"][1]
        domain = ((alpha[0], alpha[-1]),)
        seed, line = [self.seed, _STREAM, index], self.slice_.line(index)
        return packed(interpolate(line.fields, domain, self.tolerance, seed, anchor=_origin(domain)))

    def _plane(self) -> xr.Dataset:
        ends = tuple((axis[1][0], axis[1][-1]) for axis in self.axes.values())
        seed = [self.seed, _STREAM]
        result = interpolate(self.slice_.fields, ends, self.tolerance, seed, most=_MOST_NODES, anchor=_origin(ends))
        return packed(result) if result.converged.all() else packed(result).merge(self._block(slice(None)))

    def _grid(self, blocks: list[xr.Dataset]) -> Measured:
        """Measurements at the flat points, with the shape of the grid."""
        names = [name for name, values in blocks[0].data_vars.items() if values.dims == ("point",)]
        shape = self.points.shape[:-1]
        return {str(name): np.concatenate([block[name].values for block in blocks]).reshape(shape) for name in names}


def _origin(domain: Domain) -> tuple[float, ...] | None:
    """The trained point, where it is in the domain."""
    return (0.0,) * len(domain) if all(low <= 0.0 <= high for low, high in domain) else None


def packed(result: Result) -> xr.Dataset:
    """An interpolation as a dataset, which a file can hold."""
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
    """Attributes of the file: spectral only where all fields (and all lines) have converged."""
    reasons = [reason for result in results for reason in result.reason if reason]
    if not reasons:
        return {"method": "chebyshev"}
    which = f"{sum(not result.converged.all() for result in results)} of {len(results)} lines: " if len(results) > 1 else ""
    return {"method": "grid", "reason": f"{which}{reasons[0]}"}
