"""Domains: volumes, integrals, normals and distances against closed forms, on every domain and every piece of its boundary."""

import itertools
import math

import numpy as np
import pytest
import torch
from problems.domain_cases import CASES, Case

from pinnscape.problems import autograd
from pinnscape.problems.domains.boxes import Box, Interval, SpaceTime, cube
from pinnscape.problems.domains.corners import LShape, SlitSquare, polar
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.points import Rule, place

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def monomial(points: np.ndarray, powers: tuple[int, ...]) -> np.ndarray:
    return (points**powers).prod(-1)


def powers(dimension: int, degree: int) -> list[tuple[int, ...]]:
    return [p for p in itertools.product(range(degree + 1), repeat=dimension) if sum(p) <= degree]


@cases
def test_the_volume_is_the_integral_of_one(case: Case) -> None:
    assert case.domain.volume == pytest.approx(case.integral((0,) * case.domain.dimension), rel=1e-14)


@cases
@pytest.mark.parametrize("panels", [1, 3])
def test_gauss_rules_are_exact_for_polynomials(case: Case, panels: int) -> None:
    # Enough angles for trigonometric polynomials of degree 5, and enough radii for r⁵ dr times r.
    found = place(case.domain, "interior", Rule("gauss-legendre", (4, 8) if isinstance(case.domain, Disk) else 3, panels))
    for p in powers(case.domain.dimension, 5):
        scale = float(monomial(np.abs(case.domain.bounds).max(1), p)) * case.domain.volume
        assert found.weights @ monomial(found.points[0], p) == pytest.approx(case.integral(p), abs=1e-13 * scale)


@cases
def test_the_flux_through_the_boundary_is_the_integral_of_the_divergence(case: Case) -> None:
    domain = case.domain
    everything = list(domain.pieces)
    rule = Rule("gauss-legendre", 8) if isinstance(domain, Disk) else Rule("gauss-legendre", 3)
    on = place(domain, everything, rule)
    normals = np.stack([on.data[f"normal_{name}"] for name in domain.names], 1)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, rtol=1e-15)
    for i, p in itertools.product(range(domain.dimension), powers(domain.dimension, 4)):
        flux = on.weights @ (monomial(on.points[0], p) * normals[:, i])
        lower = tuple(a - (j == i) for j, a in enumerate(p))
        expected = p[i] * case.integral(lower) if p[i] else 0.0
        scale = domain.measure(everything) * float(np.abs(domain.bounds).max()) ** 4
        assert flux == pytest.approx(expected, abs=1e-13 * scale)


@cases
def test_normals_point_out_of_the_domain(case: Case) -> None:
    domain = case.domain
    for name in domain.pieces:
        on = place(domain, name, Rule("gauss-legendre", 3))
        normals = np.stack([on.data[f"normal_{variable}"] for variable in domain.names], 1)
        assert domain.contains(on.points[0]).all()
        assert domain.contains(on.points[0] - 1e-3 * normals).all()
        if not name.startswith("slit"):  # beyond its sides, the domain goes on
            assert not domain.contains(on.points[0] + 1e-3 * normals).any()


@cases
def test_boundary_is_all_pieces_but_the_moments(case: Case) -> None:
    domain = case.domain
    moments = {"t_min", "t_max"} if domain.time else set()
    assert set(domain.resolve("boundary")) == set(domain.pieces) - moments
    if domain.time:
        assert domain.resolve("initial") == ("t_min",)
        assert domain.resolve("final") == ("t_max",)
        assert domain.space == domain.names[:-1]
    else:
        assert domain.space == domain.names


def test_the_length_of_each_boundary_is_known() -> None:
    assert LShape().measure("boundary") == 8.0
    assert SlitSquare().measure("boundary") == 10.0
    assert SlitSquare().measure("slit") == 2.0
    assert Disk(3.0).measure("boundary") == pytest.approx(6 * math.pi)
    assert Interval(0, 5).measure("boundary") == 2.0  # two points
    assert SpaceTime(x=(0, 3), t=(0, 2)).measure("boundary") == 4.0
    assert SpaceTime(x=(0, 3), t=(0, 2)).measure("initial") == 3.0


def groups(case: Case) -> list[tuple[str, ...]]:
    """Sets of pieces: each by itself, opposite ones, and the boundary."""
    names = list(case.domain.pieces)
    return [*((name,) for name in names), tuple(names[:2]), case.domain.resolve("boundary"), tuple(names)]


def at(function, domain, points: np.ndarray) -> torch.Tensor:
    points = torch.tensor(points)
    return autograd.columns(function(autograd.point(domain, points)), points[:, 0])[0]


@cases
def test_a_distance_vanishes_on_its_pieces_alone_and_is_positive_inside(case: Case) -> None:
    domain = case.domain
    inside = place(domain, "interior", Rule("sobol", 512, seed=3)).points[0]
    for pieces in groups(case):
        distance = domain.distance(pieces)
        assert (at(distance, domain, inside) > 0.0).all()
        largest = 1.3 if domain.singular else 1.0  # r² is 2 at the outer corners
        assert 0.3 < at(distance, domain, inside).max() <= largest or domain.dimension == 5
        assert at(distance, domain, place(domain, pieces, Rule("sobol", 64)).points[0]).abs().max() < 1e-15
        for other in set(domain.pieces) - set(pieces):
            # Not at the ends, which it may share with pieces where the distance vanishes.
            values = at(distance, domain, place(domain, other, Rule("gauss-legendre", 5)).points[0])
            touching = {"slit_above", "slit_below", "corner_x", "corner_y"}
            assert (values > 0.0).all() or other in touching, (pieces, other)
            assert (values >= 0.0).all()


