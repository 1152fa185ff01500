"""Points and trajectories in parameter space, in the forms in which users have them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from pinnscape.losses.field import FieldObjective
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.losses.objective import Losses, Objective, tensor
from pinnscape.networks.layout import layout_values
from pinnscape.networks.modules import trainable
from pinnscape.training.checkpoints import CHECKPOINTS, select


def family(objective: Objective) -> Losses:
    """All losses that belong to the same problem or module as a loss.

    Raises:
        ValueError: the loss was not created by ``pinnscape.objective``, ``from_torch`` or ``from_deepxde``.
    """
    found = objective.family if isinstance(objective, ModuleObjective) else None
    if isinstance(objective, FieldObjective):
        found = objective.discretization
    if found is None:
        raise ValueError("`objective` must be one that `pinnscape.objective` or `pinnscape.from_torch` gives")
    return found


def name_of(objective: Objective) -> str:
    """The name of the loss; of a part of its terms, the name of the whole."""
    return objective.whole if isinstance(objective, (FieldObjective, ModuleObjective)) else objective.name


def point(objective: Objective, given: Any) -> Tensor:
    """A point (P,) as a float64 tensor on the device of a loss.

    Args:
        objective: the loss.
        given: an array (P,), a module with these parameters, or its ``state_dict``.

    Raises:
        ValueError: the point does not fit the loss.
    """
    flat = _flat(objective, given)
    if flat.shape != (objective.size,):
        raise ValueError(f"`theta` must have the shape ({objective.size},) of the parameters, not {tuple(flat.shape)}")
    return flat


def snapshots(objective: Objective, given: Any) -> Tensor:
    """Points (n, P) of a training, from the first to the last.

    Args:
        objective: the loss.
        given: the dataset of a training with the variable ``theta`` (snapshot, parameter); an array (n, P); a sequence of
            points in the forms that ``point`` takes; or one such point.

    Raises:
        ValueError: the points do not fit the loss.
    """
    if isinstance(given, xr.Dataset):
        given = given["theta"].values
    if isinstance(given, (list, tuple)):
        return torch.stack([point(objective, each) for each in given])
    if isinstance(given, (nn.Module, Mapping)):
        return point(objective, given)[None]
    flat = _flat(objective, given)
    rows = flat if flat.ndim == 2 else flat[None]
    if rows.ndim != 2 or rows.shape[1] != objective.size or not len(rows):
        raise ValueError(f"points must have the shape (n, {objective.size}) of n parameter vectors, not {tuple(flat.shape)}")
    return rows


def steps(given: Any) -> np.ndarray | None:
    """Steps (n,) of the points of a training; None if they are not known."""
    return given["snapshot_step"].values if isinstance(given, xr.Dataset) else None


def _flat(objective: Objective, given: Any) -> Tensor:
    if isinstance(given, nn.Module):
        given = trainable(given)
    if isinstance(given, Mapping):
        blocks = objective.layout.blocks
        if missing := [block.name for block in blocks if block.name not in given]:
            raise ValueError(f"`theta` has no parameter {missing[0]}; it must have all of {', '.join(b.name for b in blocks)}")
        for block in blocks:
            if (shape := tuple(given[block.name].shape)) != block.shape:
                raise ValueError(f"the parameter {block.name} of `theta` must have the shape {block.shape}, not {shape}")
        given = torch.cat([given[block.name].detach().cpu().double().flatten() for block in blocks])
    return tensor(given.detach().cpu() if isinstance(given, Tensor) else given, objective.device)


def training(objective: Objective, thetas: Tensor, steps: np.ndarray | None = None) -> xr.Dataset:
    """What techniques read of training.nc: the snapshots ``theta`` (n, P), their steps and losses."""
    losses = objective.loss(thetas).cpu().numpy()
    return xr.Dataset(
        {
            "theta": (("snapshot", "parameter"), thetas.cpu().numpy()),
            "snapshot_step": ("snapshot", np.arange(len(thetas)) if steps is None else steps),
            "snapshot_loss": ("snapshot", losses),
            "quadrature_error": ("snapshot", family(objective).gap_errors(thetas)),
            "weight": (("term", "step"), np.ones((0, 1))),
            **_layout(objective),
        },
        {"term": np.array([], dtype=str)},
    )


def checkpoints(objective: Objective, training: xr.Dataset, seed: int) -> xr.Dataset:
    """The snapshots of ``training`` in the form of checkpoints.nc: the first one is ``init``, the last one ``final``."""
    return select(training, {"middle": 0.1}).assign_attrs(seed=seed, trained_on=name_of(objective))


def _layout(objective: Objective) -> dict[str, Any]:
    described = {**CHECKPOINTS.variables, **CHECKPOINTS.coordinates}
    return {name: (described[name].axes, values) for name, values in layout_values(objective.layout).items()}
