"""Random points and fields at which the methods of a problem are checked."""

import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pinnscape.problems import autograd
from pinnscape.problems.faults import fault
from pinnscape.problems.field import Field, Order, Point
from pinnscape.problems.points import Rule, place
from pinnscape.problems.problem import Problem

# Numbers of random fields and points. They differ from numbers of components and dimensions, so that confused axes are noticed.
FIELDS, POINTS = 13, 11


def interior(problem: Problem, count: int = POINTS, seed: int = 1) -> Tensor:
    """Random points (count, d) inside the domain: of twice as many points, those with the largest distance function.

    Args:
        problem: the problem.
        count: number of points.
        seed: seed of the random numbers.
    """
    domain = problem.domain
    points = torch.tensor(place(domain, rule=Rule("monte-carlo", 2 * count, seed=seed)).points[0])
    distance = domain.distance(tuple(domain.pieces))(autograd.point(domain, points))
    return points[autograd.columns(distance, points[:, 0])[0].argsort(descending=True)[:count]]


def solution(problem: Problem, points: Tensor) -> Callable[[int, Order], Tensor]:
    """A function that returns derivatives (n,) of the exact solution at points (n, d) by component and order.

    The derivatives have no graph. They are zero for a problem without an exact solution.
    """
    if not problem.has("exact"):
        return lambda component, order: torch.zeros_like(points[:, 0])
    _, field = autograd.differentiable(problem.exact, problem.domain, points, problem.components)
    return lambda component, order: field.derivative(component, order).detach()


def states(problem: Problem, points: Tensor, size: float = 1.0, seed: int = 0) -> Field:
    """Random fields around the exact solution, whose values and derivatives (``FIELDS``, n) are independent of each other.

    Args:
        problem: the problem.
        points: (n, d).
        size: size of the random changes; 1 stands for a standard deviation of 0.3 times the scale of the problem.
        seed: seed of the random numbers.
    """
    center, known = solution(problem, points), dict[tuple[int, Order], Tensor]()

    def derivative(component: int, order: Order) -> Tensor:
        if (component, order) not in known:
            generator = torch.Generator().manual_seed(zlib.crc32(repr((component, order, seed)).encode()))
            change = torch.randn(FIELDS, len(points), generator=generator, dtype=torch.float64)
            known[component, order] = center(component, order) + 0.3 * size * problem.scale * change
        return known[component, order]

    return Field(problem.domain.names, derivative, problem.components, problem.domain.time)


def part(field: Field, *index: int | slice) -> Field:
    """A field whose values and derivatives are indexed by ``index``."""
    return Field(field.variables, lambda k, order: field.derivative(k, order)[index], field.components, field.time)


def feasible(problem: Problem, points: Tensor) -> Field:
    """Random fields around the exact solution for which the energy exists and density and residual are finite.

    Args:
        problem: the problem.
        points: (n, d).

    Returns:
        A field with derivatives (``FIELDS``, n).

    Raises:
        ProblemError: there are no such fields close to the solution.
    """
    p, size = autograd.point(problem.domain, points), 1.0
    for _ in range(30):
        fields = states(problem, points, size)
        if exists(problem, p, fields).all():
            return fields
        size *= 0.5
    method = "density" if problem.has("density") else "residual"
    raise fault(problem, method, "is not finite close to the solution; a problem needs room around its solution")


def exists(problem: Problem, p: Point, u: Field) -> Tensor:
    """Whether density and residual are finite for u at p, and the energy exists according to the problem: booleans (..., n).

    Raises:
        ProblemError: the method ``exists`` does not return a comparison.
    """
    like = u.derivative(0, (0,) * len(u.variables))
    found = torch.ones_like(like, dtype=torch.bool)
    for method in ("density", "residual"):
        for value in values(problem, method, p, u, like=like):
            found &= value.isfinite()
    if problem.has("exists"):
        mask = problem.exists(p, u)
        if not isinstance(mask, (bool, Tensor)) or (isinstance(mask, Tensor) and mask.dtype != torch.bool):
            raise fault(problem, "exists", f"gives {type(mask).__name__}; must give a comparison, such as `jacobian > 0`")
        found &= mask
    return found


def values(problem: Problem, method: str, *arguments: Any, like: Tensor) -> list[Tensor]:
    """The values of a method as a list of tensors with the shape of ``like``; empty if the problem has no such method."""
    if not problem.has(method):
        return []
    found = getattr(problem, method)(*arguments)
    return autograd.columns(list(found.values()) if isinstance(found, dict) else found, like)
