"""Extent of a basin: radii along random rays at which the gap crosses a level, and log-volume (Huang et al. 2020)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pinnscape.losses.objective import Objective


@dataclass(frozen=True)
class Volume:
    """Estimate of the volume of a star-shaped set from radii along random rays.

    Attributes:
        log: logarithm of the estimate.
        error: standard error of ``log`` to first order.
        effective: effective number of rays, (Σw)²/Σw² with w = r^P, between 1 and k. With many parameters the longest ray
            dominates the mean. The effective number is then near 1, the estimate is probably too low, and its error is
            unreliable.
    """

    log: float
    error: float
    effective: float


def rays(size: int, count: int, seed: int | list[int]) -> np.ndarray:
    """Random unit vectors (count, P), uniformly distributed on the sphere."""
    raw = np.random.default_rng(seed).standard_normal((count, size))
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def radii(
    objective: Objective, theta: Tensor, directions: Tensor, level: float, scan: np.ndarray, tolerance: float
) -> np.ndarray:
    """Radius (k,) along each direction at which the gap first exceeds a level.

    All rays are scanned simultaneously at the radii of ``scan`` until the gap exceeds the level; the interval of the crossing
    is then bisected. A rise above the level and back between two radii of the scan is not detected. Where the loss does not
    exist, the level counts as exceeded.

    Args:
        objective: the loss L; its gap is L - min L.
        theta: parameters (P,), at which the gap is at most ``level``.
        directions: directions (k, P).
        level: level of the gap.
        scan: increasing positive radii (n,).
        tolerance: relative width of the interval at which the bisection stops.

    Returns:
        Radii in units of the norm of the directions; infinite if the level is not exceeded at the last radius of the scan
        (censored); NaN for all rays if the level is not finite or is already exceeded at theta.
    """

    def crossed(at: np.ndarray, rows: np.ndarray) -> np.ndarray:
        points = theta + torch.as_tensor(at).to(theta).unsqueeze(-1) * directions[rows.tolist()]
        return ~(objective.loss(points) - objective.minimum <= level).cpu().numpy()

    count = len(directions)
    if not bool(objective.loss(theta) - objective.minimum <= level):
        return np.full(count, np.nan)
    low, high, active = np.zeros(count), np.full(count, np.inf), np.arange(count)
    for radius in scan:
        beyond = crossed(np.full(len(active), radius), active)
        high[active[beyond]], low[active[~beyond]] = radius, radius
        active = active[~beyond]
        if not len(active):
            break
    while len(active := np.flatnonzero(np.isfinite(high) & (high - low > tolerance * high))):
        middle = 0.5 * (low[active] + high[active])
        beyond = crossed(middle, active)
        high[active[beyond]], low[active[~beyond]] = middle[beyond], middle[~beyond]
    return np.where(np.isfinite(high), 0.5 * (low + high), np.inf)


def log_volume(radius: np.ndarray, size: int) -> Volume:
    """Logarithm of π^(P/2)/Γ(P/2 + 1) · mean r^P over rays uniform on the sphere (Huang et al. 2020), without overflow.

    Args:
        radius: radius along each ray (k,), positive and finite.
        size: number of parameters P.

    Returns:
        The estimate; NaN if a radius is not finite, because only a lower bound is known for a censored ray.
    """
    if not len(radius) or not np.isfinite(radius).all():
        return Volume(math.nan, math.nan, math.nan)
    powers = size * np.log(radius)
    weights = np.exp(powers - powers.max())
    ball = 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size + 1.0)
    error = float(np.std(weights, ddof=1) / np.mean(weights) / math.sqrt(len(radius))) if len(radius) > 1 else math.nan
    effective = float(weights.sum() ** 2 / np.square(weights).sum())
    return Volume(ball + float(powers.max()) + math.log(np.mean(weights)), error, effective)
