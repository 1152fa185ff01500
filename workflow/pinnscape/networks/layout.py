"""Layout of the flat parameter vector of a network: positions of its tensors, in memory and in files.

The vector holds the tensors one after the other, each by rows. A *unit* is a neuron, or a filter of a convolution; the entries
of a weight tensor that belong to it are its incoming weights, the *filter* of filter normalisation (Li et al. 2018, sec. 4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.files.description import Variable
from pinnscape.files.dimensions import PARAMETER


@dataclass(frozen=True)
class Block:
    """A tensor of parameters.

    Attributes:
        name: unique name, such as ``0.weight``.
        shape: shape of the tensor.
        offset: position of its first entry in the flat vector.
        axis: axis of the tensor that counts units; None if the tensor has no units and is scaled as a whole.
        owner: name of the weight block to whose units the entries of this block belong, one to each; otherwise empty.
        is_bias: whether the entries are biases, or scales and shifts of a normalisation layer, instead of weights.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    axis: int | None = None
    owner: str = ""
    is_bias: bool = False

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def indices(self) -> np.ndarray:
        """Positions (size,) of the entries in the flat vector."""
        return np.arange(self.offset, self.offset + self.size)

    @property
    def units(self) -> np.ndarray:
        """Positions of the incoming weights of each unit (units, ...); those of the whole tensor (1, size) if it has no units."""
        if self.axis is None:
            return self.indices[None]
        return np.moveaxis(self.indices.reshape(self.shape), self.axis, 0).reshape(self.shape[self.axis], -1)


@dataclass(frozen=True)
class Layer:
    """An affine map of a network: a weight matrix (fan_out, fan_in), followed by its bias (fan_out,).

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
    """Positions of all tensors of a network in the flat vector.

    Attributes:
        blocks: the tensors, in the order of their offsets, without gaps.
        permutable: whether the network is a plain chain of affine maps, so that permuting the units of a hidden layer, along
            with their incoming and outgoing weights, does not change the function.
        odd: whether, in such a chain, changing the signs of all weights and of the bias of a hidden unit does not change the
            function either, because the activation is odd.
    """

    blocks: tuple[Block, ...]
    permutable: bool = False
    odd: bool = False

    @classmethod
    def of(cls, layers: Sequence[Layer], permutable: bool = False, odd: bool = False) -> "Layout":
        """The layout of affine maps that follow one another in the flat vector."""
        blocks: list[Block] = []
        for number, layer in enumerate(layers):
            name = f"{number}.weight"
            blocks.append(Block(name, (layer.fan_out, layer.fan_in), layer.offset, axis=0))
            blocks.append(Block(f"{number}.bias", (layer.fan_out,), layer.biases.start, owner=name, is_bias=True))
        return cls(tuple(blocks), permutable, odd)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum(block.size for block in self.blocks)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The affine maps, if the network consists of affine maps with biases alone.

        Raises:
            ValueError: there are other tensors.
        """
        weights, biases = self.blocks[::2], self.blocks[1::2]
        pairs = [bias.owner == weight.name for weight, bias in zip(weights, biases, strict=False)]
        plain = all(len(weight.shape) == 2 and weight.axis == 0 for weight in weights)
        if len(weights) != len(biases) or not all(pairs) or not plain:
            raise ValueError("the network consists of other tensors than affine maps with biases")
        return tuple(Layer(weight.shape[1], weight.shape[0], weight.offset) for weight in weights)

    @property
    def weights(self) -> tuple[Block, ...]:
        """All blocks that are not biases."""
        return tuple(block for block in self.blocks if not block.is_bias)

    def biases(self) -> np.ndarray:
        """Positions (n,) of all biases, and of the scales and shifts of normalisation layers."""
        return np.concatenate([np.arange(0), *[block.indices for block in self.blocks if block.is_bias]])

    def owned(self, block: Block) -> tuple[Block, ...]:
        """The biases that belong to the units of a weight block."""
        return tuple(each for each in self.blocks if each.owner == block.name)

    def alone(self) -> tuple[Block, ...]:
        """The biases that belong to no weights, such as those of normalisation layers."""
        return tuple(block for block in self.blocks if block.is_bias and not block.owner)

    def filters(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Positions of the incoming weights and of the biases of each unit, in order."""
        for block in self.weights:
            biases = [each.indices for each in self.owned(block)]
            for number, weights in enumerate(block.units):
                yield weights, np.array([each[number] for each in biases], dtype=int)


# ---- files ----

LAYOUT = {
    "block_shape": Variable("block", "shape of the tensor: theta[block_offset:][:size].reshape(shape)"),
    "block_offset": Variable("block", "position of its first entry in theta"),
    "block_axis": Variable("block", "axis of the tensor that counts units (neurons, filters); -1 if it has none"),
    "block_owner": Variable("block", "index of the block to whose units the entries belong, one to each; -1 if to none"),
    "block_is_bias": Variable("block", "whether the entries are biases, or scales and shifts of a normalisation layer"),
    "permutable": Variable((), "whether permuting the units of hidden layers does not change the function"),
    "odd": Variable((), "whether changing the sign of a hidden unit does not change the function either"),
}
OF_LAYOUT = {"block": Variable("block", "name of the tensor"), **PARAMETER}


def layout_values(layout: Layout) -> dict[str, Any]:
    """The layout as the variables of ``LAYOUT`` and the coordinate ``block``."""
    blocks, names = layout.blocks, [block.name for block in layout.blocks]
    return {
        "block": names,
        "block_shape": [", ".join(map(str, block.shape)) for block in blocks],
        "block_offset": [block.offset for block in blocks],
        "block_axis": np.array([-1 if block.axis is None else block.axis for block in blocks], "int8"),
        "block_owner": [names.index(block.owner) if block.owner else -1 for block in blocks],
        "block_is_bias": np.array([block.is_bias for block in blocks], "int8"),
        "permutable": np.int8(layout.permutable),
        "odd": np.int8(layout.odd),
    }


def layout_of(dataset: xr.Dataset) -> Layout:
    """The layout from a training or checkpoints file."""
    names = [str(name) for name in dataset["block"].values]
    blocks = [
        Block(
            name,
            tuple(int(n) for n in str(shape).split(", ") if n),
            int(offset),
            axis=None if axis < 0 else int(axis),
            owner="" if owner < 0 else names[int(owner)],
            is_bias=bool(is_bias),
        )
        for name, shape, offset, axis, owner, is_bias in zip(
            names, *[dataset[f"block_{name}"].values for name in ("shape", "offset", "axis", "owner", "is_bias")], strict=True
        )
    ]
    assert all(one.offset + one.size == other.offset for one, other in pairwise(blocks)), "the blocks leave gaps"
    return Layout(tuple(blocks), bool(dataset["permutable"]), bool(dataset["odd"]))
