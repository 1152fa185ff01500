"""Curves between two points along which a loss stays low: quadratic Bézier curves and polygonal chains.

Each curve is linear in its control points pₖ, theta(t) = Σ basisₖ(t) pₖ. The first and the last control point are the two
points that the curve connects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from pinnscape.config.sections import PathTraining
from pinnscape.losses.objective import Objective
from pinnscape.training.optimizers import Adam, State

Basis = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Training:
    """How curves are trained.

    Attributes:
        steps: number of steps of Adam.
        learning_rate: initial learning rate.
        decay: ratio of the last learning rate to the initial one.
        perturbation: length of the initial random displacement of each inner control point from the straight line, relative to
            the distance between the two points.
        seed: seed of this displacement.
        check: number of steps between two dense evaluations of the curve.
        nodes: number of quadrature nodes of the integral over the curve.
        points: number of positions of the dense evaluation.
    """

    steps: int
    learning_rate: float
    decay: float
    perturbation: float
    seed: int
    check: int
    nodes: int
    points: int

    @classmethod
    def of(cls, settings: PathTraining, points: int) -> Self:
        """The training with these settings; the trained path is evaluated at ``points`` positions."""
        return cls(**{name: getattr(settings, name) for name in PathTraining.model_fields}, points=points)

    @property
    def positions(self) -> np.ndarray:
        """Positions of the dense evaluation, including 0 and 1."""
        return np.arange(self.points) / (self.points - 1)


def bezier(t: np.ndarray) -> np.ndarray:
    """Basis (n, 3) of a quadratic Bézier curve: (1 - t)², 2t(1 - t), t² (Garipov et al. 2018, eq. 4)."""
    return np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=-1)


def chain(segments: int) -> Basis:
    """Basis (n, segments + 1) of a polygonal chain with control points at equal steps of t (Garipov et al. 2018, eq. 3)."""
    return lambda t: np.maximum(0.0, 1 - np.abs(segments * t[..., None] - np.arange(segments + 1)))


def quadrature(nodes: int, segments: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1], with ``nodes`` nodes in each of ``segments`` equal segments.

    Garipov et al. draw one random t in each step, which suits minibatch losses. Losses without minibatches have no noise, and a
    fixed rule adds none: the mean over the curve is then a deterministic function of the control points.
    """
    x, w = np.polynomial.legendre.leggauss(nodes)
    x, w = (x + 1) / 2, w / 2
    starts = np.arange(segments)[:, None]
    return ((starts + x) / segments).ravel(), np.tile(w / segments, segments)


def points_on(basis: np.ndarray, controls: Tensor) -> Tensor:
    """Points (n, P) of a curve with control points (m, P) at the positions of the rows of ``basis`` (n, m)."""
    return torch.tensor(basis, dtype=controls.dtype, device=controls.device) @ controls


def highest(losses: Tensor) -> float:
    """The maximum of losses (n,); infinite if one of them does not exist, since a path cannot pass through such a point."""
    return float(losses.max()) if bool(losses.isfinite().all()) else float("inf")


def straight(a: Tensor, b: Tensor, points: int) -> Tensor:
    """Control points (m, P) at equal steps on the straight line from a to b."""
    t = torch.linspace(0, 1, points, dtype=a.dtype, device=a.device)[:, None]
    return (1 - t) * a + t * b


def displaced(controls: Tensor, length: float, seed: int) -> Tensor:
    """Control points with the inner ones displaced at random, each by ``length`` times the distance between the ends.

    On the straight line itself, all forces may vanish by symmetry.
    """
    noise = torch.tensor(np.random.default_rng(seed).standard_normal(controls.shape)).to(controls)
    noise[[0, -1]] = 0.0
    size = noise.norm(dim=1, keepdim=True).clamp_min(torch.finfo(noise.dtype).tiny)
    return controls + length * (controls[-1] - controls[0]).norm() * noise / size


