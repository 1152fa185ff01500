"""The interface between losses and everything above them: a loss as a function of a flat parameter vector, with its derivatives.

All functions are batched over leading dimensions of theta where a signature says so. No analysis above this interface knows a differential equation.
"""

from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from pinnscape.networks.layout import Layout


class Objective(Protocol):
    """A loss L(theta) of P parameters.

    Attributes:
        name: name of the loss.
        minimum: the loss at the exact solution under the same rule; NaN if it is not known.
    """

    @property
    def name(self) -> str: ...
    @property
    def minimum(self) -> float: ...
    @property
    def size(self) -> int:
        """Number of parameters P."""
        ...

    @property
    def layout(self) -> Layout:
        """Where the affine maps of the network are in theta."""
        ...

    @property
    def device(self) -> torch.device: ...
    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate at a time."""
        ...

    @property
    def is_squared(self) -> bool:
        """Whether the loss is a sum of squares, so that its minimum is not below 0."""
        ...

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), without a graph."""
        ...

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P)."""
        ...

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and gradient (..., P)."""
        ...

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Hessian-vector products, of the shape of ``vectors``, (P,) or (k, P), at theta (P,)."""
        ...

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products with the Gauss-Newton part of the Hessian, likewise."""
        ...

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """The weighted terms (...), whose sum is the loss."""
        ...

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All losses and errors (...) that are measured with this loss."""
        ...

    @property
    def fresh(self) -> "Objective | None":
        """The same loss at points that a training on this one does not use; None if it has no points of its own."""
        ...

    def with_minimum(self, minimum: float) -> Self:
        """The same loss with another value in place of an unknown minimum."""
        ...


def tensor(theta: Any, device: str | torch.device = "cpu") -> Tensor:
    """Parameters from a file as a float64 tensor."""
    return torch.tensor(np.asarray(theta), dtype=torch.float64, device=device)
