"""List of the techniques beyond surfaces and spectra.

To add a technique, add a module with its name to this package, a module for its figure, and its name to NAMES.
"""

from importlib import import_module
from types import ModuleType

from pinnscape.techniques.base import Technique

NAMES = (
    "interpolation",
    "barriers",
    "curves",
    "three_points",
    "trajectory_geometry",
    "gradient_subspace",
    "stability",
    "sharpness",
    "noise",
    "basin",
    "goldilocks",
    "curvature_map",
    "zoom",
    "intrinsic_dimension",
    "learning_coefficient",
    "critical_points",
    "ntk",
    "refinement",
    "formulations",
    "roughness_rules",
    "topology",
)


def module(name: str) -> ModuleType:
    """The module of a technique."""
    return import_module(f"pinnscape.techniques.{name}")


TECHNIQUES: dict[str, Technique] = {name: module(name).TECHNIQUE for name in NAMES}
