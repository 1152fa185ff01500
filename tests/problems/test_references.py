"""Numerical references against closed forms, against each other, and against their own estimates of their errors."""

import math

import numpy as np
import pytest
import xarray as xr
from problems.statement_cases import value
from scipy.integrate import solve_ivp

from pinnscape.problems import reference, statement
from pinnscape.problems.field import Point
from pinnscape.problems.language import (
    Clamped,
    Dirichlet,
    Disk,
    Initial,
    InitialRate,
    Interval,
    LShape,
    Neumann,
    Parameter,
    Periodic,
    Problem,
    Robin,
    SlitSquare,
    SpaceTime,
    cos,
    cube,
    exp,
    pi,
    polar,
    sin,
    sqrt,
)  # fmt: skip
from pinnscape.problems.points import Rule, place
from pinnscape.problems.references import cole_hopf, finite_elements, method_of_lines
from pinnscape.problems.registry import problem_class


def sample(problem: Problem, count: int = 500) -> np.ndarray:
    return place(problem.domain, rule=Rule("sobol", count, seed=2)).points[0]


def exact(problem: Problem, points: np.ndarray) -> np.ndarray:
    found = problem.exact(Point(problem.domain.names, points.T))
    found = found if isinstance(found, tuple) else (found,)
    return np.stack([np.broadcast_to(column, len(points)) for column in found], 1)


def error(problem: Problem, data: xr.Dataset) -> float:
    points = sample(problem)
    return float(np.abs(reference.at(data, points) - exact(problem, points)).max())


def with_reference(problem: Problem, way: str) -> Problem:
    problem.reference = way
    return problem


# Burgers' equation


def test_the_sums_of_cole_and_hopf_converge_to_the_last_digit() -> None:
    x, t = np.linspace(-1, 1, 201), np.full(201, 0.6)
    for nu in (0.01 / math.pi, 0.1):
        fine = cole_hopf.solution(x, t, nu, 0.01)
        assert np.abs(cole_hopf.solution(x, t, nu, 0.1) - fine).max() < 1e-14
        assert np.abs(cole_hopf.solution(x, t, nu, 0.4) - fine).max() > 1e-10
    np.testing.assert_allclose(cole_hopf.solution(x, 0.0 * t, 0.1), -np.sin(np.pi * x), atol=1e-15)


