"""Derivatives of the discretised solution with respect to theta, point by point: what losses are made of, one floor above them.

Of the local quantities z of ``local``: their Jacobian B = ∂z/∂theta (for a sum of squares J, that of its residual), Bᵀw, the kernel BBᵀ, and the dense
Gauss-Newton part G = BᵀMB. Half of the Hessian of a sum of squares is JᵀJ + Σ r ∇²r. Where a loss does not exist, all of these are NaN.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS
from pinnscape.losses import local
from pinnscape.losses.local import Local
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import Jet, Order, function_jet, network_jet, product_jet, sum_jet, traced_jet


def least_squares(objective: Objective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """J (m, P) and r (m,) at theta (P,), or fewer rows with the same JᵀJ, Jᵀr and |r|, and so the same singular values and least squares.

    Where J would have more than 2P rows, QᵀJ and Qᵀr of a QR decomposition stand in for it, made block by block of the points (Golub & Van Loan 2013,
    sec. 5.2): a matrix of all rows is never there.

    Raises:
        ValueError: the loss is not a sum of squares (Deep Ritz).
    """
    residual, order, rows = _residual(objective), objective.order, None
    for d in objective.discretization.parts:
        for piece in _pieces(d, len(d.problem.components), theta.numel()):
            values = residual(piece, piece.jet(theta, order)).reshape(-1, 1)
            block = torch.cat([sensitivities(piece, theta, order, residual).flatten(0, 1), values], 1)
            rows = block if rows is None else torch.cat([rows, block])
            if len(rows) > 2 * block.shape[1]:
                rows = torch.linalg.qr(rows, mode="r")[1]
    assert rows is not None
    return rows[:, :-1], rows[:, -1]


def _pieces(d: Discretization, quantities: int, size: int) -> Sequence[Discretization]:
    """Blocks of points whose sensitivities, with the copies of theta that they take, are within the memory."""
    return d.split(int(d.memory / (8 * size * (quantities + 3))))


def energy_gram(discretization: Discretization, theta: Tensor) -> Tensor:
    """The energy Gram matrix G (P, P) at theta (P,); it is indefinite where the energy density is not convex."""
    gram = theta.new_zeros(theta.numel(), theta.numel())
    quantities = len(discretization.problem.components) * (1 + discretization.problem.dimension)
    for part in discretization.parts:
        for d in _pieces(part, 2 * quantities, theta.numel()):
            tangent = sensitivities(d, theta, "gradient", local.value_and_gradient)
            _, modulus = local.slope_and_modulus(d, DEEP_RITZ, d.jet(theta.detach(), "gradient"))
            gram = gram + tangent.flatten(0, 1).T @ (modulus @ tangent).flatten(0, 1)
    return 0.5 * (gram + gram.T)


def gauss_newton(objective: Objective, theta: Tensor) -> Tensor:
    """The part (P, P) of the Hessian that is left where the residual vanishes: 2JᵀJ, for Deep Ritz the energy Gram matrix."""
    if objective.formulation.is_energy:
        return energy_gram(objective.discretization, theta)
    j, _ = least_squares(objective, theta)
    return 2.0 * j.T @ j


def kernel_size(objective: Objective) -> int:
    """Number q of local quantities of a loss: rows of B and of the kernel BBᵀ."""
    problem = objective.discretization.problem
    at_a_point = len(problem.components) * (1 + problem.dimension if objective.formulation.is_energy else 1)
    return len(objective.discretization.points) * at_a_point


def slopes_and_moduli(objective: Objective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivatives (n, k), (n, k, k) of a loss in its local quantities at theta (P,); its gradient is Bᵀ times the first."""
    found = [
        local.slope_and_modulus(d, objective.formulation, d.jet(theta.detach(), objective.order))
        for d in objective.discretization.parts
    ]
    return torch.cat([slope for slope, _ in found]), torch.cat([modulus for _, modulus in found])


def pull_back(objective: Objective, theta: Tensor, weights: Tensor) -> Tensor:
    """Bᵀw (k, P) for weights (k, q) of the local quantities at theta (P,), point by point; B is not formed."""
    theta, start, total = theta.detach().requires_grad_(), 0, theta.new_zeros(len(weights), theta.numel())
    for d in objective.discretization.parts:
        z = local.quantities(objective.formulation)(d, d.jet(theta, objective.order))
        for row, w in zip(total, weights[:, start : start + z.numel()], strict=True):
            row += torch.autograd.grad(z, theta, w.reshape(z.shape), retain_graph=True)[0]
        start += z.numel()
    return total


def kernel(objective: Objective, theta: Tensor) -> Tensor:
    """The kernel BBᵀ (q, q) of the local quantities at theta (P,), for a sum of squares the neural tangent kernel JJᵀ; B is not formed.

    A row of B is, in a layer, a sum over streams s of an outer product of the adjoint δ_s of what comes out of the affine map with what goes in,
    a_s. The inner product of two rows is therefore Σ (δ_s·δ'_t)(a_s·a'_t), with a part δ_0·δ'_0 of the biases (Novak, Sohl-Dickstein &
    Schoenholz 2022, ICML, "Fast finite width neural tangent kernel"): the work and memory of it grow with the width and not with P.
    """
    quantities, d = local.quantities(objective.formulation), objective.discretization
    if type(d).jet is not Discretization.jet:
        rows = torch.cat([sensitivities(part, theta, objective.order, quantities).flatten(0, 1) for part in d.parts])
        return rows @ rows.T
    traces = [_trace(part, theta, objective.order, quantities) for part in d.parts]
    layers = [tuple(torch.cat(parts, -2) for parts in zip(*layer, strict=True)) for layer in zip(*traces, strict=True)]
    k, streams, n, _ = layers[0][1].shape
    # A product of adjoints, one of streams and their product are there at a time.
    block = max(1, int(d.memory / (3 * 8 * (k * streams) ** 2 * n)))
    return torch.cat([_sum_of_layers(layers, slice(start, start + block)) for start in range(0, n, block)])


def _trace(d: Discretization, theta: Tensor, order: Order, quantities: Local) -> list[tuple[Tensor, Tensor]]:
    """Streams (S, n, fan_in) into each affine map, and adjoints (k, S, n, fan_out) of what comes out, for each of k local quantities."""
    found, trace = traced_jet(d.network, theta, d.points, order)
    lift, factor = _boundary(d)
    values = quantities(d, sum_jet(lift, product_jet(factor, found)))
    outs = [out for _, out in trace]
    adjoints = [torch.autograd.grad(v.sum(), outs, retain_graph=True, materialize_grads=True) for v in values.unbind(-1)]
    return [(a.detach(), torch.stack(of_layer)) for (a, _), of_layer in zip(trace, zip(*adjoints, strict=True), strict=True)]


def _sum_of_layers(layers: list[tuple[Tensor, ...]], rows: slice) -> Tensor:
    """Rows (b k, n k) of the kernel that belong to some of the points."""
    total = None
    for a, delta in layers:
        inputs = torch.einsum("sif,tjf->sitj", a[:, rows], a)
        inputs[0, :, 0] += 1.0  # the biases
        outputs = torch.einsum("ksig,ltjg->ksiltj", delta[:, :, rows], delta)
        part = torch.einsum("sitj,ksiltj->ikjl", inputs, outputs)
        total = part if total is None else total + part
    assert total is not None
    return total.flatten(2).flatten(0, 1)


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
    if objective.formulation.is_energy:
        known = " or ".join(name for name, each in FORMULATIONS.items() if not each.is_energy)
        raise ValueError(f"`objective` must be a sum of squares: {known}, not {objective.name}")
    return local.quantities(objective.formulation)
