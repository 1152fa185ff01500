"""Directions: which norms they have, that planes are what they are called, and that coordinates reproduce points."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.landscape import directions
from pinnscape.landscape.directions import BIASES, NORMALIZATIONS
from pinnscape.networks.architectures import Mlp
from pinnscape.networks.layout import Layer, Layout

ways = pytest.mark.parametrize(("normalization", "bias"), [(n, b) for n in NORMALIZATIONS for b in BIASES])
networks = st.builds(Mlp, st.integers(1, 3), st.integers(1, 2), st.integers(2, 7), st.integers(1, 3))
seeds = st.integers(0, 10_000)


def theta(network: Mlp, seed: int = 0) -> np.ndarray:
    """Parameters of very different sizes."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(network.size) * 10.0 ** rng.uniform(-3, 3, network.size)


def matrices(network: Mlp, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of each layer, read from front to back."""
    sizes, position, found = [network.inputs, *[network.width] * network.depth, network.outputs], 0, []
    for fan_in, fan_out in pairwise(sizes):
        weights = flat[position : position + fan_in * fan_out].reshape(fan_out, fan_in)
        position += fan_in * fan_out
        found.append((weights, flat[position : position + fan_out]))
        position += fan_out
    return found


def norms(network: Mlp, flat: np.ndarray, normalization: str, bias: str) -> np.ndarray:
    """Norms of all parts that are scaled together."""
    if normalization == "global":
        parts = [weights.ravel() for weights, _ in matrices(network, flat)] if bias == "zero" else [flat]
        return np.array([np.linalg.norm(np.concatenate(parts))])
    found: list[float] = []
    for weights, biases in matrices(network, flat):
        if normalization == "filter" and bias == "row":
            found += [np.hypot(np.linalg.norm(w), b) for w, b in zip(weights, biases, strict=True)]
        elif normalization == "filter":
            found += [np.linalg.norm(w) for w in weights]
        elif bias == "row":
            found.append(np.hypot(np.linalg.norm(weights), np.linalg.norm(biases)))
        else:
            found.append(np.linalg.norm(weights))
        if bias == "own":
            found.append(np.linalg.norm(biases))
    return np.array(found)


def has_its_norms(network: Mlp, direction: np.ndarray, origin: np.ndarray, normalization: str, bias: str) -> bool:
    ours, theirs = (norms(network, flat, normalization, bias) for flat in (direction, origin))
    zero = all((biases == 0).all() for _, biases in matrices(network, direction))
    return np.allclose(ours, theirs, rtol=1e-12, atol=0.0) and (zero if bias == "zero" else True)


# ---- normalisation ----


@ways
@settings(max_examples=25)
@given(network=networks, seed=seeds)
def test_every_part_has_the_norm_that_it_has_in_theta(normalization, bias, network, seed):
    origin = theta(network, seed)
    for direction in directions.random(origin, network.layout, 2, seed, normalization, bias):
        assert normalization == "none" or has_its_norms(network, direction, origin, normalization, bias)
        assert bias != "zero" or all((biases == 0.0).all() for _, biases in matrices(network, direction))


@ways
def test_parts_are_scaled_and_not_turned(normalization, bias):
    network = Mlp(2, 1, 4, 2)
    origin, raw = theta(network, 1), np.random.default_rng(2).standard_normal(network.size)
    found = directions.normalize(raw, origin, network.layout, normalization, bias)
    for (w, b), (raw_w, raw_b) in zip(matrices(network, found), matrices(network, raw), strict=True):
        for row, raw_row in zip(w, raw_w, strict=True):
            ratios = row / raw_row
            np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)
            assert ratios[0] > 0
        assert (b == 0.0).all() if bias == "zero" else (b / raw_b > 0).all()


def test_layer_norms_are_not_filter_norms():
    network = Mlp(2, 1, 5, 2)
    origin = theta(network)
    layerwise = directions.random(origin, network.layout, 1, 3, "layer", "row")[0]
    assert has_its_norms(network, layerwise, origin, "layer", "row")
    assert not has_its_norms(network, layerwise, origin, "filter", "row")
    filterwise = directions.random(origin, network.layout, 1, 3, "filter", "row")[0]
    assert has_its_norms(network, filterwise, origin, "layer", "row")  # filters make up a layer


def test_none_leaves_a_direction_as_it_is():
    network = Mlp(2, 1, 3, 1)
    raw = np.random.default_rng(0).standard_normal(network.size)
    for bias in ("row", "own"):
        assert np.array_equal(directions.normalize(raw, theta(network), network.layout, "none", bias), raw)


def test_a_direction_worked_out_by_hand():
    layout = Layout.of([Layer(2, 2, 0)])  # weights (2, 2), biases (2,)
    origin = np.array([3.0, 4.0, 0.0, 2.0, 12.0, 0.0])
    raw = np.array([1.0, 0.0, 0.0, -1.0, 0.0, 1.0])
    expected = {
        ("filter", "row"): [13.0, 0.0, 0.0, -np.sqrt(2.0), 0.0, np.sqrt(2.0)],
        ("filter", "own"): [5.0, 0.0, 0.0, -2.0, 0.0, 12.0],
        ("filter", "zero"): [5.0, 0.0, 0.0, -2.0, 0.0, 0.0],
        ("layer", "own"): np.array([1.0, 0.0, 0.0, -1.0, 0.0, 0.0]) * np.sqrt(29.0 / 2.0) + [0, 0, 0, 0, 0, 12.0],
        ("global", "row"): raw * np.sqrt(173.0 / 3.0),
    }
    for (normalization, bias), values in expected.items():
        np.testing.assert_allclose(directions.normalize(raw, origin, layout, normalization, bias), values, rtol=1e-14)


@pytest.mark.parametrize("bias", BIASES)
def test_a_filter_that_is_zero_in_theta_does_not_move(bias):
    network = Mlp(2, 1, 3, 2)
    origin = theta(network)
    (weights, biases), *_ = matrices(network, origin)
    weights[1], biases[1] = 0.0, 0.0
    found = directions.random(origin, network.layout, 3, 0, "filter", bias)
    for direction in found:
        (w, b), *_ = matrices(network, direction)
        assert (w[1] == 0.0).all()
        assert b[1] == 0.0 or bias == "own"
        assert np.isfinite(direction).all()


def test_biases_that_are_all_zero_do_not_move_by_their_own_norm():
    network = Mlp(2, 1, 3, 2)
    origin = network.initial("glorot", 0)  # zero biases
    direction = directions.random(origin, network.layout, 1, 0, "filter", "own")[0]
    assert all((biases == 0.0).all() for _, biases in matrices(network, direction))


def test_a_filter_that_is_zero_in_the_direction_stays_zero():
    network = Mlp(2, 1, 3, 1)
    found = directions.normalize(np.zeros(network.size), theta(network), network.layout, "filter", "row")
    assert np.array_equal(found, np.zeros(network.size))


def test_normalising_leaves_its_arguments_as_they_were():
    network = Mlp(2, 1, 3, 1)
    origin, raw = theta(network), np.ones(network.size)
    before = origin.copy()
    directions.normalize(raw, origin, network.layout, "filter", "zero")
    assert np.array_equal(raw, np.ones(network.size))
    assert np.array_equal(origin, before)


def test_random_directions_are_gaussian_before_they_are_normalised():
    network = Mlp(2, 1, 30, 3)
    raw = directions.random(theta(network), network.layout, 4, 0, "none", "row").ravel()
    assert abs(raw.mean()) < 4 / np.sqrt(raw.size)
    assert raw.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(np.abs(raw) < 1.0) == pytest.approx(0.6827, abs=0.02)


def test_the_seed_decides_the_directions():
    network = Mlp(2, 1, 4, 2)
    a, b, c, d = (directions.random(theta(network), network.layout, 2, seed, "filter", "row") for seed in (1, 1, 2, [1, 2]))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not np.array_equal(a, d)
    assert not np.array_equal(a[0], a[1])


@pytest.mark.parametrize(("normalization", "bias"), [("filters", "row"), ("filter", "rows"), ("", "row")])
def test_unknown_ways_are_refused_with_those_that_there_are(normalization, bias):
    layout = Mlp(1, 1, 2, 1).layout
    with pytest.raises(ValueError, match="`normalization` must be one of") as caught:
        directions.normalize(np.zeros(7), np.zeros(7), layout, normalization, bias)
    expected = "`normalization` must be one of ('filter', 'layer', 'global', 'none') and `bias` one of ('row', 'own', 'zero')"
    assert str(caught.value) == expected


# ---- planes ----


@ways
@settings(max_examples=25)
@given(network=st.builds(Mlp, st.integers(2, 3), st.integers(1, 2), st.integers(5, 9), st.integers(1, 3)), seed=seeds)
def test_a_plane_is_orthogonal_and_normalised_at_once(normalization, bias, network, seed):
    origin = np.random.default_rng(seed).standard_normal(network.size)
    plane = directions.orthogonal(origin, network.layout, 2, seed, normalization, bias)
    first, second = plane / np.linalg.norm(plane, axis=1, keepdims=True)
    assert abs(first @ second) < 1e-12
    if normalization != "none":
        assert all(has_its_norms(network, direction, origin, normalization, bias) for direction in plane)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("seed", range(5))
def test_a_plane_of_a_network_of_one_variable_too(normalization, seed):
    network = Mlp(1, 1, 20, 2)
    origin = network.initial("glorot", seed)
    plane = directions.orthogonal(origin, network.layout, 2, seed, normalization, "row")
    assert directions.cosine(plane) < 1e-12


def test_norms_hold_even_where_directions_cannot_be_orthogonal():
    # A filter of one weight has but two directions; here such a one outweighs everything else.
    network = Mlp(1, 1, 2, 1)
    origin = np.array([10.0, 0.1, 0.0, 0.0, 1.0, 1.0, 0.0])
    plane = directions.orthogonal(origin, network.layout, 2, 0, "filter", "zero")
    assert all(has_its_norms(network, direction, origin, "filter", "zero") for direction in plane)
    assert directions.cosine(plane) > 0.9


def test_the_first_direction_of_a_plane_is_the_random_one():
    network = Mlp(2, 1, 4, 2)
    plane = directions.orthogonal(theta(network), network.layout, 2, 5, "filter", "row")
    assert np.array_equal(plane[0], directions.random(theta(network), network.layout, 2, 5, "filter", "row")[0])


def test_cosine_is_the_largest_in_magnitude():
    rows = np.array([[2.0, 0.0, 0.0], [0.0, 5.0, 0.0], [-3.0, 0.0, 3.0]])
    assert directions.cosine(rows) == pytest.approx(np.sqrt(0.5))
    assert directions.cosine(rows[:2]) == 0.0
    assert directions.cosine(rows[:1]) == 0.0
    assert directions.cosine(np.array([[1.0, 1.0], [-2.0, -2.0]])) == pytest.approx(1.0)


# ---- trajectories ----


def path(points: int = 12, size: int = 30, seed: int = 0) -> np.ndarray:
    """A path that wanders in all dimensions; the last point is its end."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.standard_normal((points, size)) * np.geomspace(3.0, 0.1, size), axis=0)


def test_the_plane_is_that_of_the_principal_components_about_the_final_point():
    snapshots = path()
    found = directions.trajectory(snapshots, snapshots[-1])
    offsets = snapshots - snapshots[-1]
    values, vectors = np.linalg.eigh(offsets.T @ offsets)
    np.testing.assert_allclose(found.explained_variance, values[[-1, -2]] / values.sum(), rtol=1e-10)
    for row, vector in zip(found.directions, vectors.T[[-1, -2]], strict=True):
        np.testing.assert_allclose(row, vector * np.sign(row @ vector), atol=1e-10)
    centred = np.linalg.eigh(np.cov(snapshots.T))[1].T[-1]
    assert abs(centred @ found.directions[0]) < 0.999  # about the mean it would be another plane


@given(seed=seeds, points=st.integers(3, 20))
@settings(max_examples=30)
def test_directions_are_orthonormal_and_shares_are_shares(seed, points):
    snapshots = path(points, seed=seed)
    found = directions.trajectory(snapshots, snapshots[-1])
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-12)
    assert found.explained_variance[0] >= found.explained_variance[1] > 0.0
    assert found.explained_variance.sum() <= 1.0 + 1e-12
    squares = np.sum((snapshots - snapshots[-1]) ** 2, axis=1)
    np.testing.assert_allclose(np.sum(found.coordinates**2, axis=1) + found.distance**2, squares, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.explained_variance, np.sum(found.coordinates**2, axis=0) / squares.sum(), rtol=1e-10)


