"""The split of Hessians into Gauss-Newton part and remainder: exact toys, dense references, file and metrics."""

import numpy as np
import pytest
import torch
from cases import initial, small, trained
from hypothesis import given
from hypothesis import strategies as st
from naive import assert_close
from runs_cases import tiny
from sine_cases import SineSeries, exact

from pinnscape import features
from pinnscape.curvature import dense, ntk
from pinnscape.objective import Objective
from pinnscape.tables import kernels

SETTINGS = {"checkpoints": ["init", "final"], "subspace": 5, "null_tolerance": 1e-10}


class Sized(Objective):
    """A sine series: it has as many parameters as terms."""

    @property
    def size(self):
        return len(self.discretization.wavenumbers)


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4)])
def test_a_loss_that_is_quadratic_in_its_parameters_has_no_remainder_and_the_kernel_its_condition_number(formulation, power):
    objective, terms = Sized(SineSeries(8), formulation), 8
    split = ntk.split(objective, exact(terms), 3, 1e-12)
    assert split.remainder_share < 1e-13
    assert split.numbers["condition_number"][:2] == pytest.approx([terms**power] * 2, rel=1e-7)
    assert split.kernel[0] / split.kernel[-1] == pytest.approx(terms**power, rel=1e-10)
    assert split.numbers["negative"][:2].tolist() == [0, 0]
    assert split.angle.max() < 1e-5


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_the_parts_add_up_and_have_the_eigenvalues_of_dense_matrices(formulation):
    objective, theta = trained(formulation, 6, 100)
    split = ntk.split(objective, theta, 4, 1e-10)
    hessian = torch.func.hessian(objective.__call__)(theta)
    rest = hessian - features.gauss_newton(objective, theta)
    for values, matrix in zip(split.eigenvalue, (hessian, hessian - rest, rest), strict=True):
        np.testing.assert_allclose(values, torch.linalg.eigvalsh(matrix).flip(0), atol=1e-11 * float(hessian.norm()))
    assert split.norm == pytest.approx([float(m.norm()) for m in (hessian, hessian - rest, rest)], rel=1e-6)
    assert split.remainder_share == pytest.approx(float(rest.norm() / hessian.norm()), rel=1e-6)


@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_the_kernel_has_the_nonzero_spectrum_of_half_the_gauss_newton_part(formulation):
    objective = Objective(small("poisson1d"), formulation)  # 8 points, more parameters
    theta = initial(objective.discretization)
    split = ntk.split(objective, theta, 2, 1e-10)
    jacobian = features.jacobian(objective, theta)
    kernel = torch.linalg.eigvalsh(jacobian @ jacobian.T).flip(0).numpy()
    np.testing.assert_allclose(split.kernel[:8], kernel, atol=1e-12 * kernel[0])
    assert split.kernel.shape == (objective.size,)
    assert not split.kernel[8:].any()
    np.testing.assert_allclose(split.eigenvalue[1], 2 * split.kernel, rtol=1e-14)
    assert split.numbers["null"][1] >= objective.size - 8


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 100))
def test_kernel_eigenvalues_of_any_jacobian_are_those_of_its_square(m, size, seed):
    jacobian = torch.tensor(np.random.default_rng(seed).standard_normal((m, size)))
    assert_close(
        ntk.kernel_eigenvalues(jacobian)[: min(m, size)],
        torch.linalg.eigvalsh(jacobian @ jacobian.T).flip(0)[: min(m, size)],
        1e-10,
    )
    assert float(ntk.kernel_eigenvalues(jacobian).sum()) == pytest.approx(float(jacobian.square().sum()), rel=1e-10)
    assert ntk.kernel_eigenvalues(jacobian).shape == (size,)


def test_small_kernel_eigenvalues_keep_their_digits():
    rng = np.random.default_rng(0)
    left, right = (torch.linalg.qr(torch.tensor(rng.standard_normal((6, 6))))[0] for _ in range(2))
    singular = torch.tensor([1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10], dtype=torch.float64)
    values = ntk.kernel_eigenvalues(left @ torch.diag(singular) @ right)
    np.testing.assert_allclose(values, singular**2, rtol=1e-4)


def test_the_remainder_vanishes_with_the_residual():
    shares = [ntk.split(*trained("strong-form", 6, steps), 4, 1e-10).remainder_share for steps in (5, 100)]
    assert shares[1] < 0.1 * shares[0]


def test_where_the_loss_does_not_exist_everything_is_not_a_number():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    for formulation in ("deep-ritz", "strong-form"):
        split = ntk.split(Objective(d, formulation), wild, 3, 1e-10)
        for values in (
            split.eigenvalue,
            split.kernel,
            split.norm,
            split.angle,
            split.remainder_share,
            split.numbers["negative"],
        ):
            assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("problem", "formulations"), [("neo_hookean2d", ("supervised",)), ("poisson1d", ("deep-ritz", "strong-form"))]
)
def test_the_file_has_every_run_and_checkpoint_with_both_physics_losses(problem, formulations):
    runs = tiny(problem, 1, formulations)
    data = ntk.dataset(runs, SETTINGS)
    size = runs.discretization.network.size
    assert dict(data.sizes) == {
        "formulation": len(formulations), "seed": 1, "checkpoint": 2, "loss": 2, "part": 3, "eigen": size, "vector": 5
    }  # fmt: skip
    assert data["loss"].values.tolist() == ["deep-ritz", "strong-form"]
    assert data["formulation"].values.tolist() == list(formulations)
    assert all("long_name" in v.attrs and v.attrs["units"] == "1" for v in data.data_vars.values())
    for run in runs.all:
        objective = runs.objective("strong-form")
        hessian = dense.hessian(objective, runs.tensor(run.theta("final")))
        cell = data.sel(formulation=run.formulation, seed=0, checkpoint="final", loss="strong-form")
        np.testing.assert_allclose(cell["eigenvalue"].sel(part="hessian"), dense.eigenpairs(hessian)[0], rtol=1e-12)
        assert float(cell["norm"].sel(part="hessian")) == pytest.approx(float(hessian.norm()))


def test_a_subspace_larger_than_the_network_is_the_whole_space():
    data = ntk.dataset(tiny("poisson1d", 1, ("deep-ritz",)), {**SETTINGS, "checkpoints": ["final"], "subspace": 1000})
    assert data.sizes["vector"] == data.sizes["eigen"]
    assert data["angle"].max() < 1e-4


def test_metrics_name_loss_and_checkpoint():
    data = ntk.dataset(tiny("poisson1d", 1, ("deep-ritz",)), SETTINGS)
    rows = list(kernels.ntk(data))
    assert len(rows) == len({row[:4] for row in rows}) == 2 * 2 * 6
    found = {row[:4]: row[4] for row in rows}
    cell = data.isel(formulation=0, seed=0).sel(checkpoint="final", loss="strong-form")
    assert found["deep-ritz", 0, "final", "remainder_share[strong-form]"] == float(cell["remainder_share"])
    assert found["deep-ritz", 0, "final", "kernel_lambda_max[strong-form]"] == float(cell["kernel_eigenvalue"][0])
    assert found["deep-ritz", 0, "final", "gauss_newton_negative[strong-form]"] == float(cell["negative"][1])
