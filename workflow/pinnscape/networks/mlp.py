"""Multilayer perceptrons as functions of one flat parameter vector: architecture, layout and initialisation.

The vector holds, layer by layer, the weight matrix (fan_out, fan_in) by rows and then the bias (fan_out,). A row of the weight
matrix and its bias entry are the incoming parameters of one neuron, the *filter* of filter normalisation. The module ``jets``
contains the forward pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from pinnscape.files.description import Variable
from pinnscape.files.dimensions import PARAMETER

# Variance of a weight times a fan: Glorot & Bengio 2010 (eq. 12), LeCun et al. 1998 (sec. 4.6), He et al. 2015 (eq. 10).
_VARIANCE = {
    "glorot": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1.0 / fan_in,
    "he": lambda fan_in, fan_out: 2.0 / fan_in,
}


@dataclass(frozen=True)
class Layer:
    """One affine map; ``weights`` and ``biases`` are slices of the flat vector."""

    fan_in: int
    fan_out: int
    offset: int

    @property
    def weights(self) -> slice:
        return slice(self.offset, self.offset + self.fan_in * self.fan_out)

    @property
    def biases(self) -> slice:
        return slice(self.weights.stop, self.weights.stop + self.fan_out)


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron: ``inputs`` → ``depth`` hidden layers of ``width`` neurons → ``outputs``."""

    inputs: int
    outputs: int
    width: int
    depth: int
    activation: str = "tanh"

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"`depth` must be at least 1 hidden layer, not {self.depth}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        sizes = [self.inputs, *[self.width] * self.depth, self.outputs]
        layers, offset = [], 0
        for fan_in, fan_out in pairwise(sizes):
            layers.append(Layer(fan_in, fan_out, offset))
            offset = layers[-1].biases.stop
        return tuple(layers)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.layers[-1].biases.stop

    def initial(self, initialization: str, seed: int) -> np.ndarray:
        """Normally distributed weights with the variance of the named initialisation, and zero biases.

        Args:
            initialization: ``glorot``, ``lecun`` or ``he``.
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


def filters(layers: tuple[Layer, ...]) -> Iterator[tuple[np.ndarray, int]]:
    """Indices of the incoming weights (fan_in,) and of the bias of each neuron, in order."""
    for layer in layers:
        rows = np.arange(layer.weights.start, layer.weights.stop).reshape(layer.fan_out, layer.fan_in)
        yield from zip(rows, range(layer.biases.start, layer.biases.stop), strict=True)


LAYOUT = {
    "fan_in": Variable("layer", "number of inputs of the layer"),
    "fan_out": Variable("layer", "number of outputs of the layer"),
    "weight_offset": Variable(
        "layer", "position of the weights in theta: theta[weight_offset:][:fan_out*fan_in].reshape(fan_out, fan_in)"
    ),
    "bias_offset": Variable("layer", "position of the biases in theta: theta[bias_offset:][:fan_out]"),
}
OF_LAYOUT = {"layer": Variable("layer", "index of the layer"), **PARAMETER}


def layout_values(layers: tuple[Layer, ...]) -> dict[str, list[int]]:
    """The layout as the variables of ``LAYOUT``."""
    return {
        "fan_in": [layer.fan_in for layer in layers],
        "fan_out": [layer.fan_out for layer in layers],
        "weight_offset": [layer.weights.start for layer in layers],
        "bias_offset": [layer.biases.start for layer in layers],
    }


def layout_of(dataset: xr.Dataset) -> tuple[Layer, ...]:
    """The layout from a checkpoints file."""
    rows = zip(dataset["fan_in"].values, dataset["fan_out"].values, dataset["weight_offset"].values, strict=True)
    return tuple(Layer(int(fan_in), int(fan_out), int(offset)) for fan_in, fan_out, offset in rows)
