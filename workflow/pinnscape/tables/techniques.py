"""The numbers of each technique for metrics.csv, by the technique's name."""

from collections.abc import Callable, Iterator
from types import ModuleType

import xarray as xr

from pinnscape.tables import dimension, dynamics, geometry, kernels, paths, shape

Row = tuple[str, int, str, str, float]  # formulation, seed, checkpoint, metric, value

_MODULES: dict[str, ModuleType] = {
    **dict.fromkeys(("interpolation", "barriers", "curves"), paths),
    **dict.fromkeys(("trajectory_geometry", "gradient_subspace", "stability"), dynamics),
    **dict.fromkeys(("sharpness", "basin", "goldilocks", "curvature_map", "zoom"), geometry),
    **dict.fromkeys(("intrinsic_dimension", "learning_coefficient", "critical_points"), dimension),
    **dict.fromkeys(("ntk", "vicinity", "formulations"), kernels),
    **dict.fromkeys(("topology", "roughness_rules", "three_points"), shape),
}


def rows(name: str, data: xr.Dataset) -> Iterator[Row]:
    """Formulation, seed, checkpoint, metric and value of each number of a technique's file.

    Raises:
        KeyError: unknown technique.
    """
    function: Callable[[xr.Dataset], Iterator[Row]] = getattr(_MODULES[name], name)
    yield from function(data)
