"""Samples from a density by the Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996), preconditioned, several chains side by side.

The unadjusted algorithm (stochastic-gradient Langevin dynamics without its noise of batches) samples from a density that depends on its step; here
each step is accepted or rejected so that the density is exactly the wanted one, whatever the step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LossAndGradient = Callable[[Tensor], tuple[Tensor, Tensor]]
_ACCEPTANCE = 0.574  # the best one in many dimensions (Roberts & Rosenthal 1998)
_FIRST_STEP = 0.1
_TRUNCATION = 1.5  # of the drift, in units of its typical size
_ROUNDS = 4  # of the burn-in, each with a preconditioner from those before it


@dataclass(frozen=True)
class Localised:
    """The density ∝ exp(-U) with U = nβ L(theta) + γ/2 ‖theta - centre‖².

    Attributes:
        function: L and its gradient for parameters (c, P).
        centre: (P,).
        inverse_temperature: nβ.
        localization: γ.
    """

    function: LossAndGradient
    centre: Tensor
    inverse_temperature: float
    localization: float

    def at(self, theta: Tensor) -> "_Points":
        """The chains at parameters (c, P); U is infinite where the loss does not exist, so that no chain goes there."""
        loss, gradient = self.function(theta)
        offset = theta - self.centre
        potential = self.inverse_temperature * loss + 0.5 * self.localization * offset.square().sum(-1)
        slope = self.inverse_temperature * gradient + self.localization * offset
        exists = potential.isfinite() & slope.isfinite().all(-1)
        return _Points(theta, loss, torch.where(exists, potential, torch.inf), torch.where(exists[:, None], slope, 0.0))


@dataclass(frozen=True)
class _Points:
    """Where chains are: theta (c, P), L (c,), U (c,) and its gradient (c, P)."""

    theta: Tensor
    loss: Tensor
    potential: Tensor
    slope: Tensor

    def replaced(self, other: "_Points", where: Tensor) -> "_Points":
        """Those of ``other`` where the mask (c,) says so."""
        rows = where[:, None]
        return _Points(
            torch.where(rows, other.theta, self.theta),
            torch.where(where, other.loss, self.loss),
            torch.where(where, other.potential, self.potential),
            torch.where(rows, other.slope, self.slope),
        )


@dataclass(frozen=True)
class Preconditioner:
    """The matrix M = V diag(1/c) V' + (I - V V')/c₀ by which steps are scaled: about the covariance of the density.

    Attributes:
        vectors: orthonormal rows V' (k, P).
        curvatures: c (k,), of U, positive.
        rest: c₀, the curvature along all other directions.
    """

    vectors: Tensor
    curvatures: Tensor
    rest: float

    def power(self, exponent: float, rows: Tensor) -> Tensor:
        """M to a power, applied to rows (c, P)."""
        outer = self.rest**-exponent
        return outer * rows + ((rows @ self.vectors.T) * (self.curvatures**-exponent - outer)) @ self.vectors

    def refined(self, slopes: list[Tensor]) -> "Preconditioner":
        """From gradients nβ ∇L along the chains, each (c, P): about the inverse of the mean Hessian of U (Titsias 2023).

        A direction of curvature nβ λ = a has E[(nβ ∇L)²] = v = a²/(a + γ) where L is quadratic, hence a = (v + √(v² + 4 v γ))/2. The gradient of the
        localisation is left out: a few samples of it would stiffen the directions in which the chains happen to be.
        """
        rows = torch.cat(slopes)
        _, singular, vectors = torch.linalg.svd(rows / len(rows) ** 0.5, full_matrices=False)
        v = singular.square()
        return Preconditioner(vectors, self.rest + 0.5 * (v + (v.square() + 4.0 * v * self.rest).sqrt()), self.rest)


@dataclass(frozen=True)
class Chains:
    """What chains visited after burn-in.

    Attributes:
        losses: (c, n), one a step, repeated where a step is rejected.
        distances: from the centre (c, n).
        acceptance: share (c,) of the steps that were accepted.
        step: h.
    """

    losses: Tensor
    distances: Tensor
    acceptance: Tensor
    step: float


def sample(
    density: Localised, preconditioner: Preconditioner, chains: int, burn_in: int, steps: int, seed: int | list[int]
) -> Chains:
    """Chains that start at the centre, with proposals theta - (h/2) M ∇U + √h M^(1/2) ξ.

    Args:
        density: exp(-U).
        preconditioner: M of the first quarter of the burn-in; then it comes from the gradients met so far.
        chains: number of chains c.
        burn_in: first steps, not kept; in them M, and h for an acceptance of 0.574, are adapted.
        steps: n, kept; M and h are fixed, as the algorithm is exact only then.
        seed: of all random numbers.

    Returns:
        The chains; all NaN where the loss does not exist at the centre.
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
            # Robbins & Monro: gains that fall off, so that the step settles.
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
    """The next points, and the probabilities (c,) with which the proposals are accepted."""
    noise = torch.randn(now.theta.shape, generator=generator, dtype=now.theta.dtype).to(now.theta)
    uniform = torch.rand(len(noise), generator=generator, dtype=noise.dtype).to(noise)
    new = density.at(now.theta - 0.5 * h * _drift(matrix, now.slope) + h**0.5 * matrix.power(0.5, noise))
    # log q(new | now) = -‖ξ‖²/2, with ξ the noise that leads there; for the way back, the noise that would lead from the proposal to here.
    back = matrix.power(-0.5, now.theta - new.theta + 0.5 * h * _drift(matrix, new.slope)) / h**0.5
    ratio = now.potential - new.potential + 0.5 * (noise.square().sum(-1) - back.square().sum(-1))
    return now.replaced(new, uniform.log() < ratio), ratio.exp().clamp(max=1.0)


def _drift(matrix: Preconditioner, slope: Tensor) -> Tensor:
    """M ∇U (c, P), truncated (Roberts & Tweedie 1996, sec. 1.4.3): where U grows faster than a square, a chain in its tail would not return."""
    size = matrix.power(0.5, slope).norm(dim=-1, keepdim=True)  # about √P for a normal density
    return matrix.power(1.0, slope) * (_TRUNCATION * slope.shape[-1] ** 0.5 / size).clamp(max=1.0)
