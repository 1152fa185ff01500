"""The figure of a sweep."""

import numpy as np
import pandas as pd
import pytest
from figures import synthetic
from figures.readable import faults
from matplotlib.contour import ContourSet

from pinnscape.common.errors import StorageError
from pinnscape.figures import style, sweep
from pinnscape.tables import names

LOSSES = synthetic.case("convection").losses
METRICS = {
    "l2_error": 1e-2,
    "lambda_max[{loss}]": 1e3,
    "effective_rank[{loss}]": 4.0,
    "roughness_index[{loss}]": 0.1,
    "barrier_relative[aligned, {loss}]": 0.05,
}


def metrics(values=(1, 10, 30), seeds=(0, 1, 2)) -> pd.DataFrame:
    """Rows of metrics.csv: the number of each metric times the square of the position of the value, times 1 + seed."""
    rows = [
        (
            f"beta-{value}",
            loss,
            seed,
            "final",
            *names.columns(metric.format(loss=loss)),
            number * (k + 1) ** 2 * (1 + seed),
            value,
        )
        for k, value in enumerate(values)
        for loss in LOSSES
        for seed in seeds
        for metric, number in METRICS.items()
    ]
    return pd.DataFrame(rows, columns=[*sweep.COLUMNS, "swept"])


def surfaces(values=(1, 10, 30), losses=LOSSES):
    return {value: {name: synthetic.surface("random", "convection", name, 9) for name in losses} for value in values}


def shown(fig):
    return [ax for ax in fig.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]


def levels(ax):
    return tuple(next(artist for artist in ax.collections if isinstance(artist, ContourSet)).levels)


def test_planes_of_all_values_share_a_scale_and_name_their_value():
    planes = surfaces((30, 1, 10))
    for value, files in planes.items():
        files["strong-form"]["value"] *= value
    fig = sweep.draw(planes, metrics(), "parameters.beta")
    first, *_ = axes = shown(fig)
    assert [ax.get_title() for ax in axes[:3]] == ["beta = 1", "beta = 10", "beta = 30"]
    assert len({levels(ax) for ax in axes[:3]}) == 1
    assert first.get_ylabel() == r"$\beta$ (filter norms)"
    assert fig.get_suptitle() == "sweep of parameters.beta: strong-form loss around the points that it trained"
    assert faults(fig) == []


def test_statistics_are_medians_with_ranges_in_the_colours_of_the_losses():
    axes = shown(sweep.draw(surfaces(), metrics(), "parameters.beta"))[3:]
    assert [ax.get_title() for ax in axes] == [statistic.title for statistic in sweep.STATISTICS]
    for ax, number in zip(axes, METRICS.values(), strict=True):
        for line, loss in zip(ax.get_lines(), LOSSES, strict=True):
            assert line.get_xdata().tolist() == [1, 10, 30]
            assert line.get_ydata() == pytest.approx(number * np.array([1, 4, 9]) * 2)  # the median over 1, 2, 3
            assert line.get_color() == style.colour(loss)
        heights = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == pytest.approx((number, 27 * number))
        assert (ax.get_xlabel(), ax.get_xscale(), ax.get_yscale()) == ("beta", "log", "log")
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "10", "30"]


@pytest.mark.parametrize("values", [("tanh", "sin", "gelu"), (8, 16, 24, 32, 40, 48, 56), (30,), (True, False)])
def test_sweeps_of_words_and_of_few_or_many_values_can_be_read(values):
    fig = sweep.draw(surfaces(values), metrics(values), "network.setting")
    axes = shown(fig)
    assert [ax.get_title() for ax in axes[: len(values)]] == [f"setting = {value}" for value in values]
    assert len(axes) == len(values) + 5
    assert axes[-1].get_xscale() == "linear"
    middles = axes[len(values)].get_lines()[0].get_ydata()
    assert middles == pytest.approx(2e-2 * (1 + np.arange(len(values))) ** 2)
    assert faults(fig) == []


def test_statistics_without_a_value_are_left_out_and_missing_planes_are_said():
    table = metrics()
    planes = surfaces()
    planes[10] = {"supervised": planes[10]["supervised"]}
    axes = shown(sweep.draw(planes, table[~table["metric"].str.startswith(("barrier", "roughness"))], "parameters.beta"))
    assert len(axes) == 3 + 3
    assert [text.get_text() for text in axes[1].texts] == ["not measured"]
    assert len(shown(sweep.draw(surfaces(), table.iloc[:0], "parameters.beta"))) == 3
    with pytest.raises(StorageError, match="it has no surfaces"):
        sweep.draw({}, table, "parameters.beta")


def test_the_shown_loss_is_the_strong_form_or_the_first_physics_loss():
    assert sweep.shown_loss(surfaces().values()) == "strong-form"
    assert sweep.shown_loss([{"supervised": None}, {"deep-ritz": None}]) == "deep-ritz"
    assert sweep.shown_loss([{"supervised": None}]) == "supervised"


def test_a_statistic_is_read_at_the_final_point_of_its_own_loss():
    rank = sweep.STATISTICS[2]
    rows = [
        ("strong-form", 0, "final", "effective_rank[strong-form]", 3.0, 1),
        ("strong-form", 0, "final", "effective_rank_estimate[strong-form]", 9.0, 1),
        ("strong-form", 0, "final", "effective_rank[supervised]", 8.0, 1),
        ("strong-form", 0, "init", "effective_rank[strong-form]", 7.0, 1),
        ("strong-form", 0, "final", "effective_rank[strong-form]", np.nan, 10),
        ("strong-form", 0, "final", "effective_rank_estimate[strong-form]", 5.0, 10),
    ]
    rows = [
        (loss, seed, checkpoint, *names.columns(metric), value, swept) for loss, seed, checkpoint, metric, value, swept in rows
    ]
    table = pd.DataFrame(rows, columns=[*sweep.COLUMNS[1:], "swept"])
    found = sweep.table(table, rank)
    assert found[["swept", "value"]].to_numpy().tolist() == [[1.0, 3.0], [10.0, 5.0]]
    low, middle, high = sweep.spread(found, "strong-form", [1, 10, 100])
    assert middle[:2].tolist() == low[:2].tolist() == high[:2].tolist() == [3.0, 5.0]
    assert np.isnan(middle[2])


@pytest.mark.parametrize(
    ("value", "swept"), [(1, "1"), (1.0, 1), (0.5, "0.50"), ("tanh", "tanh"), (True, "True"), (np.int64(3), 3.0)]
)
def test_values_of_the_configuration_are_those_of_the_table(value, swept):
    assert sweep.key(value) == sweep.key(swept)


def test_values_are_in_ascending_order_if_they_are_numbers():
    assert sweep.in_order([30, 1.5, 10]) == [1.5, 10, 30]
    assert sweep.in_order(["tanh", "sin", 3]) == ["tanh", "sin", 3]


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [([1, 10, 30], True), ([1, 10], False), ([0, 100], False), ([-1, 100], False), (["a", "b"], False)],
)
def test_an_axis_is_logarithmic_if_its_values_span_more_than_a_decade(values, logarithmic):
    assert sweep.spans_decade(values) is logarithmic


def test_titles_of_planes():
    assert sweep.heading("parameters.beta", 30.0) == "beta = 30"
    assert sweep.heading("network.activation", "tanh") == "activation = tanh"
    assert sweep.text_of(-1e-7) == "−1e−07"
