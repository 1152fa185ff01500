"""Settings that make techniques and spectra small."""

from typing import Any

from settings_cases import solver

from pinnscape.config.sections import DensitySettings, SpectrumSettings

_LANCZOS = {"dense_limit": 500, "lanczos_steps": 40, "lanczos_tolerance": 1e-4}
# By technique, keys that differ from the defaults; those of `eigensolver` stand among them.
TECHNIQUES: dict[str, dict[str, Any]] = {
    "interpolation": {"points": 5},
    "barriers": {"points": 5, "starts": 1},
    "curves": {
        "steps": 3,
        "check": 3,
        "nodes": 4,
        "pairs": 1,
        "points": 5,
        "segments": 2,
        "band_steps": 3,
        "images": 1,
        "insertions": 1,
        "inserted": 1,
    },
    "three_points": {"steps": 3, "check": 3, "nodes": 4, "points": 7},
    "trajectory_geometry": {"batch": 8},
    "gradient_subspace": _LANCZOS | {"points": 2, "dimensions": (1, 3)},
    "stability": _LANCZOS
    | {"points": 2, "eigenvalues": 2, "steps": 3, "record_every": 3, "fractions": (0.5,), "adam_rates": (0.01,)},
    "sharpness": _LANCZOS | {"checkpoints": ("final",), "starts": 1, "iterations": 2, "trace_products": 6},
    "noise": {"draws": 2, "checkpoints": ("final",)},
    "basin": {"rays": 2, "steps": 4, "tolerance": 0.1},
    "goldilocks": {"dimension": 3, "draws": 1, "radii": 2},
    "curvature_map": _LANCZOS | {"points": 3, "radius": 0.1, "losses": "own"},
    "zoom": {"points": 5, "radii": (0.1, 1.0)},
    "intrinsic_dimension": {"dimensions": (2, 5), "bases": 1, "steps": 3, "history_size": 5, "levels": (0.1,)},
    "learning_coefficient": {
        "inverse_temperatures": (100.0,),
        "chains": 2,
        "burn_in": 5,
        "steps": 10,
        "thinning": 5,
        "dense_limit": 500,
        "eigenpairs": 3,
    },
    "critical_points": {
        "snapshots": 2,
        "random": 0,
        "scales": (),
        "goal": 1e-7,
        "flat": 0.1,
        "null_tolerance": 1e-6,
        "steps": 3,
        "history_size": 5,
        "hessians": 1,
        "dense_limit": 500,
    },
    "ntk": _LANCZOS | {"checkpoints": ("final",), "subspace": 2, "trace_products": 6},
    # The cutoff is above what rounding does to small eigenvalues.
    "refinement": _LANCZOS
    | {"checkpoints": ("init",), "steps": 2, "lengths": 5, "cutoff": 1e-8, "eigenvalues": 2, "trace_products": 6},
    "formulations": _LANCZOS | {"points": 3, "snapshots": 2, "subspace": 2},
    "roughness_rules": {"rules": ("simpson", "monte-carlo"), "points": (4,), "reference": 6, "lines": 2, "line_points": 5},
}
_DENSITY = DensitySettings(probes=2, steps=6, deflate=2, bins=20, width=0.05)


def technique(name: str, route: str) -> dict[str, Any]:
    """Keys by whose route eigenvalues come from matrices (``dense``), or from products alone (``products``)."""
    return TECHNIQUES[name] | ({"dense_limit": 0} if route == "products" else {})


def spectrum(route: str) -> SpectrumSettings:
    """Likewise, of the spectrum of a Hessian."""
    limit = 0 if route == "products" else 500
    how = solver(dense_limit=limit, lanczos_steps=40, lanczos_tolerance=1e-8)
    return SpectrumSettings(extremes=3, density=_DENSITY, eigensolver=how)
