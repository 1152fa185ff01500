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
        description="no line varies more than this within any of the radii of convex.radius; 1 is a symmetric bowl, each further bump adds",
    )


class WellConditionedSettings(Section):
    """When a Hessian counts as well conditioned."""

    rank: int = Field(default=50, ge=2, description="lambda_1 / lambda_k for this k ...")
    ratio: float = Field(default=1e3, ge=1, description="... is at most this")
    share: float = Field(
        default=0.1, ge=0, le=1, description="and at least this share of the eigenvalues is above 1e-3 lambda_1"
    )


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(after <= before for before, after in itertools.pairwise(values)):
        raise fault(f"must be ascending; got {', '.join(map(str, values))}")
    return values


class ConvexSettings(Section):
    """When a landscape counts as convex near the trained parameters."""

    negative_share: float = Field(
        default=0.01, ge=0, le=1, description="at most this share of the eigenvalues is negative at the final point ..."
    )
    negative_ratio: float = Field(
        default=1e-3, ge=0, description="... and the most negative one is at most this in magnitude, relative to the largest"
    )
    radius: Annotated[Entries[Annotated[float, Field(gt=0, description="a distance")]], AfterValidator(_ascending)] = Field(
        default=(0.05, 0.1, 0.25, 0.5, 1.0),
        min_length=1,
        description="radii along lines, ascending, within which second differences and variation are taken",
    )
    positive_share: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="at least this share of second differences within the smallest radius is not negative",
    )


class AlikeSettings(Section):
    """When the landscapes of two formulations count as alike."""

    spearman: float = Field(
        default=0.9, ge=-1, le=1, description="rank correlation of the two losses on the same plane is at least this"
    )
    subspace: int = Field(
        default=10, ge=1, description="dimension of the top eigenspaces that are compared; at most hessian.extremes"
    )
    angle: float = Field(default=30.0, ge=0, le=90, description="their median principal angle, in degrees, is at most this")
    spectrum: float = Field(
        default=0.3, ge=0, description="mean distance of log10(lambda_i / lambda_1), in decades, is at most this ..."
    )
    eigenvalues: int = Field(default=50, ge=2, description="... over this many of the largest eigenvalues")


class DataDrivenSettings(Section):
    """When a landscape has what is known of those of data-driven problems."""

    violation: float = Field(
        default=0.01,
        ge=0,
        description="the loss rises by at most this on the line from the initial to the final point, relative to its fall",
    )
    barrier: float = Field(
        default=0.01,
        ge=0,
        description="barriers between seeds, aligned and along curves, are at most this, relative to the loss at the initial points",
    )
    explained: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="the plane of the trajectory explains at least this share of the squared distance from the final point",
    )
    subspace: int = Field(default=10, ge=1, description="in the top eigenspace of this dimension ...")
    gradient: float = Field(
        default=0.9, ge=0, le=1, description="... is at least this share of the squared gradient, averaged along training"
    )
    level: float = Field(default=0.1, gt=0, description="relative L2 error at which the intrinsic dimension is taken ...")
    intrinsic: float = Field(default=0.5, ge=0, le=1, description="... which is at most this share of the number of parameters")
    bulk: float = Field(
        default=0.9, ge=0, le=1, description="at least this share of the eigenvalues is within 1e-3 of the largest"
    )


class ClaimSettings(Section):
    """Thresholds of the verdicts in claims.csv."""

    smooth: SmoothSettings = defaults_of(SmoothSettings)
    well_conditioned: WellConditionedSettings = defaults_of(WellConditionedSettings)
    convex: ConvexSettings = defaults_of(ConvexSettings)
    alike: AlikeSettings = defaults_of(AlikeSettings)
    data_driven: DataDrivenSettings = defaults_of(DataDrivenSettings)
