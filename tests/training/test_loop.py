"""What a training records, when it stops, and that it trains."""

import logging
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import LOSSES, initial, small
from hypothesis import given
from hypothesis import strategies as st
from settings_cases import phased

from pinnscape.common.errors import DivergenceError
from pinnscape.losses.objective import tensor
from pinnscape.training.loop import OPTIMIZERS, snapshot_steps, train

ADAM = {"optimizer": "adam", "steps": 23, "learning_rate": 0.01, "decay": 0.1}
LBFGS = {"optimizer": "lbfgs", "steps": 12, "history_size": 5, "gradient_tolerance": 1e-9}
SNAPSHOTS = {"even": 2, "logarithmic": 3}


def short(phases, log_every=10, snapshots=SNAPSHOTS, formulation="deep-ritz", theta=None):
    """A short training of a small network, and its loss."""
    objective = small().objective(formulation)
    theta = initial(objective.discretization) if theta is None else theta
    return train(objective, theta, phased(phases, log_every, snapshots), "poisson2d/deep-ritz/seed-0"), objective


# ---- steps of the snapshots ----


@given(total=st.integers(1, 100_000), even=st.integers(0, 60), logarithmic=st.integers(0, 60))
def test_snapshot_steps_hold_both_ends_and_lie_between(total, even, logarithmic):
    steps = snapshot_steps(total, even, logarithmic)
    assert {0, total} <= steps
    assert all(isinstance(s, int) and 0 <= s <= total for s in steps)
    assert len(steps) <= 2 + even + logarithmic


@given(total=st.integers(1, 100_000), even=st.integers(1, 60))
def test_even_snapshot_steps_are_evenly_spaced_up_to_rounding(total, even):
    steps = sorted(snapshot_steps(total, even, 0))
    assert len(steps) == min(total, even) + 1
    assert all(abs(b - a - total / even) <= 1.0 for a, b in pairwise(steps))


@given(total=st.integers(2, 100_000), logarithmic=st.integers(2, 60))
def test_logarithmic_snapshot_steps_grow_by_a_constant_factor_up_to_rounding(total, logarithmic):
    steps = snapshot_steps(total, 0, logarithmic) - {0}
    expected = [total ** (k / (logarithmic - 1)) for k in range(logarithmic)]
    assert all(min(abs(s - e) for s in steps) <= 0.5 + 1e-9 * total for e in expected)
    assert all(min(abs(s - e) for e in expected) <= 0.5 + 1e-9 * total for s in steps)


# ---- records and snapshots ----


def test_records_and_snapshots_are_at_the_expected_steps():
    history, _ = short([ADAM, LBFGS])  # 35 steps in all
    kept = [0, 1, 6, 18, 35]  # even: 0, 17.5 (to even: 18), 35; logarithmic: 1, sqrt 35 = 5.9, 35
    assert [step for step, _, _ in history.snapshots] == kept
    assert history.column("step").tolist() == sorted({*kept, 10, 20, 30})


@pytest.mark.parametrize("log_every", [1, 7, 1000])
def test_the_last_step_is_always_recorded_and_kept(log_every):
    history, _ = short([{**ADAM, "steps": 11}], log_every, {"even": 0, "logarithmic": 0})
    assert history.records[-1]["step"] == 11
    assert [step for step, _, _ in history.snapshots] == [0, 11]
    assert len(set(history.column("step"))) == len(history.records)


@pytest.mark.parametrize(("problem", "formulation"), LOSSES)
def test_a_record_tells_the_truth_about_its_snapshot(problem, formulation):
    discretized = small(problem)
    objective = discretized.objective(formulation)
    history = train(objective, initial(discretized), phased([{**ADAM, "steps": 4, "learning_rate": 1e-3}], 1, SNAPSHOTS), "x")
    records = {record["step"]: record for record in history.records}
    for step, loss, theta in history.snapshots:
        values, gradient = objective.loss_and_gradient(tensor(theta))
        measured = discretized.measure(tensor(theta))
        record = records[step]
        assert loss == record["loss"] == float(values)
        assert record["gradient_norm"] == pytest.approx(float(gradient.norm()), rel=1e-12)
        for name in ("energy_gap", "l2_error", "h1_error"):
            assert record[name] == pytest.approx(float(measured[name]), rel=1e-11, abs=1e-14)


def test_records_name_the_optimiser_and_its_learning_rate():
    history, _ = short([ADAM, LBFGS], log_every=1)
    assert OPTIMIZERS == ("adam", "lbfgs")
    assert history.column("optimizer").tolist() == [0] * 24 + [1] * 12
    rates = history.column("learning_rate")
    assert math.isnan(rates[0])
    np.testing.assert_allclose(rates[1:24], 0.01 * 0.1 ** (np.arange(23) / 22), rtol=1e-14)
    assert (rates[24:] > 0).all()


