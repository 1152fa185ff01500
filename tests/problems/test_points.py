"""Sets of points: numbers, weights, uniformity and seeds."""

import numpy as np
import pytest
from problems.domain_cases import CASES, Case

from pinnscape.problems.domains.boxes import Interval, SpaceTime, cube
from pinnscape.problems.domains.corners import LShape
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.points import PRODUCTS, RULES, SETS, Rule, place

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
sets = pytest.mark.parametrize("name", SETS)
PRODUCT = [name for name in PRODUCTS if name != "duffy"]


@cases
@pytest.mark.parametrize("name", [name for name in RULES if name != "duffy"])
def test_points_lie_in_their_set_and_weights_sum_to_its_measure(case: Case, name: str) -> None:
    domain = case.domain
    rule = Rule(name, 50 if name in SETS else 3)
    for where in ("interior", "boundary", *domain.groups, *domain.pieces):
        found = place(domain, where, rule)
        assert found.points.shape == (1, found.count, domain.dimension)
        assert domain.contains(found.points[0]).all()
        assert (found.weights >= 0.0).all()
        assert found.weights.sum() == pytest.approx(domain.measure(where), rel=1e-13)
        assert set(found.data) == (set() if where == "interior" else {f"normal_{name}" for name in domain.names})


@sets
def test_sets_have_the_number_of_points_that_is_asked_for(name: str) -> None:
    for domain in (SpaceTime(x=(0, 1), t=(0, 1)), LShape(), Disk()):
        for where in ("interior", "boundary"):
            assert place(domain, where, Rule(name, 77)).count == 77
    assert place(Interval(), "interior", Rule(name, 77)).count == 77
    assert place(Interval(), "boundary", Rule(name, 77)).count == 2  # the boundary is two points


def test_products_have_a_number_of_points_for_each_axis_and_panel() -> None:
    domain = SpaceTime(x=(0, 1), t=(0, 1))
    assert place(domain, "interior", Rule("gauss-legendre", 3)).count == 9
    assert place(domain, "interior", Rule("gauss-legendre", (3, 5), (2, 4))).count == 6 * 20
    assert place(domain, "boundary", Rule("gauss-legendre", 3, 2)).count == 2 * 6
    assert place(LShape(), "interior", Rule("uniform", 4)).count == 3 * 16
    assert place(Disk(), "interior", Rule("gauss-legendre", (8, 16))).count == 128


@pytest.mark.parametrize(("name", "order"), [("gauss-legendre", 6), ("simpson", 4), ("uniform", 2)])
def test_panels_converge_at_the_rate_of_their_rule(name: str, order: int) -> None:
    exact, errors = (np.e - 1.0) ** 2, []
    for panels in (2, 4, 8):
        found = place(cube(2), rule=Rule(name, 3, panels))
        errors.append(abs(found.weights @ np.exp(found.points[0].sum(1)) - exact))
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), order, atol=0.1)


@cases
@sets
def test_sets_are_uniform(case: Case, name: str) -> None:
    """Means of x_i and x_i² agree with the integrals within five standard errors of random points; those of Sobol are closer."""
    domain, number = case.domain, 4096
    points = place(domain, "interior", Rule(name, number, seed=1)).points[0]
    for i in range(domain.dimension):
        for power in (1, 2):
            powers = tuple(power * (j == i) for j in range(domain.dimension))
            double = tuple(2 * p for p in powers)
            mean = case.integral(powers) / domain.volume
            spread = np.sqrt(case.integral(double) / domain.volume - mean**2)
            off = abs((points[:, i] ** power).mean() - mean)
            assert off < (0.5 if name == "sobol" else 5.0) * spread / np.sqrt(number)


@sets
def test_sets_on_a_boundary_are_spread_by_length(name: str) -> None:
    found = place(LShape(), "boundary", Rule(name, 4000)).points[0]
    on_corner = (np.abs(found[:, 1]) < 1e-12) & (found[:, 0] > 0)  # one of the eight units of length
    assert on_corner.mean() == pytest.approx(1 / 8, abs=0.02)


@sets
def test_points_depend_on_seed_and_step_and_place_alone(name: str) -> None:
    domain = SpaceTime(x=(0, 1), t=(0, 1))

    def drawn(where="interior", **more):
        return place(domain, where, Rule(name, 32, **more)).points[0]

    np.testing.assert_array_equal(drawn(seed=1, step=3), drawn(seed=1, step=3))
    others = [drawn(seed=1), drawn(seed=2), drawn(seed=1, step=1), drawn(seed=1, step=2)]
    for i, one in enumerate(others):
        for other in others[:i]:
            assert not np.isin(one, other).any()
    assert not np.isin(drawn("x_min")[:, 1], drawn("x_max")[:, 1]).any()


def test_low_discrepancy_beats_chance() -> None:
    def error(name: str) -> float:
        errors = []
        for seed in range(20):
            points = place(cube(2), rule=Rule(name, 1024, seed=seed)).points[0]
            errors.append(np.exp(points.sum(1)).mean() - (np.e - 1.0) ** 2)
        return float(np.sqrt(np.mean(np.square(errors))))

    assert error("sobol") < 0.02 * error("monte-carlo")
    assert error("latin-hypercube") < 0.5 * error("monte-carlo")


@pytest.mark.parametrize("name", [*PRODUCT, *SETS])
def test_opposite_points_differ_in_one_coordinate(name: str) -> None:
    domain = SpaceTime(x=(-1, 3), y=(0, 1), t=(0, 2))
    found = place(domain, ("y_min", "y_max"), Rule(name, 9), sites=2)
    assert found.points.shape == (2, 9 if name in SETS else 81, 3)
    np.testing.assert_array_equal(found.points[0][:, [0, 2]], found.points[1][:, [0, 2]])
    np.testing.assert_array_equal(found.points[0][:, 1], 0.0)
    np.testing.assert_array_equal(found.points[1][:, 1], 1.0)
    assert found.weights.sum() == pytest.approx(8.0)


def test_bad_rules_are_refused_in_one_line() -> None:
    for make, said in (
        (lambda: Rule("gauss"), "`rule` must be one of gauss-legendre, simpson, uniform, duffy, sobol, latin-hypercube, monte-carlo, not"),
        (lambda: Rule("sobol", 0), "`points` of the rule sobol must be a number from 1 on"),
        (lambda: Rule("sobol", (3, 4)), "is the number of points altogether, not (3, 4)"),
        (lambda: Rule("gauss-legendre", 3, True), "`panels` of the rule gauss-legendre must be a number from 1 on"),
        (lambda: place(cube(2), rule=Rule("gauss-legendre", (3,))), "`points` has 1 numbers for 2 axes"),
        (lambda: place(cube(2), rule=Rule("duffy", 3)), "the rule duffy is for domains with a reentrant corner, which Box(x=(0, 1), y"),
        (lambda: place(cube(2), rule=Rule("simpson", 4)), "`points` of the Simpson rule must be odd and at least 3, not 4"),
        (lambda: place(cube(2), ("x_min",), Rule(), sites=2), "2 sites need 2 pieces of the boundary, not x_min"),
    ):  # fmt: skip
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
            make()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
