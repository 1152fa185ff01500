"""Networks with their derivatives against nested automatic differentiation of plain forward passes."""

import math

import numpy as np
import pytest
import torch
from naive import assert_close

from pinnscape.networks.activations import ACTIVATIONS, derivatives
from pinnscape.networks.architectures import Architecture, Mlp, Modified, Residual
from pinnscape.networks.embeddings import Box, Fourier, Periodic, embedded
from pinnscape.networks.forward import function_streams, network_streams
from pinnscape.networks.mlp import Network
from pinnscape.networks.streams import Streams

BOX = Box((0.0, -1.0), (2.0 * math.pi, 1.0))
NETWORKS = {
    "mlp": Mlp(2, 2, 5, 2),
    "mlp-box": Mlp(2, 1, 5, 3, "swish", (BOX,)),
    "residual": Residual(2, 2, 4, 2, "gelu"),
    "modified": Modified(2, 2, 4, 3, "softplus"),
    "modified-periodic": Modified(2, 1, 4, 2, "sin", (Periodic(0, 2.0 * math.pi, 2),)),
    "fourier": Mlp(2, 1, 4, 2, "tanh", (BOX, Fourier(3, 0.5, 7))),
    "periodic-fourier": Residual(2, 1, 4, 1, "tanh", (Periodic(1, 1.5), Fourier(2))),
}
FOURTH = Streams.of([(4, 0), (2, 2), (1, 3)])
SETS = {"fourth": FOURTH, "laplacian": Streams.of([(0, 0)], (0, 1)), "heat": Streams.of([(0, 1)], (0,))}


def theta_of(network: Architecture, seed: int = 0) -> torch.Tensor:
    return torch.tensor(0.7 * np.random.default_rng(seed).standard_normal(network.size))


def points_of(number: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).random((number, 2)))


