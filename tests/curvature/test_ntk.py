"""The split of Hessians into Gauss-Newton part and remainder: exact toys, dense references, file and metrics."""

import numpy as np
import pytest
import torch
from cases import differentiable, initial, small, trained
from hypothesis import given
from hypothesis import strategies as st
from naive import assert_close, random_theta
from runs_cases import tiny
from settings_cases import changed, of
from sine_cases import SineSeries, exact

from pinnscape.common.formulations import PHYSICS
from pinnscape.curvature import dense, ntk
from pinnscape.curvature.split import kernel_eigenvalues, known, split
from pinnscape.linalg import eigen
from pinnscape.losses import gauss_newton
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.quantities import Quantities
from pinnscape.losses.small_side import small_side
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.language import Dirichlet, Interval, Problem, pi, sin
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.techniques import catalog

SETTINGS = of("ntk", subspace=5, dense_limit=2500, lanczos_steps=200, lanczos_tolerance=1e-8, trace_products=30)


def split_of(objective, theta, subspace, null_tolerance=1e-10, dense_limit=2500):
    settings = changed(SETTINGS, null_tolerance=null_tolerance, dense_limit=dense_limit)
    return split(objective, theta, count_of(objective, subspace, dense_limit), subspace, settings, seed=3)


def count_of(objective, subspace, dense_limit):
    """The number of eigenvalues in a file with both physics losses."""
    d = objective.discretization
    return known(objective.size, [gauss_newton.kernel_size(d.objective(f)) for f in d.physics], subspace, dense_limit)


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4)])
def test_a_loss_that_is_quadratic_in_its_parameters_has_no_remainder_and_the_kernel_its_condition_number(formulation, power):
    objective, terms = SineSeries(8).objective(formulation), 8
    found = split_of(objective, exact(terms), 3, 1e-12)
    assert found.remainder_share < 1e-13
    assert found.numbers["condition_number"][:2] == pytest.approx([terms**power] * 2, rel=1e-7)
    assert found.kernel[0] / found.kernel[-1] == pytest.approx(terms**power, rel=1e-10)
    assert found.numbers["negative"][:2].tolist() == [0, 0]
    assert found.angle.max() < 1e-5


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_the_parts_add_up_and_have_the_eigenvalues_of_dense_matrices(formulation):
    objective, theta = trained(formulation, 6, 100)
    found = split_of(objective, theta, 4, 1e-10)
    hessian = torch.func.hessian(differentiable(objective))(theta)
    rest = hessian - gauss_newton.gauss_newton(objective, theta)
    for values, matrix in zip(found.eigenvalue, (hessian, hessian - rest, rest), strict=True):
        np.testing.assert_allclose(values, torch.linalg.eigvalsh(matrix).flip(0), atol=1e-11 * float(hessian.norm()))
    assert found.norm == pytest.approx([float(m.norm()) for m in (hessian, hessian - rest, rest)], rel=1e-6)
    assert found.remainder_share == pytest.approx(float(rest.norm() / hessian.norm()), rel=1e-6)


@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_the_kernel_has_the_nonzero_spectrum_of_half_the_gauss_newton_part(formulation):
    objective = small("poisson1d").objective(formulation)  # 8 points, more parameters
    theta = initial(objective.discretization)
    found = split_of(objective, theta, 2, 1e-10)
    matrix = objective.jacobian(theta)
    kernel = torch.linalg.eigvalsh(matrix @ matrix.T).flip(0).numpy()
    np.testing.assert_allclose(found.kernel[:8], kernel, atol=1e-12 * kernel[0])
    assert found.kernel.shape == (objective.size,)
    assert not found.kernel[8:].any()
    np.testing.assert_allclose(found.eigenvalue[1], 2 * found.kernel, rtol=1e-14)
    assert found.numbers["nullity"][1] >= objective.size - 8


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 100))
def test_kernel_eigenvalues_of_any_jacobian_are_those_of_its_square(m, size, seed):
    jacobian = torch.tensor(np.random.default_rng(seed).standard_normal((m, size)))
    assert_close(
        kernel_eigenvalues(jacobian)[: min(m, size)],
        torch.linalg.eigvalsh(jacobian @ jacobian.T).flip(0)[: min(m, size)],
        1e-10,
    )
    assert float(kernel_eigenvalues(jacobian).sum()) == pytest.approx(float(jacobian.square().sum()), rel=1e-10)
    assert kernel_eigenvalues(jacobian).shape == (size,)


