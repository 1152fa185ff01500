"""Exact Hessians against nested automatic differentiation, and the numbers of a spectrum against hand calculation."""

import numpy as np
import pytest
import torch
from cases import LOSSES, differentiable, initial, small, with_spectrum
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.common.errors import DivergenceError
from pinnscape.curvature import dense
from pinnscape.linalg import eigen

# ---- Hessians ----


@pytest.mark.parametrize(("problem", "formulation"), LOSSES)
def test_the_hessian_is_that_of_nested_differentiation(problem, formulation):
    objective = small(problem, width=3).objective(formulation)
    theta = initial(objective.discretization)
    found, expected = dense.hessian(objective, theta), torch.func.hessian(differentiable(objective))(theta)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-10 * float(expected.abs().max()))
    assert torch.equal(found, found.T)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_the_hessian_is_the_difference_quotient_of_the_gradient(formulation):
    objective = small(width=3).objective(formulation)
    theta = initial(objective.discretization)
    steps = 1e-5 * torch.eye(objective.size, dtype=torch.float64)
    expected = (objective.gradient(theta + steps) - objective.gradient(theta - steps)) / 2e-5
    found = dense.hessian(objective, theta)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-8 * float(expected.abs().max()))


@pytest.mark.parametrize("block", [1, 7, 37, 1000])
def test_the_hessian_does_not_depend_on_the_block_size(block):
    objective = small().objective("strong-form")
    theta = initial(objective.discretization)
    reference = dense.hessian(objective, theta)
    torch.testing.assert_close(
        dense.hessian(objective, theta, block), reference, rtol=0.0, atol=1e-13 * float(reference.abs().max())
    )


def test_a_hessian_where_the_loss_does_not_exist_is_refused_by_name():
    objective = small("neo_hookean2d").objective("deep-ritz")
    theta = 30.0 * initial(objective.discretization)  # folds the body
    assert bool(objective.discretization.measure(theta)["infeasible"])
    with pytest.raises(DivergenceError) as caught:
        dense.hessian(objective, theta)
    assert str(caught.value) == "the Hessian of the deep-ritz loss is not finite at this point; does the loss exist there?"


# ---- eigenpairs ----


def test_eigenpairs_are_descending_orthonormal_and_reproduce_the_matrix():
    matrix = with_spectrum([3.0, -1.0, 0.0, 7.0, 3.0, -20.0])
    values, rows = eigen.decompose(matrix)
    np.testing.assert_allclose(values.numpy(), [7.0, 3.0, 3.0, 0.0, -1.0, -20.0], atol=1e-13)
    torch.testing.assert_close(rows @ rows.T, torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(rows @ matrix, values.unsqueeze(-1) * rows, rtol=0.0, atol=1e-12)


def test_the_entry_of_largest_magnitude_of_an_eigenvector_is_positive():
    _, rows = eigen.decompose(with_spectrum(np.linspace(-2, 5, 12)))
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())


