"""Whether spectral interpolation has the error that it claims, and what it costs."""

import math

import numpy as np
import pytest
from chebyshev_cases import ASYMMETRIC, SQUARE, Counted, true_error, uniform

from pinnscape.landscape.chebyshev import nodes
from pinnscape.landscape.spectral import interpolate

# ---- the anchor ----


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
@pytest.mark.parametrize("seed", range(6))
def test_at_the_anchor_the_interpolant_is_the_function_and_elsewhere_no_worse_than_its_bound(seed, tolerance):
    """A narrow valley through the anchor, whose values span many decades: near it an error relative to the range is huge."""
    random = np.random.default_rng(seed)
    domain = ASYMMETRIC if seed % 2 else ((-0.4, 1.7),)
    anchor = random.uniform(*np.array(domain).T)

    def valley(*x):
        return 1e4 * (np.exp(sum((a - b) ** 2 for a, b in zip(x, anchor, strict=True)) / 2) - 1) + 1e-7

    function = Counted(valley, lambda *x: np.cos(x[0] - anchor[0]))
    plain, found = (interpolate(function, domain, tolerance, seed, anchor=a) for a in (None, anchor))
    np.testing.assert_array_equal(found.anchor, function(anchor[None])[:, 0])
    off = np.abs(found.interpolant.at(anchor[None])[:, 0] - found.anchor)
    assert (off <= 64 * np.finfo(float).eps * found.range).all()
    assert off[0] < 1e-2 * np.abs(plain.interpolant.at(anchor[None])[0, 0] - 1e-7) + 1e-10
    assert (true_error(found, function) <= found.bound).all()
    assert (found.bound <= 6 * tolerance * found.range).all()
    assert np.isnan(plain.anchor).all()


def test_the_anchor_is_looked_at_once_and_counts_as_a_check():
    function = Counted(lambda x: np.where(np.abs(x - 0.3) < 1e-9, 1.0, 0.0) + x)  # which no node and no random point sees
    result = interpolate(function, ((-1.0, 1.0),), 1e-6, 0, degrees=(8, 16), anchor=[0.3])
    assert result.evaluations == len(function.points)
    assert not result.converged.any()
    assert result.misfit >= 0.9
    assert result.bound >= 4 * 0.9


def test_a_function_that_does_not_exist_at_the_anchor_has_no_interpolant():
    result = interpolate(lambda p: np.where(p[:, 0] == 0.3, np.nan, p[:, 0])[None], ((-1.0, 1.0),), 1e-6, 0, anchor=[0.3])
    assert result.reason == ("not finite at 1 of 10 points",)
    assert np.isnan(result.anchor).all()


# ---- accuracy ----

FUNCTIONS = {
    "exp": (lambda x: np.exp(3 * x), ((-1.0, 1.0),)),
    "sin": (lambda x: np.sin(20 * x + 0.3), ((-1.0, 1.0),)),
    "runge": (lambda x: 1 / (1 + 25 * x**2), ((-0.7, 1.0),)),
    "tanh": (lambda x: np.tanh(5 * x) + 1e3, ((-2.0, 0.5),)),
    "wave": (lambda x, y: np.sin(5 * x) * np.cos(3 * y) + x, SQUARE),
    "asymmetric": (lambda x, y: np.exp(-((x - 1) ** 2) - (y + 1) ** 2), ASYMMETRIC),
    "runge2": (lambda x, y: 1 / (1 + 4 * x**2 + 2 * y**2 + x * y), SQUARE),
    "trough": (lambda x, y: (x + y) ** 2 * 1e6 + np.cos(x - y), ((-0.1, 0.1), (-0.1, 0.1))),
}


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_met_to_the_tolerance(name, tolerance):
    formula, domain = FUNCTIONS[name]
    function = Counted(formula)
    result = interpolate(function, domain, tolerance, 3)
    assert result.converged.all()
    assert result.reason == ("",)
    assert result.evaluations == len(function.points)
    assert true_error(result, function) <= min(result.bound, 4 * tolerance * result.range)
    assert result.bound <= 5 * tolerance * result.range


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tighter_tolerance_costs_more_and_is_nearer(name):
    formula, domain = FUNCTIONS[name]
    function = Counted(formula)
    results = [interpolate(function, domain, tolerance, 0) for tolerance in (1e-1, 1e-5, 1e-10)]
    errors = [float(true_error(result, function)[0]) for result in results]
    assert sorted(errors, reverse=True) == errors
    assert errors[2] < max(1e-3 * errors[0], 1e-12 * results[0].range)
    assert results[0].evaluations <= results[1].evaluations <= results[2].evaluations


