"""Losses and errors on lines and planes through parameter space, many points at a time."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pinnscape.objective import Discretization

# Temporaries of a chunk should stay in the cache of a core; more parameters at a time are slower, not faster.
_CHUNK_BYTES = 4_000_000


def evaluate(
    measure: Callable[[Tensor], dict[str, Tensor]],
    origin: Tensor,
    directions: Tensor,
    coordinates: np.ndarray,
    chunk: int,
    name: str = "",
) -> dict[str, np.ndarray]:
    """All measurements at origin + Σ coordinateᵢ · directionᵢ.

    Args:
        measure: maps parameters (m, P) to named results (m,).
        origin: (P,).
        directions: (k, P).
        coordinates: (..., k).
        chunk: number of parameter vectors at a time.
        name: shown by the progress bar.

    Returns:
        Each result with the shape (...) of the coordinates.
    """
    flat = torch.tensor(coordinates.reshape(-1, coordinates.shape[-1]), dtype=origin.dtype, device=origin.device)
    parts: list[dict[str, Tensor]] = []
    with torch.no_grad(), tqdm(total=len(flat), desc=name, unit="point", disable=None, leave=False) as bar:
        for block in flat.split(chunk):
            parts.append(measure(origin + block @ directions))
            bar.update(len(block))
    return {key: torch.cat([part[key] for part in parts]).cpu().numpy().reshape(coordinates.shape[:-1]) for key in parts[0]}


def chunk_size(discretization: Discretization) -> int:
    """Parameter vectors at a time so that the temporaries of one layer stay small."""
    d = discretization.problem.dimension
    streams = 1 + d + (1 if discretization.second == "laplacian" else d * (d + 1) // 2)
    return max(1, _CHUNK_BYTES // (8 * streams * len(discretization.points) * discretization.network.width))
