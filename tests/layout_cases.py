"""Layouts as files hold them."""

import xarray as xr

from pinnscape.networks.layout import LAYOUT, OF_LAYOUT, Layout, layout_values


def variables(layout: Layout) -> dict[str, tuple]:
    """The variables and the coordinate of a layout, in the form of xarray."""
    described = LAYOUT | OF_LAYOUT
    return {
        name: (described[name].axes, values, {"long_name": described[name].long_name})
        for name, values in layout_values(layout).items()
    }


def stored(layout: Layout) -> xr.Dataset:
    return xr.Dataset(variables(layout)).set_coords("block")
