"""Each problem against its equation on paper, by SymPy: operator, load, exact solution, energy, boundary."""

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from naive import assert_close, forward, random_points, random_theta

from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import Jet, function_jet
from pinnscape.networks.mlp import Network
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import CATALOG, problem
from pinnscape.problems.euler_lagrange import automatic
from pinnscape.problems.quadrature import rule

PI = sympy.pi
x, y = sympy.symbols("x y", real=True)


def divergence(flux: sympy.Matrix, variables: tuple) -> sympy.Matrix:
    """Row by row."""
    return sympy.Matrix([sum(flux[k, i].diff(v) for i, v in enumerate(variables)) for k in range(flux.rows)])


def laplace(u: sympy.Matrix, variables: tuple) -> sympy.Matrix:
    return divergence(u.jacobian(variables), variables)


def stress(u: sympy.Matrix, mu: float, lam: float) -> sympy.Matrix:
    """P = μ(F - F⁻ᵀ) + λ ln J F⁻ᵀ."""
    deformation = sympy.eye(2) + u.jacobian((x, y))
    j = deformation[0, 0] * deformation[1, 1] - deformation[0, 1] * deformation[1, 0]
    cofactor = sympy.Matrix([[deformation[1, 1], -deformation[1, 0]], [-deformation[0, 1], deformation[0, 0]]])
    return mu * (deformation - cofactor / j) + lam * sympy.log(j) / j * cofactor


@dataclass(frozen=True, eq=False)
class OnPaper:
    """A problem, its exact solution, and a field that solves nothing."""

    name: str
    parameters: tuple[tuple[str, float], ...]
    variables: tuple
    exact: sympy.Matrix
    trial: sympy.Matrix
    mu: float = 1.0
    lam: float = 1.0

    @property
    def problem(self) -> Problem:
        return problem(self.name, dict(self.parameters))


@cache
def left(paper: OnPaper, u: sympy.ImmutableMatrix) -> sympy.Matrix:
    """Left side of the equation, whose right side is the load."""
    if paper.name.startswith("poisson"):
        return -laplace(u, paper.variables)
    if paper.name == "semilinear2d":
        return -laplace(u, paper.variables) + u.applyfunc(lambda v: v**3)
    return -divergence(stress(u, paper.mu, paper.lam), paper.variables)


BENT = sympy.ImmutableMatrix([sympy.sin(3 * x + 1) * sympy.exp(y) / 2 + x**3])
TWISTED = sympy.ImmutableMatrix([0.2 * sympy.sin(x + 2 * y), 0.1 * x**2 * y - 0.1 * sympy.cos(2 * x)])
DISPLACEMENT = sympy.ImmutableMatrix(
    [
        x / 20 + sympy.Rational(8, 100) * sympy.sin(PI * x) * sympy.sin(PI * y),
        sympy.Rational(5, 100) * sympy.sin(PI * x) * sympy.sin(2 * PI * y),
    ]
)
POISSON1D = OnPaper(
    "poisson1d", (), (x,), sympy.ImmutableMatrix([sympy.sin(PI * x) + sympy.sin(4 * PI * x) / 2]), BENT.subs(y, 0)
)
POISSON2D = OnPaper("poisson2d", (), (x, y), sympy.ImmutableMatrix([sympy.sin(PI * x) * sympy.sin(PI * y)]), BENT)
SEMILINEAR = OnPaper("semilinear2d", (), (x, y), sympy.ImmutableMatrix([sympy.sin(PI * x) * sympy.sin(2 * PI * y)]), BENT)
NEO_HOOKEAN = OnPaper("neo_hookean2d", (), (x, y), DISPLACEMENT, TWISTED)
STIFF = OnPaper("neo_hookean2d", (("mu", 0.7), ("lambda", 5.0)), (x, y), DISPLACEMENT, TWISTED, 0.7, 5.0)
PAPERS = [POISSON1D, POISSON2D, SEMILINEAR, NEO_HOOKEAN, STIFF]
papers = pytest.mark.parametrize("paper", PAPERS, ids=["poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d", "stiff"])
CONVEX = [POISSON1D, POISSON2D, SEMILINEAR]


