"""Every technique that takes a device, made small: its file on the device and on the CPU."""

from functools import cache

import numpy as np
import pytest
import torch
from cases import small
from gpu.agreement import datasets_agree
from gpu.settings import TECHNIQUES, technique
from runs_cases import run_of, suited
from settings_cases import applied

from pinnscape.techniques import catalog
from pinnscape.training.runs import Run, Runs

PHYSICS = ("deep-ritz", "strong-form")
# By the route of eigenvalues: problem and formulations. The problem is small, because every operation of torch is checked; other
# tests compare the losses of vector problems.
STUDIES = {"dense": ("semilinear2d", PHYSICS), "products": ("semilinear2d", PHYSICS[1:])}
BETWEEN_SEEDS = ("interpolation", "barriers", "curves", "three_points")  # the others take each run by itself
ROUTES = [
    (name, route)
    for name, settings in TECHNIQUES.items()
    for route in ("dense", *(["products"] if "dense_limit" in settings else []))
]
# Trainings and searches multiply rounding at each of their few steps; eigenvalues by products have the errors of Lanczos processes.
TOLERANCE = 1e-6
# Rounding itself, or what is divided by it.
ROUNDING = {"residual": np.inf, "angle_error": 1e-2}


@cache
def trained(problem: str, formulation: str, seed: int) -> Run:
    """A training on the CPU."""
    return run_of(small(problem, width=3, depth=1, points=5), problem, formulation, seed, steps=8)


def on(device: torch.device | str, problem: str, formulations: tuple[str, ...], seeds: int) -> Runs:
    found = [trained(problem, formulation, seed) for formulation in formulations for seed in range(seeds)]
    return Runs(small(problem, width=3, depth=1, points=5, device=device), tuple(found))


def test_all_techniques_that_take_a_device_are_here() -> None:
    assert {name for name, technique in catalog.TECHNIQUES.items() if not technique.surfaces} == set(TECHNIQUES)


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_a_technique_gives_what_it_gives_on_the_cpu(name, route, device) -> None:
    found, expected = (
        applied(name, suited(name, on(place, *STUDIES[route], 2 if name in BETWEEN_SEEDS else 1)), **technique(name, route))
        for place in (device, "cpu")
    )
    assert any(np.isfinite(values).any() for values in expected.data_vars.values() if values.dtype.kind == "f")
    datasets_agree(found, expected, TOLERANCE, ROUNDING)
