"""Losses in a cube of parameter space, spanned by three random directions, for isosurfaces."""

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.config.sections import DirectionSettings
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, PARAMETER
from pinnscape.landscape.axes import centred_axis
from pinnscape.landscape.directions import cosine, orthogonal
from pinnscape.landscape.files import axis_unit
from pinnscape.landscape.surfaces import evaluate
from pinnscape.losses.objective import Losses, tensor

_STREAM = 5  # second entry of the random seeds
_AXES = ("alpha", "beta", "gamma")
FILE = File(
    "volume.nc",
    {
        "value": Variable(("loss", *_AXES), "value of each loss"),
        "value_at_origin": Variable("loss", "value of each loss at the point in the middle"),
        "energy_minimum": Variable((), "energy of the exact solution under the quadrature rule; NaN if unknown"),
        "direction": Variable(("axis", "parameter"), "direction, normalised and orthogonal to the others"),
        "origin": Variable("parameter", "parameters at the point in the middle"),
        "cosine": Variable((), "largest absolute cosine between two directions"),
    },
    {
        **LOSS,
        **PARAMETER,
        "axis": Variable("axis", "index of the direction"),
        **{name: Variable(name, f"coordinate along direction {k + 1}, in the unit axis_unit") for k, name in enumerate(_AXES)},
    },
    of_study=False,
)


def dataset(family: Losses, theta: Tensor, radius: float, points: int, settings: DirectionSettings, seed: int) -> xr.Dataset:
    """All losses on a grid of points around theta (P,).

    Args:
        family: the losses.
        theta: the point in the middle.
        radius: half width of the cube, in the unit of the directions.
        points: number of points along each axis; odd.
        settings: normalisation of the directions.
        seed: seed of the directions.
    """
    how = (settings.normalization, settings.bias)
    rows = orthogonal(theta.cpu().numpy(), family.layout, len(_AXES), [seed, _STREAM], *how)
    axis = centred_axis(radius, points)
    coordinates = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)

    def fields(thetas: Tensor) -> dict[str, Tensor]:
        return family.measure(thetas, "fields")

    measured = evaluate(fields, theta, tensor(rows, family.device), coordinates, family.batch)
    middle = points // 2
    values = {
        "value": np.stack([measured[name] for name in family.losses]),
        "value_at_origin": [measured[name][middle, middle, middle] for name in family.losses],
        "energy_minimum": family.energy_minimum,
        "direction": rows,
        "origin": theta.cpu().numpy(),
        "cosine": cosine(rows),
        "loss": list(family.losses),
        **dict.fromkeys(_AXES, axis),
    }
    about = {"kind": "volume", "normalization": how[0], "bias": how[1], "axis_unit": axis_unit(how[0])}
    return FILE.dataset(values, attributes=about)
