"""Surfaces as figures draw them: spectral ones at the resolution of a picture."""

import xarray as xr

from pinnscape.figures import inputs
from pinnscape.landscape.resampling import resampled


def by_formulation(paths: inputs.Paths) -> dict[str, xr.Dataset]:
    """Files surface-*.nc of one seed, keyed by the formulation that trained them."""
    return {name: resampled(data) for name, data in inputs.by_formulation(paths, "surfaces").items()}
