"""Comparison of gradients and Hessian-vector products of the losses with central differences.

The derivatives are computed by the implementation (native code or torch) and on the device that training and analyses use.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from pinnscape.losses.differences import TOLERANCE, deviation
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.problems.faults import fault, naming
from pinnscape.problems.points import Rule
from pinnscape.problems.statement import DEEP_RITZ, SUPERVISED

# Points along each axis, by dimension, and in more than two dimensions. Few points suffice, because each one contributes to the
# derivatives.
_POINTS = {1: 16, 2: 7}
_MORE = 3
REMEDY = "write it with functions of pinnscape.problems.functions, which are differentiated right"


def check(d: Discretization) -> tuple[dict[str, float], list[str]]:
    """Check the gradient and the Hessian of each loss at two parameter vectors.

    Returns:
        The larger of the two deviations from central differences, with the names ``{loss}_gradient`` and ``{loss}_hessian``, and
        warnings about losses that cannot be checked.

    Raises:
        ProblemError: a derivative is incorrect.
    """
    probe, found, warnings = _probe(d), {}, []
    generator = torch.Generator().manual_seed(8)

    def random() -> Tensor:
        return torch.randn(d.network.size, generator=generator, dtype=torch.float64).to(d.device)

    def direction() -> Tensor:
        """A random vector of signs; since all entries have the same magnitude, an error in any derivative is noticed."""
        return random().sign()

    for loss in probe.losses:
        objective = probe.objective(loss)
        for seed, spread in ((0, 0.1), (1, 0.3)):
            theta = _where_finite(
                objective, probe.assembly.solution.tensor(d.network.initial("glorot", seed)) + spread * random()
            )
            if theta is None:
                warnings.append(f"{loss}: the loss is not finite near the lift, so its derivatives are not checked")
                break
            directions = torch.stack([direction(), direction()])
            directions *= theta.norm() / directions.norm(dim=-1, keepdim=True)
            with naming(d.problem, _method(probe, loss), REMEDY):
                derivatives = {
                    "gradient": _slope(objective, theta, directions[0]),
                    "hessian": _curvature(objective, theta, directions),
                }
            for what, off in derivatives.items():
                _judge(probe, objective, what, off)
                found[f"{loss}_{what}"] = max(off, found.get(f"{loss}_{what}", 0.0))
    return found, warnings


def _probe(d: Discretization) -> Discretization:
    """A discretisation of the same problem with the same network and implementation, but with few points."""
    points = _POINTS.get(d.problem.domain.dimension, _MORE)
    return d.with_rules(
        replace(d.rules, interior=Rule("gauss-legendre", points), conditions={}, others=Rule("gauss-legendre", points))
    )


def _method(d: Discretization, loss: str) -> str:
    """Name of the method or attribute of the problem that defines a loss."""
    if loss == SUPERVISED:
        return "exact" if d.problem.has("exact") else "reference"
    return "residual" if d.problem.has("residual") and loss != DEEP_RITZ else "density"


def _where_finite(objective: FieldObjective, theta: Tensor) -> Tensor | None:
    """Parameters, scaled down until the loss is finite; None if it is not finite for small parameters either."""
    for _ in range(20):
        if objective.loss(torch.stack([theta, 1.1 * theta])).isfinite().all():
            return theta
        theta = 0.5 * theta
    return None


def _slope(objective: FieldObjective, theta: Tensor, direction: Tensor) -> float:
    """The deviation of the derivative along a given direction and along the gradient, where no terms cancel."""
    _, gradient = objective.loss_and_gradient(theta)
    norm = float(gradient.norm())
    if not math.isfinite(norm):
        return math.inf
    along = [direction, gradient * (theta.norm() / norm)] if norm > 0.0 else [direction]
    return max(deviation(lambda t, v=v: objective.loss(theta + t * v), gradient @ v, norm * float(v.norm())) for v in along)


def _curvature(objective: FieldObjective, theta: Tensor, directions: Tensor) -> float:
    found = objective.hessian_product(theta, directions)
    pairs = zip(directions, found, strict=True)
    return max(deviation(lambda t, v=v: objective.gradient(theta + t * v), product) for v, product in pairs)


def _judge(d: Discretization, objective: FieldObjective, what: str, off: float) -> None:
    if not off <= TOLERANCE:
        route = "native code" if all(d.assembly.natives) else "torch"
        text = f"the {what} of the {objective.name} loss by {route} is off by {off:.1e} (relative to central differences)"
        raise fault(d.problem, _method(d, objective.name), f"{text}; {REMEDY}")
