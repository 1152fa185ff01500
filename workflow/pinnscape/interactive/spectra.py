"""Curvature at a point, for interactive use."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from pinnscape.config.sections import SpectrumSettings
from pinnscape.curvature.files import eigenvalues_dataset, hessian_dataset, spectrum_dataset
from pinnscape.interactive import points
from pinnscape.interactive.settings import settings_of
from pinnscape.losses.objective import Objective

_DENSITY = ("density", "node", "weight", "trace", "trace_estimate", "trace_estimate_error")


def hessian(objective: Objective, theta: Any, *, seed: int = 0, **settings: Any) -> xr.Dataset:
    """The spectrum of the Hessian at a point: eigenvalues, eigenvectors, spectral density and trace.

    Args:
        objective: the loss.
        theta: the point: an array (P,), a module or its ``state_dict``.
        seed: seed of the random start vectors.
        **settings: the settings of ``hessian`` in config.yaml, such as ``extremes=20`` or ``eigensolver={"dense_limit": 0}``.

    Returns:
        The variables of hessian-{checkpoint}.nc.

    Raises:
        ValueError: an argument is invalid.
        DivergenceError: the Hessian is not finite.
    """
    at = points.point(objective, theta)
    return _joined(objective, spectrum_dataset(objective, at, _settings(settings), seed), seed)


def spectrum(objective: Objective, theta: Any, *, seed: int = 0, **settings: Any) -> xr.Dataset:
    """Eigenvalues and eigenvectors of the Hessian at a point, with their residuals; the arguments are those of ``hessian``.

    Returns:
        The variables of hessian-{checkpoint}.nc, without the density and estimates of the trace.
    """
    at = points.point(objective, theta)
    return _joined(objective, eigenvalues_dataset(objective, at, _settings(settings), seed), seed)


def density(objective: Objective, theta: Any, *, seed: int = 0, **settings: Any) -> xr.Dataset:
    """The spectral density of the Hessian at a point by stochastic Lanczos quadrature; the arguments are those of ``hessian``.

    Returns:
        ``density`` (loss, bin) at the eigenvalues ``density_at``, relative to the largest one; nodes, weights, and the trace.
    """
    found = hessian(objective, theta, seed=seed, **settings)
    return found[[*_DENSITY, "density_at"]]


def _settings(given: Mapping[str, Any]) -> SpectrumSettings:
    """The settings of a spectrum; by default, no more eigenpairs are deflated than are computed at each end."""
    own, default = dict(given), SpectrumSettings()
    if isinstance(extremes := own.get("extremes"), int):
        own["density"] = {"deflate": min(extremes, default.density.deflate), **own.get("density", {})}
    return settings_of(SpectrumSettings, own)


def _joined(objective: Objective, found: xr.Dataset, seed: int) -> xr.Dataset:
    name = points.name_of(objective)
    return hessian_dataset({name: found}).assign_attrs(stage="hessian", trained_on=name, seed=seed, checkpoint="final")
