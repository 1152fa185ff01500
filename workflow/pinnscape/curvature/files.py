"""The file of a checkpoint's Hessians."""

from collections.abc import Mapping

import xarray as xr
from torch import Tensor

from pinnscape.config.sections import SpectrumSettings
from pinnscape.curvature.spectrum import spectrum
from pinnscape.files.description import File, Variable
from pinnscape.losses.objective import Objective

_NUMBERS = {
    "trace": "trace of the Hessian, NaN above dense_limit",
    "trace_estimate": "trace by Hutch++, from 20 samples",
    "trace_estimate_error": "standard error of the Hutch++ trace",
    "condition_number": "condition number outside the null space: largest over smallest magnitude among the eigenvalues outside it",
    "negative": "number of negative eigenvalues: below -null_tolerance times the largest magnitude",
    "negative_at_least": "number of negative eigenvalues that are certain, a lower bound",
    "null": "number of numerically zero eigenvalues: within null_tolerance times the largest magnitude",
    "effective_rank": "effective rank: exp of the entropy of |λ|/Σ|λ| (Roy & Vetterli 2007)",
    "effective_rank_estimate": "effective rank, estimated from the spectral density",
    "share_above": "share of eigenvalues above 1e-3 of the largest",
    "share_above_estimate": "share of eigenvalues above 1e-3 of the largest, estimated from the spectral density",
    "bulk_share": "share of eigenvalues whose magnitude is at most 1e-3 of the largest",
}
_ARRAYS = {
    "eigenvalue": Variable(("loss", "eigen"), "eigenvalue, in descending order; NaN where it is not verified"),
    "eigenvalue_low": Variable(("loss", "eigen"), "lower bound of the eigenvalue"),
    "eigenvalue_high": Variable(("loss", "eigen"), "upper bound of the eigenvalue"),
    "eigenvector": Variable(("loss", "vector", "parameter"), "unit eigenvector, of both ends; its largest entry is positive"),
    "ritz_value": Variable(("loss", "vector"), "Ritz value of the eigenvector: the eigenvalue where that is verified"),
    "residual_norm": Variable(
        ("loss", "vector"), "residual norm ‖Hv - λv‖ of the eigenpair by a separate product, λ the Ritz value"
    ),
    "node": Variable(("loss", "ritz"), "node of the stochastic Lanczos quadrature"),
    "weight": Variable(("loss", "ritz"), "weight of the stochastic Lanczos quadrature; they sum to 1"),
    "density_at": Variable(("loss", "bin"), "eigenvalue over the largest eigenvalue"),
    "density": Variable(("loss", "bin"), "smoothed spectral density"),
}
_JOINED = ("loss",)
HESSIAN = File(
    "hessian-{checkpoint}.nc",
    {**_ARRAYS, **{name: Variable(_JOINED, text) for name, text in _NUMBERS.items()}},
    {
        "loss": Variable("loss", "loss whose Hessian it is"),
        "eigen": Variable("eigen", "index of the eigenvalue among all P, 0 the largest"),
        "vector": Variable("vector", "index of the eigenvector's eigenvalue among all P"),
        "ritz": Variable("ritz", "index of the node"),
        "bin": Variable("bin", "index of the point at which the density is given"),
        "parameter": Variable("parameter", "index of the parameter in theta"),
    },
    """\
Dimension `loss`: `deep-ritz` and `strong-form`, and `supervised` too where it trained the point. The attribute `method` is `dense`: all
eigenvalues, or `lanczos`: both ends, an eigenvalue NaN where its residual or the distance of its bounds is not within `lanczos_tolerance`; of these
bounds one is a Ritz value and certain, the other fails with a probability of 10⁻⁴ over the start vectors. With method `lanczos`, counts and shares
are stated where the process leaves one number possible.

The condition number is withheld where no gap of a factor of 10 separates the null space, or where an eigenvalue comes as near to the null tolerance:
the quotient would be 1/`null_tolerance` whatever the problem. `share_above` is 0, and `bulk_share` empty, without a positive largest eigenvalue. What
is withheld is NaN, and the attribute `reason` of the variable says why for each loss.""",
)


def spectrum_dataset(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> xr.Dataset:
    """The Hessian of one loss at theta (P,); arguments as for ``spectrum``."""
    found = spectrum(objective, theta, settings, seed)
    values = {name: getattr(found, name) for name in (*_ARRAYS, "eigen", "vector")} | {
        name: found.numbers[name] for name in _NUMBERS
    }
    notes = {name: {"reason": reason} for name, reason in found.reasons.items()}
    return HESSIAN.dataset(values, outside=_JOINED, notes=notes, attributes={"method": found.method})


def hessian_dataset(spectra: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """hessian-{checkpoint}.nc from the Hessians of some losses at one point.

    Args:
        spectra: by loss, as ``spectrum_dataset`` gives them.
    """
    losses = xr.DataArray(list(spectra), dims="loss", name="loss")
    joined = xr.concat(
        list(spectra.values()),
        losses,
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
    return HESSIAN.described(joined)
