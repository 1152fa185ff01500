"""Landscapes, curvature and techniques of a module, in a notebook: the numbers of loops written by hand."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from module_cases import Loop, X, made, pinn, regression
from torch import Tensor, nn

import pinnscape as ps
from pinnscape.common.errors import ModelError
from pinnscape.landscape.directions import orthogonal
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.techniques.catalog import TECHNIQUES

SMALL = yaml.safe_load((Path(__file__).parents[1] / "tiny_techniques.yaml").read_text(encoding="utf-8"))["techniques"]
SMALL |= {
    "stability": {"points": 2, "eigenvalues": 2, "steps": 2, "record_every": 1},
    "critical_points": {"snapshots": 2, "random": 1, "scales": [1.0], "steps": 2, "hessians": 1},
}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
LEFT_OUT = {
    "three_points": "three_points compares trainings on two losses",
    "formulations": "formulations compares trainings on two losses",
    "intrinsic_dimension": "intrinsic_dimension needs errors relative to a known solution, named l2_error",
    "ntk": "ntk needs residuals; give them to `from_torch`",
    "refinement": "refinement needs residuals; give them to `from_torch`",
    "roughness_rules": "roughness_rules needs a boundary value problem",
    "noise": r"noise needs random points, or mini-batches: from_torch\(module, loss, batches=\.\.\.\)",
    "topology": "topology is computed from surfaces",
}


@pytest.fixture(scope="module")
def module() -> nn.Module:
    return made("pinn")


@pytest.fixture(scope="module")
def objective(module: nn.Module) -> ModuleObjective:
    return ps.from_torch(module, pinn, name="pinn", error=lambda m: {"largest": m(X).detach().abs().max()})


def trained(objective: ModuleObjective, seed: int) -> Tensor:
    """Snapshots (n, P) of gradient descent from a random point."""
    noise = torch.randn(objective.size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rows = [objective.theta + 0.3 * noise]
    for _ in range(30):
        rows.append(rows[-1] - 0.01 * objective.gradient(rows[-1]))
    return torch.stack(rows[::5])


@pytest.fixture(scope="module")
def trainings(objective: ModuleObjective) -> list[Tensor]:
    return [trained(objective, seed) for seed in (0, 1)]


# ---- surfaces ----


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
def test_a_plane_is_that_of_a_loop(dtype: torch.dtype) -> None:
    module = made("pinn", dtype)
    objective, loop = ps.from_torch(module, pinn, name="pinn"), Loop(module, pinn)
    found = ps.plane(objective, module, radius=0.3, points=5, tolerance=0, seed=4)
    rows = torch.tensor(orthogonal(objective.theta.numpy(), objective.layout, 2, [4, 1], "filter", "row"))
    np.testing.assert_allclose(found["norm"], rows.norm(dim=1))
    for i, a in enumerate(found["alpha"].values):
        for j, b in enumerate(found["beta"].values):
            expected = loop.value(objective.theta + a * rows[0] + b * rows[1])
            assert float(found["value"].sel(loss="pinn")[i, j]) == pytest.approx(expected, rel=TOLERANCE[dtype])
    assert found.attrs["axis_unit"] == "filter norms"
    assert found["term"].values.tolist() == ["pinn/interior", "pinn/initial"]
    np.testing.assert_allclose(found["term_value"].sum("term"), found["value"].sel(loss="pinn"), rtol=1e-6)


def test_a_plane_of_a_smooth_loss_is_interpolated_with_a_bound(objective: ModuleObjective, module: nn.Module) -> None:
    spectral = ps.plane(objective, module, radius=0.3, points=11)
    grid = ps.plane(objective, module, radius=0.3, points=11, tolerance=0)
    assert (spectral.attrs["method"], grid.attrs["method"]) == ("chebyshev", "grid")
    off = np.abs(spectral["value"] - grid["value"]).max()
    assert off <= float(spectral["bound"].sel(field="pinn"))
    np.testing.assert_allclose(spectral["further"], grid["further"], rtol=1e-12)  # measured at each point
    assert spectral["measure"].values.tolist() == ["largest"]


@pytest.mark.parametrize("kind", ["trajectory", "hessian-top", "hessian-extreme"])
def test_other_planes(objective: ModuleObjective, trainings: list[Tensor], kind: str) -> None:
    given = trainings[0] if kind == "trajectory" else trainings[0][-1]
    found = ps.plane(objective, given, kind=kind, points=5)
    final = float(objective.loss(trainings[0][-1]))
    assert found["value_at_origin"].item() == pytest.approx(final, rel=1e-12)
    if kind == "trajectory":
        np.testing.assert_allclose(found["trajectory_loss"].squeeze(), objective.loss(trainings[0]), rtol=1e-12)
    else:
        values = torch.linalg.eigvalsh(objective.hessian_product(trainings[0][-1], torch.eye(objective.size).double()))
        assert float(found["eigenvalue"][0]) == pytest.approx(float(values[-1]), rel=1e-9)


def test_lines_are_those_of_a_loop(objective: ModuleObjective, module: nn.Module) -> None:
    found, loop = ps.lines(objective, module, count=2, radius=0.2, points=3, tolerance=0), Loop(module, pinn)
    assert dict(found["value"].sizes) == {"loss": 1, "line": 2, "alpha": 3}
    np.testing.assert_allclose(found["value"].sel(alpha=0.0), loop.value(objective.theta), rtol=1e-12)
    assert len(np.unique(found["value"].sel(alpha=0.2))) == 2


def test_a_point_may_be_a_module_a_state_or_an_array(objective: ModuleObjective, module: nn.Module) -> None:
    expected = ps.spectrum(objective, objective.theta, extremes=2, density={"deflate": 0})
    for given in (module, module.state_dict(), objective.theta.numpy()):
        assert expected.identical(ps.spectrum(objective, given, extremes=2, density={"deflate": 0}))
    state = module.state_dict()
    with pytest.raises(ValueError, match=r"`theta` has no parameter 4\.bias; it must have all of 0\.weight, 0\.bias"):
        ps.plane(objective, {name: value for name, value in state.items() if name != "4.bias"})
    with pytest.raises(ValueError, match=r"the parameter 0\.bias of `theta` must have the shape \(6,\), not \(5,\)"):
        ps.plane(objective, state | {"0.bias": torch.zeros(5)})
    with pytest.raises(ValueError, match=r"`theta` must have the shape \(67,\) of the parameters, not \(3,\)"):
        ps.hessian(objective, torch.zeros(3))


# ---- curvature ----


@pytest.mark.parametrize("limit", [0, 2500])
def test_the_spectrum_is_that_of_the_hessian_of_a_loop(objective: ModuleObjective, module: nn.Module, limit: int) -> None:
    loop = Loop(module, pinn)
    matrix = torch.stack([loop.product(objective.theta, row) for row in torch.eye(objective.size, dtype=torch.float64)])
    expected = torch.linalg.eigvalsh(matrix).flip(0).numpy()
    solver = {"dense_limit": limit, "lanczos_steps": 67}
    found = ps.hessian(objective, module, extremes=3, eigensolver=solver, density={"deflate": 0})
    ends = [*expected[:3], *expected[-3:]]
    np.testing.assert_allclose(found["ritz_value"].squeeze(), ends, rtol=1e-7, atol=1e-9 * expected[0])
    assert (found["residual_norm"] < 1e-6 * expected[0]).all()
    only = ps.spectrum(objective, module, extremes=3, eigensolver=solver, density={"deflate": 0})
    np.testing.assert_array_equal(only["eigenvalue"], found["eigenvalue"])
    assert "density" not in only
    density = ps.density(objective, module, extremes=3, eigensolver=solver, density={"deflate": 0})
    np.testing.assert_array_equal(density["density"], found["density"])
    assert float(density["weight"].sum()) == pytest.approx(1.0)
    estimate, error = found["trace_estimate"].item(), found["trace_estimate_error"].item()
    assert estimate == pytest.approx(float(expected.sum()), abs=5 * error + 1e-9 * expected[0])


# ---- techniques ----


@pytest.mark.parametrize("name", [name for name in TECHNIQUES if name not in LEFT_OUT])
def test_a_technique_runs_on_a_module(objective: ModuleObjective, trainings: list[Tensor], name: str) -> None:
    found = getattr(ps, name)(objective, *trainings, **SMALL.get(name, {}))
    assert found["trained_on"].values.tolist() == ["pinn"]
    numbers = [values.values for values in found.data_vars.values() if values.dtype.kind == "f" and values.size]
    assert any(np.isfinite(values).any() for values in numbers)


@pytest.mark.parametrize(("name", "said"), LEFT_OUT.items())
def test_a_technique_that_lacks_something_says_what(
    objective: ModuleObjective, trainings: list[Tensor], name: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(ps, name)(objective, *trainings)


def test_noise_and_planes_of_mini_batches_say_which_they_are(module: nn.Module) -> None:
    def fit(m: nn.Module, batch: int | None = None) -> Tensor:
        own = X if batch is None else X[batch::4]
        return (m(own) - own.prod(1, keepdim=True)).square().mean()

    objective = ps.from_torch(module, fit, name="fit", batches=4)
    found = ps.noise(objective, module, checkpoints=["final"])
    assert found.sizes["draw"] == 4
    one = objective.drawn(0)
    plane = ps.plane(one, module, points=5, tolerance=0.0)
    assert plane.attrs["trained_on"] == one.name
    assert re.fullmatch(r"fit \(batch [1-4] of 4\)", one.name)
    assert one.name in ps.plot(plane).axes[0].get_title()
    assert float(plane["value_at_origin"].squeeze()) == pytest.approx(float(one.loss(one.theta)), rel=1e-12)


def test_topology_is_that_of_planes(objective: ModuleObjective, module: nn.Module) -> None:
    found = ps.topology(ps.plane(objective, module, points=11))
    assert found["loss"].values.tolist() == ["pinn"]


def test_residuals_give_kernels_and_natural_gradients() -> None:
    module = made("pinn")

    def misfit(m: nn.Module) -> Tensor:
        return (m(X) - X.prod(1, keepdim=True)) / 40**0.5

    objective = ps.from_torch(module, regression, residuals=misfit)
    found = ps.ntk(objective, module, checkpoints=["final"], subspace=3)
    j = objective.jacobian(objective.theta)
    values = torch.linalg.eigvalsh(j @ j.T).flip(0)
    np.testing.assert_allclose(found["kernel_eigenvalue"].squeeze()[:5], values[:5], rtol=1e-9)
    remainder = objective.hessian_product(objective.theta, torch.eye(67).double()) - 2.0 * j.T @ j
    assert float(found["norm"].sel(part="remainder").squeeze()) == pytest.approx(float(remainder.norm()), rel=1e-9)
    refined = ps.refinement(objective, module, checkpoints=["final"], steps=2, lengths=5)
    gap = refined["gap"].squeeze()
    assert float(gap[-1]) < 0.5 * float(gap[0])


def test_interpolation_and_barriers_are_those_of_loops(objective: ModuleObjective, trainings: list[Tensor], module) -> None:
    loop, (first, second) = Loop(module, pinn), trainings
    line = ps.interpolation(objective, first, points=3, extension=0)
    expected = [loop.value(t * first[-1] + (1 - t) * first[0]) for t in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(line["value"].squeeze(), expected, rtol=1e-10)
    barrier = ps.barriers(objective, first, second, points=5, starts=1)
    middle = loop.value(0.5 * (first[-1] + second[-1]))
    assert barrier["value"].sel(path="straight", alpha=0.5).item() == pytest.approx(middle, rel=1e-10)
    assert barrier["distance"].sel(path="aligned").item() < barrier["distance"].sel(path="straight").item()


def test_points_are_connected_by_the_technique_of_curves(objective: ModuleObjective, trainings: list[Tensor]) -> None:
    first, second = trainings[0][-1], trainings[1][-1]
    found = ps.connect(objective, first, second, **SMALL["curves"])
    np.testing.assert_array_equal(found["value"], ps.curves(objective, first, second, **SMALL["curves"])["value"])
    with pytest.raises(ValueError, match="`theta` must have the shape"):
        ps.connect(objective, first, trainings[1])


def test_a_network_that_is_no_chain_is_not_aligned() -> None:
    module = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 1)).double()
    objective = ps.from_torch(module, regression)
    with pytest.raises(ValueError, match="barriers needs a network whose hidden units can be permuted"):
        ps.barriers(objective, module, objective.theta + 1.0)


# ---- several losses, and errors ----


def test_several_losses_are_measured_together() -> None:
    module = made("pinn")
    objective = ps.from_torch(module, {"pinn": pinn, "data": regression}, error=lambda m: float(m(X).detach().mean()))
    found = ps.plane(objective, module, points=3)
    assert found["loss"].values.tolist() == ["pinn", "data"]
    assert found["measure"].values.tolist() == ["error"]
    assert float(found["value_at_origin"].sel(loss="data")) == pytest.approx(Loop(module, regression).value(objective.theta))


def test_an_error_of_a_known_name_is_that_of_all_files() -> None:
    module = made("pinn")
    objective = ps.from_torch(module, pinn, error=lambda m: {"l2_error": (m(X) - 1.0).detach().norm()})
    found = ps.plane(objective, module, points=3)
    assert np.isfinite(found["l2_error"]).all()
    assert "measure" not in found.dims


def test_a_loss_that_cannot_be_analysed_is_refused_unless_checks_are_off() -> None:
    module = made("pinn")
    with pytest.raises(ModelError, match="the loss loss does not depend on the parameters"):
        ps.from_torch(module, lambda m: torch.ones((), dtype=torch.float64, requires_grad=True))
    found = ps.from_torch(module, lambda m: torch.ones((), dtype=torch.float64, requires_grad=True), checked=False)
    assert not found.gradient(found.theta).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "diagonal"}, "`kind` must be one of random, trajectory, hessian-top, hessian-extreme, not 'diagonal'"),
        ({"points": 4}, "`points` must be odd and at least 3, so that the point itself is one of them, not 4"),
    ],
)
def test_what_there_is_not_is_one_line(objective: ModuleObjective, arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ps.plane(objective, objective.theta, **arguments)


def test_every_technique_is_a_name_of_the_package() -> None:
    assert set(TECHNIQUES) <= set(dir(ps))
    assert ps.sharpness.__doc__.startswith(TECHNIQUES["sharpness"].question)
    with pytest.raises(AttributeError, match="module 'pinnscape' has no attribute 'flatness'"):
        _ = ps.flatness


# ---- settings ----


def test_settings_that_cannot_be_used_are_refused_in_one_line(objective: ModuleObjective, module: nn.Module) -> None:
    wrong = {
        r"`extremes` must be a whole number from 2 to 1000; got 1": lambda: ps.spectrum(objective, module, extremes=1),
        r"`extrems` unknown key; did you mean extremes\?": lambda: ps.hessian(objective, module, extrems=3),
        r"`points` must be a whole number from 2 to 100001; got 1": lambda: ps.interpolation(objective, module, points=1),
        r"`normalization` must be one of filter, layer, global, none; got 'filters'; did you mean filter\?": lambda: ps.plane(
            objective, module, normalization="filters"
        ),
    }
    for message, call in wrong.items():
        with pytest.raises(ValueError, match=message) as error:
            call()
        assert "\n" not in str(error.value)


def test_few_eigenvalues_need_no_other_settings(objective: ModuleObjective, module: nn.Module) -> None:
    assert ps.hessian(objective, module, extremes=3)["density"].sizes["loss"] == 1
