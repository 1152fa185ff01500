"""Local learning coefficient: how fast the volume of low loss shrinks around a point (Lau et al. 2023, arXiv:2308.12108).

The volume of {L - L(theta*) < ε} near theta* scales as ε^λ. λ is P/2 where the Hessian is regular and smaller where the minimum
is singular; for PINNs see Barajas-Solano (2026, arXiv:2602.11097). The estimate is λ = nβ (E[L] - L(theta*)), where E is the
expectation over the density ∝ exp(-nβ L(theta) - γ/2 ‖theta - theta*‖²).

A loss that is an integral has no number n of data points, so that nβ is a single setting, the inverse temperature. It is given
per unit of the loss gap of the zero network, for which u = lift. For a linear problem, 1/nβ is then a squared relative error in
the norm of the formulation, and equal inverse temperatures of two formulations correspond to the same accuracy. λ/nβ is the
mean excess of the loss over L(theta*) along the chains.
"""

import logging
import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.curvature.langevin import Chains, Localised, Preconditioner, sample
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

log = logging.getLogger(__name__)
_STREAM = 12  # second entry of the seeds: no other technique draws the same numbers
_BATCHES = 10  # number of batches of each chain, for the standard error
_NUMBERS = {
    "learning_coefficient": "local learning coefficient",
    "standard_error": "standard error of the local learning coefficient by batch means",
    "quadratic": "local learning coefficient of the quadratic expansion at the point, NaN unless all eigenvalues are known",
    "quadratic_at_least": "lower bound on the coefficient of the quadratic expansion, from the known eigenvalues",
    "drift": "local learning coefficient from the second half of the chains minus that from the first half",
    "r_hat": "split R-hat of the chains, 1 if they agree",
    "lowest": "smallest loss along the chains minus the loss at the point, times the inverse temperature",
    "distance": "root mean square distance of the chains from the point",
    "step": "step size of the chains, in units of the preconditioner",
    "left": "1 if the mean loss of a chain is below the loss at the point, which makes the estimate meaningless, else 0",
}
_TEMPERATURE = (*RUN, "inverse_temperature")
FILE = File(
    "learning_coefficient.nc",
    {
        **{name: Variable(_TEMPERATURE, text) for name, text in _NUMBERS.items()},
        "chain_estimate": Variable((*_TEMPERATURE, "chain"), "local learning coefficient of one chain"),
        "acceptance": Variable((*_TEMPERATURE, "chain"), "share of accepted steps"),
        "trace": Variable(
            (*_TEMPERATURE, "chain", "sample"), "loss minus the loss at the point, times the inverse temperature"
        ),
        "scale": Variable(RUN, "loss gap of the zero network, the unit of temperature"),
        "relative_gap": Variable(RUN, "loss gap at the point relative to that of the zero network"),
    },
    {
        **OF_RUNS,
        "inverse_temperature": Variable(
            "inverse_temperature", "inverse temperature per unit of the loss gap of the zero network"
        ),
        "chain": Variable("chain", "index of the chain"),
        "sample": Variable("sample", "step of the chain after burn-in"),
    },
    "The attribute `localization` is γ; the attribute `parameters` is P.",
)


class Settings(Protocol):
    """Settings of the temperatures and chains; see ``techniques.learning_coefficient``."""

    inverse_temperatures: tuple[float, ...]
    localization: float
    chains: int
    burn_in: int
    steps: int
    thinning: int
    eigensolver: EigensolverSettings
    eigenpairs: int


@dataclass(frozen=True)
class Estimate:
    """The local learning coefficient at one temperature, with diagnostics of the chains.

    Attributes:
        learning_coefficient, standard_error: λ and its standard error.
        drift: λ from the second half of the chains minus λ from the first half; if it exceeds a few standard errors, the
            burn-in was too short.
        r_hat: R-hat of Gelman & Rubin (1992) with each chain split into halves; above about 1.1 the chains have not mixed.
        lowest: nβ (min L - L(theta*)); if it is well below zero, theta* is not a minimum at this temperature.
        distance: root mean square distance of the chains from theta*.
        step: step size of the chains.
        left: 1.0 if the mean loss of a chain is below L(theta*), else 0.0.
        chains: λ of each chain (c,).
        acceptance: acceptance rate of each chain (c,).
        trace: nβ (L - L(theta*)) along the chains (c, n).
    """

    learning_coefficient: float
    standard_error: float
    drift: float
    r_hat: float
    lowest: float
    distance: float
    step: float
    left: float
    chains: np.ndarray
    acceptance: np.ndarray
    trace: np.ndarray


def estimate(visited: Chains, loss: float, inverse_temperature: float) -> Estimate:
    """λ and its diagnostics.

    Args:
        visited: chains sampled from the density.
        loss: L(theta*).
        inverse_temperature: nβ.
    """
    trace = inverse_temperature * (visited.losses.numpy() - loss)
    chains, half = trace.mean(1), trace.shape[1] // 2
    return Estimate(
        learning_coefficient=float(chains.mean()),
        standard_error=batch_error(trace),
        drift=float(trace[:, -half:].mean() - trace[:, :half].mean()),
        r_hat=split_r_hat(trace),
        lowest=float(trace.min()),
        distance=float(np.sqrt(np.mean(visited.distances.numpy() ** 2))),
        step=visited.step,
        left=float((chains < 0).any()) if np.isfinite(chains).all() else math.nan,
        chains=chains,
        acceptance=visited.acceptance.numpy(),
        trace=trace,
    )


