"""Training losses that change: weights are balanced as in the papers, points are drawn again, and neither depends on interruptions."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from settings_cases import model, phased
from torch.func import functional_call

from pinnscape.config.sections import QuadratureSettings, WeightSettings
from pinnscape.files.unfinished import Interval, Restart
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.training.checkpoints import final_weights, select
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import WEIGHT, History, train
from pinnscape.training.progress import Progress, Saves
from pinnscape.training.varying import Varying, balanced

SOFT = {"initial": {"enforce": "soft", "weight": 10.0}, "periodic": {"enforce": "soft", "weight": 2.0}}
NAMES = ("interior", "initial", "periodic")
STEPS = [
    {"optimizer": "adam", "steps": 9, "learning_rate": 0.01, "decay": 0.5},
    {"optimizer": "lbfgs", "steps": 8, "history_size": 4, "gradient_tolerance": 1e-12},
]
BETA = 2.0


def convection(rule: str = "sobol") -> Discretization:
    points = QuadratureSettings.model_construct(rule=rule, points=16 if rule == "sobol" else 4)
    settings = model("convection", 5, 2, parameters={"beta": BETA}, conditions=SOFT)
    return discretization(settings.model_copy(update={"quadrature": points}))


@pytest.fixture(scope="module")
def objective() -> FieldObjective:
    return convection().objective("strong-form")


def at(objective: FieldObjective, seed: int = 3) -> torch.Tensor:
    return torch.tensor(objective.assembly.solution.network.initial("glorot", seed))


class Plain(torch.nn.Sequential):
    """The network in plain torch, with the parameters of a vector theta, layer by layer: weights, then biases."""

    def __init__(self, objective: FieldObjective) -> None:
        made, self.layers = [], objective.layout.layers
        for layer in self.layers:
            made += [torch.nn.Linear(layer.fan_in, layer.fan_out, dtype=torch.float64), torch.nn.Tanh()]
        super().__init__(*made[:-1])

    def parameters_of(self, theta: torch.Tensor) -> dict[str, torch.Tensor]:
        found = {}
        for k, layer in enumerate(self.layers):
            found[f"{2 * k}.weight"] = theta[layer.weights].reshape(layer.fan_out, layer.fan_in)
            found[f"{2 * k}.bias"] = theta[layer.biases]
        return found


def residuals(objective: FieldObjective, theta: torch.Tensor) -> dict[str, torch.Tensor]:
    """The residuals of each term at its points, by nested differentiation in plain torch."""
    network = Plain(objective)
    parameters = network.parameters_of(theta)

    def u(x: torch.Tensor) -> torch.Tensor:
        return functional_call(network, parameters, (x,))[:, 0]

    points = {name: objective.assembly.terms[f"strong-form/{name}"].points.points for name in NAMES}
    inside, first, sides = ({name: torch.as_tensor(x) for name, x in points.items()}[name] for name in NAMES)
    x = inside[0].clone().requires_grad_()
    (slopes,) = torch.autograd.grad(u(x).sum(), x, create_graph=True)
    return {
        "interior": slopes[:, 1] + BETA * slopes[:, 0],
        "initial": u(first[0]) - torch.sin(first[0][:, 0]),
        "periodic": u(sides[0]) - u(sides[1]),
    }


# ---- weights ----


def test_traces_of_the_kernel_give_the_weights_of_the_paper(objective: FieldObjective) -> None:
    """The weights, with those of the settings, are Σ tr K_j / tr K_i up to a common factor (Wang et al. 2022, eqs. 6.5 and 6.6)."""
    theta = at(objective).requires_grad_()
    traces = {}
    for name in NAMES:
        values = residuals(objective, theta)[name]
        rows = [torch.autograd.grad(value, theta, retain_graph=True)[0] for value in values]
        traces[name] = sum(float(row.square().sum()) for row in rows) / len(rows)
    found = balanced(objective, theta.detach(), "ntk")
    given = {"interior": 1.0, "initial": 10.0, "periodic": 2.0}
    assert list(found) == list(NAMES)
    total = sum(given[name] * traces[name] for name in NAMES)
    for name in NAMES:
        assert found[name] * given[name] == pytest.approx(total / traces[name], rel=1e-10)


def test_norms_of_gradients_give_the_moving_average_of_the_paper(objective: FieldObjective) -> None:
    """max |∇L_1| / mean |∇L_i| (Wang et al. 2021, eqs. 23 and 24)."""
    theta = at(objective).requires_grad_()
    given = {"interior": 1.0, "initial": 10.0, "periodic": 2.0}
    slopes = {}
    for name in NAMES:
        loss = given[name] * residuals(objective, theta)[name].square().mean()
        slopes[name] = torch.autograd.grad(loss, theta)[0].abs()
    previous = {"initial": 7.0}
    found = balanced(objective, theta.detach(), "gradients", previous)
    assert found["interior"] == 1.0
    for name in NAMES[1:]:
        new = float(slopes["interior"].max() / slopes[name].mean())
        assert found[name] == pytest.approx(0.9 * previous.get(name, 1.0) + 0.1 * new, rel=1e-10)


def test_only_sums_of_squares_are_balanced() -> None:
    energy = discretization(model("poisson2d")).objective("deep-ritz")
    with pytest.raises(ValueError, match="is no sum of squares"):
        balanced(energy, at(energy), "ntk")


@pytest.mark.parametrize("method", ["ntk", "gradients"])
def test_weights_change_at_their_steps_only_and_are_recorded(objective: FieldObjective, method: str) -> None:
    history = trained(objective, method, every=4, log_every=1)
    weights = np.array([[record[WEIGHT + name] for name in NAMES] for record in history.records])
    changed = (weights[1:] != weights[:-1]).any(1)
    # The record at a step has the weights with which this step was taken.
    assert np.flatnonzero(changed).tolist() == [step for step in range(1, len(changed)) if step % 4 == 0]
    assert (weights[0] != 1.0).any()
    for record, snapshot in zip(history.records[::4], history.snapshots[::4], strict=False):
        theta = torch.tensor(snapshot[2])
        own = objective.weighted({name: record[WEIGHT + name] for name in NAMES})
        assert record["loss"] == pytest.approx(float(own.loss(theta)), rel=1e-12)


def test_landscapes_take_the_weights_at_the_end(objective: FieldObjective) -> None:
    made = convection()
    history = trained(objective, "ntk", every=5)
    data = training_dataset(history, made).assign_attrs(trained_on="strong-form")
    checkpoints = select(data, {"middle": 0.5}).assign_attrs(trained_on="strong-form")
    weights = final_weights([checkpoints])
    last = history.records[-1]
    assert weights == {f"strong-form/{name}": last[WEIGHT + name] for name in NAMES}
    theta = torch.tensor(checkpoints["theta"].sel(checkpoint="final").values)
    found = made.with_weights(weights).objective("strong-form")
    assert float(found.loss(theta)) == pytest.approx(last["loss"], rel=1e-12)
    assert float(found.loss(theta)) != pytest.approx(float(objective.loss(theta)), rel=1e-3)
    assert final_weights([xr.Dataset({"weight": ("term", [1.0])}, {"term": ["interior"]}, {"trained_on": "strong-form"})]) == {}


# ---- points ----


def test_points_are_drawn_again_at_their_steps_and_depend_on_the_step_alone(objective: FieldObjective) -> None:
    theta, losses = at(objective), []
    for step in (0, 3, 4, 7, 8):
        loss = Varying(objective, resample=4)
        loss.at(step)
        losses.append(float(loss.objective.loss(theta)))
    assert losses[0] == losses[1] == float(objective.loss(theta))
    assert losses[2] == losses[3]
    assert len(set(losses)) == 3
    again = Varying(objective, resample=4)
    again.change(4, theta)
    assert float(again.objective.loss(theta)) == losses[2]
    assert [step for step in range(13) if again.changes_at(step)] == [4, 8, 12]


def test_points_of_product_rules_stay(objective: FieldObjective) -> None:
    fixed = convection("gauss-legendre").objective("strong-form")
    assert torch.equal(fixed.drawn(2).loss(at(fixed)), fixed.loss(at(fixed)))


def test_a_part_of_a_loss_is_drawn_as_the_whole_is(objective: FieldObjective) -> None:
    theta = at(objective)
    whole = objective.drawn(2)
    for names in (("initial",), ("interior", "periodic")):
        part = objective.only(*names).drawn(2)
        assert part.short_names == names
        assert torch.equal(part.loss(theta), whole.only(*names).loss(theta))
    assert not torch.equal(objective.only("initial").loss(theta), whole.only("initial").loss(theta))


# ---- interruptions ----


class Killed(BaseException):
    """As sudden as a signal."""


class Dying(Saves):
    """Writes the progress at one step, and ends the training there."""

    def __init__(self, restart: Restart, step: int) -> None:
        super().__init__(restart, Interval(1e9))
        self._step = step

    @property
    def due(self) -> bool:
        return True

    def write(self, progress: Progress) -> None:
        if progress.step == self._step:
            super().write(progress)
            raise Killed


def trained(
    objective: FieldObjective, method: str, every: int = 3, resample: int = 0, log_every: int = 5, saves: Saves | None = None
) -> History:
    settings = phased(STEPS, log_every, {"even": 3, "logarithmic": 0} if log_every > 1 else {"even": 18, "logarithmic": 0})
    settings = settings.model_copy(update={"weights": WeightSettings(method=method, every=every)})
    return train(objective, at(objective), settings, "convection", saves, resample)


@pytest.mark.parametrize(("method", "resample"), [("fixed", 4), ("ntk", 0), ("gradients", 4)])
def test_a_training_that_is_killed_at_any_step_ends_as_an_undisturbed_one(
    objective: FieldObjective, tmp_path: Path, method: str, resample: int
) -> None:
    expected = trained(objective, method, resample=resample)
    for step in range(1, 17):
        restart = Restart(tmp_path / f"{step}.nc", {"step": step})
        with pytest.raises(Killed):
            trained(objective, method, resample=resample, saves=Dying(restart, step))
        found = trained(objective, method, resample=resample, saves=Saves(restart, Interval(1e9)))
        for record, other in zip(found.records, expected.records, strict=True):
            np.testing.assert_array_equal(list(record.values()), list(other.values()), str(step))
        np.testing.assert_array_equal(found.snapshots[-1][2], expected.snapshots[-1][2])
