"""Eigenpairs of the Hessian of a loss. This module alone chooses between the dense Hessian and a Lanczos process."""

from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature import dense
from pinnscape.linalg.pairs import Eigenpairs, by_lanczos, by_matrix
from pinnscape.losses.objective import Objective


def eigenpairs(
    objective: Objective,
    theta: Tensor,
    k: int,
    solver: EigensolverSettings,
    *,
    smallest: bool = True,
    seed: int = 0,
    scale: Tensor | None = None,
    matrix: Tensor | None = None,
    vectors: bool = True,
    lanczos_first: bool = False,
) -> Eigenpairs:
    """Eigenpairs of the Hessian H at theta (P,): all up to the dense limit, beyond it those at the ends of the spectrum.

    Each pair states whether it is verified.

    Args:
        objective: the loss.
        theta: (P,).
        k: number of eigenpairs at each end of the spectrum, beyond the dense limit.
        solver: dense limit, and number of steps and tolerance of the Lanczos process.
        smallest: whether to compute the smallest eigenpairs too; the largest alone often take a fraction of the steps.
        seed: seed of the start vectors of the Lanczos process.
        scale: diagonal (P,) of S, for eigenpairs of S H S instead of H.
        matrix: H, if it is already known.
        vectors: whether to compute eigenvectors up to the dense limit.
        lanczos_first: whether to try the Lanczos process first even up to the dense limit, for cases in which it needs far
            fewer than P products.

    Raises:
        DivergenceError: H is not finite, or the eigenvalue solver does not converge.
    """
    size, within = theta.numel(), theta.numel() <= solver.dense_limit
    if not within or (lanczos_first and 2 * k < size):

        def product(rows: Tensor) -> Tensor:
            products = dense.product(objective, theta, rows if scale is None else scale * rows)
            return products if scale is None else scale * products

        found = by_lanczos(product, theta, k, solver, seed, smallest)
        if found.converged or not within:
            return found
    hessian = dense.hessian(objective, theta) if matrix is None else matrix
    return by_matrix(hessian if scale is None else scale.unsqueeze(-1) * hessian * scale, vectors)
