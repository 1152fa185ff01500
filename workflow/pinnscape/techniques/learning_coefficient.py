"""Local learning coefficients at the final points."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.config.sections import EigensolverSettings, overriding
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Local learning coefficient",
    about="point",
    question="How fast does the volume of low loss shrink?",
    formula="λ = nβ (E[L] − L(θ*)) over the density ∝ exp(−nβL − γ/2 ‖θ−θ*‖²), Langevin sampling",
    source="Lau et al. 2023",
    caption="""\
Local learning coefficients λ at the final points of **{case}** against the inverse temperature nβ (per unit of the gap of the
zero network), with standard errors. Dashed: coefficients of the quadratic expansion; crosses: the mean loss of a chain is below
that of the final point. Right: the chains of the first seed at the highest nβ, which should show no trend.
""",
    costly=True,
)
METRICS = {
    "learning_coefficient[nβ]": "local learning coefficient at an inverse temperature; empty if a chain left towards lower "
    "losses",
    "learning_coefficient_error[nβ]": "standard error of the local learning coefficient",
    "quadratic_coefficient[nβ]": "local learning coefficient of the quadratic expansion",
    "quadratic_coefficient_at_least[nβ]": "lower bound of the coefficient of the quadratic expansion, only if that is withheld",
    "r_hat[nβ]": "split R-hat of the chains, 1 if they agree",
}


class Settings(Section):
    """How fast the volume of low loss shrinks around the final points, by Langevin sampling."""

    inverse_temperatures: Distinct[Annotated[float, Field(gt=0, le=1e30, description="an inverse temperature")]] = Field(
        default=(1e4, 1e6), min_length=1, description="inverse temperatures per unit of the gap of the zero network"
    )
    localization: float = Field(
        default=100.0, gt=0, le=1e12, description="strength of the quadratic localisation at the final point"
    )
    chains: int = Field(default=4, ge=2, le=10_000, description="number of independent chains")
    burn_in: int = Field(default=500, ge=0, le=10_000_000, description="number of initial steps that are discarded")
    steps: int = Field(default=2000, ge=20, le=10_000_000, description="number of steps after the burn-in")
    thinning: int = Field(default=10, ge=1, le=50_000, description="number of steps between two stored values of a chain")
    eigensolver: EigensolverSettings = overriding(
        "the eigenpairs precondition the first steps", dense_limit=1000, lanczos_tolerance=1e-6
    )
    eigenpairs: int = Field(default=20, ge=1, le=1000, description="number of these eigenpairs above the dense limit")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of learning_coefficient.nc."""
    from pinnscape.curvature.learning_coefficient import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Local learning coefficient and its error, coefficient of the quadratic expansion, and split R-hat at each temperature.

    The coefficient is NaN if a chain left towards lower losses.

    Args:
        data: learning_coefficient.nc.
    """
    for trained_on, seed, own in rows.runs(data):
        for temperature in data["inverse_temperature"].values:
            one, case = own.sel(inverse_temperature=temperature), f"[{temperature:g}]"
            value = float(one["learning_coefficient"]) if float(one["left"]) == 0 else float("nan")
            yield trained_on, seed, "final", f"learning_coefficient{case}", value
            yield trained_on, seed, "final", f"learning_coefficient_error{case}", float(one["standard_error"])
            yield trained_on, seed, "final", f"quadratic_coefficient{case}", float(one["quadratic"])
            if np.isnan(float(one["quadratic"])) and np.isfinite(float(one["quadratic_at_least"])):
                yield trained_on, seed, "final", f"quadratic_coefficient_at_least{case}", float(one["quadratic_at_least"])
            yield trained_on, seed, "final", f"r_hat{case}", float(one["r_hat"])
