"""Which snapshots of a training are looked at closely: init, named middle ones, best and final. Torch is not needed."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.networks.mlp import LAYOUT, OF_LAYOUT

CHECKPOINTS = File(
    "checkpoints.nc",
    {
        "theta": Variable(("checkpoint", "parameter"), "parameters of the network"),
        "loss": Variable("checkpoint", "loss that was trained"),
        "step": Variable("checkpoint", "optimisation step"),
        "quadrature_error": Variable("checkpoint", "error of the energy gap by the quadrature rule"),
        **LAYOUT,
    },
    {
        "checkpoint": Variable(
            "checkpoint", "init, the named middle ones in order, best (the snapshot of lowest loss) and final"
        ),
        **OF_LAYOUT,
    },
)


def select(training: xr.Dataset, fractions: Mapping[str, float]) -> xr.Dataset:
    """checkpoints.nc from training.nc.

    Args:
        training: history with snapshots.
        fractions: name -> fraction of the steps taken; the nearest snapshot gets the name.
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
        **{name: training[name].values for name in LAYOUT},
    }
    return CHECKPOINTS.dataset(values | {"checkpoint": list(chosen)})
