"""Check that a problem does not specify its load twice.

If a problem with a density has an exact solution and no method ``load``, the load follows from the exact solution. A load that
the density contains in addition would then be cancelled without notice, and the network would solve another equation.
"""

from collections.abc import Iterator
from typing import Any

import torch

from pinnscape.problems import autograd
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.faults import fault
from pinnscape.problems.field import Field
from pinnscape.problems.problem import Problem
from pinnscape.problems.symbols import NOT_SYMBOLIC, Derived, Symbols
from pinnscape.problems.terms import TermSpec, value_or_tuple
from pinnscape.validation import samples, solution

_LEFT = 1e-6  # largest residual of the exact solution, relative to the load in the density


def check(problem: Problem) -> Iterator[str]:
    """Reject a density that contains a load if the exact solution does not solve the equation with this load.

    Yields:
        A warning if the check is impossible, or if the exact solution is zero.

    Raises:
        ProblemError: the load in the density would be cancelled.
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
    """The maximum of the load in the density e; None if e cannot be evaluated with SymPy symbols.

    If e is a polynomial in u and its derivatives, the load is EL[e](0). Otherwise, it is computed from the terms of e that are
    linear in u or a derivative, because EL[e](0) would include linear parts of other functions, such as the exponential function.
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
    """The Euler-Lagrange operator of the terms g(x) u_α of an expression, Σ (-1)^|α| ∂^α g, for each component."""
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
