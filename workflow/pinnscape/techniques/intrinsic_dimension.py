"""Trainings in random subspaces through the initial points."""

from typing import TYPE_CHECKING, Annotated

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Intrinsic dimension",
    about="point",
    question="How many random directions suffice to solve the problem?",
    formula="smallest d for which the problem is solved in θ₀ + Pz, z ∈ ℝᵈ, P random with unit columns",
    source="Li et al. 2018b",
    caption="""\
Training of **{case}** in random subspaces through the initial point: relative L² error and gap of the training loss against the
dimension of the subspace (thin: one seed, median over bases; thick: median over seeds; dashed: all parameters, trained with as
many steps), and the smallest dimension that reaches each level of the error (bar: down to the largest smaller dimension, which
does not reach it; triangle: no dimension does).
""",
    costly=True,
    needs=("solution",),
)
METRICS = {
    "intrinsic_dimension[level]": "smallest dimension whose median error reaches the level",
    "intrinsic_share[level]": "intrinsic dimension over the number of parameters",
    "full_l2_error": "relative L2 error after training all parameters with as many steps",
}


class Settings(Section):
    """Training in random subspaces through the initial point."""

    dimensions: Distinct[Annotated[int, Field(ge=1, le=100_000, description="a dimension")]] = Field(
        default=(5, 10, 20, 30, 40, 60, 80, 120, 160, 240),
        min_length=1,
        description="dimensions of the subspaces; those above the number of parameters are left out",
    )
    bases: int = Field(default=3, ge=1, le=1000, description="number of random subspaces of each dimension")
    levels: Distinct[Annotated[float, Field(gt=0, le=1000, description="an error")]] = Field(
        default=(0.1, 0.01), min_length=1, description="relative L2 errors at which the problem counts as solved"
    )
    steps: int = Field(default=500, ge=1, le=10_000_000, description="maximum number of L-BFGS steps")
    history_size: int = Field(default=50, ge=1, le=10_000, description="number of pairs (s, y) stored by L-BFGS")
    gradient_tolerance: float = Field(
        default=1e-9, ge=0, description="training stops when the maximum norm of the gradient is below this value"
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of intrinsic_dimension.nc."""
    from pinnscape.training.intrinsic_dimension import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Intrinsic dimension for each level of the error, its share of P, and the error after training all parameters.

    Args:
        data: intrinsic_dimension.nc.
    """
    for trained_on, seed, own in rows.runs(data):
        for level in data["level"].values:
            value = float(own["intrinsic_dimension"].sel(level=level))
            yield trained_on, seed, "init", f"intrinsic_dimension[{level:g}]", value
            yield trained_on, seed, "init", f"intrinsic_share[{level:g}]", value / data.attrs["parameters"]
        yield trained_on, seed, "init", "full_l2_error", float(own["full_l2_error"])
