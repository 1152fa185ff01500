"""Small settings of every technique."""

from pathlib import Path
from typing import Any

import yaml
from settings_cases import changed

from pinnscape.techniques import catalog
from pinnscape.techniques.catalog import TECHNIQUES

IN_PARTS = [name for name, entry in TECHNIQUES.items() if not entry.surfaces]
BETWEEN_SEEDS = ("interpolation", "barriers", "curves", "three_points")
_STUDY = Path(__file__).with_name("tiny_techniques.yaml")
_SMALLER = {
    "stability": {"points": 2, "steps": 2, "record_every": 1, "lanczos_steps": 5},
    "formulations": {"snapshots": 1},
    "critical_points": {"steps": 2},
    "gradient_subspace": {"points": 2},
    "basin": {"rays": 1},
    "curvature_map": {"losses": "own"},
}


def settings_of(name: str) -> Any:
    """Those of the tiny study, and fewer steps and points still."""
    own = yaml.safe_load(_STUDY.read_text())["techniques"].get(name, {})
    return changed(catalog.module(name).Settings.of(own), **_SMALLER.get(name, {}))
