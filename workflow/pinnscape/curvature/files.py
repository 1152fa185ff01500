"""The file that holds the Hessian spectra at one checkpoint."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.config.sections import SpectrumSettings
from pinnscape.curvature.spectrum import ends, spectrum
from pinnscape.files.description import File, Variable
from pinnscape.losses.objective import Objective

_NUMBERS = {
    "trace": "trace of the Hessian, NaN above dense_limit",
    "trace_estimate": "estimate of the trace by Hutch++ from 20 samples",
    "trace_estimate_error": "standard error of the Hutch++ estimate of the trace",
    "condition_number": "condition number outside the null space: ratio of the largest to the smallest magnitude of the "
    "eigenvalues outside it",
    "negative": "number of negative eigenvalues: below -null_tolerance times the largest magnitude",
    "negative_at_least": "certain lower bound on the number of negative eigenvalues",
    "nullity": "number of numerically zero eigenvalues: within null_tolerance times the largest magnitude",
    "effective_rank": "effective rank: exp of the entropy of |λ|/Σ|λ| (Roy & Vetterli 2007)",
    "effective_rank_estimate": "effective rank estimated from the spectral density",
    "share_above": "share of eigenvalues above 1e-3 of the largest",
    "share_above_estimate": "share of eigenvalues above 1e-3 of the largest estimated from the spectral density",
    "bulk_share": "share of eigenvalues whose magnitude is at most 1e-3 of the largest",
}
_ARRAYS = {
    "eigenvalue": Variable(("loss", "eigen"), "eigenvalues in descending order, NaN where not verified"),
    "eigenvalue_low": Variable(("loss", "eigen"), "lower bound on the eigenvalue"),
    "eigenvalue_high": Variable(("loss", "eigen"), "upper bound on the eigenvalue"),
    "eigenvector": Variable(
        ("loss", "vector", "parameter"),
        "unit eigenvector, from both ends of the spectrum; its entry of largest magnitude is positive",
    ),
    "ritz_value": Variable(("loss", "vector"), "Ritz value of the eigenvector, equal to the eigenvalue where that is verified"),
    "residual_norm": Variable(
        ("loss", "vector"),
        "residual norm ‖Hv - λv‖ of the eigenpair with λ the Ritz value, from a separate Hessian-vector product",
    ),
    "node": Variable(("loss", "ritz"), "node of the stochastic Lanczos quadrature"),
    "weight": Variable(("loss", "ritz"), "weight of the stochastic Lanczos quadrature; the weights sum to 1"),
    "density_at": Variable(("loss", "bin"), "eigenvalue relative to the largest eigenvalue"),
    "density": Variable(("loss", "bin"), "smoothed spectral density"),
    "gradient_norm": Variable(("loss",), "Euclidean norm of the gradient of the loss"),
}
_JOINED = ("loss",)
_TERMS = "losses of several terms, at the final point"
_MOST = 10  # number of stored eigenvalues of a single term
HESSIAN = File(
    "hessian-{checkpoint}.nc",
    {
        **_ARRAYS,
        **{name: Variable(_JOINED, text) for name, text in _NUMBERS.items()},
        "term_eigenvalue": Variable(("term", "term_eigen"), "largest eigenvalues of the Hessian of a single term", only=_TERMS),
        "term_gradient_norm": Variable("term", "Euclidean norm of the gradient of a single term", only=_TERMS),
        "term_trace": Variable(
            "term", "trace of the Hessian of a single term, estimated if it has many parameters", only=_TERMS
        ),
    },
    {
        "loss": Variable("loss", "loss of which the Hessian is computed"),
        "eigen": Variable("eigen", "index of the eigenvalue among all P, 0 for the largest"),
        "vector": Variable("vector", "index of the eigenvector's eigenvalue among all P"),
        "ritz": Variable("ritz", "index of the node"),
        "bin": Variable("bin", "index of the point at which the density is given"),
        "parameter": Variable("parameter", "index of the parameter in theta"),
        "term": Variable("term", "term of a loss, named loss/term such as strong-form/interior", only=_TERMS),
        "term_eigen": Variable("term_eigen", "index of the eigenvalue of a term, 0 for the largest", only=_TERMS),
    },
    """\
