"""Metrics of the techniques that count dimensions: intrinsic dimension, local learning coefficient, critical points. Torch is not needed."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from pinnscape.landscape.similarity import spearman

Rows = Iterator[tuple[str, int, str, str, float]]  # formulation, seed, checkpoint, metric, value


def intrinsic_dimension(data: xr.Dataset) -> Rows:
    """Intrinsic dimension for each level of the error, its share of P, and the error of training all parameters by as many steps.

    Args:
        data: intrinsic_dimension.nc.
    """
    for formulation, seed, own in _runs(data):
        for level in data["level"].values:
            value = float(own["intrinsic_dimension"].sel(level=level))
            yield formulation, seed, "init", f"intrinsic_dimension[{level:g}]", value
            yield formulation, seed, "init", f"intrinsic_share[{level:g}]", value / data.attrs["parameters"]
        yield formulation, seed, "init", "full_l2_error", float(own["full_l2_error"])


def _runs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    for formulation in data["formulation"].values:
        for seed in data["seed"].values:
            yield str(formulation), int(seed), data.sel(formulation=formulation, seed=seed)


def learning_coefficient(data: xr.Dataset) -> Rows:
    """Local learning coefficient with its error at each inverse temperature, that of the quadratic expansion, and split R-hat.

    The coefficient is NaN where a chain left towards lower losses.

    Args:
        data: learning_coefficient.nc.
    """
    for formulation, seed, own in _runs(data):
        for temperature in data["inverse_temperature"].values:
            one, case = own.sel(inverse_temperature=temperature), f"[{temperature:g}]"
            value = float(one["learning_coefficient"]) if float(one["left"]) == 0 else float("nan")
            yield formulation, seed, "final", f"learning_coefficient{case}", value
            yield formulation, seed, "final", f"learning_coefficient_error{case}", float(one["standard_error"])
            yield formulation, seed, "final", f"quadratic_coefficient{case}", float(one["quadratic"])
            if np.isnan(float(one["quadratic"])) and np.isfinite(float(one["quadratic_at_least"])):
                yield formulation, seed, "final", f"quadratic_coefficient_at_least{case}", float(one["quadratic_at_least"])
            yield formulation, seed, "final", f"r_hat{case}", float(one["r_hat"])


def critical_points(data: xr.Dataset) -> Rows:
    """How searches end, and how index and loss go together at the critical points that they find.

    Shares are of the searches whose start has a loss. The correlation is that of the index with the rank of the distinct losses, as equal ones differ
    by rounding; NaN where all losses or all indices are the same. Minima are distinct losses of critical points without negative eigenvalues; NaN where
    only the ends of the spectra are known.

    Args:
        data: critical_points.nc.
    """
    meanings = data["kind"].attrs["flag_meanings"].split(" ")
    for formulation, seed, own in _runs(data):
        kinds = np.array(meanings)[own["kind"].values]
        searches, critical = int((kinds != "no-loss").sum()), kinds == "critical"
        levels, fractions = own["level"].values[critical], own["index_fraction"].values[critical]
        values = {
            "critical_share": critical.sum() / searches if searches else np.nan,
            "gradient_flat_share": (kinds == "gradient-flat").sum() / searches if searches else np.nan,
            "critical_index_spearman": spearman(fractions, levels),
            "critical_index_fraction": np.median(fractions) if len(fractions) else np.nan,
            "critical_losses": len(np.unique(levels)),
            "critical_minima": len(np.unique(levels[fractions == 0])) if np.isfinite(fractions).all() else np.nan,
        }
        for name, value in values.items():
            yield formulation, seed, "all", name, float(value)
