"""metrics.csv: every number against one worked out by hand."""

import logging
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pinnscape.common.formulations import PHYSICS
from pinnscape.tables import metrics, names, reading
from pinnscape.techniques import refinement

OWNER = {"case": "poisson2d", "trained_on": "deep-ritz", "seed": 2}


def of_hessian(dataset: xr.Dataset, rank: int, subspace: int) -> metrics.Rows:
    return metrics.of_hessian(dataset, rank, subspace, eigenvalues=3)


def rows_of(rows) -> dict[str, float]:
    """Metric -> value; all rows must be of the final point and none twice."""
    rows = list(rows)
    assert {checkpoint for checkpoint, _, _ in rows} == {"final"}
    assert len({metric for _, metric, _ in rows}) == len(rows)
    return {metric: value for _, metric, value in rows}


# ---- checkpoints ----


def checkpoints_and_training() -> tuple[xr.Dataset, xr.Dataset]:
    steps = np.array([0, 10, 20, 30])
    quantities = ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm")
    own = {name: ("step", 100.0 * k + steps) for k, name in enumerate(quantities)}
    terms = {
        name: (("term", "step"), k + np.stack([steps, 2.0 * steps]))
        for k, name in enumerate(("term_value", "fresh_term_value"))
    }
    training = xr.Dataset(own | terms, {"step": steps, "term": ["interior", "initial"]})
    checkpoints = xr.Dataset(
        {
            "theta": (("checkpoint", "parameter"), np.zeros((4, 2))),
            "step": ("checkpoint", [0, 20, 10, 30]),
            "quadrature_error": ("checkpoint", [1e-3, 2e-3, 3e-3, 4e-3]),
        },
        {"checkpoint": ["init", "middle", "best", "final"]},
        OWNER,
    )
    return checkpoints, training


def test_checkpoints_give_the_record_of_their_own_step():
    rows = list(metrics.of_checkpoints(*checkpoints_and_training()))
    found = {(checkpoint, metric): value for checkpoint, metric, value in rows}
    assert len(rows) == len(found) == 4 * 13
    for checkpoint, step in {"init": 0, "middle": 20, "best": 10, "final": 30}.items():
        assert found[checkpoint, "step"] == step
        for k, name in enumerate(("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm")):
            assert found[checkpoint, name] == 100.0 * k + step
        assert [found[checkpoint, f"{name}[initial]"] for name in ("term", "fresh_term")] == [2.0 * step, 2.0 * step + 1]
        assert found[checkpoint, "fresh_loss"] == 3.0 * step + 2


def test_what_is_not_known_has_no_rows():
    checkpoints, training = checkpoints_and_training()
    for name in ("energy_gap", "h1_error"):
        training[name].attrs["withheld"] = "unknown"
    found = {metric for _, metric, _ in metrics.of_checkpoints(checkpoints, training)}
    assert found.isdisjoint({"energy_gap", "quadrature_error", "below_minimum", "h1_error"})
    assert "l2_error" in found


@pytest.mark.parametrize(("gap", "below"), [(-5e-3, 5e-3), (-2e-3, 0.0), (3.0, 0.0), (np.nan, np.nan)])
def test_an_energy_is_below_its_minimum_where_the_quadrature_rule_cannot_be_the_reason(gap, below):
    checkpoints, training = checkpoints_and_training()
    training["energy_gap"][3] = gap
    found = {(checkpoint, metric): value for checkpoint, metric, value in metrics.of_checkpoints(checkpoints, training)}
    assert found["final", "quadrature_error"] == 4e-3
    np.testing.assert_equal(found["final", "below_minimum"], below)


# ---- Hessians ----

