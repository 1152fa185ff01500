"""Conditions: what they add to losses, what they make of the field of a network, and what is refused."""

import math

import numpy as np
import pytest
import sympy
import torch
from problems.statement_cases import evaluated, loss, network, soft, value

from pinnscape.common.errors import ProblemError
from pinnscape.problems import autograd, statement
from pinnscape.problems.conditions import Clamped, Dirichlet, Initial, InitialRate, Neumann, Periodic, Robin
from pinnscape.problems.domains.boxes import Interval, SpaceTime, cube
from pinnscape.problems.domains.corners import LShape
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.field import Field, Point
from pinnscape.problems.functions import cos, exp, pi, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.points import Rule, place
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import problem_class

LINE = SpaceTime(x=(-1, 2), t=(0.5, 2.5))


def stated(*conditions, on=LINE, names=("u",), **methods) -> Problem:
    """A problem with these conditions."""

    class Stated(Problem):
        domain = on
        components = names
        scale = 0.7

        def residual(self, p, u):
            return u[names[0]].x

    Stated.conditions = lambda self: conditions[0] if len(conditions) == 1 else conditions
    for name, method in methods.items():
        setattr(Stated, name, method)
    return Stated()


def field_of(problem: Problem, settings=None, seed: int = 0):
    """The field that a random network makes."""
    made = statement.ansatz(problem, settings)
    net = network(len(made.inputs), len(problem.components), seed)
    return lambda p: made.field(p, net(made.embedding(p)))


SQUARED = {
    "dirichlet": (Dirichlet(value=lambda p: p.t * p.x), [lambda p, u, n: u.value - p.t * p.x]),
    "number": (Dirichlet("x_min", 0.25), [lambda p, u, n: u.value - 0.25]),
    "zero": (Dirichlet("x_max"), [lambda p, u, n: u.value]),
    "neumann": (Neumann("x_min", lambda p: p.t), [lambda p, u, n: -u.x - p.t]),
    "robin": (Robin(a=2.0, g=lambda p: sin(p.t)), [lambda p, u, n: n * u.x + 2 * u.value - torch.sin(p.t)]),
    "robin_of_functions": (Robin("x_max", lambda p: p.t, 1.0), [lambda p, u, n: u.x + p.t * u.value - 1.0]),
    "clamped": (Clamped("x_min", 1.0, lambda p: p.t), [lambda p, u, n: u.value - 1.0, lambda p, u, n: -u.x - p.t]),
    "initial": (Initial(lambda p: cos(p.x)), [lambda p, u, n: u.value - torch.cos(p.x)]),
    "rate": (InitialRate(lambda p: p.x), [lambda p, u, n: u.t - p.x]),
    "second_rate": (InitialRate(lambda p: p.x, 2), [lambda p, u, n: u.tt - p.x]),
}


@pytest.mark.parametrize(("condition", "expected"), SQUARED.values(), ids=SQUARED)
def test_a_soft_condition_is_the_mean_of_the_squares_of_what_must_vanish(condition, expected) -> None:
    problem = stated(condition)
    settings = {condition.name: {"enforce": "soft", "weight": 3.0}}
    (_, term) = statement.terms(problem, "strong-form", settings)
    function, rule = field_of(problem, settings), Rule("gauss-legendre", 7)
    on = place(problem.domain, term.where, rule)
    p, u = autograd.differentiable(function, problem.domain, torch.tensor(on.points[0]))
    normal = torch.tensor(on.data["normal_x"])
    found = evaluated(term, problem, function, term.place(problem.domain, rule))
    for part, paper in zip(found, expected, strict=True):
        torch.testing.assert_close(part, paper(p, u, normal), rtol=1e-13, atol=1e-13)
    weights = torch.tensor(on.weights / on.weights.sum())
    total = 3.0 * sum((paper(p, u, normal) ** 2 * weights).sum() for paper in expected)
    torch.testing.assert_close(value(term, problem, function, rule), total)
    assert (term.name, term.kind, term.weight) == (condition.name, "squared", 3.0)


