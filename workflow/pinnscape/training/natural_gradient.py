"""Energy natural gradient descent (Müller & Zeinhofer 2023, ICML, "Achieving high accuracy with PINNs via energy natural gradients").

The direction is that of Newton's method in function space, projected on the tangent space of the network: -G⁺∇L with the energy
Gram matrix G. For a sum of squares, G = 2JᵀJ and the direction is the Gauss-Newton direction. The step length is the best one
on a logarithmic grid, as in the paper.

The direction is computed by the first of three methods for which the matrix is small enough:

- ``dense``: all eigenpairs of G; for a sum of squares, the singular value decomposition of J;
- ``kernel``: the nonzero eigenpairs of G from the kernel matrix of the local quantities, which is small if there are few points
  (see ``small_side``);
- ``krylov``: the Ritz pairs of G in the Krylov space of the gradient, span{g, Gg, G²g, ...}, by a Lanczos process. The
  direction is that of the conjugate gradient method, extended by the treatment of negative eigenvalues. The part of G·direction
  outside the Krylov space measures its distance from -G⁺∇L.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.linalg.lanczos import Lanczos
from pinnscape.losses import gauss_newton
from pinnscape.losses.gauss_newton import Differentiated
from pinnscape.losses.small_side import method, small_side
from pinnscape.training.optimizers import State


@dataclass(frozen=True)
class Spectrum:
    """The spectral data of G that a step uses.

    Attributes:
        values: magnitudes (r,) of the eigenvalues, or of the Ritz values in a Krylov space.
        coefficients: coefficients (r,) of G⁺∇L with respect to the eigenvectors, or Ritz vectors.
        combined: maps coefficients (r,) to the linear combination (P,) of these vectors.
        leaving: component (r,) of G times each vector outside the span of all vectors, relative to the norm of the gradient;
            zero unless the span is a Krylov space.
    """

    values: Tensor
    coefficients: Tensor
    combined: Callable[[Tensor], Tensor]
    leaving: Tensor

    def kept(self, cutoff: float) -> Tensor:
        """The coefficients (r,), set to zero where the eigenvalue is at most ``cutoff`` times the largest."""
        return torch.where(self.values > cutoff * self.values.max(), self.coefficients, 0.0)


CUTOFF = 1e-15  # about the relative rounding errors of the eigenvalues of G
_RAISE, _LARGEST_CUTOFF = 1e3, 1e-2  # factor by which the cutoff is raised, and its upper bound
_SHORT = 2.0**-6  # step lengths below this value count as too short


class NaturalGradient:
    """Natural gradient descent on the loss of an objective.

    If G is indefinite (for a nonconvex energy), the magnitudes of its eigenvalues are used, as in the saddle-free Newton method
    (Dauphin et al. 2014), so that the direction is a descent direction. Far from a minimiser, the loss often increases along
    eigenvectors of small eigenvalues except for very short steps. The cutoff is then raised until a longer step lowers the
    loss. This is not part of the paper.

    Args:
        objective: the loss.
        cutoff: eigenvalues of G below this value, relative to the largest, are set to zero. The cutoff is raised if only very
            short steps lower the loss.
        steps: number of step lengths 1, ½, ¼, ... that are tested. The one with the smallest loss is used.
        dense_limit: largest side length of a matrix that is formed; it determines the method.
        products: largest number of products with G in a step if no matrix is formed.

    Attributes:
        method: ``dense``, ``kernel`` or ``krylov``.
        residual: norm of the part of G·direction outside the Krylov space, relative to the norm of the gradient, for the last
            direction. It is zero unless the method is ``krylov``. If no eigenvalue is cut off and G is positive definite, it is
            the relative norm of G·direction + gradient.
    """

    def __init__(
        self, objective: Differentiated, cutoff: float = CUTOFF, steps: int = 31, dense_limit: int = 2500, products: int = 150
    ) -> None:
        self._objective, self._cutoff, self._steps, self._products = objective, cutoff, steps, products
        self.method = method(objective, dense_limit)
        self.residual = math.nan

    def step(self, state: State) -> State | None:
        """The next state, with the step length as its rate. None if no trial lowers the loss or G is not finite."""
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
        """-G⁺∇L (P,); None if G is not finite."""
        spectrum = self._spectrum(state)
        return None if spectrum is None else -spectrum.combined(spectrum.kept(self._cutoff))

    def _search(self, state: State, direction: Tensor) -> State | None:
        lengths = 0.5 ** torch.arange(self._steps, dtype=direction.dtype, device=direction.device)
        losses = self._objective.loss(state.theta + lengths.unsqueeze(-1) * direction)
        best = int(torch.where(losses.isfinite(), losses, math.inf).argmin())  # the loss of a trial may not be finite
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
        if self._objective.is_squared:
            return self._of_jacobian(state.theta)
        gram = gauss_newton.gauss_newton(self._objective, state.theta)
        if not bool(gram.isfinite().all()):
            return None
        values, vectors = torch.linalg.eigh(gram)
        return _invariant(values.abs(), (state.gradient @ vectors) / values.abs(), lambda c: vectors @ c)

    def _of_jacobian(self, theta: Tensor) -> Spectrum | None:
        """Spectrum from J itself, since forming JᵀJ would halve the number of accurate digits."""
        jacobian, residual = gauss_newton.least_squares(self._objective, theta)
        if not bool(jacobian.isfinite().all()):
            return None
        left, values, right = torch.linalg.svd(jacobian, full_matrices=False)
        return _invariant(values**2, (residual @ left) / values, lambda c: c @ right)

    def _of_kernel(self, theta: Tensor) -> Spectrum | None:
        small = small_side(self._objective, theta)
        if small is None:
            return None
        values = small.values.abs()
        return _invariant(values, small.gradient / values, lambda c: small.combined(c[None])[0])

    def _of_krylov_space(self, state: State) -> Spectrum | None:
        norm = state.gradient.norm()
        if not bool(norm > 0) or not bool(norm.isfinite()):
            return None
        generator = torch.Generator().manual_seed(0)  # not used: it is for restarts after a breakdown, which ends this process
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
    """The spectral data on an invariant subspace of G."""
    return Spectrum(values, coefficients, combined, torch.zeros_like(values))
