"""The file of a checkpoint's Hessians."""

from collections.abc import Mapping

import xarray as xr
from torch import Tensor

from pinnscape.config.sections import SpectrumSettings
from pinnscape.curvature.spectrum import spectrum
from pinnscape.files.storage import variable
from pinnscape.losses.objective import Objective

_NUMBERS = {
    "trace": "trace of the Hessian",
    "trace_estimate": "trace by Hutch++",
    "trace_estimate_error": "standard error of the Hutch++ trace",
    "condition_number": "condition number outside the null space",
    "negative": "number of negative eigenvalues",
    "negative_at_least": "number of negative eigenvalues that are certain, a lower bound",
    "null": "number of numerically zero eigenvalues",
    "effective_rank": "effective rank",
    "effective_rank_estimate": "effective rank, estimated from the spectral density",
    "share_above": "share of eigenvalues above 1e-3 of the largest",
    "share_above_estimate": "share of eigenvalues above 1e-3 of the largest, estimated from the spectral density",
    "bulk_share": "share of eigenvalues whose magnitude is at most 1e-3 of the largest",
}
_ARRAYS = {
    "eigenvalue": ("eigen", "eigenvalue, NaN where it is not verified"),
    "eigenvalue_low": ("eigen", "lower bound of the eigenvalue"),
    "eigenvalue_high": ("eigen", "upper bound of the eigenvalue"),
    "eigenvector": (("vector", "parameter"), "unit eigenvector"),
    "ritz_value": ("vector", "Ritz value of the eigenvector: the eigenvalue where that is verified"),
    "residual_norm": ("vector", "residual norm of the eigenpair"),
    "node": ("ritz", "node of the stochastic Lanczos quadrature"),
    "weight": ("ritz", "weight of the stochastic Lanczos quadrature"),
    "density_at": ("bin", "eigenvalue over the largest eigenvalue"),
    "density": ("bin", "smoothed spectral density"),
}


def spectrum_dataset(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> xr.Dataset:
    """The Hessian of one loss at theta (P,); arguments as for ``spectrum``."""
    found = spectrum(objective, theta, settings, seed)
    variables = {name: variable(dims, getattr(found, name), text) for name, (dims, text) in _ARRAYS.items()}
    for name, text in _NUMBERS.items():
        reason = {"reason": found.reasons[name]} if name in found.reasons else {}
        variables[name] = variable((), found.numbers[name], text, **reason)
    coordinates = {
        "eigen": variable("eigen", found.eigen, "index of the eigenvalue, 0 the largest"),
        "vector": variable("vector", found.vector, "index of the eigenvector's eigenvalue"),
    }
    return xr.Dataset(variables, coordinates, {"method": found.method})


def hessian_dataset(spectra: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """hessian-{checkpoint}.nc (see results/README.md) from the Hessians of some losses at one point.

    Args:
        spectra: by formulation, as ``spectrum_dataset`` gives them.
    """
    formulation = xr.DataArray(list(spectra), dims="formulation", name="formulation")
    joined = xr.concat(
        list(spectra.values()),
        formulation,
        join="exact",
        data_vars="all",
        coords="minimal",
        compat="equals",
        combine_attrs="override",
    )
    for name in _NUMBERS:
        reasons = [f"{loss}: {data[name].attrs['reason']}" for loss, data in spectra.items() if "reason" in data[name].attrs]
        joined[name].attrs.pop("reason", None)
        if reasons:
            joined[name].attrs["reason"] = "; ".join(reasons)
    return joined
