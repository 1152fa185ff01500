"""Every technique that takes a device, made small: its file on the device and on the CPU."""

from functools import cache

import numpy as np
import pytest
import torch
from cases import small
from gpu.agreement import datasets_agree
from gpu.settings import TECHNIQUES, plain
from runs_cases import run_of

from pinnscape.techniques import catalog
from pinnscape.training.runs import Run, Runs

PROBLEM, FORMULATIONS = "neo_hookean2d", ("deep-ritz", "strong-form")
ROUTES = [
    (name, route)
    for name, settings in TECHNIQUES.items()
    for route in ("dense", *(["products"] if "dense_limit" in settings else []))
]
# Trainings and searches multiply rounding at each of their few steps; eigenvalues by products have the errors of Lanczos processes.
TOLERANCE = 1e-6
# Rounding itself, or what is divided by it.
ROUNDING = {"residual": np.inf, "rate": 1e-3}


@cache
def runs() -> tuple[Run, ...]:
    """Two seeds of each formulation, on the CPU."""
    discretized = small(PROBLEM, width=3, depth=1, points=5)
    return tuple(run_of(discretized, PROBLEM, f, seed, steps=8) for f in FORMULATIONS for seed in range(2))


def on(device: torch.device | str) -> Runs:
    return Runs(small(PROBLEM, width=3, depth=1, points=5, device=device), runs())


def test_all_techniques_that_take_a_device_are_here() -> None:
    assert {name for name, technique in catalog.TECHNIQUES.items() if not technique.surfaces} == set(TECHNIQUES)


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_a_technique_gives_what_it_gives_on_the_cpu(name, route, device) -> None:
    settings = plain(TECHNIQUES[name], route)
    measure = catalog.module(name).measure
    found, expected = measure(on(device), settings), measure(on("cpu"), settings)
    assert any(np.isfinite(values).any() for values in expected.data_vars.values() if values.dtype.kind == "f")
    datasets_agree(found, expected, TOLERANCE, ROUNDING)