def test_soft_periodicity_compares_opposite_points() -> None:
    problem = stated(Periodic("x", derivatives=1))
    (_, term) = statement.terms(problem, "strong-form", soft(problem, "periodic"))
    function = field_of(problem, soft(problem, "periodic"))
    times = torch.linspace(0.6, 2.4, 5, dtype=torch.float64)
    rule = Rule("gauss-legendre", 5)
    placed = term.place(problem.domain, rule)
    ends = [torch.stack([torch.full_like(times, end), torch.tensor(placed.points[0][:, 1])], 1) for end in (-1.0, 2.0)]
    (_, left), (_, right) = (autograd.differentiable(function, problem.domain, points) for points in ends)
    values, slopes = evaluated(term, problem, function, placed)
    torch.testing.assert_close(values, left.value - right.value)
    torch.testing.assert_close(slopes, left.x - right.x)
    assert placed.weights.sum() == pytest.approx(1.0)


HARD = {
    "dirichlet": [Dirichlet(value=lambda p: p.t * p.x)],
    "one_side": [Dirichlet("x_min", 3.0)],
    "two_zeros": [Dirichlet("x_min"), Dirichlet("x_max", name="right")],
    "initial": [Initial(lambda p: cos(p.x))],
    "rate": [Initial(lambda p: cos(p.x)), InitialRate(lambda p: sin(p.x))],
    "third_order": [Initial(0.5), InitialRate(lambda p: p.x), InitialRate(lambda p: exp(p.x), 2)],
    "wave": [Dirichlet(), Initial(lambda p: (p.x + 1) * (2 - p.x)), InitialRate()],
    "periodic": [Periodic("x", 2, harmonics=3)],
    "convection": [Periodic("x", 1), Initial(lambda p: sin(2 * pi * (p.x + 1) / 3))],
    "clamped": [Clamped()],
    "clamped_and_initial": [Clamped("x_min"), Dirichlet("x_max"), Initial(lambda p: (p.x + 1) ** 2 * (p.x - 2))],
}


@pytest.mark.parametrize("conditions", HARD.values(), ids=HARD)
def test_the_field_of_any_network_satisfies_the_hard_conditions(conditions) -> None:
    problem = stated(*conditions)
    softened = soft(problem, *(c.name for c in statement.conditions(problem)))
    for seed in range(3):
        function = field_of(problem, seed=seed)
        found = loss(statement.terms(problem, "strong-form", softened)[1:], problem, function)
        assert len(found) == len(conditions)
        assert max(found.values()) < 1e-24
        assert statement.terms(problem, "strong-form")[1:] == ()
    # Without the construction, the same networks do not.
    found = loss(statement.terms(problem, "strong-form", softened)[1:], problem, field_of(problem, softened))
    assert min(found.values()) > 1e-4


def test_the_field_is_the_lift_and_the_factor_times_the_network() -> None:
    problem = stated(Dirichlet(), Initial(lambda p: sin(p.x)), InitialRate(2.0))
    made = statement.ansatz(problem)
    p = Point(("x", "t"), sympy.symbols("x t", real=True))
    x, t = p
    (lift,), (factor,) = made.lift(p), made.factor(p)
    s = (t - 0.5) / 2
    assert sympy.expand(lift - sympy.sin(x) - 2 * (t - 0.5)) == 0
    left = sympy.expand(factor - 0.7 * 4 * (x + 1) / 3 * (1 - (x + 1) / 3) * s * s)
    assert max(abs(coefficient) for coefficient in sympy.Poly(left, x, t).coeffs()) < 1e-15
    assert made.embedding(p) == (x, t)
    assert made.inputs == ("x", "t")


