"""The Euler-Lagrange operator of an energy density that may depend on derivatives of any order (Gelfand & Fomin 1963, sec. 35 and 42).

    EL[e](u) = Σ_α (-1)^|α| D^α ∂e/∂(∂^α u) = ∂e/∂u - Σ_i D_i ∂e/∂u_i + Σ_{i ≤ j} D_ij ∂e/∂u_ij - ...

with total derivatives D; a mixed derivative counts as one variable, so that u_xy appears once. On symbols the operator is an expression, from which
losses are made. On tensors it is found by automatic differentiation: more slowly, for any density, and as a witness of the expression.
"""

from collections.abc import Mapping, Sequence
from math import factorial, prod
from typing import Any

import torch
from torch import Tensor

from pinnscape.common.errors import ProblemError
from pinnscape.losses.expressions import Symbols
from pinnscape.losses.sites import Components, Local, Point, SymbolField, TensorField, Values
from pinnscape.networks.streams import Monomial, degree, divisors, times, unit, variables


class _NoColumns(Mapping[str, Any]):
    """Parameters alone: a density must not use data columns, whose derivatives in x are not known."""

    def __init__(self, f: Values) -> None:
        self._f = f

    def __getitem__(self, name: str) -> Any:
        if name in self._f.columns:
            raise ProblemError(
                f"a density cannot use the data column {name!r}, whose derivatives are not known: write it as a function of p"
            )
        return self._f[name]

    def __iter__(self):
        return iter(self._f.parameters)

    def __len__(self) -> int:
        return len(self._f.parameters)


class EulerLagrange:
    """EL[e] as a local expression: one residual for each component, in their order.

    Args:
        density: e, a local expression of one site, without data columns.
    """

    def __init__(self, density: Local) -> None:
        self.density = density

    def __call__(self, p: Any, u: Any, f: Values) -> tuple[Any, ...]:
        fields = u if isinstance(u, Components) else (u,)
        if not isinstance(fields[0], SymbolField):
            return _automatic(self.density, p, fields, f)
        import sympy

        energy = sympy.sympify(self.density(p, u, _NoColumns(f)))
        symbols: Symbols = fields[0].source.symbols  # pyright: ignore[reportAttributeAccessIssue]
        return tuple(_operator(energy, symbols, c, list(p)) for c in range(len(fields)))


def _operator(energy: Any, symbols: Symbols, component: int, x: list[Any]) -> Any:
    """EL[e] of one component, as an expression."""
    import sympy

    places = symbols.of_unknown([energy])
    by_order: dict[int, Any] = {}
    for symbol, (_, c, monomial) in places.items():
        if c != component:
            continue
        flux = sympy.diff(energy, symbol)
        for i in variables(monomial):
            flux = _total_derivative(flux, symbols, i, x)
        by_order[degree(monomial)] = by_order.get(degree(monomial), 0) + flux
    return sum(((-1) ** order * by_order[order] for order in sorted(by_order)), sympy.Integer(0))


def _total_derivative(expression: Any, symbols: Symbols, i: int, x: list[Any]) -> Any:
    """The derivative of an expression along x_i, by the chain rule through the unknown."""
    import sympy

    along = unit(len(x), i)
    summands = [sympy.diff(expression, x[i])]
    for symbol, (site, c, monomial) in symbols.of_unknown([expression]).items():
        summands.append(sympy.diff(expression, symbol) * symbols.derivative(site, c, times(monomial, along)))
    return sum(summands)


class _Recorded:
    """Which derivatives a density asks for."""

    def __init__(self, source: Any, asked: set[Monomial]) -> None:
        self._source, self._asked, self.unknowns = source, asked, source.unknowns

    def derivative(self, monomial: Monomial) -> Any:
        self._asked.add(monomial)
        return self._source.derivative(monomial)

    def laplacian(self) -> Any:
        dimension = len(self.unknowns.variables)
        return sum(self.derivative(unit(dimension, i, i)) for i in self.unknowns.space)


class _Expanded:
    """A component near the points: its derivatives are Taylor polynomials in the distance, which is zero."""

    def __init__(self, source: Any, offset: Tensor, terms: Sequence[Monomial]) -> None:
        self._source, self._offset, self._terms, self.unknowns = source, offset, terms, source.unknowns
        self.found: dict[Monomial, Tensor] = {}

    def derivative(self, monomial: Monomial) -> Tensor:
        if monomial not in self.found:
            self.found[monomial] = sum(self._term(monomial, beta) for beta in self._terms)  # pyright: ignore[reportArgumentType]
        return self.found[monomial]

    def _term(self, monomial: Monomial, beta: Monomial) -> Tensor:
        power = prod((self._offset[..., i] ** b for i, b in enumerate(beta) if b), start=torch.ones_like(self._offset[..., 0]))
        return self._source.derivative(times(monomial, beta)) * power / prod(map(factorial, beta))

    laplacian = _Recorded.laplacian


@torch.enable_grad()
def _automatic(density: Local, p: Point, fields: Sequence[TensorField], f: Values) -> tuple[Tensor, ...]:
    """EL[e] by automatic differentiation of the density along Taylor polynomials of the unknown."""
    sources, unknowns = [u.source for u in fields], fields[0].source.unknowns
    asked: set[Monomial] = {(0,) * len(unknowns.variables)}
    given = [TensorField.of(_Recorded(source, asked)) for source in sources]
    density(p, Components.of(unknowns.components, given), _NoColumns(f))
    terms = sorted({divisor for monomial in asked for divisor in divisors(monomial)}, key=degree)
    shape = torch.broadcast_shapes(*(u.shape for u in fields))
    offset = torch.zeros(*shape, len(unknowns.variables), dtype=fields[0].dtype, device=fields[0].device, requires_grad=True)
    expanded = [_Expanded(source, offset, terms) for source in sources]
    values = Components.of(unknowns.components, [TensorField.of(source) for source in expanded])
    near = Point(unknowns.variables, [x + offset[..., i] for i, x in enumerate(p)])
    energy = density(near, values, _NoColumns(f))
    return tuple(_from_slopes(energy, source.found, offset) for source in expanded)


def _from_slopes(energy: Tensor, found: Mapping[Monomial, Tensor], offset: Tensor) -> Tensor:
    """Σ (-1)^|α| D^α ∂e/∂(∂^α u) from the derivatives of one component that the density has used."""
    monomials = sorted(found, key=degree)
    slopes = torch.autograd.grad(energy.sum(), [found[m] for m in monomials], create_graph=True, materialize_grads=True)
    total = torch.zeros_like(offset[..., 0])
    for monomial, slope in zip(monomials, slopes, strict=True):
        flux = slope
        for i in variables(monomial):
            if not flux.requires_grad:
                flux = torch.zeros_like(flux)
                break
            (gradient,) = torch.autograd.grad(flux.sum(), offset, create_graph=True, materialize_grads=True)
            flux = gradient[..., i]
        total = total + (-1) ** degree(monomial) * flux
    return total
