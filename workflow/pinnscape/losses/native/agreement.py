"""Check of native code against torch."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pinnscape.losses import differences
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.terms import Term, fault

_TOLERANCE = 1e-9  # largest difference, relative to the largest value


class Native(Protocol):
    """The functions of a group of terms that native code provides; shapes and meaning are those of ``TorchGroup``."""

    def measure(self, theta: Tensor) -> tuple[dict[str, Tensor], Tensor]: ...
    def loss(self, name: str, theta: Tensor) -> Tensor: ...
    def gradients(self, name: str, theta: Tensor) -> tuple[Tensor, Tensor]: ...
    def products(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor: ...
    def gauss_newton(self, name: str, theta: Tensor, vectors: Tensor) -> Tensor: ...


def agree(native: Native, group: TorchGroup) -> None:
    """Compare native code with torch at two random parameter vectors.

    Args:
        native: the terms in native code.
        group: the same terms in torch, at the same points.

    Raises:
        ProblemError: the results differ; the message is one line that names the term and both values.
    """
    generator = torch.Generator().manual_seed(0)
    thetas = 0.3 * torch.randn(2, group.solution.network.size, generator=generator, dtype=torch.float64)
    one, measured = thetas[0], native.measure(thetas)[0]
    for name, term in group.terms.items():
        compare(term, "its value with all others", measured[name], lambda t, n=name: group.measure(t)[0][n], thetas)
        if not group.loss(name, one).isfinite():
            continue
        loss, gradient = native.gradients(name, one[None])
        for what, found, route in (
            ("its value", native.loss(name, one[None]), lambda t, n=name: group.loss(n, t)),
            ("its value", loss, lambda t, n=name: group.loss(n, t)),
            ("its gradient", gradient, lambda t, n=name: group.gradients(n, t)[1]),
            ("a Hessian product", native.products(name, one, thetas), lambda t, n=name: group.products(n, t[0], thetas)),
            (
                "a Gauss-Newton product",
                native.gauss_newton(name, one, thetas),
                lambda t, n=name: group.gauss_newton(n, t[0], thetas),
            ),
        ):
            compare(term, what, found, route, one[None])


def compare(term: Term, what: str, found: Tensor, route: Callable[[Tensor], Tensor], thetas: Tensor) -> None:
    """Compare results of native code with those of torch.

    Args:
        term: the term that is evaluated.
        what: name of the compared quantity, for the message.
        found: result of native code.
        route: function that computes the same by torch from parameters (k, P).
        thetas: the parameters (k, P).

    Raises:
        ProblemError: the results differ by more than ``_TOLERANCE`` and the estimated rounding errors.
    """
    numbers, values = found.numpy(), route(thetas).detach().numpy()
    exists = np.isfinite(values)
    gap = np.where(exists, np.abs(np.where(exists, numbers - values, 0.0)), 0.0)
    gap[exists != np.isfinite(numbers)] = np.inf
    allowed = _TOLERANCE * np.abs(values[exists]).max(initial=0.0)
    if gap.max(initial=0.0) > allowed and np.isfinite(gap).all():
        rounding = differences.noise(lambda t: route((1.0 + t) * thetas).detach()[torch.from_numpy(exists)])
        allowed += 100.0 * rounding if np.isfinite(rounding) else 0.0
    if gap.max(initial=0.0) > allowed:
        worst = np.unravel_index(gap.argmax(), gap.shape)
        raise fault(
            term,
            f"native code gives {numbers[worst]:.10g} for {what} where torch gives {values[worst]:.10g}; it must do with symbols what it does with "
            "tensors; if it does, set engine.compile: never, and report this",
        )
