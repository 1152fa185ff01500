"""Surfaces for figures: spectral surfaces are resampled to the resolution of a figure."""

import xarray as xr

from pinnscape.figures import inputs
from pinnscape.landscape.resampling import resampled


def by_formulation(paths: inputs.Paths) -> dict[str, xr.Dataset]:
    """Resampled surfaces of files surface-*.nc of one seed, keyed by the formulation that trained the point."""
    return {name: resampled(data) for name, data in inputs.by_formulation(paths, "surfaces").items()}


def by_case(paths: inputs.Paths) -> dict[str, dict[str, xr.Dataset]]:
    """Resampled surfaces of files surface-*.nc of several cases, keyed by the case and the formulation that trained the point."""
    found = inputs.by_case(paths, "surfaces")
    return {case: {name: resampled(data) for name, data in files.items()} for case, files in found.items()}
