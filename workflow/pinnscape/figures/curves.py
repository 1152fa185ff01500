"""Figure: losses and barriers between the final points of seeds, along straight and trained paths."""

import xarray as xr
from matplotlib.figure import Figure

from pinnscape.figures import between_seeds, style

_KINDS = between_seeds.Kinds(
    position="t",
    axis="position $t$ on the path",
    labels={"straight": "straight", "bezier": "Bézier", "chain": "chain", "band": "band"},
    lines={
        "straight": {"linestyle": "--", "alpha": 0.6},
        "bezier": {"linestyle": "-", "alpha": 1.0},
        "chain": {"linestyle": "-.", "alpha": 0.8},
        "band": {"linestyle": ":", "alpha": 1.0},
    },
    subject="paths between the final points of seeds, trained on the same loss",
)


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Losses along the paths above, barriers below; see ``between_seeds.draw``.

    Args:
        data: curves.nc.
    """
    return between_seeds.draw(data, _KINDS)
