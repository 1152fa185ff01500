"""Comparison of recomputed files with known ones: equal byte for byte, within a tolerance, or different."""

import csv
import filecmp
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

TOLERANCE = 1e-10


class Verdict(Enum):
    """How well a file is reproduced."""

    IDENTICAL = "byte for byte"
    CLOSE = "within the tolerance"
    DIFFERENT = "not reproduced"


@dataclass(frozen=True)
class Comparison:
    """The result of comparing two files.

    Attributes:
        verdict: how well the file is reproduced.
        largest: largest difference of numbers, see ``distance``; infinite if something cannot be compared.
        where: variable or line of the largest difference, or the reason why the files cannot be compared.
        notes: attributes that differ, which do not affect the verdict.
    """

    verdict: Verdict
    largest: float = 0.0
    where: str = ""
    notes: tuple[str, ...] = ()


def compare(known: Path, fresh: Path, tolerance: float = TOLERANCE) -> Comparison:
    """Compare two NetCDF or CSV files.

    Args:
        known: the file that should be reproduced.
        fresh: the recomputed file.
        tolerance: bound for the largest difference in a variable or in a table, see ``distance``.
    """
    if not fresh.is_file():
        return Comparison(Verdict.DIFFERENT, math.inf, "was not made")
    if filecmp.cmp(known, fresh, shallow=False):
        return Comparison(Verdict.IDENTICAL)
    try:
        if known.suffix == ".csv":
            differences, notes = list(_tables(known, fresh)), ()
        else:
            differences, notes = _datasets(known, fresh)
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        return Comparison(Verdict.DIFFERENT, math.inf, f"cannot be read ({error})")
    largest, where = max([(0.0, ""), *differences], key=lambda difference: difference[0])
    return Comparison(Verdict.CLOSE if largest <= tolerance else Verdict.DIFFERENT, largest, where, tuple(notes))


def distance(known: Any, fresh: Any) -> float:
    """Max |a − b| / max(1, max |a|), an absolute difference for small numbers and a relative difference for large ones.

    NaN equals NaN, and equal infinities are equal. The distance is infinite if only one of two numbers is finite, if texts
    differ, or if shapes differ.

    Args:
        known: numbers or text, a.
        fresh: numbers or text, b.
    """
    a, b = np.asarray(known), np.asarray(fresh)
    if a.shape != b.shape:
        return math.inf
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(a, b) else math.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    unequal = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not unequal.any():
        return 0.0
    if not (np.isfinite(a[unequal]) & np.isfinite(b[unequal])).all():
        return math.inf
    scale = max(1.0, np.abs(a[np.isfinite(a)]).max())
    return float(np.abs(a[unequal] / scale - b[unequal] / scale).max())  # divided first, as the difference may overflow


def verdicts(known: Path, fresh: Path) -> tuple[int, int]:
    """Number of lines of a claims.csv with the same verdict in another claims.csv, and number of all lines."""
    a, b = _verdicts(known), _verdicts(fresh) if fresh.is_file() else {}
    return sum(verdict == b.get(claim) for claim, verdict in a.items()), len(a)


def _verdicts(path: Path) -> dict[tuple[str, ...], str]:
    names = ("claim", "case", "trained_on", "statistic")
    with path.open(newline="", encoding="utf-8") as file:
        return {tuple(row.get(name, "") for name in names): row.get("verdict", "") for row in csv.DictReader(file)}


def _datasets(known: Path, fresh: Path) -> tuple[list[tuple[float, str]], list[str]]:
    """Differences of variables, and names of attributes that differ."""
    raw = {"engine": "netcdf4", "decode_cf": False}
    with xr.open_dataset(known, **raw) as a, xr.open_dataset(fresh, **raw) as b:
        differences = [
            (_of_variables(a, b, str(name)), f"variable {name}") for name in sorted({*a.variables, *b.variables}, key=str)
        ]
        notes = _of_attributes("", a.attrs, b.attrs)
        for name in sorted({*a.variables} & {*b.variables}, key=str):
            notes += _of_attributes(f"{name}.", a[name].attrs, b[name].attrs)
    return differences, notes


def _of_variables(a: xr.Dataset, b: xr.Dataset, name: str) -> float:
    if name not in a.variables or name not in b.variables or a[name].dims != b[name].dims:
        return math.inf
    return distance(a[name].values, b[name].values)


def _of_attributes(owner: str, a: dict[Any, Any], b: dict[Any, Any]) -> list[str]:
    names = sorted({*a, *b}, key=str)
    return [f"{owner}{name}" for name in names if name not in a or name not in b or distance(a[name], b[name]) > 0]


def _tables(known: Path, fresh: Path) -> Iterator[tuple[float, str]]:
    """Differences of the cells of two tables. Numbers are compared one by one, as the scales within a column differ."""
    with known.open(newline="", encoding="utf-8") as first, fresh.open(newline="", encoding="utf-8") as second:
        header: list[str] = []
        for number, (a, b) in enumerate(zip_longest(csv.reader(first), csv.reader(second)), 1):
            header = header or a or []
            if a is None or b is None or len(a) != len(b):
                yield math.inf, f"line {number}"
                return
            for column, x, y in zip_longest(header, a, b):
                if x != y:
                    labels = ", ".join(cell for cell in a if not _is_number(cell))
                    yield _of_cells(x, y), f"line {number}, {column} ({labels})"


def _of_cells(a: str, b: str) -> float:
    return distance(float(a), float(b)) if _is_number(a) and _is_number(b) else math.inf


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
