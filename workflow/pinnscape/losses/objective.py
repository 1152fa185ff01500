"""The narrow waist: losses as functions of flat parameters, with their derivatives, for everything above to use.

``Discretization`` puts a problem, a network and a quadrature rule together; ``Objective`` is one of its losses. Both are batched over leading
dimensions of theta. No analysis above this module knows a differential equation.
"""

import copy
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS, STRONG_FORM, SUPERVISED, Formulation
from pinnscape.losses import derivations, local
from pinnscape.losses.native.agreement import agree
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.kernels import Kernels, point_data
from pinnscape.networks.jets import Jet, Order, function_jet, network_jet, product_jet, sum_jet
from pinnscape.networks.mlp import Network
from pinnscape.problems import contract, quadrature
from pinnscape.problems.base import Problem
from pinnscape.problems.euler_lagrange import EulerLagrange

_CHECKED_POINTS = 50  # of fresh machine code
_ZERO = 1e-12  # relative to a problem's scale: a solution of this size is zero
_MEASURED = (*FORMULATIONS, "energy_gap", "l2_error", "h1_error", "infeasible")


class Discretization:
    """A problem, a network with hard boundary conditions u = lift + distance · N, and a quadrature rule.

    Args:
        problem: the boundary value problem.
        network: architecture; its inputs and outputs must fit the problem.
        rule: quadrature rule on the unit cube.
        device: of all tensors; they are float64.
        compiler: makes machine code of losses and derivatives where that pays; without it, and on a GPU, torch runs them operation by operation.
        memory: bound on the intermediate values of one evaluation by torch, in bytes; more points than fit are summed block by block.

    Raises:
        ValueError: the network's inputs or outputs do not fit the problem.
        ProblemError: the problem lacks a method, or one gives something else than its docstring says.
    """

    def __init__(
        self,
        problem: Problem,
        network: Network,
        rule: quadrature.Rule,
        device: str = "cpu",
        compiler: Compiler | None = None,
        memory: float = 1e9,
    ) -> None:
        contract.presence(problem)
        if (network.inputs, network.outputs) != (problem.dimension, len(problem.components)):
            raise ValueError(f"`network` must map {problem.dimension} inputs to {len(problem.components)} outputs")
        self.problem, self.network, self.device = problem, network, torch.device(device)
        self._compiler = compiler if self.device.type == "cpu" else None
        self._kept = None if compiler is None else compiler.folder
        contract.form(problem, torch.tensor(rule.points[:_CHECKED_POINTS], dtype=torch.float64, device=self.device))
        self._operator = derivations.operator(problem, self._kept)
        self.second: Order = self._operator.principal  # the derivatives that the residual needs
        self.memory = memory
        self._place(rule)

    def _place(self, rule: quadrature.Rule) -> None:
        """Everything that depends on the quadrature points."""
        self.points = torch.tensor(rule.points, dtype=torch.float64, device=self.device)
        self.weights = torch.tensor(rule.weights, dtype=torch.float64, device=self.device)
        self.exact = contract.jet(self.problem, "exact", self.points)
        self._lift = function_jet(self.problem.lift, self.points)
        self._factor = function_jet(lambda x: self.problem.scale * self.problem.distance(x), self.points)
        self.load = self._operator(self.points, self.exact)

    def with_rule(self, rule: quadrature.Rule, compiled: bool = True) -> "Discretization":
        """The same under another quadrature rule, where that pays with machine code, or without in any case."""
        other = copy.copy(self)
        for name in [name for name in vars(self) if isinstance(getattr(type(self), name, None), cached_property)]:
            del vars(other)[name]
        other._compiler = self._compiler if compiled else None
        other._place(rule)
        return other

    @property
    def operator(self) -> EulerLagrange:
        """EL[e] in use: by hand where that can be had, else by automatic differentiation."""
        return self._operator

    @property
    def compiler(self) -> Compiler | None:
        """What makes machine code; None on a GPU, or where none is wanted."""
        return self._compiler

    @cached_property
    def parts(self) -> Sequence["Discretization"]:
        """The same problem on blocks of the quadrature points, whose losses sum up to the whole; itself where memory suffices."""
        return self.split(int(self.memory / self.bytes_a_point))

    @property
    def bytes_a_point(self) -> int:
        """Of intermediate values at one point by torch: one for each of the ten or so operations of a layer, kept for the derivatives."""
        return 8 * 10 * self.streams(self.second) * self.network.width * (self.network.depth + 1)

    def split(self, block: int) -> Sequence["Discretization"]:
        """The same problem on blocks of at most so many points, at least one; itself where they are no more."""
        block, count = max(1, block), len(self.points)
        return [self] if count <= block else [self._part(slice(start, start + block)) for start in range(0, count, block)]

    def _part(self, rows: slice) -> "Discretization":
        part = copy.copy(self)
        part.points, part.weights, part.load = self.points[rows], self.weights[rows], self.load[rows]
        part.exact, part._lift, part._factor = self.exact[rows], self._lift[rows], self._factor[rows]
        part._compiler, part.parts = None, [part]
        return part

    def streams(self, order: Order) -> int:
        """How many values at a point go through the network for derivatives up to this order."""
        d = self.problem.dimension
        return {"value": 1, "gradient": 1 + d, "laplacian": 2 + d, "hessian": 1 + d + d * (d + 1) // 2}[order]

    @cached_property
    def kernels(self) -> Kernels | None:
        """Machine code of losses and derivatives; None where there is none, or where it does not pay."""
        weights = self.network.size * len(self.points) * self.streams(self.second)
        if self._compiler is None or not self._compiler.pays(weights):
            return None
        library = self._compiler.library(
            lambda: derivations.code(self.problem, self._operator, self._kept), self.network, self._check
        )
        return None if library is None else self._kernels(library, slice(None))

    def _kernels(self, library: ctypes.CDLL, rows: slice) -> Kernels:
        points, weights, load = (t[rows].numpy() for t in (self.points, self.weights, self.load))
        data = point_data(points, weights, self._factor[rows], self._lift[rows], load, self.exact[rows])
        return Kernels(library, self.network.size, self.problem.dimension, data)

    def _check(self, library: ctypes.CDLL) -> None:
        """Compare fresh code with torch at two parameter vectors and some of the points.

        Raises:
            ProblemError: they disagree; one line that names the loss and both values.
        """
        rows = slice(None, _CHECKED_POINTS)
        part, kernels = self._part(rows), self._kernels(library, rows)
        generator = torch.Generator().manual_seed(0)
        thetas = 0.3 * torch.randn(2, self.network.size, generator=generator, dtype=torch.float64)

        def measured(t: Tensor) -> Tensor:
            return torch.stack([values.double() for values in part._integrals(t)], -1)

        agree(self.problem, "losses and errors", kernels.measure(thetas.numpy()), measured, thetas)
        for name in FORMULATIONS:
            objective = Objective(part, name)
            if not objective.loss(thetas[0]).isfinite():
                continue
            losses, gradients = kernels.gradients(name, thetas[:1].numpy())
            products = kernels.products(name, thetas[0].numpy(), thetas.numpy())
            gauss_newton = kernels.gauss_newton(name, thetas[0].numpy(), thetas.numpy())
            for what, found, route in (
                ("loss", kernels.loss(name, thetas[:1].numpy()), objective.loss),
                ("loss", losses, objective.loss),
                ("gradient", gradients, objective.gradient),
                ("Hessian", products[None], lambda t, o=objective: _products_backwards(o, t[0], thetas)[None]),
                ("Gauss-Newton product", gauss_newton[None], lambda t, o=objective: o._gauss_newton(t[0], thetas)[None]),
            ):
                agree(self.problem, f"the {name} {what}", found, route, thetas[:1])

    def jet(self, theta: Tensor, order: Order) -> Jet:
        """The solution u and its derivatives at the quadrature points for parameters (..., P)."""
        return sum_jet(self._lift, product_jet(self._factor, network_jet(self.network, theta, self.points, order)))

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution u (..., n, c) at any points (n, d)."""
        network = network_jet(self.network, theta, points, "value").value
        return self.problem.lift(points) + self.problem.scale * self.problem.distance(points) * network

    def integral(self, values: Tensor) -> Tensor:
        """∫ of what has these values (..., n) at the quadrature points: (...).

        A sum over points for each integral by itself. By a matrix product, its last digit would depend on how many others are computed with it.
        """
        return (values * self.weights).sum(-1)

    def energy(self, u: Jet) -> Tensor:
        """∫ e(x, u, ∇u) - f·u; NaN where the energy does not exist at a quadrature point."""
        density = self.problem.density(self.points, u.value, u.gradient)
        return self._where_it_exists(self.integral(density - (self.load * u.value).sum(-1)), u)

    def residual(self, u: Jet) -> Tensor:
        """EL[e](u) - f (..., n, c)."""
        return self._operator(self.points, u) - self.load

    def squared_residual(self, u: Jet) -> Tensor:
        """∫ |EL[e](u) - f|²; NaN where the energy does not exist at a quadrature point."""
        return self._where_it_exists(self.integral(self.residual(u).square().sum(-1)), u)

    def _where_it_exists(self, loss: Tensor, u: Jet) -> Tensor:
        """NaN where the energy does not exist, even if its formula happens to give a number there."""
        mask = self.problem.infeasible(u.value, u.gradient)
        return loss if mask is None else torch.where(mask.any(-1), torch.nan, loss)

    def misfit(self, u: Jet) -> Tensor:
        """∫ |u - u*|²."""
        return self.integral((u.value - self.exact.value).square().sum(-1))

    def errors(self, u: Jet) -> tuple[Tensor, Tensor]:
        """Relative L² error and relative error in the full H¹ norm."""
        return self._relative(self.misfit(u), self._slope_misfit(u))

    def _slope_misfit(self, u: Jet) -> Tensor:
        return self.integral((u.gradient - self.exact.gradient).square().sum((-2, -1)))

    def _relative(self, value: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
        norm, seminorm = (torch.nan, torch.nan) if self.is_zero else self.norms
        return (value / norm).sqrt(), ((value + slope) / (norm + seminorm)).sqrt()

    @cached_property
    def is_zero(self) -> bool:
        """Whether the exact solution is nothing but rounding: then nothing is relative to it, and relative errors are withheld (NaN)."""
        sizes = self.exact.value.abs().max(), self.exact.gradient.abs().max()
        return bool(max(sizes) <= _ZERO * self.problem.scale)

    @cached_property
    def norms(self) -> tuple[float, float]:
        """∫ |u*|² and ∫ |∇u*|², which errors are relative to."""
        value = self.exact.value.square().sum(-1) @ self.weights
        return float(value), float(self.exact.gradient.square().sum((-2, -1)) @ self.weights)

    def infeasible(self, u: Jet) -> Tensor:
        """Whether the energy does not exist at some quadrature point (...), bool."""
        mask = self.problem.infeasible(u.value, u.gradient)
        return torch.zeros(u.value.shape[:-2], dtype=torch.bool, device=self.device) if mask is None else mask.any(-1)

    @cached_property
    def energy_minimum(self) -> float:
        """Energy of the exact solution under the same rule as every other energy; see ``quadrature_error`` for what the rule is off.

        Energies near it have nearly the same error, which is gone from their difference.
        """
        return float(self.energy(self.exact))

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Every loss and error at once, each (...), for parameters (..., P): one pass through the network for all of them.

        Keys: the formulations, ``energy_gap``, ``l2_error``, ``h1_error``, ``infeasible``. Where the energy does not exist, the losses that are
        made of it are NaN.
        """
        if self.kernels is None:
            energy, residual, misfit, slope, infeasible = self._summed(theta)
        else:
            rows = torch.from_numpy(self.kernels.measure(_rows(theta)))
            energy, residual, misfit, slope, missing = rows.reshape(*theta.shape[:-1], 5).unbind(-1)
            infeasible = missing != 0
        results = energy, residual, misfit, energy - self.energy_minimum, *self._relative(misfit, slope), infeasible
        return dict(zip(_MEASURED, results, strict=True))

    def _summed(self, theta: Tensor) -> tuple[Tensor, ...]:
        """``_integrals`` over all blocks of points."""
        sums = self.parts[0]._integrals(theta)
        for part in self.parts[1:]:
            *more, infeasible = part._integrals(theta)
            sums = *(a + b for a, b in zip(sums[:-1], more, strict=True)), sums[-1] | infeasible
        return sums

    def _integrals(self, theta: Tensor) -> tuple[Tensor, ...]:
        u = self.jet(theta, self.second)
        return self.energy(u), self.squared_residual(u), self.misfit(u), self._slope_misfit(u), self.infeasible(u)


@dataclass(frozen=True)
class Objective:
    """One loss L(theta) of a discretised problem.

    Args:
        discretization: problem, network and quadrature.
        name: of its formulation: ``deep-ritz``, ``strong-form`` or ``supervised``.

    Raises:
        ValueError: unknown formulation.
    """

    discretization: Discretization
    name: str

    def __post_init__(self) -> None:
        if self.name not in FORMULATIONS:
            raise ValueError(f"`name` must be one of {', '.join(FORMULATIONS)}, not {self.name!r}")

    @property
    def formulation(self) -> Formulation:
        """What is known of the loss whatever the problem."""
        return FORMULATIONS[self.name]

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.discretization.network.size

    @property
    def device(self) -> torch.device:
        return self.discretization.device

    @property
    def minimum(self) -> float:
        """Value of the loss at the exact solution, under the same rule."""
        return self.formulation.minimum(self.discretization.energy_minimum)

    @property
    def order(self) -> Order:
        """The derivatives of u that the loss needs."""
        orders: tuple[Order, ...] = ("value", "gradient", self.discretization.second)
        return orders[self.formulation.order]

    def __call__(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), to be differentiated; see ``loss`` for the value alone."""
        return sum(
            (self._on(part, theta) for part in self.discretization.parts[1:]), self._on(self.discretization.parts[0], theta)
        )

    def _on(self, d: Discretization, theta: Tensor) -> Tensor:
        """The part of the loss that comes from the points of ``d``."""
        u = d.jet(theta, self.order)
        return {DEEP_RITZ: d.energy, STRONG_FORM: d.squared_residual, SUPERVISED: d.misfit}[self.formulation](u)

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), the value alone."""
        kernels = self.discretization.kernels
        if kernels is None:
            with torch.no_grad():
                return self(theta)
        return torch.from_numpy(kernels.loss(self.name, _rows(theta))).reshape(theta.shape[:-1])

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and its gradient (..., P)."""
        theta, kernels = theta.detach(), self.discretization.kernels
        if kernels is not None:
            losses, gradients = (torch.from_numpy(found) for found in kernels.gradients(self.name, _rows(theta)))
            return losses.reshape(theta.shape[:-1]), gradients.reshape(theta.shape)
        theta = theta.requires_grad_()
        loss, gradient = torch.zeros(theta.shape[:-1], dtype=theta.dtype, device=theta.device), torch.zeros_like(theta)
        for part in self.discretization.parts:
            summand = self._on(part, theta)
            gradient = gradient + torch.autograd.grad(summand.sum(), theta)[0]
            loss = loss + summand.detach()
        return loss, gradient

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
        kernels = self.discretization.kernels
        if kernels is not None:
            found = kernels.products(self.name, theta.detach().numpy(), _rows(vectors))
            return torch.from_numpy(found).reshape(vectors.shape)
        if vectors.ndim == 1:
            return self._product(theta, vectors)
        return torch.func.vmap(lambda vector: self._product(theta, vector))(vectors)

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products with the Gauss-Newton part G of the Hessian, which is not formed: 2JᵀJ for a sum of squares, for Deep Ritz the energy Gram matrix.

        Args:
            theta: (P,).
            vectors: (P,) or (k, P).

        Returns:
            G v for each vector, of the shape of ``vectors``; NaN where the loss does not exist.
        """
        kernels = self.discretization.kernels
        if kernels is not None:
            found = kernels.gauss_newton(self.name, theta.detach().numpy(), _rows(vectors))
            return torch.from_numpy(found).reshape(vectors.shape)
        return self._gauss_newton(theta, vectors.reshape(-1, vectors.shape[-1])).reshape(vectors.shape)

    def _gauss_newton(self, theta: Tensor, rows: Tensor) -> Tensor:
        total = torch.zeros_like(rows)
        for part in self.discretization.parts:
            total += local.gauss_newton(part, self.formulation, self.order, theta, rows)
        return total

    def _product(self, theta: Tensor, vector: Tensor) -> Tensor:
        return sum(
            torch.func.jvp(torch.func.grad(lambda t, d=part: self._on(d, t)), (theta,), (vector,))[1]
            for part in self.discretization.parts
        )  # pyright: ignore[reportReturnType] (there is at least one part)


def _rows(theta: Tensor) -> np.ndarray:
    """Parameters (..., P) as rows (m, P)."""
    return theta.detach().reshape(-1, theta.shape[-1]).numpy()


def _products_backwards(objective: Objective, theta: Tensor, vectors: Tensor) -> Tensor:
    """Hessian-vector products (k, P), backwards twice: slower than ``hessian_product``, but torch's forward mode takes two seconds to load."""
    theta = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(theta), theta, create_graph=True)
    return torch.stack([torch.autograd.grad(gradient @ vector, theta, retain_graph=True)[0] for vector in vectors])


def tensor(theta: np.ndarray, device: str | torch.device = "cpu") -> Tensor:
    """Parameters from a file as a float64 tensor."""
    return torch.tensor(np.asarray(theta), dtype=torch.float64, device=device)
