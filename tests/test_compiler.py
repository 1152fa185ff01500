"""Machine code gives the numbers of eager code, is kept, and is done without where there is no compiler."""

import logging
import shutil
from pathlib import Path

import pytest
import torch
from cases import PROBLEMS, initial, small

from pinnscape.compiler import Compiler
from pinnscape.model import discretization
from pinnscape.objective import FORMULATIONS, Objective

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


def model(depth: int) -> dict:
    """The settings of ``cases.small``."""
    return {
        "network": {"width": 4, "depth": depth, "activation": "tanh"},
        "quadrature": {"rule": "gauss-legendre", "points": 8},
        "parameters": {},
    }


def compiled(problem: str, folder: Path, depth: int = 1):
    return discretization(problem, model(depth), compiler=Compiler(folder))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    scale = expected[expected.isfinite()].abs().max()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * float(scale), equal_nan=True)


@needs_compiler
@pytest.mark.slow
def test_measurements_agree_also_where_the_energy_does_not_exist(folder: Path) -> None:
    eager = small("neo_hookean2d", depth=1)
    origin = initial(eager)
    thetas = torch.stack([origin, 0.5 * origin, 40.0 * origin, -origin]).reshape(2, 2, -1)
    expected = eager.measure(thetas)
    assert expected["inverted"].tolist() == [[False, False], [True, False]]
    found = compiled("neo_hookean2d", folder).measure(thetas)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].shape == (2, 2)
        assert found[name].dtype == values.dtype
        close(found[name].double(), values.double())
    assert len(list(folder.glob("*.pt2"))) == 1


@needs_compiler
@pytest.mark.slow
def test_a_gradient_agrees_and_is_compiled_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    eager = Objective(small("semilinear2d", depth=1), "strong-form")
    theta = initial(eager.discretization)
    expected = eager.loss_and_gradient(theta)
    kept = None
    for message in ("compiling the gradient of the strong-form loss", None):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="pinnscape.compiler"):
            found = Objective(compiled("semilinear2d", folder), "strong-form").loss_and_gradient(theta)
        assert [record.getMessage().split(";")[0] for record in caplog.records] == ([message] if message else [])
        close(found[0], expected[0])
        close(found[1], expected[1])
        files = {path: path.stat().st_mtime_ns for path in folder.glob("*.pt2")}
        assert kept is None or files == kept
        kept = files


@needs_compiler
@pytest.mark.slow
def test_the_value_alone_agrees_and_needs_no_graph(folder: Path) -> None:
    eager = Objective(small("poisson1d", depth=1), "deep-ritz")
    theta = torch.stack([initial(eager.discretization, seed) for seed in range(4)]).reshape(2, 2, -1)
    assert not eager.loss(theta.requires_grad_()).requires_grad
    theta = theta.detach()
    torch.testing.assert_close(eager.loss(theta), eager(theta), rtol=0, atol=0)
    found = Objective(compiled("poisson1d", folder), "deep-ritz").loss(theta)
    assert found.shape == (2, 2)
    close(found, eager(theta))


