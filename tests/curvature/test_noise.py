"""Noise over mini-batches and random points, compared with plain torch and with closed forms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from models.model_texts import BATCHES
from settings_cases import of
from torch.func import functional_call

from pinnscape.config.sections import Module
from pinnscape.curvature.noise import at_point, dataset, variance
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model_file import family
from pinnscape.losses.module import ModuleLosses
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.techniques import catalog
from pinnscape.training.checkpoints import select
from pinnscape.training.elsewhere import measured
from pinnscape.training.files import training_dataset
from pinnscape.training.runs import Run, Runs

SETTINGS = of("noise", checkpoints=["init", "final"], draws=12)


@pytest.fixture
def losses(tmp_path: Path) -> ModuleLosses:
    path = tmp_path / "batches.py"
    path.write_text(BATCHES, encoding="utf-8")
    return family(Module.of({"module": str(path), "parameters": {}}))


def runs(losses: ModuleLosses) -> Runs:
    theta = losses.flat.theta.numpy()
    training = training_dataset(measured(losses.objective("fit"), [0, 5], [theta, 0.5 * theta]), losses)
    training = training.assign_attrs(case="x", trained_on="fit", seed=0)
    return Runs(losses, (Run("fit", 0, select(training, {}), training),))


def test_the_variance_is_the_trace_of_the_covariance() -> None:
    rows = torch.tensor(np.random.default_rng(0).standard_normal((7, 5)))
    assert variance(rows) == pytest.approx(np.trace(np.cov(rows.numpy().T)), rel=1e-13)


def test_each_mini_batch_is_measured_as_a_plain_loop_would(losses: ModuleLosses) -> None:
    data = dataset(runs(losses), SETTINGS.checkpoints, SETTINGS.draws, SETTINGS.eigensolver)
    assert data.sizes["draw"] == 4, "there are no more mini-batches"
    module = losses.flat.module
    shapes = [p.shape for p in module.parameters()]
    names = [name for name, _ in module.named_parameters()]
    x = torch.linspace(-1, 1, 24, dtype=torch.float64)[:, None]
    theta = 0.5 * losses.flat.theta

    def loss(flat: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        parts = flat.split([shape.numel() for shape in shapes])
        values = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return (functional_call(module, values, (own,)) - own**3).square().mean()

    batches = [x[k::4] for k in range(4)]
    final = data.sel(trained_on="fit", seed=0, checkpoint="final")
    expected = sorted(float(loss(theta, own)) for own in batches)
    np.testing.assert_allclose(np.sort(final["loss"].values), expected, rtol=1e-12)
    gradients = torch.stack([torch.func.grad(loss)(theta, own) for own in batches])
    whole = torch.func.grad(loss)(theta, x)
    np.testing.assert_allclose(np.sort(final["gradient_norm"].values), np.sort(gradients.norm(dim=1).numpy()), rtol=1e-10)
    assert float(final["noise_scale"]) == pytest.approx(variance(gradients) / float(whole.norm()) ** 2, rel=1e-10)
    largest = [float(torch.linalg.eigvalsh(torch.func.hessian(loss)(theta, own))[-1]) for own in [*batches, x]]
    np.testing.assert_allclose(np.sort(final["lambda_max"].values), np.sort(largest[:-1]), rtol=1e-3)
    assert float(final["whole_lambda_max"]) == pytest.approx(largest[-1], rel=1e-3)
    assert (np.abs(final["cosine"]) <= 1 + 1e-12).all()


def test_metrics_are_relative_spreads(losses: ModuleLosses) -> None:
    data = dataset(runs(losses), ("final",), 4, SETTINGS.eigensolver)
    found = {row[3]: row[4] for row in catalog.module("noise").metrics(data)}
    values = data["loss"].values.ravel()
    assert found["noise_loss"] == pytest.approx(values.std(ddof=1) / values.mean(), rel=1e-12)
    assert found["noise_scale"] == float(data["noise_scale"].squeeze())
    assert set(found) == set(catalog.module("noise").METRICS)


def test_random_points_are_drawn_anew_and_their_noise_falls_with_their_number() -> None:
    problem = load("poisson1d")

    def at(points: int):
        discretized = Discretization(problem, Mlp(1, 1, 4, 1), Rule("monte-carlo", points))
        theta = torch.tensor(discretized.network.initial("glorot", 0))
        return at_point(discretized.objective("strong-form"), theta, 40, SETTINGS.eigensolver, 0)

    few, many = at(50), at(800)
    assert len(set(few["loss"].tolist()) | {few["whole_loss"]}) == 41, "no draw repeats another or the analysed loss"
    # The variance of a mean over n independent points is proportional to 1/n.
    assert few["variance"] / many["variance"] == pytest.approx(16.0, rel=0.6)
    assert few["loss"].std() / many["loss"].std() == pytest.approx(4.0, rel=0.4)
