"""With every dense limit at 0, each number is that of the dense route within its tolerance, a bound that holds, or missing."""

import numpy as np
import pytest
import torch
import xarray as xr
from cases import initial, small
from runs_cases import tiny
from settings_cases import applied, changed, of

from pinnscape.config.sections import DensitySettings, SpectrumSettings
from pinnscape.curvature import dense
from pinnscape.curvature.files import hessian_dataset, spectrum_dataset
from pinnscape.linalg.lanczos import extremes
from pinnscape.losses.field import FieldObjective
from pinnscape.tables.metrics import of_hessian
from pinnscape.techniques import catalog
from pinnscape.training.optimizers import LBFGS, start

LIMIT = 1000
LOSSES = ("deep-ritz", "strong-form")
CASES = [("poisson1d", 200), ("poisson1d", 20), ("neo_hookean2d", 24)]  # enough steps for everything, and too few
DENSITY = DensitySettings(probes=2, steps=8, deflate=2, bins=60, width=0.02)
HESSIAN = SpectrumSettings(extremes=4, density=DENSITY)
MAP = of("curvature_map", radius=0.5, points=3)
SUBSPACE = of("gradient_subspace", points=3, dimensions=(1, 3))
STABILITY = of("stability", points=3, eigenvalues=2, fractions=(0.5,), adam_rates=(), steps=2, record_every=2, divergence=1e3)
SHARPNESS = of("sharpness", checkpoints=("final",), starts=1, iterations=2)
COEFFICIENT = of(
    "learning_coefficient",
    inverse_temperatures=(100.0,),
    localization=1.0,
    chains=2,
    burn_in=5,
    steps=20,
    thinning=5,
    eigenpairs=10,
)
CRITICAL = of("critical_points", snapshots=2, random=0, scales=(), goal=1e-9, flat=1e-3, steps=5, history_size=5, hessians=0)


@pytest.fixture(autouse=True)
def _products_by_a_matrix(monkeypatch):
    """Hessian-vector products, which have tests of their own, from one batch of them for each point: a fifth of the time."""
    product, matrices = FieldObjective.hessian_product, {}

    def by_matrix(self, theta, vectors):
        key = self.name, theta.numpy().tobytes()
        if key not in matrices:
            matrices[key] = product(self, theta, torch.eye(theta.numel(), dtype=theta.dtype))
        return vectors @ matrices[key]

    monkeypatch.setattr(FieldObjective, "hessian_product", by_matrix)


def both(technique, given, settings, **changes) -> tuple[xr.Dataset, xr.Dataset]:
    """By the dense route and by the other one."""
    found = [applied(technique, given, settings, **changes, dense_limit=limit) for limit in (LIMIT, 0)]
    return found[0], found[1]


def runs(problem: str):
    return tiny(problem, 1, LOSSES if problem == "poisson1d" else ("deep-ritz",))


def same_or_missing(found, expected, atol: float, rtol: float = 0.0) -> int:
    """How many numbers both have, which agree."""
    found, expected = (np.asarray(values, float) for values in (found, expected))
    known = np.isfinite(found)
    assert np.isfinite(expected[known]).all()
    np.testing.assert_allclose(found[known], expected[known], atol=atol, rtol=rtol)
    return int(known.sum())


def same_metrics(rows, expected, atol: float, rtol: float) -> None:
    """Numbers agree or are missing; bounds bound what the dense route found."""
    found, expected = ({row[:-1]: row[-1] for row in each} for each in (rows, expected))
    for key, value in found.items():
        name = str(key[-1])
        for word, sign in (("_at_least", 1.0), ("_at_most", -1.0)):
            if word in name:
                exact = expected[(*key[:-1], name.replace(word, ""))]
                assert sign * value <= sign * exact + atol + rtol * abs(exact), name
                break
        else:
            if "_estimate" not in name and np.isfinite(value):
                assert value == pytest.approx(expected[key], abs=atol, rel=rtol), name


@pytest.mark.parametrize(("problem", "steps"), CASES)
def test_hessians(problem, steps):
    theta = runs(problem).tensor(runs(problem).run("deep-ritz", 0).theta("final"))
    files = [
        hessian_dataset({
            loss: spectrum_dataset(
                runs(problem).objective(loss), theta, changed(HESSIAN, dense_limit=limit, lanczos_steps=steps), 0
            )
            for loss in LOSSES
        }).assign_attrs(checkpoint="final")
        for limit in (LIMIT, 0)
    ]  # fmt: skip
    exact, found = files
    assert found.attrs["method"] == "lanczos"
    expected = exact["eigenvalue"].sel(eigen=found["eigen"])
    scale = float(expected.max())
    counted = same_or_missing(found["eigenvalue"], expected, 1e-9 * scale)
    assert counted == found["eigenvalue"].size or steps < theta.numel()
    assert bool((found["eigenvalue_low"] <= expected + 1e-12 * scale).all())
    assert bool((expected - 1e-12 * scale <= found["eigenvalue_high"]).all())
    for name in ("negative", "nullity", "share_above", "bulk_share", "effective_rank", "condition_number"):
        same_or_missing(found[name], exact[name], 0.0, 1e-6)
    assert bool((found["negative_at_least"] <= exact["negative"]).all())
    assert bool(np.isnan(found["trace"]).all())
    off = np.abs(found["trace_estimate"] - exact["trace"])
    assert bool((off <= 6 * found["trace_estimate_error"] + 1e-9 * exact["trace"]).all())
    same_metrics(_without_trace(found), _without_trace(exact), 1e-6, 1e-6)


