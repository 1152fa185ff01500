"""The figure of local learning coefficients."""

import numpy as np
import pytest
import xarray as xr
from figures import synthetic

from pinnscape.figures import learning_coefficient as figure

TEMPERATURES = np.array([1e2, 1e4])


def data(temperatures=TEMPERATURES, broken=False):
    f, s, t = len(synthetic.FORMULATIONS), len(synthetic.SEEDS), len(temperatures)
    dims, fill = ("trained_on", "seed", "inverse_temperature"), np.nan if broken else 1.0
    value = np.full((f, s, t), 3.0) * fill
    left = np.zeros((f, s, t))
    if t > 1:
        left[1, 1, 1], value[1, 1, 1], value[2, 2, 0] = 1.0, -2.0 * fill, np.nan
    numbers = {"learning_coefficient": value, "standard_error": 0.2 * fill, "quadratic": 2.5 * fill, "r_hat": 1.02 * fill}
    variables = {name: (dims, np.broadcast_to(values, (f, s, t)).copy()) for name, values in numbers.items()}
    variables["left"] = (dims, left)
    variables["trace"] = ((*dims, "chain", "sample"), np.full((f, s, t, 4, 9), 3.0) * fill)
    coordinates = {"trained_on": list(synthetic.FORMULATIONS), "seed": list(synthetic.SEEDS)}
    coordinates |= {"inverse_temperature": temperatures, "chain": np.arange(4), "sample": np.arange(9) * 5}
    return xr.Dataset(variables, coordinates, synthetic.attributes("learning_coefficient", "poisson1d", "", parameters=321))


def test_coefficients_and_chains():
    fig = figure.draw(data())
    main, *chains = fig.axes
    assert main.get_xscale() == "log"
    assert "lambda" in main.get_ylabel()
    assert len(main.containers) == 9  # error bars of three formulations with three seeds
    assert len([line for line in main.lines if line.get_linestyle() == "--"]) == 3
    assert [len(ax.lines) for ax in chains] == [5, 5, 5]  # four chains and their mean
    assert "strong form" in chains[1].get_title()
    assert "seed 0" in chains[1].get_title()
    assert "160.5" in fig.get_suptitle()
    assert "Poisson 1-D" in fig.get_suptitle()


def test_estimates_of_chains_that_left_are_crosses_without_error_bars():
    main = figure.draw(data()).axes[0]
    crosses = [line for line in main.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in crosses] == [[-2.0]]
    bar = main.containers[3 + 1].lines[0]
    assert np.isnan(bar.get_ydata()[1])


@pytest.mark.parametrize("empty", [data(np.array([])), data(broken=True)])
def test_nothing_to_draw(empty):
    texts = [text.get_text() for ax in figure.draw(empty).axes for text in ax.texts]
    assert texts == ["not measured"] * 4