@needs_compiler
@pytest.mark.slow
def test_hessian_products_agree(folder: Path) -> None:
    eager = Objective(small("poisson1d", depth=1), "strong-form")
    theta = initial(eager.discretization)
    vectors = torch.randn(3, eager.size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = Objective(compiled("poisson1d", folder), "strong-form")
    close(found.hessian_product(theta, vectors), eager.hessian_product(theta, vectors))
    close(found.hessian_product(theta, vectors[1]), eager.hessian_product(theta, vectors[1]))


def test_a_changed_constant_is_another_function(tmp_path: Path) -> None:
    from pinnscape.compiler import _fingerprint, _trace

    theta = torch.ones(3, dtype=torch.float64)
    constants = [torch.tensor([1.0, 2.0, value], dtype=torch.float64) for value in (3.0, 3.0, 3.5)]
    names = [_fingerprint(_trace(lambda t, c=c: (t * c).sum(), (theta,)), (theta,)) for c in constants]
    assert names[0] == names[1] != names[2]
    single = [t.float() for t in (theta, constants[0])]
    assert _fingerprint(_trace(lambda t: (t * single[1]).sum(), (single[0],)), (single[0],)) != names[0]
    longer = _fingerprint(_trace(lambda t: (2 * t * constants[0]).sum(), (theta,)), (theta,))
    assert longer != names[0]


def test_without_a_compiler_the_log_says_so_and_the_numbers_are_eager(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no C++ compiler found\nmore lines")

    monkeypatch.setattr(Compiler, "_build", fail)
    objective = Objective(compiled("poisson2d", tmp_path), "deep-ritz")
    theta = initial(objective.discretization)
    with caplog.at_level(logging.WARNING, logger="pinnscape.compiler"):
        found = [objective.loss_and_gradient(theta) for _ in range(3)]
    (record,) = caplog.records
    assert record.getMessage() == (
        "the gradient of the deep-ritz loss is not compiled (RuntimeError: no C++ compiler found): it runs slower"
    )
    expected = Objective(small(depth=1), "deep-ritz").loss_and_gradient(theta)
    assert all(bool(a == b) for a, b in zip((f[0] for f in found), [expected[0]] * 3, strict=True))
    torch.testing.assert_close(found[0][1], expected[1], rtol=0, atol=0)
    assert not list(tmp_path.glob("*.pt2"))


def test_code_with_wrong_numbers_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: torch.Tensor) -> list[torch.Tensor]:
        loss, gradient = truth(*arguments)
        return [loss, gradient * (1.0 + 1e-6)]

    objective = Objective(compiled("poisson2d", tmp_path), "deep-ritz")
    truth = objective._value_and_gradient
    monkeypatch.setattr(Compiler, "_build", lambda *_: None)
    monkeypatch.setattr("pinnscape.compiler._load", lambda *_: wrong)
    theta = initial(objective.discretization)
    with caplog.at_level(logging.WARNING, logger="pinnscape.compiler"):
        found = objective.gradient(theta)
    assert "gives other numbers than the function itself" in caplog.text
    torch.testing.assert_close(found, Objective(small(depth=1), "deep-ritz").gradient(theta), rtol=0, atol=0)


def test_whether_it_pays_depends_on_the_work_alone(tmp_path: Path) -> None:
    assert Compiler(tmp_path).pays("gradient", 10, 1)
    few, many = Compiler(tmp_path, {"gradient": 100}), Compiler(tmp_path, {"gradient": 100_000})
    assert not few.pays("gradient", 200, 1000)
    assert few.pays("gradient", 200, 10**9)
    assert many.pays("gradient", 200, 1000)
    assert not many.pays("product", 200, 10**9)


def test_little_work_is_not_even_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pinnscape.compiler._trace", lambda *_: pytest.fail("traced"))
    few = discretization("poisson2d", model(1), compiler=Compiler(tmp_path, {"gradient": 50}))
    theta = initial(few)
    torch.testing.assert_close(
        Objective(few, "deep-ritz").gradient(theta), Objective(small(depth=1), "deep-ritz").gradient(theta)
    )


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_blocks_of_points_sum_up_to_the_whole(problem: str, formulation: str) -> None:
    whole = small(problem)
    split = discretization(problem, model(2), memory=0.01)  # ten kilobytes: some points at a time
    assert 1 < len(split.parts) <= 64
    assert sum(len(part.points) for part in split.parts) == len(split.points)
    theta = initial(whole)
    a, b = Objective(whole, formulation), Objective(split, formulation)
    close(b(theta), a(theta))
    close(b.gradient(theta), a.gradient(theta))
    vectors = torch.eye(a.size, dtype=torch.float64)[:2]
    close(b.hessian_product(theta, vectors), a.hessian_product(theta, vectors))
    expected = whole.measure(theta[None])
    for name, values in split.measure(theta[None]).items():
        close(values.double(), expected[name].double())
