"""Weight matching: the function stays, copies are found again, the distance does not grow."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from cases import small
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.connectivity import alignment
from pinnscape.networks.architectures import Mlp
from pinnscape.networks.matching import Matching, apply, random_matching

SIZES = {"width": st.integers(1, 7), "depth": st.integers(1, 4), "seed": st.integers(0, 10**6)}


def random_theta(network: Mlp, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(network.size)


@given(**SIZES, odd=st.booleans())
def test_a_permuted_copy_with_flipped_signs_is_found_again_exactly(width, depth, seed, odd):
    network = Mlp(2, 2, width, depth)
    theta = random_theta(network, seed)
    hidden = random_matching(network.layers, odd, np.random.default_rng(seed + 1))
    copy = apply(network.layers, theta, hidden)
    found, _ = alignment.align(network.layers, theta, copy, odd, 0, 0)
    np.testing.assert_allclose(found, theta, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("activation", "odd"), [("tanh", True), ("sin", True), ("swish", False), ("softplus", False)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_alignment_leaves_the_solution_unchanged(activation, odd, depth):
    discretized = small("neo_hookean2d", width=5, depth=depth, activation=activation)
    reference, theta = (random_theta(discretized.network, seed) for seed in (0, 1))
    assert discretized.network.layout.odd == odd
    found, matching = alignment.align(discretized.network.layers, reference, theta, odd, 3, 0)
    assert matching.moved > 0
    assert odd or all((sign > 0).all() for sign in matching.signs)
    points = torch.rand(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before, after = (discretized.at(torch.tensor(parameters), points) for parameters in (theta, found))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["swish", "softplus"])
def test_a_flipped_sign_would_change_a_network_that_is_not_odd(activation):
    discretized = small(width=3, depth=1, activation=activation)
    theta = random_theta(discretized.network, 0)
    flipped = Matching((np.arange(3),), (np.array([1.0, -1.0, 1.0]),))
    found = apply(discretized.network.layers, theta, flipped)
    points = torch.full((1, 2), 0.3, dtype=torch.float64)
    assert (discretized.at(torch.tensor(found), points) - discretized.at(torch.tensor(theta), points)).abs() > 1e-3


@given(**SIZES, odd=st.booleans())
def test_the_distance_never_grows_and_only_places_and_signs_change(width, depth, seed, odd):
    network = Mlp(1, 1, width, depth)
    reference, theta = random_theta(network, seed), random_theta(network, seed + 1)
    found, matching = alignment.align(network.layers, reference, theta, odd, 1, 0)
    assert np.linalg.norm(found - reference) <= np.linalg.norm(theta - reference)
    np.testing.assert_array_equal(np.sort(np.abs(found)), np.sort(np.abs(theta)))
    np.testing.assert_array_equal(apply(network.layers, theta, matching), found)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), odd=st.booleans())
def test_one_hidden_layer_gets_the_closest_of_all_matchings(seed, odd):
    network = Mlp(2, 1, 3, 1)
    reference, theta = random_theta(network, seed), random_theta(network, seed + 1)
    found, _ = alignment.align(network.layers, reference, theta, odd, 0, 0)
    signs = product([-1.0, 1.0], repeat=3) if odd else [(1.0, 1.0, 1.0)]
    every = [
        apply(network.layers, theta, Matching((np.array(order),), (np.array(sign),)))
        for order, sign in product(permutations(range(3)), list(signs))
    ]
    assert np.linalg.norm(found - reference) == pytest.approx(min(np.linalg.norm(copy - reference) for copy in every))


def test_more_starts_come_no_less_close_and_equal_seeds_give_equal_results():
    network = Mlp(2, 1, 12, 3)
    reference, theta = random_theta(network, 0), random_theta(network, 1)
    few, many, again = (alignment.align(network.layers, reference, theta, True, n, 3)[0] for n in (0, 20, 20))
    assert np.linalg.norm(many - reference) < np.linalg.norm(few - reference)
    np.testing.assert_array_equal(many, again)


def test_a_point_aligned_to_itself_stays():
    network = Mlp(2, 1, 6, 2)
    theta = random_theta(network, 0)
    found, matching = alignment.align(network.layers, theta, theta, True, 3, 0)
    np.testing.assert_array_equal(found, theta)
    assert matching.moved == 0
