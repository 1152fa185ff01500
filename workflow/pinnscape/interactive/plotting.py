"""Figures of datasets, as the workflow draws them."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

import xarray as xr

from pinnscape.figures import style
from pinnscape.landscape.resampling import resampled
from pinnscape.techniques.catalog import TECHNIQUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot(*datasets: xr.Dataset, ax: "Axes | None" = None) -> "Figure":
    """Draw a dataset of ``plane``, ``lines``, ``volume``, ``hessian``, ``train``, ``Recorder`` or a technique.

    Args:
        *datasets: one dataset, or several of the same kind that one figure shows together: planes or lines of several losses,
            spectra at several checkpoints, or trainings with several seeds.
        ax: existing axes for a single plane or for single lines of a single loss, in place of a new figure.

    Returns:
        The figure, which notebooks show. ``figure.savefig("plane.pdf")`` saves it.

    Raises:
        ValueError: a dataset is of another kind, or does not fit into single axes.
    """
    stages = {str(data.attrs.get("stage", "")) for data in datasets}
    if len(stages) != 1 or not stages <= {"surfaces", "hessian", "train", "volume", *TECHNIQUES}:
        raise ValueError("`plot` needs datasets of one kind, which functions of `pinnscape` return")
    (stage,) = stages
    style.register(loss for data in datasets for loss in _losses(data))
    named = [data if "case" in data.attrs else data.assign_attrs(case="") for data in datasets]
    if ax is not None:
        return _into(ax, stage, named)
    if stage == "surfaces":
        return _surfaces(named)
    if stage == "hessian":
        return _hessians(named)
    if stage == "train":
        return _figure("training_curves").draw({(data.attrs["trained_on"], int(data.attrs["seed"])): data for data in named})
    if len(named) > 1:
        raise ValueError(f"`plot` needs one dataset of {stage}, not {len(named)}")
    return _figure(stage).draw(named[0])


def _losses(data: xr.Dataset) -> list[str]:
    """The losses of a dataset in their order, from which colours follow."""
    return [str(name) for name in (data["loss"].values if "loss" in data.coords else [data.attrs.get("trained_on", "")])]


def _figure(name: str):
    return import_module(f"pinnscape.figures.{name}")


def _surfaces(datasets: list[xr.Dataset]) -> "Figure":
    kinds = {data.attrs["kind"] for data in datasets}
    if len(kinds) != 1:
        raise ValueError(f"`plot` needs surfaces of one kind, not {', '.join(sorted(kinds))}")
    (kind,) = kinds
    shown = {str(data.attrs["trained_on"]): resampled(data) for data in datasets}
    if kind.startswith("hessian"):
        top = kind == "hessian-top"
        return _figure("hessian_planes").draw(shown if top else {}, {} if top else shown)
    return _figure("planes" if kind == "random" else str(kind)).draw(shown)


def _hessians(datasets: list[xr.Dataset]) -> "Figure":
    if any(name not in data for data in datasets for name in ("density", "eigenvalue")):
        raise ValueError("`plot` needs the dataset of `pinnscape.hessian`, of which `spectrum` and `density` are parts")
    keys = [(str(d.attrs["trained_on"]), int(d.attrs["seed"]), str(d.attrs["checkpoint"])) for d in datasets]
    return _figure("spectra").draw(dict(zip(keys, datasets, strict=True)))


def _into(ax: "Axes", stage: str, datasets: list[xr.Dataset]) -> "Figure":
    if stage != "surfaces" or len(datasets) != 1:
        raise ValueError("only a plane, or lines, can be drawn in given axes; leave `ax` out")
    data, loss = resampled(datasets[0]), str(datasets[0].attrs["trained_on"])
    if data.attrs["kind"] == "lines":
        _figure("lines").panel(ax, data, loss)
    else:
        _figure("planes").panel(ax.figure, ax, data, loss)
    return cast("Figure", ax.figure)
