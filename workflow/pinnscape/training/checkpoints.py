"""Checkpoints: the snapshots that later stages analyse (init, named intermediate ones, best and final).

This module does not import torch.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.networks.layout import LAYOUT, OF_LAYOUT

CHECKPOINTS = File(
    "checkpoints.nc",
    {
        "theta": Variable(("checkpoint", "parameter"), "parameters of the network"),
        "loss": Variable("checkpoint", "training loss"),
        "step": Variable("checkpoint", "optimisation step"),
        "weight": Variable("term", "final weight of the term relative to that of its condition, by training.weights"),
        "quadrature_error": Variable("checkpoint", "quadrature error of the energy gap"),
        **LAYOUT,
    },
    {
        "checkpoint": Variable(
            "checkpoint", "init, the named intermediate ones in order, best (the snapshot of lowest loss) and final"
        ),
        "term": Variable("term", "name of the term of the training loss"),
        **OF_LAYOUT,
    },
)


def select(training: xr.Dataset, fractions: Mapping[str, float]) -> xr.Dataset:
    """The content of checkpoints.nc.

    Args:
        training: the content of training.nc.
        fractions: fraction of the steps taken, by name of the checkpoint; the nearest snapshot becomes this checkpoint.
    """
    steps, losses = training["snapshot_step"].values, training["snapshot_loss"].values
    chosen = {"init": 0}
    for name, fraction in sorted(fractions.items(), key=lambda item: item[1]):
        chosen[name] = int(np.abs(steps - fraction * steps[-1]).argmin())
    chosen |= {"best": int(np.nanargmin(losses)), "final": len(steps) - 1}
    index = list(chosen.values())
    values = {
        "theta": training["theta"].values[index],
        "loss": losses[index],
        "step": steps[index],
        "quadrature_error": training["quadrature_error"].values[index],
        **{name: training[name].values for name in ("block", *LAYOUT)},
    }
    weights = {"weight": training["weight"].values[:, -1], "term": training["term"].values}
    return CHECKPOINTS.dataset(values | weights | {"checkpoint": list(chosen)})


def final_weights(checkpoints: Iterable[xr.Dataset]) -> dict[str, float]:
    """The weights with which trainings ended, under names such as ``strong-form/initial``; of several seeds, those of the first."""
    found: dict[str, float] = {}
    for data in checkpoints:
        for term, weight in zip(data["term"].values, data["weight"].values, strict=True):
            found.setdefault(f"{data.attrs['trained_on']}/{term}", float(weight))
    return {name: weight for name, weight in found.items() if weight != 1.0}