def test_a_periodic_variable_reaches_the_network_as_waves_of_its_period() -> None:
    made = statement.ansatz(stated(Periodic("x")), {"periodic": {"harmonics": 2}})
    assert made.inputs == ("t", "cos x", "cos 2x", "sin x", "sin 2x")
    x, t = torch.linspace(-1, 2, 7, dtype=torch.float64), torch.linspace(0, 1, 7, dtype=torch.float64)
    found = torch.stack(made.embedding(Point(("x", "t"), (x, t))))
    turn = 2 * math.pi / 3 * x
    torch.testing.assert_close(found, torch.stack([t, turn.cos(), (2 * turn).cos(), turn.sin(), (2 * turn).sin()]))
    torch.testing.assert_close(found[1:, 0], found[1:, -1], rtol=0, atol=1e-14)


def test_initial_values_are_carried_on_from_the_first_moment() -> None:
    """So that an exact solution may be given as the initial value."""
    problem = stated(Initial(lambda p: sin(p.x - 3 * p.t)))
    p = Point(("x", "t"), (torch.tensor([0.3], dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64)))
    assert statement.ansatz(problem).lift(p)[0] == math.sin(0.3 - 1.5)


def test_a_lift_of_ones_own_is_taken() -> None:
    problem = stated(Dirichlet("x_min", 1.0), Dirichlet("x_max", 2.0, name="right"), lift=lambda self, p: (p.x + 4) / 3)
    assert (
        max(
            loss(
                statement.terms(problem, "strong-form", soft(problem, "boundary", "right"))[1:], problem, field_of(problem)
            ).values()
        )
        < 1e-24
    )


def test_conditions_may_be_about_one_component() -> None:
    problem = stated(
        Dirichlet("x_min", 2.0, component="q"),
        Initial(lambda p: (p.x, 1.0)),
        names=("v", "q"),
        lift=lambda self, p: (p.x, 1.0 + 0 * p.x),
    )
    terms = statement.terms(problem, "strong-form", soft(problem, "boundary", "initial"))[1:]
    _, q = field_of(problem)(
        Point(("x", "t"), (torch.tensor([-1.0], dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64)))
    )
    assert q == 1.0  # lift there, as the factor of q vanishes at x_min
    made = statement.ansatz(problem)
    factors = made.factor(Point(("x", "t"), sympy.symbols("x t")))
    assert [sorted(map(str, factor.free_symbols)) for factor in factors] == [["t"], ["t", "x"]]
    on = terms[1].place(problem.domain, Rule("gauss-legendre", 3))
    assert set(on.data) == {"initial_value_v", "initial_value_q"}
    np.testing.assert_array_equal(on.data["initial_value_v"], on.points[0][:, 0])
    np.testing.assert_array_equal(on.data["initial_value_q"], 1.0)


class Membrane(Problem):
    """-div((1 + x²) ∇u) + u³ = f, with conditions of all natural kinds; u = eˣ cos y."""

    k = Parameter(2.0)

    def density(self, p, u):
        return 0.5 * (1 + p.x**2) * (u.x**2 + u.y**2) + 0.25 * u**4

    def exact(self, p):
        return exp(p.x) * cos(p.y)

    def flux(self, p):
        """The normal derivative times 1 + x² on the right side, and on the circle."""
        return (1 + p.x**2) * exp(p.x) * (p.x * cos(p.y) - p.y * sin(p.y))


class OnDisk(Membrane):
    domain = Disk()

    def conditions(self):
        return Robin(a=lambda p: self.k + p.x, g=lambda p: self.flux(p) + (self.k + p.x) * self.exact(p))


class OnDiskByFlux(Membrane):
    domain = Disk()

    def conditions(self):
        return Neumann(flux=self.flux)


class OnSquare(Membrane):
    domain = cube(2)

    def conditions(self):
        right = Neumann("x_max", lambda p: 2 * exp(p.x) * cos(p.y))
        top = Robin("y_max", 3.0, lambda p: (1 + p.x**2) * -exp(p.x) * sin(p.y) + 3.0 * self.exact(p))
        return Dirichlet(("x_min", "y_min"), self.exact), right, top

    def lift(self, p):
        return cos(p.y) + exp(p.x) - 1.0


