"""claims.csv: verdicts on claims about loss landscapes, based on the measured numbers.

A verdict follows from a number, its spread over seeds and a threshold in the configuration: a claim *holds* if the number
passes the threshold for every seed, *does not hold* if it passes for none, and is *mixed* otherwise.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pinnscape.config.claims import ClaimSettings, DataDrivenSettings
from pinnscape.tables import names

_OF_BASELINE = ("baseline", "baseline_low", "baseline_high")
COLUMNS = ("claim", "case", "trained_on", "statistic", "value", "low", "high", "threshold", "verdict", *_OF_BASELINE, "reason")
LEFT_OUT = "left out"
_UNKNOWN = (float("nan"), float("nan"), float("nan"))
MEASURED = ("case", "trained_on", "checkpoint", *names.COLUMNS, "value")  # required columns of metrics.csv


@dataclass(frozen=True)
class Test:
    """A statistic of metrics.csv with its threshold; ``{own}`` in ``metric`` stands for the training loss."""

    claim: str
    statistic: str
    metric: str
    threshold: float
    side: Literal["at most", "at least"]
    checkpoint: str = "final"
    technique: str = ""  # that measures it

    def passes(self, values: np.ndarray) -> np.ndarray:
        return values <= self.threshold if self.side == "at most" else values >= self.threshold


def tests(settings: ClaimSettings, planes: Collection[str], techniques: Collection[str]) -> list[Test]:
    """The tests that the section ``claims`` of the configuration defines.

    Args:
        settings: the section ``claims``.
        planes: planes on which the two physics losses are compared.
        techniques: techniques of the study; tests that need other techniques are omitted.
    """
    conditioned, convex, alike = settings.well_conditioned, settings.convex, settings.alike
    radius = convex.radius[0]
    comparisons = [Test("alike", f"spearman[{p}]", f"spearman[{p}]", alike.spearman, "at least") for p in planes]
    return [
        Test("smooth", "variation_largest", "variation_largest[{own}]", settings.smooth.variation, "at most"),
        Test("well conditioned", "lambda_ratio", "lambda_ratio[{own}]", conditioned.ratio, "at most"),
        Test("well conditioned", "share_above", "share_above[{own}]", conditioned.share, "at least"),
        Test("convex near the solution", "negative_share", "negative_share[{own}]", convex.negative_share, "at most"),
        Test("convex near the solution", "negative_ratio", "negative_ratio[{own}]", convex.negative_ratio, "at most"),
        Test(
            "convex near the solution",
            f"convex_share[{radius:g}]",
            f"convex_share[{{own}}, {radius:g}]",
            convex.positive_share,
            "at least",
        ),
        *comparisons,
        Test("alike", "principal_angle_median", "principal_angle_median", alike.angle, "at most"),
        Test("alike", "spectral_distance", "spectral_distance", alike.spectrum, "at most"),
        *_as_data_driven(settings.data_driven, planes, techniques),
    ]


def _as_data_driven(settings: DataDrivenSettings, planes: Collection[str], techniques: Collection[str]) -> Iterator[Test]:
    """Tests for the known properties of landscapes of data-driven problems."""
    yield Test("bulk and outliers", "bulk_share", "bulk_share[{own}]", settings.bulk, "at least")
    if "trajectory" in planes:
        share = settings.explained
        yield Test("low-dimensional training", "explained_variance", "explained_variance[trajectory]", share, "at least")
    if "interpolation" in techniques:
        rise, metric = settings.violation, "monotone_violation_relative"
        yield Test("monotone interpolation", metric, f"{metric}[{{own}}]", rise, "at most", technique="interpolation")
    for technique, path in (("barriers", "aligned"), ("curves", "bezier")):
        if technique in techniques:
            metric = f"barrier_relative[{path}, {{own}}]"
            yield Test(
                "connected minima", f"barrier_relative[{path}]", metric, settings.barrier, "at most", technique=technique
            )
    if "gradient_subspace" in techniques:
        k = settings.subspace
        metric = f"gradient_share_mean[{k}]"
        yield Test("gradient in a tiny subspace", metric, metric, settings.gradient, "at least", technique="gradient_subspace")
    if "intrinsic_dimension" in techniques:
        metric = f"intrinsic_share[{settings.level:g}]"
        yield Test("small intrinsic dimension", metric, metric, settings.intrinsic, "at most", "init", "intrinsic_dimension")


def table(
    metrics: pd.DataFrame,
    settings: ClaimSettings,
    planes: Collection[str],
    techniques: Collection[str] = (),
    left_out: Mapping[str, Mapping[str, str]] | None = None,
    baseline: Sequence[str] = (),
) -> pd.DataFrame:
    """Table of the verdicts; value is the median over seeds, low and high are the smallest and the largest value.

    The columns ``baseline``, ``baseline_low`` and ``baseline_high`` are the same numbers of a data-driven case.

    Args:
        metrics: metrics.csv.
        settings: the section ``claims`` of the configuration.
        planes: planes on which the two physics losses are compared.
        techniques: techniques of the study.
        left_out: reasons for which tests do not apply, by case, and then by technique or claim.
        baseline: name of the data-driven case, and the loss on which it was trained; empty if there is none.
    """
    rows: list[list[Any]] = []
    wanted = tests(settings, planes, techniques)
    reference = _spreads(metrics, wanted, *baseline) if baseline else {}
    for case, own in dict.fromkeys(zip(metrics["case"], metrics["trained_on"], strict=True)):
        group = metrics.query("case == @case and trained_on == @own")
        others = {} if [case] == list(baseline[:1]) else reference
        rows += _rows(case, own, group, wanted, (left_out or {}).get(case, {}), others)
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(
        ["claim", "statistic", "case", "trained_on"], ignore_index=True
    )


def _spreads(
    metrics: pd.DataFrame, wanted: Collection[Test], case: str, trained_on: str
) -> dict[str, tuple[float, float, float]]:
    """Median, smallest and largest value of a case for each test that it has, by claim and statistic."""
    group = metrics.query("case == @case and trained_on == @trained_on")
    return {_key(test): spread(_values(test, trained_on, group)) for test in wanted}


def _key(test: Test) -> str:
    return f"{test.claim}: {test.statistic}"


def _values(test: Test, own: str, group: pd.DataFrame) -> np.ndarray:
    """The values (seed,) of the statistic of a test in the rows of a case and training loss."""
    name = names.columns(test.metric.format(own=own), (own,))
    same = group[list(names.COLUMNS)].eq(list(name), axis="columns").all(axis="columns")
    return group.loc[same & (group["checkpoint"] == test.checkpoint), "value"].to_numpy(dtype=float)


def _rows(
    case: str,
    own: str,
    group: pd.DataFrame,
    wanted: Collection[Test],
    left_out: Mapping[str, str],
    baseline: Mapping[str, tuple[float, float, float]],
) -> Iterator[list[Any]]:
    for test in wanted:
        compared = baseline.get(_key(test), _UNKNOWN)
        reason = left_out.get(test.technique) or left_out.get(test.claim, "")
        if reason:
            yield [test.claim, case, own, test.statistic, *_UNKNOWN, test.threshold, LEFT_OUT, *compared, reason]
            continue
        values = _values(test, own, group)
        yield [test.claim, case, own, test.statistic, *spread(values), test.threshold, verdict(test, values), *compared, ""]


def spread(values: np.ndarray) -> tuple[float, float, float]:
    """Median, smallest and largest value; NaN if there are no values."""
    values = values[~np.isnan(values)]
    if not len(values):
        return _UNKNOWN
    return float(np.median(values)), float(values.min()), float(values.max())


def verdict(test: Test, values: np.ndarray) -> str:
    """``holds``, ``does not hold``, ``mixed``, or ``not measured`` if a value is missing."""
    if not len(values) or np.isnan(values).any():
        return "not measured"
    passed = test.passes(values)
    return "holds" if passed.all() else "mixed" if passed.any() else "does not hold"