E = np.eye(6)
ANGLE = np.radians(30.0)
# The two top spaces share one direction; the other one is turned by 30 degrees. The bottom ends are at right angles.
RITZ_VECTORS = np.stack([E[0], E[1], E[4], E[5]])
STRONG_VECTORS = np.stack(
    [np.cos(ANGLE) * E[1] + np.sin(ANGLE) * E[2], E[0], E[3], np.sin(ANGLE) * E[1] - np.cos(ANGLE) * E[2]]
)
RITZ = np.array([100.0, 10.0, 1.0, 0.1, -0.5, -2.0])
STRONG = np.array([5000.0, 50.0, 5.0, 0.0, 0.0, -1.0])
NUMBERS = (
    "trace",
    "trace_estimate",
    "trace_estimate_error",
    "condition_number",
    "negative",
    "nullity",
    "effective_rank",
    "share_above",
)
NUMBERS += ("bulk_share", "negative_at_least", "effective_rank_estimate", "share_above_estimate")
SOMETIMES = ("negative", "negative_at_least", "effective_rank_estimate", "share_above_estimate")


def hessian(losses: tuple[str, ...] = ("deep-ritz", "strong-form")) -> xr.Dataset:
    """Spectra of six parameters."""
    values = np.stack([{"deep-ritz": RITZ, "strong-form": STRONG, "supervised": 2 * RITZ}[f] for f in losses])
    vectors = np.stack(
        [{"deep-ritz": RITZ_VECTORS, "strong-form": STRONG_VECTORS, "supervised": RITZ_VECTORS}[f] for f in losses]
    )
    numbers = {name: ("loss", 10.0 * k + np.arange(len(losses))) for k, name in enumerate(NUMBERS)}
    numbers["negative"] = ("loss", [2.0, 1.0, 2.0][: len(losses)])
    return xr.Dataset(
        {
            "eigenvalue": (("loss", "eigen"), values),
            "eigenvalue_low": (("loss", "eigen"), values - 0.5),
            "eigenvalue_high": (("loss", "eigen"), values + 0.25),
            "eigenvector": (("loss", "vector", "parameter"), vectors),
            "node": (("loss", "ritz"), values[:, ::2]),
            "weight": (("loss", "ritz"), np.tile([0.2, 0.3, 0.5], (len(losses), 1))),
            **numbers,
        },
        {"loss": list(losses), "eigen": np.arange(6), "vector": [0, 1, 4, 5]},
        OWNER | {"checkpoint": "final"},
    )


def test_a_hessian_gives_its_numbers_for_each_loss():
    found = rows_of(of_hessian(hessian(), rank=3, subspace=2))
    for k, name in enumerate(NUMBERS):
        if name not in SOMETIMES:
            assert found[f"{name}[deep-ritz]"] == 10.0 * k
            assert found[f"{name}[strong-form]"] == 10.0 * k + 1
    assert (found["lambda_max[deep-ritz]"], found["lambda_min[deep-ritz]"]) == (100.0, -2.0)
    assert (found["lambda_max[strong-form]"], found["lambda_min[strong-form]"]) == (5000.0, -1.0)
    assert found["negative_share[deep-ritz]"] == pytest.approx(2 / 6)
    assert found["negative_share[strong-form]"] == pytest.approx(1 / 6)
    assert not any("_at_" in name or "_estimate[" in name for name in found if not name.startswith("trace_"))


def test_what_is_withheld_is_missing_and_its_bounds_are_named_as_bounds():
    data = hessian().isel(eigen=[0, 1, 4, 5]).copy(deep=True)
    for name in ("negative", "effective_rank", "share_above", "bulk_share"):
        data[name].loc["deep-ritz"] = np.nan
    data["eigenvalue"].loc["deep-ritz", 5] = np.nan
    found = rows_of(of_hessian(data, rank=2, subspace=2))
    missing = ("negative", "negative_share", "negative_ratio", "lambda_min", "effective_rank", "share_above", "bulk_share")
    assert all(math.isnan(found[f"{name}[deep-ritz]"]) for name in missing)
    assert found["lambda_min_at_least[deep-ritz]"] == -2.5
    assert found["lambda_min_at_most[deep-ritz]"] == -1.75
    assert found["negative_at_least[deep-ritz]"] == float(data["negative_at_least"][0])
    assert found["effective_rank_estimate[deep-ritz]"] == float(data["effective_rank_estimate"][0])
    assert found["negative_ratio[strong-form]"] == pytest.approx(1 / 5000)
    assert "lambda_min_at_least[strong-form]" not in found


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_likeness_of_what_is_not_verified_is_missing(lost):
    data = hessian().copy(deep=True)
    data["eigenvalue"].loc["strong-form", lost] = np.nan
    found = rows_of(of_hessian(data, rank=3, subspace=2))
    assert math.isnan(found["spectral_distance"])
    assert math.isnan(found["principal_angle_median"]) == (lost < 2)
    assert math.isnan(found["lambda_ratio[strong-form]"]) == (lost in (0, 2))
    assert math.isnan(found["negative_ratio[strong-form]"]) == (lost == 0)