def test_cole_and_hopf_agree_with_finite_differences_in_conservation_form() -> None:
    """Second order in space, extrapolated once (Richardson), and an integrator of SciPy in time."""
    nu, moments = 0.05, np.array([0.2, 0.5, 1.0])

    def differences(cells: int) -> np.ndarray:
        h = 2.0 / cells

        def slope(_: float, inner: np.ndarray) -> np.ndarray:
            u = np.concatenate([[0.0], inner, [0.0]])
            return -(u[2:] ** 2 - u[:-2] ** 2) / (4 * h) + nu * (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2

        x = np.linspace(-1, 1, cells + 1)[1:-1]
        return solve_ivp(slope, (0, 1), -np.sin(np.pi * x), "LSODA", moments, rtol=1e-10, atol=1e-10, lband=1, uband=1).y

    coarse, fine = differences(200), differences(400)[1::2]
    x = np.linspace(-1, 1, 201)[1:-1]
    for k, t in enumerate(moments):
        found = cole_hopf.solution(x, np.full_like(x, t), nu)
        assert np.abs(found - fine[:, k]).max() == pytest.approx(
            np.abs(found - coarse[:, k]).max() / 4, rel=0.05
        )  # second order
        assert np.abs(found - (4 * fine[:, k] - coarse[:, k]) / 3).max() < 3e-6


def test_cole_and_hopf_agree_with_spectral_collocation() -> None:
    problem = problem_class("burgers")(nu=0.05)
    found = method_of_lines.solve(problem, points=96, times=51)
    points = sample(problem)
    assert np.abs(reference.at(found, points)[:, 0] - cole_hopf.solution(*points.T, 0.05)).max() < 1e-6


def test_the_reference_of_burgers_knows_its_error() -> None:
    problem = problem_class("burgers")()
    data = reference.compute(problem, points=257, times=101)
    points = np.concatenate([sample(problem), sample(problem) * [0.01, 1.0]])  # half of them in the layer
    off = np.abs(reference.at(data, points)[:, 0] - cole_hopf.solution(*points.T, problem.nu)).max()
    assert off < 1.5 * data.attrs["error_estimate"] < 1e-6
    assert (data["u"].dims, data.attrs["way"], data.attrs["problem"]) == (("x", "t"), "cole-hopf", "Burgers")


def test_the_steepest_slope_of_burgers_is_the_published_one() -> None:
    """152.00516 at t = 1.6037/π (Basdevant et al. 1986, table 6)."""
    h, nu = 1e-5, 0.01 / math.pi

    def slope(t: float) -> float:
        left, right = cole_hopf.solution(np.array([-h, h]), np.full(2, t), nu)
        return float(left - right) / (2 * h)

    times = np.linspace(1.55, 1.65, 101) / math.pi
    slopes = [slope(t) for t in times]
    assert max(slopes) == pytest.approx(152.00516, abs=2e-2)
    assert times[int(np.argmax(slopes))] * math.pi == pytest.approx(1.6037, abs=2e-3)


# Equations in time


@pytest.mark.parametrize(
    ("problem", "settings", "bound"),
    [
        (problem_class("convection")(beta=1.0), {"points": 16}, 1e-8),
        (problem_class("wave")(beta=2.0), {"points": 32}, 1e-7),
    ],
    ids=["convection", "wave"],
)
def test_the_method_of_lines_gives_exact_solutions_and_knows_its_error(problem: Problem, settings: dict, bound: float) -> None:
    data = method_of_lines.solve(problem, times=101, **settings)
    assert error(problem, data) < bound
    assert error(problem, data) < 3.0 * data.attrs["error_estimate"] + 1e-11


class Heat(Problem):
    """u_t = k u_xx + f with -u_x + 2u = 0 at the left end and a flux that varies in time at the right one."""

    domain = SpaceTime(x=(0, 2), t=(0, 1))
    k = Parameter(0.5, above=0.0)

    def conditions(self):
        return Robin("x_min", 2.0), Neumann("x_max", lambda p: 2 * cos(p.t) * cos(4.0)), Initial(self.exact)

    def residual(self, p, u):
        return u.t - self.k * u.xx - self.source(p)

    def source(self, p):
        return -sin(p.t) * (1 + sin(2 * p.x)) + 4 * self.k * cos(p.t) * sin(2 * p.x)

    def exact(self, p):
        return cos(p.t) * (1 + sin(2 * p.x))


class WaveInMotion(Problem):
    """u_tt = u_xx with ends that move."""

    domain = SpaceTime(x=(0, 1), t=(0, 1))

    def conditions(self):
        return Dirichlet("boundary", self.exact), Initial(self.exact), InitialRate(lambda p: cos(p.x))

    def residual(self, p, u):
        return u.tt - u.xx

    def exact(self, p):
        return sin(p.x + p.t)


class System(Problem):
    """v_t = q_x, q_t = v_x, periodic."""

    domain = SpaceTime(x=(-1, 1), t=(0, 1))
    components = ("v", "q")

    def conditions(self):
        return Periodic("x"), Initial(lambda p: (sin(pi * p.x), 0.5 * sin(pi * p.x)))

    def residual(self, p, u):
        v, q = u
        return v.t - q.x, q.t - v.x

    def exact(self, p):
        plus, minus = 1.5 * sin(pi * (p.x + p.t)), 0.5 * sin(pi * (p.x - p.t))
        return (plus + minus) / 2, (plus - minus) / 2


@pytest.mark.parametrize("problem", [Heat(), WaveInMotion(), System()], ids=["heat", "moving_ends", "system"])
def test_the_method_of_lines_takes_conditions_of_all_kinds(problem: Problem) -> None:
    data = method_of_lines.solve(problem, points=24, times=101)
    assert error(problem, data) < 2e-8


def test_spectral_collocation_converges_spectrally() -> None:
    problem = problem_class("burgers")(nu=0.1)
    points = sample(problem)
    true = cole_hopf.solution(*points.T, 0.1)
    errors = []
    for count in (16, 32, 64):
        found = method_of_lines.solve(problem, points=count, times=101, tolerance=1e-9)
        errors.append(float(np.abs(reference.at(found, points)[:, 0] - true).max()))
    assert errors[1] < 0.05 * errors[0]
    assert errors[2] < 1e-3 * errors[1]


@pytest.mark.parametrize(
    "space", [method_of_lines.Fourier(24, -1.0, 2.0), method_of_lines.Chebyshev(24, -1.0, 2.0)], ids=["fourier", "chebyshev"]
)
def test_interpolants_and_their_derivatives_are_exact_for_what_they_resolve(space) -> None:
    wave = 2 * np.pi / 3 if isinstance(space, method_of_lines.Fourier) else 1.0
    x, places = space.points, np.concatenate([np.linspace(-1, 1.99, 40), space.points[3:5]])
    values = np.sin(wave * x)
    both = np.stack([values, 2 * values], 1)
    expected = np.sin(wave * places)
    np.testing.assert_allclose(space.at(both, places), np.stack([expected, 2 * expected], 1), atol=1e-12)
    for order, expected in (
        (0, values),
        (1, wave * np.cos(wave * x)),
        (2, -(wave**2) * values),
        (3, -(wave**3) * np.cos(wave * x)),
    ):
        np.testing.assert_allclose(space.derivative(values, order), expected, atol=1e-13 * 24.0 ** (2 * order))
        np.testing.assert_allclose(space.matrix(order) @ values, expected, atol=1e-13 * 24.0 ** (2 * order))


# Energies in two variables


class Torsion(Problem):
    """-Δu = 1 with u = 0 on the boundary."""

    domain = cube(2)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def load(self, p):
        return 1.0


class TorsionOfADisk(Torsion):
    domain = Disk(2.0, (1.0, 0.0))

    def exact(self, p):
        return (4 - (p.x - 1) ** 2 - p.y**2) / 4


class Heated(Torsion):
    """With u_n + 2 u = g on the circle."""

    domain = Disk()

    def conditions(self):
        return Robin(a=2.0, g=lambda p: 1 + 3 * p.x)

    def exact(self, p):
        return (1 - p.x**2 - p.y**2) / 4 + 0.75 + p.x


class Slit(Torsion):
    domain = SlitSquare()

    def conditions(self):
        return Dirichlet("boundary", self.exact)

    def load(self, p):
        return 0.0

    def exact(self, p):
        r, theta = polar(p)
        return sqrt(r) * sin(theta / 2)


class Layered(Torsion):
    """Neumann conditions on two sides."""

    def conditions(self):
        return Dirichlet(("x_min", "y_min"), self.exact), Neumann(("x_max", "y_max"), lambda p: exp(p.x + p.y))

    def load(self, p):
        return -2 * exp(p.x + p.y)

    def exact(self, p):
        return exp(p.x + p.y)

    def lift(self, p):
        return exp(p.x) + exp(p.y) - 1


@pytest.mark.parametrize(
    ("problem", "refinements", "bound"),
    [
        (problem_class("poisson2d")(), 4, 2e-7),
        (problem_class("semilinear2d")(), 4, 2e-6),
        (problem_class("neo_hookean2d")(), 3, 2e-6),
        (problem_class("l_shape")(), 3, 2e-5),
        (TorsionOfADisk(), 4, 5e-5),
        (Heated(), 4, 1e-5),
        (Slit(), 3, 1e-4),
        (Layered(), 2, 2e-7),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Problem) else "",
)
def test_finite_elements_give_exact_solutions_and_know_their_error(problem: Problem, refinements: int, bound: float) -> None:
    data = finite_elements.solve(problem, refinements=refinements)
    assert error(problem, data) < bound
    assert error(problem, data) < data.attrs["error_estimate"] < 100 * bound
    assert data.attrs["way"] == "finite-elements"


def test_finite_elements_converge_at_the_order_of_their_polynomials() -> None:
    problem = problem_class("poisson2d")()
    errors = [error(problem, finite_elements.solve(problem, refinements=k)) for k in (2, 3, 4)]
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 5.0, atol=0.6)


