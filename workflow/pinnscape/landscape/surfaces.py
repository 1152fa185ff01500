"""Losses and errors on lines and planes through parameter space."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pinnscape.landscape import pictures
from pinnscape.objective import Discretization

# Temporaries of a chunk should stay in the cache of a core; more parameters at a time are slower, not faster.
_CHUNK_BYTES = 4_000_000
_CHUNK = 256


@dataclass(frozen=True)
class Section:
    """A line, plane or bundle of lines through parameter space.

    Attributes:
        discretization: whose losses and errors are measured.
        origin: (P,).
        directions: (k, P).
        name: shown by the progress bar.
    """

    discretization: Discretization
    origin: Tensor
    directions: Tensor
    name: str = ""

    def measure(self, coordinates: np.ndarray) -> dict[str, np.ndarray]:
        """Losses and errors at coordinates (..., k), each (...)."""
        d = self.discretization
        return evaluate(d.measure, self.origin, self.directions, coordinates, chunk_size(d), self.name)

    def line(self, index: int) -> "Section":
        """The line along one of the directions."""
        return Section(self.discretization, self.origin, self.directions[index : index + 1], self.name)

    def fields(self, points: np.ndarray) -> np.ndarray:
        """What is interpolated (field, m) at points (m, k)."""
        return pictures.fields(self.measure(points))


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
    results: dict[str, np.ndarray] = {}
    with torch.no_grad(), tqdm(total=len(flat), desc=name, unit="point", disable=None, leave=False) as bar:
        done = 0
        for block in flat.split(chunk):
            for key, values in measure(origin + block @ directions).items():
                found = values.cpu().numpy()
                if key not in results:
                    results[key] = np.empty(len(flat), found.dtype)
                results[key][done : done + len(block)] = found
            done += len(block)
            bar.update(len(block))
    return {key: values.reshape(coordinates.shape[:-1]) for key, values in results.items()}


def chunk_size(discretization: Discretization) -> int:
    """Parameter vectors at a time so that the temporaries of one layer stay small; machine code has none."""
    if discretization.kernels is not None:
        return _CHUNK
    streams = discretization.streams(discretization.second)
    return max(1, _CHUNK_BYTES // (8 * streams * len(discretization.points) * discretization.network.width))
