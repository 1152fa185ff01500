"""The random plane at several radii: convexity of known surfaces, and the file."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny

from pinnscape.config.sections import DirectionSettings
from pinnscape.landscape import zoom
from pinnscape.landscape.axes import centred_axis
from pinnscape.landscape.files import random_directions
from pinnscape.landscape.zoom import convexity, smallest_curvature
from pinnscape.techniques import catalog

AXIS = centred_axis(2.0, 41)
A, B = np.meshgrid(AXIS, AXIS, indexing="ij")
SETTINGS = (0.1, 10.0), 5, DirectionSettings()


@settings(max_examples=30)
@given(aa=st.floats(-3, 3), bb=st.floats(-3, 3), ab=st.floats(-3, 3), level=st.floats(-5, 5))
def test_the_curvature_of_a_quadratic_is_its_smaller_eigenvalue(aa, bb, ab, level):
    surface = 0.5 * aa * A**2 + 0.5 * bb * B**2 + ab * A * B + 0.3 * A + level
    exact = np.linalg.eigvalsh([[aa, ab], [ab, bb]])[0]
    np.testing.assert_allclose(smallest_curvature(surface) / (AXIS[1] - AXIS[0]) ** 2, exact, atol=1e-10)


def test_a_bowl_is_convex_a_saddle_nowhere_and_a_plane_everywhere():
    assert convexity(A**2 + B**2 - 4.9, AXIS)[:2] == (1.0, 1.0)
    assert math.isnan(convexity(A**2 + B**2, AXIS)[2])
    assert convexity(A**2 - B**2, AXIS)[0] == 0.0
    assert convexity(A * B + 0.1 * (A**2 + B**2), AXIS)[0] == 0.0  # both axes are convex, the diagonal is not
    assert convexity(0.3 * A - 0.7 * B + 1e3, AXIS)[0] == 1.0


def test_convexity_ends_where_the_second_derivative_changes_sign():
    # f'' = 1.05² - a²: convex where |a| < 1.05, the difference quotient of which is off by h²/6.
    share, exists, nearest = convexity(0.5 * 1.05**2 * A**2 - A**4 / 12 + 0.5 * B**2, AXIS)
    assert share == pytest.approx(21 / 39)
    assert exists == 1.0
    assert nearest == pytest.approx(1.1)


def test_what_does_not_exist_does_not_count():
    values = np.where(A > 0.05, np.nan, A**2 + B**2)
    share, exists, nearest = convexity(values, AXIS)
    assert share == 1.0
    assert exists == pytest.approx(19 / 39)
    assert math.isnan(nearest)
    assert convexity(np.full_like(A, np.nan), AXIS)[1] == 0.0
    assert math.isnan(convexity(np.full_like(A, np.inf), AXIS)[0])


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"),
    [("neo_hookean2d", 1, ("strong-form",)), ("poisson1d", 2, ("deep-ritz", "supervised"))],
)
def test_the_file_holds_every_loss_on_the_random_plane(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = zoom.dataset(runs, *SETTINGS)
    assert data["gap"].dims == ("trained_on", "seed", "loss", "radius", "alpha", "beta")
    assert all({"long_name", "units"} <= set(data[name].attrs) for name in data.data_vars)
    run = runs.all[-1]
    plane = random_directions("random", run.checkpoints.assign_attrs(seed=run.seed), DirectionSettings())["direction"].values
    part = data.sel(trained_on=run.trained_on, seed=run.seed, loss="deep-ritz")
    objective = runs.objective("deep-ritz")
    for radius, a, b in ((0.1, 0.5, -1.0), (10.0, -1.0, 0.0)):
        exact = float(objective.loss(runs.tensor(run.theta() + radius * (a * plane[0] + b * plane[1])))) - objective.minimum
        assert float(part["gap"].sel(radius=radius, alpha=a, beta=b)) == pytest.approx(exact, nan_ok=True)
    table = part["gap"].sel(radius=0.1).values
    expected = convexity(table, 0.1 * data["alpha"].values)
    found = tuple(float(part[name].sel(radius=0.1)) for name in ("convex_share", "existing_share", "convex_radius"))
    np.testing.assert_equal(found, expected)
    if problem == "neo_hookean2d":
        assert part["gap"].sel(radius=10.0).isnull().any()
    rows = list(catalog.module("zoom").metrics(data))
    assert len(rows) == len(formulations) * seeds * 3 * 3


def test_the_finest_plane_that_is_not_convex_tells_how_far_convexity_reaches():
    data = zoom.dataset(tiny("poisson1d", 1, ("supervised",)), *SETTINGS).copy(deep=True)
    data["convex_radius"][0, 0, 0] = [np.nan, 5.0]
    data["convex_radius"][0, 0, 1] = [0.05, 5.0]
    data["convex_radius"][0, 0, 2] = np.nan
    found = [row[4] for row in catalog.module("zoom").metrics(data) if row[3].startswith("zoom_convex_radius")]
    np.testing.assert_equal(found, [5.0, 0.05, np.nan])
