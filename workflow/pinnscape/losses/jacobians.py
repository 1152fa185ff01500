"""Residuals of squared terms and their Jacobians, point by point: Σ |r|² is the weighted term, NaN where it does not exist."""

import torch
from torch import Tensor

from pinnscape.losses.evaluation import TorchGroup, hard
from pinnscape.networks.forward import network_streams
from pinnscape.networks.streams import Streams


def residuals(group: TorchGroup, name: str, theta: Tensor, weight: float) -> Tensor:
    """The weighted residuals (n · k,) of a squared term at theta (P,): the k residuals of a point one after the other.

    Args:
        group: to which the term belongs.
        name: of the term.
        theta: (P,).
        weight: of the term, at least 0.
    """
    streams, rows = group.needed[name], []
    with torch.no_grad():
        for block in group.blocks(streams):
            u = group.solve(theta, streams, group.data(streams).rows(block))
            rows.append(_weighted(group, name, u, streams, block, weight).flatten())
    return torch.cat(rows)


def jacobian(group: TorchGroup, name: str, theta: Tensor, weight: float) -> Tensor:
    """Their derivatives (n · k, P), in the same order, as for ``residuals``.

    Each point gets a copy of theta of its own: the gradient of a sum over points then holds the rows of all of them.
    """
    count, size = group.points.count, max(1, int(group.solution.memory / (8 * 10 * theta.numel())))
    blocks = (slice(start, start + size) for start in range(0, count, size))
    return torch.cat([_rows(group, name, theta, weight, block) for block in blocks])


def _rows(group: TorchGroup, name: str, theta: Tensor, weight: float, block: slice) -> Tensor:
    streams = group.needed[name]
    data = group.data(streams).rows(block)
    copies = theta.detach().expand(data.inputs.shape[2], -1).clone().requires_grad_()
    found = network_streams(group.solution.network, copies, data.inputs.movedim(2, 0), streams)
    values = _weighted(group, name, hard(found.movedim(0, 2), streams, data), streams, block, weight)
    columns = [
        torch.autograd.grad(v.sum(), copies, retain_graph=True, materialize_grads=True)[0]
        if v.requires_grad
        else torch.zeros_like(copies)
        for v in values.unbind(-1)
    ]
    return torch.stack(columns, 1).flatten(0, 1)


def _weighted(group: TorchGroup, name: str, u: Tensor, streams: Streams, block: slice, weight: float) -> Tensor:
    """The weighted residuals (n, k) from streams of the solution."""
    outputs, exists = group.locals(group.terms[name], u, streams, block)
    factor = (weight * group.weights[block]).sqrt()
    if exists is not None:
        factor = torch.where(exists, factor, torch.nan)
    return factor.unsqueeze(-1) * torch.stack(outputs, -1)