@pytest.mark.parametrize(
    "problem", [OnDisk(), OnDisk(k=0.5), OnDiskByFlux(), OnSquare()], ids=["disk", "other", "flux", "square"]
)
def test_natural_conditions_make_the_exact_solution_a_minimum_of_the_energy(problem: Problem) -> None:
    terms, rule = statement.terms(problem, "deep-ritz"), Rule("gauss-legendre", 40)
    assert [term.kind for term in terms] == ["energy"] * len(terms)
    net = network(2, 1, seed=5)
    free = problem.domain.distance(("x_min", "y_min")) if isinstance(problem, OnSquare) else lambda p: 1.0

    def energy(s: float) -> float:
        def moved(p):
            return problem.exact(p) + s * free(p) * net([p.x, p.y])[0]

        return sum(loss(terms, problem, moved, rule).values())

    at = energy(0.0)
    slope, bend = (energy(1e-4) - energy(-1e-4)) / 2e-4, (energy(1e-2) + energy(-1e-2) - 2 * at) / 1e-4
    assert abs(slope) < 1e-7 * bend
    assert bend > 0.1
    # The squares of the strong form vanish there as well.
    softened = soft(problem, "boundary") if isinstance(problem, OnSquare) else None
    assert max(loss(statement.terms(problem, "strong-form", softened), problem, problem.exact).values()) < 1e-20


def test_terms_know_where_an_energy_exists() -> None:
    problem = problem_class("neo_hookean2d")()
    p = Point(("x", "y"), (0.5, 0.5))
    body = Field(("x", "y"), lambda k, order: -2.0 if (k, order) == (0, (1, 0)) else 0.0, problem.components)
    for formulation in ("deep-ritz", "strong-form"):
        (term,) = statement.terms(problem, formulation)
        assert term.exists is not None
        assert not term.exists(p, body, {})
        assert term.exists(p, Field(("x", "y"), lambda k, order: 0.0, problem.components), {})
    assert statement.terms(problem, "supervised")[0].exists is None
    assert statement.terms(problem_class("poisson2d")(), "deep-ritz")[0].exists is None


def test_free_boundaries_add_nothing_to_an_energy() -> None:
    class Free(OnDisk):
        def conditions(self):
            return Neumann()

    assert [term.name for term in statement.terms(Free(), "deep-ritz")] == ["interior"]
    assert [term.name for term in statement.terms(Free(), "strong-form")] == ["interior", "neumann"]


def test_weights_of_energies_sum_to_the_measure_and_those_of_squares_to_one() -> None:
    problem = OnDisk()
    interior, robin = statement.terms(problem, "deep-ritz")
    assert interior.place(problem.domain, Rule()).weights.sum() == pytest.approx(math.pi)
    assert robin.place(problem.domain, Rule()).weights.sum() == pytest.approx(2 * math.pi)
    for term in statement.terms(problem, "strong-form"):
        assert term.place(problem.domain, Rule()).weights.sum() == pytest.approx(1.0, rel=1e-13)
    # On the unit square, both are the same to the last bit.
    energy, square = (statement.terms(problem_class("poisson2d")(), name)[0] for name in ("deep-ritz", "strong-form"))
    both = [term.place(cube(2), Rule("gauss-legendre", 7)).weights for term in (energy, square)]
    np.testing.assert_array_equal(both[0], both[1])


def test_weights_of_the_interior_are_settings_too() -> None:
    problem = stated(Dirichlet())
    settings = {"interior": {"weight": 7.0}, "boundary": {"enforce": "soft", "weight": 2.0}}
    assert [(t.name, t.weight) for t in statement.terms(problem, "strong-form", settings)] == [
        ("interior", 7.0),
        ("boundary", 2.0),
    ]