def _without_trace(data: xr.Dataset):
    """Metrics without the traces, which have errors of their own."""
    return [row for row in of_hessian(data, 3, 2, 4) if not row[1].startswith("trace")]


@pytest.mark.parametrize(("problem", "steps"), CASES)
def test_maps(problem, steps):
    exact, found = both("curvature_map", runs(problem), MAP, lanczos_steps=steps)
    scale = float(exact["lambda_max"].max())
    for name in ("lambda_max", "lambda_min"):
        same_or_missing(found[name], exact[name], 2e-4 * scale)
        assert not bool((found[f"{name}_at_least"] > exact[name] + 1e-12 * scale).any())
        assert not bool((found[f"{name}_at_most"] < exact[name] - 1e-12 * scale).any())
    decided = np.isfinite(exact["sign"].values) & (found["sign"].values != 0)
    np.testing.assert_array_equal(found["sign"].values[decided], exact["sign"].values[decided])
    np.testing.assert_array_equal(np.isfinite(found["sign"]), np.isfinite(exact["sign"]))
    same_metrics(
        [row for row in catalog.module("curvature_map").metrics(found) if not row[3].startswith("map_converged")],
        catalog.module("curvature_map").metrics(exact), 5e-4, 1e-3,
    )  # fmt: skip


@pytest.mark.parametrize(("problem", "steps"), CASES)
def test_spectra_along_training(problem, steps):
    exact, found = both("stability", runs(problem), STABILITY, lanczos_steps=steps)
    scale = float(exact["eigenvalue"].max())
    for name in ("eigenvalue", "smallest"):
        same_or_missing(found[name], exact[name], 1e-6 * scale)
        assert not bool((found[f"{name}_at_least"] > exact[name] + 1e-12 * scale).any())
    assert not bool((found["smallest_at_most"] < exact["smallest"] - 1e-12 * scale).any())
    same_metrics(catalog.module("stability").metrics(found), catalog.module("stability").metrics(exact), 1e-4, 1e-4)


@pytest.mark.parametrize(("problem", "steps"), CASES)
def test_gradients_in_top_eigenspaces(problem, steps):
    exact, found = both("gradient_subspace", runs(problem), SUBSPACE, lanczos_steps=steps)
    same_or_missing(found["eigenvalue"], exact["eigenvalue"], 2e-6 * float(exact["eigenvalue"].max()))
    assert same_or_missing(found["share"], exact["share"], 1e-3) == found["share"].size or steps < 40
    same_metrics(
        catalog.module("gradient_subspace").metrics(found), catalog.module("gradient_subspace").metrics(exact), 1e-3, 1e-3
    )


@pytest.mark.parametrize(("problem", "steps"), CASES)
def test_sharpness(problem, steps):
    exact, found = both("sharpness", runs(problem), SHARPNESS, lanczos_steps=steps)
    for name in ("lambda_max", "lambda_max_filter"):
        assert same_or_missing(found[name], exact[name], 0.0, 2e-3) > 0
        assert bool((found[f"{name}_at_least"] <= exact[name] * (1 + 1e-12)).all())


def test_learning_coefficients():
    exact, found = both("learning_coefficient", runs("poisson1d"), COEFFICIENT)
    assert bool((found["quadratic_at_least"] <= exact["quadratic"] * (1 + 1e-9)).all())
    same_or_missing(found["quadratic"], exact["quadratic"], 0.0, 1e-6)
    coefficients = [
        [row for row in catalog.module("learning_coefficient").metrics(data) if row[3].startswith("quadratic")]
        for data in (found, exact)
    ]
    same_metrics(*coefficients, 1e-9, 1e-6)


def test_critical_points():
    # Without Newton steps both routes end at the same points.
    exact, found = both("critical_points", runs("poisson1d"), CRITICAL)
    scale = float(exact["largest"].max())
    for name in ("largest", "smallest"):
        same_or_missing(found[name], exact[name], 2e-6 * scale)
    same_or_missing(found["index"], exact["index"], 0.0)
    assert not bool((found["index_at_least"] > exact["index"]).any())
    np.testing.assert_allclose(found["gap"], exact["gap"])


def test_no_eigenvalue_of_a_network_is_skipped():
    """Where version 0.1 skipped some for a fifth of the starts although all residuals were small."""
    discretized = small("neo_hookean2d", width=8)
    objective = discretized.objective("deep-ritz")
    state, optimizer = start(objective.loss_and_gradient, initial(discretized)), LBFGS(objective.loss_and_gradient)
    for _ in range(70):
        successor = optimizer.step(state)
        assert successor is not None
        state = successor
    matrix = dense.hessian(objective, state.theta)
    values = torch.linalg.eigvalsh(matrix).flip(0)
    for seed in range(30):
        found = extremes(lambda v: v @ matrix, state.theta, 10, 150, 1e-6, seed)
        assert found.converged
        torch.testing.assert_close(found.values, values[found.index], rtol=0.0, atol=1e-6 * float(values[0]))