def test_phases_go_on_from_where_the_one_before_ended():
    whole, _ = short([ADAM, LBFGS], snapshots={"even": 35, "logarithmic": 0})
    first, _ = short([ADAM])
    second, _ = short([LBFGS], theta=tensor(first.snapshots[-1][2]))
    assert np.array_equal(whole.snapshots[23][2], first.snapshots[-1][2])
    assert np.array_equal(whole.snapshots[-1][2], second.snapshots[-1][2])


def test_training_leaves_the_initial_parameters_as_they_were():
    theta = initial(small())
    before = theta.clone()
    history, _ = short([ADAM, LBFGS], theta=theta)
    assert torch.equal(theta, before)
    assert np.array_equal(history.snapshots[0][2], before.numpy())


def test_the_same_start_gives_the_same_training_bit_by_bit():
    (a, _), (b, _) = short([ADAM, LBFGS]), short([ADAM, LBFGS])
    assert [s[:2] for s in a.snapshots] == [s[:2] for s in b.snapshots]
    for (_, _, one), (_, _, other) in zip(a.snapshots, b.snapshots, strict=True):
        assert one.tobytes() == other.tobytes()
    np.testing.assert_array_equal(a.column("l2_error"), b.column("l2_error"))


# ---- ends ----


def test_lbfgs_ends_early_and_its_last_step_is_recorded_and_kept(caplog):
    caplog.set_level(logging.INFO)
    objective = small().objective("deep-ritz")
    history, _ = short([{**LBFGS, "steps": 500, "gradient_tolerance": 0.1}], log_every=1000)
    last, _, theta = history.snapshots[-1]
    assert 0 < last < 500
    assert history.records[-1]["step"] == last
    assert history.records[-1]["optimizer"] == 1
    assert float(objective.gradient(tensor(theta)).abs().max()) <= 0.1
    assert f"poisson2d/deep-ritz/seed-0: lbfgs stops at step {last}: no further progress" in caplog.text


def test_a_phase_after_one_that_ended_early_still_runs():
    history, _ = short([{**LBFGS, "gradient_tolerance": 1e9}, {**ADAM, "steps": 5}])
    assert history.records[-1]["step"] == 5
    assert history.records[-1]["optimizer"] == 0


def test_the_last_record_names_the_optimiser_that_made_its_step():
    history, _ = short([{**ADAM, "steps": 7}, {**LBFGS, "gradient_tolerance": 1e9}], snapshots={"even": 0, "logarithmic": 0})
    assert history.records[-1]["step"] == 7
    assert history.records[-1]["optimizer"] == 0
    assert history.records[-1]["learning_rate"] == pytest.approx(1e-3)


def test_divergence_is_one_line_that_names_run_step_and_remedy(caplog):
    caplog.set_level(logging.INFO)
    with pytest.raises(DivergenceError) as caught:
        short([{**ADAM, "steps": 5}, {**ADAM, "learning_rate": 1e200}], log_every=1, formulation="strong-form")
    message = str(caught.value)
    expected = "poisson2d/deep-ritz/seed-0: training diverged at step 6 (adam): the loss is "
    assert message.startswith(expected)
    assert message.endswith("; lower training.phases.learning_rate or change the seed")
    assert message[len(expected) :].split(";")[0] in ("inf", "nan")
    steps = [line.split()[1] for line in caplog.messages if line.startswith("step")]
    assert steps == ["0", "1", "2", "3", "4", "5"]  # the history up to there


def test_divergence_at_the_initial_point_asks_for_another_network_or_seed():
    theta = torch.full((small().network.size,), float("nan"), dtype=torch.float64)
    with pytest.raises(DivergenceError, match=r"diverged at step 0 \(adam\): the loss is nan; change the network or the seed$"):
        short([ADAM], theta=theta)


# ---- training works ----


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_a_short_training_lowers_its_loss_and_the_error(formulation):
    history, objective = short([{**ADAM, "steps": 30, "learning_rate": 0.03}, {**LBFGS, "steps": 60}], formulation=formulation)
    gaps = history.column("loss") - objective.minimum
    assert 0.0 < gaps[-1] < 0.02 * gaps[0]
    assert history.column("l2_error")[-1] < 0.1 * history.column("l2_error")[0]


@pytest.mark.slow
def test_deep_ritz_learns_poisson2d():
    discretized = small("poisson2d", width=20, depth=2, points=20)
    theta = tensor(discretized.network.initial("glorot", 0))
    phases = [
        {"optimizer": "adam", "steps": 500, "learning_rate": 0.01, "decay": 0.1},
        {"optimizer": "lbfgs", "steps": 600, "history_size": 50, "gradient_tolerance": 1e-9},
    ]
    history = train(discretized.objective("deep-ritz"), theta, phased(phases, 100, SNAPSHOTS), "poisson2d")
    assert history.column("l2_error")[-1] < 1e-3
    assert history.column("loss")[-1] == pytest.approx(-(math.pi**2) / 4, abs=1e-4)
    assert history.column("energy_gap")[-1] == pytest.approx(history.column("loss")[-1] + math.pi**2 / 4, abs=1e-12)
