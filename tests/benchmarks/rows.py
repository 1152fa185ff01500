"""What is kept of a benchmark: medians, ratios, and rows of the table."""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np

NAN = float("nan")
Clock = Callable[[], float]  # does something once and tells the seconds


@dataclass(frozen=True)
class Row:
    """One line of benchmarks.csv; what does not apply is NaN or empty.

    Attributes:
        benchmark: what is done.
        ours_seconds, peer_seconds: medians.
        peer: package, or the kind of a number without a peer: ``limit``, ``slope``, ``memory``, ``overhead``.
        peer_version: of the package.
        ratio: the number that ``target`` is about: peer_seconds / ours_seconds, or a slope, GB, seconds.
        target: such as ``>= 5``; empty for a number without one.
        agreement: largest disagreement of the two results.
        allowed: what ``agreement`` must not exceed.
        note: what a reader must know besides.
    """

    benchmark: str
    ours_seconds: float
    peer: str
    peer_version: str
    peer_seconds: float
    ratio: float
    target: str
    agreement: float = NAN
    allowed: float = NAN
    note: str = ""

    @property
    def fast(self) -> bool | None:
        """Whether the ratio meets its target; None without a target."""
        if not self.target:
            return None
        relation, bound = self.target.split()
        return self.ratio >= float(bound) if relation == ">=" else self.ratio <= float(bound)

    @property
    def agrees(self) -> bool | None:
        """Whether the results agree; None where nothing is compared."""
        return None if math.isnan(self.allowed) else self.agreement <= self.allowed


def alternate(ours: Clock, peer: Clock, repeats: int, budget: float = 40.0) -> tuple[float, float]:
    """Median seconds of both, taken in turn so that what else the machine does hits both alike.

    Args:
        ours: does our part once.
        peer: does the peer's.
        repeats: how often, at most.
        budget: seconds after which three times are enough.
    """
    pairs: list[tuple[float, float]] = []
    while len(pairs) < repeats and (len(pairs) < 3 or sum(map(sum, pairs)) < budget):
        pairs.append((ours(), peer()))
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent p of seconds ~ sizeᵖ by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def disagreement(ours: np.ndarray, peer: np.ndarray) -> float:
    """Largest difference, relative to the largest magnitude of the peer's; infinite where a value is not finite."""
    difference = np.abs(ours - peer).max() / np.abs(peer).max()
    return float(difference) if np.isfinite(difference) else math.inf


def relative(ours: np.ndarray, peer: np.ndarray) -> float:
    """Largest difference of two entries, relative to that entry of the peer's; infinite where a value is not finite."""
    difference = np.abs(ours / peer - 1.0).max()
    return float(difference) if np.isfinite(difference) else math.inf


def write(path: Path, rows: Iterable[Row]) -> None:
    """Rows as CSV; numbers with four digits, which is more than timings are good for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _text(value) for key, value in asdict(row).items()})


def read(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return [
            Row(**{f.name: float(r[f.name] or "nan") if f.type is float else r[f.name] for f in fields(Row)})
            for r in csv.DictReader(file)
        ]


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.4g}"
