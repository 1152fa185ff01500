"""Roughness of the losses along random lines under several quadrature rules."""

from typing import TYPE_CHECKING, Annotated

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Odd, Section
from pinnscape.config.sections import DirectionSettings, Rule
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Roughness under several quadrature rules",
    about="structure",
    question="How much of the roughness is caused by the quadrature rule?",
    formula="T and RI under Gauss–Legendre, Simpson, uniform and Monte Carlo points; max |L − L_fine| relative to the range "
    "of L_fine on a line",
    source="Wu et al. 2021",
    needs=("problem",),
    caption="""\
Effect of the quadrature rule on the roughness of the landscapes of **{case}**: roughness index along random lines through the
final points, and largest difference of the loss along a line from that under a fine Gauss-Legendre rule, against the number of
quadrature points. Medians over seeds and lines.
""",
    directions=True,
)
METRICS = {
    "rule_roughness_index[rule, points]": "roughness index of the training loss under a quadrature rule with this number of "
    "points along each axis",
    "rule_roughness_index[reference]": "roughness index of the training loss under the fine rule",
    "rule_deviation[rule, points]": "largest difference from the loss under the fine rule, relative to its range on the line; "
    "median over the lines",
}


class Settings(Section):
    """Roughness along random lines under several quadrature rules."""

    rules: Distinct[Rule] = Field(
        default=("gauss-legendre", "simpson", "uniform", "monte-carlo"), min_length=1, description="quadrature rules"
    )
    points: Distinct[Annotated[int, Field(ge=2, le=10_000, description="a number of points")]] = Field(
        default=(8, 16, 32),
        min_length=1,
        description="numbers of points along each axis; Simpson's rule has one point more if the number is even",
    )
    reference: int = Field(
        default=64, ge=2, le=10_000, description="number of points along each axis of the fine Gauss-Legendre rule"
    )
    lines: int = Field(default=8, ge=2, le=1000, description="number of lines; they are the first ones of surface-lines.nc")
    radius: float = Field(
        default=1.0, gt=0, le=1e6, description="half length of the lines, in units of the norm of the directions"
    )
    line_points: Odd = Field(default=41, ge=3, le=100_001, description="number of points along a line; odd")


def measure(runs: "Runs", settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of roughness_rules.nc."""
    from pinnscape.landscape.roughness_rules import dataset

    return dataset(runs, settings, directions)


def metrics(data: xr.Dataset) -> Rows:
    """Roughness index of the training loss under each rule and the fine rule, and median difference from the fine rule."""
    for trained_on, seed in rows.points(data, "trained_on", "seed"):
        own = data.sel(trained_on=trained_on, seed=seed, loss=trained_on)
        yield trained_on, seed, "final", "rule_roughness_index[reference]", float(own["reference_index"])
        for rule, points in rows.points(data, "rule", "points"):
            case = own.sel(rule=rule, points=points)
            yield trained_on, seed, "final", f"rule_roughness_index[{rule}, {points}]", float(case["roughness_index"])
            yield trained_on, seed, "final", f"rule_deviation[{rule}, {points}]", float(case["deviation"].median())
