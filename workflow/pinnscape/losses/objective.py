"""The interface through which all analyses see a loss: a function of a flat parameter vector, with its derivatives.

Analyses that use only this interface need no knowledge of the differential equation. Functions are batched over leading
dimensions of theta where their shapes say so.
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.measured import Measurement
from pinnscape.networks.layout import Layout


class Objective(Protocol):
    """A loss L(theta) of P parameters.

    Attributes:
        name: name of the loss.
        minimum: the loss at the exact solution under the same quadrature rules; NaN if unknown.
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
        """Positions of the network's weights and biases in theta."""
        ...

    @property
    def device(self) -> torch.device: ...
    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate in one batch."""
        ...

    @property
    def is_squared(self) -> bool:
        """Whether the loss is a sum of squares with nonnegative weights, and hence nonnegative."""
        ...

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), without an autograd graph."""
        ...

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P) at parameters (..., P)."""
        ...

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and gradient (..., P) at parameters (..., P)."""
        ...

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Hessian at theta (P,) with vectors (P,) or (k, P), of the same shape."""
        ...

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Gauss-Newton part of the Hessian at theta (P,) with vectors (P,) or (k, P), of the same shape."""
        ...

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """The weighted terms (...) at parameters (..., P), by name; their sum is the loss."""
        ...

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what ``measure`` returns besides losses, terms and errors, such as accuracies."""
        ...

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All losses and errors (...) at parameters (..., P) that can be evaluated together with this loss, by name."""
        ...

    @property
    def fresh(self) -> "Objective | None":
        """The same loss at points that training on this loss does not use; None if there are no other points."""
        ...

    def with_minimum(self, minimum: float) -> Self:
        """A copy with another value of ``minimum``."""
        ...

    @property
    def draws(self) -> float:
        """Number of mini-batches, infinity if the points of the loss are random, and 0 if there is nothing to draw."""
        ...

    def drawn(self, draw: int) -> Self:
        """The loss at random points that are drawn again, or of a mini-batch, with ``draw`` as the number of the draw."""
        ...


class Losses(Protocol):
    """All losses of a case, as functions of the same parameters, and what else can be measured at a point.

    Attributes:
        losses: names of the losses, in their order in files, tables and figures.
        terms: names of all terms of the losses that have more than one term, as in ``strong-form/initial``.
        measures: names of quantities that ``measure`` returns and that are not ``fields``, such as accuracies.
        fields: names of the quantities that may be interpolated, because they are smooth functions of the parameters.
        size: number of parameters P.
        layout: positions of the weights and biases in theta.
        device: device of the tensors.
        batch: number of parameter vectors to evaluate in one batch.
        energy_minimum: energy of the exact solution; NaN if unknown.
        norms: means of |u*|² and of |∇u*|², to which squared errors are relative; NaN if unknown.
    """

    @property
    def losses(self) -> tuple[str, ...]: ...
    @property
    def terms(self) -> tuple[str, ...]: ...
    @property
    def measures(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def physics(self) -> tuple[str, ...]:
        """The losses that contain the differential equation; all losses if that is unknown."""
        ...

    @property
    def compared(self) -> tuple[str, ...]:
        """The two losses that claims compare; empty if there are no two."""
        ...

    @property
    def size(self) -> int: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def batch(self) -> int: ...
    @property
    def energy_minimum(self) -> float: ...
    @property
    def energy_minimum_error(self) -> float:
        """Quadrature error of ``energy_minimum``; NaN if unknown."""
        ...

    @property
    def norms(self) -> tuple[float, float]: ...

    def with_weights(self, weights: Mapping[str, float]) -> Self:
        """A copy in which the weights of terms are multiplied by these factors, by name as in ``strong-form/initial``."""
        ...

    def objective(self, loss: str) -> Objective:
        """A loss by its name, or a single term of a loss, as in ``strong-form/initial``."""
        ...

    def measure(self, theta: Tensor, what: Measurement = "all") -> dict[str, Tensor]:
        """Values (...) at parameters (..., P), by name; of those that ``what`` does not name, any may be lacking: the losses, ``terms`` and ``measures``; ``energy_gap``, ``l2_error``
        and ``h1_error``, NaN if unknown; and ``infeasible``, bool, whether a loss does not exist.
        """
        ...

    def gap_errors(self, thetas: Tensor) -> np.ndarray:
        """Quadrature errors (n,) of the energy gap at parameters (n, P); NaN if unknown."""
        ...


def tensor(theta: Any, device: str | torch.device = "cpu") -> Tensor:
    """Parameters, such as an array from a file, as a float64 tensor on a device."""
    return torch.tensor(np.asarray(theta), dtype=torch.float64, device=device)
