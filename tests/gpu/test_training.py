"""Training on the device: the same path as on the CPU as far as rounding lets it, and the same bits every time."""

from itertools import count

import numpy as np
import pytest
import torch
import xarray as xr
from cases import initial, small
from gpu.agreement import close, datasets_agree, lies_on
from settings_cases import phased

from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import train
from pinnscape.training.natural_gradient import NaturalGradient
from pinnscape.training.optimizers import start
from pinnscape.training.progress import Progress, from_dataset, to_dataset

PHASES = [
    {"optimizer": "adam", "steps": 10, "learning_rate": 0.01, "decay": 0.5},
    {"optimizer": "lbfgs", "steps": 10, "history_size": 4, "gradient_tolerance": 1e-9},
]
TRAINING = phased(PHASES, 5, {"even": 4, "logarithmic": 0})
# Of 20 steps: Adam divides by the root of a gradient's square, and a line search multiplies differences by the condition of what it sees.
PATH = 1e-8


class Keeping:
    """``Saves`` in memory: takes the progress after one step, or gives it."""

    def __init__(self, after: int, found: xr.Dataset | None = None) -> None:
        self._steps, self._after, self.found = count(1), after, found

    @property
    def due(self) -> bool:
        return next(self._steps) == self._after

    def read(self, device: torch.device) -> Progress | None:
        return None if self.found is None else from_dataset(self.found, device)

    def write(self, progress: Progress) -> None:
        self.found = to_dataset(progress)


def trained(problem: str, formulation: str, device: torch.device | str = "cpu", saves: Keeping | None = None):
    objective = small(problem, device=device).objective(formulation)
    theta = initial(small(problem)).to(device)
    return objective, train(objective, theta, TRAINING, "tiny", saves)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("problem", "formulation"), [("poisson2d", "strong-form"), ("neo_hookean2d", "deep-ritz")])
def test_a_training_is_that_of_the_cpu(problem, formulation, device) -> None:
    (ours, found), (cpu, expected) = trained(problem, formulation, device), trained(problem, formulation)
    for name in expected.records[0]:
        close(found.column(name), expected.column(name), PATH)
    for (step, _, theta), (other, _, reference) in zip(found.snapshots, expected.snapshots, strict=True):
        assert step == other
        close(theta, reference, PATH)
    loose = {"quadrature_error": 1e-2, "energy_minimum_error": 1e-2}  # little more than rounding
    datasets_agree(training_dataset(found, ours.discretization), training_dataset(expected, cpu.discretization), PATH, loose)
    datasets_agree(solution_dataset(found, ours.discretization), solution_dataset(expected, cpu.discretization), 1e-6)


@pytest.mark.parametrize("after", [4, 15])
def test_a_training_ends_in_the_same_bits_again_and_when_it_goes_on_from_a_file(after, device) -> None:
    kept = Keeping(after)
    _, whole = trained("poisson2d", "deep-ritz", device, kept)
    _, again = trained("poisson2d", "deep-ritz", device)
    assert kept.found is not None
    assert int(kept.found["step"]) == after
    _, resumed = trained("poisson2d", "deep-ritz", device, Keeping(-1, kept.found))
    for other in (again, resumed):
        for name in whole.records[0]:
            assert np.array_equal(other.column(name), whole.column(name), equal_nan=True), name
        for (_, _, theta), (_, _, expected) in zip(other.snapshots, whole.snapshots, strict=True):
            assert np.array_equal(theta, expected)


@pytest.mark.parametrize(("dense_limit", "method"), [(100, "dense"), (24, "kernel"), (0, "krylov")])
@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_a_step_of_natural_gradient_is_that_of_the_cpu(dense_limit, method, formulation, device) -> None:
    losses = []
    for place in (device, torch.device("cpu")):
        objective = small("poisson1d", points=12, width=6, device=place).objective(formulation)
        state = start(objective.loss_and_gradient, initial(small("poisson1d", points=12, width=6)).to(place))
        optimizer = NaturalGradient(
            objective, 1e-8, 8, dense_limit, 30
        )  # a cutoff above what rounding does to small eigenvalues
        assert optimizer.method == method
        successor = optimizer.step(state)
        assert successor is not None
        assert successor.loss < state.loss
        lies_on(place, successor.theta, successor.gradient)
        losses.append(successor.loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
