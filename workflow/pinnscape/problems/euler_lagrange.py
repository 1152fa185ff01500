"""The Euler-Lagrange operator of an energy density with derivatives of any order (Gelfand & Fomin 1963, secs. 11 and 35).

The operator of a density e is

    EL[e](u) = Σ_α (-1)^|α| D^α ∂e/∂u_α,

where the sum is over all derivatives u_α on which e depends (u_xy and u_yx are one derivative), and D is the total derivative
with respect to a variable, through x and u. If e depends on first derivatives only, its natural boundary condition prescribes the
flux n·∂e/∂∇u. SymPy derives the operator and the flux once. If a density cannot be evaluated with SymPy symbols, torch
differentiates it at each evaluation.
"""

import logging
import math
from collections.abc import Iterable
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pinnscape.files.kept import Kept, made
from pinnscape.problems.field import Derivative, Order, Point, component_of, derivative_of, units
from pinnscape.problems.functions import is_array, is_tensor
from pinnscape.problems.symbols import NOT_SYMBOLIC, Derived, Key, Symbols

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem


class EulerLagrange:
    """The operator EL[e] and the flux ∂e/∂∇u of the energy density e of a problem.

    Args:
        problem: a problem with a density.
        kept: cache for the derived expressions, if any.

    Attributes:
        residual: EL[e], with one expression for each component.
        flux: ∂e/∂(∂ᵢu), with one expression for each variable i of each component, component by component.
        order: order of the highest derivative in the density. All three are None if SymPy cannot derive the expressions.
    """

    residual: "Derived | None" = None
    flux: "Derived | None" = None
    order: int | None = None

    def __init__(self, problem: "Problem", kept: Kept | None = None) -> None:
        self._problem = problem
        stored = made(kept, f"euler-lagrange {problem.unknowns}", self._stored)
        if "reason" in stored:
            text = "the density cannot be derived symbolically (%s): torch differentiates"
            logging.getLogger(__name__).info(text, stored["reason"])
            return
        self.order = stored["order"]
        self.residual, self.flux = (Derived.from_json(problem.unknowns, stored[name]) for name in ("residual", "flux"))

    def _stored(self) -> dict[str, Any]:
        try:
            order, residual, flux = self._derived
            for found in (residual, flux):
                found.check()
        except NOT_SYMBOLIC as error:
            return {"reason": " ".join(str(error).split())[:200]}
        return {"order": order, "residual": residual.to_json(), "flux": flux.to_json()}

    @cached_property
    def _derived(self) -> tuple[int, Derived, Derived]:
        """The order of the density, EL[e] and the flux, derived by SymPy."""
        import sympy  # imported here, because it takes half a second

        problem, symbolic = self._problem, self._problem.symbolic()
        symbols = Symbols(problem.unknowns)
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
            for order in units(len(problem.domain.names))
        ]
        parameters = {name: getattr(symbolic, name) for name in problem.parameter_names}
        highest = max((sum(order) for _, order in named), default=0)
        return highest, Derived.of(symbols, residual, parameters), Derived.of(symbols, flux, parameters)

    def __call__(self, p: Any, u: Any) -> list[Any]:
        """EL[e](u), with one value for each component: a tensor (..., n), an array or a SymPy expression."""
        return by_torch(self._problem, p, u) if self.residual is None else self._evaluated(self.residual, p, u)

    def fluxes(self, p: Any, u: Any) -> list[list[Any]]:
        """∂e/∂(∂ᵢu), as a list over components of lists over variables i."""
        d = len(p)
        found = _flux_by_torch(self._problem, p, u) if self.flux is None else self._evaluated(self.flux, p, u)
        return [found[k : k + d] for k in range(0, len(found), d)]

    def _evaluated(self, found: Derived, p: Any, u: Any) -> list[Any]:
        values = {name: getattr(self._problem, name) for name in self._problem.parameter_names}
        numbers = all(is_tensor(x) or is_array(x) or isinstance(x, (int, float)) for x in p)
        if numbers:
            return found(p, u, values)
        _, residual, flux = self._derived
        return (residual if found is self.residual else flux).replaced(p, u, values)


_KEPT: "WeakKeyDictionary[Problem, EulerLagrange]" = WeakKeyDictionary()


def operator(problem: "Problem", kept: Kept | None = None) -> EulerLagrange:
    """The operator EL[e] of a problem, derived once for each problem object.

    Args:
        problem: a problem with a density.
        kept: cache for the derived expressions; used only in the first call for a problem.
    """
    if problem not in _KEPT:
        _KEPT[problem] = EulerLagrange(problem, kept)
    return _KEPT[problem]


def _path(order: Order) -> Iterable[int]:
    """Indices of the variables of a derivative, each repeated as often as the derivative is taken in it."""
    return (variable for variable, count in enumerate(order) for _ in range(count))


def _derivatives(problem: "Problem", u: Any) -> Derivative:
    """A function that returns a derivative of a field by component and order."""
    fields = [component_of(u, problem.components, name) for name in problem.components]
    return lambda component, order: derivative_of(fields[component], order, problem.domain.names)


def _energy(problem: "Problem", p: Point, given: Derivative, known: dict[Key, Any]) -> Any:
    """The density at p; the derivatives on which it depends are added to ``known``."""

    def derivative(component: int, order: Order) -> Any:
        if (component, order) not in known:
            known[component, order] = given(component, order)
        return known[component, order]

    return problem.density(p, problem.unknowns.field(derivative))


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
    """EL[e](u) by automatic differentiation, with one tensor (..., n) for each component.

    Around each point, u is replaced by its Taylor polynomial in a displacement s, so that total derivatives become derivatives
    with respect to s.

    Args:
        problem: a problem with a density.
        p: points, each coordinate a tensor (n,).
        u: a field at p, with derivatives (..., n).
    """
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
    """A derivative, of the given order, of the Taylor polynomial of a component at the displacement s.

    The polynomial contains the derivatives of u up to the order ``degree``.
    """
    total: Any = 0.0
    for more in product(range(degree + 1), repeat=len(s)):
        if sum(more) + sum(order) <= degree:
            factor: Any = 1.0 / math.prod(map(math.factorial, more))
            for displacement, power in zip(s, more, strict=True):
                factor = factor * displacement**power if power else factor
            total = total + given(component, tuple(map(sum, zip(order, more, strict=True)))) * factor
    return total