def evaluate(expression: sympy.Matrix, variables: tuple, points: torch.Tensor) -> torch.Tensor:
    """Values (n, *shape) of a matrix of expressions."""
    function = sympy.lambdify(variables, list(expression), modules="numpy", cse=True)
    columns = np.broadcast_arrays(*function(*points.numpy().T), np.empty(len(points)))[:-1]
    return torch.tensor(np.stack(columns, 1)).reshape(len(points), *expression.shape).squeeze(-1)


def jet_on_paper(u: sympy.Matrix, variables: tuple, points: torch.Tensor) -> Jet:
    """The jet of a field from SymPy's derivatives."""
    slope = u.jacobian(variables)
    hessian = [evaluate(sympy.hessian(component, variables), variables, points) for component in u]
    shape = (len(points), len(u), len(variables))
    return Jet(
        evaluate(u, variables, points).reshape(shape[:2]),
        evaluate(slope, variables, points).reshape(shape),
        hessian=torch.stack(hessian, 1).reshape(*shape, shape[-1]),
    )


@cache
def discretized(paper: OnPaper) -> Discretization:
    problem, points = paper.problem, 40 if paper.name == "neo_hookean2d" else 24  # enough for 1e-12
    network = Network(problem.dimension, len(problem.components), 5, 2)
    return Discretization(problem, network, rule("gauss-legendre", points, problem.dimension))


def load_on_paper(paper: OnPaper, points: torch.Tensor) -> torch.Tensor:
    return evaluate(left(paper, paper.exact), paper.variables, points).reshape(len(points), -1)


@papers
def test_the_exact_solution_is_the_one_on_paper(paper):
    points = random_points(20, len(paper.variables))
    actual, expected = function_jet(paper.problem.exact, points), jet_on_paper(paper.exact, paper.variables, points)
    for part in ("value", "gradient", "hessian"):
        assert_close(getattr(actual, part), getattr(expected, part), 1e-14)


@papers
def test_the_load_is_the_left_side_at_the_exact_solution(paper):
    problem = discretized(paper)
    assert_close(problem.load, load_on_paper(paper, problem.points), 1e-12)


@papers
def test_the_residual_of_a_field_that_solves_nothing_is_the_equation_on_paper(paper):
    problem = discretized(paper)
    jet = jet_on_paper(paper.trial, paper.variables, problem.points)
    trial = evaluate(left(paper, paper.trial), paper.variables, problem.points).reshape(len(problem.points), -1)
    expected = trial - load_on_paper(paper, problem.points)
    assert_close(problem.residual(jet), expected, 1e-12)
    assert_close(automatic(paper.problem.density, problem.points, jet) - problem.load, expected, 1e-12)


@papers
def test_the_residual_of_the_exact_solution_vanishes(paper):
    problem = discretized(paper)
    residual = problem.residual(jet_on_paper(paper.exact, paper.variables, problem.points))
    assert residual.abs().max() < 1e-12 * problem.load.abs().max()
    assert problem.squared_residual(problem.exact) == 0.0
    assert problem.misfit(problem.exact) == 0.0
    assert [float(error) for error in problem.errors(problem.exact)] == [0.0, 0.0]


@papers
def test_the_energy_of_the_exact_solution_is_the_energy_minimum(paper):
    problem = discretized(paper)
    assert float(problem.energy(problem.exact)) == pytest.approx(problem.energy_minimum, rel=1e-12)


@pytest.mark.parametrize(
    ("paper", "minimum"),
    [(POISSON1D, -5 * PI**2 / 4), (POISSON2D, -(PI**2) / 4), (SEMILINEAR, -5 * PI**2 / 8 - sympy.Rational(27, 256))],
    ids=["poisson1d", "poisson2d", "semilinear2d"],
)
def test_the_energy_minimum_is_the_integral_on_paper(paper, minimum):
    (u,) = paper.exact
    energy = sum(u.diff(v) ** 2 for v in paper.variables) / 2 + (u**4 / 4 if paper is SEMILINEAR else 0)
    integral = energy - left(paper, paper.exact)[0] * u
    for variable in paper.variables:
        integral = sympy.integrate(sympy.expand(integral), (variable, 0, 1))
    assert sympy.simplify(integral - minimum) == 0
    assert discretized(paper).energy_minimum == pytest.approx(float(minimum), rel=1e-13)


