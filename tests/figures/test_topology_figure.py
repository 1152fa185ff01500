"""The figure of persistence diagrams and join trees."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import topology


def dataset(value: float = 1.0) -> xr.Dataset:
    losses, seeds = ["deep-ritz", "strong-form"], [0, 1]
    dims = ("trained_on", "seed", "plane", "loss")
    shape = (2, 2, 1, 2)
    birth = np.broadcast_to(value * np.array([0.1, 0.3, np.nan]), (*shape, 3))
    death = np.broadcast_to(value * np.array([np.inf, 0.8, np.nan]), (*shape, 3))
    parent = np.broadcast_to(np.array([-1.0, 0.0, np.nan]), (*shape, 3))
    ring = np.full((*shape, 1), np.nan)
    ring[0] = 0.5 * value
    return xr.Dataset(
        {
            "birth": ((*dims, "pair"), birth),
            "death": ((*dims, "pair"), death),
            "parent": ((*dims, "pair"), parent),
            "ring_birth": ((*dims, "ring"), ring),
            "ring_death": ((*dims, "ring"), 2 * ring),
            "minima": (dims, np.full(shape, 2.0 * value)),
        },
        {"trained_on": losses, "seed": seeds, "plane": ["random"], "loss": losses},
        {"case": "poisson2d"},
    )


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_pairs_of_all_seeds_lie_above_the_diagonal_and_the_endless_one_at_the_top():
    fig = topology.draw(dataset())
    diagrams, trees = fig.axes[:4], fig.axes[4:]
    assert len(trees) == 2
    for ax in diagrams:
        assert "infinite" in texts(ax)
        points = np.concatenate([line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"])
        points = points[np.isfinite(points).all(1)]
        assert (points[:, 1] > points[:, 0]).all()
    hollow = [line for line in diagrams[0].lines if line.get_markerfacecolor() == "none"]
    assert any(np.isfinite(line.get_xdata()).any() for line in hollow)  # the rings of Deep Ritz
    assert "2 minima" in trees[0].get_title()


def test_without_values_or_without_the_plane_the_panels_say_so():
    for data, plane in ((dataset(np.nan), "random"), (dataset(), "trajectory")):
        fig = topology.draw(data, plane)
        assert fig.axes
        assert all("not measured" in texts(ax) for ax in fig.axes)
        fig.canvas.draw()


@pytest.mark.parametrize(("parent", "order"), [([-1, 0, 0], [0, 2, 1]), ([-1, 0, 1], [0, 1, 2]), ([], [])])
def test_branches_of_a_tree_do_not_cross(parent, order):
    assert topology.leaves(np.array(parent, dtype=int)) == order


def test_the_axis_of_a_join_tree_fits_its_values():
    """Over decades it is logarithmic, with a lower end near the lowest minimum and not at the smallest positive number."""
    for birth, death in (([1e-8, 1.0], [np.inf, 10.0]), ([-1.0, 0.5], [np.inf, 2.0]), ([0.3, 0.4], [np.inf, 0.5])):
        scale, low, high = topology.tree_limits(np.array(birth), np.array(death))
        finite = [*birth, *[value for value in death if np.isfinite(value)]]
        assert low < min(finite) < max(finite) < high
        if scale == "log":
            assert np.log(high / low) < 1.5 * np.log(max(finite) / min(finite))
        else:
            assert high - low < 1.5 * np.ptp(finite)
    data = dataset().copy(deep=True)
    data["birth"] = data["birth"].where(data["birth"] != 0.1, 1e-8)
    tree = topology.draw(data).axes[-1]
    assert tree.get_yscale() == "log"
    assert 1e-10 < tree.get_ylim()[0] < 1e-8


def test_trees_are_those_of_the_physics_losses_of_the_case():
    both, strong, alone = ["deep-ritz", "strong-form", "supervised"], ["strong-form", "supervised"], ["supervised"]
    assert topology.with_trees(both, both) == ["deep-ritz", "strong-form"]
    assert topology.with_trees(strong, strong) == ["strong-form"]
    assert topology.with_trees(alone, strong) == ["supervised"]
    fig = topology.draw(dataset().sel(trained_on=["strong-form"], loss=["strong-form"]))
    assert len(fig.axes) == 2
    assert not any("not measured" in texts(ax) for ax in fig.axes)
