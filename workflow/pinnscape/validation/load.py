"""The load of a problem with a density is derived from its exact solution. A load that the density has of its own would cancel, and nothing would be solved."""

from collections.abc import Iterator
from typing import Any

import torch

from pinnscape.problems import autograd
from pinnscape.problems.euler_lagrange import NOT_SYMBOLIC, operator
from pinnscape.problems.faults import fault
from pinnscape.problems.field import Field
from pinnscape.problems.problem import Problem
from pinnscape.problems.symbols import Derived, Symbols
from pinnscape.problems.terms import TermSpec, value_or_tuple
from pinnscape.validation import samples, solution

_LEFT = 1e-6  # relative: what the exact solution may leave of a load in the density


def check(problem: Problem) -> Iterator[str]:
    """Refuse a density with a load of its own that the exact solution does not solve.

    Yields:
        A warning where this cannot be told.

    Raises:
        ProblemError: the load would be stated twice.
    """
    if not problem.has("density") or not problem.has("exact") or problem.has("load"):
        return
    whole = TermSpec("equation", "squared", ("interior",), lambda p, u, f: value_or_tuple(operator(problem)(p, u)))
    left, size = solution.remainder(whole, problem, problem.exact, solution.inside(problem))
    if solution.values(problem, problem.exact).abs().max() == 0.0:
        if left > solution.SMALL * size:
            raise fault(
                problem, "exact",
                f"is zero, which does not solve the equation that density states: a load of {left:.3g} is left, which would be cancelled (the load is derived "
                "from exact); give the solution, or a density without load",
            )  # fmt: skip
        yield "the exact solution is zero: relative errors are withheld"
        return
    own = _own_load(problem)
    if own is None:
        yield "density is not for symbols: whether it has a load of its own, beside the one that follows from exact, is not known"
    elif own > 0.0 and left > _LEFT * own:
        raise fault(
            problem, "density",
            f"has a load of its own (of size {own:.3g}), and exact does not solve the equation with it: {left:.3g} is left, which would be cancelled (the load "
            "is derived from exact); leave it out of density, or give its exact solution",
        )  # fmt: skip


def _own_load(problem: Problem) -> float | None:
    """The size of a load in the density: EL[e](0) of one that is a polynomial in u and its derivatives, else its terms linear in u; None where not known.

    The linear part of an exponential, for one, is part of a function that is not a load.
    """
    import sympy  # imported here, because it takes half a second

    symbols = Symbols(problem.unknowns)
    try:
        energy = sympy.expand(sympy.sympify(problem.density(symbols.point, symbols.field)))
    except NOT_SYMBOLIC:
        return None
    named = symbols.named([energy])
    points = samples.interior(problem)
    p, like = autograd.point(problem.domain, points), points[:, 0]
    if energy.is_polynomial(*named.values()):
        zero = Field(p.names, lambda component, order: torch.zeros_like(like), problem.components, problem.domain.time)
        found = operator(problem)(p, zero)
    else:
        found = Derived.of(symbols, _of_linear_terms(energy, symbols), {})(p, symbols.field, {})
    return max(float(value.abs().max()) for value in autograd.columns(found, like))


def _of_linear_terms(energy: Any, symbols: Symbols) -> list[Any]:
    """EL of the terms g(x) u_α of an expression, for each component: Σ (-1)^|α| ∂^α g."""
    import sympy

    named = symbols.named([energy])
    fields, loads = set(named.values()), [sympy.Integer(0) for _ in symbols.unknowns.components]
    for (component, order), symbol in named.items():
        slopes = (sympy.diff(term, symbol) for term in sympy.Add.make_args(energy))
        linear = sum(slope for slope in slopes if not slope.free_symbols & fields)
        for variable, count in zip(symbols.coordinates, order, strict=True):
            linear = sympy.diff(linear, variable, count)
        loads[component] += (-1) ** sum(order) * linear
    return loads