@pytest.mark.parametrize("paper", [NEO_HOOKEAN, STIFF], ids=["neo_hookean2d", "stiff"])
def test_the_energy_minimum_of_the_neo_hookean_body_is_the_integral_of_its_stored_energy_and_work(paper):
    deformation = sympy.eye(2) + paper.exact.jacobian((x, y))
    invariant, log_j = (deformation.T * deformation).trace(), sympy.log(deformation.det())
    stored = paper.mu / 2 * (invariant - 2 - 2 * log_j) + paper.lam / 2 * log_j**2
    nodes, weights = np.polynomial.legendre.leggauss(50)
    grid = np.stack([g.ravel() for g in np.meshgrid(nodes, nodes)], 1) / 2 + 0.5
    points = torch.tensor(grid)
    values = evaluate(sympy.Matrix([stored]), (x, y), points).ravel()
    work = (load_on_paper(paper, points) * evaluate(paper.exact, (x, y), points)).sum(-1)
    expected = (np.outer(weights, weights).ravel() / 4) @ (values - work).numpy()
    assert discretized(paper).energy_minimum == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("paper", [POISSON1D, POISSON2D], ids=lambda paper: paper.name)
def test_the_minimum_of_a_linear_problem_is_minus_half_the_energy_norm(paper):
    problem = discretized(paper)
    norm = problem.exact.gradient.square().sum((-2, -1)) @ problem.weights
    assert problem.energy_minimum == pytest.approx(-0.5 * float(norm), rel=1e-12)


class ThreeWaves(Problem):
    """½|u'|² - u sin 3πx, by its solution u* = sin 3πx / (9π²)."""

    dimension = 1

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return torch.sin(3 * math.pi * x) / (9 * math.pi**2)


def test_a_problem_of_ones_own_has_its_load_and_its_minimum():
    problem = Discretization(ThreeWaves(), Network(1, 1, 3, 1), rule("simpson", 9, 1))
    assert_close(problem.load, torch.sin(3 * math.pi * problem.points), 1e-13)
    assert problem.energy_minimum == pytest.approx(-1 / (36 * math.pi**2), rel=1e-13)


def waves(paper: OnPaper, coefficients: np.ndarray, points: torch.Tensor) -> Jet:
    """Σ coefficient sin kπx (sin mπy) for every component: an admissible perturbation, coefficients (c, K[, K])."""
    kinds = range(1, coefficients.shape[1] + 1)

    def function(z):
        basis = [torch.sin(k * math.pi * z[..., 0]) for k in kinds]
        if z.shape[-1] == 2:
            basis = [b * torch.sin(m * math.pi * z[..., 1]) for b in basis for m in kinds]
        return torch.stack(basis, -1) @ torch.tensor(coefficients.reshape(len(coefficients), -1)).T

    return function_jet(function, points)


def plus(u: Jet, v: Jet) -> Jet:
    return Jet(u.value + v.value, u.gradient + v.gradient)


amplitude = st.floats(-2.0, 2.0).filter(lambda a: a == 0 or abs(a) > 1e-3)


