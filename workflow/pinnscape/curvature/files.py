"""The file of a checkpoint's Hessians."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.curvature.spectrum import Spectrum, spectrum
from pinnscape.objective import Objective
from pinnscape.storage import variable

_NUMBERS = {
    "trace": "trace of the Hessian",
    "trace_error": "standard error of the trace",
    "trace_estimate": "trace by Hutch++",
    "trace_estimate_error": "standard error of the Hutch++ trace",
    "condition_number": "condition number outside the null space",
    "negative": "number of negative eigenvalues",
    "null": "number of numerically zero eigenvalues",
    "effective_rank": "effective rank",
    "share_above": "share of eigenvalues above 1e-3 of the largest",
}
_ARRAYS = {
    "eigenvalue": ("eigen", "eigenvalue"),
    "eigenvector": (("vector", "parameter"), "unit eigenvector"),
    "residual_norm": ("vector", "residual norm of the eigenpair"),
    "node": ("ritz", "node of the stochastic Lanczos quadrature"),
    "weight": ("ritz", "weight of the stochastic Lanczos quadrature"),
    "density_at": ("bin", "eigenvalue over the largest eigenvalue"),
    "density": ("bin", "smoothed spectral density"),
}


Memo = dict[tuple[str, bytes], Spectrum]  # by formulation and parameters


def hessian_dataset(
    objectives: Sequence[Objective], theta: Tensor, settings: Mapping[str, Any], seed: int, memo: Memo | None = None
) -> xr.Dataset:
    """hessian-{checkpoint}.nc (see results/README.md): the Hessian of each objective at theta (P,).

    ``memo`` keeps spectra for further calls with the same settings and seed: all formulations start from the same parameters.
    """
    memo = {} if memo is None else memo
    spectra = []
    for objective in objectives:
        key = (objective.formulation, theta.cpu().numpy().tobytes())
        if key not in memo:
            memo[key] = spectrum(objective, theta, settings, seed)
        spectra.append(memo[key])
    variables = {}
    for name, (dims, text) in _ARRAYS.items():
        dims = (dims,) if isinstance(dims, str) else dims
        variables[name] = variable(("formulation", *dims), np.stack([getattr(s, name) for s in spectra]), text)
    for name, text in _NUMBERS.items():
        variables[name] = variable("formulation", [s.numbers[name] for s in spectra], text)
    first = spectra[0]
    coordinates = {
        "formulation": [objective.formulation for objective in objectives],
        "eigen": variable("eigen", first.eigen, "index of the eigenvalue, 0 the largest"),
        "vector": variable("vector", first.vector, "index of the eigenvector's eigenvalue"),
    }
    return xr.Dataset(variables, coordinates, {"method": first.method})
