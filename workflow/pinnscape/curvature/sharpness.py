"""Largest increase of a loss in a box (Keskar 2017), in a ball (Foret 2021) and in a ball in units of the filters (Kwon 2021).

None of these measures changes if hidden units are permuted or, for odd activations, change their sign, because this only
permutes entries of theta and flips their signs. For positively homogeneous activations (ReLU, not tanh), multiplying one layer
by a number and dividing the next layer by it leaves the function unchanged. The largest eigenvalue, the trace and the increases
in the box and in the ball then change arbitrarily (Dinh et al. 2017), whereas measures in units of the filters are invariant.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import dense
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.linalg.trace import hutch_plus_plus
from pinnscape.losses.objective import Objective
from pinnscape.networks.layout import Layout

_HALVINGS = 20  # maximum number of halvings of a start at which the loss does not exist


@dataclass(frozen=True)
class Increase:
    """The largest increase of a loss that was found in a neighbourhood.

    Attributes:
        value: max L(theta + delta) - L(theta), at least 0. It is a lower bound on the true maximum, since ascents may end in
            local maxima; NaN if the loss at theta is not finite.
        offset: delta (P,) at which the maximum is attained.
        undefined: share of the evaluated points at which the loss is not finite; the maximum excludes these points.
    """

    value: float
    offset: Tensor
    undefined: float


def filter_scale(theta: Tensor, layout: Layout) -> Tensor:
    """The unit (P,) of each parameter in an adaptive neighbourhood (Kwon et al. 2021, sec. 3).

    The unit of a weight is the norm of the incoming weights of its neuron or filter, or of its whole tensor if that has none.
    The unit of a bias is its own magnitude; a bias of 0 has the unit 0 and is not perturbed.
    """
    scale = theta.abs()
    for weights, _ in layout.filters():
        scale[weights] = theta[weights].norm()
    return scale


def box(objective: Objective, theta: Tensor, epsilon: float, starts: Tensor, iterations: int) -> Increase:
    """Largest increase over |deltaᵢ| ≤ epsilon (|thetaᵢ| + 1) (Keskar et al. 2017, metric 2.1, with A the identity).

    Args:
        objective: the loss.
        theta: (P,).
        epsilon: half width of the box, relative to |thetaᵢ| + 1.
        starts: directions (k, P) in units of the box; one ascent starts in the corner of the box in each of these directions,
            another one at theta.
        iterations: number of steps of each ascent.
    """
    return _ascend(objective, theta, epsilon * (theta.abs() + 1.0), starts.sign(), torch.sign, iterations)


def ball(objective: Objective, theta: Tensor, radius: float, scale: Tensor, starts: Tensor, iterations: int) -> Increase:
    """Largest increase over |delta / scale| ≤ radius (Foret et al. 2021, eq. 1; with a scale: Kwon et al. 2021, sec. 3).

    Args:
        objective: the loss.
        theta: (P,).
        radius: radius of the ball.
        scale: unit (P,) of each parameter; ones for a ball in theta, ``filter_scale`` for the adaptive ball.
        starts: directions (k, P) in these units; one ascent starts at the point of the sphere in each of these directions,
            another one at theta.
        iterations: number of steps of each ascent; the first step from theta is radius · g/|g| of Foret et al. 2021 (eq. 2).
    """

    def farthest(rows: Tensor) -> Tensor:
        norm = rows.norm(dim=-1, keepdim=True)
        return torch.where(norm > 0, rows / norm, 0.0)

    return _ascend(objective, theta, radius * scale, farthest(starts), farthest, iterations)


def first_order(objective: Objective, theta: Tensor, radius: float) -> float:
    """L(theta + radius · g/|g|) - L(theta), by which SAM approximates the maximum over the ball (Foret et al. 2021, eq. 2)."""
    loss, gradient = objective.loss_and_gradient(theta)
    norm = gradient.norm()
    return float(objective.loss(theta + radius * gradient / norm) - loss) if norm > 0 else float(loss - loss)


def relative(increase: float, gap: float) -> float:
    """Keskar's measure 100 · increase / (1 + f) in percent; f is the gap L - min L, since a Ritz loss may be -1 or below."""
    return 100.0 * increase / (1.0 + gap)


