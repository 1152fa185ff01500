"""How much a loss grows in a small neighbourhood: of a box (Keskar 2017), of a ball (Foret 2021), of a ball in units of the filters (Kwon 2021).

What a change of coordinates does to them: none changes where hidden units swap places or, for odd activations, change sign, because that permutes
entries of theta and flips their signs. Where a layer is multiplied and the next one divided by a number without changing the function (positively
homogeneous activations: ReLU, not tanh), the largest eigenvalue, the trace, the box and the ball change as one likes (Dinh et al. 2017); whatever is
measured in units of the filters stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import dense
from pinnscape.linalg import eigen
from pinnscape.linalg.lanczos import extremes
from pinnscape.linalg.trace import hutch_plus_plus
from pinnscape.losses.objective import Objective
from pinnscape.networks.mlp import Layer, filters

_HALVINGS = 20  # of a start at which the loss does not exist


@dataclass(frozen=True)
class Increase:
    """The largest increase of a loss that was found in a neighbourhood.

    Attributes:
        value: max L(theta + delta) - L(theta), at least 0: a lower bound of the true maximum, since ascents may end in local ones. NaN where the
            loss at theta is not finite.
        offset: delta (P,) where it was found.
        undefined: share of the points tried at which the loss is not finite; those are left out of the maximum.
    """

    value: float
    offset: Tensor
    undefined: float


def filter_scale(theta: Tensor, layers: tuple[Layer, ...]) -> Tensor:
    """The unit (P,) of each parameter: the norm of the incoming weights of its neuron, for a bias its own magnitude (Kwon et al. 2021, sec. 3).

    A bias that is 0 has the unit 0 and stays where it is.
    """
    scale = theta.abs()
    for weights, _ in filters(layers):
        scale[weights] = theta[weights].norm()
    return scale


def box(objective: Objective, theta: Tensor, epsilon: float, starts: Tensor, iterations: int) -> Increase:
    """Largest increase over |deltaᵢ| ≤ epsilon (|thetaᵢ| + 1) (Keskar et al. 2017, metric 2.1, with A the identity).

    Args:
        objective: the loss.
        theta: (P,).
        epsilon: half width of the box, relative to |thetaᵢ| + 1.
        starts: directions (k, P), in units of the box, in whose corners ascents start, besides the one from theta itself.
        iterations: steps of each ascent.
    """
    return _ascend(objective, theta, epsilon * (theta.abs() + 1.0), starts.sign(), torch.sign, iterations)


def ball(objective: Objective, theta: Tensor, radius: float, scale: Tensor, starts: Tensor, iterations: int) -> Increase:
    """Largest increase over |delta / scale| ≤ radius (Foret et al. 2021, eq. 1; with a scale: Kwon et al. 2021, sec. 3).

    Args:
        objective: the loss.
        theta: (P,).
        radius: of the ball.
        scale: unit (P,) of each parameter; ones for a ball in theta, ``filter_scale`` for the adaptive one.
        starts: directions (k, P), in these units, from whose ends on the sphere ascents start, besides the one from theta itself.
        iterations: steps of each ascent; the first of the one from theta is the step radius · g/|g| of Foret et al. 2021 (eq. 2).
    """

    def farthest(rows: Tensor) -> Tensor:
        norm = rows.norm(dim=-1, keepdim=True)
        return torch.where(norm > 0, rows / norm, 0.0)

    return _ascend(objective, theta, radius * scale, farthest(starts), farthest, iterations)


def first_order(objective: Objective, theta: Tensor, radius: float) -> float:
    """L(theta + radius · g/|g|) - L(theta): the one step by which SAM replaces the maximum over the ball (Foret et al. 2021, eq. 2)."""
    loss, gradient = objective.loss_and_gradient(theta)
    norm = gradient.norm()
    return float(objective.loss(theta + radius * gradient / norm) - loss) if norm > 0 else float(loss - loss)


def relative(increase: float, gap: float) -> float:
    """Keskar's measure 100 · increase / (1 + f) in percent, with the gap L - min L for f: a Ritz loss may be -1 or below."""
    return 100.0 * increase / (1.0 + gap)


def _ascend(
    objective: Objective, theta: Tensor, unit: Tensor, starts: Tensor, farthest: Callable[[Tensor], Tensor], iterations: int
) -> Increase:
    """Maximise L(theta + unit · z) over a convex set of z by conditional gradients (Frank & Wolfe 1956), all starts side by side.

    A step goes towards the point of the set that is farthest along the gradient; where the loss does not rise, it is halved. Of a convex loss every
    full step rises (Journée et al. 2010) and the maximum lies on the boundary, where projected gradients of a fixed step are slow.

    Args:
        objective: the loss.
        theta: (P,).
        unit: (P,).
        starts: (k, P) points of the set.
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
    """What the Hessian H says, S being the diagonal of the filters' units.

    Attributes:
        lambda_max, lambda_max_filter: largest eigenvalues of H and of S H S; NaN where not verified.
        at_least, at_least_filter: lower bounds of these.
        trace, trace_error: of H with the standard error, 0 where exact.
        converged: whether both are verified.
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
    """Largest eigenvalues and the trace, exact up to ``dense_limit`` parameters, else by Lanczos processes and Hutch++.

    Args:
        objective: the loss.
        theta: (P,).
        scale: diagonal (P,) of S.
        products: of Hutch++.
        solver: dense limit, steps and tolerance of Lanczos.
        seed: of random vectors.

    Returns:
        All NaN where the Hessian is not finite.
    """

    def product(vectors: Tensor) -> Tensor:
        rows = objective.hessian_product(theta, vectors)
        if not bool(rows.isfinite().all()):
            raise DivergenceError("the Hessian is not finite")
        return rows

    steps, tolerance = solver.lanczos_steps, solver.lanczos_tolerance
    try:
        if objective.size <= solver.dense_limit:
            matrix = dense.hessian(objective, theta)
            plain, scaled = (eigen.eigenpairs(m) for m in (matrix, scale.unsqueeze(-1) * matrix * scale))
            ends = (plain[0][0], plain[1][0]), (scaled[0][0], scaled[1][0])
            trace, error, verified = float(matrix.trace()), 0.0, (True, True)
        else:
            found = [
                extremes(operator, theta, 1, steps, tolerance, seed, smallest=False)
                for operator in (product, lambda v: scale * product(scale * v))
            ]
            ends = tuple((f.values[0], f.vectors[0]) for f in found)
            verified = tuple(f.converged for f in found)
            trace, error = hutch_plus_plus(product, theta, products, seed)
    except DivergenceError:
        nan, nowhere = float("nan"), torch.zeros_like(theta)
        return Curvature(nan, nan, nan, nan, nan, nan, False, nowhere, nowhere)
    (largest, direction), (largest_filter, direction_filter) = ends
    least, least_filter = float(largest), float(largest_filter)
    known, known_filter = (x if sure else float("nan") for x, sure in zip((least, least_filter), verified, strict=True))
    return Curvature(known, known_filter, least, least_filter, trace, error, all(verified), direction, direction_filter)
