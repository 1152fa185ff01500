"""Figure: losses and barriers between the final points of seeds, before and after alignment."""

import xarray as xr
from matplotlib.figure import Figure

from pinnscape.figures import between_seeds, style

_KINDS = between_seeds.Kinds(
    position="alpha",
    axis=r"position $\alpha$ on the line",
    labels={"straight": "as trained", "aligned": "after alignment"},
    lines={"straight": {"linestyle": "--", "alpha": 0.6}, "aligned": {"linestyle": "-", "alpha": 1.0}},
    subject="straight lines between the final points of seeds",
)


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Losses along the lines above, barriers below; see ``between_seeds.draw``.

    Args:
        data: barriers.nc.
    """
    return between_seeds.draw(data, _KINDS)
