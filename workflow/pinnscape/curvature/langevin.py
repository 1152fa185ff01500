"""Sampling by the preconditioned Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996) with several parallel chains.

The unadjusted algorithm (stochastic-gradient Langevin dynamics without minibatch noise) samples from a density that depends on
its step size. Here each step is accepted or rejected such that the target density is sampled exactly, whatever the step size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LossAndGradient = Callable[[Tensor], tuple[Tensor, Tensor]]
_ACCEPTANCE = 0.574  # optimal acceptance rate in high dimensions (Roberts & Rosenthal 1998)
_FIRST_STEP = 0.1
_TRUNCATION = 1.5  # norm at which the drift is truncated, in units of its typical norm
_ROUNDS = 4  # rounds of the burn-in, each with a preconditioner estimated in the rounds before it


@dataclass(frozen=True)
class Localised:
    """The density ∝ exp(-U) with U = nβ L(theta) + γ/2 ‖theta - centre‖².

    Attributes:
        function: function that returns L and its gradient at parameters (c, P).
        centre: (P,).
        inverse_temperature: nβ.
        localization: γ.
    """

    function: LossAndGradient
    centre: Tensor
    inverse_temperature: float
    localization: float

    def at(self, theta: Tensor) -> "_Points":
        """State of chains at parameters (c, P); U is infinite where the loss does not exist, so that no chain moves there."""
        loss, gradient = self.function(theta)
        offset = theta - self.centre
        potential = self.inverse_temperature * loss + 0.5 * self.localization * offset.square().sum(-1)
        slope = self.inverse_temperature * gradient + self.localization * offset
        exists = potential.isfinite() & slope.isfinite().all(-1)
        return _Points(theta, loss, torch.where(exists, potential, torch.inf), torch.where(exists[:, None], slope, 0.0))


@dataclass(frozen=True)
class _Points:
    """State of the chains: theta (c, P), L (c,), U (c,) and the gradient of U (c, P)."""

    theta: Tensor
    loss: Tensor
    potential: Tensor
    slope: Tensor

    def replaced(self, other: "_Points", where: Tensor) -> "_Points":
        """This state with the chains of ``other`` where the mask ``where`` (c,) is true."""
        rows = where[:, None]
        return _Points(
            torch.where(rows, other.theta, self.theta),
            torch.where(where, other.loss, self.loss),
            torch.where(where, other.potential, self.potential),
            torch.where(rows, other.slope, self.slope),
        )


@dataclass(frozen=True)
class Preconditioner:
    """The matrix M = V diag(1/c) V' + (I - V V')/c₀ that scales the steps: an approximation of the covariance of the density.

    Attributes:
        vectors: orthonormal rows V' (k, P).
        curvatures: positive curvatures c (k,) of U along these rows.
        rest: c₀, the curvature along all other directions.
    """

    vectors: Tensor
    curvatures: Tensor
    rest: float

    def power(self, exponent: float, rows: Tensor) -> Tensor:
        """M to the power ``exponent``, applied to rows (c, P)."""
        outer = self.rest**-exponent
        return outer * rows + ((rows @ self.vectors.T) * (self.curvatures**-exponent - outer)) @ self.vectors

    def refined(self, slopes: list[Tensor]) -> "Preconditioner":
        """Approximate inverse of the mean Hessian of U, from gradients nβ ∇L (c, P) along the chains (Titsias 2023).

        If L is quadratic, a direction of curvature nβ λ = a has E[(nβ ∇L)²] = v = a²/(a + γ), hence a = (v + √(v² + 4 v γ))/2.
        The gradient of the localisation term is left out: with few samples, it would overestimate the curvature along the
        directions in which the chains happen to be displaced.
        """
        rows = torch.cat(slopes)
        _, singular, vectors = torch.linalg.svd(rows / len(rows) ** 0.5, full_matrices=False)
        v = singular.square()
        return Preconditioner(vectors, self.rest + 0.5 * (v + (v.square() + 4.0 * v * self.rest).sqrt()), self.rest)


@dataclass(frozen=True)
class Chains:
    """Record of the chains after burn-in.

    Attributes:
        losses: losses (c, n) after each step; a rejected step repeats the loss before it.
        distances: distances (c, n) from the centre.
        acceptance: share (c,) of accepted steps.
        step: step size h.
    """

    losses: Tensor
    distances: Tensor
    acceptance: Tensor
    step: float


def sample(
    density: Localised, preconditioner: Preconditioner, chains: int, burn_in: int, steps: int, seed: int | list[int]
) -> Chains:
    """Run chains that start at the centre, with proposals theta - (h/2) M ∇U + √h M^(1/2) ξ.

    Args:
        density: target density ∝ exp(-U).
        preconditioner: M in the first quarter of the burn-in; afterwards M is estimated from the gradients so far.
        chains: number of chains c.
        burn_in: number of initial steps that are discarded; they adapt M, and h towards an acceptance rate of 0.574.
        steps: number n of steps that are recorded; M and h are fixed, because the algorithm is exact only then.
        seed: seed of all random numbers.

    Returns:
        The record of the chains; all values are NaN if the loss does not exist at the centre.
    """
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    now = density.at(density.centre.expand(chains, -1).clone())
    losses = torch.full((2, steps, chains), torch.nan, dtype=now.theta.dtype)
    if not bool(now.potential.isfinite().all()):
        return Chains(losses[0].T, losses[1].T, torch.full((chains,), torch.nan, dtype=now.theta.dtype), float("nan"))
    h, slopes = _FIRST_STEP, []
    for length in [len(part) for part in np.array_split(np.arange(burn_in), _ROUNDS)]:
        preconditioner = preconditioner.refined(slopes) if slopes else preconditioner
        for t in range(length):
            now, probability = _step(density, preconditioner, now, h, generator)
            slopes.append(now.slope - density.localization * (now.theta - density.centre))
            # Robbins & Monro: the gains decrease, so that the step size converges.
            h *= float(np.exp((float(probability.mean()) - _ACCEPTANCE) * max(0.05, min(1.0, 5.0 / (t + 1)))))
    accepted = torch.zeros(chains, dtype=torch.float64)
    for t in range(steps):
        before = now
        now, _ = _step(density, preconditioner, now, h, generator)
        accepted += (now.theta != before.theta).any(-1).cpu()
        losses[0, t], losses[1, t] = now.loss.cpu(), (now.theta - density.centre).norm(dim=-1).cpu()
    return Chains(losses[0].T, losses[1].T, accepted / steps, h)


def _step(
    density: Localised, matrix: Preconditioner, now: _Points, h: float, generator: torch.Generator
) -> tuple[_Points, Tensor]:
    """The next state of the chains, and the acceptance probabilities (c,) of the proposals."""
    noise = torch.randn(now.theta.shape, generator=generator, dtype=now.theta.dtype).to(now.theta)
    uniform = torch.rand(len(noise), generator=generator, dtype=noise.dtype).to(noise)
    new = density.at(now.theta - 0.5 * h * _drift(matrix, now.slope) + h**0.5 * matrix.power(0.5, noise))
    # log q(new | now) = -‖ξ‖²/2 with the noise ξ of the proposal; log q(now | new) follows likewise from the noise that would
    # lead from the proposal back to the current point.
    back = matrix.power(-0.5, now.theta - new.theta + 0.5 * h * _drift(matrix, new.slope)) / h**0.5
    ratio = now.potential - new.potential + 0.5 * (noise.square().sum(-1) - back.square().sum(-1))
    return now.replaced(new, uniform.log() < ratio), ratio.exp().clamp(max=1.0)


def _drift(matrix: Preconditioner, slope: Tensor) -> Tensor:
    """Truncated drift M ∇U (c, P) (Roberts & Tweedie 1996, sec. 1.4.3).

    Where U grows faster than quadratically, a chain in the tail would not return without the truncation.
    """
    size = matrix.power(0.5, slope).norm(dim=-1, keepdim=True)  # about √P for a normal density
    return matrix.power(1.0, slope) * (_TRUNCATION * slope.shape[-1] ** 0.5 / size).clamp(max=1.0)
