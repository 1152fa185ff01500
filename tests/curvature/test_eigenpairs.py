"""The one place that decides between the matrix of a Hessian and Lanczos processes."""

import numpy as np
import pytest
import torch
from cases import Quadratic, exact_hessian, trained, with_spectrum
from settings_cases import solver

from pinnscape.common.errors import DivergenceError
from pinnscape.curvature import dense
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.linalg import eigen

VALUES = [9.0, 5.0, 2.0, 1.0, 0.5, 0.1, 0.0, -1.0, -7.0, -20.0]
ORIGIN = torch.zeros(10, dtype=torch.float64)
LANCZOS = solver(dense_limit=9, lanczos_steps=10, lanczos_tolerance=1e-9)


@pytest.mark.parametrize("limit", [9, 10])
def test_up_to_the_limit_all_eigenpairs_are_found_and_beyond_it_those_at_both_ends(limit):
    matrix = with_spectrum(VALUES)
    found = eigenpairs(Quadratic(matrix), ORIGIN, 2, solver(LANCZOS, dense_limit=limit))
    expected = np.array(VALUES)[found.index]
    assert found.index.tolist() == (list(range(10)) if limit == 10 else [0, 1, 8, 9])
    assert (found.matrix is not None, found.process is None) == (limit == 10, limit == 10)
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    np.testing.assert_array_equal(found.known, found.values)
    assert found.converged
    assert bool((found.low.numpy() <= expected + 1e-12).all() and (found.high.numpy() >= expected - 1e-12).all())
    torch.testing.assert_close(found.vectors @ matrix, found.values[:, None] * found.vectors, atol=1e-7, rtol=0.0)


def test_the_upper_end_alone_may_be_asked_for_and_vectors_left_out():
    upper = eigenpairs(Quadratic(with_spectrum(VALUES)), ORIGIN, 3, LANCZOS, smallest=False)
    np.testing.assert_allclose(upper.values, VALUES[:3], atol=1e-8)
    plain = eigenpairs(Quadratic(with_spectrum(VALUES)), ORIGIN, 3, solver(), vectors=False)
    np.testing.assert_allclose(plain.values, VALUES, atol=1e-12)
    assert plain.vectors.shape == (0, 10)


@pytest.mark.parametrize("limit", [9, 10])
def test_in_other_units_they_are_those_of_the_scaled_matrix(limit, monkeypatch):
    matrix, scale = with_spectrum(VALUES), torch.linspace(0.5, 3.0, 10, dtype=torch.float64)
    expected = torch.linalg.eigvalsh(scale[:, None] * matrix * scale).flip(0)
    plain = eigenpairs(Quadratic(matrix), ORIGIN, 1, solver(LANCZOS, dense_limit=limit))
    if plain.matrix is not None:  # which is not formed again
        monkeypatch.setattr(dense, "hessian", None)
    found = eigenpairs(Quadratic(matrix), ORIGIN, 1, solver(LANCZOS, dense_limit=limit), scale=scale, matrix=plain.matrix)
    np.testing.assert_allclose(found.values, expected[found.index], atol=1e-8)


@pytest.mark.parametrize(("steps", "limit", "by_matrix"), [(10, 10, False), (2, 10, True), (2, 9, False)])
def test_lanczos_may_come_first_and_the_matrix_where_it_does_not_converge(steps, limit, by_matrix, caplog):
    tried = solver(LANCZOS, lanczos_steps=steps, dense_limit=limit)
    found = eigenpairs(Quadratic(with_spectrum(VALUES)), ORIGIN, 3, tried, smallest=False, lanczos_first=True)
    assert (found.matrix is not None) == by_matrix
    assert found.converged == (steps == 10 or by_matrix)
    values, vectors = found.stated(3, "largest eigenvalues")
    np.testing.assert_allclose(values, VALUES[:3] if found.converged else [np.nan] * 3, atol=1e-8)
    assert vectors.shape == (3, 10)
    assert ("largest eigenvalues: withheld, Lanczos has not converged after 2 steps" in caplog.text) != found.converged


def test_a_network_has_the_eigenpairs_of_its_dense_hessian():
    objective, theta = trained("strong-form")
    expected = torch.linalg.eigvalsh(exact_hessian("strong-form")).flip(0)
    for limit in (0, 2500):
        found = eigenpairs(objective, theta, 4, solver(dense_limit=limit))
        np.testing.assert_allclose(found.values, expected[found.index], atol=1e-8 * float(expected[0]))


@pytest.mark.parametrize("limit", [9, 10])
def test_a_hessian_that_is_not_finite_is_one_line(limit):
    wild = with_spectrum(VALUES)
    wild[3, 3] = torch.nan
    with pytest.raises(DivergenceError, match="Hessian of the quadratic loss is not finite at this point"):
        eigenpairs(Quadratic(wild), ORIGIN, 1, solver(LANCZOS, dense_limit=limit))


@pytest.mark.parametrize(("name", "function"), [("eigh", eigen.decompose), ("eigvalsh", eigen.values)])
def test_a_solver_that_does_not_converge_is_a_divergence(name, function, monkeypatch):
    def fails(_):
        raise torch.linalg.LinAlgError("too many iterations")

    monkeypatch.setattr(torch.linalg, name, fails)
    with pytest.raises(DivergenceError, match=r"the eigenvalue solver fails for a matrix of 10 rows \(too many iterations\)"):
        function(with_spectrum(VALUES))