def test_residuals_may_be_several_and_have_names() -> None:
    tuples = stated(Dirichlet(), residual=lambda self, p, u: (u.x, u.t))
    named = stated(Dirichlet(), residual=lambda self, p, u: {"transport": u.x, "growth": u.t - u})
    (interior,) = statement.terms(tuples, "strong-form")
    assert len(evaluated(interior, tuples, lambda p: p.x * p.t, interior.place(LINE, Rule("uniform", 3)))) == 2
    transport, growth = statement.terms(named, "strong-form")
    assert (transport.name, growth.name, growth.where) == ("transport", "growth", ("interior",))
    placed = growth.place(LINE, Rule("uniform", 3))
    (found,) = evaluated(growth, named, lambda p: p.t**2, placed)
    np.testing.assert_allclose(found.detach().numpy(), 2 * placed.points[0][:, 1] - placed.points[0][:, 1] ** 2)
    by_torch = stated(Dirichlet(), residual=lambda self, p, u: {"one": torch.sin(u.x), "two": u.t})
    assert [t.name for t in statement.terms(by_torch, "strong-form")] == ["one", "two"]


def test_formulations_are_those_that_a_problem_has() -> None:
    assert statement.formulations(stated(())) == ("strong-form",)
    assert statement.formulations(stated((), exact=lambda self, p: p.x)) == ("strong-form", "supervised")
    assert statement.formulations(OnDisk()) == ("deep-ritz", "strong-form", "supervised")
    referenced = stated(())
    referenced.reference = "method-of-lines"
    assert statement.formulations(referenced) == ("strong-form", "supervised")
    with pytest.raises(ValueError, match=r"^Stated has no loss 'deep-ritz'; it has strong-form, supervised$"):
        statement.terms(referenced, "deep-ritz")
    with pytest.raises(ValueError, match=r"^Stated has no exact solution; give `solution`, its reference, to compare with$"):
        statement.terms(referenced, "supervised")
    (term,) = statement.terms(referenced, "supervised", solution=lambda p: p.x)
    assert float(value(term, referenced, lambda p: p.x + 0.5, Rule("uniform", 4)).detach()) == pytest.approx(0.25)


def test_the_supervised_loss_is_the_mean_square_error_of_all_components() -> None:
    problem = stated((), names=("v", "q"), exact=lambda self, p: (p.x, p.t))
    (term,) = statement.terms(problem, "supervised")
    assert float(value(term, problem, lambda p: (p.x + 1.0, p.t - 2.0)).detach()) == pytest.approx(5.0)


def test_terms_with_symbols_have_the_same_names_and_points() -> None:
    problem = OnDisk(k=4.0)
    symbolic = statement.terms(problem.symbolic(), "strong-form")
    assert [t.name for t in symbolic] == [t.name for t in statement.terms(problem, "strong-form")]
    names = ("x", "y")
    p = Point(names, sympy.symbols("x y", real=True))
    u = Field(names, lambda _, order: sympy.Symbol(f"u{order[0]}{order[1]}", real=True))
    found = symbolic[1].local(p, u, {name: sympy.Symbol(name) for name in ("normal_x", "normal_y", "robin_a_u", "robin_g_u")})
    nx, ny, a, g, ux, uy, value_ = sympy.symbols("normal_x normal_y robin_a_u robin_g_u u10 u01 u00")
    real = {s: sympy.Symbol(s.name, real=True) for s in (ux, uy, value_)}
    expected = ((1 + p.x**2) * (nx * ux + ny * uy) + a * value_ - g).subs(real)
    assert sympy.simplify(found - expected) == 0


