"""Surfaces for figures: spectral surfaces are resampled to the resolution of a figure."""

import xarray as xr

from pinnscape.figures import inputs
from pinnscape.landscape.resampling import resampled


def by_formulation(paths: inputs.Paths) -> dict[str, xr.Dataset]:
    """Resampled surfaces of files surface-*.nc of one seed, keyed by the formulation that trained the point."""
    return {name: resampled(data) for name, data in inputs.by_formulation(paths, "surfaces").items()}
