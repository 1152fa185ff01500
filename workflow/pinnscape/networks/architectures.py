"""Architectures of networks: descriptions that determine the layout of the flat parameter vector and the initialisation.

The forward pass, a pure function of the parameter vector, is in ``forward``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.embeddings import Embedding
from pinnscape.networks.layout import Layer, Layout

# Variance of the initial weights: Glorot & Bengio 2010 (eq. 12), LeCun et al. 1998 (sec. 4.6), He et al. 2015 (eq. 10).
_VARIANCE = {
    "glorot": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1.0 / fan_in,
    "he": lambda fan_in, fan_out: 2.0 / fan_in,
}


@dataclass(frozen=True)
class Architecture:
    """A network from d variables to c outputs.

    Attributes:
        inputs: number of variables d.
        outputs: number of components c.
        width: number of units of each hidden layer.
        depth: number of hidden layers, or of residual blocks.
        activation: name of the activation function in ``ACTIVATIONS``.
        embeddings: fixed functions that are applied to x one after the other; the result is the input of the first layer.
    """

    inputs: int
    outputs: int
    width: int
    depth: int
    activation: str = "tanh"
    embeddings: tuple[Embedding, ...] = ()

    kind: ClassVar[Literal["mlp", "residual", "modified"]]
    least_depth: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Check depth and activation.

        Raises:
            ValueError: the depth is too small, or the activation is unknown.
        """
        if self.depth < self.least_depth:
            raise ValueError(f"`depth` of a {self.kind} network must be at least {self.least_depth}, not {self.depth}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)}, not {self.activation!r}")

    @property
    def features(self) -> int:
        """Number of inputs of the first layer, after all embeddings."""
        count = self.inputs
        for embedding in self.embeddings:
            count = embedding.features(count)
        return count

    @property
    def hidden(self) -> int:
        """Number of affine maps to the hidden width that are applied one after the other."""
        return self.depth

    @property
    def encoders(self) -> int:
        """Number of additional affine maps from the inputs to the hidden width; they are the first in the layout."""
        return 0

    @cached_property
    def layout(self) -> Layout:
        into = [(self.features, self.width)] * (self.encoders + 1)
        sizes = [*into, *[(self.width, self.width)] * (self.hidden - 1), (self.width, self.outputs)]
        layers, offset = [], 0
        for fan_in, fan_out in sizes:
            layers.append(Layer(fan_in, fan_out, offset))
            offset = layers[-1].biases.stop
        chain = self.kind == "mlp"
        return Layout.of(layers, chain, chain and ACTIVATIONS[self.activation].odd)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.layout.layers

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.layout.size

    def initial(self, initialization: str, seed: int) -> np.ndarray:
        """Initial parameters: normally distributed weights, and biases of zero.

        Args:
            initialization: rule for the variance of the weights: ``glorot``, ``lecun`` or ``he``.
            seed: seed of the pseudo-random generator.

        Returns:
            theta (P,), float64.

        Raises:
            ValueError: the initialisation is unknown.
        """
        if initialization not in _VARIANCE:
            raise ValueError(f"`initialization` must be one of {', '.join(_VARIANCE)}, not {initialization!r}")
        generator = np.random.default_rng(seed)
        theta = np.zeros(self.size)
        for layer in self.layers:
            deviation = np.sqrt(_VARIANCE[initialization](layer.fan_in, layer.fan_out))
            theta[layer.weights] = deviation * generator.standard_normal(layer.fan_in * layer.fan_out)
        return theta


@dataclass(frozen=True)
class Mlp(Architecture):
    """A multilayer perceptron: ``depth`` hidden layers a → s(W a + b), followed by an affine map."""

    kind = "mlp"


@dataclass(frozen=True)
class Residual(Architecture):
    """A residual network (E & Yu 2018, "The Deep Ritz Method", sec. 2.1).

    It consists of an affine map, ``depth`` blocks a → a + s(W' s(W a + b) + b'), and another affine map.
    """

    kind = "residual"

    @property
    def hidden(self) -> int:
        return 1 + 2 * self.depth


@dataclass(frozen=True)
class Modified(Architecture):
    """The modified multilayer perceptron (Wang, Teng & Perdikaris 2021, SIAM J. Sci. Comput. 43, eqs. 43-47).

    Two encoders of the inputs, U = s(W x + b) and V likewise, gate each hidden layer except the first:
    a → (1 - z) U + z V with z = s(W a + b).
    """

    kind = "modified"
    least_depth = 2

    @property
    def encoders(self) -> int:
        return 2
