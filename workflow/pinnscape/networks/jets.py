"""Derivatives of networks with respect to their inputs, in forward mode and in one pass.

A *jet* is the value of a function together with its first and, if requested, second derivatives at a set of points. Value and
derivatives are propagated through the network together, stacked as *streams*: affine maps act on all streams alike, and an
activation s mixes them by the chain rule (Griewank & Walther 2008, ch. 13; for the Laplacian: Li et al. 2023, "Forward
Laplacian", arXiv:2307.08214):

    d_i s(z) = s'(z) d_i z,    d_i d_j s(z) = s'(z) d_i d_j z + s''(z) d_i z d_j z.

All functions of parameters are batched over leading dimensions of the parameters.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from pinnscape.networks.mlp import Network

Order = Literal["value", "gradient", "laplacian", "hessian"]
Activation = Callable[[Tensor, bool], tuple[Tensor, Tensor, Tensor | None]]


class Jet:
    """A value (..., n, c), with gradient (..., n, c, d), Laplacian (..., n, c) and Hessian (..., n, c, d, d) if computed.

    Raises:
        ValueError: a derivative is accessed that the jet does not have.
    """

    def __init__(
        self, value: Tensor, gradient: Tensor | None = None, laplacian: Tensor | None = None, hessian: Tensor | None = None
    ) -> None:
        self.value = value
        given = {"gradient": gradient, "laplacian": laplacian, "hessian": hessian}
        self._derivatives = {name: tensor for name, tensor in given.items() if tensor is not None}

    def __getitem__(self, rows: slice) -> "Jet":
        """The jet at some of the points; the jet must not be batched."""
        return Jet(self.value[rows], **{name: derivative[rows] for name, derivative in self._derivatives.items()})

    def has(self, name: Order) -> bool:
        """Whether the derivative of this name was computed."""
        return name in self._derivatives

    @property
    def gradient(self) -> Tensor:
        return self._get("gradient")

    @property
    def laplacian(self) -> Tensor:
        return self._get("laplacian")

    @property
    def hessian(self) -> Tensor:
        return self._get("hessian")

    def _get(self, name: str) -> Tensor:
        if name not in self._derivatives:
            raise ValueError(
                f"the jet has no {name}; ask for order {name!r} (it has {', '.join(['value', *self._derivatives])})"
            )
        return self._derivatives[name]


def _tanh(z: Tensor, second: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    s = torch.tanh(z)
    first = 1.0 - s * s
    return s, first, -2.0 * s * first if second else None


def _sin(z: Tensor, second: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    s = torch.sin(z)
    return s, torch.cos(z), -s if second else None


def _swish(z: Tensor, second: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    g = torch.sigmoid(z)
    dg = g * (1.0 - g)
    return z * g, g + z * dg, dg * (2.0 + z * (1.0 - 2.0 * g)) if second else None


def _softplus(z: Tensor, second: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    g = torch.sigmoid(z)
    # Unlike torch's softplus, this form does not switch to the identity beyond a threshold; unlike logaddexp, it has finite
    # second derivatives.
    return -torch.nn.functional.logsigmoid(-z), g, g * (1.0 - g) if second else None


# Each function returns s(z), s'(z) and, if requested, s''(z).
ACTIVATIONS: dict[str, Activation] = {"tanh": _tanh, "sin": _sin, "swish": _swish, "softplus": _softplus}


def pairs(dimension: int) -> list[tuple[int, int]]:
    """The index pairs i <= j of a symmetric matrix, in the order of the second-derivative streams."""
    return [(i, j) for i in range(dimension) for j in range(i, dimension)]


def network_jet(network: Network, theta: Tensor, points: Tensor, order: Order) -> Jet:
    """Value and derivatives of the network with respect to its inputs.

    Args:
        network: architecture.
        theta: parameters (..., P).
        points: x (n, d).
        order: highest derivative: ``value``, ``gradient``, ``laplacian``, or ``hessian`` for all second derivatives.

    Returns:
        The jet of the outputs, c = network.outputs, with the batch dimensions of theta.
    """
    activation = ACTIVATIONS[network.activation]
    first, *rest = network.layers
    weight, bias = _affine(theta, first)
    streams = _through_input(points, weight, bias, activation, order)
    for layer in rest[:-1]:
        streams = _through_activation(_through_affine(streams, *_affine(theta, layer)), points.shape[-1], activation, order)
    if rest:
        streams = _through_affine(streams, *_affine(theta, rest[-1]))
    return _jet(streams, points.shape[-1], order)


def traced_jet(network: Network, theta: Tensor, points: Tensor, order: Order) -> tuple[Jet, list[tuple[Tensor, Tensor]]]:
    """``network_jet`` at theta (P,), with the inputs and outputs of its affine maps.

    Returns:
        The jet, and for each affine map its input streams (S, n, fan_in) and its output streams (S, n, fan_out). The output of
        the first map is a leaf of the graph, so that the jet can be differentiated with respect to all outputs; theta is a
        constant.
    """
    theta, dimension, activation = theta.detach(), points.shape[-1], ACTIVATIONS[network.activation]
    streams, trace = _input_streams(points, order), []
    for layer in network.layers:
        out = _through_affine(streams, *_affine(theta, layer))
        if not trace:
            out.requires_grad_()
        trace.append((streams, out))
        streams = out if len(trace) == len(network.layers) else _through_activation(out, dimension, activation, order)
    return _jet(streams, dimension, order), trace


def _input_streams(points: Tensor, order: Order) -> Tensor:
    """The jet of the identity (S, n, d): x, its unit gradients, and second derivatives of zero."""
    n, d = points.shape
    units = torch.eye(d, dtype=points.dtype, device=points.device).unsqueeze(1).expand(d, n, d)
    seconds = {"value": 0, "gradient": 0, "laplacian": 1, "hessian": d * (d + 1) // 2}[order]
    streams = [points.unsqueeze(0), *([] if order == "value" else [units]), points.new_zeros(seconds, n, d)]
    return torch.cat(streams)


def _affine(theta: Tensor, layer) -> tuple[Tensor, Tensor]:
    """Transposed weights (..., fan_in, fan_out) and biases (..., fan_out) of a layer."""
    weight = theta[..., layer.weights].unflatten(-1, (layer.fan_out, layer.fan_in))
    return weight.transpose(-1, -2), theta[..., layer.biases]


def _through_input(points: Tensor, weight: Tensor, bias: Tensor, activation: Activation, order: Order) -> Tensor:
    """First hidden layer: d z / d x_i is the i-th row of the weights, and the second derivatives of z vanish."""
    # The inputs are summed one by one. A matrix product would treat the networks of a batch as rows of one matrix, and its
    # rounding errors would depend on their number.
    terms = (points[..., i, None] * weight[..., i, None, :] for i in range(points.shape[-1]))
    z = sum(terms, bias.unsqueeze(-2))
    second = order in ("laplacian", "hessian")
    s, ds, dds = activation(z, second)
    streams = [s.unsqueeze(-3)]
    if order != "value":
        streams.append(ds.unsqueeze(-3) * weight.unsqueeze(-2))
    if dds is not None:
        if order == "laplacian":
            squares = (weight * weight).sum(-2, keepdim=True).unsqueeze(-2)
        else:
            squares = torch.stack([weight[..., i, :] * weight[..., j, :] for i, j in pairs(points.shape[-1])], -2).unsqueeze(-2)
        streams.append(dds.unsqueeze(-3) * squares)
    return torch.cat(streams, dim=-3)


def _through_affine(streams: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Affine map of streams (..., S, n, w): one product for all streams; the bias is added to the value only."""
    s, n = streams.shape[-3:-1]
    out = (streams.flatten(-3, -2) @ weight).unflatten(-2, (s, n))
    value = out[..., :1, :, :] + bias[..., None, None, :]
    return value if s == 1 else torch.cat([value, out[..., 1:, :, :]], dim=-3)


