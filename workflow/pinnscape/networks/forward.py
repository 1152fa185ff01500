"""Networks with any of their derivatives in x, in torch and in one pass: all streams go through the affine maps alike, activations mix them.

Everything is batched over leading dimensions of theta.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pinnscape.networks.activations import derivatives
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.layout import Layer
from pinnscape.networks.streams import Monomial, Streams, degree, variables

# Nested differentiation keeps about 1.5 kB a point.
_POINTS = 16_384


Trace = list[tuple[Tensor, Tensor]]  # streams (..., S, n, fan_in) into each affine map, and (..., S, n, fan_out) out of it


def network_streams(
    network: Architecture, theta: Tensor, inputs: Tensor, streams: Streams, trace: Trace | None = None
) -> Tensor:
    """Streams of the outputs of a network.

    Args:
        network: architecture.
        theta: parameters (..., P).
        inputs: streams (S, n, features) of what the first layer sees, as ``embeddings.embedded`` gives them, or such streams for each theta.
        streams: which derivatives they are.
        trace: a list to which the inputs and outputs of each affine map are added.

    Returns:
        (..., S, n, c), batched as theta is.
    """
    through = {"mlp": _mlp, "residual": _residual, "modified": _modified}[network.kind]

    def activated(z: Tensor) -> Tensor:
        found = z.unbind(-3)
        return torch.stack(streams.compose(derivatives(network.activation, found[0], streams.order), found), -3)

    # A batch of copies: as one matrix, the networks of a batch would be rounded otherwise with their number.
    x = inputs.expand(*theta.shape[:-1], *inputs.shape[-3:])
    return through([_map(theta, layer, trace) for layer in network.layers], x, activated, streams)


Map = Callable[[Tensor], Tensor]


def _map(theta: Tensor, layer: Layer, trace: Trace | None = None) -> Map:
    """The affine map of a layer, of streams (..., S, n, fan_in): one product for all of them, the bias for the value alone."""
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
    """Streams (S, n, c) of a smooth function of a point by nested automatic differentiation; for data that are computed once.

    In reverse mode throughout: the first use of torch's forward mode takes two seconds of imports, which every job would pay.

    Args:
        function: maps points (n, d) to values (n, c), each row by itself.
        points: (n, d).
        streams: which derivatives.
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
    """The monomials, and after them those whose derivatives a Laplacian sums."""
    squares = (tuple(2 * (i == k) for k in range(streams.dimension)) for i in streams.laplacian)
    return [*streams.monomials, *squares]


def _slope(values: Tensor, x: Tensor) -> Tensor:
    """Gradient (n, d) of each of the values (n,) in its own row of x (n, d); zero where they do not depend on it."""
    if not values.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(values.sum(), x, create_graph=True, materialize_grads=True)[0]
