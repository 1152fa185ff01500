"""Random normalised directions through a trained point, and the principal plane of a trajectory. Torch is not needed."""

from dataclasses import dataclass

import numpy as np

from pinnscape.networks.layout import Layout

NORMALIZATIONS = ("filter", "layer", "global", "none")
BIASES = ("row", "own", "zero")
Seed = int | list[int]


def random(origin: np.ndarray, layout: Layout, count: int, seed: Seed, normalization: str, bias: str) -> np.ndarray:
    """Normalised Gaussian directions (count, P) (Li et al. 2018, sec. 4).

    Args:
        origin: trained parameters theta (P,).
        layout: layout of the parameters.
        count: number of directions.
        seed: random seed.
        normalization: ``filter``, ``layer``, ``global`` or ``none``, see ``normalize``.
        bias: ``row``, ``own`` or ``zero``, see ``normalize``.
    """
    raw = np.random.default_rng(seed).standard_normal((count, len(origin)))
    return np.stack([normalize(d, origin, layout, normalization, bias) for d in raw])


def normalize(direction: np.ndarray, origin: np.ndarray, layout: Layout, normalization: str, bias: str) -> np.ndarray:
    """Scale the parts of a direction to the norms of the same parts of ``origin``.

    Args:
        direction: direction (P,).
        origin: parameters (P,) that define the norms.
        layout: layout of the parameters.
        normalization: the parts: ``filter`` (incoming weights of each unit), ``layer`` (each weight tensor), or ``global``
            (the whole vector); with ``none``, the direction is not scaled. A tensor without units is a single part.
        bias: ``row`` (a bias belongs to its filter or layer), ``own`` (the bias vector of each layer is a separate part) or
            ``zero``. For ``global`` and ``none``, ``own`` and ``row`` are equivalent. The scales and the shifts of
            normalisation layers are biases that form separate parts.

    Returns:
        Scaled direction (P,). A part that has norm 0 in ``origin`` becomes 0.

    Raises:
        ValueError: ``normalization`` or ``bias`` is unknown.
    """
    if normalization not in NORMALIZATIONS or bias not in BIASES:
        raise ValueError(f"`normalization` must be one of {NORMALIZATIONS} and `bias` one of {BIASES}")
    result = np.array(direction, dtype=float)
    biases = layout.biases()
    if bias == "zero":
        result[biases] = 0.0
    if normalization == "none":
        return result
    for part in _parts(layout, normalization, bias):
        norm = np.linalg.norm(result[part])
        result[part] *= np.linalg.norm(origin[part]) / norm if norm > 0 else 0.0
    if bias == "zero":
        result[biases] = 0.0
    return result


def _parts(layout: Layout, normalization: str, bias: str) -> list[np.ndarray]:
    """Index sets of the parts of a direction, each of which is scaled by one factor."""
    if normalization == "global":
        return [weights_of(layout) if bias == "zero" else np.arange(layout.size)]
    parts: list[np.ndarray] = []
    for block in layout.weights:
        rows = [block.indices] if normalization == "layer" else list(block.units)
        for each in layout.owned(block) if bias == "row" else ():
            more = [each.indices] if normalization == "layer" else each.indices
            rows = [np.append(row, own) for row, own in zip(rows, more, strict=True)]
        parts += rows
    if bias == "row":
        return parts + [block.indices for block in layout.alone()]
    return parts + [block.indices for block in layout.blocks if block.is_bias and bias == "own"]


def weights_of(layout: Layout) -> np.ndarray:
    """Indices of all weights, without the biases."""
    return np.concatenate([block.indices for block in layout.weights])


def orthogonal(
    origin: np.ndarray, layout: Layout, count: int, seed: Seed, normalization: str, bias: str, iterations: int = 200
) -> np.ndarray:
    """Random directions (count, P) that are all normalised and orthogonal to each other.

    Normalisation destroys orthogonality, and orthogonalisation changes the norms; alternating the two converges. If filters are
    single weights (networks of one input, biases excluded), only the signs are free, and orthogonal directions may not exist. In
    this case the directions are normalised but not orthogonal; see ``cosine``.
    """
    rows = list(random(origin, layout, count, seed, normalization, bias))
    for _ in range(iterations):
        if cosine(np.stack(rows)) < 1e-14:
            break
        for k in range(1, count):
            for other in rows[:k]:
                rows[k] = rows[k] - (other @ rows[k]) / (other @ other) * other
            rows[k] = normalize(rows[k], origin, layout, normalization, bias)
    return np.stack(rows)


def cosine(directions: np.ndarray) -> float:
    """Largest absolute cosine between two of the directions (k, P); 0 for a single direction."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    gram = np.abs(unit @ unit.T) - np.eye(len(unit))
    return float(max(0.0, gram.max()))


@dataclass(frozen=True)
class Trajectory:
    """Principal plane of a training trajectory.

    Attributes:
        directions: orthonormal directions (2, P).
        coordinates: coordinates of the snapshots in the plane (n, 2).
        explained_variance: share of the squared distances from the final point that each direction explains (2,).
        distance: distance of each snapshot from the plane (n,).
    """

    directions: np.ndarray
    coordinates: np.ndarray
    explained_variance: np.ndarray
    distance: np.ndarray


def trajectory(snapshots: np.ndarray, origin: np.ndarray) -> Trajectory:
    """Principal components of a training trajectory about its final point (Li et al. 2018, sec. 7).

    The components are not centred, so that the plane contains the final point.

    Args:
        snapshots: parameters at the snapshots (n, P).
        origin: parameters at the final point (P,).

    Raises:
        ValueError: the trajectory does not span a plane.
    """
    offsets = snapshots - origin
    _, singular, rows = np.linalg.svd(offsets, full_matrices=False)
    if len(singular) < 2 or singular[1] <= 1e-12 * singular[0]:
        raise ValueError("`snapshots` do not span a plane; train for more steps, or store more snapshots (training.snapshots)")
    largest = np.abs(rows[:2]).argmax(1)
    directions = rows[:2] * np.sign(rows[[0, 1], largest])[:, None]
    coordinates = offsets @ directions.T
    distance = np.linalg.norm(offsets - coordinates @ directions, axis=1)
    return Trajectory(directions, coordinates, singular[:2] ** 2 / np.sum(singular**2), distance)
