"""Weight matching: the order and the signs of the hidden units of one network that bring it closest to another network.

The function of a network does not change if the units of a hidden layer are permuted together with their incoming and outgoing
weights. With an odd activation, s(-z) = -s(z), it does not change either if all weights and the bias of a unit change their
sign.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pinnscape.networks.layout import Layer
from pinnscape.networks.matching import Matching, apply, identity, matrices, random_matching

_MOST_SWEEPS = 100  # a few sweeps suffice to reach a fixed point, because each sweep decreases the distance


def align(
    layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, odd: bool, starts: int, seed: int
) -> tuple[np.ndarray, Matching]:
    """Parameters of the same function that are closest to those of a reference (Ainsworth et al. 2023, algorithm 1).

    The best order of one layer, given the other layers, is the solution of a linear assignment problem between units. For odd
    activations, the assignment uses the magnitudes of the inner products, and the signs of the units are those of the inner
    products. This is repeated, with layers in random order, until no layer improves. Since the result depends on the start,
    several starts are used and the closest result is kept. The starts are the identity (so that the distance never increases),
    the matching by incoming weights from the first layer to the last, the matching by outgoing weights from the last layer to
    the first (both of which recover a permuted copy of the reference), and random matchings.

    Args:
        layers: layout of both networks.
        reference: parameters (P,) of the reference.
        theta: parameters (P,) of the network that is aligned.
        odd: whether the activation is odd.
        starts: number of random starts.
        seed: seed of the random starts and of the order of the layers.

    Returns:
        Aligned parameters (P,), and the matching that maps ``theta`` to them.
    """
    rng = np.random.default_rng(seed)
    unaligned = identity(layers)
    best, least = unaligned, _distance(layers, reference, theta, unaligned)
    for start in _starts(layers, reference, theta, odd, starts, rng):
        found = _descend(layers, reference, theta, odd, start, rng)
        distance = _distance(layers, reference, theta, found)
        if distance < least:
            best, least = found, distance
    return apply(layers, theta, best), best


def _starts(
    layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, odd: bool, count: int, rng: np.random.Generator
) -> Iterator[Matching]:
    hidden = range(len(layers) - 1)
    yield identity(layers)
    for order, incoming in ((hidden, True), (reversed(hidden), False)):
        matching = identity(layers)
        for index in order:
            products = _products(layers, reference, apply(layers, theta, matching), index, incoming, not incoming)
            matching = matching.with_layer(index, *_assign(products, odd))
        yield matching
    for _ in range(count):
        yield random_matching(layers, odd, rng)


def _descend(
    layers: Sequence[Layer],
    reference: np.ndarray,
    theta: np.ndarray,
    odd: bool,
    matching: Matching,
    rng: np.random.Generator,
) -> Matching:
    """Improve one layer after the other until no layer can be improved."""
    for _ in range(_MOST_SWEEPS):
        improved = False
        for index in rng.permutation(len(layers) - 1):
            # This layer in its original order, all other layers as matched so far.
            ones = identity(layers)
            bare = matching.with_layer(index, ones.orders[index], ones.signs[index])
            products = _products(layers, reference, apply(layers, theta, bare), index)
            order, sign = _assign(products, odd)
            gain = _matched(products, order, sign) - _matched(products, matching.orders[index], matching.signs[index])
            if gain > 1e-12 * np.abs(products).sum():  # above rounding errors, since ties would otherwise alternate forever
                matching, improved = matching.with_layer(index, order, sign), True
        if not improved:
            break
    return matching


def _products(
    layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, index: int, incoming: bool = True, outgoing: bool = True
) -> np.ndarray:
    """Inner products (width, width) of the weights of each unit of the reference and each unit of the other network."""
    products = np.zeros((layers[index].fan_out,) * 2)
    if incoming:
        (a, p), (b, q) = matrices(layers[index], reference), matrices(layers[index], theta)
        products += a @ b.T + np.outer(p, q)
    if outgoing:
        (a, _), (b, _) = matrices(layers[index + 1], reference), matrices(layers[index + 1], theta)
        products += a.T @ b
    return products


def _assign(products: np.ndarray, odd: bool) -> tuple[np.ndarray, np.ndarray]:
    """The order and signs with the largest sum of matched products."""
    rows, order = linear_sum_assignment(np.abs(products) if odd else products, maximize=True)
    sign = np.where(products[rows, order] < 0, -1.0, 1.0) if odd else np.ones(len(order))
    return order, sign


def _matched(products: np.ndarray, order: np.ndarray, sign: np.ndarray) -> float:
    return float(products[np.arange(len(order)), order] @ sign)


def _distance(layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, matching: Matching) -> float:
    return float(np.linalg.norm(apply(layers, theta, matching) - reference))
