"""A slice that is measured in pieces, whoever computes them, is the slice that is measured at once."""

import numpy as np
import pytest
import xarray as xr
from cases import initial, small

from pinnscape.config.sections import PlaneGrid
from pinnscape.files.pieces import Done, compute, gathered, shard, share
from pinnscape.landscape import directions, evaluation, files
from pinnscape.landscape.evaluation import SliceEvaluation, packed, unpacked
from pinnscape.landscape.spectral import interpolate
from pinnscape.landscape.surfaces import Slice
from pinnscape.losses import assembly
from pinnscape.losses.objective import tensor


@pytest.fixture(autouse=True)
def chunks_of_some_points(monkeypatch):
    """Small problems would be one chunk, and so one block."""
    monkeypatch.setattr(assembly, "_CHUNK_BYTES", 100_000)


def made(kind: str, tolerance: float, grid: dict, problem: str = "poisson1d") -> SliceEvaluation:
    discretized = small(problem)
    origin = initial(discretized)
    rows = directions.random(origin, discretized.network.layout, 3 if kind == "lines" else 2, 0, "filter", "row")
    bundle = xr.Dataset({"direction": (("line", "parameter"), rows)}, attrs={"kind": kind, "axis_unit": "filter norms"})
    axes, points = files.coordinates(kind, bundle, PlaneGrid(tolerance=tolerance, **grid))
    return SliceEvaluation(Slice(discretized, tensor(origin), tensor(rows)), axes, points, tolerance, 0, f"deep-ritz/{kind}")


CASES = {
    "lines": ("lines", 1e-3, {"radius": 0.5, "line_points": 301}),
    "spectral plane": ("random", 1e-3, {"radius": 0.3, "points": 7}),
    "plain grid": ("random", 0.0, {"radius": 0.3, "points": 31}),
    "plane that falls back": ("random", 1e-14, {"radius": 3.0, "points": 5}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("count", [2, 7])
def test_shards_give_the_same_bits(tmp_path, monkeypatch, case, count):
    if case == "plane that falls back":
        monkeypatch.setattr(evaluation, "_MOST_NODES", 100)
    whole = made(*CASES[case])
    assert (len(whole.pieces()) > 1) == (case in ("lines", "plain grid"))
    measured, variables, method = whole.measured(compute(whole.pieces()))
    assert method["method"] == ("chebyshev" if case in ("lines", "spectral plane") else "grid")
    paths = [tmp_path / f"{i}-of-{count}.nc" for i in range(1, count + 1)]
    for i, path in enumerate(paths, 1):
        with pytest.raises(Done):
            shard(path, f"{i}-of-{count}")(whole.pieces())
    again, more, how = whole.measured(gathered(paths)(whole.pieces()))
    assert how == method
    assert list(again) == list(measured)
    for name, values in measured.items():
        np.testing.assert_array_equal(again[name], values, strict=True)
    assert xr.Dataset(more).identical(xr.Dataset(variables))


def test_blocks_cover_a_plain_grid_once_in_whole_chunks(monkeypatch):
    monkeypatch.setattr(evaluation, "_BLOCKS", 4)
    whole = made("random", 0.0, {"radius": 0.3, "points": 61})
    chunk, pieces = whole.slice_.family.batch, whole.pieces()
    assert 2 <= len(pieces) <= 4
    starts = [int(piece.name.rpartition("-")[2]) for piece in pieces]
    assert all(start % chunk == 0 for start in starts)
    assert np.add.accumulate([0, *(piece.cost for piece in pieces)]).tolist() == [*starts, 61**2]


def test_a_bundle_of_lines_is_shared_evenly():
    whole = made("lines", 1e-3, {"radius": 0.5, "line_points": 301})
    pieces = whole.pieces()
    assert {"deep-ritz/lines/line-0", "deep-ritz/lines/line-1", "deep-ritz/lines/line-2"} <= {piece.name for piece in pieces}
    loads = [sum(piece.cost for piece in share(pieces, i, 3)) for i in range(3)]
    assert max(loads) < sum(loads) / 3 + max(piece.cost for piece in pieces)


@pytest.mark.parametrize("dimension", [1, 2])
def test_an_interpolation_comes_back_from_its_dataset(dimension):
    def function(points):
        return np.stack([np.exp(points.sum(1)), np.abs(points[:, 0] - 0.3)])

    result = interpolate(function, ((-1.0, 1.0),) * dimension, 1e-6, 0, degrees=(8, 16), anchor=[0.1] * dimension)
    again = unpacked(packed(result))
    assert again.converged.tolist() == [True, False]
    assert again.interpolant.domain == result.interpolant.domain
    np.testing.assert_array_equal(again.interpolant.coefficients, result.interpolant.coefficients)
    for name in ("range", "tail", "misfit", "bound", "converged", "anchor"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
    assert (again.reason, again.evaluations) == (result.reason, result.evaluations)
    assert again.reason[1]