@pytest.mark.parametrize("paper", CONVEX, ids=lambda paper: paper.name)
@hypothesis_settings(max_examples=20)
@given(data=st.data())
def test_a_perturbation_costs_at_least_half_its_energy_norm(paper, data):
    shape = (1, 3) if paper is POISSON1D else (1, 2, 2)
    numbers = data.draw(st.lists(amplitude, min_size=math.prod(shape), max_size=math.prod(shape)).filter(any))
    problem = discretized(paper)
    change = waves(paper, np.array(numbers).reshape(shape), problem.points)
    gap = float(problem.energy(plus(problem.exact, change))) - problem.energy_minimum
    half_norm = 0.5 * float(change.gradient.square().sum((-2, -1)) @ problem.weights)
    assert half_norm > 0
    if paper is SEMILINEAR:
        assert gap >= half_norm * (1 - 1e-12) - 1e-12
    else:
        assert gap == pytest.approx(half_norm, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("paper", [NEO_HOOKEAN, STIFF], ids=["neo_hookean2d", "stiff"])
def test_the_exact_solution_of_the_neo_hookean_body_is_a_strict_local_minimum(paper):
    """First variation zero and second variation positive, over 3 x 3 waves in each component."""
    problem = discretized(paper)
    basis = [waves(paper, unit.reshape(2, 3, 3), problem.points) for unit in np.eye(18)]
    values, slopes = (torch.stack([getattr(b, part) for b in basis]) for part in ("value", "gradient"))

    def energy(a):
        change = Jet(torch.tensordot(a, values, 1), torch.tensordot(a, slopes, 1))
        return problem.energy(plus(problem.exact, change))

    origin = torch.zeros(18, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(energy, origin)
    assert torch.autograd.functional.jacobian(energy, origin).abs().max() < 1e-11
    assert torch.linalg.eigvalsh(hessian)[0] > 0.5


def test_the_neo_hookean_energy_is_not_convex():
    """Along a segment between two deformations with J > 0 the energy density lies above its chord somewhere."""
    problem = NEO_HOOKEAN.problem
    quarter = torch.tensor([[-1.0, -1.0], [1.0, -1.0]], dtype=torch.float64)  # ∇u of a rotation by 90 degrees
    slopes = torch.stack([0.0 * quarter, 0.5 * quarter, quarter]).unsqueeze(1).unsqueeze(1)
    at = problem.density(None, None, slopes).ravel()
    assert at[0] == pytest.approx(0, abs=1e-15)
    assert at[2] == pytest.approx(0, abs=1e-15)
    assert at[1] > 0.1


def test_a_rigid_rotation_costs_no_energy_and_bears_no_stress():
    angle = 0.7
    rotation = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    slope = (rotation - torch.eye(2)).expand(1, 1, 2, 2)[0].requires_grad_()
    energy = STIFF.problem.density(None, None, slope.unsqueeze(0)).sum()
    (traction,) = torch.autograd.grad(energy, slope)
    assert abs(float(energy.detach())) < 1e-15
    assert traction.abs().max() < 1e-14


def test_the_deformation_of_the_exact_solution_keeps_its_orientation_everywhere():
    axis = torch.linspace(0, 1, 301, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)
    deformation = sympy.eye(2) + DISPLACEMENT.jacobian((x, y))
    j = evaluate(sympy.Matrix([deformation.det()]), (x, y), points)
    assert 0.67 < float(j.min()) < 0.68
    assert 1.37 < float(j.max()) < 1.39


def boundary_points(dimension: int) -> torch.Tensor:
    axis = torch.linspace(0, 1, 21, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)
    return grid[((grid == 0) | (grid == 1)).any(-1)]


@papers
def test_any_network_satisfies_the_boundary_conditions(paper):
    points, problem = boundary_points(len(paper.variables)), discretized(paper)
    boundary = evaluate(paper.exact, paper.variables, points).reshape(len(points), -1)
    thetas = torch.stack([random_theta(problem.network, seed, 5.0) for seed in range(4)])
    u = problem.at(thetas, points)
    assert u.shape == (4, *boundary.shape)
    assert (u - boundary).abs().max() < 1e-15  # SymPy's sin 4π is not quite zero in floating point
    assert (paper.problem.lift(points) - boundary).abs().max() < 1e-15


@papers
def test_networks_are_free_inside_and_scaled(paper):
    problem, points = discretized(paper), random_points(9, len(paper.variables))
    theta = random_theta(problem.network, 1)
    bubble = torch.prod(4 * points * (1 - points), -1, keepdim=True)
    lift = torch.cat([0.05 * points[:, :1], 0 * points[:, 1:]], 1) if problem.network.outputs == 2 else 0.0
    scale = 0.1 if problem.network.outputs == 2 else 1.0
    assert_close(problem.at(theta, points), lift + scale * bubble * forward(problem.network, theta, points), 1e-14)


@papers
def test_the_field_at_the_quadrature_points_is_the_value_of_the_jet(paper):
    problem = discretized(paper)
    thetas = torch.stack([random_theta(problem.network, seed) for seed in range(3)])
    assert_close(problem.jet(thetas, "value").value, problem.at(thetas, problem.points), 1e-14)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_distance_vanishes_on_the_boundary_alone_and_has_maximum_one(dimension):
    problem = Problem()
    assert not problem.distance(boundary_points(dimension)).any()
    inside = problem.distance(random_points(200, dimension))
    assert ((inside > 0) & (inside <= 1)).all()
    assert problem.distance(torch.full((1, dimension), 0.5)).item() == 1.0


@pytest.mark.parametrize("name", CATALOG)
def test_the_catalog_tells_the_sizes_of_a_problem(name):
    entry, made = CATALOG[name], problem(name)
    assert type(made).__name__ == entry.cls
    assert (made.dimension, len(made.components)) == (entry.dimension, entry.components)


@pytest.mark.parametrize("name", CATALOG)
def test_the_catalog_tells_the_parameters_of_a_problem_and_each_matters(name):
    x, du = random_points(5, CATALOG[name].dimension), 0.3 * torch.rand(5, CATALOG[name].components, CATALOG[name].dimension)
    usual = problem(name).density(x, du[..., 0], du)
    for parameter in CATALOG[name].parameters:
        assert not torch.allclose(problem(name, {parameter: 2.5}).density(x, du[..., 0], du), usual)


def test_the_parameters_are_the_lame_parameters_of_small_strains():
    """For ε → 0 the energy is μ|ε|² + λ/2 (tr ε)²."""
    body = problem("neo_hookean2d", {"mu": 3.0, "lambda": 7.0})
    size = 1e-4
    strain = size * torch.tensor([[0.3, 0.5], [0.5, -0.8]], dtype=torch.float64)
    expected = 3.0 * strain.square().sum() + 3.5 * strain.trace() ** 2
    energy = body.density(None, None, strain.expand(1, 1, 2, 2)).item()
    assert energy == pytest.approx(float(expected), rel=10 * size)


@pytest.mark.parametrize("name", ["nu", "lambda_", "Mu"])
def test_an_unknown_parameter_is_refused_with_those_known(name):
    with pytest.raises(TypeError, match=f"^neo_hookean2d has no parameter {re.escape(name)}; it has mu and lambda$"):
        problem("neo_hookean2d", {name: 1.0})


def test_problems_without_parameters_refuse_any():
    with pytest.raises(TypeError):
        problem("poisson1d", {"mu": 1.0})


def test_the_inverted_points_are_those_with_no_positive_determinant():
    slopes = torch.tensor([[[0, 0], [0, 0]], [[-1, 0], [0, 0]], [[-2, 0], [0, 0]], [[-2, 0], [0, -2]], [[0, 1], [2, 0]]])
    mask = problem("neo_hookean2d").infeasible(torch.zeros(5, 2), slopes.double())
    assert mask.tolist() == [False, True, True, False, True]


@pytest.mark.parametrize("name", ["poisson1d", "poisson2d", "semilinear2d"])
def test_the_energy_of_a_smooth_problem_always_exists(name):
    assert problem(name).infeasible(torch.zeros(1, 1), torch.zeros(1, 1, 2)) is None


def test_the_neo_hookean_energy_is_not_a_number_where_the_body_is_turned_inside_out():
    du = torch.tensor([[-2.0, 0.0], [0.0, 0.0]], dtype=torch.float64).expand(1, 1, 2, 2)
    assert problem("neo_hookean2d").density(None, None, du).isnan().all()


@pytest.mark.parametrize("method", ["density", "exact"])
def test_a_problem_must_say_its_density_and_its_exact_solution(method):
    class Half(Problem):
        dimension = 1

    with pytest.raises(TypeError, match=f"^Half must define `{method}`$"):
        getattr(Half(), method)(*[torch.zeros(1, 1)] * (3 if method == "density" else 1))


def test_the_perturbed_network_never_beats_the_exact_solution_of_a_convex_problem():
    problem = discretized(SEMILINEAR)
    thetas = torch.stack([random_theta(problem.network, seed) for seed in range(20)])
    assert (Objective(problem, "deep-ritz")(thetas) > problem.energy_minimum).all()
