"""The overview of the physics formulations: which panels it has, what they show of real and of made-up files, and what it says where nothing is."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from figures import synthetic
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text
from runs_cases import tiny
from settings_cases import applied

from pinnscape.common.errors import StorageError
from pinnscape.figures import overview, overview_marks, style
from pinnscape.figures.overview_panels import PANELS
from pinnscape.figures.overview_series import resampled

PHYSICS = ("deep-ritz", "strong-form")
BLUE, VERMILLION, GREY = "#0072b2", "#d55e00", to_hex("0.55")
REAL = {
    "interpolation": {"points": 9},
    "barriers": {"points": 5, "starts": 1},
    "curves": {"steps": 4, "check": 2, "points": 5, "nodes": 4, "segments": 2, "band_steps": 4, "images": 1, "insertions": 0},
    "three_points": {"points": 15, "steps": 4, "check": 2, "nodes": 4},
    "trajectory_geometry": {},
    "sharpness": {"checkpoints": ["final"], "starts": 1, "iterations": 2},
    "basin": {"rays": 3, "steps": 5},
    "goldilocks": {"dimension": 3, "draws": 1, "radii": 3},
    "zoom": {"points": 5, "radii": [0.01, 0.1]},
    "intrinsic_dimension": {"dimensions": [2, 5], "bases": 1, "steps": 5},
    "learning_coefficient": {"chains": 2, "burn_in": 5, "steps": 20, "inverse_temperatures": [100.0, 1000.0]},
    "critical_points": {"snapshots": 2, "random": 1, "scales": [1.0], "steps": 5, "history_size": 5, "hessians": 1},
    "ntk": {"checkpoints": ["init", "final"], "subspace": 3},
    "refinement": {"checkpoints": ["init"], "steps": 3, "lengths": 5},
    "roughness_rules": {"rules": ["simpson", "monte-carlo"], "points": [4], "reference": 6, "lines": 2, "line_points": 5},
}
SHAPES = {  # of the files that would take long to measure
    "gradient_subspace": ({"point": 4, "k": 2}, {"step": ("point",), "share": ("point", "k")}),
    "stability": ({"fraction": 3, "record": 5}, {"gd_sharpness": ("fraction", "record"), "gd_rate": ("fraction",)}),
    "curvature_map": (
        {"loss": 2, "alpha": 5, "beta": 5},
        {"lambda_min": ("loss", "alpha", "beta"), "lambda_max": ("loss", "alpha", "beta")},
    ),
    "formulations": ({"loss": 2, "position": 5}, {}),
    "noise": ({"checkpoint": 2}, {"noise_scale": ("checkpoint",)}),
}


def made_up(name: str, seeds: int = 3) -> xr.Dataset:
    """A file of a technique with random values between 0 and 1, increasing along its last dimension."""
    sizes, variables = SHAPES[name]
    random = np.random.default_rng(len(name))
    coordinates = {"trained_on": list(synthetic.FORMULATIONS), "seed": range(seeds)}
    coordinates |= {
        dim: np.linspace(0, 1, size) if dim in ("position", "fraction") else range(size) for dim, size in sizes.items()
    }
    coordinates |= {dim: np.linspace(-1, 1, sizes[dim]) for dim in ("alpha", "beta") if dim in sizes}
    coordinates |= {"loss": list(PHYSICS)} if "loss" in sizes else {}
    coordinates |= {"checkpoint": ["init", "final"]} if "checkpoint" in sizes else {}

    def filled(dims):
        return dims, np.sort(random.random([len(coordinates[dim]) for dim in dims]), axis=-1)

    contents = {key: filled(("trained_on", "seed", *dims)) for key, dims in variables.items()}
    if name == "formulations":
        coordinates |= {"pair": range(seeds), "physics": list(PHYSICS)}
        contents = {"line_gap": filled(("pair", "position", "loss")), "initial_gap": filled(("pair", "loss"))}
    return xr.Dataset(contents, coordinates, {"case": "poisson2d"})


@pytest.fixture(scope="module")
def files() -> dict[str, xr.Dataset]:
    """Files of every technique that has a panel: measured on tiny runs, or made up where that takes long."""
    runs = tiny("poisson1d", 2, PHYSICS)
    found = {name: made_up(name) for name in SHAPES}
    for name, keys in REAL.items():
        found[name] = applied(name, runs, **keys)
    found["learning_coefficient"]["left"][:] = 0  # so short chains may end below their start
    surfaces = {(f, s, "random"): synthetic.surface("random", "poisson2d", f, 9) for f in PHYSICS for s in (0, 1)}
    found["topology"] = applied("topology", surfaces)
    return {name: data.assign_attrs(case="poisson2d") for name, data in found.items()}


def fields(problem="neo_hookean2d", planes=("random", "trajectory"), names=PHYSICS):
    return {plane: {name: synthetic.surface(plane, problem, name, 9) for name in names} for plane in planes}


def hessians(method="dense"):
    return {name: synthetic.hessian(formulation=name, method=method) for name in PHYSICS}


def titles(fig):
    return [title for ax in fig.axes if (title := ax.get_title(loc="left"))]


def panel(fig, name):
    (ax,) = (ax for ax in fig.axes if ax.get_title(loc="left") == PANELS[name].title)
    return ax


def texts(ax):
    return [text.get_text() for text in ax.texts]


def curves(ax):
    """Ordinates by colour; the lines of a level or a mark have two points that are equal in one coordinate."""
    lines = [line for line in ax.lines if line.get_transform() == ax.transData]
    return {to_hex(line.get_color()): np.asarray(line.get_ydata(), float) for line in lines}


@pytest.mark.parametrize("names", [(), ("zoom",), ("topology", "barriers", "zoom", "interpolation", "sharpness")])
def test_each_technique_that_is_there_has_a_panel_in_the_order_of_the_table(files, names):
    fig = overview.draw(fields(), {}, {name: files[name] for name in names} | {"unknown": files["zoom"]}, 0)
    assert titles(fig) == [entry.title for name, entry in PANELS.items() if name in names]
    assert fig.get_figwidth() == style.WIDTH
    assert fig.get_figheight() <= 9.6
    assert "seed 0" in fig.get_suptitle()


def test_the_table_names_files_that_are_tested():
    assert set(PANELS) == {*REAL, *SHAPES, "topology", "hessian"}


def test_measured_files_of_both_formulations_are_shown_in_their_colours(files):
    fig = overview.draw({}, hessians(), files, 0)
    assert titles(fig) == [entry.title for entry in PANELS.values()]
    for name in PANELS:
        ax = panel(fig, name)
        assert "not measured" not in texts(ax)
        shown = curves(ax)
        for colour in (BLUE, VERMILLION):
            assert np.isfinite(shown[colour]).any(), (name, colour)
    assert not any(ax.get_title() for ax in fig.axes)  # no fields


def test_a_curve_is_the_median_over_seeds_with_their_range_and_the_reference_a_thin_line(files):
    data = files["stability"].assign_coords(fraction=[0.25, 0.5, 2.0])
    ax = overview.draw({}, {}, {"stability": data}).axes[0]
    ratio = (data["gd_sharpness"] * data["gd_rate"] / 2).sel(fraction=0.5)  # the largest below the threshold
    shown = curves(ax)
    assert shown[BLUE] == pytest.approx(ratio.sel(trained_on="deep-ritz").median("seed").values)
    assert shown[GREY] == pytest.approx(ratio.sel(trained_on="supervised").median("seed").values)
    bands = {to_hex(band.get_facecolor()[0]): band for band in ax.collections if isinstance(band, PolyCollection)}
    assert set(bands) == {BLUE, VERMILLION}
    own = ratio.sel(trained_on="strong-form")
    heights = bands[VERMILLION].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((float(own.min()), float(own.max())))
    assert [line.get_ydata()[0] for line in ax.lines if line.get_transform() != ax.transData] == [1.0]


def test_single_numbers_get_a_mark_and_a_bar_for_each_word(files):
    ax = panel(overview.draw({}, {}, {"ntk": files["ntk"]}), "ntk")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["initial", "final"]
    share = files["ntk"]["remainder_share"].sel(trained_on="deep-ritz", loss="deep-ritz")
    assert curves(ax)[BLUE] == pytest.approx(share.median("seed").values)
    bars = next(c for c in ax.collections if isinstance(c, LineCollection))
    assert bars.get_segments()[0][:, 1] == pytest.approx([share[:, 0].min(), share[:, 0].max()])


def test_what_panels_measure():
    grid, rows = resampled(np.array([[0.0, 2, np.nan], [0, 1, 4]]), np.array([[1.0, 3, np.nan], [np.nan, 5, 8]]))
    assert grid.tolist() == [0, 1, 2, 4]
    assert rows[0].tolist() == [1, 2, 3, 3]  # stopped at step 2
    assert rows[1][1:].tolist() == [5, 6, 8]
    assert np.isnan(rows[1][0])
    low, middle, high = overview_marks.spread(np.array([[1.0, np.nan], [np.nan, np.nan], [4.0, np.inf], [7.0, np.nan]]))
    assert (low[0], middle[0], high[0]) == (1, 4, 7)
    assert np.isnan([low[1], middle[1], high[1]]).all()
    assert overview_marks.step_ticks(2000) == [0, 10, 100, 1000]


def test_values_mean_what_the_labels_say(files):
    at, rows = PANELS["interpolation"].measure(files["interpolation"], "deep-ritz")
    assert rows[:, np.argmin(np.abs(at))] == pytest.approx(1.0)
    radius = files["basin"].copy(deep=True)
    radius["radius"][{"kind": 0}] = [1.0, 10.0, np.inf]
    at, rows = PANELS["basin"].measure(radius, "strong-form")
    assert rows[:, [0, -1]] == pytest.approx(np.array([[0, 2 / 3]] * 2))
    left = files["learning_coefficient"].copy(deep=True)
    left["left"][{"seed": 1}] = 1
    assert np.isnan(PANELS["learning_coefficient"].measure(left, "deep-ritz")[1]).any(axis=1).tolist() == [False, True]
    descent = files["refinement"].copy(deep=True)
    descent["l2_error"][{"step": slice(2, None)}] = np.nan  # converged
    errors = PANELS["refinement"].measure(descent, "deep-ritz")[1]
    assert (errors[:, -1] == errors[:, 1]).all()
    distances, ring = PANELS["curvature_map"].measure(files["curvature_map"], "deep-ritz")
    assert distances.tolist() == [0, 0.5, 1]
    own = files["curvature_map"].sel(trained_on="deep-ritz", loss="deep-ritz", alpha=0, beta=0)
    assert ring[:, 0] == pytest.approx((-own["lambda_min"] / own["lambda_max"]).values)


def test_eigenvalues_of_incomplete_spectra_leave_a_gap_and_negative_ones_are_counted():
    fig = overview.draw({}, hessians("lanczos") | {"strong-form": hessians()["strong-form"]}, {}, 0)
    ax = panel(fig, "hessian")
    eigenvalues = hessians()["strong-form"]["eigenvalue"].sel(loss="strong-form").values
    assert curves(ax)[VERMILLION][:5] == pytest.approx(eigenvalues[:5] / eigenvalues[0])
    assert np.isnan(curves(ax)[BLUE][10:20]).all()
    assert any("≤ 0 omitted" in text for text in texts(ax))
    assert ax.get_yscale() == "log"


def test_one_legend_names_what_is_on_the_page(files):
    def labels(*arguments):
        (legend,) = overview.draw(*arguments).legends
        return [text.get_text() for text in legend.get_texts()]

    page = labels(fields(), {}, {"stability": files["stability"]}, 0)
    assert page[:4] == ["Deep Ritz", "strong form", "supervised", "median and range over seeds"]
    assert {"trained point", "initial point", "infeasible (no energy)"} <= set(page)
    assert labels({}, {}, {"zoom": files["zoom"].isel(seed=[0])}) == ["Deep Ritz", "strong form"]


def test_fields_stand_side_by_side_in_the_colours_of_their_formulations(files):
    fig = overview.draw(fields(), {}, {}, 3)
    headed = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in headed] == [
        f"{name}: {plane}" for plane in ("random plane", "trajectory") for name in ("Deep Ritz", "strong form")
    ]
    assert [to_hex(ax.title.get_color()) for ax in headed] == [BLUE, VERMILLION] * 2
    path = fields()["trajectory"]["deep-ritz"]["trajectory"].values
    assert any(np.array_equal(line.get_xdata(), path[:, 0]) for line in headed[2].lines)
    partly = fields()
    del partly["trajectory"]["strong-form"]
    shown = [texts(ax) == ["not measured"] for ax in overview.draw(partly, {}, {}, 3).axes if ax.get_title()]
    assert shown == [False, False, False, True]


def test_a_case_with_one_physics_loss_has_no_empty_field():
    alone = overview.draw(fields(planes=("random",), names=("deep-ritz",)), {}, {}, 3)
    assert [ax.get_title() for ax in alone.axes if ax.get_title()] == ["Deep Ritz: random plane"]
    assert alone.get_suptitle() == "neo-Hookean 2-D: Deep Ritz (planes of seed 3)"


def test_a_refinement_without_a_known_solution_shows_its_gap(files):
    data = files["refinement"].copy(deep=True)
    assert PANELS["refinement"].quantity(data) == "$L^2$ error from the initial point"
    data["l2_error"][:] = np.nan
    assert PANELS["refinement"].quantity(data) == "gap from the initial point"
    assert np.isfinite(PANELS["refinement"].measure(data, "strong-form")[1]).any()


def test_nothing_known_is_said_in_every_panel(files):
    nothing = {
        name: data.map(lambda values: values * np.nan if values.dtype.kind == "f" else values).assign_attrs(data.attrs)
        for name, data in files.items()
    }
    nothing["critical_points"]["kind"][:] = 0  # no loss
    fig = overview.draw({}, {}, nothing, 0)
    assert len(titles(fig)) == len(files)
    assert all("not measured" in texts(ax) and not ax.lines for ax in fig.axes)
    with pytest.raises(StorageError, match="nothing to draw"):
        overview.draw({}, {}, {}, 0)


def test_dimensions_without_length_and_absent_variables_do_not_matter(files):
    for dim in ("trained_on", "seed", "loss", "alpha", "checkpoint", "points"):
        cut = {name: data.isel({dim: slice(0, 0)}) for name, data in files.items() if dim in data.dims}
        assert len(overview.draw({}, {}, cut).axes) == len(cut)
    empty = {name: data.drop_vars(PANELS[name].needs[0]) for name, data in files.items()}
    assert all(texts(ax)[-1] == "not measured" for ax in overview.draw({}, {}, empty).axes)


def test_a_full_page_is_readable(files):
    fig = overview.draw(fields(), hessians(), files, 0)
    style.styled(fig.draw_without_rendering)()
    assert all(text.get_fontsize() >= 6 for text in fig.findobj(Text) if text.get_text())
    axes = [ax for ax in fig.axes if ax.get_title(loc="left")]
    boxes = [ax.get_window_extent() for ax in axes]
    assert {round(box.x0) for box in boxes[:4]} == {round(box.x0) for box in boxes[4:8]}
    pieces = [
        (text.get_text(), text.get_window_extent())
        for ax in axes
        for text in (ax.findobj(Text, include_self=False))
        if text.get_text()
        and text.get_visible()
        and text.axes is ax
        and text not in ax.get_xticklabels() + ax.get_yticklabels()
    ]
    for k, (text, box) in enumerate(pieces):
        assert fig.bbox.x0 <= box.x0 <= box.x1 <= fig.bbox.x1, text
        assert not [other for other, area in pieces[:k] if box.overlaps(area)], text


def test_the_script_reads_what_there_is(files, monkeypatch, tmp_path):
    def write(name, data):
        return synthetic.save(tmp_path / name, data)

    script, saved = importlib.import_module("figure_overview"), []
    monkeypatch.setattr(style, "save", lambda *arguments: saved.append(arguments))
    surfaces = [write(f"{plane}-{name}.nc", data) for plane, part in fields().items() for name, data in part.items()]
    spectra = [write(f"h{c}.nc", synthetic.hessian(checkpoint=c)) for c in synthetic.CHECKPOINTS]
    owner = synthetic.attributes("zoom", "poisson1d", "all", -1)
    output, params = SimpleNamespace(pdf="a.pdf", png="a.png"), SimpleNamespace(seed=0, dpi=77)
    (zoomed,) = [write("zoom.nc", files["zoom"].assign_attrs(owner))]
    script.main(SimpleNamespace(surfaces=surfaces, hessians=spectra, techniques=[zoomed]), output, params)
    script.main(SimpleNamespace(surfaces=[], techniques=zoomed), output, params)
    full, little = (figure for figure, *_ in saved)
    assert saved[0][1:] == ("a.pdf", "a.png", 77)
    assert len([ax for ax in full.axes if ax.get_title()]) == 4
    assert titles(full) == ["Hessian spectrum", "Zoom"]
    final = synthetic.hessian(checkpoint="final")["eigenvalue"].sel(loss="deep-ritz").values
    assert curves(panel(full, "hessian"))[BLUE][1] == pytest.approx(final[1] / final[0])
    assert titles(little) == ["Zoom"]
