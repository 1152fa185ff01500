"""What losses are made of, point by point: local quantities z, and the second derivative M of a loss in them.

With B = ∂z/∂theta, the Gauss-Newton part of the Hessian is G = Bᵀ M B, where M has a block for each point. The strong-form and the supervised loss
are sums of squares |z|² of a weighted residual, z = √w (EL[e](u) - f) or √w (u - u*), so that B is its Jacobian J and G = 2JᵀJ. The Deep Ritz loss
is not a sum of squares: z = (u, ∇u) and M = w D²e give the energy Gram matrix (Müller & Zeinhofer 2023: the pullback of the second derivative of
the energy)

    G_ij = ∫ D²e(u)[(φᵢ, ∇φᵢ), (φⱼ, ∇φⱼ)],    φᵢ = ∂u/∂thetaᵢ;    for Poisson's equation ∫ ∇φᵢ·∇φⱼ.

Where a loss does not exist (an inverted elastic body), all of these are NaN.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscape.common.formulations import DEEP_RITZ, STRONG_FORM, SUPERVISED, Formulation
from pinnscape.networks.jets import Jet, Order

if TYPE_CHECKING:
    from pinnscape.losses.objective import Discretization

Local = Callable[["Discretization", Jet], Tensor]  # quantities (n, k) of a jet, each a function of its own point alone


def quantities(formulation: Formulation) -> Local:
    """Z (n, k) of a loss."""
    return {DEEP_RITZ: value_and_gradient, STRONG_FORM: strong, SUPERVISED: misfit}[formulation]


def strong(d: "Discretization", u: Jet) -> Tensor:
    """The weighted residual (n, c)."""
    # A factor and not a choice, so that the derivatives do not exist either.
    exists = torch.where(d.infeasible(u), torch.nan, 1.0)
    return exists * d.weights.sqrt().unsqueeze(-1) * d.residual(u)


def misfit(d: "Discretization", u: Jet) -> Tensor:
    """The weighted difference (n, c) from the exact solution."""
    return d.weights.sqrt().unsqueeze(-1) * (u.value - d.exact.value)


def value_and_gradient(_: "Discretization", u: Jet) -> Tensor:
    """(u, ∇u) (n, c (1 + d))."""
    return torch.cat([u.value, u.gradient.flatten(-2)], -1)


def slope_and_modulus(d: "Discretization", formulation: Formulation, u: Jet) -> tuple[Tensor, Tensor]:
    """First and second derivative (n, k), (n, k, k) of the loss in z at each point, at a jet u; the load does not count as z."""
    if formulation.is_energy:
        return _of_energy(d, u)
    z = quantities(formulation)(d, u).detach()
    return 2.0 * z, 2.0 * torch.eye(z.shape[-1], dtype=z.dtype, device=z.device).expand(len(z), -1, -1)


def _of_energy(d: "Discretization", u: Jet) -> tuple[Tensor, Tensor]:
    c, dimension = u.value.shape[-1], u.gradient.shape[-1]
    # Not by torch.func, which takes two seconds to load.
    z = value_and_gradient(d, u).detach().requires_grad_()
    with torch.enable_grad():
        density = d.problem.density(d.points, z[:, :c], z[:, c:].unflatten(-1, (c, dimension)))
        (slope,) = torch.autograd.grad(density.sum(), z, create_graph=True)
        columns = slope.unbind(-1)
        rows = [torch.autograd.grad(v.sum(), z, retain_graph=True, materialize_grads=True)[0] for v in columns]
    exists = torch.where(d.infeasible(u), torch.nan, d.weights)
    loaded = slope.detach() - torch.nn.functional.pad(d.load, (0, c * dimension))
    return exists[:, None] * loaded, exists[:, None, None] * torch.stack(rows, 1)


@torch.enable_grad()
def gauss_newton(d: "Discretization", formulation: Formulation, order: Order, theta: Tensor, vectors: Tensor) -> Tensor:
    """G v (k, P) for vectors (k, P) at theta (P,), of the points of ``d``; neither G nor B is formed.

    Backwards twice through one graph: Bᵀ w is linear in w, and its derivative in w along v is B v. torch's forward mode takes two seconds to load.

    Args:
        d: a discretisation, or one of its parts.
        formulation: of the loss.
        order: of the derivatives of u that it needs.
        theta: (P,).
        vectors: (k, P).
    """
    theta = theta.detach().requires_grad_()
    u = d.jet(theta, order)
    z = quantities(formulation)(d, u)
    _, modulus = slope_and_modulus(d, formulation, u)
    weights = torch.zeros_like(z).requires_grad_()
    (back,) = torch.autograd.grad(z, theta, weights, create_graph=True)
    products = []
    for vector in vectors:
        (along,) = torch.autograd.grad(back, weights, vector, retain_graph=True)
        bent = (modulus @ along.unsqueeze(-1)).squeeze(-1)
        products.append(torch.autograd.grad(z, theta, bent, retain_graph=True)[0])
    return torch.stack(products)
