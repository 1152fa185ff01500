"""Above their dense limits no technique makes a tensor of the size of a matrix of P rows and columns."""

from typing import Any

import pytest
import torch
import yaml
from runs_cases import run_of
from settings_cases import applied, model
from study_cases import ROOT
from torch.utils._python_dispatch import TorchDispatchMode

from pinnscape.losses.model import discretization
from pinnscape.losses.native.build import Compiler
from pinnscape.techniques import catalog
from pinnscape.training.runs import Runs

pytestmark = pytest.mark.xdist_group("large networks")  # one process runs them all: they share what a fixture makes

# Techniques that look at Hessians, Jacobians or subspaces.
NAMES = [
    "gradient_subspace",
    "stability",
    "sharpness",
    "goldilocks",
    "curvature_map",
    "learning_coefficient",
    "ntk",
    "refinement",
    "intrinsic_dimension",
    "formulations",
    "trajectory_geometry",
    "critical_points",
]
SMALL = {
    "gradient_subspace": {"points": 2, "dimensions": [1, 3]},
    "stability": {"points": 2, "eigenvalues": 2, "steps": 4, "record_every": 2, "fractions": [0.5], "adam_rates": [0.01]},
    "goldilocks": {"dimension": 3, "draws": 1, "radii": 2},
    "critical_points": {"snapshots": 2, "random": 0, "steps": 4, "history_size": 4, "hessians": 1},
    "formulations": {"snapshots": 2, "points": 3},
    "ntk": {"checkpoints": ["final"], "subspace": 3},
    "refinement": {"steps": 2, "lengths": 4, "eigenvalues": 2},
}
FEW = {"eigensolver": {"lanczos_steps": 12, "dense_limit": 0}, "trace_products": 9, "eigenpairs": 2}


class Largest(TorchDispatchMode):
    """Notes the largest number of entries of a tensor that an operation gives, memory that it shares aside."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(made, torch.Tensor):
                self.entries = max(self.entries, made.untyped_storage().nbytes() // made.element_size())
        return result


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Both physics losses with 673 parameters and 8 points, by machine code: under the watch, operations of torch take ten times as long."""
    discretized = discretization(model("poisson1d", width=24), compiler=Compiler(tmp_path_factory.mktemp("kernels")))
    return Runs(discretized, tuple(run_of(discretized, "poisson1d", f, 0, steps=4) for f in ("deep-ritz", "strong-form")))


def settings(name: str) -> Any:
    """Small ones, with every limit at 0."""
    tiny = yaml.safe_load((ROOT / "tests/tiny_techniques.yaml").read_text())["techniques"].get(name, {})
    section = catalog.module(name).Settings
    few = {key: value for key, value in FEW.items() if key in section.model_fields}
    return section.of({**tiny, **SMALL.get(name, {}), **few})


@pytest.mark.parametrize("name", NAMES)
def test_no_tensor_has_the_size_of_a_square_matrix_of_the_parameters(name, runs):
    size = runs.discretization.network.size
    with Largest() as seen:
        data = applied(name, runs, settings(name))
    assert data.sizes["trained_on"] == 2
    assert size < seen.entries < size**2 / 2  # 300 vectors of a Lanczos process are allowed
