"""The narrow waist: losses as functions of flat parameters, with their derivatives, for everything above to use.

``Discretization`` puts a problem, a network and a quadrature rule together; ``Objective`` is one of its losses. Both are batched over leading
dimensions of theta. No analysis above this module knows a differential equation.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pinnscape import quadrature
from pinnscape.formulations import FORMULATIONS
from pinnscape.jets import Jet, Order, function_jet, network_jet, product_jet, sum_jet
from pinnscape.networks import Network
from pinnscape.problems.base import Problem
from pinnscape.variation import EulerLagrange

# The exact energy is integrated with this many Gauss-Legendre points an axis, far beyond what smooth solutions need.
_REFERENCE_POINTS = 80


class Discretization:
    """A problem, a network with hard boundary conditions u = lift + distance · N, and a quadrature rule.

    Args:
        problem: the boundary value problem.
        network: architecture; its inputs and outputs must fit the problem.
        rule: quadrature rule on the unit cube.
        device: of all tensors; they are float64.

    Raises:
        ValueError: the network's inputs or outputs do not fit the problem.
    """

    def __init__(self, problem: Problem, network: Network, rule: quadrature.Rule, device: str = "cpu") -> None:
        if (network.inputs, network.outputs) != (problem.dimension, len(problem.components)):
            raise ValueError(f"`network` must map {problem.dimension} inputs to {len(problem.components)} outputs")
        self.problem, self.network, self.device = problem, network, torch.device(device)
        self.points = torch.tensor(rule.points, dtype=torch.float64, device=self.device)
        self.weights = torch.tensor(rule.weights, dtype=torch.float64, device=self.device)
        self.exact = function_jet(problem.exact, self.points)
        self._lift = function_jet(problem.lift, self.points)
        self._factor = function_jet(lambda x: problem.scale * problem.distance(x), self.points)
        self._operator = EulerLagrange(problem.density, problem.dimension, len(problem.components))
        self.load = self._operator(self.points, self.exact)
        self.second: Order = self._operator.principal  # the derivatives that the residual needs

    def jet(self, theta: Tensor, order: Order) -> Jet:
        """The solution u and its derivatives at the quadrature points for parameters (..., P)."""
        return sum_jet(self._lift, product_jet(self._factor, network_jet(self.network, theta, self.points, order)))

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution u (..., n, c) at any points (n, d)."""
        network = network_jet(self.network, theta, points, "value").value
        return self.problem.lift(points) + self.problem.scale * self.problem.distance(points) * network

    def energy(self, u: Jet) -> Tensor:
        """∫ e(x, u, ∇u) - f·u; NaN where the energy does not exist at a quadrature point."""
        density = self.problem.density(self.points, u.value, u.gradient)
        return self._where_it_exists((density - (self.load * u.value).sum(-1)) @ self.weights, u)

    def residual(self, u: Jet) -> Tensor:
        """EL[e](u) - f (..., n, c)."""
        return self._operator(self.points, u) - self.load

    def squared_residual(self, u: Jet) -> Tensor:
        """∫ |EL[e](u) - f|²; NaN where the energy does not exist at a quadrature point."""
        return self._where_it_exists(self.residual(u).square().sum(-1) @ self.weights, u)

    def _where_it_exists(self, loss: Tensor, u: Jet) -> Tensor:
        """NaN where the energy does not exist, even if its formula happens to give a number there."""
        mask = self.problem.inverted(u.value, u.gradient)
        return loss if mask is None else torch.where(mask.any(-1), torch.nan, loss)

    def misfit(self, u: Jet) -> Tensor:
        """∫ |u - u*|²."""
        return (u.value - self.exact.value).square().sum(-1) @ self.weights

    def errors(self, u: Jet) -> tuple[Tensor, Tensor]:
        """Relative L² error and relative error in the full H¹ norm."""
        value, slope = self.misfit(u), (u.gradient - self.exact.gradient).square().sum((-2, -1)) @ self.weights
        norm = self.exact.value.square().sum(-1) @ self.weights
        seminorm = self.exact.gradient.square().sum((-2, -1)) @ self.weights
        return (value / norm).sqrt(), ((value + slope) / (norm + seminorm)).sqrt()

    def inverted(self, u: Jet) -> Tensor:
        """Whether the energy does not exist at some quadrature point (...), bool."""
        mask = self.problem.inverted(u.value, u.gradient)
        return torch.zeros(u.value.shape[:-2], dtype=torch.bool, device=self.device) if mask is None else mask.any(-1)

    @cached_property
    def energy_minimum(self) -> float:
        """Energy of the exact solution, by a fine Gauss-Legendre rule."""
        fine = quadrature.rule("gauss-legendre", _REFERENCE_POINTS, self.problem.dimension)
        points = torch.tensor(fine.points, dtype=torch.float64)
        exact = function_jet(self.problem.exact, points)
        load = self._operator(points, exact)
        density = self.problem.density(points, exact.value, exact.gradient) - (load * exact.value).sum(-1)
        return float(density @ torch.tensor(fine.weights))

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Every loss and error at once, each (...): one pass through the network for all of them.

        Keys: the formulations, ``energy_gap``, ``l2_error``, ``h1_error``, ``inverted``. Where the energy does not exist, the losses that are
        made of it are NaN.
        """
        u = self.jet(theta, self.second)
        energy = self.energy(u)
        l2_error, h1_error = self.errors(u)
        losses = dict(zip(FORMULATIONS, (energy, self.squared_residual(u), self.misfit(u)), strict=True))
        gap = energy - self.energy_minimum
        return {**losses, "energy_gap": gap, "l2_error": l2_error, "h1_error": h1_error, "inverted": self.inverted(u)}


@dataclass(frozen=True)
class Objective:
    """One loss L(theta) of a discretised problem.

    Args:
        discretization: problem, network and quadrature.
        formulation: ``deep-ritz``, ``strong-form`` or ``supervised``.

    Raises:
        ValueError: unknown formulation.
    """

    discretization: Discretization
    formulation: str

    def __post_init__(self) -> None:
        if self.formulation not in FORMULATIONS:
            raise ValueError(f"`formulation` must be one of {', '.join(FORMULATIONS)}, not {self.formulation!r}")

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.discretization.network.size

    @property
    def device(self) -> torch.device:
        return self.discretization.device

    @property
    def minimum(self) -> float:
        """Value of the loss at the exact solution."""
        return self.discretization.energy_minimum if self.formulation == "deep-ritz" else 0.0

    def __call__(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P)."""
        d = self.discretization
        if self.formulation == "deep-ritz":
            return d.energy(d.jet(theta, "gradient"))
        if self.formulation == "strong-form":
            return d.squared_residual(d.jet(theta, d.second))
        return d.misfit(d.jet(theta, "value"))

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and its gradient (..., P)."""
        theta = theta.detach().requires_grad_()
        loss = self(theta)
        (gradient,) = torch.autograd.grad(loss.sum(), theta)
        return loss.detach(), gradient

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P)."""
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Hessian-vector products, forward over reverse (Pearlmutter 1994).

        Args:
            theta: (P,).
            vectors: (P,) or (k, P).

        Returns:
            H v for each vector, of the shape of ``vectors``.
        """
        gradient = torch.func.grad(self.__call__)

        def product(vector: Tensor) -> Tensor:
            return torch.func.jvp(gradient, (theta,), (vector,))[1]

        return product(vectors) if vectors.ndim == 1 else torch.func.vmap(product)(vectors)


def tensor(theta: np.ndarray, device: str | torch.device = "cpu") -> Tensor:
    """Parameters from a file as a float64 tensor."""
    return torch.tensor(np.asarray(theta), dtype=torch.float64, device=device)