def test_small_kernel_eigenvalues_keep_their_digits():
    rng = np.random.default_rng(0)
    left, right = (torch.linalg.qr(torch.tensor(rng.standard_normal((6, 6))))[0] for _ in range(2))
    singular = torch.tensor([1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10], dtype=torch.float64)
    values = kernel_eigenvalues(left @ torch.diag(singular) @ right)
    np.testing.assert_allclose(values, singular**2, rtol=1e-4)


def test_the_remainder_vanishes_with_the_residual():
    shares = [split_of(*trained("strong-form", 6, steps), 4, 1e-10).remainder_share for steps in (5, 100)]
    assert shares[1] < 0.1 * shares[0]


def test_where_the_loss_does_not_exist_everything_is_not_a_number():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    for formulation in ("deep-ritz", "strong-form"):
        found = split_of(d.objective(formulation), wild, 3, 1e-10)
        for values in (
            found.eigenvalue,
            found.kernel,
            found.norm,
            found.angle,
            found.remainder_share,
            found.numbers["negative"],
        ):
            assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("problem", "formulations"), [("neo_hookean2d", ("supervised",)), ("poisson1d", ("deep-ritz", "strong-form"))]
)
def test_the_file_has_every_run_and_checkpoint_with_both_physics_losses(problem, formulations):
    runs = tiny(problem, 1, formulations)
    data = ntk.dataset(runs, SETTINGS)
    size = runs.discretization.size
    assert dict(data.sizes) == {
        "trained_on": len(formulations), "seed": 1, "checkpoint": 2, "loss": 2, "part": 3, "eigen": size, "vector": 5
    }  # fmt: skip
    assert data["loss"].values.tolist() == ["deep-ritz", "strong-form"]
    assert data["trained_on"].values.tolist() == list(formulations)
    assert all("long_name" in v.attrs and "units" in v.attrs for v in data.data_vars.values())
    for run in runs.all:
        objective = runs.objective("strong-form")
        hessian = dense.hessian(objective, runs.tensor(run.theta("final")))
        cell = data.sel(trained_on=run.trained_on, seed=0, checkpoint="final", loss="strong-form")
        np.testing.assert_allclose(cell["eigenvalue"].sel(part="hessian"), eigen.decompose(hessian)[0], rtol=1e-12)
        assert float(cell["norm"].sel(part="hessian")) == pytest.approx(float(hessian.norm()))


def test_a_subspace_larger_than_the_network_is_the_whole_space():
    data = ntk.dataset(tiny("poisson1d", 1, ("deep-ritz",)), changed(SETTINGS, checkpoints=["final"], subspace=1000))
    assert data.sizes["vector"] == data.sizes["eigen"]
    assert data["angle"].max() < 1e-4


# ---- above the dense limit ----


@pytest.fixture
def no_square_matrix(monkeypatch):
    """Whatever asks for a matrix of as many rows as there are parameters, or for the sensitivities of all local quantities, fails."""
    for module, name in (
        (dense, "hessian"),
        (gauss_newton, "least_squares"),
        (gauss_newton, "gauss_newton"),
        (Quantities, "sensitivities"),
    ):
        monkeypatch.setattr(module, name, None)


# The first has fewer local quantities than eigenvalues that are asked for.
CASES = [
    ("poisson1d", "strong-form", "products"),
    ("poisson2d", "deep-ritz", "products"),
    ("semilinear2d", "strong-form", "kernel"),
    ("neo_hookean2d", "deep-ritz", "kernel"),
]


