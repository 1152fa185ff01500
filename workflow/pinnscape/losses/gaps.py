"""Detection of energies that are below the stated minimum by more than the quadrature error. Torch is not needed."""

from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Below:
    """The snapshot of a training whose energy is furthest below the stated minimum.

    Attributes:
        amount: difference between the stated minimum and the energy, positive.
        error: estimated quadrature error of the energy gap at this snapshot.
        step: training step of the snapshot.
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
    """How far energies are below their minimum (n,); 0 if this is within the quadrature error, NaN if a value is unknown.

    Args:
        gap: energy gaps (n,): energies minus the stated minimum.
        error: quadrature errors (n,) of the gaps; a gap with an infinite error is never reported.
    """
    gap, error = np.asarray(gap, float), np.asarray(error, float)
    return np.where(np.isnan(gap) | np.isnan(error), np.nan, np.where(-gap > error, -gap, 0.0))


def below(training: xr.Dataset) -> Below | None:
    """The snapshot of a training.nc whose energy is furthest below the minimum; None if quadrature errors explain all gaps."""
    steps, errors = training["snapshot_step"].values, training["quadrature_error"].values
    amounts = np.nan_to_num(excess(training["energy_gap"].sel(step=steps).values, errors))
    worst = int(amounts.argmax())
    return Below(float(amounts[worst]), float(errors[worst]), int(steps[worst])) if amounts[worst] > 0 else None
