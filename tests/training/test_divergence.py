"""Trainings that diverge end in one line, and those that do not go on: energies without a minimum, gradients that are not finite."""

import logging
import math

import numpy as np
import pytest
import torch
from cases import initial, small
from hostile_problems import MixedBeam
from settings_cases import of, phased

from pinnscape.common.errors import DivergenceError
from pinnscape.curvature import refinement
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.objective import tensor
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.points import Rule
from pinnscape.training import divergence, intrinsic_dimension
from pinnscape.training.constant_adam import ConstantAdam
from pinnscape.training.edge_of_stability import follow
from pinnscape.training.gradient_descent import GradientDescent
from pinnscape.training.loop import train
from pinnscape.training.optimizers import LBFGS, State, start

ADAM = {"optimizer": "adam", "steps": 300, "learning_rate": 1.0, "decay": 0.5}
QUASI_NEWTON = {"optimizer": "lbfgs", "steps": 400, "history_size": 20, "gradient_tolerance": 1e-9}
SNAPSHOTS = {"even": 2, "logarithmic": 0}
NAME = "beam/deep-ritz/seed-0"


def beam() -> tuple[FieldObjective, torch.Tensor]:
    network = Mlp(1, 2, 8, 2)
    discretization = Discretization(MixedBeam(), network, Rule("gauss-legendre", 12))
    return discretization.objective("deep-ritz"), tensor(network.initial("glorot", 0))


@pytest.mark.parametrize("phase", [ADAM, QUASI_NEWTON], ids=["adam", "lbfgs"])
def test_an_energy_without_a_minimum_ends_the_training_in_one_line(phase):
    objective, theta = beam()
    with pytest.raises(DivergenceError) as caught:
        train(objective, theta, phased([phase], 1000, SNAPSHOTS), NAME)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{NAME}: training diverged at step ")
    assert f" ({phase['optimizer']}): the loss is -" in message
    assert "this energy has no minimum, or none under this quadrature rule; check the signs in `density`" in message


class Broken:
    """½|theta|² whose gradient, or loss, is spoilt from some evaluation on: what goes wrong in a problem's own code."""

    name, minimum, size, device, measures = "deep-ritz", 0.0, 3, "cpu", ()

    def __init__(self, good: int, gradient: float = math.nan, loss: float | None = None) -> None:
        self.good, self.spoilt, self.loss, self.calls, self.fresh = good, gradient, loss, 0, None

    def measure(self, theta):
        return dict.fromkeys(("energy_gap", "l2_error", "h1_error"), torch.tensor(0.0))

    def terms(self, theta):
        return {"interior": torch.tensor(0.0)}

    def loss_and_gradient(self, theta):
        self.calls += 1
        loss, gradient = 0.5 * theta @ theta, theta.clone()
        if self.calls > self.good:
            gradient[1] = self.spoilt
            loss = loss if self.loss is None else torch.tensor(self.loss, dtype=torch.float64)
        return loss, gradient


THETA = torch.tensor([3.0, 4.0, -5.0], dtype=torch.float64)


@pytest.mark.parametrize("spoilt", [math.nan, math.inf, 1e200], ids=["nan", "inf", "overflow"])
def test_a_gradient_that_is_not_finite_ends_adam_although_the_loss_is(spoilt):
    with pytest.raises(DivergenceError) as caught:
        train(Broken(3, spoilt), THETA, phased([ADAM | {"learning_rate": 0.1}], 1000, SNAPSHOTS), "x")
    norm = "nan" if math.isnan(spoilt) else "inf"
    start, middle = "x: training diverged at step 3 (adam): the loss is ", f", but the norm of its gradient is {norm}; "
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(middle + "lower training.phases.learning_rate or change the seed")


def test_a_gradient_that_is_not_finite_at_the_start_ends_lbfgs_which_finds_no_step_there():
    broken = Broken(0)
    assert LBFGS(broken.loss_and_gradient).step(start(broken.loss_and_gradient, THETA)) is None
    with pytest.raises(DivergenceError, match=r"^x: training diverged at step 0 \(lbfgs\): the loss is 25, but the norm"):
        train(Broken(0), THETA, phased([QUASI_NEWTON], 1000, SNAPSHOTS), "x")


