"""Derivatives of the discretised solution with respect to theta, point by point: what losses are made of, one floor above them.

The strong-form and the supervised loss are sums of squares |r|² of a weighted residual r = √w (EL[e](u) - f) or √w (u - u*); J = ∂r/∂theta is
its Jacobian. Half of the Hessian of such a loss is JᵀJ + Σ r ∇²r. The Deep Ritz loss is not a sum of squares; what stands in place of
2JᵀJ is the energy Gram matrix (Müller & Zeinhofer 2023: the pullback of the second derivative of the energy)

    G_ij = ∫ D²e(u)[(φᵢ, ∇φᵢ), (φⱼ, ∇φⱼ)],    φᵢ = ∂u/∂thetaᵢ;    for Poisson's equation ∫ ∇φᵢ·∇φⱼ.

Where a loss does not exist (an inverted body), all of these are NaN.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from pinnscape.jets import Jet, Order, function_jet, network_jet, product_jet, sum_jet
from pinnscape.objective import Discretization, Objective

Local = Callable[[Discretization, Jet], Tensor]  # quantities (n, k) of a jet, each a function of its own point alone


def residuals(objective: Objective, theta: Tensor) -> Tensor:
    """The weighted residual r (m,) at theta (P,), m = points · components, with |r|² = L(theta).

    Raises:
        ValueError: the loss is not a sum of squares (Deep Ritz).
    """
    local = _residual(objective)
    return torch.cat([local(d, d.jet(theta, objective.order)).flatten() for d in objective.discretization.parts])


def jacobian(objective: Objective, theta: Tensor) -> Tensor:
    """J = ∂r/∂theta (m, P) of the weighted residual at theta (P,).

    Raises:
        ValueError: the loss is not a sum of squares (Deep Ritz).
    """
    local, order = _residual(objective), objective.order
    return torch.cat([sensitivities(d, theta, order, local).flatten(0, 1) for d in objective.discretization.parts])


def energy_gram(discretization: Discretization, theta: Tensor) -> Tensor:
    """The energy Gram matrix G (P, P) at theta (P,); it is indefinite where the energy density is not convex."""
    gram = theta.new_zeros(theta.numel(), theta.numel())
    for d in discretization.parts:
        tangent = sensitivities(d, theta, "gradient", _value_and_gradient)
        modulus = _modulus(d, d.jet(theta.detach(), "gradient"))
        gram = gram + tangent.flatten(0, 1).T @ (modulus @ tangent).flatten(0, 1)
    return 0.5 * (gram + gram.T)


def gauss_newton(objective: Objective, theta: Tensor) -> Tensor:
    """The part (P, P) of the Hessian that is left where the residual vanishes: 2JᵀJ, for Deep Ritz the energy Gram matrix."""
    if objective.formulation == "deep-ritz":
        return energy_gram(objective.discretization, theta)
    j = jacobian(objective, theta)
    return 2.0 * j.T @ j


def sensitivities(d: Discretization, theta: Tensor, order: Order, local: Local) -> Tensor:
    """Derivatives (n, k, P) of local quantities (n, k) of u with respect to theta (P,).

    Args:
        d: a discretisation, or one of its parts.
        theta: (P,).
        order: of the derivatives of u that ``local`` needs.
        local: of d and the jet of u.
    """
    route = _pointwise if type(d).jet is Discretization.jet else automatic
    return route(d, theta, order, local)


def automatic(d: Discretization, theta: Tensor, order: Order, local: Local, chunk: int = 64) -> Tensor:
    """``sensitivities`` through ``d.jet``, whatever that is; all points are differentiated for each row, which is many times slower."""
    return torch.func.jacrev(lambda t: local(d, d.jet(t, order)), chunk_size=chunk)(theta)


def _pointwise(d: Discretization, theta: Tensor, order: Order, local: Local) -> Tensor:
    """Each point gets a copy of theta of its own: the gradient of a sum over points then holds the rows of all of them."""
    copies = theta.detach().expand(len(d.points), -1).clone().requires_grad_()
    batched = network_jet(d.network, copies, d.points.unsqueeze(-2), order)
    lift, factor = _boundary(d)
    values = local(d, sum_jet(lift, product_jet(factor, _only_point(batched))))
    columns = [torch.autograd.grad(v.sum(), copies, retain_graph=True, materialize_grads=True)[0] for v in values.unbind(-1)]
    return torch.stack(columns, 1)


def _only_point(jet: Jet) -> Jet:
    """A jet (n, c) from a batch (n, 1, c) of jets at one point each."""
    orders: tuple[Order, ...] = ("gradient", "laplacian", "hessian")
    return Jet(jet.value[:, 0], **{name: getattr(jet, name)[:, 0] for name in orders if jet.has(name)})


@lru_cache(maxsize=64)
def _boundary(d: Discretization) -> tuple[Jet, Jet]:
    """Lift and factor of u = lift + factor · network at the points."""
    problem = d.problem
    return function_jet(problem.lift, d.points), function_jet(lambda x: problem.scale * problem.distance(x), d.points)


def _residual(objective: Objective) -> Local:
    locals_: dict[str, Local] = {"strong-form": _strong, "supervised": _misfit}
    if objective.formulation not in locals_:
        raise ValueError(f"`objective` must be a sum of squares: {' or '.join(locals_)}, not {objective.formulation}")
    return locals_[objective.formulation]


def _strong(d: Discretization, u: Jet) -> Tensor:
    # A factor and not a choice, so that the derivatives do not exist either.
    exists = torch.where(d.inverted(u), torch.nan, 1.0)
    return exists * d.weights.sqrt().unsqueeze(-1) * d.residual(u)


def _misfit(d: Discretization, u: Jet) -> Tensor:
    return d.weights.sqrt().unsqueeze(-1) * (u.value - d.exact.value)


def _value_and_gradient(d: Discretization, u: Jet) -> Tensor:
    """(u, ∇u) (n, c (1 + d))."""
    return torch.cat([u.value, u.gradient.flatten(-2)], -1)


def _modulus(d: Discretization, u: Jet) -> Tensor:
    """Weighted second derivatives w ∂²e/∂(u, ∇u)² (n, k, k) at each point, k = c (1 + d)."""
    c, dimension = u.value.shape[-1], u.gradient.shape[-1]
    # Not by torch.func, which takes two seconds to load.
    z = _value_and_gradient(d, u).detach().requires_grad_()
    density = d.problem.density(d.points, z[:, :c], z[:, c:].unflatten(-1, (c, dimension)))
    (slope,) = torch.autograd.grad(density.sum(), z, create_graph=True)
    rows = [torch.autograd.grad(column.sum(), z, retain_graph=True, materialize_grads=True)[0] for column in slope.unbind(-1)]
    return torch.where(d.inverted(u), torch.nan, d.weights[:, None, None] * torch.stack(rows, 1))
