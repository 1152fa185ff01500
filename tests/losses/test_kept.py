"""What SymPy derives is kept between processes, and never for another problem."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from naive import random_theta
from settings_cases import model

from pinnscape.files.kept import Kept, made
from pinnscape.losses import model as models
from pinnscape.losses.discretization import Discretization
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.language import Dirichlet, Interval, Problem, sin
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.problems.registry import PROBLEMS

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_MEMORIES", {})


def memory(name: str, folder: Path | None, parameters: dict | None = None, conditions: dict | None = None) -> Kept:
    models._MEMORIES.clear()
    found = models.kept(load(name, parameters), conditions or {}, folder)
    assert found is not None
    return found


def discretized(name: str, kept: Kept | None, parameters: dict | None = None) -> Discretization:
    problem = load(name, parameters)
    network = models.architecture(problem, models.statement.ansatz(problem), model(name).network)
    return Discretization(problem, network, Rule("gauss-legendre", 4), kept=kept)


@pytest.mark.parametrize("name", PROBLEMS)
def test_derivations_from_files_give_the_same_numbers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = discretized(name, memory(name, tmp_path))
    monkeypatch.setitem(sys.modules, "sympy", None)  # cannot be imported any more
    read = discretized(name, memory(name, tmp_path))
    theta = random_theta(fresh.network)
    for loss in fresh.losses:
        for one, other in zip(
            fresh.objective(loss).loss_and_gradient(theta), read.objective(loss).loss_and_gradient(theta), strict=True
        ):
            assert torch.equal(one, other)


def test_problems_and_settings_are_kept_apart_and_values_of_parameters_are_not(tmp_path: Path) -> None:
    stiff, soft = ({"mu": mu} for mu in (1.0, 1.5))
    kept = {memory("neo_hookean2d", tmp_path, parameters).key for parameters in (stiff, soft)}
    kept.add(memory("neo_hookean2d", tmp_path, stiff, {"boundary": {"enforce": "soft"}}).key)
    kept |= {memory(name, tmp_path).key for name in ("poisson1d", "poisson2d", "semilinear2d")}
    assert len(kept) == 5
    discretized("neo_hookean2d", memory("neo_hookean2d", tmp_path, stiff), stiff)
    known = discretized("neo_hookean2d", memory("neo_hookean2d", tmp_path, soft), soft)
    theta = random_theta(known.network)
    for loss in known.losses:  # what was derived for one value is right for the other
        fresh = discretized("neo_hookean2d", None, soft).objective(loss)
        assert torch.equal(known.objective(loss).gradient(theta), fresh.gradient(theta))
        assert loss == "supervised" or not torch.equal(
            discretized("neo_hookean2d", None, stiff).objective(loss).loss(theta), fresh.loss(theta)
        )


@pytest.mark.parametrize("damage", ["", "{", "null", '{"sha256": "0", "kept": {"order": 1, "text": "1/0"}}'])
def test_damaged_files_are_made_again(tmp_path: Path, damage: str) -> None:
    discretized("semilinear2d", memory("semilinear2d", tmp_path))
    contents = {file: file.read_text() for file in tmp_path.iterdir()}
    assert len(contents) > 1
    for file in contents:
        file.write_text(damage)
    discretized("semilinear2d", memory("semilinear2d", tmp_path))
    assert {file: file.read_text() for file in tmp_path.iterdir()} == contents


def test_a_memory_is_asked_before_anything_is_derived(tmp_path: Path) -> None:
    calls = []

    def make() -> dict:
        calls.append(1)
        return {"found": len(calls)}

    for folder in (None, tmp_path):
        calls.clear()
        kept = Kept(folder, "key")
        assert [made(kept, "name", make), made(kept, "name", make)] == [{"found": 1}] * 2
        assert made(Kept(folder, "other"), "name", make) == {"found": 2}
        assert made(Kept(folder, "key"), "name", make) == ({"found": 3} if folder is None else {"found": 1})
    assert made(None, "name", make) == {"found": 3}


def own(factor: float) -> type[Problem]:
    class Own(Problem):
        domain = Interval(0, 1)

        def conditions(self):
            return Dirichlet()

        def density(self, p, u):
            return factor * u.x**2

        def exact(self, p):
            return sin(p.x)

    return Own


def test_a_problem_that_is_written_in_no_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = []
    for factor in (1.0, 2.0):  # as when a cell of a notebook is edited and run again
        problem = own(factor)
        monkeypatch.setattr(problem, "__module__", "notebook")
        kept = models.kept(problem(), {}, tmp_path)
        assert kept is None
        d = Discretization(problem(), Mlp(1, 1, 3, 1), Rule("gauss-legendre", 4), kept=kept)
        values.append(float(d.objective("deep-ritz").loss(random_theta(d.network))))
    assert abs(values[0] - values[1]) > 1e-3
    assert not list(tmp_path.iterdir())


def test_another_content_of_a_file_is_another_problem(tmp_path: Path) -> None:
    text = "from pinnscape.problems.language import *\n\n\nclass Mine(Problem):\n    domain = Interval(0, 1)\n\n    def conditions(self):\n"
    text += "        return Dirichlet()\n\n    def density(self, p, u):\n        return {} * u.x**2\n"
    file, keys = tmp_path / "mine.py", set()
    for factor in (1.0, 2.0, 2.0):
        file.write_text(text.format(factor))
        keys.add(memory(str(file), tmp_path).key)
    assert len(keys) == 2


def test_a_folder_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    d = discretized("poisson1d", memory("poisson1d", tmp_path / "file"))
    assert len(d.assembly.group("strong-form/interior").derived) == 4


def test_what_cannot_be_derived_says_why_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Absolute(own(1.0)):
        def density(self, p, u):
            return torch.cosh(u.x)

    for _ in range(2):
        kept = Kept(tmp_path, "absolute")
        caplog.clear()
        Discretization(Absolute(), Mlp(1, 1, 3, 1), Rule("gauss-legendre", 4), kept=kept)
        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(said) == 2  # both losses with the density
        assert all("cannot be derived symbolically (" in line and line.endswith("it runs slower") for line in said)


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
quadrature = {{"rule": "gauss-legendre", "points": 4}}
model = Model.of({{"problem": "poisson2d", "network": network, "quadrature": quadrature, "parameters": {{}}}})
d = discretization(model, compiler=Compiler(Path({str(tmp_path)!r})))
assert None not in d.assembly.natives
d.energy_minimum
print("sympy" in sys.modules, "torch._dynamo" in sys.modules)
"""
    first, second = (
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(2)
    )
    assert first[0] == "True"
    assert second == ["False", "False"]