def gaps(objective: Objective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Gaps (n,), the loss minus its minimum, and their gradients (n, P) at points (n, P).

    Where the loss does not exist, the gap is NaN and its gradient zero. Where the quadrature rule makes the gap negative, both
    are zero.
    """
    loss, gradient = objective.loss_and_gradient(theta)
    gap = loss - objective.minimum
    exists = loss.isfinite() & gradient.isfinite().all(-1)
    gap = torch.where(exists, gap.clamp_min(0.0), torch.nan)
    return gap, torch.where((gap > 0)[:, None], gradient, 0.0)


class Best:
    """Selects, among candidates, the control points of the curve with the lowest maximum; the first one in case of a tie.

    Args:
        objective: loss with ``loss``.
        line: control points of the straight line, which is the first candidate.
        curve: maps control points to points (n, P) of the curve.
    """

    def __init__(self, objective: Objective, line: Tensor, curve: Callable[[Tensor], Tensor]) -> None:
        self._objective, self._curve = objective, curve
        self.control_points, self.maximum = line, highest(objective.loss(curve(line)))

    def offer(self, controls: Tensor) -> None:
        """Keep these control points if their curve has a lower maximum."""
        maximum = highest(self._objective.loss(self._curve(controls)))
        if maximum < self.maximum:
            self.control_points, self.maximum = controls, maximum


def train(
    objective: Objective, a: Tensor, b: Tensor, basis: Basis, rule: tuple[np.ndarray, np.ndarray], training: Training
) -> Tensor:
    """Control points (m, P) of a curve from a to b with a low loss (Garipov et al. 2018, sec. 3.2).

    Adam minimises the logarithm of the root mean square of the gap (loss minus minimum) over t under the given rule. The square
    gives more weight to the highest part of the curve than Garipov's mean does. The logarithm keeps the scale of the gradient
    while the gap decreases by decades. Of all curves that are evaluated densely, including the straight line, the one with the
    lowest maximum is returned; the result therefore never has a higher maximum than the straight line at the same positions.
    Points where the loss does not exist exert no force.

    Args:
        objective: loss with ``loss``, ``loss_and_gradient`` and ``minimum``.
        a: one end (P,).
        b: the other end (P,).
        basis: basis of the curve.
        rule: nodes (n,) and weights (n,) of the integral over t.
        training: settings of the training.
    """
    nodes, weights = rule
    at_nodes, dense = basis(nodes), basis(training.positions)
    line = straight(a, b, at_nodes.shape[1])
    best = Best(objective, line, lambda controls: points_on(dense, controls))
    w, columns = torch.tensor(weights).to(a), torch.tensor(at_nodes[:, 1:-1]).to(a)

    def height(inner: Tensor) -> tuple[Tensor, Tensor]:
        controls = torch.cat([a[None], inner.reshape(-1, len(a)), b[None]])
        gap, gradient = gaps(objective, points_on(at_nodes, controls))
        gap = gap.nan_to_num()
        square = (w * gap.square()).sum().clamp_min(torch.finfo(gap.dtype).tiny)
        return 0.5 * square.log(), (columns.T @ ((w * gap / square)[:, None] * gradient)).ravel()

    start = displaced(line, training.perturbation, training.seed)[1:-1].ravel()
    for inner in descend(height, start, training):
        best.offer(torch.cat([a[None], inner.reshape(-1, len(a)), b[None]]))
    return best.control_points


def descend(function: Callable[[Tensor], tuple[Tensor, Tensor]], start: Tensor, training: Training):
    """Yield the point (n,) after every ``training.check`` steps of Adam, and the last point."""
    optimizer = Adam(function, training.steps, training.learning_rate, training.decay)
    value, gradient = function(start)
    state = State(start, float(value), gradient)
    for step in range(1, training.steps + 1):
        state = optimizer.step(state)
        if step % training.check == 0 or step == training.steps:
            yield state.theta
