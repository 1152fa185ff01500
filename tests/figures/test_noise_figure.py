"""The figure of the noise over mini-batches and random points."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from pinnscape.curvature.noise import FILE
from pinnscape.figures import noise, style


def data(draws: str = "4") -> xr.Dataset:
    shape, rng = (2, 3, 2, 4), np.random.default_rng(0)
    values = {name: rng.uniform(1, 2, shape) for name in ("loss", "gradient_norm", "cosine", "lambda_max")}
    values |= {f"whole_{name}": values[name].mean(-1) for name in ("loss", "gradient_norm", "lambda_max")}
    values |= {"variance": rng.uniform(1, 2, shape[:-1]), "noise_scale": rng.uniform(0.1, 10, shape[:-1])}
    values["lambda_max"][0, 0, 0, 0] = np.nan
    coordinates = {"trained_on": ["fit", "size"], "seed": [0, 1, 2], "checkpoint": ["init", "final"], "draw": range(4)}
    return FILE.dataset(values | coordinates, attributes={"draws": draws, "case": "mine"})


@pytest.fixture
def figure() -> Figure:
    style.register(["fit", "size"])
    return noise.draw(data())


def test_every_draw_is_a_dot_and_every_loss_a_bar(figure: Figure) -> None:
    found = data()
    for ax, name in zip(figure.axes[:3], ("loss", "gradient_norm", "lambda_max"), strict=True):
        dots = [line for line in ax.lines if line.get_marker() == "o"]
        bars = [line for line in ax.lines if line.get_marker() == "None"]
        assert len(dots) == len(bars) == 2 * 3 * 2
        drawn = np.concatenate([np.ma.filled(np.ma.masked_invalid(line.get_ydata()), np.nan) for line in dots])
        np.testing.assert_allclose(np.sort(drawn), np.sort(found[name].values.ravel()))
        np.testing.assert_allclose(sorted(line.get_ydata()[0] for line in bars), np.sort(found[f"whole_{name}"].values.ravel()))
    squares = [line.get_ydata()[0] for line in figure.axes[3].lines if line.get_marker() == "s"]
    np.testing.assert_allclose(np.sort(squares), np.sort(found["noise_scale"].values.ravel()))


def test_columns_do_not_overlap_and_stay_with_their_checkpoint() -> None:
    places = [at for at, _, _ in noise.columns(data())]
    assert len(set(places)) == len(places)
    assert all(abs(at - round(at)) < 0.5 for at in places)
    assert np.diff(sorted(places)).min() > 0.05


@pytest.mark.parametrize(("draws", "text"), [("4", "noise over 4 mini-batches"), ("random points", "noise over random points")])
def test_the_title_says_what_was_drawn(draws: str, text: str) -> None:
    assert text in noise.draw(data(draws)).get_suptitle()


def test_losses_of_modules_have_colours_of_their_own_in_their_order(figure: Figure) -> None:
    labels = {
        text.get_text(): handle.get_color()
        for text, handle in zip(figure.legends[0].texts, figure.legends[0].legend_handles, strict=True)
    }
    assert labels["draws, trained: fit"] == style.colour("fit") != style.colour("size") == labels["draws, trained: size"]
    assert style.colour("fit") not in {style.colour(name) for name in ("deep-ritz", "strong-form", "supervised")}