@pytest.mark.parametrize(
    ("rank", "ritz", "strong"), [(1, 1.0, 1.0), (2, 10.0, 100.0), (3, 100.0, 1000.0), (4, 1000.0, math.inf)]
)
def test_the_ratio_is_of_the_first_to_the_ranked_eigenvalue(rank, ritz, strong):
    found = rows_of(of_hessian(hessian(), rank, subspace=2))
    assert found["lambda_ratio[deep-ritz]"] == pytest.approx(ritz)
    assert found["lambda_ratio[strong-form]"] == pytest.approx(strong)


def test_the_ratio_to_a_negative_eigenvalue_is_infinite():
    assert rows_of(of_hessian(hessian(), 5, 2))["lambda_ratio[deep-ritz]"] == math.inf


def test_the_ratio_is_missing_where_that_eigenvalue_was_not_computed():
    ends = hessian().isel(eigen=[0, 1, 4, 5])
    found = rows_of(of_hessian(ends, rank=3, subspace=2))
    assert math.isnan(found["lambda_ratio[deep-ritz]"])
    assert rows_of(of_hessian(ends, rank=2, subspace=2))["lambda_ratio[deep-ritz]"] == pytest.approx(10.0)
    assert rows_of(of_hessian(ends, rank=5, subspace=2))["lambda_ratio[deep-ritz]"] == math.inf  # -0.5, by its index


def test_claims_about_eigenvalues_that_were_not_computed_are_not_measured_and_the_log_says_why(caplog):
    caplog.set_level(logging.INFO)
    ends = hessian().isel(eigen=[0, 1, 4, 5])
    found = rows_of(metrics.of_hessian(ends, rank=3, subspace=2, eigenvalues=4))
    assert math.isnan(found["lambda_ratio[strong-form]"])
    assert math.isnan(found["spectral_distance"])
    text = "\n".join(caplog.messages)
    assert (
        "lambda_3[strong-form] is unknown for 6 parameters, so `well conditioned` is not measured; raise hessian.extremes"
        in text
    )
    assert "lambda_4 is unknown for 6 parameters, so the distance of spectra in `alike` is not measured" in text
    caplog.clear()
    list(metrics.of_hessian(hessian(), rank=3, subspace=2, eigenvalues=4))
    assert not caplog.messages


def test_likeness_is_of_the_top_eigenspaces_of_the_two_physics_losses():
    found = rows_of(of_hessian(hessian(), rank=3, subspace=2))
    assert found["principal_angle_smallest"] == pytest.approx(0.0, abs=1e-12)
    assert found["principal_angle_largest"] == pytest.approx(30.0)
    assert found["principal_angle_median"] == pytest.approx(15.0)
    # scaled: 1, 0.1, 0.01 | 1, 0.01, 0.001
    assert found["spectral_distance"] == pytest.approx((0 + 1 + 1) / 3)


def test_likeness_of_single_eigenvectors():
    found = rows_of(of_hessian(hessian(), rank=3, subspace=1))
    assert found["principal_angle_median"] == pytest.approx(90.0)


