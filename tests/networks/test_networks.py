"""Layout and initialisation of networks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout_cases import stored

from pinnscape.networks.architectures import Mlp
from pinnscape.networks.layout import Layer, layout_of

networks = st.builds(Mlp, inputs=st.integers(1, 3), outputs=st.integers(1, 3), width=st.integers(1, 7), depth=st.integers(1, 4))


@given(networks)
def test_layers_partition_the_parameter_vector(network):
    covered = [np.arange(network.size)[part] for layer in network.layers for part in (layer.weights, layer.biases)]
    np.testing.assert_array_equal(np.concatenate(covered), np.arange(network.size))


@given(networks)
def test_layers_have_the_sizes_of_the_architecture(network):
    assert len(network.layers) == network.depth + 1
    assert network.layers[0].fan_in == network.inputs
    assert network.layers[-1].fan_out == network.outputs
    for before, after in itertools.pairwise(network.layers):
        assert before.fan_out == after.fan_in == network.width


def test_a_layout_by_hand():
    network = Mlp(inputs=2, outputs=1, width=3, depth=2)
    assert network.layers == (Layer(2, 3, 0), Layer(3, 3, 9), Layer(3, 1, 21))
    assert (network.layers[1].weights, network.layers[1].biases) == (slice(9, 18), slice(18, 21))
    assert network.size == 25
    assert network.layout.permutable
    assert network.layout.odd


@given(networks)
def test_filters_partition_the_parameter_vector_into_neurons(network):
    rows = list(network.layout.filters())
    assert len(rows) == network.depth * network.width + network.outputs
    indices = np.concatenate([np.append(weights, bias) for weights, bias in rows])
    np.testing.assert_array_equal(np.sort(indices), np.arange(network.size))


def test_a_filter_is_a_row_of_the_weight_matrix_with_its_bias():
    (first, bias), (second, _), *_ = Mlp(2, 1, 3, 1).layout.filters()
    assert (list(first), list(bias)) == ([0, 1], [6])
    assert list(second) == [2, 3]


@given(networks)
def test_layout_survives_a_round_trip_through_file_variables(network):
    assert layout_of(stored(network.layout)) == network.layout


@given(networks)
def test_stored_positions_are_those_of_the_schema(network):
    """A tensor is theta[block_offset:][:size].reshape(shape); results/README.md."""
    layout, theta = stored(network.layout), np.arange(network.size)
    for k, layer in enumerate(network.layers):
        for part, own in ((layer.weights, layout.sel(block=f"{k}.weight")), (layer.biases, layout.sel(block=f"{k}.bias"))):
            shape = [int(n) for n in str(own["block_shape"].values).split(", ")]
            found = theta[int(own["block_offset"]) :][: np.prod(shape)].reshape(shape)
            np.testing.assert_array_equal(found.ravel(), theta[part])


@pytest.mark.parametrize(
    ("initialization", "variance"),
    [
        ("glorot", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("lecun", lambda fan_in, fan_out: 1 / fan_in),
        ("he", lambda fan_in, fan_out: 2 / fan_in),
    ],
)
def test_initial_weights_are_normal_with_the_variance_of_the_rule(initialization, variance):
    network = Mlp(inputs=2, outputs=3, width=60, depth=2)
    draws = np.stack([network.initial(initialization, seed) for seed in range(100)])
    for layer in network.layers:
        z = draws[:, layer.weights].ravel() / np.sqrt(variance(layer.fan_in, layer.fan_out))
        deviation = 1 / np.sqrt(z.size)  # of the mean; sqrt(2) of it for the variance, sqrt(96) for the fourth moment
        assert abs(z.mean()) < 4 * deviation
        assert abs(z.var() - 1) < 4 * np.sqrt(2) * deviation
        assert abs((z**4).mean() - 3) < 4 * np.sqrt(96) * deviation


@pytest.mark.parametrize("initialization", ["glorot", "lecun", "he"])
def test_initial_biases_are_zero_and_weights_are_not(initialization):
    network = Mlp(2, 2, 5, 3)
    theta = network.initial(initialization, 0)
    assert theta.dtype == np.float64
    for layer in network.layers:
        assert not theta[layer.biases].any()
        assert theta[layer.weights].all()


def test_equal_seeds_give_equal_parameters_and_others_do_not():
    network = Mlp(2, 1, 8, 2)
    np.testing.assert_array_equal(network.initial("glorot", 5), network.initial("glorot", 5))
    assert not np.isclose(network.initial("glorot", 5), network.initial("glorot", 6))[network.layers[0].weights].any()


def test_an_unknown_initialization_is_refused_with_those_known():
    with pytest.raises(ValueError, match=r"^`initialization` must be one of glorot, lecun, he, not 'xavier'$"):
        Mlp(1, 1, 2, 1).initial("xavier", 0)
