"""Energy natural gradient descent (Müller & Zeinhofer 2023, ICML, "Achieving high accuracy with PINNs via energy natural gradients").

The direction is that of Newton's method in function space, projected on the tangent space of the network: -G⁺∇L with the energy Gram matrix
G; for a sum of squares it is the Gauss-Newton direction, G = 2JᵀJ. The step is the best one of a logarithmic grid, as in the paper.

Three methods give the direction, of which the first that is small enough is taken:

- ``dense``: all eigenpairs of G, for a sum of squares the singular values of J;
- ``kernel``: those of G by the kernel of the local quantities, which is small where points are few (see ``small_side``);
- ``krylov``: those of G in the Krylov space of the gradient, span{g, Gg, G²g, ...}, by a Lanczos process. It is the direction of conjugate
  gradients, to which it adds the treatment of negative eigenvalues; how much of G·direction is outside that space says how near it is to -G⁺∇L.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.linalg.lanczos import Lanczos
from pinnscape.losses import gauss_newton
from pinnscape.losses.objective import Objective
from pinnscape.losses.small_side import method, small_side
from pinnscape.training.optimizers import State


@dataclass(frozen=True)
class Spectrum:
    """G as far as a step needs it.

    Attributes:
        values: magnitudes (r,) of eigenvalues, or of Ritz values of a Krylov space.
        coefficients: of G⁺∇L in the eigenvectors (r,), or Ritz vectors.
        combined: maps coefficients (r,) to the combination of these vectors (P,).
        leaving: how much of G times each vector is outside of their span (r,), relative to the gradient; zero unless the span is a Krylov space.
    """

    values: Tensor
    coefficients: Tensor
    combined: Callable[[Tensor], Tensor]
    leaving: Tensor

    def kept(self, cutoff: float) -> Tensor:
        """The coefficients (r,) whose eigenvalues are above the cutoff, relative to the largest."""
        return torch.where(self.values > cutoff * self.values.max(), self.coefficients, 0.0)


CUTOFF = 1e-15  # about the rounding errors of the eigenvalues of G
_RAISE, _LARGEST_CUTOFF = 1e3, 1e-2  # factor by which the cutoff is raised, and its bound
_SHORT = 2.0**-6  # a step below this length is minute


class NaturalGradient:
    """Natural gradient descent on the loss of an objective.

    Where G is indefinite (an energy that is not convex), the magnitudes of its eigenvalues are taken (as in the saddle-free Newton
    method, Dauphin et al. 2014), so that the direction descends. Far from a minimiser the directions of small eigenvalues often lead
    astray, and only minute steps along them lower the loss: the cutoff is then raised until a longer one does. This is not in the paper.

    Args:
        objective: the loss.
        cutoff: eigenvalues of G below this, relative to the largest, count as zero, unless only minute steps help.
        steps: number of step lengths 1, ½, ¼, ... that are tried, of which the one with the smallest loss is taken.
        dense_limit: largest side of a matrix that is formed; it decides between the methods.
        products: with G for a step, at most, where no matrix is formed.

    Attributes:
        method: ``dense``, ``kernel`` or ``krylov``.
        residual: of the last direction, the norm of the part of G·direction that is outside the Krylov space, relative to the gradient's: zero
            unless the method is ``krylov``. Where no eigenvalue is cut off and G is positive, it is that of G·direction + gradient.
    """

    def __init__(
        self, objective: Objective, cutoff: float = CUTOFF, steps: int = 31, dense_limit: int = 2500, products: int = 150
    ) -> None:
        self._objective, self._cutoff, self._steps, self._products = objective, cutoff, steps, products
        self.method = method(objective, dense_limit)
        self.residual = math.nan

    def step(self, state: State) -> State | None:
        """The next state, its rate the step length; None where no trial lowers the loss, or G does not exist."""
        spectrum = self._spectrum(state)
        if spectrum is None:
            return None
        cutoff, best = self._cutoff, None
        while cutoff < _LARGEST_CUTOFF:
            coefficients = spectrum.kept(cutoff)
            successor = self._search(state, -spectrum.combined(coefficients))
            if successor is not None and (best is None or successor.loss < best.loss):
                best, self.residual = successor, abs(float(coefficients @ spectrum.leaving))
            if best is not None and best.rate >= _SHORT:
                break
            cutoff *= _RAISE
        return best

    def direction(self, state: State) -> Tensor | None:
        """-G⁺∇L (P,); None where G does not exist."""
        spectrum = self._spectrum(state)
        return None if spectrum is None else -spectrum.combined(spectrum.kept(self._cutoff))

    def _search(self, state: State, direction: Tensor) -> State | None:
        lengths = 0.5 ** torch.arange(self._steps, dtype=direction.dtype, device=direction.device)
        losses = self._objective.loss(state.theta + lengths.unsqueeze(-1) * direction)
        best = int(torch.where(losses.isfinite(), losses, math.inf).argmin())  # a trial may lie where there is no loss
        if not float(losses[best]) < state.loss:
            return None
        theta = state.theta + lengths[best] * direction
        loss, gradient = self._objective.loss_and_gradient(theta)
        return State(theta, float(loss), gradient, float(lengths[best]))

    def _spectrum(self, state: State) -> Spectrum | None:
        if self.method == "krylov":
            return self._of_krylov_space(state)
        if self.method == "kernel":
            return self._of_kernel(state.theta)
        if not self._objective.formulation.is_energy:
            return self._of_jacobian(state.theta)
        gram = gauss_newton.energy_gram(self._objective.discretization, state.theta)
        if not bool(gram.isfinite().all()):
            return None
        values, vectors = torch.linalg.eigh(gram)
        return _invariant(values.abs(), (state.gradient @ vectors) / values.abs(), lambda c: vectors @ c)

    def _of_jacobian(self, theta: Tensor) -> Spectrum | None:
        """Least squares with J itself: squaring it would halve the digits."""
        jacobian, residual = gauss_newton.least_squares(self._objective, theta)
        if not bool(jacobian.isfinite().all()):
            return None
        left, values, right = torch.linalg.svd(jacobian, full_matrices=False)
        return _invariant(values**2, (residual @ left) / values, lambda c: c @ right)

    def _of_kernel(self, theta: Tensor) -> Spectrum | None:
        found = small_side(self._objective, theta)
        if found is None:
            return None
        values = found.values.abs()
        return _invariant(values, found.gradient / values, lambda c: found.combined(c[None])[0])

    def _of_krylov_space(self, state: State) -> Spectrum | None:
        norm = state.gradient.norm()
        if not bool(norm > 0) or not bool(norm.isfinite()):
            return None
        generator = torch.Generator().manual_seed(0)  # a breakdown, after which it would be needed, ends the process
        process = Lanczos(
            lambda rows: self._objective.gauss_newton_product(state.theta, rows),
            state.gradient[None],
            generator,
            self._products,
        )
        while len(process.alphas) < process.capacity:
            process.step()
            if not bool(torch.isfinite(process.alphas[-1] + process.betas[-1]).all()):
                return None
            if float(process.betas[-1]) == 0.0:
                break
        (values,), (vectors,) = process.ritz()
        magnitudes, basis = values.abs(), process.basis[0]
        leaving = float(process.betas[-1]) / norm * vectors[-1]
        return Spectrum(magnitudes, norm * vectors[0] / magnitudes, lambda c: (vectors @ c) @ basis, leaving)


def _invariant(values: Tensor, coefficients: Tensor, combined: Callable[[Tensor], Tensor]) -> Spectrum:
    """Of a space that G maps into itself."""
    return Spectrum(values, coefficients, combined, torch.zeros_like(values))