REFUSED = {
    "no_tuple": (lambda: stated("boundary"), "conditions: gives 'boundary'; return a condition or a tuple of them, such as Dirichlet(), or ()"),
    "two_names": (
        lambda: stated(Dirichlet("x_min"), Dirichlet("x_max")),
        'conditions: two terms are called boundary; give one another name, as in Dirichlet(..., name="other")',
    ),
    "piece": (lambda: stated(Dirichlet("left")), "conditions: `where` names 'left', which SpaceTime(x=(-1, 2), t=(0.5, 2.5)) does not have; it has"),
    "component": (lambda: stated(Dirichlet(component="w")), "conditions: the condition boundary is about the component 'w'; there is u"),
    "time": (lambda: stated(Initial(), on=cube(2)), "conditions: Initial needs a domain with a time variable, such as SpaceTime("),
    "variable": (lambda: stated(Periodic("t")), "conditions: Periodic is about a variable of space (x), not 't'"),
    "rate": (lambda: stated(InitialRate()), "conditions: a hard InitialRate of u needs a hard Initial beside it; add it, or make both soft"),
    "order": (lambda: stated(Initial(), InitialRate(0.0, 2)), "needs a hard InitialRate of order 1 beside it"),
    "values": (
        lambda: stated(Dirichlet(value=1.0), Initial(1.0)),
        "conditions: the hard conditions boundary and initial prescribe values of u; define `def lift(self, p)`, a smooth function that has all of them",
    ),
    "slope": (lambda: stated(Clamped(slope=1.0)), "conditions: the hard conditions clamped prescribe values of u; define `def lift(self, p)`"),
    "twice": (lambda: stated(Dirichlet(), Clamped("x_min")), "conditions: two hard conditions prescribe u on x_min; leave one out, or make one soft"),
    "raises": (lambda: stated(conditions=lambda self: 1 / 0), "conditions: ZeroDivisionError: division by zero"),
    "name_of_residual": (
        lambda: stated(Dirichlet(name="growth"), residual=lambda self, p, u: {"growth": u.x}), "two terms are called growth; give one another name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_conditions_that_make_no_sense_are_refused_in_one_line(make, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        statement.ansatz(make())
    assert "Stated.conditions: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_conditions_are_refused_where_they_are_written() -> None:
    for make, said in (
        (
            lambda: Neumann(enforce="hard"),
            "the condition neumann (Neumann) cannot be hard: no construction of the field meets it; take soft",
        ),
        (lambda: Dirichlet(enforce="firm"), "`enforce` of the condition boundary must be hard or soft, not 'firm'"),
        (lambda: Dirichlet(weight=-1), "`weight` of the condition boundary must be a number from 0 on, not -1"),
        (lambda: Periodic("x", harmonics=0), "`harmonics` of the condition Periodic must be a whole number from 1 on, not 0"),
        (lambda: InitialRate(order=0), "`order` of the condition InitialRate must be a whole number from 1 on, not 0"),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
            make()
        assert str(caught.value) == said


def test_settings_that_fit_no_condition_are_refused_in_one_line() -> None:
    problem = stated(Dirichlet(), Initial())
    for settings, said in (
        ({"bondary": {"enforce": "soft"}}, "Stated has no condition or term `bondary`; it has boundary, initial, interior"),
        ({"boundary": {"harmonics": 2}}, "the condition boundary has no setting `harmonics`; it has enforce, weight"),
        ({"boundary": {"enforce": "firm"}}, "`enforce` of the condition boundary must be hard or soft, not 'firm'"),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
            statement.conditions(problem, settings)
        assert str(caught.value) == said


def test_a_natural_condition_of_second_derivatives_is_refused() -> None:
    problem = stated(Neumann(), on=Interval(), density=lambda self, p, u: 0.5 * u.xx**2)
    with pytest.raises(
        ProblemError,
        match=r"the condition neumann \(Neumann\) is not natural to a density with second derivatives; take Clamped$",
    ):
        statement.terms(problem, "deep-ritz")


def test_values_that_do_not_fit_the_components_are_refused() -> None:
    problem = stated(Initial(lambda p: (p.x, p.x, p.x)), names=("v", "q"))
    term = statement.terms(problem, "strong-form", soft(problem, "initial"))[1]
    with pytest.raises(ValueError, match=r"^a condition gives 3 values for 2 components$"):
        term.place(problem.domain, Rule())


def test_the_factor_on_an_l_shape_is_singular_where_both_sides_are_held() -> None:
    problem = stated(Dirichlet(), on=LShape())
    (factor,) = statement.ansatz(problem).factor(Point(("x", "y"), (torch.tensor([1e-6]), torch.tensor([1e-6]))))
    assert float(factor) == pytest.approx(0.7 * (math.sqrt(2) * 1e-6) ** (2 / 3) * math.sin(math.pi / 6), rel=1e-5)
