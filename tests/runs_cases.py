"""Small trainings that the tests of techniques share."""

from dataclasses import replace
from functools import cache

import numpy as np
from cases import initial, small
from settings_cases import phased

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.losses.discretization import Discretization
from pinnscape.problems.points import Rule
from pinnscape.problems.rules import Rules
from pinnscape.techniques import catalog
from pinnscape.training.checkpoints import select
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train
from pinnscape.training.runs import Run, Runs

PHASES = [
    {"optimizer": "adam", "steps": 30, "learning_rate": 0.01, "decay": 0.5},
    {"optimizer": "lbfgs", "steps": 60, "history_size": 10, "gradient_tolerance": 1e-9},
]


@cache
def tiny(problem: str = "poisson2d", seeds: int = 2, formulations: tuple[str, ...] = tuple(FORMULATIONS)) -> Runs:
    """Runs of a problem with a network of two layers of width 4, after 90 steps."""
    discretized = small(problem)
    runs = [run_of(discretized, problem, f, seed) for f in formulations for seed in range(seeds)]
    assert all(np.isfinite(run.snapshots).all() for run in runs)
    return Runs(discretized, tuple(runs))


def run_of(discretized: Discretization, problem: str, formulation: str, seed: int, steps: int | None = None) -> Run:
    """One training, with other numbers of steps if wanted."""
    phases = [{**phase, "steps": steps or phase["steps"]} for phase in PHASES]
    objective, origin = discretized.objective(formulation), initial(discretized, seed)
    history = train(objective, origin, phased(phases, 10, {"even": 9, "logarithmic": 5}), f"{problem}/{formulation}/{seed}")
    training = training_dataset(history, discretized)
    training = training.assign_attrs(case=problem, trained_on=formulation, seed=seed)
    return Run(formulation, seed, select(training, {"middle": 0.2}), training)


def suited(name: str, runs: Runs) -> Runs:
    """Runs that have what a technique needs: with random points in place of a quadrature rule, if it draws points."""
    if "draws" not in catalog.TECHNIQUES[name].needs:
        return runs
    return replace(runs, family=runs.discretization.with_rules(Rules(Rule("monte-carlo", 30))))
