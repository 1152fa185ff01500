"""The Euler-Lagrange operator of an energy density (Gelfand & Fomin 1963, sec. 35).

    EL[e](u) = ∂e/∂u - Σᵢ d/dxᵢ ∂e/∂(∂ᵢu),

where d/dxᵢ is the directional derivative of the flux ∂e/∂(∂ᵢu) along (eᵢ, ∂ᵢu, ∂ᵢ∇u) in its arguments (x, u, ∇u). There are two routes to it
from the same density: by automatic differentiation at every evaluation (``automatic``, the reference: any density), and once by hand, that is
by SymPy, as an explicit expression (``symbolic``, several times faster: densities written with ``functions`` and arithmetic).
"""

import logging
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pinnscape.jets import Jet, pairs

Density = Callable[[Any, Any, Any], Any]  # of tensors, or of symbols
# What a density raises that arithmetic and ``functions`` alone do not make up, on symbols or in the expression derived from it.
_NOT_BY_HAND = (TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError)
_FUNCTIONS = {name: getattr(torch, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt")}


class EulerLagrange:
    """EL[e] for one energy density.

    Args:
        density: e(x (n, d), u (..., n, c), ∇u (..., n, c, d)) -> (..., n).
        dimension: d.
        components: c.

    Attributes:
        principal: which second derivatives of u are needed: ``laplacian`` if ∂²e/∂∇u² is a multiple of the identity for each pair of
            components, so that they enter only through Δu; else ``hessian``.
    """

    principal: Literal["laplacian", "hessian"]

    def __init__(self, density: Density, dimension: int, components: int) -> None:
        self._density = density
        try:
            self.principal, self._explicit = symbolic(density, dimension, components)
        except _NOT_BY_HAND as error:
            logging.getLogger(__name__).info("the energy density cannot be differentiated by hand (%s): slower route", error)
            self.principal, self._explicit = "hessian", None

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


def symbolic(density: Density, dimension: int, components: int):
    """EL[e] as an explicit function.

    Returns:
        ``principal`` (see ``EulerLagrange``), and a function of points and jet.

    Raises:
        TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError: the density cannot be evaluated on symbols, or its
            derivatives not on tensors.
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
    if isotropic:
        # Only the trace of the second derivatives enters: write it as one symbol.
        laplacian = _symbols("l", components)
        rest = {h[m, i, i]: 0 for m in c for i in d if i > 0}
        residual = [r.subs(rest | {h[m, 0, 0]: laplacian[m] for m in c}) for r in residual]
        arguments = [*x, *u, *p.ravel(), *laplacian]
    else:
        arguments = [*x, *u, *p.ravel(), *[h[m, i, j] for m in c for i, j in pairs(dimension)]]
    compiled = sympy.lambdify(arguments, residual, modules=[_FUNCTIONS], cse=True)

    def explicit(points: Tensor, jet: Jet) -> Tensor:
        values = [*points.unbind(-1), *jet.value.unbind(-1), *jet.gradient.flatten(-2).unbind(-1)]
        if isotropic:
            trace = jet.laplacian if jet.has("laplacian") else jet.hessian.diagonal(dim1=-2, dim2=-1).sum(-1)
            values += trace.unbind(-1)
        else:
            values += [jet.hessian[..., m, i, j] for m in c for i, j in pairs(dimension)]
        shape = jet.value.shape[:-1]
        return torch.stack([_full(r, shape, jet.value) for r in compiled(*values)], -1)

    # Find out now what torch cannot evaluate: sign, DiracDelta, the logarithm of a number, ...
    zero = torch.zeros(2, components)
    slope, hessian = torch.zeros(2, components, dimension), torch.zeros(2, components, dimension, dimension)
    explicit(torch.zeros(2, dimension), Jet(zero, slope, zero, hessian))
    return "laplacian" if isotropic else "hessian", explicit


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