def test_a_polynomial_stops_at_the_first_grid():
    result = interpolate(Counted(lambda x, y: x**3 * y - y**2 + 4), SQUARE, 1e-12, 0)
    assert result.evaluations == 81 + 32
    assert result.interpolant.degrees == (3, 2)  # what is zero is not kept
    np.testing.assert_allclose(result.interpolant.at(np.array([[0.5, -2 / 3]]))[0], [4 - 0.25 / 3 - 4 / 9], rtol=1e-14)


def test_axes_are_refined_by_themselves():
    function = Counted(lambda x, y: np.sin(25 * x) + y, lambda x, y: y * x**2)
    result = interpolate(function, SQUARE, 1e-8, 0)
    assert result.converged.all()
    assert result.evaluations == 65 * 9 + 32
    assert result.interpolant.degrees[0] > 25
    assert result.interpolant.degrees[1] == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_not_kept_is_negligible(name):
    formula, domain = FUNCTIONS[name]
    result = interpolate(Counted(formula), domain, 1e-4, 0)
    degrees = [8 * 2**k for k in range(7)]
    assert all(n <= max(degrees) for n in result.interpolant.degrees)
    full = math.prod(min(d for d in degrees if d >= n) + 1 for n in result.interpolant.degrees)
    assert result.interpolant.coefficients[0].size <= full
    assert true_error(result, Counted(formula)) <= result.bound


def test_lines_may_have_high_degrees():
    function = Counted(lambda x: np.tanh(30 * (x - 0.2)) + x**2)
    result = interpolate(function, SQUARE[:1], 1e-8, 0)
    assert result.converged.all()
    assert 256 < result.interpolant.degrees[0] <= 512
    assert true_error(result, function) <= result.bound


@pytest.mark.parametrize("rate", [1.05, 1.2, 2.0, 10.0])
def test_the_tail_is_at_least_what_is_left_out(rate):
    # Σ rate⁻ᵏ T_k, the real part of a geometric series; aliases are as much as the coefficients that are left out.
    def function(x):
        return (rate**2 - rate * x) / (rate**2 - 2 * rate * x + 1)

    result = interpolate(Counted(function), SQUARE[:1], 1e-12, 0, degrees=(16,))
    left = 2 * rate**-16 / (rate - 1)
    assert result.tail[0] + 1e-13 > 0.99 * left
    assert true_error(result, Counted(function)) <= result.bound


# ---- evaluations ----


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_point_is_evaluated_twice(name):
    formula, domain = FUNCTIONS[name]
    function = Counted(formula)
    result = interpolate(function, domain, 1e-10, 0)
    assert len(np.unique(function.points, axis=0)) == len(function.points) == result.evaluations
    assert len(function.calls) >= 2
    low, high = np.array(domain).T
    assert (function.points >= low).all()
    assert (function.points <= high).all()


