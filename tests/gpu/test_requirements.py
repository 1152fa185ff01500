"""What `make test-gpu` needs on a machine with a GPU: torch, numpy, scipy, xarray, netCDF4, pydantic and pytest, and what these require."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from cases import initial, small
from gpu import __main__ as command
from gpu.agreement import close

TESTS = Path(command.FOLDER).parent
ABSENT = ("gudhi", "hypothesis", "jsonschema", "matplotlib", "seaborn", "skfem", "snakemake", "tqdm", "xdist", "yaml")
PROGRAM = f"""
import json, sys
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent / "workflow")!r}]
sys.modules.update(dict.fromkeys({ABSENT}))  # no import finds them
from importlib import import_module
for name in ("benchmark", *{tuple(path.stem for path in sorted(TESTS.glob("gpu/test_*.py")))}):
    if name not in ("test_pretended", "test_requirements"):
        import_module("gpu." + name)
from cases import initial, small
from gpu.settings import technique
from settings_cases import applied
from gpu.test_techniques import on
applied("curves", on("cpu", "poisson1d", ("strong-form",), 2), **technique("curves", "dense"))
objective, theta = small().objective("strong-form"), initial(small())
loss, gradient = objective.loss_and_gradient(theta)
print(json.dumps([[float(loss)], gradient.tolist(), objective.hessian_product(theta, gradient).tolist()]))
"""


def test_nothing_else_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objective, theta = small().objective("strong-form"), initial(small())
    loss, gradient = objective.loss_and_gradient(theta)
    expected = loss[None], gradient, objective.hessian_product(theta, gradient)
    for found, reference in zip(json.loads(done.stdout), expected, strict=True):
        close(torch.tensor(found, dtype=torch.float64), reference)


def test_without_a_gpu_the_command_says_so_and_succeeds(monkeypatch, capsys) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main() == 0
    assert (
        capsys.readouterr().out == f"make test-gpu: torch {torch.__version__} finds no GPU here, so there is nothing to test\n"
    )


def test_a_package_that_is_missing_is_named(monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "NEEDED", ("torch", "a_package_that_is_not_there"))
    assert command.main() == 1
    assert capsys.readouterr().out.startswith(f"make test-gpu: {sys.executable} has no a_package_that_is_not_there; install")
