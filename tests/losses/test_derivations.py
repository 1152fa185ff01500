"""Derivations are kept between processes, and never for another problem."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from naive import random_points

from pinnscape.losses import derivations
from pinnscape.losses.native.generate import NotCompilable
from pinnscape.networks.jets import function_jet
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import CATALOG, problem
from pinnscape.problems.euler_lagrange import EulerLagrange

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivations, "_MEMORY", {})


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", CATALOG)
def test_an_operator_from_a_file_gives_the_same_numbers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem(name)
    fresh = EulerLagrange(p.density, p.dimension, len(p.components))
    derivations.operator(p, tmp_path)
    monkeypatch.setattr(derivations, "_MEMORY", {})
    read = derivations.operator(p, tmp_path)
    assert (read.source, read.principal) == (fresh.source, fresh.principal)
    x = random_points(5, p.dimension)
    jet = function_jet(p.exact, x)
    assert torch.equal(read(x, jet), fresh(x, jet))
    assert derivations.code(p, read) == derivations.code(p, fresh)


def test_a_problem_another_constant_and_another_problem_are_kept_apart(tmp_path: Path) -> None:
    for parameters in ({"mu": 1.0}, {"mu": 1.0}, {"mu": 1.5}):
        derivations.operator(problem("neo_hookean2d", parameters), tmp_path)
    assert len(kept(tmp_path)) == 2
    texts = {derivations.operator(problem("neo_hookean2d", {"mu": mu}), tmp_path).source for mu in (1.0, 1.5)}
    assert len(texts) == 2
    derivations.operator(problem("poisson2d"), tmp_path)
    derivations.operator(problem("semilinear2d"), tmp_path)
    assert len(kept(tmp_path)) == 4


@pytest.mark.parametrize("damage", ["", "{", "null", '{"sha256": "0", "kept": {"isotropic": true, "text": "1/0"}}'])
def test_a_damaged_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    p = problem("semilinear2d")
    expected = derivations.operator(p, tmp_path).source
    (file,) = tmp_path.iterdir()
    content = file.read_text()
    file.write_text(damage)
    monkeypatch.setattr(derivations, "_MEMORY", {})
    assert derivations.operator(p, tmp_path).source == expected
    assert file.read_text() == content


def test_a_problem_from_elsewhere_is_not_kept(tmp_path: Path) -> None:
    class Own(Problem):
        dimension = 1

        def density(self, x, u, du):
            return (du * du).sum((-2, -1))

    for factor in (1.0, 2.0):  # as when a cell of a notebook is edited and run again
        Own.density = lambda self, x, u, du, factor=factor: factor * (du * du).sum((-2, -1))
        x = random_points(3, 1)
        jet = function_jet(lambda x: x**2, x)
        found = derivations.operator(Own(), tmp_path)
        torch.testing.assert_close(found(x, jet), torch.full_like(x, -4.0 * factor))
    assert kept(tmp_path) == set()


def test_a_folder_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert derivations.operator(problem("poisson1d"), tmp_path / "file").source is not None


def test_what_cannot_be_compiled_says_why_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_):
        raise NotCompilable("there is no machine code for that")

    monkeypatch.setattr(derivations, "functions", refuse)
    p = problem("poisson1d")
    for _ in range(2):
        with pytest.raises(NotCompilable, match="there is no machine code for that"):
            derivations.code(p, derivations.operator(p, tmp_path), tmp_path)
        monkeypatch.setattr(derivations, "_MEMORY", {})


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_the_second_job_needs_no_sympy(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(WORKFLOW)!r})
from pathlib import Path
from pinnscape.config.sections import Model
from pinnscape.losses.model import discretization
from pinnscape.losses.native.build import Compiler
network = {{"width": 3, "depth": 1, "activation": "tanh"}}
model = Model.of({{"network": network, "quadrature": {{"rule": "gauss-legendre", "points": 4}}, "parameters": {{}}}})
d = discretization("poisson2d", model, compiler=Compiler(Path({str(tmp_path)!r})))
assert d.kernels is not None
d.energy_minimum
print("sympy" in sys.modules, "torch._dynamo" in sys.modules)
"""
    first, second = (
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(2)
    )
    assert first[0] == "True"
    assert second == ["False", "False"]
