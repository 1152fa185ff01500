"""Losses and errors on lines and planes through parameter space."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pinnscape.common import memory, progress
from pinnscape.common.measured import Measurement
from pinnscape.landscape import resampling
from pinnscape.losses.objective import Losses

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Slice:
    """A line, plane or bundle of lines through parameter space.

    Attributes:
        family: the losses and errors.
        origin: parameters at the coordinates 0 (P,).
        directions: directions (k, P).
        name: name in the progress bar.
    """

    family: Losses
    origin: Tensor
    directions: Tensor
    name: str = ""

    def measure(self, coordinates: np.ndarray, what: Measurement = "all") -> dict[str, np.ndarray]:
        """Losses and errors, each of shape (...), at coordinates (..., k); see ``Losses.measure``."""
        measure = partial(self.family.measure, what=what)
        return evaluate(measure, self.origin, self.directions, coordinates, self.family.batch, self.name)

    def line(self, index: int) -> "Slice":
        """The line along one direction."""
        return Slice(self.family, self.origin, self.directions[index : index + 1], self.name)

    def fields(self, points: np.ndarray) -> np.ndarray:
        """Fields to interpolate (field, m) at points (m, k)."""
        return resampling.fields(self.measure(points, "fields"), self.family.fields)


def evaluate(
    measure: Callable[[Tensor], dict[str, Tensor]],
    origin: Tensor,
    directions: Tensor,
    coordinates: np.ndarray,
    chunk: int,
    name: str = "",
) -> dict[str, np.ndarray]:
    """All measurements at origin + Σ coordinateᵢ · directionᵢ.

    If memory does not suffice for a chunk, its size is halved. The parameters at a point do not depend on the other points of
    its chunk. Compiled code therefore returns bitwise identical results for any chunk size, whereas torch, which evaluates a
    chunk by batched matrix products, returns results that are equal up to rounding errors.

    Args:
        measure: maps parameters (m, P) to named results (m,).
        origin: parameters at the coordinates 0 (P,).
        directions: directions (k, P).
        coordinates: coordinates (..., k).
        chunk: number of parameter vectors evaluated at a time.
        name: name in the progress bar.

    Returns:
        Each result with the shape (...) of the coordinates; NaN where it is not finite.

    Raises:
        MemoryError: memory does not suffice for the smallest chunk; libraries may raise other exceptions in this case.
    """
    flat = torch.tensor(coordinates.reshape(-1, coordinates.shape[-1]), dtype=origin.dtype, device=origin.device)
    results: dict[str, np.ndarray] = {}
    with torch.no_grad(), progress.bar(len(flat), name, "point") as advance:
        done = 0
        while done < len(flat):
            block = flat[done : done + chunk]
            found = _attempt(measure, origin, directions, block)
            if found is None:
                chunk = (len(block) + 1) // 2
                log.warning("memory does not suffice for %d points at a time; continuing with %d", len(block), chunk)
                continue
            for key, values in found.items():
                if key not in results:
                    results[key] = np.empty(len(flat), values.dtype)
                results[key][done : done + len(block)] = np.where(np.isfinite(values), values, np.nan)
            done += len(block)
            advance(len(block))
    return {key: values.reshape(coordinates.shape[:-1]) for key, values in results.items()}


def _attempt(
    measure: Callable[[Tensor], dict[str, Tensor]], origin: Tensor, directions: Tensor, block: Tensor
) -> dict[str, np.ndarray] | None:
    """The measurements at a block (m, k) of coordinates; None if memory does not suffice but may for a smaller block."""
    try:
        return {key: values.cpu().numpy() for key, values in measure(parameters(origin, directions, block)).items()}
    except (MemoryError, RuntimeError) as error:
        if len(block) == 1 or not memory.ran_out(error):
            raise
    return None


def parameters(origin: Tensor, directions: Tensor, coordinates: Tensor) -> Tensor:
    """Points origin + Σ coordinateᵢ · directionᵢ (m, P) for coordinates (m, k), summed over the directions (P,) one by one.

    Each product and each sum is rounded separately, so a row does not depend on the other rows. The rows of a matrix product
    do: a BLAS library uses different code for the remainder rows, and their number depends on m and on the processor.
    """
    thetas = origin.repeat(len(coordinates), 1)
    term = torch.empty_like(thetas)
    for column, direction in zip(coordinates.unbind(-1), directions, strict=True):
        thetas += torch.mul(column.unsqueeze(-1), direction, out=term)
    return thetas
