"""Layout of the flat parameter vector of a network: positions of its affine maps, in memory and in files.

The vector holds, layer by layer, the weight matrix (fan_out, fan_in) by rows and then the bias (fan_out,). A row of the weight
matrix and its bias entry are the incoming parameters of one neuron, the *filter* of filter normalisation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pinnscape.files.description import Variable
from pinnscape.files.dimensions import PARAMETER


@dataclass(frozen=True)
class Layer:
    """An affine map of a network.

    Attributes:
        fan_in: number of inputs.
        fan_out: number of outputs.
        offset: position of the first weight in the flat vector; ``weights`` and ``biases`` are slices of this vector.
    """

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
class Layout:
    """Positions of the affine maps of a network in the flat vector.

    Attributes:
        layers: the affine maps, in the order of their offsets.
        permutable: whether the network is a plain chain of layers, so that permuting the units of a hidden layer, along with
            their incoming and outgoing weights, does not change the function.
    """

    layers: tuple[Layer, ...]
    permutable: bool

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.layers[-1].biases.stop


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