def plain(network: Architecture, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The network (n, c) at points (n, d), written out, reading theta (P,) from front to back."""
    position = 0

    def affine(a: torch.Tensor, fan_out: int) -> torch.Tensor:
        nonlocal position
        count = a.shape[1] * fan_out
        weight = theta[position : position + count].reshape(fan_out, -1)
        bias = theta[position + count : position + count + fan_out]
        position += count + fan_out
        return a @ weight.T + bias

    def s(z: torch.Tensor) -> torch.Tensor:
        return derivatives(network.activation, z, 0)[0]

    for embedding in network.embeddings:
        if isinstance(embedding, Box):
            lower, upper = x.new_tensor(embedding.lower), x.new_tensor(embedding.upper)
            x = 2.0 * (x - lower) / (upper - lower) - 1.0
        elif isinstance(embedding, Periodic):
            k = torch.arange(1, embedding.multiples + 1, dtype=x.dtype)
            angle = 2.0 * math.pi / embedding.period * k * x[:, embedding.variable, None]
            others = [i for i in range(x.shape[1]) if i != embedding.variable]
            x = torch.cat([x[:, others], torch.cos(angle), torch.sin(angle)], 1)
        else:
            assert isinstance(embedding, Fourier)
            normal = np.random.default_rng(embedding.seed).standard_normal((embedding.frequencies, x.shape[1]))
            angle = 2.0 * math.pi * x @ torch.tensor(embedding.deviation * normal).T
            x = torch.cat([torch.cos(angle), torch.sin(angle)], 1)
    width = network.width
    if isinstance(network, Mlp):
        for _ in range(network.depth):
            x = s(affine(x, width))
    elif isinstance(network, Residual):
        x = affine(x, width)
        for _ in range(network.depth):
            x = x + s(affine(s(affine(x, width)), width))
    else:
        u, v, x = s(affine(x, width)), s(affine(x, width)), s(affine(x, width))
        for _ in range(network.depth - 1):
            z = s(affine(x, width))
            x = (1.0 - z) * u + z * v
    result = affine(x, network.outputs)
    assert position == theta.numel() == network.size
    return result


def streams_of(network: Architecture, theta: torch.Tensor, x: torch.Tensor, streams: Streams) -> torch.Tensor:
    return network_streams(network, theta, embedded(network.embeddings, x, streams), streams)


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_derivatives_are_those_of_nested_differentiation(network, streams):
    theta, x = theta_of(network), points_of()
    found = streams_of(network, theta, x, streams)
    expected = function_streams(lambda x: plain(network, theta, x), x, streams)
    for actual, stream in zip(found, expected, strict=True):
        assert_close(actual, stream, 1e-11)


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.exist == math.inf])
def test_fourth_derivatives_with_every_smooth_activation(name):
    network = Mlp(2, 1, 6, 2, name)
    theta, x = theta_of(network, 1), points_of()
    expected = function_streams(lambda x: plain(network, theta, x), x, FOURTH)
    for actual, stream in zip(streams_of(network, theta, x, FOURTH), expected, strict=True):
        assert_close(actual, stream, 1e-11)


@pytest.mark.parametrize(("name", "streams"), [("relu", Streams.of([(1, 0), (0, 1)])), ("relu3", Streams.of([(3, 0), (1, 2)]))])
def test_derivatives_that_exist_with_rough_activations(name, streams):
    network = Mlp(2, 1, 6, 2, name)
    theta, x = theta_of(network, 1), points_of()

    def forward(x):
        hidden = torch.relu(x @ theta[:12].reshape(6, 2).T + theta[12:18])
        hidden = hidden if name == "relu" else hidden**3
        hidden = torch.relu(hidden @ theta[18:54].reshape(6, 6).T + theta[54:60])
        hidden = hidden if name == "relu" else hidden**3
        return hidden @ theta[60:66].reshape(1, 6).T + theta[66:]

    expected = function_streams(forward, x, streams)
    for actual, stream in zip(streams_of(network, theta, x, streams), expected, strict=True):
        assert_close(actual, stream, 1e-12)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_batch_of_parameters_equals_one_at_a_time(network):
    thetas, x = torch.stack([theta_of(network, k) for k in range(6)]).reshape(2, 3, -1), points_of()
    together = streams_of(network, thetas, x, FOURTH)
    assert together.shape == (2, 3, FOURTH.count, 4, network.outputs)
    for index in np.ndindex(2, 3):
        assert_close(together[index], streams_of(network, thetas[index], x, FOURTH), 1e-13)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_gradients_and_second_derivatives_in_the_parameters(network):
    theta, x = theta_of(network, 3), points_of(3)
    streams = SETS["heat"]
    factors = torch.cos(torch.arange(streams.count, dtype=x.dtype))[:, None, None]

    def mixed(found):
        return (factors * found * (1.0 + found)).sum()

    a, b = theta.clone().requires_grad_(), theta.clone().requires_grad_()
    actual, expected = mixed(streams_of(network, a, x, streams)), None
    y = x.clone().requires_grad_()
    value = plain(network, b, y)
    columns = []
    for column in value.unbind(1):
        (slope,) = torch.autograd.grad(column.sum(), y, create_graph=True)
        (second,) = torch.autograd.grad(slope[:, 0].sum(), y, create_graph=True)
        columns.append(torch.stack([column, slope[:, 0], slope[:, 1], second[:, 0]]))
    expected = mixed(torch.stack(columns, -1))
    v = theta_of(network, 4)
    for loss, leaf in ((actual, a), (expected, b)):
        (gradient,) = torch.autograd.grad(loss, leaf, create_graph=True)
        (product,) = torch.autograd.grad(gradient @ v, leaf)
        leaf.found = gradient.detach(), product
    for one, other in zip(a.found, b.found, strict=True):
        assert_close(one, other, 1e-10)


def test_layouts_and_initial_parameters_of_the_plain_network_are_those_of_before():
    old, new = Network(2, 1, 5, 3), Mlp(2, 1, 5, 3)
    assert new.layers == old.layers
    assert new.layout.permutable
    assert new.size == old.size
    for name in ("glorot", "lecun", "he"):
        np.testing.assert_array_equal(new.initial(name, 3), old.initial(name, 3))
    with pytest.raises(ValueError, match="`initialization` must be one of glorot, lecun, he, not 'zero'"):
        new.initial("zero", 0)


def test_units_of_residual_and_modified_networks_cannot_be_permuted_independently():
    assert not Residual(2, 1, 5, 2).layout.permutable
    assert not Modified(2, 1, 5, 2).layout.permutable
    sizes = [(layer.fan_in, layer.fan_out) for layer in Modified(2, 1, 5, 3).layers]
    assert sizes == [(2, 5), (2, 5), (2, 5), (5, 5), (5, 5), (5, 1)]
    sizes = [(layer.fan_in, layer.fan_out) for layer in Residual(2, 1, 5, 1, embeddings=(Fourier(4),)).layers]
    assert sizes == [(8, 5), (5, 5), (5, 5), (5, 1)]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Mlp(1, 1, 4, 0), "`depth` of a mlp network must be at least 1, not 0"),
        (lambda: Modified(1, 1, 4, 1), "`depth` of a modified network must be at least 2, not 1"),
        (
            lambda: Mlp(1, 1, 4, 1, "relu2"),
            "`activation` must be one of tanh, sin, swish, softplus, relu, relu3, gelu, not 'relu2'",
        ),
        (lambda: Box((0.0,), (0.0,)), "`lower` must be below `upper` in each variable"),
        (lambda: Periodic(0, -1.0), "`period` must be above 0 and `multiples` at least 1, not -1.0 and 1"),
        (lambda: Fourier(0), "`frequencies` must be at least 1 and `deviation` above 0, not 0 and 1.0"),
    ],
)
def test_descriptions_that_make_no_network_are_refused(make, text):
    with pytest.raises(ValueError, match=f"^{text}"):
        make()


def test_a_periodic_embedding_makes_the_network_periodic():
    network = NETWORKS["modified-periodic"]
    x = points_of()
    shifted = x + torch.tensor([2.0 * math.pi, 0.0], dtype=x.dtype)
    a, b = (streams_of(network, theta_of(network), points, FOURTH) for points in (x, shifted))
    assert_close(a, b, 1e-12)
