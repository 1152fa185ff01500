"""Critical points of any index as minima of ½‖g‖² with g = ∇L (Pennington & Bahri 2017).

The relation of their index to the loss was studied by Dauphin et al. (2014). The gradient of ½‖g‖² is H g. A search starts with
L-BFGS and ends with damped Newton steps, because the convergence of a pure descent method depends on the squared condition
number of H. Minima of ½‖g‖² need not be critical points of L: where g lies in the null space of H, ‖g‖ is stationary although
it is not zero (gradient-flat points, Frye et al. 2021).

The criterion ‖H g‖/(‖H‖ ‖g‖) of Frye et al. is small for every gradient along directions of small curvature. Since H is very
ill-conditioned here, searches that merely converge slowly have such gradients. The relative slope ‖H g‖/‖g‖² of the gradient
norm is a better criterion: it vanishes at a gradient-flat point, and is proportional to the inverse distance on the way to a
critical point.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import spectrum
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.linalg.bounds import Compression
from pinnscape.losses.objective import Objective
from pinnscape.training.optimizers import LBFGS, start

KINDS = ("no-loss", "none", "gradient-flat", "critical")
_CUTS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)  # relative eigenvalues below which a least-norm step ignores directions
_FRACTIONS = (1.0, 0.5, 0.2, 0.05)  # fractions of the least-norm steps that are tried
_DAMPINGS = tuple(10.0 ** (0.5 * k) for k in range(-24, 1))  # dampings of the Levenberg-Marquardt steps, relative to ‖H‖
_REUSES = 10  # maximum number of steps with one Hessian
_WORTH = 0.97  # after a step that reduces ‖g‖ to more than this share, a new Hessian is computed
# The search ends if the steps with one Hessian reduce ‖g‖ to more than this share, which is high because slow phases are common
# and can be overcome.
_PROGRESS = 0.99


class Settings(Protocol):
    """Settings of one search; see ``techniques.critical_points``."""

    steps: int
    history_size: int
    hessians: int
    eigensolver: EigensolverSettings


@dataclass(frozen=True)
class Point:
    """End point of a search.

    Attributes:
        theta: parameters (P,).
        loss: loss L; NaN if it does not exist.
        gradient_norm: ‖g‖.
        rate: ‖H g‖/‖g‖, the rate of decrease of ‖g‖ along -H g; NaN if g = 0.
        steps: number of L-BFGS steps.
        hessians: number of Hessians used for Newton steps.
        eigenvalues: eigenvalues of H in descending order: all (P,), or above the dense limit the largest and the smallest, NaN
            if not verified; empty if the loss does not exist.
        seen: compression of H by a Lanczos process above the dense limit.
    """

    theta: Tensor
    loss: float
    gradient_norm: float
    rate: float
    steps: int
    hessians: int
    eigenvalues: Tensor
    seen: Compression | None = None

    @property
    def curvature(self) -> float:
        """‖H‖; NaN if it is unknown."""
        return float(self.eigenvalues.abs().max()) if len(self.eigenvalues) else math.nan

    @property
    def slope(self) -> float:
        """‖H g‖/‖g‖², the relative slope of ‖g‖; NaN if g = 0."""
        return self.rate / self.gradient_norm if self.gradient_norm > 0 else math.nan


def search(objective: Objective, theta: Tensor, settings: Settings, goal: float) -> Point:
    """Search for a critical point.

    Args:
        objective: the loss L.
        theta: start of the search (P,).
        settings: settings of the search; above the dense limit, no Newton steps are taken.
        goal: value of ‖g‖, above 0, at which the search may end.

    Returns:
        The last point, which has the smallest ‖g‖; its numbers are NaN if the loss does not exist at the start.
    """
    theta, steps = descend(objective, theta, settings.steps, settings.history_size, goal)
    taken, values, seen = 0, theta[:0], None
    if objective.size <= settings.eigensolver.dense_limit:
        theta, taken, values = newton(objective, theta, settings.hessians, goal, settings.eigensolver)
    loss, gradient = objective.loss_and_gradient(theta)
    if not bool(loss.isfinite() & gradient.norm().isfinite()):
        return Point(theta, math.nan, math.nan, math.nan, steps, taken, theta[:0])
    if objective.size > settings.eigensolver.dense_limit:
        try:
            found = eigenpairs(objective, theta, 1, settings.eigensolver)
        except DivergenceError:  # the loss exists, but its second derivatives do not
            return Point(theta, float(loss), float(gradient.norm()), math.nan, steps, taken, values)
        values, seen = found.known, found.process.seen if found.process else None
    rate = curvature_rate(objective, theta, gradient)
    return Point(theta, float(loss), float(gradient.norm()), rate, steps, taken, values, seen)


def curvature_rate(objective: Objective, theta: Tensor, gradient: Tensor) -> float:
    """‖H g‖/‖g‖ at theta (P,) with the gradient g (P,); NaN if g = 0."""
    norm = float(gradient.norm())
    return float(objective.hessian_product(theta, gradient / norm).norm()) if norm > 0 else math.nan


def descend(objective: Objective, theta: Tensor, steps: int, history_size: int, goal: float) -> tuple[Tensor, int]:
    """Minimise ½‖g‖² from theta (P,) by L-BFGS until ‖g‖ ≤ goal; return the last point and the number of steps."""

    def function(at: Tensor) -> tuple[Tensor, Tensor]:
        # The function is scaled by the goal, because the line search stops at an absolute difference, which the small squares
        # would never exceed.
        loss, gradient = objective.loss_and_gradient(at)
        square = torch.where(loss.isfinite(), 0.5 * (gradient / goal).square().sum(), torch.nan)
        return square, objective.hessian_product(at, gradient) / goal**2

    state, optimizer = start(function, theta), LBFGS(function, history_size, 0.0)
    for step in range(steps):
        if not math.isfinite(state.loss) or state.loss <= 0.5:
            return state.theta, step
        successor = optimizer.step(state)
        if successor is None:
            return state.theta, step
        state = successor
    return state.theta, steps


def newton(
    objective: Objective, theta: Tensor, hessians: int, goal: float, solver: EigensolverSettings
) -> tuple[Tensor, int, Tensor]:
    """Newton's method for g = 0 (Nocedal & Wright 2006, sec. 11.1), as long as ‖g‖ decreases and is above the goal.

    A gradient takes a thousandth of the time of a Hessian and its eigenvectors. Therefore many candidate steps are tried, and
    each Hessian is reused for several steps as long as they decrease ‖g‖ (chord method).

    Returns:
        The last point (P,), the number of Hessians used for steps, and the eigenvalues (P,) of the Hessian at the last point in
        descending order; empty if the Hessian does not exist.
    """
    gradient = objective.gradient(theta)
    for taken in range(hessians + 1):
        try:
            found = eigenpairs(objective, theta, 1, solver)
        except DivergenceError:
            return theta, taken, theta[:0]
        if taken == hessians or not bool(gradient.norm() > goal):
            return theta, taken, found.values
        successor, fallen = _chords(objective, theta, gradient, found.values, found.vectors, goal)
        if not bool(fallen.norm() <= _PROGRESS * gradient.norm()):
            return theta, taken, found.values
        theta, gradient = successor, fallen
    raise AssertionError("the last iteration returns")


def _chords(
    objective: Objective, theta: Tensor, gradient: Tensor, values: Tensor, rows: Tensor, goal: float
) -> tuple[Tensor, Tensor]:
    """The point after several steps with the eigenpairs of one Hessian, and the gradient at this point."""
    for _ in range(_REUSES):
        found = _best(objective, theta, _moves(values, rows, gradient))
        if found is None or not bool(found[1].norm() < gradient.norm()):
            break
        left = float(found[1].norm() / gradient.norm())
        theta, gradient = found
        if left > _WORTH or bool(gradient.norm() <= goal):
            break
    return theta, gradient


def _moves(values: Tensor, rows: Tensor, gradient: Tensor) -> Tensor:
    """Candidate steps (m, P) for g + H s = 0.

    Directions with small eigenvalues make the Newton step so long that the linearisation is not valid. They are either omitted,
    which gives -H⁺ g and fractions of it, or damped, which gives -(H² + μ²)⁻¹ H g (Levenberg 1944; Marquardt 1963).
    """
    parts, top = rows @ gradient, values.abs().max().clamp(min=torch.finfo(values.dtype).tiny)
    small = values.abs() / top
    kept = torch.stack([torch.where(small > cut, -parts / values, 0.0) for cut in _CUTS])
    dampings = torch.tensor(_DAMPINGS, dtype=values.dtype, device=values.device)[:, None]
    damped = -(values / top) / (small.square() + dampings.square()) * parts / top
    return torch.cat([damped, *(fraction * kept for fraction in _FRACTIONS)]) @ rows


def _best(objective: Objective, theta: Tensor, moves: Tensor) -> tuple[Tensor, Tensor] | None:
    """The point theta + move with the smallest ‖g‖, and its gradient; None if the loss exists at no candidate."""
    losses, gradients = objective.loss_and_gradient(theta + moves)
    norms = torch.where(losses.isfinite(), gradients.norm(dim=-1), torch.nan).nan_to_num(torch.inf, posinf=torch.inf)
    best = int(norms.argmin())
    return (theta + moves[best], gradients[best]) if math.isfinite(float(norms[best])) else None


def kind(point: Point, goal: float, flat: float) -> int:
    """Index in ``KINDS``: critical if ‖g‖ ≤ ``goal``, otherwise gradient-flat if ‖H g‖/‖g‖² ≤ ``flat``, otherwise none."""
    if not math.isfinite(point.loss):
        return KINDS.index("no-loss")
    if point.gradient_norm <= goal:
        return KINDS.index("critical")
    return KINDS.index("gradient-flat" if point.slope <= flat else "none")


def counts(eigenvalues: Tensor, size: int, null_tolerance: float) -> tuple[float, float]:
    """Numbers of negative and of zero eigenvalues; NaN if not all eigenvalues are known.

    Args:
        eigenvalues: the known eigenvalues of the Hessian.
        size: number of parameters P.
        null_tolerance: magnitude up to which eigenvalues count as zero, relative to the largest magnitude.
    """
    if len(eigenvalues) < size:
        return math.nan, math.nan
    zero = null_tolerance * float(eigenvalues.abs().max())
    return float((eigenvalues < -zero).sum()), float((eigenvalues.abs() <= zero).sum())


def indices(point: Point, size: int, null_tolerance: float) -> tuple[float, float, float]:
    """Numbers of negative and of zero eigenvalues, NaN if not determined, and a lower bound of the number of negative ones."""
    if point.seen is None:
        negative, zero = counts(point.eigenvalues, size, null_tolerance)
        return negative, zero, negative
    numbers = spectrum.counts(point.seen, null_tolerance)[0]
    return numbers["negative"], numbers["nullity"], numbers["negative_at_least"]
