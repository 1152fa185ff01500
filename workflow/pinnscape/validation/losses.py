"""Gradients and Hessian-vector products of the losses against central differences, by the route that training and analyses take."""

import math

import torch
from torch import Tensor

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.objective import Discretization, Objective, tensor
from pinnscape.problems import contract, quadrature

_POINTS = {1: 16, 2: 7, 3: 4}  # an axis: each point has its own part in the derivatives, so that few suffice


def check(d: Discretization) -> tuple[dict[str, float], list[str]]:
    """The deviation of gradient and Hessian of each loss at two parameter vectors, and warnings of losses that cannot be checked.

    Raises:
        ProblemError: one is wrong.
    """
    probe, found, warnings = _probe(d), {}, []
    generator = torch.Generator().manual_seed(8)

    def random() -> Tensor:
        return torch.randn(d.network.size, generator=generator, dtype=torch.float64).to(d.device)

    def direction() -> Tensor:
        """All entries are of one size, so that a derivative in any of them counts."""
        return random().sign()

    for formulation in FORMULATIONS:
        objective = Objective(probe, formulation)
        for seed, spread in ((0, 0.1), (1, 0.3)):
            theta = _where_finite(objective, tensor(d.network.initial("glorot", seed), d.device) + spread * random())
            if theta is None:
                warnings.append(f"{formulation}: the loss is not finite near the lift, so its derivatives are not checked")
                break
            directions = torch.stack([direction(), direction()])
            directions *= theta.norm() / directions.norm(dim=-1, keepdim=True)
            with contract.naming(d.problem, "density", contract.OPERATIONS):
                derivatives = {
                    "gradient": _slope(objective, theta, directions[0]),
                    "hessian": _curvature(objective, theta, directions),
                }
            for what, off in derivatives.items():
                _judge(objective, what, off)
                found[f"{formulation}_{what}"] = max(off, found.get(f"{formulation}_{what}", 0.0))
    return found, warnings


def _probe(d: Discretization) -> Discretization:
    """The same problem and network by the same route, on few points."""
    dimension = d.problem.dimension
    rule = quadrature.rule("gauss-legendre", _POINTS[dimension], dimension)
    compiler = None if d.kernels is None or d.compiler is None else Compiler(d.compiler.folder)
    return Discretization(d.problem, d.network, rule, str(d.device), compiler)


def _where_finite(objective: Objective, theta: Tensor) -> Tensor | None:
    """The parameters, or a fraction of them at which the loss is a number; None where even small ones have none."""
    for _ in range(20):
        if objective.loss(torch.stack([theta, 1.1 * theta])).isfinite().all():
            return theta
        theta = 0.5 * theta
    return None


def _slope(objective: Objective, theta: Tensor, direction: Tensor) -> float:
    """Along the gradient itself, where nothing cancels, and along a random direction."""
    _, gradient = objective.loss_and_gradient(theta)
    norm = float(gradient.norm())
    if not math.isfinite(norm):
        return math.inf
    along = [direction, gradient * (theta.norm() / norm)] if norm > 0.0 else [direction]
    return max(deviation(lambda t, v=v: objective.loss(theta + t * v), gradient @ v, norm * float(v.norm())) for v in along)


def _curvature(objective: Objective, theta: Tensor, directions: Tensor) -> float:
    found = objective.hessian_product(theta, directions)
    pairs = zip(directions, found, strict=True)
    return max(deviation(lambda t, v=v: objective.gradient(theta + t * v), product) for v, product in pairs)


def _judge(objective: Objective, what: str, off: float) -> None:
    if not off <= TOLERANCE:
        d = objective.discretization
        route = "torch" if d.kernels is None else "machine code"
        raise contract.fault(
            d.problem, "exact" if objective.formulation.is_reference else "density",
            f"the {what} of the {objective.name} loss by {route} is off by {off:.1e} (relative to central differences); {contract.OPERATIONS}",
        )  # fmt: skip
