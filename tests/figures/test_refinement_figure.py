"""The figure of natural gradient descents: complete, incomplete and absent data."""

import numpy as np
import xarray as xr

from pinnscape.figures import refinement, style


def synthetic(seeds: int = 2) -> xr.Dataset:
    names, starts, steps, size = ["strong-form", "deep-ritz"], ["init", "final"], 6, 9
    shape = (2, seeds, 2)
    fall = np.broadcast_to(10.0 ** -np.arange(steps), (*shape, steps)).copy()
    fall[..., -1] = np.nan
    fall[1, :, :, -2] = -1e-9
    values = np.broadcast_to(np.array([5.0, 1, 0.1, 1e-3, 1e-9, 0, -1e-12, -1e-6, -1e-2]), (*shape, size)).copy()
    outer = ("trained_on", "seed", "checkpoint")
    return xr.Dataset(
        {
            "gap": ((*outer, "step"), fall),
            "quadrature_error": ((*outer, "step"), np.full_like(fall, 1e-12)),
            "l2_error": ((*outer, "step"), np.abs(fall)),
            "eigenvalue": ((*outer, "eigen"), values),
        },
        coords={"trained_on": names, "seed": range(seeds), "checkpoint": starts, "step": range(steps), "eigen": range(size)},
        attrs={"case": "poisson1d"},
    )


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_gaps_within_the_quadrature_error_are_left_out_and_counted():
    data = synthetic(seeds=1)
    data["quadrature_error"][data["trained_on"].values.tolist().index("deep-ritz")] = 0.05
    gap = refinement.draw(data).axes[0]
    assert texts(gap) == ["3 values ≤ 0 or within the quadrature error omitted"]
    lowest = [np.nanmin(np.asarray(line.get_ydata(), float)) for line in gap.get_lines()]
    assert sorted(lowest) == [1e-4, 0.1]


def test_each_start_has_a_column_of_gap_error_and_spectrum():
    fig = refinement.draw(synthetic())
    assert fig.get_figwidth() == style.WIDTH
    assert len(fig.axes) == 6
    gap, spectrum = fig.axes[0], fig.axes[4]
    assert all(ax.get_yscale() == "log" for ax in fig.axes)
    assert gap.get_title() == "from the initial point"
    assert len(gap.get_lines()) == 2 * 2
    assert len(spectrum.get_lines()) == 2 * (2 + 1)
    assert "2 values ≤ 0 omitted" in texts(gap)
    assert gap.get_lines()[0].get_color() == style.colour("deep-ritz")
    fig.canvas.draw()


def test_ratios_are_of_the_largest_eigenvalue():
    np.testing.assert_allclose(refinement.ratios(np.array([4.0, 1.0, 1e-20, -2.0])), [1.0, 0.25, np.nan, -0.5])
    assert np.isnan(refinement.ratios(np.array([-1.0, -2.0]))).all()


def test_what_was_not_measured_is_said():
    data = synthetic()
    for name in data.data_vars:
        data[name][:] = np.nan
    assert all("not measured" in texts(ax) for ax in refinement.draw(data).axes)
    assert all("not measured" in texts(ax) for ax in refinement.draw(synthetic().isel(seed=slice(0, 0))).axes)


def test_where_only_the_largest_eigenvalues_are_known_the_figure_says_so():
    for parameters, said in ((132_609, True), (9, False)):
        fig = refinement.draw(synthetic().assign_attrs(parameters=parameters))
        assert ("the largest of 132,609 eigenvalues" in texts(fig.axes[4])) == said


def test_without_a_known_solution_there_is_no_row_of_errors():
    data = synthetic()
    assert refinement.quantities(data) == ["gap", "l2_error"]
    data["l2_error"][:] = np.nan
    assert refinement.quantities(data) == ["gap"]
    labels = [ax.get_ylabel() for ax in refinement.draw(data).axes if ax.get_ylabel()]
    assert labels == ["gap of the training loss", r"$|\lambda|\,/\,\lambda_{\max}$ at the end"]
    data["gap"][:] = np.nan
    assert refinement.quantities(data) == ["gap", "l2_error"]  # both are said not to be measured
