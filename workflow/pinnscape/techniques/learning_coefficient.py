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
    formula="nβ (E[L] − L(θ*)) over exp(−nβL − γ/2 ‖θ−θ*‖²), Langevin sampling",
    source="Lau et al. 2023",
    caption="""\
Local learning coefficients λ at the final points of **{case}** against the inverse temperature nβ (per unit of the loss gap of
the zero network), with their standard errors; dashed: those of the quadratic expansion; crosses: chains below the loss of the point. Right: the chains
of the first seed at the highest nβ, which should show no trend.
""",
    costly=True,
)
METRICS = {
    "learning_coefficient[nβ]": "local learning coefficient at an inverse temperature; empty where a chain left",
    "learning_coefficient_error[nβ]": "its standard error",
    "quadratic_coefficient[nβ]": "that of the quadratic expansion",
    "quadratic_coefficient_at_least[nβ]": "lower bound of it, only where it is withheld",
    "r_hat[nβ]": "convergence of the chains, 1 where they agree",
}


class Settings(Section):
    """How fast the volume of low loss shrinks around the final points, by Langevin sampling."""

    inverse_temperatures: Distinct[Annotated[float, Field(gt=0, le=1e30, description="an inverse temperature")]] = Field(
        default=(1e4, 1e6), min_length=1, description="per unit of the loss gap of the zero network"
    )
    localization: float = Field(default=100.0, gt=0, le=1e12, description="strength of the pull to the final point")
    chains: int = Field(default=4, ge=2, le=10_000, description="independent chains")
    burn_in: int = Field(default=500, ge=0, le=10_000_000, description="steps that are dropped")
    steps: int = Field(default=2000, ge=20, le=10_000_000, description="steps that are kept")
    thinning: int = Field(default=10, ge=1, le=50_000, description="steps between two stored values of a chain")
    eigensolver: EigensolverSettings = overriding(
        "its eigenpairs scale the first steps", dense_limit=1000, lanczos_tolerance=1e-6
    )
    eigenpairs: int = Field(default=20, ge=1, le=1000, description="beyond the limit: how many of them")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """learning_coefficient.nc."""
    from pinnscape.curvature.learning_coefficient import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Local learning coefficient with its error at each inverse temperature, that of the quadratic expansion, and split R-hat.

    The coefficient is NaN where a chain left towards lower losses.

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