def test_the_plane_passes_through_the_final_point():
    snapshots = path()
    found = directions.trajectory(snapshots, snapshots[-1])
    np.testing.assert_array_equal(found.coordinates[-1], 0.0)
    assert found.distance[-1] == 0.0


def test_a_path_in_a_plane_is_reproduced_exactly():
    rng = np.random.default_rng(0)
    u, v = np.linalg.qr(rng.standard_normal((40, 2)))[0].T
    turns = np.linspace(0.0, 5.0, 25)
    ours = np.stack([3.0 * np.cos(turns) * np.exp(-turns), np.sin(turns) - turns], 1)
    snapshots = rng.standard_normal(40) + 7.0 * (ours @ np.stack([u, v]))
    found = directions.trajectory(snapshots, snapshots[-1])
    assert found.explained_variance.sum() == pytest.approx(1.0, abs=1e-13)
    np.testing.assert_allclose(found.distance, 0.0, atol=1e-12)
    np.testing.assert_allclose(snapshots[-1] + found.coordinates @ found.directions, snapshots, atol=1e-12)
    assert (found.coordinates < 0).any()  # coordinates, not lengths


def test_a_path_worked_out_by_hand():
    snapshots = np.array([[4.0, 0.0, 0.0], [4.0, 2.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    # offsets' squares: x 32, y 8, z 1, and x·y 8, y·z 2
    gram = np.array([[32.0, 8.0, 0.0], [8.0, 8.0, 2.0], [0.0, 2.0, 1.0]])
    values = np.sort(np.linalg.eigvalsh(gram))[::-1]
    found = directions.trajectory(snapshots, snapshots[-1])
    np.testing.assert_allclose(found.explained_variance, values[:2] / 41.0)
    assert np.sum(found.distance**2) == pytest.approx(values[2])


def test_points_off_the_plane_have_their_distance():
    # Far along x and y; one snapshot alone is off that plane.
    snapshots = np.array([[100.0, 0, 0], [-100.0, 0, 0], [0, 50.0, 0], [0, -50.0, 0], [0.0, 0.0, 1e-3], [0, 0, 0]])
    found = directions.trajectory(snapshots, snapshots[-1])
    np.testing.assert_allclose(found.directions, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(found.distance, [0, 0, 0, 0, 1e-3, 0], atol=1e-12)


def test_signs_do_not_depend_on_the_path_being_mirrored():
    snapshots = path()
    mirrored = 2 * snapshots[-1] - snapshots
    a, b = (directions.trajectory(s, snapshots[-1]) for s in (snapshots, mirrored))
    np.testing.assert_allclose(a.directions, b.directions, atol=1e-12)
    np.testing.assert_allclose(a.coordinates, -b.coordinates, atol=1e-12)


@pytest.mark.parametrize("snapshots", [np.zeros((1, 5)), np.outer(np.arange(4.0), np.ones(5)), np.eye(2)])
def test_a_path_on_a_line_is_refused(snapshots):
    with pytest.raises(
        ValueError,
        match=r"^`snapshots` do not span a plane; train for more steps, or store more snapshots \(training.snapshots\)$",
    ):
        directions.trajectory(snapshots, snapshots[-1])
