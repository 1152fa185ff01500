"""Extreme eigenpairs by Lanczos against dense eigendecompositions."""

import numpy as np
import pytest
import torch
from cases import exact_hessian, rows_of, trained, with_spectrum

from pinnscape.common.errors import DivergenceError
from pinnscape.linalg.lanczos import Lanczos, extremes
from pinnscape.losses.objective import tensor

RANDOM = np.random.default_rng(7)
SPECTRA = {
    "uniform": np.linspace(-1.0, 1.0, 60),
    "random": RANDOM.standard_normal(60),
    "geometric": np.geomspace(1e-12, 1e3, 60),
    "outliers and bulk": np.concatenate([[300.0, 120.0, 50.0, 20.0, 10.0], RANDOM.normal(0.0, 0.1, 55)]),
    "negative": -np.geomspace(1e-3, 10.0, 60),
    "clustered": np.concatenate([np.linspace(5.0, 5.001, 8), np.linspace(0.0, 1e-6, 44), np.linspace(-2.001, -2.0, 8)]),
    "huge": 1e12 * RANDOM.standard_normal(60),
    "tiny": 1e-12 * RANDOM.standard_normal(60),
}


def found_in(matrix: torch.Tensor, count: int, steps: int = 1000, tolerance: float = 1e-10, seed: int = 0):
    return extremes(rows_of(matrix), matrix[0], count, steps, tolerance, seed)


def ends_of(values: np.ndarray, count: int) -> np.ndarray:
    """Both ends in descending order."""
    values = np.sort(values)[::-1]
    return np.concatenate([values[:count], values[len(values) - count :]])


def scale_of(values) -> float:
    return float(np.abs(np.asarray(values)).max())


# ---- values ----


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [1, 5])
def test_both_ends_are_those_of_the_dense_spectrum(name, count):
    matrix = with_spectrum(SPECTRA[name])
    found = found_in(matrix, count)
    expected = ends_of(torch.linalg.eigvalsh(matrix).numpy(), count)
    np.testing.assert_allclose(found.values.numpy(), expected, rtol=0.0, atol=1e-8 * scale_of(expected))
    assert found.index.tolist() == [*range(count), *range(60 - count, 60)]
    assert found.converged


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [1, 5])
def test_the_largest_alone_are_those_of_the_dense_spectrum(name, count):
    matrix = with_spectrum(SPECTRA[name])
    found = extremes(rows_of(matrix), matrix[0], count, 1000, 1e-10, 0, smallest=False)
    expected = np.sort(torch.linalg.eigvalsh(matrix).numpy())[::-1][:count]
    np.testing.assert_allclose(found.values.numpy(), expected, rtol=0.0, atol=1e-8 * scale_of(SPECTRA[name]))
    assert found.index.tolist() == list(range(count))
    assert found.converged
    assert found.steps <= found_in(matrix, count).steps + 3  # they look at every few steps


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
@pytest.mark.parametrize("seed", [0, 1])
def test_both_ends_of_the_hessian_of_a_trained_network(formulation, seed):
    objective, theta = trained(formulation, 10, 60)
    found = extremes(lambda v: objective.hessian_product(theta, v), theta, 8, 300, 1e-10, seed)
    values = torch.linalg.eigvalsh(exact_hessian(formulation, 10, 60)).numpy()
    expected = ends_of(values, 8)
    np.testing.assert_allclose(found.values.numpy(), expected, rtol=0.0, atol=1e-8 * scale_of(expected))
    np.testing.assert_allclose(found.values.numpy()[:8], expected[:8], rtol=1e-8)
    assert found.converged
    assert found.steps < len(values)  # it is an iteration, not a decomposition


def test_ends_are_in_descending_order():
    found = found_in(with_spectrum(SPECTRA["random"]), 6)
    assert (np.diff(found.values.numpy()) < 0).all()


