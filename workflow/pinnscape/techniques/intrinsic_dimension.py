"""Trainings in random subspaces through the initial points."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Intrinsic dimension",
    about="point",
    question="In how many random directions can the problem be solved?",
    formula="least d that solves the problem in θ₀ + Pz, z ∈ ℝᵈ, P random with unit columns",
    source="Li et al. 2018b",
    caption="""\
Training of **{problem}** in random subspaces through the initial point: relative L² error and gap of the trained loss against
the dimension of the subspace (thin: one seed, median over bases; thick: median over seeds; dashed: all parameters, as many steps), and the least
dimension that reaches each level (a bar down to the largest one that does not; a triangle: none does).
""",
    costly=True,
)
METRICS = {
    "intrinsic_dimension[level]": "least dimension whose median error reaches the level",
    "intrinsic_share[level]": "this dimension over the number of parameters",
    "full_l2_error": "relative L2 error of training all parameters by as many steps",
}


def measure(runs: "Runs", settings: Mapping[str, Any]) -> xr.Dataset:
    """intrinsic_dimension.nc."""
    from pinnscape.training.intrinsic_dimension import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Intrinsic dimension for each level of the error, its share of P, and the error of training all parameters by as many steps.

    Args:
        data: intrinsic_dimension.nc.
    """
    for formulation, seed, own in rows.runs(data):
        for level in data["level"].values:
            value = float(own["intrinsic_dimension"].sel(level=level))
            yield formulation, seed, "init", f"intrinsic_dimension[{level:g}]", value
            yield formulation, seed, "init", f"intrinsic_share[{level:g}]", value / data.attrs["parameters"]
        yield formulation, seed, "init", "full_l2_error", float(own["full_l2_error"])
