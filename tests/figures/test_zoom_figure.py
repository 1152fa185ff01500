"""The figure of the plane at several radii: scales, titles, gaps."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import BoundaryNorm

from pinnscape.figures import zoom


def synthetic():
    axis = np.linspace(-1, 1, 5)
    coordinates = {"trained_on": ["deep-ritz", "supervised"], "seed": [0, 1], "loss": ["deep-ritz", "strong-form", "supervised"],
                   "radius": [0.1, 10.0], "alpha": axis, "beta": axis}  # fmt: skip
    shape = [len(c) for c in coordinates.values()]
    gap = np.broadcast_to(1e-6 + axis[:, None] ** 2 + 0.01 * axis, shape) * np.array([1e-4, 1e6])[:, None, None]
    share = np.full(shape[:4], 0.25)
    return xr.Dataset({"gap": (tuple(coordinates), gap.copy()), "convex_share": (tuple(coordinates)[:4], share),
                       "quadrature_error": (("trained_on", "seed"), np.zeros((2, 2)))}, coordinates,
                      {"case": "poisson2d"})  # fmt: skip


def meshes(ax):
    return [c for c in ax.collections if isinstance(c, QuadMesh)]


def test_each_radius_has_its_own_scale_and_tells_its_convex_share():
    data = synthetic()
    data["gap"][0, 0, 0, 1, 0, 0] = np.nan
    data["convex_share"][1, 0, 2, 0], data["convex_share"][1, 0, 2, 1] = 1.0, np.nan
    fig = zoom.draw(data)
    panels = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == ["25 % convex", "25 % convex", "100 % convex", "convexity unknown"]
    for ax, radius in zip(panels, [0.1, 10.0] * 2, strict=True):
        (mesh,) = meshes(ax)
        assert isinstance(mesh.norm, BoundaryNorm)
        assert mesh.get_coordinates()[..., 0].max() == pytest.approx(1.25 * radius)
    assert meshes(panels[0])[0].norm.vmax < 1.0 < meshes(panels[1])[0].norm.vmax
    assert panels[1].patch.get_hatch()
    assert meshes(panels[1])[0].get_array().mask.sum() == 1
    assert panels[2].get_ylabel().startswith("supervised")


@pytest.mark.parametrize("empty", ["nan", "seed", "radius"])
def test_nothing_measured_is_said(empty):
    data = synthetic()
    data = (data * np.nan).assign_attrs(data.attrs) if empty == "nan" else data.isel({empty: slice(0, 0)})
    fig = zoom.draw(data)
    assert all(ax.texts[0].get_text() == "not measured" for ax in fig.axes)


def test_an_unknown_quadrature_error_leaves_the_scale_as_it_is():
    data = synthetic()
    known = [mesh.norm.boundaries.tolist() for ax in zoom.draw(data).axes for mesh in meshes(ax)]
    data["quadrature_error"][:] = np.nan
    assert [mesh.norm.boundaries.tolist() for ax in zoom.draw(data).axes for mesh in meshes(ax)] == known