# ---- multiplicities: no ghosts, nothing missing ----


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([3.0, 3.0, 3.0, 2.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, -1.0, -4.0], id="few repeated"),
        pytest.param([1.0] * 25, id="identity"),
        pytest.param([0.0] * 25, id="zero"),
        pytest.param([7.0, -2.0] + [0.0] * 28, id="rank two"),
        pytest.param([9.0, 9.0, 9.0] + [0.0] * 37, id="rank three, repeated"),
        pytest.param([*range(1, 6)] * 6, id="five values six times"),
        pytest.param([*range(1, 11)] * 4, id="ten values four times"),
        pytest.param([1.0] * 20 + [-1.0] * 20, id="reflection"),
        pytest.param([5.0] + [1.0] * 39, id="one outlier"),
    ],
)
@pytest.mark.parametrize("rotated", [False, True])
def test_eigenvalues_come_as_often_as_they_are_there(values, rotated):
    matrix = with_spectrum(values) if rotated else torch.diag(tensor(values))
    found = found_in(matrix, 4)
    np.testing.assert_allclose(found.values.numpy(), ends_of(np.array(values), 4), atol=1e-9)
    assert found.converged


def test_a_long_process_has_no_ghosts():
    # Without reorthogonalisation the outlier, which converges in few steps, comes back many times in 200.
    values = np.concatenate([[1e4, 1e3], np.linspace(0.0, 1.0, 198)])
    matrix = with_spectrum(values)
    process = Lanczos(rows_of(matrix), matrix[:1].clone(), torch.Generator().manual_seed(0), 200)
    for _ in range(200):
        process.step()
    ritz, _ = process.ritz()
    np.testing.assert_allclose(ritz[0].numpy(), np.sort(values), atol=1e-9)


def test_the_basis_stays_orthonormal_and_tridiagonalises():
    matrix = with_spectrum(SPECTRA["geometric"])
    process = Lanczos(rows_of(matrix), matrix[:3].clone(), torch.Generator().manual_seed(0), 40)
    for _ in range(40):
        process.step()
    for k in range(3):
        basis = process.basis[k]
        torch.testing.assert_close(basis @ basis.T, torch.eye(40, dtype=torch.float64), rtol=0.0, atol=1e-13)
        tridiagonal = torch.diag(torch.stack(process.alphas)[:, k])
        off = torch.diag(torch.stack(process.betas)[:-1, k], 1)
        torch.testing.assert_close(basis @ matrix @ basis.T, tridiagonal + off + off.T, rtol=0.0, atol=1e-9)


def test_processes_side_by_side_are_those_one_by_one():
    matrix = with_spectrum(SPECTRA["random"])
    generator = torch.Generator().manual_seed(0)
    together = Lanczos(rows_of(matrix), matrix[:3].clone(), generator, 10)
    alone = [Lanczos(rows_of(matrix), matrix[k : k + 1].clone(), generator, 10) for k in range(3)]
    for _ in range(10):
        for process in (together, *alone):
            process.step()
    for k in range(3):
        torch.testing.assert_close(together.ritz()[0][k], alone[k].ritz()[0][0], rtol=0.0, atol=1e-12)


def test_one_process_breaks_down_while_another_goes_on():
    matrix = torch.diag(torch.arange(1.0, 21.0, dtype=torch.float64))
    starts = torch.stack(
        [torch.eye(20, dtype=torch.float64)[4], torch.ones(20, dtype=torch.float64)]
    )  # the first is an eigenvector
    process = Lanczos(rows_of(matrix), starts, torch.Generator().manual_seed(0), 20)
    for _ in range(20):
        process.step()
    ritz, vectors = process.ritz()
    np.testing.assert_allclose(ritz.numpy(), np.tile(np.arange(1.0, 21.0), (2, 1)), atol=1e-10)
    first = vectors[:, 0, :] ** 2
    np.testing.assert_allclose(first[0].numpy(), np.eye(20)[4], atol=1e-12)
    np.testing.assert_allclose(first[1].numpy(), 1 / 20, atol=1e-10)


# ---- vectors and residuals ----


