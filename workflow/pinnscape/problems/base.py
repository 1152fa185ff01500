"""What a boundary value problem is: an energy density, an exact solution and hard boundary conditions.

The energy is written once. The Deep Ritz loss integrates it; the strong-form residual is its Euler-Lagrange operator (``variation``); the
load that makes the exact solution exact is that operator applied to it. The domain is the unit interval, square, cube, ...
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor


class Problem:
    """A boundary value problem with energy ∫ e(x, u, ∇u) - f·u dx on the unit cube and Dirichlet conditions u = lift.

    Attributes:
        name: by which a study finds the problem, if its module is in this folder: lower-case letters, digits and underscores.
        about: one line on it, a comment in config.yaml.
        parameters: names of the arguments of ``__init__``, each with a lower bound, such as ``{"mu": (0.0, "above")}`` or ``(0.0, "at least")``.
        dimension: d, number of independent variables.
        components: names of the c components of u.
        scale: typical size of u - lift; the network's output is multiplied by it.
    """

    name: str
    about: str = ""
    parameters: ClassVar[Mapping[str, tuple[float, str]]] = {}
    dimension: int
    components: tuple[str, ...] = ("u",)
    scale: float = 1.0

    def density(self, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
        """Energy density e without the load, in arithmetic and functions of ``pinnscape.problems.functions``.

        Args:
            x: points (n, d).
            u: values (..., n, c).
            du: gradient (..., n, c, d).

        Returns:
            (..., n), each entry a function of its own point alone; NaN where the energy does not exist.
        """
        raise TypeError(f"{type(self).__name__} must define `density`")

    def exact(self, x: Tensor) -> Tensor:
        """Exact solution u* (n, c) at points (n, d)."""
        raise TypeError(f"{type(self).__name__} must define `exact`")

    def lift(self, x: Tensor) -> Tensor:
        """A smooth function (n, c) with the boundary values of u; zero unless overridden."""
        return torch.zeros(*x.shape[:-1], len(self.components), dtype=x.dtype, device=x.device)

    def distance(self, x: Tensor) -> Tensor:
        """A smooth function (n, 1) that vanishes on the boundary alone; its maximum is 1."""
        return (4.0 * x * (1.0 - x)).prod(-1, keepdim=True)

    def infeasible(self, u: Tensor, du: Tensor) -> Tensor | None:
        """Points (..., n) at which the energy does not exist; None where it always does."""
        return None
