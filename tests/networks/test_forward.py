"""Networks with their derivatives against nested automatic differentiation of plain forward passes."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from naive import assert_close, derivatives, forward, random_points, random_theta

from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.architectures import Architecture, Mlp, Modified, Residual
from pinnscape.networks.embeddings import Box, Fourier, Periodic, embedded
from pinnscape.networks.forward import function_streams, network_streams
from pinnscape.networks.streams import Streams, unit

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


def points_of(number: int = 4, seed: int = 0) -> torch.Tensor:
    return random_points(number, 2, seed)


def streams_of(network: Architecture, theta: torch.Tensor, x: torch.Tensor, streams: Streams) -> torch.Tensor:
    return network_streams(network, theta, embedded(network.embeddings, x, streams), streams)


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_derivatives_are_those_of_nested_differentiation(network, streams):
    theta, x = random_theta(network), points_of()
    found = streams_of(network, theta, x, streams)
    expected = function_streams(lambda x: forward(network, theta, x), x, streams)
    for actual, stream in zip(found, expected, strict=True):
        assert_close(actual, stream, 1e-11)


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.exist == math.inf])
def test_fourth_derivatives_with_every_smooth_activation(name):
    network = Mlp(2, 1, 6, 2, name)
    theta, x = random_theta(network, 1), points_of()
    expected = function_streams(lambda x: forward(network, theta, x), x, FOURTH)
    for actual, stream in zip(streams_of(network, theta, x, FOURTH), expected, strict=True):
        assert_close(actual, stream, 1e-11)


@pytest.mark.parametrize(("name", "streams"), [("relu", Streams.of([(1, 0), (0, 1)])), ("relu3", Streams.of([(3, 0), (1, 2)]))])
def test_derivatives_that_exist_with_rough_activations(name, streams):
    network = Mlp(2, 1, 6, 2, name)
    theta, x = random_theta(network, 1), points_of()
    expected = function_streams(lambda x: forward(network, theta, x), x, streams)
    for actual, stream in zip(streams_of(network, theta, x, streams), expected, strict=True):
        assert_close(actual, stream, 1e-12)


SIZES = list(itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3)))  # inputs, outputs, depth
PLAIN = [Mlp(d, c, 5, depth, name) for (d, c, depth), name in zip(SIZES, itertools.cycle(["tanh", "sin", "swish", "softplus"]))]


@pytest.mark.parametrize("network", PLAIN, ids=lambda n: f"{n.activation}-{n.inputs}-{n.outputs}-{n.depth}")
def test_first_and_second_derivatives_for_all_numbers_of_inputs_outputs_and_layers(network):
    theta, x, d = random_theta(network, 1), random_points(6, network.inputs), network.inputs
    value, gradient, hessian = derivatives(lambda x: forward(network, theta, x), x)
    expected = {(0,) * d: value}
    for i, j in itertools.product(range(d), repeat=2):
        expected[unit(d, i)], expected[unit(d, i, j)] = gradient[..., i], hessian[..., i, j]
    full, laplacian = Streams.of([unit(d, i, j) for i in range(d) for j in range(d)]), Streams.of([(0,) * d], range(d))
    for monomial, stream in zip(full.monomials, streams_of(network, theta, x, full), strict=True):
        assert_close(stream, expected[monomial], 1e-12)
    assert_close(streams_of(network, theta, x, laplacian)[-1], torch.einsum("...ii->...", hessian), 1e-12)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_batch_of_parameters_equals_one_at_a_time(network):
    thetas, x = torch.stack([random_theta(network, k) for k in range(6)]).reshape(2, 3, -1), points_of()
    together = streams_of(network, thetas, x, FOURTH)
    assert together.shape == (2, 3, FOURTH.count, 4, network.outputs)
    for index in np.ndindex(2, 3):
        assert_close(together[index], streams_of(network, thetas[index], x, FOURTH), 1e-13)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_gradients_and_second_derivatives_in_the_parameters(network):
    theta, x = random_theta(network, 3), points_of(3)
    streams = SETS["heat"]
    factors = torch.cos(torch.arange(streams.count, dtype=x.dtype))[:, None, None]

    def mixed(found):
        return (factors * found * (1.0 + found)).sum()

    a, b = theta.clone().requires_grad_(), theta.clone().requires_grad_()
    actual, expected = mixed(streams_of(network, a, x, streams)), None
    y = x.clone().requires_grad_()
    value = forward(network, b, y)
    columns = []
    for column in value.unbind(1):
        (slope,) = torch.autograd.grad(column.sum(), y, create_graph=True)
        (second,) = torch.autograd.grad(slope[:, 0].sum(), y, create_graph=True)
        columns.append(torch.stack([column, slope[:, 0], slope[:, 1], second[:, 0]]))
    expected = mixed(torch.stack(columns, -1))
    v = random_theta(network, 4)
    for loss, leaf in ((actual, a), (expected, b)):
        (gradient,) = torch.autograd.grad(loss, leaf, create_graph=True)
        (product,) = torch.autograd.grad(gradient @ v, leaf)
        leaf.found = gradient.detach(), product
    for one, other in zip(a.found, b.found, strict=True):
        assert_close(one, other, 1e-10)


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.exist > 1])
def test_derivatives_in_the_parameters_agree_with_finite_differences(name):
    network, streams = Mlp(2, 1, 3, 2, name), Streams.of([(2, 0), (1, 1), (0, 2)])
    # Of relu3 the second derivatives of second derivatives have jumps; at these parameters none is near.
    theta, x = random_theta(network, 5).requires_grad_(), points_of(2)

    def loss(theta):
        found = streams_of(network, theta, x, streams)
        return found[3:].square().sum() + (found[1:3] * found[:1]).sum()

    assert torch.autograd.gradcheck(loss, theta)
    if name != "relu3":  # whose fourth derivative is no function
        assert torch.autograd.gradgradcheck(loss, theta)


@hypothesis_settings(max_examples=25)
@given(permutation=st.permutations(range(5)), network=st.sampled_from(list(NETWORKS.values())))
def test_permuting_the_points_permutes_the_streams(permutation, network):
    theta, x = random_theta(network), points_of(5)
    before, after = (streams_of(network, theta, points, FOURTH) for points in (x, x[list(permutation)]))
    assert_close(after, before[:, list(permutation)], 1e-13)


# A scalar factor and a field with 2 components, both of every variable.
def factor(x):
    return torch.exp(-x.sum(-1, keepdim=True)) * (1.0 + x.prod(-1, keepdim=True)) + x[..., :1] ** 3


def two_fields(x):
    return torch.stack([torch.sin(2.0 * x.sum(-1)) * x[..., 0], torch.cos(x[..., -1]) + x.square().sum(-1)], -1)


def second(dimension):
    """All derivatives to the second order, and the Laplacian."""
    return Streams.of([unit(dimension, i, j) for i in range(dimension) for j in range(i, dimension)], range(dimension))


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("function", [factor, two_fields])
def test_streams_of_a_function_have_the_derivatives_of_nested_differentiation(function, dimension):
    x, streams = random_points(5, dimension), second(dimension)
    value, gradient, hessian = derivatives(function, x)
    seconds = [hessian[..., i, j] for i in range(dimension) for j in range(i, dimension)]
    expected = [value, *gradient.unbind(-1), *seconds, torch.einsum("...ii->...", hessian)]
    for stream, other in zip(function_streams(function, x, streams), expected, strict=True):
        assert_close(stream, other, 1e-13)


def test_streams_of_a_function_are_there_where_gradients_are_off_and_leave_nothing_to_differentiate():
    x = points_of()
    with torch.no_grad():
        found = function_streams(two_fields, x, second(2))
    assert torch.equal(found, function_streams(two_fields, x, second(2)))
    assert not found.requires_grad
    assert not x.requires_grad


def test_streams_of_a_constant_function_and_of_a_polynomial_by_hand():
    constant = function_streams(lambda x: torch.full((*x.shape[:-1], 2), 3.0, dtype=x.dtype), points_of(), second(2))
    assert constant.shape == (7, 4, 2)
    assert torch.equal(constant[0], torch.full((4, 2), 3.0, dtype=torch.float64))
    assert not constant[1:].any()
    at = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    found = function_streams(lambda x: x[..., :1] ** 2 * x[..., 1:] ** 3, at, second(2))
    assert found.flatten().tolist() == [4 * 27, 2 * 2 * 27, 4 * 3 * 9, 2 * 27, 4 * 27, 4 * 6 * 3, 54 + 72]


def test_streams_of_a_function_at_many_points_are_computed_in_blocks(monkeypatch):
    x, sizes = points_of(10), []

    def counted(x):
        sizes.append(len(x))
        return two_fields(x)

    monkeypatch.setattr("pinnscape.networks.forward._POINTS", 4)
    found = function_streams(counted, x, second(2))
    assert sizes == [4, 4, 2]
    assert_close(found, torch.cat([function_streams(two_fields, block, second(2)) for block in x.split(4)], 1), 1e-15)


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
    a, b = (streams_of(network, random_theta(network), points, FOURTH) for points in (x, shifted))
    assert_close(a, b, 1e-12)
