"""Rows of metrics.csv about the dynamics of training: (formulation, seed, checkpoint, metric, value)."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

_EXCESS = 0.02  # relative distance of a largest eigenvalue from its upper bound, from which on it does not count as known
Rows = Iterator[tuple[str, int, str, str, float]]


def trajectory_geometry(data: xr.Dataset) -> Rows:
    """Extremes of RSI and EB, of their ratio, the cosine to the direction from the final point, and turns and lengths."""
    for formulation, seed, run in _runs(data):
        cosine = run["cosine"].values
        known = cosine[np.isfinite(cosine)]
        for metric, value in {
            "rsi_min": _over(np.min, run["rsi"]),
            "rsi_positive_share": float(np.mean(known > 0)) if known.size else float("nan"),
            "eb_max": _over(np.max, run["eb"]),
            "cosine_median": _over(np.median, run["cosine"]),
            "cosine_min": _over(np.min, run["cosine"]),
            "turn_median": _over(np.median, run["turn"]),
            "path_ratio": float(run["path_ratio"]),
        }.items():
            yield formulation, seed, "final", metric, value


def gradient_subspace(data: xr.Dataset) -> Rows:
    """Share of the gradient in the top eigenspaces at both ends and on average, and how these spaces drift, each k in
    brackets.
    """
    for formulation, seed, run in _runs(data):
        last = np.flatnonzero(np.isfinite(run["step"].values))[-1:]
        for k in run["k"].values:
            own = run.sel(k=k)
            yield formulation, seed, "init", f"gradient_share[{k}]", float(own["share"][0])
            yield (
                formulation,
                seed,
                "final",
                f"gradient_share[{k}]",
                float(own["share"][last[0]]) if last.size else float("nan"),
            )
            # Points whose eigenspace is not verified are not left out of a mean: those are not any points.
            moving = run["gradient_norm"].values > 0
            mean = _over(np.mean, own["share"]) if np.isfinite(own["share"].values[moving]).all() else float("nan")
            yield formulation, seed, "final", f"gradient_share_mean[{k}]", mean
            following = moving[:-1] & moving[1:]
            known = np.isfinite(own["overlap_next"].values[:-1][following]).all()
            mean = _over(np.mean, own["overlap_next"]) if known else float("nan")
            yield formulation, seed, "final", f"subspace_overlap_mean[{k}]", mean
            yield formulation, seed, "init", f"subspace_overlap_final[{k}]", float(own["overlap_final"][0])


def stability(data: xr.Dataset) -> Rows:
    """Sharpness along the run, and where gradient descent and Adam end relative to their thresholds, step sizes in brackets.

    ``gd_edge`` and ``adam_edge`` are medians of curvature over threshold in the last quarter of the records, ``gd_peak`` and
    ``adam_peak`` its largest values there, NaN where the training diverged; ``gd_diverged`` and ``adam_diverged`` are the
    step of that, NaN without one. NaN too where the largest eigenvalue of one of
    these records is not known to 2 %.
    """
    for formulation, seed, run in _runs(data):
        sharpness = run["eigenvalue"].sel(eigen=0).values
        measured = np.isfinite(run["eigenvalue_at_least"].sel(eigen=0).values)
        # A largest eigenvalue of which only a lower bound is known may be the largest one along the run.
        known = sharpness[measured & np.isfinite(sharpness[measured]).all()]
        yield formulation, seed, "final", "sharpening", float(known[-1] / sharpness[0]) if known.size else float("nan")
        yield formulation, seed, "final", "sharpness_max", _over(np.max, known)
        yield from _edges(formulation, seed, run, "gd", "fraction", run["gd_sharpness"] * run["gd_rate"] / 2)
        yield from _edges(formulation, seed, run, "adam", "rate", run["adam_preconditioned"] * run["rate"] / 38)


def _edges(formulation: str, seed: int, run: xr.Dataset, prefix: str, which: str, ratio: xr.DataArray) -> Rows:
    late = run["record"] > 0.75 * run["record"].max()
    for size in run[which].values:
        diverged = float(run[f"{prefix}_diverged"].sel({which: size}))
        own = ratio.sel({which: size}).where(late & np.isnan(diverged))
        open_ = np.isfinite(own) & (run[f"{prefix}_excess"].sel({which: size}) > _EXCESS)
        own = own.where(not bool(open_.any()))
        yield formulation, seed, "init", f"{prefix}_edge[{size:g}]", _over(np.median, own)
        yield formulation, seed, "init", f"{prefix}_peak[{size:g}]", _over(np.max, own)
        yield formulation, seed, "init", f"{prefix}_diverged[{size:g}]", diverged


def _runs(data: xr.Dataset) -> Iterator[tuple[str, int, xr.Dataset]]:
    for formulation in data["formulation"].values:
        for seed in data["seed"].values:
            yield str(formulation), int(seed), data.sel(formulation=formulation, seed=seed)


def _over(statistic: Callable[[np.ndarray], float], values: xr.DataArray | np.ndarray) -> float:
    """A statistic of the finite values; NaN without any."""
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    return float(statistic(finite)) if finite.size else float("nan")
