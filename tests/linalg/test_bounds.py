"""No eigenvalue is skipped, over many starts: what is called verified is right, and bounds hold where it is not."""

import numpy as np
import pytest
import torch
from cases import rows_of, with_spectrum

from pinnscape.linalg.bounds import Compression, beyond
from pinnscape.linalg.krylov import Krylov
from pinnscape.linalg.lanczos import Lanczos, extremes

RANDOM = np.random.default_rng(3)
SIZE = 120
STARTS = range(30)


def tail(count: int) -> np.ndarray:
    """Numerically null: noise of either sign and any size between 1e-17 and 1e-12."""
    return RANDOM.choice([-1.0, 1.0], count) * 10.0 ** RANDOM.uniform(-17.0, -12.0, count)


def beside(*values: float, low: float = 1e-7) -> np.ndarray:
    """These values and a steady fall."""
    return np.concatenate([values, np.geomspace(1.0, low, SIZE - len(values))])


SPECTRA = {
    "null tail": np.concatenate([np.geomspace(1.0, 1e-8, 36), tail(84)]),
    "null tail and negative": np.concatenate([np.geomspace(1.0, 1e-8, 28), -np.geomspace(1e-3, 1e-6, 8), tail(84)]),
    "null tail and negative cluster": np.concatenate(
        [np.geomspace(1.0, 1e-8, 28), -1e-4 * (1 + 1e-5 * np.arange(8)), tail(84)]
    ),
    "gaps at the low end": beside(-0.5, -0.499, -0.3, -0.2999, -0.01, -0.0099),
    "pairs at the low end": beside(*np.repeat(-np.geomspace(1e-2, 1e-4, 5), 2)),
    "pairs everywhere": np.repeat(np.geomspace(1.0, 1e-6, SIZE // 2), 2),
    "triples at both ends": np.concatenate([np.repeat([1.0, 0.8, -0.5, -0.6], 3), RANDOM.uniform(-0.1, 0.1, SIZE - 12)]),
    "cluster at the top": np.concatenate([1.0 + 1e-7 * np.arange(6), RANDOM.uniform(-0.5, 0.5, SIZE - 6)]),
    "one small negative": beside(-3e-8),
    "slow": np.linspace(-1.0, 1.0, SIZE),
}


def found(name: str, seed: int, count: int = 5, steps: int = 85, tolerance: float = 1e-9, smallest: bool = True):
    """Of the diagonal matrix: a random start makes it as good as any other."""
    diagonal = torch.from_numpy(np.sort(SPECTRA[name]))
    return extremes(lambda v: v * diagonal, diagonal, count, steps, tolerance, seed, smallest)


def exact(name: str, index: torch.Tensor) -> np.ndarray:
    return np.sort(SPECTRA[name])[::-1][index.numpy()]


@pytest.mark.parametrize("name", SPECTRA)
def test_what_is_verified_is_right_and_bounds_hold_for_every_start(name):
    verified = 0
    for seed in STARTS:
        ends = found(name, seed)
        values, sure = exact(name, ends.index), ends.verified.numpy()
        assert np.abs(ends.values.numpy() - values)[sure].max(initial=0.0) <= 1.01e-9
        assert (ends.low.numpy() <= values).all()
        assert (values <= ends.high.numpy()).all()
        assert ends.converged == sure.all()
        verified += int(sure.sum())
    if name not in ("slow", "one small negative", "cluster at the top"):
        assert verified >= 4 * len(STARTS)  # it is not that nothing is said


@pytest.mark.parametrize("name", ["null tail", "pairs at the low end", "triples at both ends"])
def test_enough_steps_verify_all(name):
    for seed in range(3):
        assert found(name, seed, steps=120).converged


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("level", [-1e-3, -1e-10, 1e-10, 1e-3])
def test_counts_are_bounded_on_both_sides(name, level):
    for seed in range(4):
        seen = found(name, seed).seen
        for count, true in ((seen.above, (SPECTRA[name] > level).sum()), (seen.below, (SPECTRA[name] < level).sum())):
            low, high = count(level)
            assert low <= true <= high


def test_counts_are_settled_where_the_spectrum_has_a_gap_there():
    seen = found("null tail and negative", 0).seen
    assert seen.above(1e-3) == (np.sum(SPECTRA["null tail and negative"] > 1e-3),) * 2
    assert seen.below(-1e-3 * 0.99) == (1, 1)


# ---- the parts ----


@pytest.mark.parametrize("steps", [1, 3, 8, 20, 40])
@pytest.mark.parametrize("failure", [0.3, 1e-2])
def test_a_bound_fails_as_rarely_as_it_says(steps, failure):
    # Much of what the bound allows for is used where one eigenvalue stands alone.
    values = np.concatenate([np.linspace(-1.0, 1.0, 99), [1.05]])
    diagonal, failures = torch.from_numpy(values), 0
    starts = torch.randn(400, 100, generator=torch.Generator().manual_seed(steps), dtype=torch.float64)
    process = Lanczos(lambda v: v * diagonal, starts, torch.Generator().manual_seed(0), steps)
    for _ in range(steps):
        process.step()
    alphas, betas = torch.stack(process.alphas).numpy(), torch.stack(process.betas).numpy()
    bounds = np.array([beyond(alphas[:, k], betas[:, k], 100, failure, 1.0) for k in range(400)])
    failures = int((bounds < 1.05).sum())
    # Three standard deviations above the mean of a binomial distribution.
    assert failures <= 400 * failure + 3 * np.sqrt(400 * failure)
    if steps == 8 and failure == 0.3:
        assert failures > 0  # it is not so wide that it cannot fail


def test_a_bound_is_far_sharper_than_the_one_that_knows_no_spectrum():
    values = np.geomspace(1.0, 1e-6, 200)
    process = Krylov(lambda v: v * torch.from_numpy(values), torch.zeros(200).double(), 30, 0, 1e-4)
    for _ in range(30):
        process.step()
    general = (np.log(1.648 * np.sqrt(200) / 1e-4) / (2 * 30 - 1)) ** 2  # Kuczynski & Wozniakowski 1992, relative to the spread
    assert process.compression()[0].all_high - 1.0 < 1e-6 * general


def test_a_krylov_space_of_several_starts_compresses_the_operator():
    matrix = with_spectrum(SPECTRA["gaps at the low end"])
    space = Krylov(rows_of(matrix), matrix[0], 40, 0, 1e-4)
    for m in range(40):
        if m in (12, 25):
            space.restart()
        if m == 32:
            space.resume(0)
        space.step()
    basis = space.basis
    torch.testing.assert_close(basis @ basis.T, torch.eye(40, dtype=torch.float64), rtol=0.0, atol=1e-13)
    seen, vectors, _ = space.compression()
    rows = torch.from_numpy(vectors.T) @ basis
    np.testing.assert_allclose((rows @ matrix @ rows.T).numpy(), np.diag(seen.ritz), atol=1e-12)
    residuals = (rows @ matrix - torch.from_numpy(seen.ritz)[:, None] * rows).norm(dim=1)
    np.testing.assert_allclose(seen.residuals, residuals.numpy(), rtol=1e-6, atol=1e-13)


def test_the_coupling_bounds_eigenvalues_as_the_schur_complement_does():
    # [[M, F], [F, C]] of 3 and 2 dimensions, with C between -1 and 1.
    matrix = np.diag([5.0, 3.0, 2.0, 1.0, -1.0])
    matrix[:3, 3:] = matrix[3:, :3].T[...] = np.array([[0.3, 0.1], [0.2, -0.4], [0.1, 0.5]])
    ritz, coupling = np.array([2.0, 3.0, 5.0]), matrix[:3, 3:][::-1].T
    seen = Compression(ritz, coupling, -1.0, 1.0, -np.inf, np.inf, 5)
    values = np.linalg.eigvalsh(matrix)[::-1]
    assert (ritz[::-1] <= values[:3]).all()
    assert (values[:3] <= seen.highest(3)).all()
    assert (seen.highest(3) <= values[:3] + 0.5).all()
    for x in np.linspace(1.01, 6.0, 50):
        low, high = seen.above(x)
        assert low <= (values > x).sum() <= high
    assert seen.above(0.5) == (3, 5)
