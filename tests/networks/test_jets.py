"""Jets of networks, products and sums against nested automatic differentiation."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from naive import assert_close, derivatives, forward, random_points, random_theta

from pinnscape.networks.jets import ACTIVATIONS, Jet, function_jet, network_jet, pairs, product_jet, sum_jet, symmetric
from pinnscape.networks.mlp import Network

PARTS = {"value": ("value",), "gradient": ("value", "gradient"), "laplacian": ("value", "gradient", "laplacian")}
PARTS["hessian"] = ("value", "gradient", "hessian")
ORDERS = list(PARTS)
SIZES = list(itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3)))  # inputs, outputs, depth
NETWORKS = [Network(d, c, 5, depth, name) for (d, c, depth), name in itertools.product(SIZES, ACTIVATIONS)]
FEW = [Network(1, 1, 4, 1, "swish"), Network(2, 1, 5, 2, "tanh"), Network(2, 2, 4, 3, "sin"), Network(3, 2, 4, 2, "softplus")]


def label(network: Network) -> str:
    return f"{network.activation}-{network.inputs}-{network.outputs}-{network.depth}"


def trace(hessian: torch.Tensor) -> torch.Tensor:
    return torch.einsum("...ii->...", hessian)


@pytest.mark.parametrize("network", NETWORKS, ids=label)
def test_all_derivatives_agree_with_nested_differentiation_of_the_plain_forward_pass(network):
    theta, x = random_theta(network, 1), random_points(6, network.inputs)
    value, gradient, hessian = derivatives(lambda x: forward(network, theta, x), x)
    expected = {"value": value, "gradient": gradient, "hessian": hessian, "laplacian": trace(hessian)}
    for order in ORDERS:
        jet = network_jet(network, theta, x, order)
        for part in PARTS[order]:
            assert_close(getattr(jet, part), expected[part], 1e-12)


@pytest.mark.parametrize("network", FEW, ids=label)
@pytest.mark.parametrize("order", ORDERS)
def test_a_jet_holds_what_is_asked_for_and_no_more(network, order):
    jet = network_jet(network, random_theta(network), random_points(3, network.inputs), order)
    assert tuple(part for part in ("gradient", "laplacian", "hessian") if jet.has(part)) == PARTS[order][1:]


def test_a_derivative_that_was_not_computed_is_refused_with_those_that_were():
    jet = network_jet(FEW[0], random_theta(FEW[0]), random_points(3, 1), "gradient")
    with pytest.raises(ValueError, match=r"^the jet has no hessian; ask for order 'hessian' \(it has value, gradient\)$"):
        _ = jet.hessian


@pytest.mark.parametrize("network", FEW, ids=label)
def test_the_hessian_is_symmetric_to_the_last_bit(network):
    hessian = network_jet(network, random_theta(network), random_points(5, network.inputs), "hessian").hessian
    assert torch.equal(hessian, hessian.transpose(-1, -2))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives_are_those_of_autograd(name):
    z = torch.linspace(-30.0, 30.0, 301, dtype=torch.float64)  # beyond the threshold of torch's softplus, 20
    plain = {
        "tanh": torch.tanh,
        "sin": torch.sin,
        "swish": torch.nn.functional.silu,
        "softplus": lambda z: torch.log(1 + torch.exp(z)),
    }
    first = torch.func.vmap(torch.func.grad(plain[name]))
    second = torch.func.vmap(torch.func.grad(torch.func.grad(plain[name])))
    for actual, expected in zip(ACTIVATIONS[name](z, True), (plain[name](z), first(z), second(z)), strict=True):
        assert_close(actual, expected, 1e-14)
    assert ACTIVATIONS[name](z, False)[2] is None


@pytest.mark.parametrize(("name", "right", "left"), [("tanh", 1.0, -1.0), ("swish", 1e3, 0.0), ("softplus", 1e3, 0.0)])
def test_saturated_activations_keep_their_limits(name, right, left):
    s, first, second = ACTIVATIONS[name](torch.tensor([1e3, -1e3], dtype=torch.float64), True)
    np.testing.assert_allclose(s, [right, left], rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(first, [0.0 if name == "tanh" else 1.0, 0.0], atol=1e-300)
    np.testing.assert_allclose(second, 0.0, atol=1e-300)


@pytest.mark.parametrize("network", FEW, ids=label)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch", [(1,), (3,), (2, 3)])
def test_a_batch_of_parameters_equals_one_at_a_time(network, order, batch):
    thetas = torch.stack([random_theta(network, k) for k in range(math.prod(batch))]).reshape(*batch, -1)
    x = random_points(4, network.inputs)
    together = network_jet(network, thetas, x, order)
    for index in np.ndindex(*batch):
        alone = network_jet(network, thetas[index], x, order)
        for part in PARTS[order]:
            assert_close(getattr(together, part)[index], getattr(alone, part), 1e-13)


@hypothesis_settings(max_examples=25)
@given(permutation=st.permutations(range(5)), network=st.sampled_from(FEW), order=st.sampled_from(ORDERS))
def test_permuting_the_batch_permutes_the_jets(permutation, network, order):
    thetas, x = torch.stack([random_theta(network, k) for k in range(5)]), random_points(3, network.inputs)
    before, after = network_jet(network, thetas, x, order), network_jet(network, thetas[list(permutation)], x, order)
    for part in PARTS[order]:
        assert_close(getattr(after, part), getattr(before, part)[list(permutation)], 1e-13)


@hypothesis_settings(max_examples=25)
@given(permutation=st.permutations(range(5)), network=st.sampled_from(FEW))
def test_permuting_the_points_permutes_the_jets(permutation, network):
    theta, x = random_theta(network), random_points(5, network.inputs)
    before, after = network_jet(network, theta, x, "hessian"), network_jet(network, theta, x[list(permutation)], "hessian")
    for part in PARTS["hessian"]:
        assert_close(getattr(after, part), getattr(before, part)[list(permutation)], 1e-13)


@pytest.mark.parametrize("network", FEW, ids=label)
@pytest.mark.parametrize("order", ORDERS)
def test_gradients_with_respect_to_the_parameters_are_those_of_the_plain_forward_pass(network, order):
    theta, x = random_theta(network, 3), random_points(4, network.inputs)

    def mixed(parts):
        """A loss in which every entry of every part has its own factor."""
        return sum((torch.cos(torch.arange(p.numel(), dtype=p.dtype)).reshape(p.shape) * p * (1 + p)).sum() for p in parts)

    def through_jets(theta):
        jet = network_jet(network, theta, x, order)
        return mixed([getattr(jet, part) for part in PARTS[order]])

    def plain(theta):
        value, gradient, hessian = derivatives(lambda x: forward(network, theta, x), x)
        parts = {"value": value, "gradient": gradient, "laplacian": trace(hessian), "hessian": hessian}
        return mixed([parts[part] for part in PARTS[order]])

    a, b = theta.clone().requires_grad_(), theta.clone().requires_grad_()
    (actual,) = torch.autograd.grad(through_jets(a), a)
    (expected,) = torch.autograd.grad(plain(b), b)
    assert_close(actual, expected, 1e-11)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_and_second_derivatives_in_the_parameters_agree_with_finite_differences(name):
    network = Network(2, 1, 3, 2, name)
    theta, x = random_theta(network, 5).requires_grad_(), random_points(2, 2)

    def loss(theta):
        jet = network_jet(network, theta, x, "hessian")
        return jet.hessian.square().sum() + (jet.gradient * jet.value.unsqueeze(-1)).sum()

    assert torch.autograd.gradcheck(loss, theta)
    assert torch.autograd.gradgradcheck(loss, theta)


# A scalar factor and a field with 2 components, both of every variable.
def factor(x):
    return torch.exp(-x.sum(-1, keepdim=True)) * (1.0 + x.prod(-1, keepdim=True)) + x[..., :1] ** 3


def two_fields(x):
    return torch.stack([torch.sin(2.0 * x.sum(-1)) * x[..., 0], torch.cos(x[..., -1]) + x.square().sum(-1)], -1)


def ordered(jet: Jet, order: str) -> Jet:
    return Jet(**{part: getattr(jet, part) for part in PARTS[order]})


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("function", [factor, two_fields])
def test_the_jet_of_a_function_has_the_derivatives_of_nested_differentiation(function, dimension):
    x = random_points(5, dimension)
    value, gradient, hessian = derivatives(function, x)
    jet = function_jet(function, x)
    for actual, expected in (
        (jet.value, value),
        (jet.gradient, gradient),
        (jet.hessian, hessian),
        (jet.laplacian, trace(hessian)),
    ):
        assert_close(actual, expected, 1e-13)


def test_the_jet_of_a_function_has_its_derivatives_where_gradients_are_off_and_leaves_nothing_to_differentiate():
    x = random_points(4, 2)
    with torch.no_grad():
        jet = function_jet(two_fields, x)
    expected = function_jet(two_fields, x)
    for part in ("value", "gradient", "hessian", "laplacian"):
        assert torch.equal(getattr(jet, part), getattr(expected, part))
        assert not getattr(jet, part).requires_grad
    assert not x.requires_grad


def test_the_jet_of_a_constant_function_has_zero_derivatives():
    jet = function_jet(lambda x: torch.full((*x.shape[:-1], 2), 3.0, dtype=x.dtype), random_points(4, 2))
    assert jet.value.shape == (4, 2)
    assert torch.equal(jet.gradient, torch.zeros(4, 2, 2, dtype=torch.float64))
    assert torch.equal(jet.hessian, torch.zeros(4, 2, 2, 2, dtype=torch.float64))


def test_the_jet_of_a_polynomial_by_hand():
    jet = function_jet(lambda x: x[..., :1] ** 2 * x[..., 1:] ** 3, torch.tensor([[2.0, 3.0]], dtype=torch.float64))
    assert jet.value.item() == 4 * 27
    assert jet.gradient.squeeze().tolist() == [2 * 2 * 27, 4 * 3 * 9]
    assert jet.hessian.squeeze().tolist() == [[2 * 27, 4 * 27], [4 * 27, 4 * 6 * 3]]
    assert jet.laplacian.item() == 54 + 72


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_product_and_sum_have_the_derivatives_of_the_product_and_the_sum(dimension, order):
    x = random_points(5, dimension)
    a, u = function_jet(factor, x), ordered(function_jet(two_fields, x), order)
    for made, function in (
        (product_jet(a, u), lambda x: factor(x) * two_fields(x)),
        (sum_jet(a, u), lambda x: factor(x) + two_fields(x)),
    ):
        value, gradient, hessian = derivatives(function, x)
        expected = {"value": value, "gradient": gradient, "hessian": hessian, "laplacian": trace(hessian)}
        for part in ("value", "gradient", "laplacian", "hessian"):
            if part in PARTS[order]:
                assert_close(getattr(made, part) + torch.zeros_like(expected[part]), expected[part], 1e-13)
            else:
                assert not made.has(part)


@pytest.mark.parametrize("order", ORDERS)
def test_product_and_sum_are_batched_as_the_network_is(order):
    network, x = Network(2, 2, 4, 2), random_points(5, 2)
    thetas = torch.stack([random_theta(network, k) for k in range(6)]).reshape(2, 3, -1)
    a, lift = function_jet(factor, x), function_jet(two_fields, x)
    together = sum_jet(lift, product_jet(a, network_jet(network, thetas, x, order)))
    alone = sum_jet(lift, product_jet(a, network_jet(network, thetas[1, 2], x, order)))
    for part in PARTS[order]:
        assert getattr(together, part).shape == (2, 3, *getattr(alone, part).shape)
        assert_close(getattr(together, part)[1, 2], getattr(alone, part), 1e-13)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_symmetric_puts_the_upper_triangle_in_its_places(dimension):
    indices = pairs(dimension)
    assert len(indices) == dimension * (dimension + 1) // 2
    upper = torch.arange(1.0, len(indices) + 1)
    matrix = symmetric(upper.expand(3, -1), dimension)[1]
    assert torch.equal(matrix, matrix.T)
    assert [matrix[i, j].item() for i, j in indices] == upper.tolist()
