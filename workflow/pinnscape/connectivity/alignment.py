"""Weight matching: the hidden units of one network in the order, and with the signs, in which they are closest to those of another.

A network does not change when the units of a hidden layer are permuted together with their incoming and outgoing weights. With an odd
activation, s(-z) = -s(z), it does not change either when all weights and the bias of a unit change their sign.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pinnscape.networks.mlp import Layer

ODD = ("tanh", "sin")  # activations with s(-z) = -s(z)
_MOST_SWEEPS = 100  # far more than the handful that reach a fixed point; each one lowers the distance


@dataclass(frozen=True, eq=False)
class Matching:
    """For every hidden layer, which unit comes to each place and with which sign.

    Attributes:
        orders: integers (width) of each hidden layer.
        signs: ±1 (width) of each hidden layer.
    """

    orders: tuple[np.ndarray, ...]
    signs: tuple[np.ndarray, ...]

    @property
    def moved(self) -> int:
        """Number of units that change their place or their sign."""
        pairs = zip(self.orders, self.signs, strict=True)
        return sum(int(((order != np.arange(len(order))) | (sign < 0)).sum()) for order, sign in pairs)

    def with_layer(self, index: int, order: np.ndarray, sign: np.ndarray) -> "Matching":
        """The same with another order and other signs of one hidden layer."""
        orders, signs = list(self.orders), list(self.signs)
        orders[index], signs[index] = order, sign
        return Matching(tuple(orders), tuple(signs))


def stored(layers: Sequence[Layer], orders: np.ndarray, signs: np.ndarray) -> Matching:
    """The matching that a file holds: orders (units) and signs (units) of all hidden layers one after the other."""
    cuts = np.cumsum([layer.fan_out for layer in layers[:-1]])[:-1]
    return Matching(tuple(np.split(orders, cuts)), tuple(np.split(signs, cuts)))


def identity(layers: Sequence[Layer]) -> Matching:
    """Every unit at its place."""
    widths = [layer.fan_out for layer in layers[:-1]]
    return Matching(tuple(np.arange(n) for n in widths), tuple(np.ones(n) for n in widths))


def random_matching(layers: Sequence[Layer], odd: bool, rng: np.random.Generator) -> Matching:
    """Random orders, and random signs if the activation is odd."""
    widths = [layer.fan_out for layer in layers[:-1]]
    signs = tuple(rng.choice([-1.0, 1.0], n) if odd else np.ones(n) for n in widths)
    return Matching(tuple(rng.permutation(n) for n in widths), signs)


def apply(layers: Sequence[Layer], theta: np.ndarray, matching: Matching) -> np.ndarray:
    """Parameters (P,) of the same function with its units in the given order and with the given signs."""
    result = theta.copy()
    order, sign = np.arange(layers[0].fan_in), np.ones(layers[0].fan_in)
    for index, layer in enumerate(layers):
        weight, bias = _matrices(layer, theta)
        weight = weight[:, order] * sign
        if index < len(matching.orders):
            order, sign = matching.orders[index], matching.signs[index]
            weight, bias = sign[:, None] * weight[order], sign * bias[order]
        result[layer.weights], result[layer.biases] = weight.ravel(), bias
    return result


def align(
    layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, odd: bool, starts: int, seed: int
) -> tuple[np.ndarray, Matching]:
    """The copy of a network, equal as a function, that is closest to another one (Ainsworth et al. 2023, algorithm 1).

    Layer by layer, the best order given the other layers is a linear assignment between units; for odd activations on the magnitudes of their
    inner products, whose signs are those of the units. This is repeated, layers in random order, until no layer improves. The result depends
    on the start, so there are several, and the closest is kept: the identity (so that the distance never grows), matching by incoming weights
    from the first layer on and by outgoing weights from the last one back (which find a permuted copy of the reference again), and random
    ones.

    Args:
        layers: the layout of both.
        reference: (P,).
        theta: (P,), what is aligned.
        odd: whether the activation is odd.
        starts: number of random starts.
        seed: of the random starts and orders of layers.

    Returns:
        Parameters (P,) and the matching that makes them of ``theta``.
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
    """Improve one layer after the other until none can be."""
    for _ in range(_MOST_SWEEPS):
        improved = False
        for index in rng.permutation(len(layers) - 1):
            # The layer itself in its original order, all others as they are matched so far.
            ones = identity(layers)
            bare = matching.with_layer(index, ones.orders[index], ones.signs[index])
            products = _products(layers, reference, apply(layers, theta, bare), index)
            order, sign = _assign(products, odd)
            gain = _matched(products, order, sign) - _matched(products, matching.orders[index], matching.signs[index])
            if gain > 1e-12 * np.abs(products).sum():  # not by rounding alone, else ties would go on for ever
                matching, improved = matching.with_layer(index, order, sign), True
        if not improved:
            break
    return matching


def _products(
    layers: Sequence[Layer], reference: np.ndarray, theta: np.ndarray, index: int, incoming: bool = True, outgoing: bool = True
) -> np.ndarray:
    """Inner products (width, width) of the weights of every unit of the reference with those of every unit of the other network."""
    products = np.zeros((layers[index].fan_out,) * 2)
    if incoming:
        (a, p), (b, q) = _matrices(layers[index], reference), _matrices(layers[index], theta)
        products += a @ b.T + np.outer(p, q)
    if outgoing:
        (a, _), (b, _) = _matrices(layers[index + 1], reference), _matrices(layers[index + 1], theta)
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


def _matrices(layer: Layer, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (fan_out, fan_in) and biases (fan_out)."""
    return theta[layer.weights].reshape(layer.fan_out, layer.fan_in), theta[layer.biases]
