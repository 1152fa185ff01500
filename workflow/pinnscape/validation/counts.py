"""Warnings about the numbers of equations and of initial conditions."""

from collections.abc import Iterator

from pinnscape.problems import autograd, statement
from pinnscape.problems.conditions import Condition, Dirichlet, Initial, InitialRate
from pinnscape.problems.field import Field, Order
from pinnscape.problems.problem import Problem
from pinnscape.validation import samples


def warnings(problem: Problem) -> Iterator[str]:
    """Warnings if there are fewer equations than components, or fewer initial conditions than time derivatives.

    The solution is then probably not unique. The check is limited to problems with ``residual``.
    """
    if not problem.has("residual"):
        return
    points = samples.interior(problem)
    fields, asked = samples.states(problem, points), set[tuple[int, Order]]()

    def derivative(component: int, order: Order) -> object:
        asked.add((component, order))
        return fields.derivative(component, order)

    p, u = autograd.point(problem.domain, points), Field(fields.variables, derivative, fields.components, fields.time)
    count = len(samples.values(problem, "residual", p, u, like=fields[problem.components[0]].value))
    if count < len(problem.components):
        yield f"residual gives {count} equation{'s' * (count > 1)} for the components {', '.join(problem.components)}"
    yield from _missing_initial_conditions(problem, asked)


def _missing_initial_conditions(problem: Problem, asked: set[tuple[int, Order]]) -> Iterator[str]:
    if problem.domain.time is None:
        return
    time = problem.domain.names.index(problem.domain.time)
    stated = statement.conditions(problem)
    for k, name in enumerate(problem.components):
        highest = max((order[time] for component, order in asked if component == k), default=0)
        known = {order for c in stated if name in c.about(problem) for order in _orders(c, problem)}
        for order in sorted(set(range(highest)) - known):
            what = "Initial(...)" if order == 0 else "InitialRate(...)" if order == 1 else f"InitialRate(..., order={order})"
            yield f"{name} has time derivatives up to order {highest}, but no condition {what}"


def _orders(condition: Condition, problem: Problem) -> tuple[int, ...]:
    """Orders of the time derivatives that a condition prescribes at the initial time."""
    if isinstance(condition, InitialRate):
        return (condition.order,)
    at_first = set(problem.domain.resolve("initial")) <= set(condition.pieces(problem.domain))
    return (0,) if isinstance(condition, Initial) or (isinstance(condition, Dirichlet) and at_first) else ()
