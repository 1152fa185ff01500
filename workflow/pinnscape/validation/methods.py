"""Checks of the individual methods of a problem: independence of other points, derivatives, and values with SymPy symbols."""

import math
from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import Tensor

from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.problems import autograd
from pinnscape.problems.euler_lagrange import by_torch, operator
from pinnscape.problems.faults import fault, naming
from pinnscape.problems.field import Field, Order, Point
from pinnscape.problems.problem import Problem
from pinnscape.problems.symbols import NOT_SYMBOLIC, Derived, Symbols
from pinnscape.validation import samples
from pinnscape.validation.form import DIFFERENTIABLE, OF_FIELDS, OF_POINTS

EQUAL = 1e-10  # largest relative change of a value when it is computed together with other points or fields
SAME = 1e-8  # largest relative difference between values computed from symbols and with tensors
_OPERATIONS = "an operation in it does with symbols what it does not with tensors; write it out in arithmetic and functions of pinnscape.problems.functions"


def pointwise(problem: Problem) -> None:
    """Check that each value depends only on its own point and field, and is the same in each call.

    Raises:
        ProblemError: the first error that is found.
    """
    points = samples.interior(problem)
    p, n = autograd.point(problem.domain, points), len(points)
    for method in OF_POINTS:
        together = _stacked(problem, method, p, like=points[:, 0])
        single = [
            _stacked(problem, method, autograd.point(problem.domain, points[i : i + 1]), like=points[i : i + 1, 0])
            for i in range(n)
        ]
        _equal(problem, method, together, torch.cat(single, -1), "the other points that are computed with it")
        _equal(problem, method, together, _stacked(problem, method, p, like=points[:, 0]), "another call")
    fields = samples.feasible(problem, points)
    like = fields.derivative(0, (0,) * len(p))
    for method in OF_FIELDS:
        together = _stacked(problem, method, p, fields, like=like)
        rows = [
            _stacked(problem, method, p, samples.part(fields, k), like=like[k])[..., None, :] for k in range(samples.FIELDS)
        ]
        _equal(problem, method, together, torch.cat(rows, -2), "the other fields that are computed with it")
        columns = []
        for i in range(n):
            here = slice(None), slice(i, i + 1)
            at = autograd.point(problem.domain, points[i : i + 1])
            columns.append(_stacked(problem, method, at, samples.part(fields, *here), like=like[here]))
        _equal(problem, method, together, torch.cat(columns, -1), "the other points that are computed with it")
        _equal(problem, method, together, _stacked(problem, method, p, fields, like=like), "another call")


def _stacked(problem: Problem, method: str, *arguments: Point | Field, like: Tensor) -> Tensor:
    """The k values of a method as a tensor (k, ...), where ... is the shape of ``like``; k = 0 if there is no such method."""
    with naming(problem, method, "it must work for any number of points and fields"):
        found = samples.values(problem, method, *arguments, like=like)
    return torch.stack([value.detach() for value in found]) if found else torch.empty(0, *like.shape, dtype=like.dtype)


def _equal(problem: Problem, method: str, one: Tensor, other: Tensor, what: str) -> None:
    gap = float((one - other).abs().max()) if one.numel() else 0.0
    if not gap <= EQUAL * float(other.abs().max() if other.numel() else 0.0):
        raise fault(
            problem, method,
            f"a value changes by {gap:.1e} with {what}; it must depend on its own point and field alone: take no sum, mean, maximum or random number",
        )  # fmt: skip


def differentiability(problem: Problem) -> dict[str, float]:
    """Compare the derivatives of all methods by torch with central differences.

    Returns:
        The deviation for each method and order of differentiation, relative to the largest entry.

    Raises:
        ProblemError: a derivative is incorrect.
    """
    found: dict[str, float] = {}
    points = samples.interior(problem)
    for method in ("exact", "lift"):
        if problem.has(method):
            found |= _of_points(problem, method, points)
    for method in OF_FIELDS:
        if problem.has(method):
            found[f"{method}_slope"] = _of_fields(problem, method, points)
    return found


def _of_points(problem: Problem, method: str, points: Tensor) -> dict[str, float]:
    sides = torch.tensor(problem.domain.bounds[:, 1] - problem.domain.bounds[:, 0])
    direction, found = sides * torch.linspace(1.0, 0.6, len(sides), dtype=torch.float64), dict[str, float]()
    with naming(problem, method, DIFFERENTIABLE):
        size = float(_along(problem, method, points, direction, 0).abs().max())
        for order, name in ((1, "first"), (2, "second")):
            claimed = _along(problem, method, points, direction, order)
            off = deviation(
                lambda t, n=order: _along(problem, method, points + t * direction, direction, n - 1), claimed, 1e-6 * size
            )
            if not off <= TOLERANCE:
                raise fault(
                    problem, method,
                    f"its {name} derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth; {DIFFERENTIABLE}",
                )  # fmt: skip
            found[f"{method}_{name}"] = off
    return found