def test_checks_are_at_different_points_that_depend_on_the_seed():
    def checks(seed):
        function = Counted(lambda x: np.sin(6 * x) + (np.abs(x) < 1e-3))  # the nodes of degree 8 see a spike at 0
        interpolate(function, ((-1.0, 1.0),), 1e-4, seed)
        return [tuple(call[:, 0]) for call in function.calls if len(call) == 8 and not np.isin(call, nodes(128)).any()]

    assert len(set(checks(0))) == len(checks(0)) >= 1
    assert checks(0) == checks(0)
    assert not set(checks(0)) & set(checks(1))


# ---- several fields ----


def test_fields_of_very_different_scale_are_each_met():
    function = Counted(
        lambda x, y: 1e8 * np.exp(x) * np.cos(3 * y),
        lambda x, y: -7.0 + 1e-6 * np.sin(9 * x + y),
        lambda x, y: np.full_like(x, 3.0),
        lambda x, y: 1e-12 * x * y,
        lambda x, y: np.zeros_like(y),
    )
    result = interpolate(function, SQUARE, 1e-6, 0)
    assert result.converged.all()
    np.testing.assert_allclose(result.range[[0, 1, 3]], [1e8 * math.e * 1.9899925 - 0, 2e-6, 2e-12], rtol=0.3)
    np.testing.assert_array_equal(result.range[[2, 4]], 0.0)
    error = true_error(result, function)
    assert (error <= result.bound).all()
    assert (error <= 4e-6 * result.range + 1e-14).all()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-30, 1e20])
@pytest.mark.parametrize("domain", [SQUARE, SQUARE[:1]])
def test_a_constant_is_met_at_once(value, domain):
    function = Counted(lambda *x: np.full_like(x[0], value))
    result = interpolate(function, domain, 1e-8, 0)
    assert result.converged.all()
    assert result.evaluations == (113 if len(domain) == 2 else 17)
    assert result.interpolant.degrees == (0,) * len(domain)
    np.testing.assert_allclose(result.interpolant.at(uniform(domain, 5)), value, rtol=1e-14)


def test_a_constant_with_rounding_is_met_at_once():
    rng = np.random.default_rng(0)
    result = interpolate(lambda p: 5.0 + 1e-15 * rng.standard_normal((1, len(p))), SQUARE, 1e-6, 0)
    assert result.converged.all()
    assert result.evaluations == 113


# ---- the bound ----


def family(seed):
    """A random analytic function: waves, peaks and fronts of random strength and place, like losses squared or not."""
    rng = np.random.default_rng([7, seed])
    waves, phases = rng.standard_normal((4, 2)) * rng.uniform(0.5, 5), rng.uniform(0, 6, 4)
    place, sharpness, front = rng.uniform(-1, 1, 2), rng.uniform(0.2, 6), rng.standard_normal(2) * rng.uniform(0.2, 2)
    weights, square = rng.standard_normal(6), rng.random() < 0.5

    def function(points):
        value = np.sin(points @ waves.T + phases) @ weights[:4]
        value = value + weights[4] / (1 + sharpness * ((points - place) ** 2).sum(1))
        value = value + weights[5] * np.tanh(points @ front + 0.3)
        return (value**2 if square else value)[None]

    return function


@pytest.mark.parametrize(("tolerance", "seeds"), [(1e-3, range(100)), (1e-6, range(100, 200))])
def test_the_bound_is_hardly_ever_exceeded(tolerance, seeds):
    exceeded, unmet = 0, 0
    for seed in seeds:
        function = family(seed)
        result = interpolate(function, ASYMMETRIC if seed % 2 else SQUARE, tolerance, seed)
        exceeded += int((true_error(result, function) > result.bound)[0])
        unmet += int(not result.converged[0])
    assert exceeded <= 1
    assert unmet < 50


def test_the_bound_of_lines_is_hardly_ever_exceeded():
    exceeded = 0
    for seed in range(300):
        plane = family(seed)

        def function(points, plane=plane):
            return plane(np.concatenate([points, 0.3 * points + 0.2], 1))

        result = interpolate(function, ((-1.5, 1.0),), 1e-5, seed)
        exceeded += int((true_error(result, function) > result.bound)[0])
    assert exceeded <= 3