The dimension `loss` holds the losses of the case that contain the differential equation, and also `supervised` where this loss
trained the point. The attribute `method` is `dense` if all eigenvalues are computed, and `lanczos` if only those at both ends
of the spectrum are. With `lanczos`, an eigenvalue is NaN unless its residual and the distance between its bounds are within
`lanczos_tolerance`. One of these bounds is a Ritz value and certain; the other fails with a probability of 10⁻⁴ over the start
vectors. Counts and shares are then stated only where the Lanczos process leaves a single value possible.

The condition number is withheld where no gap of a factor of 10 separates the eigenvalues from the null space, or where an
eigenvalue is within this factor of the null tolerance: the quotient would then be about 1/`null_tolerance` for any problem.
If the largest eigenvalue is not positive, `share_above` is 0 and `bulk_share` is NaN. Values that are withheld are NaN, and
the attribute `reason` of the variable states the reason for each loss.""",
)


def spectrum_dataset(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> xr.Dataset:
    """The Hessian spectrum of one loss at theta (P,) as a dataset; the arguments are those of ``spectrum``."""
    found = spectrum(objective, theta, settings, seed)
    arrays = [name for name in (*_ARRAYS, "eigen", "vector") if name != "gradient_norm"]
    values = {name: getattr(found, name) for name in arrays} | {name: found.numbers[name] for name in _NUMBERS}
    values["gradient_norm"] = float(objective.gradient(theta).norm())
    notes = {name: {"reason": reason} for name, reason in found.reasons.items()}
    return HESSIAN.dataset(values, outside=_JOINED, notes=notes, attributes={"method": found.method})


def eigenvalues_dataset(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> xr.Dataset:
    """The part of ``spectrum_dataset`` without the density and the estimates of the trace."""
    found = ends(objective, theta, settings, seed)
    values = {each.name: getattr(found, each.name) for each in fields(found) if each.name in (*_ARRAYS, "eigen", "vector")}
    notes = {name: {"reason": reason} for name, reason in found.reasons.items()}
    return HESSIAN.dataset(values | found.numbers, outside=_JOINED, notes=notes, attributes={"method": found.method})


def hessian_dataset(spectra: Mapping[str, xr.Dataset], terms: Mapping[str, xr.Dataset] | None = None) -> xr.Dataset:
    """The dataset of hessian-{checkpoint}.nc, joined from the Hessian spectra of several losses at one point.

    Args:
        spectra: datasets of ``spectrum_dataset`` by loss.
        terms: datasets of ``spectrum_dataset`` of single terms by full name such as ``strong-form/interior``, if any.
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
    for name in joined.data_vars.keys() & _NUMBERS:
        reasons = [f"{loss}: {data[name].attrs['reason']}" for loss, data in spectra.items() if "reason" in data[name].attrs]
        joined[name].attrs.pop("reason", None)
        if reasons:
            joined[name].attrs["reason"] = "; ".join(reasons)
    return HESSIAN.described(joined.assign(_of_terms(terms) if terms else {}))


def _of_terms(terms: Mapping[str, xr.Dataset]) -> dict[str, tuple]:
    """Variables of the Hessians of single terms, from the datasets of their spectra by name."""
    traces = [float(data["trace"] if np.isfinite(data["trace"]) else data["trace_estimate"]) for data in terms.values()]
    found = {
        "term_eigenvalue": np.stack([data["eigenvalue"].values[:_MOST] for data in terms.values()]),
        "term_gradient_norm": [float(data["gradient_norm"]) for data in terms.values()],
        "term_trace": traces,
        "term": list(terms),
    }
    return {name: HESSIAN.variable(name, values) for name, values in found.items()}
