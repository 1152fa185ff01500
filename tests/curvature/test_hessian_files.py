"""hessian-{checkpoint}.nc against results/README.md."""

import numpy as np
import pytest
from cases import exact_hessian, trained
from settings_cases import changed, solver

from pinnscape.config.sections import DensitySettings, SpectrumSettings
from pinnscape.curvature.files import hessian_dataset, spectrum_dataset

DENSITY = DensitySettings(probes=3, steps=10, deflate=6, bins=50, width=0.02)
SETTINGS = SpectrumSettings(extremes=6, eigensolver=solver(lanczos_steps=67), density=DENSITY)
NUMBERS = ("trace", "trace_estimate", "trace_estimate_error", "condition_number", "negative", "nullity")
NUMBERS += (
    "effective_rank",
    "share_above",
    "bulk_share",
    "negative_at_least",
    "effective_rank_estimate",
    "share_above_estimate",
)


@pytest.fixture(scope="module", params=["dense", "lanczos"])
def dataset(request):
    """Both physics losses at the point that Deep Ritz trained; P = 67."""
    objective, theta = trained("deep-ritz")
    objectives = [objective, objective.discretization.objective("strong-form")]
    limit = 2500 if request.param == "dense" else 1
    settings = changed(SETTINGS, dense_limit=limit)
    found = hessian_dataset({each.name: spectrum_dataset(each, theta, settings, seed=0) for each in objectives})
    assert found.attrs["method"] == request.param
    return found


def test_variables_have_the_dimensions_of_the_schema(dataset):
    expected = {
        "eigenvalue": ("loss", "eigen"),
        "eigenvalue_low": ("loss", "eigen"),
        "eigenvalue_high": ("loss", "eigen"),
        "ritz_value": ("loss", "vector"),
        "eigenvector": ("loss", "vector", "parameter"),
        "residual_norm": ("loss", "vector"),
        "node": ("loss", "ritz"),
        "weight": ("loss", "ritz"),
        "density_at": ("loss", "bin"),
        "density": ("loss", "bin"),
        "gradient_norm": ("loss",),
    } | {name: ("loss",) for name in NUMBERS}
    coordinates = ("loss", "eigen", "vector", "ritz", "bin", "parameter")
    assert {name: variable.dims for name, variable in dataset.variables.items() if name not in coordinates} == expected
    for name in [*expected, "eigen", "vector"]:
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"


def test_coordinates_are_indices_among_all_parameters(dataset):
    ends = [*range(6), *range(61, 67)]
    assert dataset["loss"].values.tolist() == ["deep-ritz", "strong-form"]
    assert dataset["vector"].values.tolist() == ends
    assert dataset["eigen"].values.tolist() == (list(range(67)) if dataset.attrs["method"] == "dense" else ends)
    assert dataset.sizes["parameter"] == 67


def test_eigenvectors_and_values_belong_together_by_their_coordinates(dataset):
    own = dataset.sel(loss="deep-ritz")
    matrix = exact_hessian("deep-ritz").numpy()
    for index in own["vector"].values:
        vector, value = own["eigenvector"].sel(vector=index).values, float(own["eigenvalue"].sel(eigen=index))
        assert np.linalg.norm(vector) == pytest.approx(1.0)
        assert vector @ matrix @ vector == pytest.approx(value, abs=1e-8 * float(own["eigenvalue"][0]))
        assert vector[np.abs(vector).argmax()] > 0


def test_eigenvalues_descend_and_residuals_are_small(dataset):
    assert bool((dataset["eigenvalue"].diff("eigen") <= 0).all())
    assert bool((dataset["residual_norm"] < 1e-8 * dataset["eigenvalue"].max("eigen")).all())


def test_each_loss_has_its_own_hessian(dataset):
    ritz, strong = (dataset.sel(loss=f) for f in ("deep-ritz", "strong-form"))
    name = "trace" if dataset.attrs["method"] == "dense" else "trace_estimate"
    assert float(strong[name]) > 10 * float(ritz[name])
    np.testing.assert_allclose(ritz["eigenvalue"][0], np.linalg.eigvalsh(exact_hessian("deep-ritz").numpy())[-1], rtol=1e-9)


def test_weights_sum_to_one(dataset):
    np.testing.assert_allclose(dataset["weight"].sum("ritz"), 1.0, atol=1e-12)


def test_what_is_withheld_says_why_for_each_loss(dataset):
    for name in NUMBERS:
        values = dataset[name].values
        assert [f"{loss}: " in dataset[name].attrs.get("reason", "") for loss in dataset["loss"].values] == [
            bool(np.isnan(value)) for value in values
        ]
    for name in ("negative", "nullity", "negative_at_least"):
        known = dataset[name].values[np.isfinite(dataset[name].values)]
        assert (known == np.rint(known)).all()
