"""Which snapshots of a training are looked at closely: init, named middle ones, best and final. Torch is not needed."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from pinnscape.files.description import variable

_LAYOUT = ("fan_in", "fan_out", "weight_offset", "bias_offset")


def select(training: xr.Dataset, fractions: Mapping[str, float]) -> xr.Dataset:
    """checkpoints.nc (see results/README.md) from training.nc.

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
    variables = {
        "theta": variable(("checkpoint", "parameter"), training["theta"].values[index], "parameters of the network"),
        "loss": variable("checkpoint", losses[index], "loss that was trained"),
        "step": variable("checkpoint", steps[index], "optimisation step"),
        "quadrature_error": variable(
            "checkpoint", training["quadrature_error"].values[index], "error of the energy gap by the quadrature rule"
        ),
    }
    return xr.Dataset(variables | {name: training[name] for name in _LAYOUT}, {"checkpoint": list(chosen)})
