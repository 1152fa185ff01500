"""The discrete solution u = lift + factor · network and its derivatives at points, batched over parameters.

Derivatives are held as streams, see ``networks.streams``: arrays with an axis of S partial derivatives. S denotes the number of
streams, n the number of points, d the number of variables, and c the number of components.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.losses.terms import Ansatz
from pinnscape.networks.architectures import Architecture
from pinnscape.networks.embeddings import embedded
from pinnscape.networks.forward import Trace, function_streams, network_streams
from pinnscape.networks.streams import Streams
from pinnscape.problems.field import Unknowns


@dataclass(frozen=True)
class SiteData:
    """Data of a point set on which the solution depends, as streams.

    Attributes:
        inputs: inputs of the network's first layer (S, sites, n, features).
        factor: factor of the ansatz (S, sites, n, 1 or c); None if there is none.
        lift: lift of the ansatz (S, sites, n, c); None if there is none.
    """

    inputs: Tensor
    factor: Tensor | None
    lift: Tensor | None

    def rows(self, rows: slice) -> "SiteData":
        """The data of the points ``rows``."""
        factor = None if self.factor is None else self.factor[:, :, rows]
        return SiteData(self.inputs[:, :, rows], factor, None if self.lift is None else self.lift[:, :, rows])


@dataclass(frozen=True)
class Solution:
    """The solution of a problem in terms of a network.

    Attributes:
        network: architecture of the network.
        unknowns: names of the variables and of the components of the solution.
        ansatz: lift and factor that turn the network into the solution.
        parameters: parameters of the problem by name.
        device: device of all tensors, which are float64.
        memory: upper bound on the intermediate values of one evaluation by torch, in bytes.

    Raises:
        ValueError: the numbers of inputs and outputs of the network are not those of variables and components.
    """

    network: Architecture
    unknowns: Unknowns
    ansatz: Ansatz
    parameters: Mapping[str, float]
    device: torch.device
    memory: float

    def __post_init__(self) -> None:
        """Check the sizes."""
        d, c = len(self.unknowns.variables), len(self.unknowns.components)
        if (self.network.inputs, self.network.outputs) != (d, c):
            raise ValueError(
                f"`network` must map {d} inputs to {c} outputs, not {self.network.inputs} to {self.network.outputs}"
            )

    @property
    def factors(self) -> int:
        """Number of factors of the ansatz: 0, 1, or one for each component."""
        middle = torch.full((1, self.network.inputs), 0.5, dtype=torch.float64, device=self.device)
        return 0 if self.ansatz.factor is None else self.ansatz.factor(middle).shape[-1]

    def tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at arbitrary points (n, d), for parameters (..., P)."""
        streams = Streams.of([(0,) * points.shape[1]])
        return self.solve(theta, streams, self.data(streams, points.unsqueeze(0)))[..., 0, 0, :, :]

    def data(self, streams: Streams, points: Tensor) -> SiteData:
        """Streams of network inputs, factor and lift at points (sites, n, d)."""
        flat, shape = points.flatten(0, 1), points.shape[:2]
        inputs = embedded(self.network.embeddings, flat, streams).unflatten(1, shape)
        factor, lift = (
            None if part is None else function_streams(part, flat, streams).unflatten(1, shape)
            for part in (self.ansatz.factor, self.ansatz.lift)
        )
        return SiteData(inputs, factor, lift)

    def solve(self, theta: Tensor, streams: Streams, data: SiteData, trace: Trace | None = None) -> Tensor:
        """Streams (..., S, sites, n, c) of the solution.

        Args:
            theta: parameters (..., P).
            streams: the derivatives to compute.
            data: data of the points, with the same streams.
            trace: list to which the inputs and outputs of each affine map are appended, see ``network_streams``.
        """
        sites = data.inputs.shape[-3:-1]
        return self.hard(
            network_streams(self.network, theta, data.inputs.flatten(-3, -2), streams, trace).unflatten(-2, sites),
            streams,
            data,
        )

    def at_each_point(self, thetas: Tensor, streams: Streams, data: SiteData) -> Tensor:
        """Streams (S, sites, n, c) of the solution, with separate parameters for each point.

        Args:
            thetas: parameters (n, P), one row for each point.
            streams: the derivatives to compute.
            data: data of the points, with the same streams.
        """
        found = network_streams(self.network, thetas, data.inputs.movedim(2, 0), streams)
        return self.hard(found.movedim(0, 2), streams, data)

    @staticmethod
    def hard(u: Tensor, streams: Streams, data: SiteData) -> Tensor:
        """Streams of lift + factor · network, from the streams u (..., S, sites, n, c) of the network."""
        if data.factor is not None:
            u = torch.stack(streams.product(u.unbind(-4), data.factor.unbind(-4)), -4)
        return u if data.lift is None else u + data.lift
