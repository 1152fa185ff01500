"""What the figure of curved paths draws."""

import numpy as np
import xarray as xr

from pinnscape.figures import curves

LOSSES = ["deep-ritz", "strong-form", "supervised"]
PATHS = ["straight", "bezier", "chain", "band"]


def synthetic(trained: list[str], pairs: int = 2) -> xr.Dataset:
    t = np.linspace(0, 1, 5)
    value = np.ones((len(trained), pairs, 4, 3, 1)) * t * (1 - t) + 1e-4
    value[..., 0, :] -= 5.0
    height = np.full((len(trained), pairs, 4, 3), 0.1)
    return xr.Dataset(
        {
            "value": (("trained_on", "pair", "path", "loss", "t"), value),
            "relative_barrier": (("trained_on", "pair", "path", "loss"), height),
            "energy_minimum": -5.0,
        },
        coords={"trained_on": trained, "loss": LOSSES, "path": PATHS, "t": t},
        attrs={"case": "poisson2d"},
    )


def test_each_kind_of_path_has_its_line_and_its_barrier():
    fig = curves.draw(synthetic(LOSSES))
    above, below = fig.axes[:3], fig.axes[3:]
    assert {len(ax.lines) for ax in above} == {2 * 4}
    assert len({line.get_linestyle() for line in above[0].lines}) == 4
    np.testing.assert_allclose(above[0].lines[0].get_ydata()[0], 1e-4, rtol=1e-9)  # a gap, not an energy
    assert [label.get_text() for label in below[0].get_xticklabels()] == ["straight", "Bézier", "chain", "band"]
    assert {text.get_text() for text in fig.legends[0].get_texts()} >= {"straight", "Bézier", "chain", "band"}


def test_without_pairs_the_panels_say_so():
    fig = curves.draw(synthetic(LOSSES, pairs=0))
    assert all(any(text.get_text() == "not measured" for text in ax.texts) for ax in fig.axes)
