"""Settings that make techniques small. They are read as mappings and as objects."""

from collections.abc import Mapping
from typing import Any


class Settings(dict):
    """A mapping whose entries are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


LANCZOS = {"dense_limit": 500, "lanczos_steps": 40, "lanczos_tolerance": 1e-4}
HOW = {"normalization": "filter", "bias": "row"}
CURVE = {"steps": 3, "learning_rate": 0.03, "decay": 0.01, "perturbation": 0.05, "seed": 0, "check": 3, "nodes": 4}
HESSIAN = LANCZOS | {
    "extremes": 3,
    "lanczos_tolerance": 1e-8,
    "null_tolerance": 1e-10,
    "density": {"probes": 2, "steps": 6, "deflate": 2, "bins": 20, "width": 0.05},
}
TECHNIQUES: dict[str, dict[str, Any]] = {
    "interpolation": {"points": 5, "extension": 0.5},
    "barriers": {"points": 5, "starts": 1, "seed": 0},
    "curves": CURVE
    | {"pairs": 1, "points": 5, "segments": 2, "band_steps": 3, "pivots": 1, "insertions": 1, "inserted": 1, "stiffness": 1.0},
    "three_points": CURVE | {"pairs": 1, "points": 7, "margin": 0.25},
    "trajectory_geometry": {"batch": 8},
    "gradient_subspace": LANCZOS | {"points": 2, "dimensions": [1, 3]},
    "stability": LANCZOS
    | {
        "points": 2,
        "eigenvalues": 2,
        "steps": 3,
        "record_every": 3,
        "divergence": 1e6,
        "fractions": [0.5],
        "adam_rates": [0.01],
    },
    "sharpness": LANCZOS
    | {
        "checkpoints": ["final"],
        "epsilon": 1e-3,
        "radius": 0.05,
        "adaptive_radius": 0.05,
        "starts": 1,
        "iterations": 2,
        "trace_products": 6,
    },
    "basin": {
        "fraction": 0.01,
        "kinds": ["sphere", "filter"],
        "rays": 2,
        "smallest": 1e-3,
        "largest": 10.0,
        "steps": 4,
        "tolerance": 0.1,
    },
    "goldilocks": {"dimension": 3, "draws": 1, "smallest": 0.1, "largest": 10.0, "radii": 2},
    "curvature_map": LANCZOS | HOW | {"points": 3, "radius": 0.1, "losses": "own"},
    "zoom": HOW | {"points": 5, "radii": [0.1, 1.0]},
    "intrinsic_dimension": {
        "dimensions": [2, 5],
        "bases": 1,
        "steps": 3,
        "memory": 5,
        "gradient_tolerance": 1e-9,
        "levels": [0.1],
    },
    "learning_coefficient": {
        "inverse_temperatures": [100.0],
        "localization": 100.0,
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
        "scales": [],
        "goal": 1e-7,
        "flat": 0.1,
        "null_tolerance": 1e-6,
        "same": 1e-3,
        "seed": 0,
        "steps": 3,
        "memory": 5,
        "hessians": 1,
        "dense_limit": 500,
    },
    "ntk": LANCZOS | {"checkpoints": ["final"], "subspace": 2, "null_tolerance": 1e-10, "trace_products": 6},
    "vicinity": LANCZOS
    | {
        "checkpoints": ["init"],
        "steps": 2,
        "lengths": 5,
        "cutoff": 1e-8,  # above what rounding does to small eigenvalues
        "eigenvalues": 2,
        "null_tolerance": 1e-10,
        "trace_products": 6,
    },
    "formulations": LANCZOS | {"points": 3, "snapshots": 2, "subspace": 2},
    "roughness_rules": HOW
    | {"rules": ["simpson", "monte-carlo"], "points": [4], "reference": 6, "lines": 2, "radius": 1.0, "line_points": 5},
}


def plain(settings: Mapping[str, Any], route: str = "dense") -> Settings:
    """Settings by whose route eigenvalues come from matrices (``dense``), or from products alone."""
    made = Settings({key: Settings(value) if isinstance(value, dict) else value for key, value in settings.items()})
    if route == "products":
        made["dense_limit"] = 0
    return made
