"""Work that splits: every piece in exactly one shard, and results that come back from parts as they were computed."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from file_cases import variable
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import of

from pinnscape.common.errors import StorageError
from pinnscape.files import unfinished
from pinnscape.files.pieces import Done, Piece, compute, gathered, shard, share
from pinnscape.files.provenance import imports
from pinnscape.techniques.catalog import TECHNIQUES
from pinnscape.training import intrinsic_dimension
from pinnscape.training.runs import Run, Runs

WORKFLOW = Path(__file__).parents[2] / "workflow"
costs = st.lists(st.floats(0.01, 1e6), max_size=40)


def pieces(of: list[float]) -> list[Piece]:
    return [Piece(f"group/{i}", lambda i=i: xr.Dataset({"square": ((), i**2)}), cost) for i, cost in enumerate(of)]


@given(costs, st.integers(1, 60))
def test_every_piece_is_in_exactly_one_shard_in_order(of: list[float], count: int) -> None:
    work = pieces(of)
    assert [piece for i in range(count) for piece in share(work, i, count)] == work


@given(costs, st.integers(1, 60))
def test_no_shard_costs_more_than_the_mean_and_one_piece(of: list[float], count: int) -> None:
    bound = sum(of) / count + max(of, default=0.0)
    for i in range(count):
        assert sum(piece.cost for piece in share(pieces(of), i, count)) <= bound * (1 + 1e-9)


def test_equal_pieces_are_shared_equally() -> None:
    assert [len(share(pieces([1.0] * 12), i, 4)) for i in range(4)] == [3] * 4
    assert [len(share(pieces([1.0] * 2), i, 7)) for i in range(7)] == [0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("index", [-1, 3])
def test_a_shard_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="`index` must be from 0 to 2"):
        share(pieces([1.0]), index, 3)


def everything() -> xr.Dataset:
    """What results are made of: names, flags, counts, empty dimensions, NaN, scalars."""
    return xr.Dataset(
        {
            "value": variable(("name", "point"), [[1.0, np.nan], [-np.inf, 1e-300]], "value"),
            "flag": ("point", [True, False]),
            "small": ("point", np.array([1, -1], dtype="int8")),
            "none": (("name", "nothing"), np.empty((2, 0))),
            "scalar": variable((), 0.1, "scalar"),
        },
        {"name": ["deep-ritz", "é"], "point": variable("point", [3, 5], "index")},
        {"method": "grid", "count": 3, "fraction": 0.25, "reason": ""},
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_give_back_what_was_computed(tmp_path: Path, count: int) -> None:
    work = [
        Piece("a/first", everything),
        Piece("a/second", lambda: xr.Dataset({"x": ("p", np.arange(3.0))})),
        Piece("b", everything),
    ]
    paths = [tmp_path / f"{i}-of-{count}.nc" for i in range(1, count + 1)]
    for i, path in enumerate(paths, 1):
        with pytest.raises(Done):
            shard(path, f"{i}-of-{count}")(work)
    found, expected = gathered(paths)(work), compute(work)
    assert set(found) == set(expected)
    for name, result in expected.items():
        assert found[name].identical(result)
        for key, values in result.variables.items():
            assert found[name][key].dtype.kind == values.dtype.kind or values.dtype.kind == "U", key
            assert not found[name][key].encoding, "how a part is stored would show in the file that is made of it"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}


def test_a_part_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    path, work = tmp_path / "1-of-1.nc", pieces([1.0, 1.0])
    unfinished.write(path, compute(work[:1]), "Part of a shard", {})
    with pytest.raises(StorageError, match=r"no part holds group/1; delete this folder"):
        gathered([path])(work)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        StorageError, match=r"1-of-1\.nc: not a readable part of a shard \(not a readable NetCDF file \(truncated"
    ):
        gathered([path])(work)
    with pytest.raises(StorageError, match=r"2-of-2\.nc: no such file; run `snakemake` again"):
        gathered([tmp_path / "2-of-2.nc"])(work)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        unfinished.write(tmp_path / "file" / "1-of-1.nc", {}, "Part of a shard", {})


SETTINGS = of("intrinsic_dimension", dimensions=(2, 5), bases=1, steps=3, history_size=5, levels=(0.1,))


@pytest.mark.parametrize("count", [3, 7])
def test_runs_that_are_measured_in_shards_make_the_same_dataset(tmp_path: Path, count: int) -> None:
    whole = tiny("poisson1d", seeds=2)
    expected = intrinsic_dimension.dataset(whole, SETTINGS)
    paths = [tmp_path / f"{i}-of-{count}.nc" for i in range(1, count + 1)]
    for i, path in enumerate(paths, 1):
        with pytest.raises(Done):
            intrinsic_dimension.dataset(Runs(whole.discretization, whole.all, shard(path, f"{i}-of-{count}")), SETTINGS)
    joined = Runs(whole.discretization, whole.all, gathered(paths))
    assert intrinsic_dimension.dataset(joined, SETTINGS).identical(expected)


def test_the_runs_of_one_seed_are_neighbours() -> None:
    whole, seen = tiny("poisson1d", seeds=2), []

    def measure(run: Run) -> xr.Dataset:
        seen.append((run.trained_on, run.seed))
        return xr.Dataset({"seed_again": ((), run.seed)})

    found = whole.collect(measure)
    assert [seed for _, seed in seen] == [0, 0, 0, 1, 1, 1]
    assert found["seed_again"].transpose("trained_on", "seed").values.tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("name", TECHNIQUES)
def test_the_list_of_techniques_says_truly_which_ones_split(name: str) -> None:
    path = WORKFLOW / "pinnscape" / "techniques" / f"{name}.py"
    text = "".join(file.read_text(encoding="utf-8") for file in imports(path, (WORKFLOW,)) if file.name.startswith(name))
    assert TECHNIQUES[name].splits == ("runs.collect(" in text)