@cases
def test_a_distance_vanishes_to_first_order(case: Case) -> None:
    domain = case.domain
    for name in domain.pieces:
        on = place(domain, name, Rule("gauss-legendre", 5))
        p, field = autograd.differentiable(domain.distance(domain.resolve(name)), domain, torch.tensor(on.points[0]))
        assert len(p) == domain.dimension
        slope = sum(
            derivative * torch.tensor(on.data[f"normal_{variable}"])
            for derivative, variable in zip(field.gradient, domain.names, strict=True)
        )
        assert (slope < -1e-2).all()


@pytest.mark.parametrize("domain", [LShape(), SlitSquare()], ids=["l_shape", "slit_square"])
def test_the_distance_from_the_sides_of_a_corner_is_its_singular_function(domain) -> None:
    points = torch.tensor(place(domain, "interior", Rule("sobol", 256)).points[0])
    for pieces in (domain.sides, domain.sides[:1], domain.sides[1:]):
        _, field = autograd.differentiable(domain.distance(pieces), domain, points)
        size = field.xx.abs() + field.yy.abs()
        assert (field.laplacian.abs() / size).max() < 1e-11  # harmonic


def test_polar_angles_run_from_the_first_side_to_the_second() -> None:
    for domain, piece, angle in (
        (LShape(), "corner_x", 0.0), (LShape(), "corner_y", 1.5 * math.pi),
        (SlitSquare(), "slit_above", 0.0), (SlitSquare(), "slit_below", 2 * math.pi),
    ):  # fmt: skip
        points = place(domain, piece, Rule("gauss-legendre", 4)).points[0]
        r, theta = polar(autograd.point(domain, torch.tensor(points)))
        np.testing.assert_allclose(theta.numpy(), angle, atol=1e-15)
        np.testing.assert_allclose(r.numpy(), np.linalg.norm(points, axis=1), rtol=1e-15)


def dirichlet_energy(domain, exponent: float, rule: Rule) -> float:
    """½ ∫ |∇(rᵏ sin kθ)|²."""
    found = place(domain, "interior", rule)

    def function(p):
        r, theta = polar(p)
        return r**exponent * torch.sin(exponent * theta)

    _, field = autograd.differentiable(function, domain, torch.tensor(found.points[0]))
    return float(0.5 * (field.x**2 + field.y**2).detach().numpy() @ found.weights)


@pytest.mark.parametrize(
    ("domain", "exponent", "points", "count", "energy"),
    [
        (LShape(), 2 / 3, (2, 7), 84, 0.918113330937581),
        (SlitSquare(), 1 / 2, (1, 8), 64, math.log(1 + math.sqrt(2))),
    ],
    ids=["l_shape", "slit_square"],
)
def test_few_points_of_duffy_suffice_for_a_singular_energy(domain, exponent, points, count, energy) -> None:
    rule = Rule("duffy", points)
    assert place(domain, "interior", rule).count == count
    assert dirichlet_energy(domain, exponent, rule) == pytest.approx(energy, abs=1e-10)
    # Ten times as many points of a composite Gauss rule are far off.
    assert abs(dirichlet_energy(domain, exponent, Rule("gauss-legendre", 4, 4)) - energy) > 1e-4


@pytest.mark.parametrize(("domain", "power"), [(LShape(), 3), (SlitSquare(), 2)], ids=["l_shape", "slit_square"])
def test_duffy_rules_are_exact_for_polynomials_and_cover_the_domain(domain, power) -> None:
    case = CASES["l_shape" if power == 3 else "slit_square"]
    found = place(domain, "interior", Rule("duffy", (8, 4)))
    assert domain.contains(found.points[0]).all()
    for p in powers(2, 3):
        assert found.weights @ monomial(found.points[0], p) == pytest.approx(case.integral(p), abs=1e-14)


def test_bad_domains_are_refused_in_one_line() -> None:
    for make, said in (
        (lambda: Box(), "a box needs the bounds of its variables, as in Box(x=(0, 1), y=(0, 1))"),
        (lambda: Box(x=(0, 1), xx=(0, 1)), "`xx` cannot be the name of a variable beside x; take another one, such as x or s"),
        (lambda: Interval(0, 1, "value"), "`value` cannot be the name of a variable beside none"),
        (lambda: Box(x=(1, 0)), "the bounds of `x` must be two numbers, the lower one first, not (1, 0)"),
        (lambda: Interval(0, math.inf), "the bounds of `x` must be two numbers, the lower one first, not (0, inf)"),
        (lambda: SpaceTime(t=(0, 1)), "needs a variable of space and, last, that of time"),
        (lambda: Disk(-1), "`radius` must be above 0, not -1"),
        (
            lambda: LShape().resolve("left"),
            "`where` names 'left', which LShape() does not have; it has boundary, corner, x_min",
        ),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
            make()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_variables_of_cubes_have_names() -> None:
    assert cube(2).names == ("x", "y")
    assert cube(5).names == ("x1", "x2", "x3", "x4", "x5")
    assert repr(SpaceTime(x=(0, 2), t=(0, 1))) == "SpaceTime(x=(0, 2), t=(0, 1))"
    assert repr(Disk(2, (1, 0))) == "Disk(radius=2, center=(1, 0))"
