"""Share of the gradient in the top eigenspaces of the Hessian, and drift of these eigenspaces."""

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
    title="Gradient in the top eigenspace",
    about="training",
    question="Does the gradient lie in the top eigenspace of the Hessian, and does this eigenspace stay the same?",
    formula="‖P_k g‖²/‖g‖²; tr(P_k P'_k)/k",
    source="Gur-Ari et al. 2018",
    caption="""\
Gradients of **{case}** and the eigenspaces of the largest Hessian eigenvalues of the training loss: share of the squared
gradient norm in these eigenspaces, and their overlap with the eigenspaces at the next analysed snapshot and at the final point.
Dashed: values for random directions.
""",
)
METRICS = {
    "gradient_share[k]": "share of the squared gradient norm in the top k-dimensional eigenspace, at the first and at the "
    "last point",
    "gradient_share_mean[k]": "mean along training of the share of the squared gradient norm in the top k-dimensional "
    "eigenspace",
    "subspace_overlap_mean[k]": "mean overlap of successive top k-dimensional eigenspaces",
    "subspace_overlap_final[k]": "overlap of the initial with the final top k-dimensional eigenspace",
}


class Settings(Section):
    """The gradient in the top eigenspace of the Hessian along training."""

    points: int = Field(
        default=8,
        ge=2,
        le=1000,
        description="number of analysed snapshots, logarithmically spaced, including the first and the last",
    )
    dimensions: Distinct[Annotated[int, Field(ge=1, le=1000, description="a dimension")]] = Field(
        default=(1, 5, 10), min_length=1, description="dimensions k of the top eigenspaces"
    )
    eigensolver: EigensolverSettings = overriding(
        "above the limit, Lanczos needs far fewer products than there are parameters",
        dense_limit=100,
        lanczos_steps=200,
        lanczos_tolerance=1e-6,
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of gradient_subspace.nc."""
    from pinnscape.curvature.gradient_subspace import dataset

    return dataset(runs, settings.points, settings.dimensions, settings.eigensolver)


def metrics(data: xr.Dataset) -> Rows:
    """Share of the gradient in the top eigenspaces at both ends of training and on average, and overlaps of the eigenspaces."""
    for trained_on, seed, run in rows.runs(data):
        last = np.flatnonzero(np.isfinite(run["step"].values))[-1:]
        for k in run["k"].values:
            own = run.sel(k=k)
            yield trained_on, seed, "init", f"gradient_share[{k}]", float(own["share"][0])
            yield (
                trained_on,
                seed,
                "final",
                f"gradient_share[{k}]",
                float(own["share"][last[0]]) if last.size else float("nan"),
            )
            # The mean is NaN if an eigenspace is not verified: the mean of the remaining points would be biased.
            moving = run["gradient_norm"].values > 0
            mean = rows.over(np.mean, own["share"]) if np.isfinite(own["share"].values[moving]).all() else float("nan")
            yield trained_on, seed, "final", f"gradient_share_mean[{k}]", mean
            following = moving[:-1] & moving[1:]
            known = np.isfinite(own["overlap_next"].values[:-1][following]).all()
            mean = rows.over(np.mean, own["overlap_next"]) if known else float("nan")
            yield trained_on, seed, "final", f"subspace_overlap_mean[{k}]", mean
            yield trained_on, seed, "init", f"subspace_overlap_final[{k}]", float(own["overlap_final"][0])