@pytest.mark.parametrize(("name", "formulation", "limit"), CASES)
def test_above_the_limit_what_is_stated_is_what_dense_matrices_give_within_its_error(name, formulation, limit, request):
    objective = small(name, width=6, points=3).objective(formulation)
    theta, size = initial(objective.discretization), objective.size
    expected = split_of(objective, theta, 5)
    request.getfixturevalue("no_square_matrix")
    assert gauss_newton.kernel_size(objective) < size
    found = split_of(objective, theta, 5, dense_limit=size - 1 if limit == "kernel" else 0)
    count = len(found.kernel)
    assert count == (
        5 if limit == "products" else max(gauss_newton.kernel_size(objective.discretization.objective(f)) for f in PHYSICS)
    )
    for row in range(3):
        values = found.eigenvalue[row]
        known = np.isfinite(values)
        assert known[:5].all()
        # Lanczos finds eigenvalues to about the square of its residual.
        np.testing.assert_allclose(
            values[known], expected.eigenvalue[row][:count][known], atol=1e-12 * expected.eigenvalue[row][0]
        )
    np.testing.assert_allclose(found.kernel, expected.kernel[:count], atol=1e-12 * expected.kernel[0])
    rank = int((expected.eigenvalue[1] > 1e-12 * expected.eigenvalue[1][0]).sum())
    error = found.estimates["angle_error"]
    if rank > 5:
        assert error < 1e-3
        np.testing.assert_allclose(found.angle, expected.angle, atol=2 * error + 1e-9)
    else:
        assert rank < 5  # the top eigenspace is not defined
        assert np.isnan(found.angle).all()
    # Errors are standard errors, of normal estimates nearly.
    errors = 5 * found.estimates["norm_error"]
    assert (np.abs(found.estimates["norm_estimate"] - expected.norm) <= errors).all()
    assert (errors < 0.25 * expected.norm).all()
    share, error = (found.estimates[f"remainder_share_{what}"] for what in ("estimate", "error"))
    assert abs(share - expected.remainder_share) <= 5 * error < 0.5 * share
    # What needs a spectrum that is not known has no number, and no estimate passes for it.
    assert np.isnan(found.remainder_share)
    assert np.isnan(found.norm[[0, 2]]).all()
    for number, values in found.numbers.items():
        assert np.isnan(values[[0, 2]]).all()
        if limit == "products":
            assert np.isnan(values[1])
        else:  # the whole spectrum of the Gauss-Newton part is that of a small kernel
            assert values[1] == pytest.approx(expected.numbers[number][1], rel=1e-4, nan_ok=True)
    assert np.isnan(found.norm[1]) == (limit == "products")


def test_an_energy_that_is_not_convex_has_an_indefinite_gauss_newton_part_by_the_kernel_too():
    """From ½|u'|² - 40 u²: the kernel BBᵀ is positive, its product with the second derivatives of the energy is not."""
    network = Mlp(1, 1, 9, 1)
    objective = Discretization(Concave(), network, Rule("gauss-legendre", 6)).objective("deep-ritz")
    theta = random_theta(network)
    matrix = gauss_newton.gauss_newton(objective, theta)
    expected, found = split_of(objective, theta, 2), split_of(objective, theta, 2, dense_limit=objective.size - 1)
    assert expected.numbers["negative"][1] > 0
    for number in ("negative", "nullity"):
        assert found.numbers[number][1] == expected.numbers[number][1]
    small = small_side(objective, theta)
    rows = small.combined(torch.eye(len(small.values), dtype=torch.float64))
    scale = float(small.values.abs().max())
    sized = small.values.abs() > 1e-9 * scale
    assert_close((rows @ matrix)[sized], (small.values[:, None] * rows)[sized], 1e-6)
    gradient = objective.gradient(theta)
    assert_close(small.gradient[sized], (rows @ gradient)[sized], 1e-6)


class Concave(Problem):
    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2 - 40.0 * u**2

    def exact(self, p):
        return sin(pi * p.x)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_a_remainder_of_rounding_errors_is_within_the_error_of_its_estimate(formulation):
    """A loss that is quadratic in its parameters has none."""
    found = split_of(SineSeries(40).objective(formulation), torch.ones(40, dtype=torch.float64), 3, dense_limit=0)
    assert found.estimates["remainder_share_estimate"] <= found.estimates["remainder_share_error"] < 1e-12


