"""The figure of Gauss-Newton parts: what is drawn from complete, incomplete and absent data."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import ntk, style


def synthetic(seeds: int = 2, formulations=("deep-ritz", "strong-form")) -> xr.Dataset:
    size, vectors = 12, 3
    shape = (len(formulations), seeds, 2, 2)
    rng = np.random.default_rng(0)
    values = np.sort(rng.standard_normal((*shape, 3, size)), -1)[..., ::-1].copy()
    values[..., 1, :] = np.abs(values[..., 1, :])
    values[..., 0, :] += 3.0
    values[..., 0, -1] = -0.5
    outer = ("trained_on", "seed", "checkpoint", "loss")
    return xr.Dataset(
        {
            "eigenvalue": ((*outer, "part", "eigen"), values),
            "remainder_share": (outer, rng.random(shape)),
            "angle": ((*outer, "vector"), 90 * rng.random((*shape, vectors))),
        },
        coords={
            "trained_on": list(formulations), "seed": np.arange(seeds), "checkpoint": ["init", "final"],
            "loss": ["deep-ritz", "strong-form"], "part": ["hessian", "gauss-newton", "remainder"],
            "eigen": np.arange(size), "vector": np.arange(vectors),
        },
        attrs={"case": "poisson2d"},
    )  # fmt: skip


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_each_loss_has_a_row_of_its_spectra_and_angles():
    fig = ntk.draw(synthetic())
    assert fig.get_figwidth() == style.WIDTH
    assert len(fig.axes) == 2 * 3
    first, last = fig.axes[1], fig.axes[2]
    assert first.get_yscale() == last.get_yscale() == "log"
    assert len(first.get_lines()) == 3 * (2 + 1)  # parts, seeds and crosses of the first seed
    assert "final point: |R|/|H| = " in first.get_title()
    assert len(last.get_lines()) == 1 + 2 * 2
    assert not texts(first)
    assert fig.axes[3].get_lines()[0].get_color() == style.colour("strong-form")


def test_rows_show_the_run_that_trained_the_loss_and_else_the_first():
    data = synthetic()
    assert str(ntk.own_run(data, "strong-form")["trained_on"].values) == "strong-form"
    only = data.isel(trained_on=[0])
    assert str(ntk.own_run(only, "strong-form")["trained_on"].values) == "deep-ritz"


def test_ratios_are_of_the_largest_hessian_eigenvalue_and_round_off_is_left_out():
    data = synthetic(1)
    data["eigenvalue"][..., 1, -1] = 1e-19
    point = ntk.own_run(data, "deep-ritz").sel(checkpoint="final")
    largest = float(point["eigenvalue"].sel(part="hessian").values[0, 0])
    found = ntk.ratios(point, "gauss-newton")
    np.testing.assert_allclose(found[0, :-1], point["eigenvalue"].sel(part="gauss-newton").values[0, :-1] / largest)
    assert np.isnan(found[0, -1])
    assert ntk.ratios(point, "hessian")[0, 0] == pytest.approx(1.0)


def test_negative_eigenvalues_are_crossed():
    fig = ntk.draw(synthetic(1))
    crosses = [line for line in fig.axes[0].get_lines() if line.get_marker() == "x"]
    assert any(np.isfinite(line.get_ydata()).any() for line in crosses)


def test_what_was_not_measured_is_said():
    data = synthetic()
    for name in data.data_vars:
        data[name][:] = np.nan
    fig = ntk.draw(data)
    assert all("not measured" in texts(ax) for ax in fig.axes)
    assert fig.axes[0].get_title().endswith("no value")
    fig.canvas.draw()
    empty = ntk.draw(synthetic().isel(seed=slice(0, 0), vector=slice(0, 0)))
    assert all("not measured" in texts(ax) for ax in empty.axes)


def test_where_only_the_largest_eigenvalues_are_known_the_figure_says_so_and_an_estimate_is_called_one():
    data = synthetic(2).assign_attrs(parameters=132_609)
    data["remainder_share"][:] = np.nan
    assert ntk.draw(data).axes[0].get_title().endswith("no value")
    outer = data["remainder_share"].dims
    shape = data["remainder_share"].shape
    estimates = {
        "remainder_share_estimate": (outer, np.full(shape, 0.42)),
        "remainder_share_error": (outer, np.full(shape, 0.03)),
    }
    fig = ntk.draw(data.assign(estimates))
    assert fig.axes[0].get_title() == "initial point: |R|/|H| ≈ 0.42 ± 0.03"
    assert "the largest of\n132,609 eigenvalues" in texts(fig.axes[0])
    fig.canvas.draw()
