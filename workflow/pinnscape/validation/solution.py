"""Checks that exact solution, equation, conditions and lift of a problem are consistent."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pinnscape.problems import autograd
from pinnscape.problems import statement as stated
from pinnscape.problems.ansatz import Ansatz
from pinnscape.problems.conditions import Condition, Periodic
from pinnscape.problems.domains.domain import INTERIOR
from pinnscape.problems.faults import fault, naming
from pinnscape.problems.field import Field, Order, Point
from pinnscape.problems.points import PointSet, Rule, place
from pinnscape.problems.problem import Problem
from pinnscape.problems.terms import TermSpec
from pinnscape.validation import samples

SMALL = 1e-8  # relative size below which a quantity counts as zero
_FAR = 1e3  # largest factor between the scale and the size of u - lift without a warning
_RULE = Rule("sobol", 32, seed=11)
Function = Callable[[Point], Any]


def inside(problem: Problem, count: int = 64) -> PointSet:
    """Random points inside the domain, with equal weights that sum to its volume."""
    points = samples.interior(problem, count, seed=5).numpy()
    return PointSet(points[None], torch.full((count,), problem.domain.volume / count, dtype=torch.float64).numpy())


def remainder(term: TermSpec, problem: Problem, function: Function, points: PointSet) -> tuple[float, float]:
    """The residual r of a term for a given function, which should vanish, and a scale to which it is compared.

    Args:
        term: a term of the strong form.
        problem: the problem.
        function: the function u.
        points: points at which the residual is evaluated.

    Returns:
        The maximum of |r|, and the maximum of Σ_α |∂r/∂u_α| max(|u_α|, m), where m is the maximum of |u| inside the domain. The
        maximum of the prescribed data is a lower bound of the scale.
    """
    placed = term.at(problem.domain, points)
    known: list[dict[tuple[int, Order], Tensor]] = [{} for _ in placed.points]
    sites = [_site(problem, function, torch.tensor(at), kept) for at, kept in zip(placed.points, known, strict=True)]
    data = {name: torch.tensor(column) for name, column in placed.data.items()}
    p, u = sites[0] if term.sites == 1 else zip(*sites, strict=True)
    with torch.enable_grad():
        found = autograd.columns(term.local(p, u, data), torch.tensor(placed.weights))
    leaves = [value for kept in known for value in kept.values()]
    typical = float(values(problem, function).abs().max()) or problem.scale
    sizes = [column.abs().max() for name, column in data.items() if not name.startswith("normal_")]
    for value in found:
        if value.requires_grad:
            slopes = torch.autograd.grad(value.sum(), leaves, retain_graph=True, materialize_grads=True)
            parts = [a.abs() * b.detach().abs().clamp_min(typical) for a, b in zip(slopes, leaves, strict=True)]
            sizes.append(torch.stack(parts).sum(0).max())
    return max(float(value.detach().abs().max()) for value in found), max(map(float, sizes), default=1.0) or 1.0


def _site(problem: Problem, function: Function, points: Tensor, kept: dict[tuple[int, Order], Tensor]) -> tuple[Point, Field]:
    """The points, and a function as a field there; its derivatives are leaves of a graph and are stored in ``kept``."""
    _, found = autograd.differentiable(function, problem.domain, points, problem.components)

    def derivative(component: int, order: Order) -> Tensor:
        if (component, order) not in kept:
            kept[component, order] = found.derivative(component, order).detach().requires_grad_()
        return kept[component, order]

    p = autograd.point(problem.domain, points)
    return p, Field(problem.domain.names, derivative, problem.components, problem.domain.time)


def equation(problem: Problem) -> dict[str, float]:
    """Check that the exact solution solves the equation.

    Returns:
        The residual of each term of the equation, relative to the size of its parts (see ``remainder``).

    Raises:
        ProblemError: the exact solution does not solve the equation.
    """
    found = {}
    for term in stated.terms(problem, stated.STRONG_FORM) if problem.has("exact") else ():
        if term.where != (INTERIOR,):
            continue
        left, size = remainder(term, problem, problem.exact, inside(problem))
        if not left <= SMALL * size:
            what = (
                f"residual {term.name}"
                if term.name != INTERIOR
                else "residual"
                if problem.has("residual")
                else "equation of density and load"
            )
            raise fault(
                problem,
                "exact",
                f"does not solve the {what}: {left:.3g} is left where the terms are of size {size:.3g}; mend one of them",
            )
        found[f"equation_{term.name}"] = left / size
    return found


def both_forms(problem: Problem) -> dict[str, float]:
    """Check that the exact solution solves the equation of the density too, if a problem has a density and a residual.

    Returns:
        The residual, relative to the size of its parts.

    Raises:
        ProblemError: the exact solution does not solve the equation of the density.
    """
    if not (problem.has("exact") and problem.has("density") and problem.has("residual")):
        return {}
    left, size = remainder(stated.euler_lagrange(problem), problem, problem.exact, inside(problem))
    if not left <= SMALL * size:
        raise fault(
            problem,
            "density",
            f"its equation is not that of residual: exact leaves {left:.3g} where the terms are of size {size:.3g}; mend one of them",
        )
    return {"both_forms": left / size}


def conditions(problem: Problem) -> dict[str, float]:
    """Check that the exact solution satisfies all conditions.

    Returns:
        The violation of each condition, relative to the size of its parts.

    Raises:
        ProblemError: the exact solution does not satisfy a condition.
    """
    found = {}
    for condition in stated.conditions(problem) if problem.has("exact") else ():
        left, size = _remainder_on(condition, problem, problem.exact)
        if not left <= SMALL * size:
            raise fault(
                problem, "exact",
                f"does not satisfy the condition {condition.name}: it is off by {left:.3g} where the terms are of size {size:.3g}; mend exact or the condition",
            )  # fmt: skip
        found[f"condition_{condition.name}"] = left / size
    return found


def _remainder_on(condition: Condition, problem: Problem, function: Function) -> tuple[float, float]:
    with naming(problem, "conditions", "a value is a number or a function of p, which gives one number for each point"):
        term = condition.soft(problem)
        return remainder(term, problem, function, place(problem.domain, term.where, _RULE, term.sites))


def by_construction(problem: Problem, settings: stated.Settings | None = None) -> dict[str, float]:
    """Check that fields of random networks satisfy the hard conditions, and that the lift is not already the exact solution.

    Args:
        problem: the problem.
        settings: settings of its conditions by name.

    Returns:
        The violation of each hard condition, relative to the size of its parts.

    Raises:
        ProblemError: a hard condition is not satisfied, or the lift is the exact solution.
    """
    made, found = stated.ansatz(problem, settings), {}
    for condition in made.hard:
        left, size = 0.0, 0.0
        for seed in range(2):
            off, scale = _remainder_on(condition, problem, _random_field(made, seed))
            left, size = max(left, off), max(size, scale)
        if not left <= SMALL * size:
            remedy = (
                "mend `lift`"
                if problem.has("lift")
                else "define `def lift(self, p)`, a smooth function that satisfies all hard conditions, or make one soft"
            )
            method = "lift" if problem.has("lift") else "conditions"
            raise fault(
                problem,
                method,
                f"the field of a network is off by {left:.3g} in the hard condition {condition.name} (its terms are of size {size:.3g}); {remedy}",
            )
        found[f"hard_{condition.name}"] = left / size
    if any(not isinstance(condition, Periodic) for condition in made.hard):
        _something_left(problem, made)
    return found


def _random_field(made: Ansatz, seed: int) -> Function:
    """The field of a small network with random weights, as a function of a point."""
    generator = torch.Generator().manual_seed(seed)
    width = 7
    inner = torch.randn(width, len(made.inputs) + 1, generator=generator, dtype=torch.float64)
    outer = torch.randn(len(made.problem.components), width, generator=generator, dtype=torch.float64)

    def function(p: Point) -> tuple[Any, ...]:
        inputs = made.embedding(p)
        like = inputs[0]
        hidden = [torch.tanh(sum(w * z for w, z in zip(row[1:], inputs, strict=True)) + row[0] + 0.0 * like) for row in inner]
        return made.field(p, [sum(w * h for w, h in zip(row, hidden, strict=True)) for row in outer])

    return function


def _something_left(problem: Problem, made: Ansatz) -> None:
    if not problem.has("exact"):
        return
    exact, lift = values(problem, problem.exact), values(problem, made.lift)
    size = float(exact.abs().max())
    if size > 0.0 and float((exact - lift).abs().max()) <= SMALL * size:
        raise fault(
            problem, "lift" if problem.has("lift") else "conditions",
            "the lift is the exact solution, so that nothing is left to learn; define `def lift(self, p)` with the same boundary values and others inside",
        )  # fmt: skip


def values(problem: Problem, function: Function) -> Tensor:
    """Values (c, n) of a function with c components at 200 random points inside the domain."""
    points = samples.interior(problem, 200)
    return torch.stack(autograd.columns(function(autograd.point(problem.domain, points)), points[:, 0])).detach()


def scale(problem: Problem, settings: stated.Settings | None = None) -> Iterator[str]:
    """A warning if ``scale`` differs much from the size of u - lift, which the network has to learn."""
    if problem.has("exact"):
        made = stated.ansatz(problem, settings)
        size = float((values(problem, problem.exact) - values(problem, made.lift)).abs().max())
        if size > 0.0 and not 1.0 / _FAR < size / problem.scale < _FAR:
            yield f"scale is {problem.scale:g}, but exact - lift is of size {size:.1e}: the network has to make up for the difference; set `scale` to about that"