def test_eigenvalues_to_which_lanczos_does_not_converge_are_withheld(caplog):
    objective, theta = trained("strong-form", 6, 100)
    settings = changed(SETTINGS, dense_limit=0, lanczos_steps=6, lanczos_tolerance=1e-12)
    found = split(objective, theta, 5, 5, settings)
    assert np.isnan(found.eigenvalue[0]).all()
    assert np.isnan(found.angle).all()
    text = "largest eigenvalues of the hessian of the strong-form loss: withheld, Lanczos has not converged after 6 steps"
    assert any(text in line for line in caplog.messages)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_above_the_limit_too_a_loss_that_does_not_exist_has_no_numbers(formulation):
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    for limit in (0, len(wild) - 1):
        found = split_of(d.objective(formulation), wild, 3, dense_limit=limit)
        for values in (
            found.eigenvalue,
            found.kernel,
            found.norm,
            found.angle,
            *found.numbers.values(),
            *found.estimates.values(),
        ):
            assert np.isnan(values).all()


def test_above_the_limit_the_file_says_what_is_withheld_and_why(no_square_matrix):
    runs = tiny("poisson1d", 1, ("deep-ritz",))
    size = runs.discretization.size
    data = ntk.dataset(runs, changed(SETTINGS, checkpoints=["final"], dense_limit=size - 1))
    assert data.attrs["parameters"] == size
    assert data.sizes["eigen"] == 16 < size  # two quantities at each of the 8 points
    for name in ("remainder_share", "negative", "condition_number"):
        assert "techniques.ntk.eigensolver.dense_limit" in data[name].attrs["reason"]
    assert all("long_name" in v.attrs and "units" in v.attrs for v in data.data_vars.values())
    rows = {row[:4]: row[4] for row in catalog.module("ntk").metrics(data)}
    cell = data.isel(trained_on=0, seed=0).sel(checkpoint="final", loss="strong-form")
    assert np.isnan(rows["deep-ritz", 0, "final", "remainder_share[strong-form]"])
    for name in ("remainder_share_estimate", "remainder_share_error"):
        assert rows["deep-ritz", 0, "final", f"{name}[strong-form]"] == float(cell[name])


def test_metrics_name_loss_and_checkpoint():
    data = ntk.dataset(tiny("poisson1d", 1, ("deep-ritz",)), SETTINGS)
    rows = list(catalog.module("ntk").metrics(data))
    assert len(rows) == len({row[:4] for row in rows}) == 2 * 2 * 6
    found = {row[:4]: row[4] for row in rows}
    cell = data.isel(trained_on=0, seed=0).sel(checkpoint="final", loss="strong-form")
    assert found["deep-ritz", 0, "final", "remainder_share[strong-form]"] == float(cell["remainder_share"])
    assert found["deep-ritz", 0, "final", "kernel_lambda_max[strong-form]"] == float(cell["kernel_eigenvalue"][0])
    assert found["deep-ritz", 0, "final", "gauss_newton_negative[strong-form]"] == float(cell["negative"][1])


SOFT = {"initial": {"enforce": "soft", "weight": 10.0}, "periodic": {"enforce": "soft"}}


@pytest.mark.parametrize("dense_limit", [2500, 45, 5])
def test_the_blocks_of_terms_are_those_of_the_kernel_of_the_whole_loss(dense_limit):
    problem = load("convection", {"beta": 2.0})
    discretization = Discretization(problem, Mlp(2, 1, 6, 1), Rule("gauss-legendre", 5), conditions=SOFT)
    objective, theta = discretization.objective("strong-form"), random_theta(discretization.network)
    whole = gauss_newton.kernel(objective, theta)
    found = ntk._of_terms([objective], [theta], changed(SETTINGS, dense_limit=dense_limit))
    _, names, _ = found["term"]
    assert names.tolist() == ["strong-form/interior", "strong-form/initial", "strong-form/periodic"]
    start = 0
    for k, short in enumerate(objective.short_names):
        count = gauss_newton.kernel_size(objective.only(short))
        block = whole[start : start + count, start : start + count]
        assert found["term_kernel_trace"][1][0, k] == pytest.approx(float(block.trace()), rel=1e-12)
        values = found["term_kernel_eigenvalue"][1][0, k]
        if min(count, objective.size) > dense_limit:
            assert np.isnan(values).all()
        else:
            expected = torch.linalg.eigvalsh(block).flip(0)[:10]
            np.testing.assert_allclose(values[: len(expected)], expected, atol=1e-12 * float(expected[0]))
        start += count
    assert start == len(whole)


def test_a_loss_of_one_term_has_no_blocks():
    objective, theta = trained("strong-form", 6, 100)
    assert ntk._of_terms([objective], [theta], SETTINGS) == {}
