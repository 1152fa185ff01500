"""Comparison of files: byte for byte, within a tolerance, or not."""

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from runtime.reproduction import Comparison, Verdict, compare, distance, verdicts

NAN, INF = math.nan, math.inf
TABLE = "problem,metric,value,low\npoisson1d,loss,-1.5,\npoisson1d,condition_number,4000000000.0,inf\n"


def dataset() -> xr.Dataset:
    return xr.Dataset(
        {
            "loss": ("step", np.array([2.0, NAN, -INF, 1e-3])),
            "eigenvalue": ("step", np.array([4e8, 3.0, 2.0, -1e-4])),
            "count": ("step", np.array([1, 2, 3, 4])),
            "name": ("step", np.array(["init", "middle", "best", "final"])),
            "trace": ((), 0.5),
        },
        attrs={"versions": '{"numpy": "1"}', "seed": 3, "flags": np.arange(2)},
    )


def store(folder: Path, name: str, data: xr.Dataset) -> Path:
    data.to_netcdf(folder / f"{name}.nc", engine="netcdf4")
    return folder / f"{name}.nc"


def compared(folder: Path, data: xr.Dataset, **more) -> Comparison:
    return compare(store(folder, "known", dataset()), store(folder, "fresh", data), **more)


def with_entry(name: str, index: int, value: float) -> xr.Dataset:
    data = dataset()
    data[name].values[index] = value
    return data


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, NAN, INF], [1.0, NAN, INF], 0.0),
        ([], [], 0.0),
        ([0.5], [0.75], 0.25),  # absolute below 1
        ([100.0, 1.0], [100.0, 2.0], 0.01),  # relative to the largest above
        ([-100.0, 1.0], [-100.0, 2.0], 0.01),
        ([100.0, NAN, 1.0], [100.0, NAN, 2.0], 0.01),
        ([NAN], [1.0], INF),
        ([1.0], [NAN], INF),
        ([INF], [-INF], INF),
        ([INF, 1.0], [INF, 1.5], 0.5),
        ([1e308], [-1e308], 2.0),
        ([3], [4], 1 / 3),
        (np.array([0], "uint8"), np.array([1], "uint8"), 1.0),
        ([True], [False], 1.0),
        (["a", "b"], ["a", "b"], 0.0),
        (["a"], ["b"], INF),
        (["1"], [1], INF),
        ([1.0], [1.0, 1.0], INF),
        (1.0, 1.0 + 2**-52, 2**-52),
    ],
)
def test_the_distance_of_numbers(a, b, expected):
    assert distance(a, b) == pytest.approx(expected, rel=1e-12)


FLOATS = st.lists(st.floats(-1e100, 1e100, allow_nan=False), min_size=1, max_size=6)


@given(FLOATS, st.floats(0, 1e-8), st.data())
def test_a_perturbation_is_measured_relative_to_the_largest_or_to_one(values, size, data):
    index = data.draw(st.integers(0, len(values) - 1))
    scale = max(1.0, *map(abs, values))
    fresh = list(values)
    fresh[index] += size * scale
    assert distance(values, values) == 0.0
    assert distance(values, fresh) == pytest.approx(size, abs=1e-15)


# ---- NetCDF ----


def test_a_copy_is_reproduced_byte_for_byte(tmp_path):
    assert compared(tmp_path, dataset()) == Comparison(Verdict.IDENTICAL)


@pytest.mark.parametrize(
    ("name", "index", "value", "verdict", "largest"),
    [
        ("loss", 0, 2.0 + 1e-12, Verdict.CLOSE, 5e-13),
        ("loss", 0, 2.0 + 1e-9, Verdict.DIFFERENT, 5e-10),
        ("loss", 1, 0.0, Verdict.DIFFERENT, INF),
        ("loss", 3, NAN, Verdict.DIFFERENT, INF),
        ("loss", 2, INF, Verdict.DIFFERENT, INF),
        ("eigenvalue", 3, -1e-4 + 1e-3, Verdict.CLOSE, 1e-3 / 4e8),
        ("eigenvalue", 3, -1e-4 + 1.0, Verdict.DIFFERENT, 1 / 4e8),
        ("count", 3, 5, Verdict.DIFFERENT, 0.25),
    ],
)
def test_a_number_that_changes_is_found_with_its_variable(tmp_path, name, index, value, verdict, largest):
    found = compared(tmp_path, with_entry(name, index, value))
    assert (found.verdict, found.where) == (verdict, f"variable {name}")
    assert found.largest == pytest.approx(largest, rel=1e-3)
    assert found.notes == ()


def test_the_tolerance_is_a_choice(tmp_path):
    data = with_entry("loss", 0, 2.0 + 1e-9)
    assert compared(tmp_path, data, tolerance=1e-8).verdict is Verdict.CLOSE


