"""The Euler-Lagrange operator of an energy density with derivatives of any order (Gelfand & Fomin 1963, secs. 11 and 35).

With one variable u_α for each derivative that the density e names (u_xy and u_yx are one variable),

    EL[e](u) = Σ_α (-1)^|α| D^α ∂e/∂u_α,

where D is the total derivative through x and u. Its natural boundary condition, for densities with first derivatives, is that of the flux
n·∂e/∂∇u. Both are derived once by SymPy; for a density that SymPy cannot take, torch differentiates at each evaluation.
"""

import logging
import math
from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pinnscape.problems.field import Derivative, Field, Order, Point, component_of, derivative_of, units

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem
    from pinnscape.problems.symbols import Derived

Key = tuple[int, Order]  # a derivative of a component

# What a density raises on symbols that is more than arithmetic and ``functions``.
NOT_SYMBOLIC = (TypeError, AttributeError, ValueError, IndexError, KeyError, NameError, NotImplementedError, RuntimeError)


class EulerLagrange:
    """EL[e] and the flux of the density of a problem.

    Attributes:
        residual: EL[e], one expression for each component; None where SymPy cannot derive it.
        flux: ∂e/∂(∂ᵢu), for each component and then each variable; None likewise.
    """

    residual: "Derived | None" = None
    flux: "Derived | None" = None

    def __init__(self, problem: "Problem") -> None:
        self._problem = problem
        try:
            self._derive(problem)
        except NOT_SYMBOLIC as error:
            logging.getLogger(__name__).info("the density cannot be derived symbolically (%s): torch differentiates", error)

    def _derive(self, problem: "Problem") -> None:
        import sympy  # late: takes half a second

        from pinnscape.problems.symbols import Derived, Symbols

        domain, symbolic = problem.domain, problem.symbolic()
        symbols = Symbols(domain.names, problem.components, domain.time)
        energy = sympy.sympify(symbolic.density(symbols.point, symbols.field))
        if not isinstance(energy, sympy.Expr):
            raise TypeError(f"density gives {type(energy).__name__} for symbols")
        named = symbols.named([energy])
        residual: list[Any] = [sympy.Integer(0)] * len(problem.components)
        for (component, order), symbol in named.items():
            part = sympy.diff(energy, symbol)
            for variable in _path(order):
                part = symbols.total(part, variable)
            residual[component] += (-1) ** sum(order) * part
        flux = [
            sympy.diff(energy, symbols.derivative(component, order))
            for component in range(len(problem.components))
            for order in units(len(domain.names))
        ]
        parameters = {name: getattr(symbolic, name) for name in problem.parameter_names}
        derived = Derived(symbols, residual, parameters), Derived(symbols, flux, parameters)
        for expressions in derived:
            expressions.check()
        self.residual, self.flux = derived
        self.order = max((sum(order) for _, order in named), default=0)

    def __call__(self, p: Any, u: Any) -> list[Any]:
        """EL[e](u), one value for each component; tensors (..., n) or expressions."""
        return by_torch(self._problem, p, u) if self.residual is None else self.residual(p, u, self._values)

    def fluxes(self, p: Any, u: Any) -> list[list[Any]]:
        """∂e/∂(∂ᵢu) for each component and each variable."""
        d = len(p)
        found = _flux_by_torch(self._problem, p, u) if self.flux is None else self.flux(p, u, self._values)
        return [found[k : k + d] for k in range(0, len(found), d)]

    @property
    def _values(self) -> dict[str, Any]:
        return {name: getattr(self._problem, name) for name in self._problem.parameter_names}


_KEPT: "WeakKeyDictionary[Problem, EulerLagrange]" = WeakKeyDictionary()


def operator(problem: "Problem") -> EulerLagrange:
    """EL[e] of a problem, derived once for each object."""
    if problem not in _KEPT:
        _KEPT[problem] = EulerLagrange(problem)
    return _KEPT[problem]


def _path(order: Order) -> Iterable[int]:
    """The variables of a derivative, one after the other."""
    return (variable for variable, count in enumerate(order) for _ in range(count))


def _field(problem: "Problem", derivative: Derivative) -> Field:
    return Field(problem.domain.names, derivative, problem.components, problem.domain.time)


def _derivatives(problem: "Problem", u: Any) -> Derivative:
    """The derivatives of any field that problems can be written with."""
    fields = [component_of(u, problem.components, name) for name in problem.components]
    return lambda component, order: derivative_of(fields[component], order, problem.domain.names)


def _energy(problem: "Problem", p: Point, given: Derivative, known: dict[Key, Any]) -> Any:
    """The density, with all derivatives that it asks for put into ``known``."""

    def derivative(component: int, order: Order) -> Any:
        if (component, order) not in known:
            known[component, order] = given(component, order)
        return known[component, order]

    return problem.density(p, _field(problem, derivative))


def _flux_by_torch(problem: "Problem", p: Point, u: Any) -> list[Any]:
    import torch

    given = _derivatives(problem, u)

    def leaf(component: int, order: Order) -> Any:
        value = given(component, order)
        return value if value.requires_grad else value.detach().requires_grad_()

    with torch.enable_grad():
        known: dict[Key, Any] = {}
        energy = _energy(problem, p, leaf, known)
        slopes = torch.autograd.grad(energy.sum(), list(known.values()), create_graph=True, materialize_grads=True)
    found = dict(zip(known, slopes, strict=True))
    wanted = [(component, order) for component in range(len(problem.components)) for order in units(len(p))]
    return [found[key] if key in found else torch.zeros_like(energy) for key in wanted]


def by_torch(problem: "Problem", p: Point, u: Any) -> list[Any]:
    """EL[e](u) by automatic differentiation in a displacement s from each point, along which u is its Taylor polynomial."""
    import torch

    given, names = _derivatives(problem, u), dict[Key, Any]()
    pattern = _energy(problem, p, given, names)
    degree = 2 * max((sum(order) for _, order in names), default=0)
    with torch.enable_grad():
        s = [torch.zeros_like(pattern, requires_grad=True) for _ in p]
        known: dict[Key, Any] = {}
        moved = Point(problem.domain.names, [x + displacement for x, displacement in zip(p, s, strict=True)])
        energy = _energy(problem, moved, lambda k, order: _taylor(given, s, k, order, degree), known)
        slopes = torch.autograd.grad(energy.sum(), list(known.values()), create_graph=True, materialize_grads=True)
        found = [torch.zeros_like(pattern) for _ in problem.components]
        for (component, order), slope in zip(known, slopes, strict=True):
            for variable in _path(order):
                slope = _slope(slope, s[variable])
            found[component] = found[component] + (-1) ** sum(order) * slope
    return found


def _slope(values: Any, s: Any) -> Any:
    import torch

    if not values.requires_grad:
        return torch.zeros_like(values)
    return torch.autograd.grad(values.sum(), s, create_graph=True, materialize_grads=True)[0]


def _taylor(given: Derivative, s: list[Any], component: int, order: Order, degree: int) -> Any:
    """The derivative of this order of the Taylor polynomial of a component, at a displacement s; by |β| ≤ ``degree`` derivatives of u."""
    total: Any = 0.0
    for more in product(range(degree + 1), repeat=len(s)):
        if sum(more) + sum(order) <= degree:
            factor: Any = 1.0 / math.prod(map(math.factorial, more))
            for displacement, power in zip(s, more, strict=True):
                factor = factor * displacement**power if power else factor
            total = total + given(component, tuple(map(sum, zip(order, more, strict=True)))) * factor
    return total
