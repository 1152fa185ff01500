"""Energies below that of the exact solution, and whether the quadrature rule can be the reason. Torch is not needed."""

from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Below:
    """The point of a training whose energy is furthest below its stated minimum.

    Attributes:
        amount: by which it is below; infinite errors are never exceeded.
        error: of the quadrature rule there.
        step: of the training.
    """

    amount: float
    error: float
    step: int

    def __str__(self) -> str:
        return (
            f"at step {self.step} the energy is {self.amount:.2e} below that of the exact solution, and the quadrature rule explains no more than "
            f"{self.error:.1e}: the stated exact solution does not minimise this energy, and gaps mean nothing; "
            "check `exact`, `density` and the boundary values"
        )


def excess(gap: np.ndarray, error: np.ndarray) -> np.ndarray:
    """By how much energies are below their minimum where that is more than the error of the quadrature rule; 0 elsewhere, NaN where unknown.

    Args:
        gap: of the energies (n,).
        error: of the gaps (n,).
    """
    gap, error = np.asarray(gap, float), np.asarray(error, float)
    return np.where(np.isnan(gap) | np.isnan(error), np.nan, np.where(-gap > error, -gap, 0.0))


def below(training: xr.Dataset) -> Below | None:
    """The snapshot of a training.nc that is furthest below the minimum of the energy; None where none is, beyond the error of the rule."""
    steps, errors = training["snapshot_step"].values, training["quadrature_error"].values
    amounts = np.nan_to_num(excess(training["energy_gap"].sel(step=steps).values, errors))
    worst = int(amounts.argmax())
    return Below(float(amounts[worst]), float(errors[worst]), int(steps[worst])) if amounts[worst] > 0 else None