def _along(problem: Problem, method: str, points: Tensor, direction: Tensor, times: int) -> Tensor:
    """The directional derivative (c, n) of order ``times`` of a function of points with c components."""
    _, field = autograd.differentiable(getattr(problem, method), problem.domain, points, problem.components)
    found = torch.zeros(len(field), len(points), dtype=points.dtype)
    for k, path in product(range(len(field)), product(range(len(direction)), repeat=times)):
        order = tuple(path.count(i) for i in range(len(direction)))
        found[k] += math.prod(float(direction[i]) for i in path) * field.derivative(k, order).detach()
    return found


def _of_fields(problem: Problem, method: str, points: Tensor) -> float:
    """The deviation of the derivative of a method in a random direction in the space of u and its derivatives."""
    p = autograd.point(problem.domain, points)
    base, change = (
        samples.part(samples.feasible(problem, points), 0),
        samples.part(samples.states(problem, points, 1.0, seed=3), 0),
    )
    middle, known = samples.solution(problem, points), dict[tuple[int, Order], Tensor]()

    def leaf(component: int, order: Order) -> Tensor:
        if (component, order) not in known:
            known[component, order] = base.derivative(component, order).clone().requires_grad_()
        return known[component, order]

    def direction(component: int, order: Order) -> Tensor:
        return change.derivative(component, order) - middle(component, order)

    def curve(t: float) -> Tensor:
        moved = Field(
            base.variables, lambda k, order: base.derivative(k, order) + t * direction(k, order), base.components, base.time
        )
        return torch.stack(samples.values(problem, method, p, moved, like=points[:, 0])).sum(0).detach()

    with naming(problem, method, DIFFERENTIABLE), torch.enable_grad():
        field = Field(base.variables, leaf, base.components, base.time)
        total = torch.stack(samples.values(problem, method, p, field, like=points[:, 0])).sum()
        if not known or not total.requires_grad:
            raise fault(problem, method, f"does not depend on u, so that nothing determines it; {DIFFERENTIABLE}")
        slopes = torch.autograd.grad(total, list(known.values()), materialize_grads=True)
        blind = torch.stack([slope.abs() for slope in slopes]).sum(0) == 0.0
        if blind.any():
            place = ", ".join(f"{name} = {float(x[blind][0]):.3g}" for name, x in zip(p.names, p, strict=True))
            raise fault(problem, method, f"does not depend on u at {place}, so that nothing determines it there")
        claimed = torch.stack([slope * direction(*key) for key, slope in zip(known, slopes, strict=True)]).sum(0)
        off = deviation(curve, claimed)
    if not off <= TOLERANCE:
        raise fault(
            problem,
            method,
            f"its first derivatives by torch are off by {off:.1e} (relative to central differences); it must be smooth; {DIFFERENTIABLE}",
        )
    return off


def symbolic(problem: Problem) -> Iterator[tuple[str, float]]:
    """Compare density, residual and Euler-Lagrange operator as derived by SymPy with their evaluation by torch.

    Methods that cannot be evaluated with SymPy symbols are skipped.

    Yields:
        Name and relative deviation of each check.

    Raises:
        ProblemError: the values differ.
    """
    points = samples.interior(problem)
    p, fields = autograd.point(problem.domain, points), samples.feasible(problem, points)
    like = fields.derivative(0, (0,) * len(p))
    pairs: list[tuple[str, str, Callable[[], list], Callable[[], list]]] = []
    for method in OF_FIELDS:
        derived = _derived(problem, method)
        if derived is not None:
            values = {name: getattr(problem, name) for name in problem.parameter_names}
            pairs.append(
                (
                    method,
                    f"{method}_symbolic",
                    lambda d=derived, v=values: d(p, fields, v),
                    lambda m=method: samples.values(problem, m, p, fields, like=like),
                )
            )
    if problem.has("density") and operator(problem).residual is not None:
        pairs.append(("density", "operator", lambda: operator(problem)(p, fields), lambda: by_torch(problem, p, fields)))
    for method, name, one, other in pairs:
        with naming(problem, method, _OPERATIONS):
            left, right = (torch.stack(autograd.columns(values(), like)).detach() for values in (one, other))
        off = float((left - right).abs().max() / right.abs().max().clamp_min(1e-300))
        if not off <= SAME:
            raise fault(
                problem,
                method,
                f"as symbols it gives other values than as tensors (relative difference {off:.1e}); {_OPERATIONS}",
            )
        yield name, off


def _derived(problem: Problem, method: str) -> Derived | None:
    if not problem.has(method):
        return None
    with_symbols = problem.symbolic()
    symbols = Symbols(problem.unknowns)
    try:
        found = getattr(with_symbols, method)(symbols.point, symbols.field)
        found = list(found.values()) if isinstance(found, dict) else found
        values = list(found) if isinstance(found, (tuple, list)) else [found]
        derived = Derived.of(symbols, values, {name: getattr(with_symbols, name) for name in problem.parameter_names})
        derived.check()
        return derived
    except NOT_SYMBOLIC:
        return None