def test_the_torsion_of_a_square_is_the_one_in_the_books() -> None:
    """∫u = 0.035144254 (Timoshenko & Goodier, torsion of a square)."""
    problem = with_reference(Torsion(), "finite-elements")
    data = reference.compute(problem, refinements=4)
    rule = place(problem.domain, rule=Rule("gauss-legendre", 16, 4))
    assert rule.weights @ reference.at(data, rule.points[0])[:, 0] == pytest.approx(0.035144254, abs=1e-7)


def test_a_reference_survives_its_file_and_becomes_a_supervised_loss(tmp_path) -> None:
    for problem, settings in (
        (with_reference(Torsion(), "finite-elements"), {"refinements": 3}),
        (problem_class("burgers")(nu=0.1), {"points": 65, "times": 33}),
    ):
        data = reference.compute(problem, **settings)
        data.to_netcdf(tmp_path / "reference.nc")
        with xr.open_dataset(tmp_path / "reference.nc") as found:
            points = sample(problem)
            np.testing.assert_array_equal(reference.at(found, points), reference.at(data, points))
            (term,) = statement.terms(problem, "supervised", solution=reference.solution(found))
            rule = Rule("sobol", 64)
            assert float(value(term, problem, reference.solution(found), rule)) == 0.0
            placed = term.place(problem.domain, rule)
            np.testing.assert_array_equal(placed.data["exact_u"], reference.at(found, placed.points[0])[:, 0])