def _through_activation(streams: Tensor, dimension: int, activation: Activation, order: Order) -> Tensor:
    second = order in ("laplacian", "hessian")
    s, ds, dds = activation(streams[..., :1, :, :], second)
    if order == "value":
        return s
    rest = streams[..., 1:, :, :] * ds
    if dds is None:
        return torch.cat([s, rest], dim=-3)
    gradient = streams[..., 1 : 1 + dimension, :, :]
    if order == "laplacian":
        products = (gradient * gradient).sum(-3, keepdim=True)
    else:
        products = torch.stack([gradient[..., i, :, :] * gradient[..., j, :, :] for i, j in pairs(dimension)], -3)
    return torch.cat([s, rest[..., :dimension, :, :], rest[..., dimension:, :, :] + dds * products], dim=-3)


def _jet(streams: Tensor, dimension: int, order: Order) -> Jet:
    """The jet that consists of the streams (..., S, n, c)."""
    value = streams[..., 0, :, :]
    if order == "value":
        return Jet(value)
    gradient = streams[..., 1 : 1 + dimension, :, :].movedim(-3, -1)
    if order == "gradient":
        return Jet(value, gradient)
    if order == "laplacian":
        return Jet(value, gradient, laplacian=streams[..., 1 + dimension, :, :])
    return Jet(value, gradient, hessian=symmetric(streams[..., 1 + dimension :, :, :].movedim(-3, -1), dimension))