def _ascend(
    objective: Objective, theta: Tensor, unit: Tensor, starts: Tensor, farthest: Callable[[Tensor], Tensor], iterations: int
) -> Increase:
    """Maximise L(theta + unit · z) over a convex set of z by conditional gradients (Frank & Wolfe 1956) from several starts.

    A step goes towards the point of the set that is farthest along the gradient; it is halved if the loss does not increase.
    For a convex loss, every full step increases the loss (Journée et al. 2010), and the maximum lies on the boundary, where
    projected gradient ascent with a fixed step size is slow.

    Args:
        objective: the loss.
        theta: (P,).
        unit: unit (P,) of each parameter.
        starts: points (k, P) of the set.
        farthest: maps gradients (k, P) to the points of the set that are farthest along them.
        iterations: number of steps.
    """
    centre = objective.loss(theta)
    if not bool(centre.isfinite()):
        return Increase(float("nan"), torch.full_like(theta, torch.nan), 1.0)
    z = torch.cat([torch.zeros_like(theta).unsqueeze(0), starts])
    value, gradient = objective.loss_and_gradient(theta + unit * z)
    tried, missing = z.shape[0], int((~value.isfinite()).sum())
    for _ in range(_HALVINGS):
        if bool(value.isfinite().all()):
            break
        z = torch.where(value.isfinite().unsqueeze(-1), z, 0.5 * z)
        value, gradient = objective.loss_and_gradient(theta + unit * z)
    step = torch.ones_like(value)
    for _ in range(iterations):
        candidate = z + step.unsqueeze(-1) * (farthest(unit * gradient) - z)
        new, slope = objective.loss_and_gradient(theta + unit * candidate)
        tried, missing = tried + len(new), missing + int((~new.isfinite()).sum())
        better = new > value  # false for NaN
        chosen = better.unsqueeze(-1)
        z, gradient, value = (
            torch.where(chosen, candidate, z),
            torch.where(chosen, slope, gradient),
            torch.where(better, new, value),
        )
        step = torch.where(better, (2.0 * step).clamp(max=1.0), 0.5 * step)
    best = int(torch.where(value.isfinite(), value, -torch.inf).argmax())
    return Increase(max(0.0, float(value[best] - centre)), unit * z[best], missing / tried)


@dataclass(frozen=True)
class Curvature:
    """Measures of sharpness from the Hessian H; S is the diagonal matrix of the units of ``filter_scale``.

    Attributes:
        lambda_max, lambda_max_filter: largest eigenvalues of H and of S H S; NaN where not verified.
        at_least, at_least_filter: lower bounds on these eigenvalues.
        trace, trace_error: trace of H and its standard error, 0 where the trace is exact.
        converged: whether both eigenvalues are verified.
        direction, direction_filter: eigenvectors (P,) of these eigenvalues.
    """

    lambda_max: float
    lambda_max_filter: float
    at_least: float
    at_least_filter: float
    trace: float
    trace_error: float
    converged: bool
    direction: Tensor
    direction_filter: Tensor


def curvature(
    objective: Objective, theta: Tensor, scale: Tensor, products: int, solver: EigensolverSettings, seed: int
) -> Curvature:
    """Largest eigenvalues and trace of the Hessian: exact up to the dense limit, beyond it by Lanczos processes and Hutch++.

    Args:
        objective: the loss.
        theta: (P,).
        scale: diagonal (P,) of S.
        products: number of products of Hutch++.
        solver: dense limit, steps and tolerance of Lanczos.
        seed: seed of the random vectors.

    Returns:
        The measures; all numbers are NaN if the Hessian is not finite.
    """
    try:
        plain = eigenpairs(objective, theta, 1, solver, smallest=False, seed=seed)
        scaled = eigenpairs(objective, theta, 1, solver, smallest=False, seed=seed, scale=scale, matrix=plain.matrix)
        if plain.matrix is not None:
            trace, error = float(plain.matrix.trace()), 0.0
        else:
            trace, error = hutch_plus_plus(lambda rows: dense.product(objective, theta, rows), theta, products, seed)
    except DivergenceError:
        nan, nowhere = float("nan"), torch.zeros_like(theta)
        return Curvature(nan, nan, nan, nan, nan, nan, False, nowhere, nowhere)
    return Curvature(
        float(plain.known[0]),
        float(scaled.known[0]),
        float(plain.values[0]),
        float(scaled.values[0]),
        trace,
        error,
        plain.converged and scaled.converged,
        plain.vectors[0],
        scaled.vectors[0],
    )
