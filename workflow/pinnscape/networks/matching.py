"""Permutations and sign changes of hidden units, which do not change the function of a chain of affine maps.

The units of a hidden layer may be permuted together with their incoming and outgoing weights. With an odd activation,
s(-z) = -s(z), all weights and the bias of a unit may change their sign, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pinnscape.networks.layout import Layer


@dataclass(frozen=True, eq=False)
class Matching:
    """A permutation and signs of the units of every hidden layer.

    Attributes:
        orders: for each hidden layer, the index (width,) of the unit that moves to each position.
        signs: for each hidden layer, the sign ±1 (width,) of the unit at each position.
    """

    orders: tuple[np.ndarray, ...]
    signs: tuple[np.ndarray, ...]

    @property
    def moved(self) -> int:
        """Number of units that change their position or their sign."""
        pairs = zip(self.orders, self.signs, strict=True)
        return sum(int(((order != np.arange(len(order))) | (sign < 0)).sum()) for order, sign in pairs)

    def with_layer(self, index: int, order: np.ndarray, sign: np.ndarray) -> "Matching":
        """This matching with another order and other signs for one hidden layer."""
        orders, signs = list(self.orders), list(self.signs)
        orders[index], signs[index] = order, sign
        return Matching(tuple(orders), tuple(signs))


def stored(layers: Sequence[Layer], orders: np.ndarray, signs: np.ndarray) -> Matching:
    """The matching stored in a file as orders (units,) and signs (units,), concatenated over all hidden layers."""
    cuts = np.cumsum([layer.fan_out for layer in layers[:-1]])[:-1]
    return Matching(tuple(np.split(orders, cuts)), tuple(np.split(signs, cuts)))


def identity(layers: Sequence[Layer]) -> Matching:
    """The matching that leaves every unit unchanged."""
    widths = [layer.fan_out for layer in layers[:-1]]
    return Matching(tuple(np.arange(n) for n in widths), tuple(np.ones(n) for n in widths))


def random_matching(layers: Sequence[Layer], odd: bool, rng: np.random.Generator) -> Matching:
    """A matching with random orders, and with random signs if the activation is odd."""
    widths = [layer.fan_out for layer in layers[:-1]]
    signs = tuple(rng.choice([-1.0, 1.0], n) if odd else np.ones(n) for n in widths)
    return Matching(tuple(rng.permutation(n) for n in widths), signs)


def apply(layers: Sequence[Layer], theta: np.ndarray, matching: Matching) -> np.ndarray:
    """Parameters (P,) of the same function with the units in the given order and with the given signs."""
    result = theta.copy()
    order, sign = np.arange(layers[0].fan_in), np.ones(layers[0].fan_in)
    for index, layer in enumerate(layers):
        weight, bias = matrices(layer, theta)
        weight = weight[:, order] * sign
        if index < len(matching.orders):
            order, sign = matching.orders[index], matching.signs[index]
            weight, bias = sign[:, None] * weight[order], sign * bias[order]
        result[layer.weights], result[layer.biases] = weight.ravel(), bias
    return result


def matrices(layer: Layer, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (fan_out, fan_in) and biases (fan_out,)."""
    return theta[layer.weights].reshape(layer.fan_out, layer.fan_in), theta[layer.biases]