def symmetric(upper: Tensor, dimension: int) -> Tensor:
    """The symmetric matrices (..., d, d) with the entries ``upper`` (..., d(d+1)/2) for i <= j."""
    position = {pair: k for k, pair in enumerate(pairs(dimension))}
    entries = [upper[..., position[min(i, j), max(i, j)]] for i in range(dimension) for j in range(dimension)]
    return torch.stack(entries, -1).unflatten(-1, (dimension, dimension))


# Points per block: nested differentiation stores about 1.5 kB per point.
_POINTS = 16_384


def function_jet(function: Callable[[Tensor], Tensor], points: Tensor) -> Jet:
    """Full jet of a smooth function of a point by nested automatic differentiation, for data that are computed once.

    Reverse mode is used throughout, because the first use of torch's forward mode takes two seconds of imports in every job.

    Args:
        function: maps points (n, d) to values (n, c), row by row.
        points: points (n, d).
    """
    jets = [_function_jet(function, block) for block in points.split(_POINTS)]
    parts = [[jet.value, jet.gradient, jet.laplacian, jet.hessian] for jet in jets]
    return jets[0] if len(jets) == 1 else Jet(*(torch.cat(part) for part in zip(*parts, strict=True)))


@torch.enable_grad()
def _function_jet(function: Callable[[Tensor], Tensor], points: Tensor) -> Jet:
    x = points.detach().requires_grad_()
    value = function(x)
    gradient = torch.stack([_slope(v, x) for v in value.unbind(-1)], -2)
    hessian = (
        torch.stack([_slope(g, x) for g in gradient.flatten(-2).unbind(-1)], -2).unflatten(-2, gradient.shape[-2:]).detach()
    )
    return Jet(value.detach(), gradient.detach(), hessian.diagonal(dim1=-2, dim2=-1).sum(-1), hessian)


def _slope(values: Tensor, x: Tensor) -> Tensor:
    """Gradient (n, d) of each value (n,) with respect to its row of x (n, d); zero if the values do not depend on x."""
    if not values.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(values.sum(), x, create_graph=True, materialize_grads=True)[0]


def product_jet(factor: Jet, jet: Jet) -> Jet:
    """Jet of factor · jet for a scalar factor (c = 1), up to the order of ``jet``.

    Args:
        factor: jet with the value (n, 1) and all derivatives.
        jet: jet with the value (..., n, c).
    """
    a, u = factor, jet
    value = a.value * u.value
    if not u.has("gradient"):
        return Jet(value)
    value_, slope = u.value.unsqueeze(-1), a.value.unsqueeze(-1)
    gradient = slope * u.gradient + a.gradient * value_
    laplacian = hessian = None
    if u.has("laplacian"):
        laplacian = a.value * u.laplacian + 2.0 * (a.gradient * u.gradient).sum(-1) + a.laplacian * u.value
    if u.has("hessian"):
        mixed = a.gradient.unsqueeze(-1) * u.gradient.unsqueeze(-2)
        hessian = slope.unsqueeze(-1) * u.hessian + mixed + mixed.transpose(-1, -2) + a.hessian * value_.unsqueeze(-1)
    return Jet(value, gradient, laplacian, hessian)


def sum_jet(a: Jet, b: Jet) -> Jet:
    """Jet of a + b, up to the order of ``b``."""
    gradient = a.gradient + b.gradient if b.has("gradient") else None
    laplacian = a.laplacian + b.laplacian if b.has("laplacian") else None
    return Jet(a.value + b.value, gradient, laplacian, a.hessian + b.hessian if b.has("hessian") else None)
