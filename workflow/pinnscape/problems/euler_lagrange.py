"""The Euler-Lagrange operator of an energy density (Gelfand & Fomin 1963, sec. 35).

    EL[e](u) = ∂e/∂u - Σᵢ d/dxᵢ ∂e/∂(∂ᵢu),

where d/dxᵢ is the directional derivative of the flux ∂e/∂(∂ᵢu) along (eᵢ, ∂ᵢu, ∂ᵢ∇u) in its arguments (x, u, ∇u). There are two routes to it
from the same density: by automatic differentiation at every evaluation (``automatic``, the reference: any density), and once by hand, that is
by SymPy, as an explicit expression (``derive``, ``written`` and ``explicit``, several times faster: densities written with ``functions`` and arithmetic).
"""

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pinnscape.networks.jets import Jet, pairs

Density = Callable[[Any, Any, Any], Any]  # of tensors, or of symbols
# What a density raises that arithmetic and ``functions`` alone do not make up, on symbols or in the expression derived from it.
_NOT_BY_HAND = (TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError)
_NAME = "_lambdifygenerated"  # what SymPy calls the functions that it writes
_FUNCTIONS = {name: getattr(torch, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt")}


@dataclass(frozen=True)
class Expressions:
    """An energy density and its Euler-Lagrange operator as SymPy expressions.

    Attributes:
        energy: e.
        residual: EL[e](u), one for each component.
        x, u, p: symbols of the point (d,), the values (c,) and the gradient (c·d,), by rows.
        second: of what enters of the second derivatives: the Laplacians (c,) if ``isotropic``, else (c·d(d+1)/2,) in the order of ``pairs``.
        isotropic: whether ∂²e/∂∇u² is a multiple of the identity for each pair of components.
    """

    energy: Any
    residual: tuple[Any, ...]
    x: tuple[Any, ...]
    u: tuple[Any, ...]
    p: tuple[Any, ...]
    second: tuple[Any, ...]
    isotropic: bool


@dataclass(frozen=True)
class Source:
    """EL[e] as Python source, which needs no SymPy: a function of all symbols of ``Expressions`` in their order, and whether it is isotropic."""

    isotropic: bool
    text: str


class EulerLagrange:
    """EL[e] for one energy density.

    Args:
        density: e(x (n, d), u (..., n, c), ∇u (..., n, c, d)) -> (..., n).
        dimension: d.
        components: c.
        source: what an earlier object for the same density has found, if any.

    Attributes:
        source: the operator by hand; None where that fails.
        principal: which second derivatives of u are needed: ``laplacian`` if ∂²e/∂∇u² is a multiple of the identity for each pair of
            components, so that they enter only through Δu; else ``hessian``.
    """

    source: Source | None
    principal: Literal["laplacian", "hessian"]

    def __init__(self, density: Density, dimension: int, components: int, source: Source | None = None) -> None:
        self._density, self._sizes, self._expressions = density, (dimension, components), None
        try:
            if source is None:
                self._expressions = derive(density, dimension, components)
                source = written(self._expressions)
            self._explicit, self.source = explicit(source, dimension, components), source
        except _NOT_BY_HAND as error:
            logging.getLogger(__name__).info("the energy density cannot be differentiated by hand (%s): slower route", error)
            self._expressions = self._explicit = self.source = None
        self.principal = "laplacian" if self.source is not None and self.source.isotropic else "hessian"

    @property
    def expressions(self) -> Expressions | None:
        """The density and the operator by hand; None where that fails."""
        if self._expressions is None and self.source is not None:
            self._expressions = derive(self._density, *self._sizes)
        return self._expressions

    def __call__(self, points: Tensor, jet: Jet) -> Tensor:
        """EL[e](u) (..., n, c) at points (n, d), from a jet of u to the order ``principal`` or with a Hessian."""
        return automatic(self._density, points, jet) if self._explicit is None else self._explicit(points, jet)


def automatic(density: Density, points: Tensor, jet: Jet) -> Tensor:
    """EL[e](u) (..., n, c) by automatic differentiation.

    Args:
        density: as in ``EulerLagrange``.
        points: x (n, d).
        jet: of u with a Hessian.

    Raises:
        ValueError: the jet has no gradient or no Hessian.
    """
    u, du = jet.value, jet.gradient

    def partials(x: Tensor, u: Tensor, du: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.grad(lambda u, du: density(x, u, du).sum(), argnums=(0, 1))(u, du)

    divergence = torch.zeros_like(u)
    for i in range(points.shape[-1]):
        along = torch.zeros_like(points)
        along[:, i] = 1.0
        _, (_, flux) = torch.func.jvp(partials, (points, u, du), (along, du[..., i], jet.hessian[..., i, :]))[:2]
        divergence = divergence + flux[..., i]
    return partials(points, u, du)[0] - divergence


def derive(density: Density, dimension: int, components: int) -> Expressions:
    """EL[e] by hand.

    Raises:
        TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError: the density cannot be evaluated on symbols.
    """
    import sympy  # late: takes half a second

    d, c = range(dimension), range(components)
    x, u = _symbols("x", dimension), _symbols("u", components)
    p, h = _symbols("p", components, dimension), _symbols("h", components, dimension, dimension)
    energy = sympy.sympify(np.asarray(density(x, u, p), dtype=object).item())
    flux = [[sympy.diff(energy, p[k, i]) for i in d] for k in c]
    modulus = np.array([[[[sympy.diff(flux[k][i], p[m, j]) for j in d] for m in c] for i in d] for k in c], dtype=object)
    isotropic = all(_is_isotropic(modulus[k, :, m, :]) for k in c for m in c)
    second = [(i, i) for i in d] if isotropic else [(i, j) for i in d for j in d]
    residual = []
    for k in c:
        terms = [sympy.diff(flux[k][i], x[i]) for i in d]
        terms += [sympy.diff(flux[k][i], u[m]) * p[m, i] for i in d for m in c]
        terms += [modulus[k, i, m, j] * h[m, min(i, j), max(i, j)] for m in c for i, j in second]
        residual.append(sympy.diff(energy, u[k]) - sum(terms))
    symbols = [h[m, i, j] for m in c for i, j in pairs(dimension)]
    if isotropic:
        # Only the trace of the second derivatives enters: write it as one symbol.
        symbols = list(_symbols("l", components))
        rest = {h[m, i, i]: 0 for m in c for i in d if i > 0}
        residual = [r.subs(rest | {h[m, 0, 0]: symbols[m] for m in c}) for r in residual]
    return Expressions(energy, tuple(residual), tuple(x), tuple(u), tuple(p.ravel()), tuple(symbols), isotropic)


def written(expressions: Expressions) -> Source:
    """EL[e] as Python source."""
    import sympy

    arguments = [*expressions.x, *expressions.u, *expressions.p, *expressions.second]
    function = sympy.lambdify(arguments, expressions.residual, modules=[_FUNCTIONS], cse=True)
    return Source(expressions.isotropic, inspect.getsource(function))


def explicit(source: Source, dimension: int, components: int) -> Callable[[Tensor, Jet], Tensor]:
    """EL[e] as a function of points and a jet.

    Raises:
        TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError: torch cannot evaluate the expressions.
    """
    scope: dict[str, Any] = dict(_FUNCTIONS)
    exec(source.text, scope)  # noqa: S102 - our own text
    compiled = scope[_NAME]

    def operator(points: Tensor, jet: Jet) -> Tensor:
        values = [*points.unbind(-1), *jet.value.unbind(-1), *jet.gradient.flatten(-2).unbind(-1)]
        if source.isotropic:
            trace = jet.laplacian if jet.has("laplacian") else jet.hessian.diagonal(dim1=-2, dim2=-1).sum(-1)
            values += trace.unbind(-1)
        else:
            values += [jet.hessian[..., m, i, j] for m in range(components) for i, j in pairs(dimension)]
        shape = jet.value.shape[:-1]
        return torch.stack([_full(r, shape, jet.value) for r in compiled(*values)], -1)

    # Find out now what torch cannot evaluate: sign, DiracDelta, the logarithm of a number, ...
    zero = torch.zeros(2, components)
    slope, hessian = torch.zeros(2, components, dimension), torch.zeros(2, components, dimension, dimension)
    operator(torch.zeros(2, dimension), Jet(zero, slope, zero, hessian))
    return operator


def _symbols(name: str, *shape: int) -> np.ndarray:
    import sympy

    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = sympy.Symbol(f"{name}_{'_'.join(map(str, index))}", real=True)
    return array


def _is_isotropic(matrix: np.ndarray) -> bool:
    """Whether a symbolic (d, d) matrix is a multiple of the identity."""
    import sympy

    indices = range(len(matrix))
    off = all(matrix[i, j] == 0 for i in indices for j in indices if i != j)
    return off and all(sympy.simplify(matrix[i, i] - matrix[0, 0]) == 0 for i in indices)


def _full(value: Tensor | float, shape: torch.Size, like: Tensor) -> Tensor:
    """A residual component that does not depend on u comes out as a number."""
    return (
        value.expand(shape)
        if isinstance(value, Tensor)
        else torch.full(shape, float(value), dtype=like.dtype, device=like.device)
    )