def test_lbfgs_shortens_steps_to_where_the_gradient_does_not_exist_and_never_stands_there():
    class Wall(Broken):
        def loss_and_gradient(self, theta):
            loss, gradient = 0.5 * theta @ theta, theta.clone()
            return loss, gradient * math.nan if theta[0] < 1.0 else gradient

    history = train(Wall(0), THETA, phased([QUASI_NEWTON | {"steps": 20}], 1, SNAPSHOTS), "x")
    assert all(theta[0] >= 1.0 for _, _, theta in history.snapshots)
    assert np.isfinite(history.column("gradient_norm")).all()


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_divergence(loss):
    with pytest.raises(DivergenceError, match=rf"at step 2 \(adam\): the loss is {loss}; "):
        train(Broken(2, 0.0, loss), THETA, phased([ADAM], 1000, SNAPSHOTS), "x")


@pytest.mark.parametrize(
    ("minimum", "initial", "expected"),
    [(-2.5, 0.5, -2.5 - 3e6), (0.0, 1e-12, -1e6), (-1e9, -1e9, -1e9 - 1e15), (0.0, 1e8, -1e14)],
)
def test_the_lowest_loss_is_a_million_times_the_scale_below_the_minimum(minimum, initial, expected):
    assert divergence.lowest(minimum, initial) == pytest.approx(expected)


def test_without_a_minimum_no_finite_loss_is_too_low():
    state = State(THETA, -1e300, THETA)
    assert math.isnan(divergence.lowest(math.nan, 1.0))
    assert divergence.fault(state, math.nan) == ""
    assert "no minimum" in divergence.fault(state, divergence.lowest(-1.0, 1.0))


@pytest.mark.parametrize("rule", [Rule("monte-carlo", 36), Rule("uniform", 6)], ids=["monte-carlo", "uniform"])
def test_few_points_let_an_energy_fall_below_its_minimum_without_divergence(rule):
    discretization = small("poisson2d").with_rules(rule)
    objective, phase = discretization.objective("deep-ritz"), QUASI_NEWTON | {"steps": 150}
    history = train(objective, initial(discretization), phased([phase], 1000, SNAPSHOTS), "x")
    assert history.column("energy_gap")[-1] < -0.1


# ---- other loops: none crashes, and none takes what diverged for a result ----


def test_training_in_a_subspace_that_diverges_has_no_result(caplog):
    caplog.set_level(logging.WARNING)
    objective, theta = beam()
    rows = tensor(intrinsic_dimension.basis(objective.size, 20, 0))
    state, steps = intrinsic_dimension.train(objective, theta, rows, of("intrinsic_dimension", steps=400, history_size=20))
    assert math.isnan(state.loss)
    assert state.theta.isnan().all()
    assert 0 < steps < 400
    assert "training in 20 dimensions diverges at step" in caplog.text


def test_a_natural_gradient_descent_ends_before_the_point_that_diverges(caplog):
    caplog.set_level(logging.WARNING)
    objective, theta = beam()
    lowest = divergence.lowest(objective.minimum, float(objective.loss(theta)))
    settings = of("refinement", steps=200, dense_limit=objective.size, lanczos_steps=20)
    found = refinement.descend(objective, theta, settings)
    assert len(found.thetas) < 201
    assert found.thetas.isfinite().all()
    assert (objective.loss(found.thetas) >= lowest).all()


@pytest.mark.parametrize("optimizer", [GradientDescent, ConstantAdam])
def test_at_the_edge_of_stability_an_energy_without_a_minimum_is_recorded_as_divergence(optimizer):
    objective, theta = beam()
    settings = of("stability", steps=4000, record_every=100, divergence=100.0)
    found = follow(
        objective, optimizer(objective.loss_and_gradient, 0.05), theta, settings, lambda _: {"sharpness": (1.0, 0.0, 0.0)}
    )
    assert 0 < found["diverged"] <= 4000
    recorded = found["gap"][np.isfinite(found["gap"])]
    assert len(recorded) == (found["diverged"] - 1) // 100 + 1
    assert (np.abs(recorded) <= 100 * abs(recorded[0])).all()
