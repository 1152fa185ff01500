"""Energy natural gradient descent (Müller & Zeinhofer 2023, ICML, "Achieving high accuracy with PINNs via energy natural gradients").

The direction is that of Newton's method in function space, projected on the tangent space of the network: -G⁺∇L with the energy Gram matrix
G; for a sum of squares it is the Gauss-Newton direction, G = 2JᵀJ. The step is the best one of a logarithmic grid, as in the paper.
"""

import math

import torch
from torch import Tensor

from pinnscape import features
from pinnscape.objective import Objective
from pinnscape.training.optimizers import State

Spectrum = tuple[Tensor, Tensor, Tensor]  # |eigenvalues|, coefficients of G⁺∇L in the eigenvectors, eigenvectors as rows

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
    """

    def __init__(self, objective: Objective, cutoff: float = CUTOFF, steps: int = 31) -> None:
        self._objective, self._cutoff, self._steps = objective, cutoff, steps

    def step(self, state: State) -> State | None:
        """The next state, its rate the step length; None where no trial lowers the loss, or G does not exist."""
        spectrum = self._spectrum(state)
        if spectrum is None:
            return None
        cutoff, best = self._cutoff, None
        while cutoff < _LARGEST_CUTOFF:
            successor = self._search(state, _along(spectrum, cutoff))
            if successor is not None and (best is None or successor.loss < best.loss):
                best = successor
            if best is not None and best.rate >= _SHORT:
                break
            cutoff *= _RAISE
        return best

    def direction(self, state: State) -> Tensor | None:
        """-G⁺∇L (P,); None where G does not exist."""
        spectrum = self._spectrum(state)
        return None if spectrum is None else _along(spectrum, self._cutoff)

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
        if self._objective.formulation != "deep-ritz":
            return self._of_jacobian(state.theta)
        gram = features.energy_gram(self._objective.discretization, state.theta)
        if not bool(gram.isfinite().all()):
            return None
        values, vectors = torch.linalg.eigh(gram)
        return values.abs(), (state.gradient @ vectors) / values.abs(), vectors.T

    def _of_jacobian(self, theta: Tensor) -> Spectrum | None:
        """Least squares with J itself: squaring it would halve the digits."""
        jacobian, residual = features.jacobian(self._objective, theta), features.residuals(self._objective, theta)
        if not bool(jacobian.isfinite().all()):
            return None
        left, values, right = torch.linalg.svd(jacobian, full_matrices=False)
        return values**2, (residual @ left) / values, right


def _along(spectrum: Spectrum, cutoff: float) -> Tensor:
    values, coefficients, rows = spectrum
    return -(torch.where(values > cutoff * values.max(), coefficients, 0.0) @ rows)