def test_likeness_of_spectra_of_which_all_eigenvalues_are_known():
    found = rows_of(of_hessian(hessian(), rank=3, subspace=2))
    assert found["wasserstein"] == pytest.approx(np.mean(np.abs(np.sort(RITZ) / 100.0 - np.sort(STRONG) / 5000.0)))
    assert "wasserstein" not in rows_of(of_hessian(hessian().isel(eigen=[0, 1, 4, 5]), 2, 2))


def test_a_third_loss_changes_nothing_of_the_likeness():
    two, three = (rows_of(of_hessian(hessian(f), 3, 2)) for f in (PHYSICS, (*PHYSICS, "supervised")))
    assert two.items() <= three.items()
    assert three["lambda_max[supervised]"] == 200.0


def test_rows_are_of_the_checkpoint_of_the_file():
    rows = list(of_hessian(hessian().assign_attrs(checkpoint="middle"), 3, 2))
    assert {checkpoint for checkpoint, _, _ in rows} == {"middle"}


# ---- planes ----


def surface() -> xr.Dataset:
    """A plane on which the strong form is an increasing function of the energy but for one cell, and one cell does not exist."""
    alpha, beta = np.array([-1.0, 0.0, 1.0]), np.array([-10.0, 10.0])
    ritz = np.array([[-2.0, -1.0], [-3.0, 0.0], [1.0, np.nan]])
    strong = np.exp(ritz)
    strong[0, 0] = 0.01  # the smallest, where the energy has its second
    loss = np.stack([ritz, strong, np.ones((3, 2))])
    return xr.Dataset(
        {
            "value": (("loss", "alpha", "beta"), loss),
            "infeasible": (("alpha", "beta"), np.isnan(ritz).astype("int8")),
        },
        {"loss": ["deep-ritz", "strong-form", "supervised"], "alpha": alpha, "beta": beta},
        OWNER | {"kind": "random"},
    )


def test_a_plane_gives_the_likeness_of_the_two_physics_losses():
    found = rows_of(metrics.of_plane(surface()))
    # ranks 2 3 1 4 5 | 1 3 2 4 5
    assert found["spearman[random]"] == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert found["minimum_distance[random]"] == pytest.approx(1.0)  # (0, -10) and (-1, -10)
    assert found["infeasible_share[random]"] == pytest.approx(1 / 6)
    names = {"spearman[random]", "spearman_distance[random]", "minimum_distance[random]", "infeasible_share[random]"}
    assert set(found) == names


def test_of_values_that_a_spectral_surface_cannot_tell_apart_the_nearest_to_the_trained_point_is_the_lowest():
    dataset = surface().assign(bound=("field", [1.0, 0.1, 0.0, 0.0]))
    dataset = dataset.assign_coords(field=["deep-ritz", "strong-form", "supervised", "h1_square"])
    # -2 counts as low as -3, and 0.01 as low as exp(-3): nearest of each are both at (0, -10).
    assert rows_of(metrics.of_plane(dataset))["minimum_distance[random]"] == 0.0
    dataset["value"][0, 0, 0] = -4.0 + 1e-9  # the others are now further away than the bound allows
    dataset["bound"][1] = 0.01
    assert rows_of(metrics.of_plane(dataset))["minimum_distance[random]"] == pytest.approx(1.0)


def test_a_trajectory_plane_tells_how_much_of_the_path_it_holds():
    dataset = surface().assign(explained_variance=("axis", [0.7, 0.25])).assign_attrs(kind="trajectory")
    assert rows_of(metrics.of_plane(dataset))["explained_variance[trajectory]"] == pytest.approx(0.95)


def test_a_plane_without_any_energy_has_no_likeness():
    dataset = surface()
    dataset["value"][:2] = np.nan
    found = rows_of(metrics.of_plane(dataset))
    assert math.isnan(found["spearman[random]"])
    assert math.isnan(found["minimum_distance[random]"])


# ---- lines ----


