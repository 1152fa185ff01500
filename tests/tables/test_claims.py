"""claims.csv: verdicts on both sides of every threshold."""

import math

import numpy as np
import pandas as pd
import pytest

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.config.claims import ClaimSettings
from pinnscape.tables import claims, metrics, names

SETTINGS = ClaimSettings.of({
    "convex": {"radius": [0.05, 0.1]},
    "data_driven": {"barrier": 0.02, "gradient": 0.8, "bulk": 0.95},
})  # fmt: skip
PLANES = ["random", "trajectory"]
TECHNIQUES = ["interpolation", "barriers", "curves", "gradient_subspace", "intrinsic_dimension", "zoom"]
OWN = "strong-form"
# Claim and statistic -> metric, threshold and the side on which the claim holds.
TESTS = {
    ("smooth", "variation_largest"): (f"variation_largest[{OWN}]", 1.05, "at most"),
    ("well conditioned", "lambda_ratio"): (f"lambda_ratio[{OWN}]", 1e3, "at most"),
    ("well conditioned", "share_above"): (f"share_above[{OWN}]", 0.1, "at least"),
    ("convex near the solution", "negative_share"): (f"negative_share[{OWN}]", 0.01, "at most"),
    ("convex near the solution", "negative_ratio"): (f"negative_ratio[{OWN}]", 1e-3, "at most"),
    ("convex near the solution", "convex_share[0.05]"): (f"convex_share[{OWN}, 0.05]", 0.95, "at least"),
    ("alike", "spearman[random]"): ("spearman[random]", 0.9, "at least"),
    ("alike", "spearman[trajectory]"): ("spearman[trajectory]", 0.9, "at least"),
    ("alike", "principal_angle_median"): ("principal_angle_median", 30.0, "at most"),
    ("alike", "spectral_distance"): ("spectral_distance", 0.3, "at most"),
    ("bulk and outliers", "bulk_share"): (f"bulk_share[{OWN}]", 0.95, "at least"),
    ("low-dimensional training", "explained_variance"): ("explained_variance[trajectory]", 0.9, "at least"),
    ("monotone interpolation", "monotone_violation_relative"): (f"monotone_violation_relative[{OWN}]", 0.01, "at most"),
    ("connected minima", "barrier_relative[aligned]"): (f"barrier_relative[aligned, {OWN}]", 0.02, "at most"),
    ("connected minima", "barrier_relative[bezier]"): (f"barrier_relative[bezier, {OWN}]", 0.02, "at most"),
    ("gradient in a tiny subspace", "gradient_share_mean[10]"): ("gradient_share_mean[10]", 0.8, "at least"),
    ("small intrinsic dimension", "intrinsic_share[0.1]"): ("intrinsic_share[0.1]", 0.5, "at most"),
}
AT_INIT = ("intrinsic_share[0.1]",)


def measured(
    values: dict[str, list[float]], problem: str = "poisson2d", own: str = OWN, checkpoint: str = "final"
) -> pd.DataFrame:
    """A table of metrics from metric -> value for each seed."""
    rows = [
        [
            problem,
            own,
            seed,
            "init" if metric in AT_INIT else checkpoint,
            *names.columns(metric, (*FORMULATIONS, "fit")),
            value,
            "",
            "",
        ]
        for metric, each in values.items()
        for seed, value in enumerate(each)
    ]
    return pd.DataFrame(rows, columns=list(metrics.COLUMNS))


def judged(values: dict[str, list[float]]) -> pd.DataFrame:
    return claims.table(measured(values), SETTINGS, PLANES, TECHNIQUES).set_index(["claim", "statistic"])


def test_every_claim_is_tested_with_its_threshold():
    found = judged({metric: [1.0, 1.0] for metric, _, _ in TESTS.values()})
    assert set(found.index) == set(TESTS)
    assert {key: row["threshold"] for key, row in found.iterrows()} == {
        key: threshold for key, (_, threshold, _) in TESTS.items()
    }


@pytest.mark.parametrize("test", TESTS, ids=lambda t: t[1])
def test_a_verdict_turns_at_its_threshold(test):
    metric, threshold, side = TESTS[test]
    inside = math.nextafter(threshold, -math.inf if side == "at most" else math.inf)
    outside = math.nextafter(threshold, math.inf if side == "at most" else -math.inf)
    for values, verdict in [
        ([inside, inside, inside], "holds"),
        ([threshold] * 3, "holds"),
        ([outside, outside, outside], "does not hold"),
        ([inside, outside, inside], "mixed"),
        ([outside], "does not hold"),
        ([inside, math.nan, inside], "not measured"),
        ([math.nan], "not measured"),
    ]:
        assert judged({metric: values}).loc[test, "verdict"] == verdict


def test_what_is_not_in_the_metrics_is_not_measured():
    found = judged({f"lambda_ratio[{OWN}]": [1.0]})
    rest = found.drop(("well conditioned", "lambda_ratio"))
    assert (rest["verdict"] == "not measured").all()
    assert rest[["value", "low", "high"]].isna().all(axis=None)


def test_value_is_the_median_and_low_and_high_the_extremes():
    row = judged({"spectral_distance": [0.5, 0.1, 0.2, 0.9]}).loc["alike", "spectral_distance"]
    assert (row["value"], row["low"], row["high"]) == (pytest.approx(0.35), 0.1, 0.9)
    assert row["verdict"] == "mixed"