# ---- functions that are not smooth, or do not exist ----


@pytest.mark.parametrize(
    ("function", "domain"),
    [
        (lambda x: np.abs(x - 0.1234), SQUARE[:1]),
        (lambda x: (x > 0.1234).astype(float), SQUARE[:1]),
        (lambda x, y: np.abs(x + 0.31 * y - 0.05), SQUARE),
        (lambda x, y: np.hypot(x - 0.1, y), SQUARE),
        (lambda x, y: (x > 0.37).astype(float) + y, ASYMMETRIC),
    ],
)
def test_kinks_and_steps_do_not_converge(function, domain):
    result = interpolate(Counted(function, lambda *x: x[0]), domain, 1e-6, 0, degrees=(8, 16, 32))
    assert result.converged.tolist() == [False, True]
    assert "largest degree" in result.reason[0]
    assert "32" in result.reason[0]
    assert result.reason[1] == ""
    assert result.bound[0] > 1e-4


def test_the_bound_holds_for_a_kink():
    function = Counted(lambda x, y: np.abs(x + 0.31 * y - 0.05))
    result = interpolate(function, SQUARE, 1e-6, 0, degrees=(8, 16))
    assert true_error(result, function) <= result.bound


def test_a_spike_between_the_nodes_is_found_by_the_random_points():
    function = Counted(
        lambda x: x**2 + 0.5 * np.sin(32 * np.arccos(np.clip(x, -1, 1))) ** 2
    )  # zero at the nodes of degree 8 to 32
    result = interpolate(function, ((-1.0, 1.0),), 1e-8, 0, degrees=(8, 16, 32))
    assert not result.converged.any()
    assert result.tail[0] < 1e-12
    assert result.misfit[0] > 0.05
    assert interpolate(function, ((-1.0, 1.0),), 1e-8, 0).converged.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_region_without_values_stops_at_once(bad):
    function = Counted(lambda x, y: np.where(x + y > 1.2, bad, x), lambda x, y: np.sin(9 * x) + y)
    result = interpolate(function, SQUARE, 1e-6, 0)
    assert result.converged.tolist() == [False, False]
    assert "not finite" in result.reason[0]
    assert "another field" in result.reason[1]
    assert result.evaluations == len(function.points) == 81
    assert np.isnan(result.interpolant.coefficients[0]).all()
    assert np.isfinite(result.interpolant.coefficients[1]).all()
    assert not (result.bound < np.inf).any()


def test_a_missing_value_that_a_random_point_finds_stops_too():
    function = Counted(lambda x: np.where(np.isin(x, nodes(128)), x, np.nan))
    result = interpolate(function, SQUARE[:1], 1e-6, 0)
    assert not result.converged.any()
    assert result.reason == ("not finite at 8 of 17 points",)


def test_nothing_exists():
    result = interpolate(lambda p: np.full((2, len(p)), np.nan), SQUARE, 1e-6, 0)
    assert not result.converged.any()
    np.testing.assert_array_equal(result.range, 0.0)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1.0, np.nan])
def test_tolerances_are_checked(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        interpolate(Counted(np.sin), SQUARE[:1], tolerance, 0)


@pytest.mark.parametrize("domain", [(), ((1.0, 1.0),), (*SQUARE, (0.0, 1.0))])
def test_domains_are_checked_before_anything_is_evaluated(domain):
    function = Counted(lambda *x: x[0])
    with pytest.raises(ValueError, match="domain"):
        interpolate(function, domain, 1e-3, 0)
    assert not function.calls


@pytest.mark.parametrize("degrees", [(), (2, 4), (8, 24), (8, 8)])
def test_degrees_are_checked(degrees):
    with pytest.raises(ValueError, match="degrees"):
        interpolate(Counted(np.sin), SQUARE[:1], 1e-3, 0, degrees)
