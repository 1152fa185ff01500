"""Numbers of the calculus of variations in closed form, by problems stated as a user would."""

import math

import numpy as np
import pytest
from problems.statement_cases import loss

from pinnscape.problems import statement
from pinnscape.problems.language import Dirichlet, Disk, Interval, Parameter, Problem, cosh, exp, log, sin, sqrt, tanh
from pinnscape.problems.points import Rule
from pinnscape.problems.registry import problem_class


def energy(problem: Problem, function, rule: Rule) -> float:
    return sum(loss(statement.terms(problem, "deep-ritz"), problem, function, rule).values())


def waves(count: int, formulation: str) -> np.ndarray:
    """The second derivative of a loss of Poisson's equation along sin kπx, k = 1, ..., count."""
    problem, rule = problem_class("poisson1d")(), Rule("gauss-legendre", 40)
    terms = statement.terms(problem, formulation)

    def of(*coefficients: float) -> float:
        def function(p):
            return sum((c * sin((k + 1) * math.pi * p.x) for k, c in enumerate(coefficients)), 0.0 * p.x)

        return sum(loss(terms, problem, function, rule).values())

    units = np.eye(count)
    single = [of(*row) for row in units]
    return np.array(
        [[of(*(units[i] + units[j])) - single[i] - single[j] + of(0.0) for j in range(count)] for i in range(count)]
    )


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4)])
def test_the_condition_number_of_sines_grows_by_the_order_of_the_operator(formulation: str, power: int) -> None:
    matrix = waves(6, formulation)
    np.testing.assert_allclose(matrix, np.diag(np.diag(matrix)), atol=1e-8 * matrix.max())
    np.testing.assert_allclose(np.diag(matrix) / matrix[0, 0], np.arange(1.0, 7.0) ** power, rtol=1e-9)


class PLaplace(Problem):
    """-div(|∇u|ᵖ⁻² ∇u) = 1 with u = 0 on the boundary."""

    domain = Interval(0, 1)
    p = Parameter(3.0, above=1.0)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return sqrt(u.x**2) ** self.p / self.p

    def load(self, p):
        return 1.0

    def exact(self, p):
        q = self.p / (self.p - 1)
        return (0.5**q - sqrt((p.x - 0.5) ** 2) ** q) / q


class PLaplaceOnDisk(PLaplace):
    domain = Disk()

    def density(self, p, u):
        return (u.x**2 + u.y**2) ** (self.p / 2) / self.p

    def exact(self, p):
        q = self.p / (self.p - 1)
        return (1 - (p.x**2 + p.y**2) ** (q / 2)) / q / 2 ** (q - 1)


@pytest.mark.parametrize(
    ("problem", "rule", "expected"),
    [
        (PLaplace(), Rule("gauss-legendre", 60, 2), -0.0942809041582),
        (PLaplace(p=4.0), Rule("gauss-legendre", 160, 2), -0.1275590131046),
        (PLaplaceOnDisk(), Rule("gauss-legendre", (60, 8)), -0.4231317083960),
    ],
    ids=["p=3", "p=4", "disk"],
)
def test_energies_of_the_p_laplacian(problem: Problem, rule: Rule, expected: float) -> None:
    assert energy(problem, problem.exact, rule) == pytest.approx(expected, abs=1e-10)


class Bratu(Problem):
    """-u'' = λ eᵘ on (0, 1), u = 0 at both ends, with the solution -2 log(cosh((x - ½) θ/2) / cosh(θ/4))."""

    domain = Interval(0, 1)
    lambda_ = Parameter(1.0, above=0.0, below=3.513830719125)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2 - self.lambda_ * exp(u)

    def load(self, p):
        return 0.0

    def exact(self, p):
        return -2 * log(cosh((p.x - 0.5) * self.theta / 2) / cosh(self.theta / 4))

    @property
    def theta(self) -> float:
        """The smaller root of θ = √(2λ) cosh(θ/4)."""
        found = 0.0
        for _ in range(200):
            found = math.sqrt(2 * self.lambda_) * math.cosh(found / 4)
        return found


@pytest.mark.parametrize("parameter", [1.0, 2.0, 3.0])
def test_the_solution_of_bratus_problem(parameter: float) -> None:
    problem = Bratu(**{"lambda": parameter})
    assert max(loss(statement.terms(problem, "strong-form"), problem, problem.exact).values()) < 1e-24
    if parameter == 1.0:
        middle = -2 * math.log(1 / math.cosh(problem.theta / 4))
        assert middle == pytest.approx(0.140539214400, abs=1e-12)


class DoubleWell(Problem):
    """Cahn and Hilliard's energy (1 - u²)² / 4ε + ½ ε u'² of an interface tanh(x / √2 ε)."""

    domain = Interval(-1, 1)
    epsilon = Parameter(0.02, above=0.0)

    def conditions(self):
        return Dirichlet("boundary", self.exact)

    def density(self, p, u):
        return (1 - u**2) ** 2 / (4 * self.epsilon) + 0.5 * self.epsilon * u.x**2

    def load(self, p):
        return 0.0

    def exact(self, p):
        return tanh(p.x / (math.sqrt(2) * self.epsilon))

    def lift(self, p):
        return p.x * self.exact(p) ** 2


@pytest.mark.parametrize("epsilon", [0.01, 0.03])
def test_the_energy_of_an_interface_does_not_depend_on_its_width(epsilon: float) -> None:
    problem, rule = DoubleWell(epsilon=epsilon), Rule("gauss-legendre", 20, 40)
    assert energy(problem, problem.exact, rule) == pytest.approx(2 * math.sqrt(2) / 3, abs=1e-10)
    assert max(loss(statement.terms(problem, "strong-form"), problem, problem.exact, rule).values()) < 1e-20