class Stationary(Heat):
    domain = Interval()


class Implicit(Heat):
    def residual(self, p, u):
        return u.t**2 - u.x


class OfFourthOrder(Heat):
    def conditions(self):
        return Clamped(), Initial(0.0)


class WithoutStart(Heat):
    def conditions(self):
        return Dirichlet()


class Plate(Torsion):
    def density(self, p, u):
        return 0.5 * u.laplacian**2


class IllPosed(Heat):
    """Modes exp(ikx) grow like exp(k^(2/3) t / 2)."""

    def conditions(self):
        return Dirichlet(), Initial(lambda p: sin(pi * p.x)), InitialRate(0.0), InitialRate(0.0, order=2)

    def residual(self, p, u):
        return u.ttt + u.tt + u.t - u.xx


@pytest.mark.parametrize(
    ("problem", "way", "said"),
    [
        (IllPosed(), "method-of-lines", "of IllPosed is not accurate: its error is about"),
        (Heat(), "spectral", "`reference` of Heat must be one of cole-hopf, method-of-lines, finite-elements, not 'spectral'"),
        (Heat(), "cole-hopf", "the reference cole-hopf is for Burgers' equation with a parameter nu, which Heat lacks"),
        (Stationary(), "method-of-lines", "is for problems with `residual` on SpaceTime with one variable of space"),
        (Implicit(), "method-of-lines", "the equations of Implicit cannot be solved for the highest derivatives in t"),
        (OfFourthOrder(), "method-of-lines", "has no Clamped condition; take Dirichlet, Neumann or Robin"),
        (WithoutStart(), "method-of-lines", "WithoutStart needs one initial condition of order 0 for u, not 0"),
        (Heat(), "finite-elements", "is for problems with `density`, which Heat lacks"),
        (
            problem_class("poisson1d")(),
            "finite-elements",
            "is for rectangles, LShape, SlitSquare and Disk, not Interval(x=(0, 1))",
        ),
        (Plate(), "finite-elements", "is for densities of first derivatives, not that of Plate"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Problem) else "",
)
def test_what_a_way_cannot_solve_is_refused_in_one_line(problem: Problem, way: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        reference.compute(with_reference(problem, way))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_energy_that_does_not_exist_everywhere_is_solved_by_shorter_steps() -> None:
    problem = problem_class("neo_hookean2d")(mu=0.7, **{"lambda": 5.0})
    assert error(problem, finite_elements.solve(problem, refinements=3)) < 5e-6


def test_the_l_shape_is_graded_towards_its_corner() -> None:
    problem = problem_class("l_shape")()
    near = np.array([[-1e-3, 1e-3], [1e-3, 1e-3], [-1e-3, -1e-3]])

    def off(graded: int) -> float:
        data = finite_elements.solve(problem, refinements=3, graded=graded)
        return float(np.abs(reference.at(data, near) - exact(problem, near)).max())

    assert off(10) < 0.05 * off(2)
    assert LShape().contains(near).all()