@pytest.mark.parametrize("name", SPECTRA)
def test_eigenvectors_are_orthonormal_with_fixed_signs(name):
    found = found_in(with_spectrum(SPECTRA[name]), 5)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(10, dtype=torch.float64), rtol=0.0, atol=1e-12)
    assert bool((found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all())


@pytest.mark.parametrize("steps", [12, 20, 35, 60])
@pytest.mark.parametrize("name", ["uniform", "random", "outliers and bulk", "geometric"])
def test_residual_bounds_are_the_residuals(name, steps):
    matrix = with_spectrum(SPECTRA[name])
    found = found_in(matrix, 5, steps, tolerance=0.0)
    residuals = (found.vectors @ matrix - found.values.unsqueeze(-1) * found.vectors).norm(dim=1)
    np.testing.assert_allclose(
        found.residual_bounds.numpy(), residuals.numpy(), rtol=1e-6, atol=1e-12 * scale_of(SPECTRA[name])
    )


def test_an_eigenvalue_lies_within_the_residual_bound_of_each_value():
    matrix = with_spectrum(SPECTRA["uniform"])
    found = found_in(matrix, 5, 20, tolerance=0.0)
    exact = np.linspace(-1.0, 1.0, 60)
    gaps = np.abs(found.values.numpy()[:, None] - exact).min(1)
    assert (gaps <= found.residual_bounds.numpy() + 1e-13).all()
    assert found.residual_bounds.max() > 1e-3


# ---- seeds, ends of the iteration ----


def test_the_seed_decides_the_result_bit_by_bit():
    matrix = with_spectrum(SPECTRA["random"])
    a, b, c = found_in(matrix, 3, 20, seed=5), found_in(matrix, 3, 20, seed=5), found_in(matrix, 3, 20, seed=6)
    assert torch.equal(a.values, b.values)
    assert torch.equal(a.vectors, b.vectors)
    assert not torch.equal(a.values, c.values)


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    found_in(with_spectrum(SPECTRA["random"]), 3)
    assert torch.equal(torch.rand(1), expected)


def test_what_has_not_converged_is_a_result():
    found = found_in(with_spectrum(SPECTRA["uniform"]), 5, 12)
    assert not found.converged
    assert found.steps == 12
    assert found.values.shape == (10,)
    assert found.index.tolist() == [0, 1, 2, 3, 4, 55, 56, 57, 58, 59]


def test_too_few_steps_for_all_ends_give_the_ones_there_are():
    found = found_in(with_spectrum(SPECTRA["uniform"]), 5, 6)
    assert not found.converged
    assert found.values.shape == (6,)
    assert found.index.tolist() == [0, 1, 2, 3, 4, 59]


def test_copies_that_a_breakdown_tells_of_are_not_yet_converged():
    # Twenty steps are four rounds through five values: the largest is there four times, of six.
    found = found_in(torch.diag(tensor([*range(1, 6)] * 6)), 5, 20)
    assert not found.converged


def test_iteration_ends_once_the_tolerance_is_reached():
    matrix = with_spectrum(np.random.default_rng(0).standard_normal(200))
    loose, tight = found_in(matrix, 1, tolerance=1e-2), found_in(matrix, 1, tolerance=1e-10)
    assert loose.converged
    assert tight.converged
    assert loose.steps < tight.steps < 200
    assert 1e-10 < float(loose.residual_bounds.max() / loose.values.abs().max()) <= 1e-2
    assert float(tight.residual_bounds.max() / tight.values.abs().max()) <= 1e-10


@pytest.mark.parametrize(("size", "count"), [(1, 1), (2, 1), (7, 4), (8, 4), (9, 20)])
def test_all_eigenpairs_come_where_both_ends_meet(size, count):
    values = np.linspace(3.0, -1.0, size)
    found = found_in(with_spectrum(values), count)
    np.testing.assert_allclose(found.values.numpy(), values, atol=1e-12)
    assert found.index.tolist() == list(range(size))
    assert found.converged


def test_a_product_that_is_not_finite_is_one_error():
    with pytest.raises(DivergenceError, match="a product with the Hessian is not finite"):
        extremes(lambda rows: rows * float("nan"), torch.zeros(40, dtype=torch.float64), 2, 30, 1e-6, 0)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e160, 1e200])
def test_spectra_whose_squares_underflow_or_overflow_have_their_bounds(size):
    values = torch.linspace(-1.0, 1.0, 60, dtype=torch.float64)
    found = extremes(lambda rows: rows * (size * values), torch.zeros(60, dtype=torch.float64), 1, 200, 1e-9, 0)
    assert found.converged
    np.testing.assert_allclose(found.values / size, [1.0, -1.0], rtol=1e-9)
    assert ((found.low <= found.values) & (found.values <= found.high)).all()
