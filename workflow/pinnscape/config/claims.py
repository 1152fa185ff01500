"""The section ``claims`` of the configuration: the thresholds of the verdicts."""

import itertools
from typing import Annotated

from pydantic import AfterValidator, Field

from pinnscape.config.section import Entries, Section, defaults_of, fault


class SmoothSettings(Section):
    """When a landscape counts as smooth."""

    variation: float = Field(
        default=1.05,
        gt=0,
        description="upper bound of the normalised variation of every line within every radius in convex.radius; a symmetric "
        "bowl has 1, further bumps increase it",
    )


class WellConditionedSettings(Section):
    """When a Hessian counts as well conditioned."""

    rank: int = Field(default=50, ge=2, description="index k of the ratio lambda_1 / lambda_k")
    ratio: float = Field(default=1e3, ge=1, description="upper bound of this ratio")
    share: float = Field(default=0.1, ge=0, le=1, description="lower bound of the share of eigenvalues above 1e-3 lambda_1")


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(after <= before for before, after in itertools.pairwise(values)):
        raise fault(f"must be ascending; got {', '.join(map(str, values))}")
    return values


class ConvexSettings(Section):
    """When a landscape counts as convex near the trained parameters."""

    negative_share: float = Field(
        default=0.01, ge=0, le=1, description="upper bound of the share of negative eigenvalues at the final point"
    )
    negative_ratio: float = Field(
        default=1e-3,
        ge=0,
        description="upper bound of the magnitude of the most negative eigenvalue, relative to the largest eigenvalue",
    )
    radius: Annotated[Entries[Annotated[float, Field(gt=0, description="a distance")]], AfterValidator(_ascending)] = Field(
        default=(0.05, 0.1, 0.25, 0.5, 1.0),
        min_length=1,
        description="ascending radii along the lines, within which second differences and variation are computed",
    )
    positive_share: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="lower bound of the share of non-negative second differences within the smallest radius",
    )


class AlikeSettings(Section):
    """When the landscapes of two formulations count as alike."""

    spearman: float = Field(
        default=0.9, ge=-1, le=1, description="lower bound of the rank correlation of the two losses on the same plane"
    )
    subspace: int = Field(
        default=10, ge=1, description="dimension of the top eigenspaces that are compared; at most hessian.extremes"
    )
    angle: float = Field(
        default=30.0, ge=0, le=90, description="upper bound of the median principal angle of these eigenspaces, in degrees"
    )
    spectrum: float = Field(
        default=0.3, ge=0, description="upper bound of the mean distance of log10(lambda_i / lambda_1), in decades"
    )
    eigenvalues: int = Field(default=50, ge=2, description="number of the largest eigenvalues in this mean")


class DataDrivenSettings(Section):
    """When a landscape has the properties known from landscapes of data-driven problems."""

    baseline: str = Field(
        default="digits",
        description="name of the data-driven case with which all others are compared: its numbers, for its first loss, are the "
        "columns baseline of claims.csv; these are empty if the study has no such case",
    )
    violation: float = Field(
        default=0.01,
        ge=0,
        description="upper bound of the rise of the loss on the line from the initial to the final point, relative to its "
        "decrease",
    )
    barrier: float = Field(
        default=0.01,
        ge=0,
        description="upper bound of the barriers between seeds, after alignment and along Bezier curves, relative to the mean "
        "gap of the initial points",
    )
    explained: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="lower bound of the share of the squared distance from the final point that the trajectory plane explains",
    )
    subspace: int = Field(default=10, ge=1, description="dimension of the top eigenspace that is to contain the gradient")
    gradient: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="lower bound of the share of the squared gradient norm in this eigenspace, averaged along training",
    )
    level: float = Field(default=0.1, gt=0, description="relative L2 error that defines the intrinsic dimension")
    intrinsic: float = Field(
        default=0.5, ge=0, le=1, description="upper bound of the intrinsic dimension, as a share of the number of parameters"
    )
    bulk: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="lower bound of the share of eigenvalues whose magnitude is at most 1e-3 of the largest eigenvalue",
    )


class ClaimSettings(Section):
    """Thresholds of the verdicts in claims.csv."""

    smooth: SmoothSettings = defaults_of(SmoothSettings)
    well_conditioned: WellConditionedSettings = defaults_of(WellConditionedSettings)
    convex: ConvexSettings = defaults_of(ConvexSettings)
    alike: AlikeSettings = defaults_of(AlikeSettings)
    data_driven: DataDrivenSettings = defaults_of(DataDrivenSettings)
