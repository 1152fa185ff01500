"""Residuals of squared terms and their Jacobians, point by point: Σ |r|² is the weighted term, NaN where it does not exist."""

import torch
from torch import Tensor

from pinnscape.losses.group import TorchGroup
from pinnscape.networks.streams import Streams


def residuals(group: TorchGroup, name: str, theta: Tensor, weight: float) -> Tensor:
    """The weighted residuals (n · k,) of a squared term at theta (P,): the k residuals of a point one after the other.

    Args:
        group: to which the term belongs.
        name: of the term.
        theta: (P,).
        weight: of the term, at least 0.
    """
    streams = group.needed[name]
    with torch.no_grad():
        rows = [
            _weighted(group, name, group.solve(theta, streams, block), streams, block, weight)
            for block in group.blocks(streams)
        ]
    return torch.cat(rows).flatten()


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
    values = _weighted(group, name, group.solution.at_each_point(copies, streams, data), streams, block, weight)
    columns = [
        torch.autograd.grad(v.sum(), copies, retain_graph=True, materialize_grads=True)[0]
        if v.requires_grad
        else torch.zeros_like(copies)
        for v in values.unbind(-1)
    ]
    return torch.stack(columns, 1).flatten(0, 1)


def _weighted(group: TorchGroup, name: str, u: Tensor, streams: Streams, block: slice, weight: float) -> Tensor:
    """The weighted residuals (n, k) from streams of the solution."""
    outputs, exists = group(name, u, streams, block)
    factor = (weight * group.weights[block]).sqrt()
    if exists is not None:
        factor = torch.where(exists, factor, torch.nan)
    return factor.unsqueeze(-1) * torch.stack(outputs, -1)