def lines() -> xr.Dataset:
    """Three lines of each loss: bowls, one of them with a bump; straight lines; hats."""
    alpha = np.linspace(-1.0, 1.0, 41)
    bowl, wave = alpha**2, np.cos(2 * np.pi * alpha)  # excess 1 and 2
    loss = np.stack([[bowl, 3 * bowl - 7, wave], [alpha, 2 * alpha, bowl], [-bowl, -bowl, bowl]])
    infeasible = np.zeros((3, 41), dtype="int8")
    return xr.Dataset(
        {"value": (("loss", "line", "alpha"), loss), "infeasible": (("line", "alpha"), infeasible)},
        {"loss": ["deep-ritz", "strong-form", "supervised"], "line": np.arange(3), "alpha": alpha},
        OWNER | {"kind": "lines"},
    )


def test_lines_give_variation_and_roughness_of_each_loss():
    found = rows_of(metrics.of_lines(lines(), [0.1, 0.5]))
    assert found["variation_median[deep-ritz]"] == pytest.approx(1.0)
    assert found["variation_largest[deep-ritz]"] == pytest.approx(2.0)
    assert found["roughness_index[deep-ritz]"] == pytest.approx(np.std([1, 1, 2], ddof=1) / (4 / 3))
    assert found["variation_largest[deep-ritz, 0.5]"] == pytest.approx(1.0)  # the wave is a single hat there
    assert found["variation_median[strong-form]"] == pytest.approx(0.5)
    assert found["variation_largest[strong-form]"] == pytest.approx(1.0)
    assert found["roughness_index[supervised]"] == pytest.approx(0.0, abs=1e-12)
    assert found["infeasible_share[lines]"] == 0.0


def test_a_ripple_that_the_whole_line_hides_shows_within_a_radius():
    dataset = lines()
    alpha = dataset["alpha"].values
    rippled = np.where(np.abs(alpha) <= 0.3, alpha**2 + 0.02 * np.cos(20 * np.pi * alpha), alpha**2)
    dataset["value"][0, 2] = 100.0 * alpha**4 + rippled
    found = rows_of(metrics.of_lines(dataset, [0.2, 1.0]))
    assert found["variation_largest[deep-ritz, 1]"] < 1.01
    assert found["variation_largest[deep-ritz, 0.2]"] > 1.1
    assert found["variation_largest[deep-ritz]"] == found["variation_largest[deep-ritz, 0.2]"]


def test_lines_give_the_convex_share_within_each_radius():
    found = rows_of(metrics.of_lines(lines(), [0.1, 0.5, 1.0]))
    for radius in ("0.1", "0.5", "1"):
        assert found[f"convex_share[strong-form, {radius}]"] == 1.0
        assert found[f"convex_share[supervised, {radius}]"] == pytest.approx(1 / 3)
    assert found["convex_share[deep-ritz, 0.1]"] == pytest.approx(2 / 3)  # the wave is at its crest
    # cos 2πα is convex for ¼ ≤ |α| ≤ ¾: 10 to 12 of the 21 points within ½
    assert found["convex_share[deep-ritz, 0.5]"] == pytest.approx((2 + 12 / 21) / 3, abs=0.05)


def test_missing_points_of_lines_do_not_count():
    dataset = lines()
    dataset["value"][0, 2] = np.nan
    dataset["infeasible"][2] = 1
    found = rows_of(metrics.of_lines(dataset, [1.0]))
    assert found["variation_largest[deep-ritz]"] == pytest.approx(1.0)
    assert found["roughness_index[deep-ritz]"] == pytest.approx(0.0, abs=1e-12)
    assert found["convex_share[deep-ritz, 1]"] == 1.0
    assert found["infeasible_share[lines]"] == pytest.approx(1 / 3)


# ---- the table ----