def test_signs_are_fixed_row_by_row_and_nothing_else_changes():
    rows = torch.tensor([[1.0, -3.0, 2.0], [0.5, 0.1, -0.2], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    expected = torch.tensor([[-1.0, 3.0, -2.0], [0.5, 0.1, -0.2], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert torch.equal(eigen.fix_signs(rows), expected)
    assert torch.equal(eigen.fix_signs(-rows), expected)


# ---- numbers ----


def numbers(values, null_tolerance=1e-10) -> dict[str, float]:
    return eigen.summary(np.array(values, dtype=float), null_tolerance).numbers


def test_a_spectrum_worked_out_by_hand():
    found = numbers([8.0, 4.0, 4.0, -2.0, 1e-12, 0.0, 1e-3, -1e-3])
    assert found["condition_number"] == pytest.approx(8.0 / 1e-3)
    assert (found["negative"], found["nullity"]) == (2.0, 2.0)
    assert found["bulk_share"] == pytest.approx(4 / 8)
    assert found["share_above"] == pytest.approx(3 / 8)  # 8e-3 and more: 1e-3 is not above
    shares = np.array([8, 4, 4, 2, 1e-3, 1e-3]) / 18.002
    assert found["effective_rank"] == pytest.approx(np.exp(-np.sum(shares * np.log(shares))), rel=1e-9)


@pytest.mark.parametrize("size", [1, 2, 17])
def test_equal_eigenvalues_have_full_effective_rank(size):
    found = numbers([3.0] * size)
    assert found["effective_rank"] == pytest.approx(size)
    assert found["condition_number"] == found["share_above"] == 1.0


def test_signs_do_not_count_for_the_effective_rank():
    assert numbers([3.0, -3.0, 3.0, -3.0])["effective_rank"] == pytest.approx(4)


def test_one_dominating_eigenvalue_has_effective_rank_one():
    assert numbers([1.0] + [1e-13] * 50)["effective_rank"] == pytest.approx(1.0, abs=1e-8)
    assert numbers([1.0, 1e-6, 1e-6])["effective_rank"] == pytest.approx(1.0, abs=1e-4)


def test_two_equal_among_zeros_have_effective_rank_two():
    assert numbers([5.0, 5.0, 0.0, 0.0, 0.0])["effective_rank"] == pytest.approx(2.0)


def test_the_condition_number_ignores_the_null_space():
    assert numbers([4.0, 2.0, 1e-16, -3e-17, 0.0])["condition_number"] == 2.0
    assert numbers([4.0, 2.0, 1e-16], null_tolerance=0.0)["condition_number"] == pytest.approx(4e16)
    assert numbers([4.0, 2.0, 1e-3], null_tolerance=1e-2)["condition_number"] == 2.0
    assert np.isnan(numbers([4.0, 2.0, 1e-3], null_tolerance=0.1)["condition_number"])


def test_the_condition_number_takes_magnitudes():
    assert numbers([1.0, 0.5, -10.0, -0.1])["condition_number"] == pytest.approx(100.0)


def test_null_tolerance_is_relative_to_the_largest_magnitude():
    for scale in (1e-9, 1.0, 1e9):
        found = numbers(scale * np.array([1.0, -100.0, 0.9, -0.9, 1.1]), null_tolerance=1e-2)
        assert found["nullity"] == pytest.approx(3)  # 1.0 is not beyond 1e-2 · 100
        assert found["negative"] == pytest.approx(1)


def test_a_negative_spectrum_has_no_share_above():
    assert numbers([-1.0, -2.0, -3.0])["share_above"] == 0.0


def test_the_share_above_is_relative_to_the_largest_not_to_the_largest_magnitude():
    assert numbers([1.0, 0.5, -1e6, -1e6])["share_above"] == 0.5


def test_the_order_of_the_eigenvalues_does_not_matter():
    values = [8.0, -2.0, 1e-12, 4.0, 1e-3]
    assert numbers(values) == pytest.approx(numbers(sorted(values)), rel=1e-12)


@settings(max_examples=50)
@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=300))
def test_counts_are_whole_and_complete(values):
    found, zero = numbers(values, 1e-3), 1e-3 * max(map(abs, values))
    assert found["negative"] == sum(value < -zero for value in values)
    assert found["nullity"] == sum(abs(value) <= zero for value in values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.geomspace(1e-17, 1.0, 300), None, id="falls steadily to rounding errors"),
        pytest.param(np.geomspace(3e-10, 1.0, 30), None, id="ends just above the tolerance"),
        pytest.param([1.0, 2e-9, 4e-11, 1e-14], 5e8, id="a decade from the tolerance and from what is null"),
        pytest.param([1.0, 1e-3, 0.0, 1e-17], 1e3, id="a clear gap"),
        pytest.param([1.0, -1e-2, 1e-13], 1e2, id="an indefinite one with a gap"),
        pytest.param([0.0, 0.0], None, id="zero"),
    ],
)
def test_a_condition_number_needs_a_gap(values, expected):
    found = eigen.summary(np.array(values), 1e-10)
    if expected is None:
        assert np.isnan(found.condition_number)
        assert found.reason
    else:
        assert found.condition_number == pytest.approx(expected)
        assert not found.reason


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10, 1e-13])
def test_a_condition_number_does_not_follow_the_null_tolerance(tolerance):
    # Where it is stated, another tolerance within the gap gives the same; a tail without a gap has none for any tolerance.
    assert np.isnan(numbers(np.geomspace(1e-17, 1.0, 300), tolerance)["condition_number"])
    assert numbers([3.0, 1.0, 1e-2, 1e-18], tolerance)["condition_number"] == pytest.approx(300.0)
