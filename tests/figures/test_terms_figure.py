"""The figure of the terms of a loss."""

import numpy as np
import pytest
import xarray as xr
from figures import synthetic
from figures.readable import faults
from matplotlib.contour import ContourSet

from pinnscape.common.errors import StorageError
from pinnscape.figures import style, terms

LOSSES = synthetic.case("convection").losses
NAMES = ["strong-form/interior", "strong-form/initial", "strong-form/periodic"]


def surfaces():
    return {name: synthetic.surface("random", "convection", name) for name in LOSSES}


def hessians():
    return {name: synthetic.with_terms(synthetic.hessian("convection", name)) for name in LOSSES}


def shown(fig):
    return [ax for ax in fig.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]


def levels(ax):
    return tuple(next(artist for artist in ax.collections if isinstance(artist, ContourSet)).levels)


def test_each_point_has_a_plane_of_the_sum_and_of_each_term_on_one_scale():
    fig = terms.draw(surfaces(), hessians())
    axes = np.reshape(shown(fig), (4, 4))
    for planes in axes[::2]:
        assert [ax.get_title() for ax in planes] == ["sum", "interior", "initial", "periodic"]
        assert len({levels(ax) for ax in planes}) == 1
        assert {ax.get_xlabel() for ax in planes} == {r"$\alpha$ (filter norms)"}
    assert axes[0, 0].get_ylabel() == "strong form point\n$\\beta$ (filter norms)"
    assert axes[2, 0].get_ylabel() == "supervised point\n$\\beta$ (filter norms)"
    bars = [ax.get_ylabel() for ax in fig.axes if ax.get_label() == "<colorbar>"]
    assert len(bars) == 2
    assert all(label.startswith("strong-form loss") for label in bars)
    assert faults(fig) == []


def test_spectra_of_terms_stand_beside_that_of_the_sum():
    fig, data = terms.draw(surfaces(), hessians()), hessians()["strong-form"]
    row = np.reshape(shown(fig), (4, 4))[1]
    whole = data["eigenvalue"].sel(loss="strong-form").values[:10]
    assert row[0].get_lines()[0].get_ydata() == pytest.approx(whole)
    for ax, name, colour in zip(row[1:], NAMES, map(style.term_colour, range(3)), strict=True):
        total, alone, trace = ax.get_lines()
        assert total.get_ydata() == pytest.approx(whole)
        assert alone.get_ydata() == pytest.approx(data["term_eigenvalue"].sel(term=name).values)
        assert trace.get_ydata()[0] == pytest.approx(float(data["term_trace"].sel(term=name)))
        assert total.get_color() == style.colour("strong-form")
        assert alone.get_color() == trace.get_color() == colour
    assert [ax.get_title().rpartition(" (")[2] for ax in row[1:]] == ["64 %)", "36 %)", "< 1 %)"]
    assert len({ax.get_ylim() for ax in row}) == 1


@pytest.mark.parametrize("files", [{}, {name: synthetic.hessian("convection", name) for name in LOSSES}])
def test_without_spectra_of_terms_there_are_planes_alone(files):
    fig = terms.draw(surfaces(), files)
    assert len(shown(fig)) == 8
    assert "curvature" not in fig.get_suptitle()
    assert faults(fig) == []


def test_points_without_spectra_of_terms_have_no_row_of_them():
    files = hessians()
    files["supervised"] = synthetic.hessian("convection", "supervised")
    assert len(shown(terms.draw(surfaces(), files))) == 12
    del files["supervised"]
    fig = terms.draw(surfaces(), files)
    assert len(shown(fig)) == 12
    assert faults(fig) == []


def test_a_term_that_a_file_lacks_is_not_measured():
    files = {name: data.isel(term=[0, 1]) for name, data in hessians().items()}
    row = np.reshape(shown(terms.draw(surfaces(), files)), (4, 4))[1]
    assert ["not measured" in [text.get_text() for text in ax.texts] for ax in row] == [False, False, False, True]


def test_eigenvalues_of_rounding_size_are_left_out():
    data = hessians()["strong-form"]
    data["term_eigenvalue"][1, 4:] = 1e-30
    found = terms.curvatures(data, "strong-form", NAMES)[2].eigenvalues
    assert np.isfinite(found).tolist() == [True] * 4 + [False] * 6


def test_each_field_has_its_own_interpolation_error():
    """A large error of the interior must not hide a small term."""
    data = surfaces()["strong-form"]
    errors = xr.DataArray([50.0, 50.0, 2.0, 0.0], {"field": ["strong-form", *NAMES]}, "field")
    data = data.assign(bound=errors, resolution=("loss", [50.0, 0.0]))
    found = terms.fields(data, "strong-form")
    assert [float(field.min()) for field in found.values()][:3] == [50.0, 50.0, 2.0]
    assert float(found["periodic"].min()) == float(data["term_value"].sel(term=NAMES[2]).min()) < 2.0
    assert float(found["interior"].max()) == float(data["term_value"].sel(term=NAMES[0]).max())


def test_a_case_of_single_terms_is_refused():
    with pytest.raises(StorageError, match="no loss of this case has several terms"):
        terms.draw({"deep-ritz": synthetic.surface()}, {})


def test_the_terms_are_those_of_the_trained_loss_if_it_has_several():
    data = surfaces()["strong-form"]
    assert terms.losses_with_terms(data) == ["strong-form"]
    assert terms.loss_at(data, "supervised") == "strong-form"
    assert terms.terms_of(data, "strong-form") == NAMES
    both = data.assign_coords(term=["deep-ritz/interior", "deep-ritz/boundary", "strong-form/boundary"])
    assert [terms.loss_at(both, name) for name in ("deep-ritz", "supervised")] == ["deep-ritz", "strong-form"]
    assert terms.loss_at(synthetic.surface(), "deep-ritz") == ""


def test_terms_add_up_to_the_loss_and_negative_ones_are_raised():
    data = surfaces()["strong-form"]
    whole, *parts = terms.fields(data, "strong-form").values()
    np.testing.assert_allclose(sum(parts), whole)
    data["term_value"][0] -= 5.0
    found = terms.fields(data, "strong-form")
    assert list(found) == ["sum", "interior\n(above its lowest)", "initial", "periodic"]
    assert float(found["interior\n(above its lowest)"].min()) == 0.0


def test_curvature_is_found_by_the_full_and_by_the_short_name_of_a_term():
    data = hessians()["strong-form"]
    short = data.assign_coords(term=["interior", "initial", "periodic"])
    for found in (terms.curvatures(data, "strong-form", NAMES), terms.curvatures(short, "strong-form", NAMES)):
        assert [each.eigenvalues[0] for each in found[1:]] == pytest.approx(data["term_eigenvalue"].values[:, 0])
        assert found[0].trace == pytest.approx(float(data["trace"].sel(loss="strong-form")))


def test_an_unknown_trace_of_the_loss_is_the_sum_of_those_of_its_terms():
    data = hessians()["strong-form"]
    data["trace"][:] = np.nan
    whole, *parts = terms.curvatures(data, "strong-form", NAMES)
    assert whole.trace == pytest.approx(sum(each.trace for each in parts))


@pytest.mark.parametrize(("share", "text"), [(0.384, "38 %"), (0.004, "< 1 %"), (0.0, "0 %"), (-0.2, "−20 %")])
def test_small_shares_are_not_rounded_to_zero(share, text):
    assert terms.percent(share) == text
