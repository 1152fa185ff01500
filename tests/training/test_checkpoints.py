"""Which snapshots become checkpoints."""

import numpy as np
import pytest
import xarray as xr
from cases import small
from layout_cases import variables

from pinnscape.networks.layout import LAYOUT, OF_LAYOUT, layout_of
from pinnscape.training.checkpoints import select


def training(steps, losses=None) -> xr.Dataset:
    """Snapshots whose parameters tell their step."""
    steps = np.array(steps)
    size = small().network.size
    losses = np.linspace(1.0, 0.1, len(steps)) if losses is None else np.array(losses)
    return xr.Dataset(
        {
            "theta": (("snapshot", "parameter"), np.tile(steps[:, None], (1, size)) + np.arange(size) / 1000),
            "snapshot_step": ("snapshot", steps),
            "snapshot_loss": ("snapshot", losses),
            "quadrature_error": ("snapshot", 1e-9 * steps),
            "weight": (("term", "step"), [[1.0, 3.0], [1.0, 0.5]]),
            **variables(small().network.layout),
        },
        {"term": ["interior", "initial"]},
    )


def steps_of(checkpoints: xr.Dataset) -> dict[str, int]:
    return dict(zip(checkpoints["checkpoint"].values.tolist(), checkpoints["step"].values.tolist(), strict=True))


def test_checkpoints_follow_their_schema():
    source = training([0, 5, 10])
    found = select(source, {"middle": 0.5})
    assert found["theta"].dims == ("checkpoint", "parameter")
    assert found["loss"].dims == found["step"].dims == found["quadrature_error"].dims == ("checkpoint",)
    np.testing.assert_array_equal(found["quadrature_error"], 1e-9 * found["step"])
    assert found["weight"].to_series().to_dict() == {"interior": 3.0, "initial": 0.5}
    assert found["checkpoint"].values.tolist() == ["init", "middle", "best", "final"]
    assert layout_of(found) == small().network.layout
    for name in ("block", *LAYOUT):
        assert found[name].dims == (LAYOUT | OF_LAYOUT)[name].axes
    for name in found.data_vars:
        assert found[name].attrs["long_name"]
        assert found[name].attrs["units"] == "1"


def test_theta_and_loss_are_those_of_the_snapshot():
    source = training([0, 5, 10], [3.0, 1.0, 2.0])
    found = select(source, {"middle": 0.5})
    for name, snapshot in {"init": 0, "middle": 1, "best": 1, "final": 2}.items():
        np.testing.assert_array_equal(found["theta"].sel(checkpoint=name), source["theta"][snapshot])
        assert float(found["loss"].sel(checkpoint=name)) == float(source["snapshot_loss"][snapshot])
        assert int(found["step"].sel(checkpoint=name)) == int(source["snapshot_step"][snapshot])


def test_the_nearest_snapshot_gets_the_name():
    found = select(training([0, 1, 9, 31, 100]), {"early": 0.04, "tenth": 0.1, "third": 1 / 3, "late": 0.7})
    assert steps_of(found) == {"init": 0, "early": 1, "tenth": 9, "third": 31, "late": 100, "best": 100, "final": 100}


def test_fractions_are_of_the_steps_taken_not_of_those_planned():
    found = select(training([0, 20, 40, 60]), {"middle": 0.5})  # an early end at step 60
    assert steps_of(found)["middle"] in (20, 40)
    assert steps_of(select(training([0, 29, 40, 60]), {"middle": 0.5}))["middle"] == 29


def test_middle_checkpoints_come_in_the_order_of_their_steps():
    found = select(training([0, 10, 50, 90, 100]), {"late": 0.9, "early": 0.1, "middle": 0.5})
    assert found["checkpoint"].values.tolist() == ["init", "early", "middle", "late", "best", "final"]


def test_without_fractions_there_are_still_init_best_and_final():
    assert steps_of(select(training([0, 4]), {})) == {"init": 0, "best": 4, "final": 4}


@pytest.mark.parametrize(
    ("losses", "best"),
    [([3.0, 1.0, 2.0], 5), ([-1.0, -2.0, -3.0], 10), ([0.0, 2.0, 1.0], 0), ([np.nan, 2.0, 1.0], 10), ([-2.0, -1.0, np.nan], 0)],
)
def test_best_is_the_snapshot_of_lowest_loss(losses, best):
    assert steps_of(select(training([0, 5, 10], losses), {}))["best"] == best