def batch_error(trace: np.ndarray) -> float:
    """Standard error of the mean of chains (c, n) by non-overlapping batch means, pooled over all chains (Geyer 1992).

    The batch means are independent if the batches are longer than the correlation length. Disagreement between the chains
    increases the error as well.
    """
    length = trace.shape[1] // _BATCHES
    if not length:
        return math.nan
    means = trace[:, : length * _BATCHES].reshape(-1, length).mean(1)
    return float(means.std(ddof=1) / math.sqrt(len(means)))


def split_r_hat(trace: np.ndarray) -> float:
    """Potential scale reduction of the halves of chains (c, n) (Gelman & Rubin 1992; Gelman et al. 2013, sec. 11.4)."""
    half = trace.shape[1] // 2
    if half < 2:
        return math.nan
    parts = np.concatenate([trace[:, :half], trace[:, -half:]])
    within, between = parts.var(1, ddof=1).mean(), parts.mean(1).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / within)) if within > 0 else math.nan


def quadratic(eigenvalues: Tensor, inverse_temperature: float, localization: float) -> float:
    """λ of a quadratic loss: ½ Σ nβ λᵢ/(nβ λᵢ + γ), which tends to half the rank for γ → 0.

    Directions of negative curvature count as flat.
    """
    curvatures = inverse_temperature * eigenvalues.clamp(min=0.0)
    return float((0.5 * curvatures / (curvatures + localization)).sum())


def leading(objective: Objective, theta: Tensor, count: int, solver: EigensolverSettings) -> tuple[Tensor, Tensor]:
    """Eigenvalues (k,) and eigenvectors (k, P) of the Hessian: all up to the dense limit, beyond it the ``count`` largest.

    The Lanczos process gives Ritz values, each of which is at most the eigenvalue of the same rank. This suffices to scale the
    steps of the chains.
    """
    found = eigenpairs(objective, theta, min(count, objective.size // 2), solver, smallest=False)
    return found.values, found.vectors


def local_learning_coefficient(
    objective: Objective,
    theta: Tensor,
    pairs: tuple[Tensor, Tensor],
    inverse_temperature: float,
    settings: Settings,
    seed: int | list[int],
) -> Estimate:
    """λ at one temperature.

    Args:
        objective: the loss L.
        theta: theta* (P,).
        pairs: leading eigenvalues and eigenvectors of the Hessian at theta*, for the initial preconditioner.
        inverse_temperature: nβ, per unit of L.
        settings: settings of the chains.
        seed: seed of the chains.
    """
    gamma = settings.localization
    density = Localised(objective.loss_and_gradient, theta, inverse_temperature, gamma)
    preconditioner = Preconditioner(pairs[1], inverse_temperature * pairs[0].clamp(min=0.0) + gamma, gamma)
    visited = sample(density, preconditioner, settings.chains, settings.burn_in, settings.steps, seed)
    return estimate(visited, float(objective.loss_and_gradient(theta)[0]), inverse_temperature)


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """The dataset of learning_coefficient.nc: the loss that each run minimised, at the final point of the run.

    Args:
        runs: all runs of one problem.
        settings: settings of the temperatures and chains.
    """
    collected = runs.collect(lambda run: _measure(runs, run, settings))
    return FILE.described(collected.assign_attrs(localization=settings.localization, parameters=runs.family.size))


def _measure(runs: Runs, run: Run, settings: Settings) -> xr.Dataset:
    objective, theta = runs.objective(run.trained_on), runs.tensor(run.theta("final"))
    scale = float(objective.loss(torch.zeros_like(theta))) - objective.minimum
    loss, temperatures = float(objective.loss(theta)), settings.inverse_temperatures
    # Where the loss does not exist, the chains do not start and no Hessian is needed.
    exists = math.isfinite(loss) and scale > 0
    pairs = leading(objective, theta, settings.eigenpairs, settings.eigensolver) if exists else (theta[:0], theta[None][:0])
    found, expected = [], []
    for i, relative in enumerate(temperatures):
        inverse = relative / scale if scale > 0 else math.nan
        seed = [run.seed, _STREAM, i]
        found.append(local_learning_coefficient(objective, theta, pairs, inverse, settings, seed))
        expected.append(quadratic(pairs[0], inverse, settings.localization) if exists else math.nan)
        value, error = found[-1].learning_coefficient, found[-1].standard_error
        log.info("%s, seed %d, nβ %g: λ = %.3f ± %.3f", run.trained_on, run.seed, relative, value, error)
    gap = (loss - objective.minimum) / scale if scale > 0 else math.nan
    return _file(found, expected, len(pairs[0]) == theta.numel(), settings, scale, gap)


def _file(
    found: list[Estimate], expected: list[float], complete: bool, settings: Settings, scale: float, gap: float
) -> xr.Dataset:
    numbers: dict[str, Any] = {field.name: [getattr(each, field.name) for each in found] for field in fields(Estimate)}
    numbers["quadratic_at_least"], numbers["quadratic"] = expected, expected if complete else [math.nan] * len(expected)
    shape, kept = (len(found), settings.chains), np.arange(0, settings.steps, settings.thinning)
    values = {name: np.array(numbers[name], float) for name in _NUMBERS} | {
        "chain_estimate": np.reshape(numbers["chains"], shape),
        "acceptance": np.reshape(numbers["acceptance"], shape),
        "trace": np.reshape(numbers["trace"], (*shape, settings.steps))[..., kept],
        "scale": scale,
        "relative_gap": gap,
        "inverse_temperature": np.array(settings.inverse_temperatures, float),
        "sample": kept,
    }
    return FILE.dataset(values, outside=RUN)