def test_the_largest_of_several_differences_is_told(tmp_path):
    data = with_entry("loss", 0, 2.0 + 1e-12)
    data["trace"] = 0.5 + 1e-6
    found = compared(tmp_path, data)
    assert (found.verdict, found.where, found.largest) == (Verdict.DIFFERENT, "variable trace", pytest.approx(1e-6))


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        (lambda data: data.drop_vars("trace"), "trace"),
        (lambda data: data.assign(new=0.0), "new"),
        (lambda data: data.assign(name=("step", np.array(["init", "middle", "best", "last"]))), "name"),
        (lambda data: data.assign(trace=("axis", [0.5, 0.5])), "trace"),
        (lambda data: data.assign(loss=data["loss"].rename(step="other")), "loss"),
    ],
)
def test_variables_that_cannot_be_compared_are_not_reproduced(tmp_path, change, variable):
    found = compared(tmp_path, change(dataset()))
    assert (found.verdict, found.where, found.largest) == (Verdict.DIFFERENT, f"variable {variable}", INF)


def test_attributes_are_told_and_do_not_count(tmp_path):
    data = dataset().assign_attrs(versions='{"numpy": "2"}', flags=np.arange(3), new="x")
    data["loss"].attrs["units"] = "1"
    found = compared(tmp_path, data)
    assert (found.verdict, found.largest) == (Verdict.CLOSE, 0.0)
    assert found.notes == ("flags", "new", "versions", "loss.units")


def test_a_file_that_is_missing_or_damaged_is_not_reproduced(tmp_path):
    known = store(tmp_path, "known", dataset())
    assert compare(known, tmp_path / "none.nc") == Comparison(Verdict.DIFFERENT, INF, "was not made")
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(known.read_bytes()[:3000])
    found = compare(known, damaged)
    assert found.verdict is Verdict.DIFFERENT
    assert "cannot be read" in found.where


# ---- tables ----


def tables(folder: Path, text: str) -> Comparison:
    (folder / "known.csv").write_text(TABLE)
    (folder / "fresh.csv").write_text(text)
    return compare(folder / "known.csv", folder / "fresh.csv")


@pytest.mark.parametrize(
    ("old", "new", "verdict", "largest", "where"),
    [
        ("-1.5,", "-1.50,", Verdict.CLOSE, 0.0, ""),
        ("-1.5", "-1.500000000003", Verdict.CLOSE, 2e-12, "line 2, value (poisson1d, loss, )"),
        ("-1.5", "-1.5001", Verdict.DIFFERENT, 1e-4 / 1.5, "line 2, value (poisson1d, loss, )"),
        ("4000000000.0", "4000000000.1", Verdict.CLOSE, 2.5e-11, "line 3, value (poisson1d, condition_number)"),
        ("4000000000.0", "4000000001.0", Verdict.DIFFERENT, 2.5e-10, "line 3, value (poisson1d, condition_number)"),
        ("-1.5,\n", "-1.5,0.0\n", Verdict.DIFFERENT, INF, "line 2, low (poisson1d, loss, )"),
        ("inf", "-inf", Verdict.DIFFERENT, INF, "line 3, low (poisson1d, condition_number)"),
        ("loss", "gap", Verdict.DIFFERENT, INF, "line 2, metric (poisson1d, loss, )"),
        ("value", "number", Verdict.DIFFERENT, INF, "line 1, value (problem, metric, value, low)"),
        ("poisson1d,condition_number,4000000000.0,inf\n", "", Verdict.DIFFERENT, INF, "line 3"),
        ("inf\n", "inf\na,b,1.0,\n", Verdict.DIFFERENT, INF, "line 4"),
        ("inf\n", "inf,1.0\n", Verdict.DIFFERENT, INF, "line 3"),
    ],
)
def test_a_cell_that_changes_is_found_with_its_line(tmp_path, old, new, verdict, largest, where):
    assert TABLE.count(old) == 1
    found = tables(tmp_path, TABLE.replace(old, new))
    assert (found.verdict, found.where) == (verdict, where)
    assert found.largest == pytest.approx(largest, rel=1e-3)


def test_the_size_of_one_number_does_not_hide_another(tmp_path):
    # Relative to the largest of its column, 4e9, this difference would vanish.
    assert tables(tmp_path, TABLE.replace("-1.5", "-1.4")).verdict is Verdict.DIFFERENT


CLAIMS = "claim,case,trained_on,statistic,value,verdict\nsmooth,a,b,c,1.0,holds\nsmooth,a,b,d,2.0,mixed\nalike,a,b,c,,holds\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.0", "1.1", (3, 3)),  # another number, the same conclusion
        ("mixed", "holds", (2, 3)),
        ("smooth,a,b,c,1.0,holds\nsmooth,a,b,d,2.0,mixed\n", "smooth,a,b,d,2.0,mixed\nsmooth,a,b,c,1.0,holds\n", (3, 3)),
        ("alike,a,b,c,,holds\n", "", (2, 3)),
        ("alike,a,b,c", "alike,z,b,c", (2, 3)),
    ],
)
def test_verdicts_are_compared_claim_by_claim(tmp_path, old, new, expected):
    (tmp_path / "known.csv").write_text(CLAIMS)
    (tmp_path / "fresh.csv").write_text(CLAIMS.replace(old, new))
    assert verdicts(tmp_path / "known.csv", tmp_path / "fresh.csv") == expected
    assert verdicts(tmp_path / "known.csv", tmp_path / "none.csv") == (0, 3)
