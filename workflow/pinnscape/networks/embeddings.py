"""Embeddings: fixed functions of the point x, without trainable parameters, whose result is the input of a network.

Several embeddings are applied one after the other. Each maps the streams of its input, a list with one tensor (n, features) for
each derivative in x, to the streams of its output; see ``streams``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pinnscape.networks.activations import ACTIVATIONS, COSINE, OnTensors
from pinnscape.networks.streams import Streams, unit


class Embedding(Protocol):
    """A fixed function of x."""

    def features(self, inputs: int) -> int:
        """Number of outputs, for a number of inputs."""
        ...

    def __call__(self, x: list[Tensor], streams: Streams) -> list[Tensor]:
        """The streams of the output, each (n, features), from the streams of the input, each (n, inputs)."""
        ...


@dataclass(frozen=True)
class Box:
    """Linear scaling of each variable from an interval to (-1, 1).

    Attributes:
        lower: lower ends of the intervals (d,).
        upper: upper ends of the intervals (d,).
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the intervals.

        Raises:
            ValueError: an interval is empty, or the numbers of lower and upper ends differ.
        """
        if len(self.lower) != len(self.upper) or not all(a < b for a, b in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"`lower` must be below `upper` in each variable, not {self.lower} and {self.upper}")

    def features(self, inputs: int) -> int:
        return inputs

    def __call__(self, x: list[Tensor], streams: Streams) -> list[Tensor]:
        lower, upper = x[0].new_tensor(self.lower), x[0].new_tensor(self.upper)
        scale = 2.0 / (upper - lower)
        return [(x[0] - lower) * scale - 1.0, *(derivative * scale for derivative in x[1:])]


@dataclass(frozen=True)
class Periodic:
    """Replacement of a variable x_i by cos(2π k x_i / period) and sin(2π k x_i / period) for k = 1, ..., multiples.

    The outputs are the other variables, unchanged, followed by all cosines and all sines.

    Attributes:
        variable: index i of the variable.
        period: period in the variable.
        multiples: number of frequencies.
    """

    variable: int
    period: float
    multiples: int = 1

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: the period or the number of multiples is not positive.
        """
        if self.period <= 0.0 or self.multiples < 1:
            raise ValueError(f"`period` must be above 0 and `multiples` at least 1, not {self.period} and {self.multiples}")

    def features(self, inputs: int) -> int:
        return inputs - 1 + 2 * self.multiples

    def __call__(self, x: list[Tensor], streams: Streams) -> list[Tensor]:
        frequencies = x[0].new_tensor([[2.0 * pi * k / self.period for k in range(1, self.multiples + 1)]])
        waves = _waves([derivative[:, self.variable, None] @ frequencies for derivative in x], streams)
        others = [i for i in range(x[0].shape[1]) if i != self.variable]
        return [torch.cat([derivative[:, others], wave], 1) for derivative, wave in zip(x, waves, strict=True)]


@dataclass(frozen=True)
class Fourier:
    """Random Fourier features cos(2π B x), sin(2π B x) with a fixed random matrix B (Tancik et al. 2020, arXiv:2006.10739).

    Attributes:
        frequencies: number of rows of B (frequencies, d).
        deviation: standard deviation of the independent normal entries of B.
        seed: seed of B.
    """

    frequencies: int
    deviation: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: there is no frequency, or the deviation is not positive.
        """
        if self.frequencies < 1 or self.deviation <= 0.0:
            raise ValueError(
                f"`frequencies` must be at least 1 and `deviation` above 0, not {self.frequencies} and {self.deviation}"
            )

    def features(self, inputs: int) -> int:
        return 2 * self.frequencies

    def __call__(self, x: list[Tensor], streams: Streams) -> list[Tensor]:
        normal = np.random.default_rng(self.seed).standard_normal((self.frequencies, x[0].shape[1]))
        matrix = x[0].new_tensor(2.0 * pi * self.deviation * normal).T
        return _waves([derivative @ matrix for derivative in x], streams)


def _waves(z: list[Tensor], streams: Streams) -> list[Tensor]:
    """Streams of (cos z, sin z), each (n, 2 m), from the streams of z, each (n, m)."""
    both = [
        streams.compose(activation.derivatives(z[0], streams.order, OnTensors), z)
        for activation in (COSINE, ACTIVATIONS["sin"])
    ]
    return [torch.cat(pair, 1) for pair in zip(*both, strict=True)]


def identity(points: Tensor, streams: Streams) -> list[Tensor]:
    """Streams of x itself, each (n, d): the points, unit vectors for first derivatives, and zeros for higher ones."""
    dimension = points.shape[1]
    firsts = {unit(dimension, i): i for i in range(dimension)}
    found = [points]
    for k in range(1, streams.count):
        direction = firsts.get(streams.monomials[k]) if k < len(streams.monomials) else None
        found.append(torch.zeros_like(points))
        if direction is not None:
            found[-1][:, direction] = 1.0
    return found


def embedded(embeddings: Sequence[Embedding], points: Tensor, streams: Streams) -> Tensor:
    """Streams (S, n, features) of all embeddings, applied one after the other, at points (n, d)."""
    x = identity(points, streams)
    for embedding in embeddings:
        x = embedding(x, streams)
    return torch.stack(x)