def test_a_missing_seed_does_not_hide_the_spread_of_the_others():
    row = judged({"spectral_distance": [0.5, math.nan, 0.1, 0.2]}).loc["alike", "spectral_distance"]
    assert (row["value"], row["low"], row["high"]) == (0.2, 0.1, 0.5)
    assert row["verdict"] == "not measured"


def test_an_infinite_ratio_does_not_hold():
    row = judged({f"lambda_ratio[{OWN}]": [math.inf, math.inf]}).loc["well conditioned", "lambda_ratio"]
    assert row["verdict"] == "does not hold"
    assert row["value"] == math.inf
    assert judged({f"lambda_ratio[{OWN}]": [math.inf, 10.0]}).loc["well conditioned", "lambda_ratio"]["verdict"] == "mixed"


def test_verdicts_are_of_the_final_point_alone():
    both = pd.concat([measured({"spectral_distance": [9.0]}, checkpoint="init"), measured({"spectral_distance": [0.1]})])
    found = claims.table(both, SETTINGS, PLANES).set_index("statistic")
    assert found.loc["spectral_distance", "verdict"] == "holds"
    assert found.loc["spectral_distance", "high"] == 0.1


def test_verdicts_are_of_the_loss_that_trained_the_point():
    values = {"lambda_ratio[deep-ritz]": [1.0], "lambda_ratio[strong-form]": [1e9]}
    both = pd.concat([measured(values, own="deep-ritz"), measured(values, own="strong-form")])
    found = claims.table(both, SETTINGS, PLANES).set_index(["statistic", "trained_on"])
    assert found.loc[("lambda_ratio", "deep-ritz"), "verdict"] == "holds"
    assert found.loc[("lambda_ratio", "strong-form"), "verdict"] == "does not hold"


def test_the_radius_of_convexity_is_the_smallest_as_metrics_write_it():
    settings = ClaimSettings.of({"convex": {"radius": [1.0, 2.0]}})
    table = measured({f"convex_share[{OWN}, 1]": [1.0], f"convex_share[{OWN}, 2]": [0.0]})
    found = claims.table(table, settings, PLANES).set_index("statistic")
    assert found.loc["convex_share[1]", "verdict"] == "holds"


def test_planes_are_compared_as_asked_for():
    found = claims.table(measured({"spearman[random]": [1.0]}), SETTINGS, ["random"])
    assert [name for name in found["statistic"] if name.startswith("spearman")] == ["spearman[random]"]


def test_claims_that_need_a_technique_of_another_study_are_left_out():
    found = set(claims.table(measured({"x": [1.0]}), SETTINGS, ["random"])["claim"])
    assert found == {"smooth", "well conditioned", "convex near the solution", "alike", "bulk and outliers"}


def test_the_table_has_its_columns_and_is_sorted():
    table = pd.concat(
        [measured({}, "semilinear2d"), measured({"x": [1.0]}, "poisson2d"), measured({"x": [1.0]}, "poisson1d", "deep-ritz")]
    )
    found = claims.table(table, SETTINGS, PLANES, TECHNIQUES)
    expected = (
        "claim",
        "case",
        "trained_on",
        "statistic",
        "value",
        "low",
        "high",
        "threshold",
        "verdict",
        "baseline",
        "baseline_low",
        "baseline_high",
        "reason",
    )
    assert tuple(found.columns) == expected
    keys = list(found[["claim", "statistic", "case", "trained_on"]].itertuples(index=False, name=None))
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)) == 2 * len(TESTS)


def test_the_order_of_the_metrics_does_not_matter():
    table = measured({metric: list(np.linspace(0.0, 2 * threshold, 3)) for metric, threshold, _ in TESTS.values()})
    shuffled = table.sample(frac=1.0, random_state=0)
    found = [claims.table(rows, SETTINGS, PLANES, TECHNIQUES) for rows in (table, shuffled)]
    pd.testing.assert_frame_equal(*found)


# ---- the data-driven baseline ----


def test_the_numbers_of_the_data_driven_case_are_the_baseline_of_all_others():
    metric = "explained_variance[trajectory]"
    table = pd.concat([
        measured({metric: [0.5, 0.6, 0.7]}),
        measured({metric: [0.9, 0.8, 0.99], "bulk_share[fit]": [0.2]}, "digits", "fit"),
        measured({metric: [0.1]}, "digits", "size"),
    ])  # fmt: skip
    found = claims.table(table, SETTINGS, PLANES, TECHNIQUES, baseline=("digits", "fit"))
    low = found.query("claim == 'low-dimensional training'").set_index(["case", "trained_on"])
    assert low.loc[("poisson2d", OWN), ["baseline", "baseline_low", "baseline_high"]].tolist() == [0.9, 0.8, 0.99]
    assert low.loc[("digits", "fit"), ["value", "low", "high"]].tolist() == [0.9, 0.8, 0.99]
    assert low.loc[[("digits", "fit"), ("digits", "size")], "baseline"].isna().all(), "a baseline has none"
    bulk = found.query("claim == 'bulk and outliers'").set_index("case")["baseline"]
    assert bulk["poisson2d"] == 0.2, "the loss of the baseline takes the place of the training loss"
    assert found.query("claim == 'smooth'")["baseline"].isna().all(), "what was not measured there is empty"


def test_without_a_data_driven_case_the_baseline_is_empty():
    found = claims.table(measured({"explained_variance[trajectory]": [0.5]}), SETTINGS, PLANES, TECHNIQUES)
    assert found[["baseline", "baseline_low", "baseline_high"]].isna().all(axis=None)
