"""Forward pass of networks in torch, with any set of derivatives in x.

The value and its derivatives (streams) are propagated together: affine maps act on all streams alike, and activations combine
them by the chain rule. Functions are batched over leading dimensions of theta.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pinnscape.networks.activations import derivatives
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.layout import Layer
from pinnscape.networks.streams import Monomial, Streams, degree, variables

# Number of points differentiated at a time; nested automatic differentiation stores about 1.5 kB for each point.
_POINTS = 16_384


# Streams of the input (..., S, n, fan_in) and of the output (..., S, n, fan_out) of each affine map.
Trace = list[tuple[Tensor, Tensor]]


def network_streams(
    network: Architecture, theta: Tensor, inputs: Tensor, streams: Streams, trace: Trace | None = None
) -> Tensor:
    """Streams of the outputs of a network.

    Args:
        network: architecture.
        theta: parameters (..., P).
        inputs: streams (S, n, features) of the inputs of the first layer, see ``embeddings.embedded``; or (..., S, n,
            features), with separate inputs for each parameter vector.
        streams: the derivatives in x that the streams stand for.
        trace: list to which the inputs and outputs of each affine map are appended.

    Returns:
        The streams (..., S, n, c).
    """
    through = {"mlp": _mlp, "residual": _residual, "modified": _modified}[network.kind]

    def activated(z: Tensor) -> Tensor:
        found = z.unbind(-3)
        return torch.stack(streams.compose(derivatives(network.activation, found[0], streams.order), found), -3)

    # Inputs are copied for each network: the rounding of a single matrix product would depend on the number of networks.
    x = inputs.expand(*theta.shape[:-1], *inputs.shape[-3:])
    return through([_map(theta, layer, trace) for layer in network.layers], x, activated, streams)


Map = Callable[[Tensor], Tensor]


def _map(theta: Tensor, layer: Layer, trace: Trace | None = None) -> Map:
    """The affine map of a layer for streams (..., S, n, fan_in): the weights act on all streams, the bias only on the value."""
    weight = theta[..., layer.weights].unflatten(-1, (layer.fan_out, layer.fan_in)).transpose(-1, -2)
    bias = theta[..., layer.biases]

    def apply(x: Tensor) -> Tensor:
        s, n = x.shape[-3:-1]
        out = (x.flatten(-3, -2) @ weight).unflatten(-2, (s, n))
        value = out[..., :1, :, :] + bias[..., None, None, :]
        out = value if s == 1 else torch.cat([value, out[..., 1:, :, :]], dim=-3)
        if trace is not None:
            trace.append((x, out))
        return out

    return apply


def _mlp(maps: list[Map], x: Tensor, activated: Map, streams: Streams) -> Tensor:
    for affine in maps[:-1]:
        x = activated(affine(x))
    return maps[-1](x)


def _residual(maps: list[Map], x: Tensor, activated: Map, streams: Streams) -> Tensor:
    first, *blocks, last = maps
    x = first(x)
    for one, other in zip(blocks[::2], blocks[1::2], strict=True):
        x = x + activated(other(activated(one(x))))
    return last(x)


def _modified(maps: list[Map], x: Tensor, activated: Map, streams: Streams) -> Tensor:
    *encoders, first = maps[:3]
    u, v = (activated(affine(x)) for affine in encoders)
    difference, x = (v - u).unbind(-3), activated(first(x))
    for affine in maps[3:-1]:
        x = u + torch.stack(streams.product(activated(affine(x)).unbind(-3), difference), -3)
    return maps[-1](x)


def function_streams(function: Callable[[Tensor], Tensor], points: Tensor, streams: Streams) -> Tensor:
    """Streams (S, n, c) of a smooth function of a point, by nested automatic differentiation.

    It is meant for data that are computed once. All derivatives are computed in reverse mode, because the first use of torch's
    forward mode takes two seconds of imports in each job.

    Args:
        function: function from points (n, d) to values (n, c), row by row.
        points: points (n, d).
        streams: the derivatives to compute.
    """
    return torch.cat([_function_streams(function, block, streams) for block in points.split(_POINTS)], 1)


@torch.enable_grad()
def _function_streams(function: Callable[[Tensor], Tensor], points: Tensor, streams: Streams) -> Tensor:
    x = points.detach().requires_grad_()
    found: dict[Monomial, Tensor] = {}
    slopes: dict[Monomial, Tensor] = {}
    needed = set(Streams.of(_with_squares(streams)).monomials)
    for monomial in sorted(needed, key=degree):
        if degree(monomial) == 0:
            found[monomial] = function(x)
            continue
        last = variables(monomial)[-1]
        below = tuple(exponent - (i == last) for i, exponent in enumerate(monomial))
        if below not in slopes:
            slopes[below] = torch.stack([_slope(column, x) for column in found[below].unbind(-1)], -2)
        found[monomial] = slopes[below][..., last]
    rows = [found[monomial].detach() for monomial in streams.monomials]
    if streams.laplacian:
        squares = _with_squares(streams)[len(streams.monomials) :]
        rows.append(torch.stack([found[monomial].detach() for monomial in squares]).sum(0))
    return torch.stack(rows)


def _with_squares(streams: Streams) -> list[Monomial]:
    """The monomials of the streams, followed by the second derivatives that a Laplacian sums."""
    squares = (tuple(2 * (i == k) for k in range(streams.dimension)) for i in streams.laplacian)
    return [*streams.monomials, *squares]


def _slope(values: Tensor, x: Tensor) -> Tensor:
    """Gradients (n, d) of values (n,) with respect to their rows of x (n, d); zero if the values do not depend on x."""
    if not values.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(values.sum(), x, create_graph=True, materialize_grads=True)[0]
