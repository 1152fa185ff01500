"""The nudged elastic band: a chain of points between two minima that relaxes towards a minimum energy path."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pinnscape.connectivity.trained_paths import Best, Training, chain, descend, displaced, gaps, points_on, straight
from pinnscape.losses.objective import Objective

_PROBES = np.array([0.25, 0.5, 0.75])  # positions within a segment at which its rise above the chord is evaluated
_LOWEST = 1e-8  # roots below this are rounding errors of the gap and have no meaningful slope


@dataclass(frozen=True)
class Band:
    """Size and stiffness of an elastic band.

    Attributes:
        band_steps: number of steps of Adam in each cycle; images are inserted after each cycle except the last.
        images: initial number of images between the ends.
        insertions: number of times that images are inserted.
        inserted: number of images inserted each time, in the segments that rise highest above the chord of their ends.
        stiffness: stiffness of the springs.
    """

    band_steps: int
    images: int
    insertions: int
    inserted: int
    stiffness: float

    @property
    def final_images(self) -> int:
        """Final number of images between the ends."""
        return self.images + self.insertions * self.inserted


class Level:
    """sqrt(gap / scale): the height function that drives a band, an increasing function of the gap (loss minus minimum).

    Minimum energy paths are the same for every increasing function of the loss. The losses span ten decades, so that with their
    gradients the springs would either have no effect or dominate. The gradient of the root has a constant magnitude on the
    walls of a quadratic valley.

    Args:
        objective: loss with ``loss``, ``loss_and_gradient`` and ``minimum``.
        a: one end (P,).
        b: the other end (P,).
        points: number of points on the straight line; the scale is the largest gap at these points.
    """

    def __init__(self, objective: Objective, a: Tensor, b: Tensor, points: int = 21) -> None:
        self._objective = objective
        self.scale = float(gaps(objective, straight(a, b, points))[0].nan_to_num().max()) or 1.0

    def __call__(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Heights (n,) and their gradients (n, P) at points (n, P): infinite and zero where the loss does not exist."""
        gap, gradient = gaps(self._objective, theta)
        root = (gap / self.scale).sqrt()
        slope = 0.5 / (self.scale * root.clamp_min(_LOWEST))
        return root.nan_to_num(nan=torch.inf), torch.where((gap > 0)[:, None], slope[:, None] * gradient, 0.0)


def forces(images: Tensor, levels: Tensor, gradients: Tensor, stiffness: float) -> Tensor:
    """Forces on the inner images: downhill across the band, spring forces along it (Draxler et al. 2018, eqs. 3-5).

    The tangent of the band at an image is along the segment to its higher neighbour (Henkelman & Jónsson 2000, "improved
    tangent"). In the nearly flat valleys of networks, the downhill force does not keep the band from folding. The springs
    therefore also act across the band, more strongly where it is bent more sharply (Jónsson et al. 1998).

    Args:
        images: images (m, P), including both ends.
        levels: heights (m,) of all images.
        gradients: gradients (m - 2, P) of the height at the inner images.
        stiffness: stiffness of the springs.

    Returns:
        Forces (m - 2, P).
    """
    steps = images.diff(dim=0)
    before, after = steps[:-1], steps[1:]
    upwards = (levels[2:] > levels[:-2])[:, None]
    along = torch.where(upwards, after, before)
    tangent = along / along.norm(dim=1, keepdim=True).clamp_min(torch.finfo(along.dtype).tiny)
    across = (gradients * tangent).sum(1, keepdim=True) * tangent - gradients
    lengths = before.norm(dim=1, keepdim=True), after.norm(dim=1, keepdim=True)
    spring = stiffness * (lengths[1] - lengths[0])
    straighten = after - before - ((after - before) * tangent).sum(1, keepdim=True) * tangent
    cosine = (before * after).sum(1, keepdim=True) / (lengths[0] * lengths[1]).clamp_min(torch.finfo(along.dtype).tiny)
    return across + spring * tangent + stiffness * kink(cosine) * straighten


def kink(cosine: Tensor) -> Tensor:
    """Share of the spring force across the band: 0 where it is straight, 1 at a right or sharper angle (Jónsson et al. 1998).

    Args:
        cosine: cosine of the angle between the two segments at an image.
    """
    return 0.5 * (1 + (torch.pi * cosine.clamp(0, 1)).cos())


def relax(objective: Objective, a: Tensor, b: Tensor, band: Band, training: Training) -> Tensor:
    """Images (band.final_images + 2, P) of an elastic band from a to b (Draxler et al. 2018, algorithms 1 and 2).

    The algorithm is simpler than their AutoNEB in that the number of inserted images is fixed. The heights are those of
    ``Level``, and Adam follows the forces. Some bands, including the straight line, are evaluated densely; the one with the
    lowest maximum is returned.

    Args:
        objective: loss with ``loss``, ``loss_and_gradient`` and ``minimum``.
        a: one end (P,).
        b: the other end (P,).
        band: size and stiffness of the band.
        training: settings of the training, except that each cycle takes ``band.band_steps`` steps.
    """
    level, ends = Level(objective, a, b), torch.stack([a, b])
    heights, training = level(ends)[0], replace(training, steps=band.band_steps)

    def pull(inner: Tensor) -> tuple[Tensor, Tensor]:
        rows = inner.reshape(-1, len(a))
        levels, gradients = level(rows)
        force = forces(_between(ends, rows), _between(heights, levels), gradients, band.stiffness)
        return levels[levels.isfinite()].sum(), -force.ravel()

    line = straight(a, b, band.final_images + 2)
    dense = chain(band.final_images + 1)(training.positions)
    best = Best(objective, line, lambda images: points_on(dense, images))
    images = displaced(straight(a, b, band.images + 2), training.perturbation, training.seed)
    for cycle in range(band.insertions + 1):
        last = cycle == band.insertions
        for inner in descend(pull, images[1:-1].ravel(), training):
            images = _between(ends, inner.reshape(-1, len(a)))
            if last:
                best.offer(images)
        if not last:
            images = insert(level, images, band.inserted)
    return best.control_points


def insert(level: Level, images: Tensor, count: int) -> Tensor:
    """Images (m + count, P) with new ones at the midpoints of the segments that rise highest above the chord of their ends.

    The rise of a segment is infinite if the loss does not exist at one of its points.
    """
    segments = len(images) - 1
    probes = chain(segments)(((np.arange(segments)[:, None] + _PROBES) / segments).ravel())
    at_images, between = level(images)[0], level(points_on(probes, images))[0].reshape(segments, -1)
    share = torch.tensor(_PROBES).to(between)
    rise = between - (1 - share) * at_images[:-1, None] - share * at_images[1:, None]
    rise = rise.nan_to_num(nan=torch.inf, posinf=torch.inf).amax(1)
    chosen = set(rise.argsort(descending=True, stable=True)[:count].tolist())
    rows = []
    for index, image in enumerate(images):
        rows.append(image)
        if index in chosen:
            rows.append((image + images[index + 1]) / 2)
    return torch.stack(rows)


def _between(ends: Tensor, rows: Tensor) -> Tensor:
    """The rows with the first end before them and the last end after them."""
    return torch.cat([ends[:1], rows, ends[1:]])