def test_the_table_has_a_row_for_each_number_sorted_by_owner():
    a = xr.Dataset(attrs={"case": "poisson2d", "trained_on": "strong-form", "seed": 1})
    b = xr.Dataset(attrs={"case": "poisson1d", "trained_on": "strong-form", "seed": 10})
    c = xr.Dataset(attrs={"case": "poisson1d", "trained_on": "strong-form", "seed": 2})
    files = [
        (a, iter([("final", "x", 1.0)])),
        (b, iter([("init", "y", 2.0), ("final", "z", np.nan)])),
        (c, [("final", "z", 3.0)]),
    ]
    found = metrics.table(files)
    assert tuple(found.columns) == metrics.COLUMNS
    run, number, more = ("case", "trained_on", "seed", "checkpoint"), ("metric", "loss", "variant"), ("value", "sweep", "swept")
    assert (*run, *number, *more) == metrics.COLUMNS
    assert found["seed"].tolist() == [2, 10, 10, 1]  # numbers, not text
    assert found["metric"].tolist() == ["z", "z", "y", "x"]
    assert found["value"].tolist()[0] == 3.0
    assert math.isnan(found["value"][1])
    assert found.index.tolist() == [0, 1, 2, 3]


def test_the_order_of_the_files_does_not_matter():
    checkpoints, training = checkpoints_and_training()

    def files():
        return [
            (checkpoints, metrics.of_checkpoints(checkpoints, training)),
            (hessian(), of_hessian(hessian(), 3, 2)),
            (surface(), metrics.of_plane(surface())),
            (lines(), metrics.of_lines(lines(), [0.5])),
        ]

    found = metrics.table(files())
    pd.testing.assert_frame_equal(found, metrics.table(files()[::-1]))
    assert not found.duplicated(["case", "trained_on", "seed", "checkpoint", "metric", "loss", "variant"]).any()
    assert found["value"].dtype == np.float64


def test_the_table_survives_its_file(tmp_path):
    found = metrics.table([(hessian(), of_hessian(hessian(), 4, 2))])
    found.to_csv(tmp_path / "metrics.csv", index=False)
    again = reading.table(tmp_path / "metrics.csv", metrics.COLUMNS, ("value",), "collect_metrics")
    pd.testing.assert_frame_equal(again.drop(columns="swept"), found.drop(columns="swept"), check_dtype=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l2_error", ("l2_error", "", "")),
        ("lambda_max[deep-ritz]", ("lambda_max", "deep-ritz", "")),
        ("convex_share[strong-form, 0.05]", ("convex_share", "strong-form", "0.05")),
        ("barrier[straight, supervised]", ("barrier", "supervised", "straight")),
        ("minima[hessian-top, deep-ritz]", ("minima", "deep-ritz", "hessian-top")),
        ("spearman[random]", ("spearman", "", "random")),
        ("lambda_max[strong-form/initial]", ("lambda_max", "strong-form", "initial")),
        ("term[periodic]", ("term", "", "periodic")),
        ("rule_deviation[sobol, 64]", ("rule_deviation", "", "sobol, 64")),
    ],
)
def test_names_of_numbers_are_columns_of_the_table(name, expected):
    assert names.columns(name) == expected


def test_numbers_of_a_sweep_have_the_swept_value():
    a, b = (xr.Dataset(attrs={"case": case, "trained_on": "strong-form", "seed": 0}) for case in ("beta-30", "poisson2d"))
    found = metrics.table([(a, [("final", "x", 1.0)]), (b, [("final", "x", 2.0)])], sweeps={"beta-30": ("beta", 30)})
    assert found[["case", "sweep", "swept"]].values.tolist() == [["beta-30", "beta", 30], ["poisson2d", "", ""]]


@pytest.mark.parametrize(
    ("smallest", "largest", "ratio"), [(-2.0, -1.0, np.nan), (0.0, 0.0, np.nan), (-1.0, 2.0, 0.5), (1.0, 2.0, 0.0)]
)
def test_nothing_is_relative_to_a_largest_eigenvalue_that_is_not_positive(smallest, largest, ratio):
    for module in (metrics, refinement):
        np.testing.assert_equal(module._negative_ratio(smallest, largest), ratio)
