"""What training.nc and solution.nc say of the solution with which networks are compared."""

import pytest

from pinnscape.config.sections import TrainingSettings
from pinnscape.interactive.calls import objective
from pinnscape.losses.objective import tensor
from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import train

PHASES = [{"optimizer": "adam", "steps": 1, "learning_rate": 0.01, "decay": 1.0}]
UNKNOWN = "no exact solution and no reference is known"


@pytest.mark.parametrize(
    ("problem", "known", "withheld"), [("poisson1d", "exact", {None}), ("burgers", None, {UNKNOWN})], ids=["exact", "none"]
)
def test_files_say_whether_and_why_a_solution_is_known(problem, known, withheld):
    loss = objective(problem, "strong-form", width=3, depth=1, points=4)
    theta = tensor(loss.discretization.network.initial("glorot", 0), loss.device)
    history = train(loss, theta, TrainingSettings.of({"phases": PHASES}), problem)
    assert solution_dataset(history, loss.discretization).attrs.get("known") == known
    training = training_dataset(history, loss.discretization)
    assert {training[name].attrs.get("withheld") for name in ("l2_error", "h1_error")} == withheld
